// Another configuration for a running server: what is in use changes, what was acknowledged stays, a wrong one is refused.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { send } from './lib/otlp.ts'
import { now } from './lib/samples.ts'
import { freePorts, Server, tripod } from './lib/server.ts'
import { Writer } from './lib/writer.ts'

const configOf = (server: Server) => join(server.dataDir, 'config.yaml')

/** Waits for a line in the server's log that was not there before. */
async function logged(server: Server, line: string, from: number): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (server.log.slice(from).includes(line)) return
    await sleep(20)
  }
  assert.fail(`"${line}" was not logged:\n${server.log.slice(from)}`)
}

describe('reload', () => {
  it('moves a listener', async () => {
    await using server = await Server.start()
    const [port] = await freePorts(1)
    const config = readFileSync(configOf(server), 'utf8')
    writeFileSync(configOf(server), config.replace(`:${server.ports.http}"`, `:${port}"`))
    const before = server.log.length
    assert.equal((await server.reload()).status, 200)
    await logged(server, 'the new configuration is in use', before)
    const answer = await fetch(`http://127.0.0.1:${port}/v1/logs`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
    assert.equal(answer.status, 200)
    await assert.rejects(fetch(`http://127.0.0.1:${server.ports.http}/v1/logs`, { method: 'POST' }))
  })

  it('refuses a wrong configuration and says what is wrong', async () => {
    await using server = await Server.start()
    const config = readFileSync(configOf(server), 'utf8')
    writeFileSync(configOf(server), config.replace('exporters: [clickhouse]', 'exporters: [clickhous]'))
    const answer = await server.reload()
    assert.equal(answer.status, 400)
    assert.match(await answer.text(), /config\.yaml:\d+:\d+: .*clickhous is not defined; did you mean clickhouse\?/)
    assert.equal((await fetch(`${server.ui}/-/ready`)).status, 200)
  })

  it('refuses what cannot be brought up, and goes on as before', async () => {
    await using server = await Server.start()
    const config = readFileSync(configOf(server), 'utf8')
    const refused = async (text: string, expected: RegExp) => {
      writeFileSync(configOf(server), text)
      const answer = await server.reload()
      assert.match(await answer.text(), expected)
      assert.equal(answer.status, 400)
      const before = server.log.length
      process.kill((await server.status()).pid, 'SIGHUP')
      await logged(server, 'the old one stays', before)
      assert.match(server.log.slice(before), expected)
      await send(server.ports, 'json', 'logs', { resourceLogs: [] })
      assert.equal((await tripod(['status', '--json', '--server', server.ui])).code, 0)
    }
    const tls = config.replace(`:${server.ports.http}"`, `:${server.ports.http}", tls: {cert_file: /nope.crt, key_file: /nope.key}`)
    await refused(tls, /receivers\.otlp\.protocols\.http\.tls: .*\/nope\.crt/)
    const checked = await tripod(['check', configOf(server)])
    assert.equal(checked.code, 1)
    assert.match(checked.stderr, /config\.yaml:\d+:\d+: .*\/nope\.crt/)
    const squatter = createServer()
    await new Promise<void>((done) => squatter.listen(0, '127.0.0.1', done))
    try {
      const { port } = squatter.address() as AddressInfo
      await refused(config.replace(`:${server.ports.http}"`, `:${port}"`), /otlp\.protocols\.http\.endpoint: cannot listen on 127\.0\.0\.1:\d+: Address already in use/)
    } finally {
      squatter.close()
    }
  })

  it('does not wait for a query, which is told so; nor does a stop', async () => {
    await using server = await Server.start()
    const slow = () =>
      fetch(`http://127.0.0.1:${server.ports.clickhouse}/`, { method: 'POST', body: 'SELECT sum(sleepEachRow(1)) FROM numbers(20) SETTINGS max_block_size = 1' })
        .then(async (response) => ({ status: response.status, text: await response.text() }))
    const running = async () => {
      while (!/^tripod_queries_running 1$/m.test(await (await fetch(`${server.ui}/metrics`)).text())) await sleep(20)
      await sleep(100)
    }
    const expectCancelled = (answer: { status: number; text: string }) => {
      assert.equal(answer.status, 503)
      assert.match(answer.text, /^Code: 394\..*the server stops, or takes up a new configuration/)
    }
    const asked = slow()
    await running()
    const before = server.log.length
    const began = Date.now()
    await server.reload()
    await logged(server, 'the new configuration is in use', before)
    assert.ok(Date.now() - began < 1000, `took ${Date.now() - began} ms`)
    expectCancelled(await asked)
    assert.match(await (await fetch(`${server.ui}/metrics`)).text(), /^tripod_queries_total\{result="cancelled"\} 1$/m)
    assert.equal((await fetch(`${server.ui}/-/ready`)).status, 200)
    const again = slow()
    await running()
    const stopping = Date.now()
    await server.stop()
    assert.ok(Date.now() - stopping < 2000, `took ${Date.now() - stopping} ms`)
    expectCancelled(await again)
  })

  it('leaves storage as it was at the start, and says so', async () => {
    await using server = await Server.start()
    const config = readFileSync(configOf(server), 'utf8')
    const takeUp = async (text: string) => {
      const before = server.log.length
      writeFileSync(configOf(server), text)
      assert.equal((await server.reload()).status, 200)
      await logged(server, 'the new configuration is in use', before)
      return server.log.slice(before)
    }
    assert.doesNotMatch(await takeUp(config), /storage changed/)
    const changed = config.replace('storage: {', 'storage: {database: other, retention: {logs: 1h}, ')
    assert.match(await takeUp(changed), /warn +storage changed: takes effect at the next start/)
    const old = { timeUnixNano: now(-7_200_000_000_000), body: { stringValue: 'two hours old' } }
    await send(server.ports, 'json', 'logs', { resourceLogs: [{ scopeLogs: [{ logRecords: [old] }] }] })
    await server.flush()
    assert.equal(await server.count(`SELECT count() FROM otel_logs WHERE Body = 'two hours old'`), 1)
  })

  it('under load: nothing acknowledged is missing or there twice', async () => {
    await using server = await Server.start()
    await using writer = new Writer(server).start()
    for (let i = 0; i < 5; i++) {
      await writer.progress(20)
      const before = server.log.length
      void fetch(`${server.ui}/-/flush`, { method: 'POST' }).catch(() => undefined)
      assert.equal((await server.reload()).status, 200)
      await logged(server, 'the new configuration is in use', before)
    }
    await writer.progress(20)
    await writer.stop()
    await writer.verify()
  })
})
