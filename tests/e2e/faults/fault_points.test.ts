// The server dies at each named point between two steps of append, cut, insert and truncate: nothing acknowledged is missing,
// nothing is there twice. The points are FAULT_POINT("…") in the sources.
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { assertOnlyBadRowMissing, refuseBadRows, sendWithBadRow } from '../lib/refusal.ts'
import { defaultConfig, Server, type Ports } from '../lib/server.ts'
import { Writer } from '../lib/writer.ts'

const rounds = Number(process.env.FAULT_ROUNDS ?? 5)
const points = new Set(
  globSync('src/**/*.c').flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/FAULT_POINT\("([^"]+)"\)/g)].map((match) => match[1]!)))

// Here the store must refuse a block first.
const needsRefusal = /^split\./
// Here something must be forwarded: to a peer, which may then have a request twice, but must have each.
const needsPeer = /^forward\./

const forwardTo = (peer: Server) => (ports: Ports): string =>
  defaultConfig(ports)
    .replace('clickhouse: {}', `clickhouse: {}\n  otlp: {endpoint: "127.0.0.1:${peer.ports.grpc}", tls: {insecure: true}}`)
    .replace('logs: {receivers: [otlp], exporters: [clickhouse]}', 'logs: {receivers: [otlp], exporters: [clickhouse, otlp]}')

/** True when the server died at the point; false when it did not come by so often. */
async function dieAt(server: Server, point: string, times: number): Promise<boolean> {
  server.setEnv({ TRIPOD_FAULT: `${point}:${times}` })
  server.spawn()
  await using writer = new Writer(server).start()
  if (needsRefusal.test(point)) {
    await server.ready()
    await refuseBadRows(server)
    await sendWithBadRow(server, 1000)
  }
  const died = await Promise.race([server.exited().then(() => true), sleep(5000, false)])
  await writer.stop()
  if (!died) await server.killItself()
  server.setEnv({})
  await server.launch()
  writer.start()
  await writer.progress(10)
  await writer.stop()
  await writer.verify()
  if (needsRefusal.test(point)) await assertOnlyBadRowMissing(server, 1000)
  return died
}

async function dieWhileForwarding(point: string, times: number): Promise<boolean> {
  await using peer = await Server.start()
  await using server = await Server.prepare({ config: forwardTo(peer) })
  const died = await dieAt(server, point, times)
  await peer.flush()
  const requests = "uniqExact(LogAttributes['request'], LogAttributes['row']) FROM otel_logs WHERE ServiceName = 'writer'"
  assert.equal(await peer.count(`SELECT ${requests}`), await server.count(`SELECT ${requests}`))
  return died
}

async function dieAlone(point: string, times: number): Promise<boolean> {
  await using server = await Server.prepare()
  return await dieAt(server, point, times)
}

describe(`named fault points, ${rounds} rounds`, () => {
  assert.ok(points.size > 0)
  for (const point of points) {
    it(point, async () => {
      let died = 0
      for (let round = 0; round < rounds; round++) {
        const times = round === 0 || needsRefusal.test(point) ? 1 : 1 + Math.floor(Math.random() * 20)
        if (await (needsPeer.test(point) ? dieWhileForwarding : dieAlone)(point, times)) died++
      }
      assert.ok(died > 0, 'the server never came by this point')
    })
  }
})
