// Load of awkward shapes: tiny requests, rows over many days, a thousand clients that are slow or stop in the middle.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { encode, GrpcClient, send, type LogsRequest } from './lib/otlp.ts'
import { now, text } from './lib/samples.ts'
import { defaultConfig, Server, type Ports } from './lib/server.ts'

const long = Number(process.env.FAULT_ROUNDS ?? 5) >= 50

const log = (run: string, times: string[]): LogsRequest => ({
  resourceLogs: [{
    resource: { attributes: [text('test.run', run)] },
    scopeLogs: [{ logRecords: times.map((timeUnixNano) => ({ timeUnixNano, body: { stringValue: 'x' } })) }],
  }],
})

const rss = (pid: number) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024

const parts = (server: Server) =>
  server.count(`SELECT count() FROM system.parts WHERE active AND table = 'otel_logs' AND database = currentDatabase()`)

describe('awkward load', () => {
  it('many requests of one row', async () => {
    await using server = await Server.start()
    using client = new GrpcClient(server.ports.grpc)
    const requests = long ? 100_000 : 10_000
    const body = encode('logs', log('tiny', [now()]))
    let left = requests
    const sender = async () => {
      while (left-- > 0) assert.equal((await client.send('logs', body)).code, 0)
    }
    await Promise.all(Array.from({ length: 64 }, sender))
    await server.flush()
    assert.equal(await server.count('SELECT count() FROM otel_logs'), requests)
    assert.ok((await parts(server)) < 50, `${await parts(server)} parts`)
  })

  it('rows over 200 days', async () => {
    const config = (ports: Ports) => defaultConfig(ports, ['retention: {logs: 0}'])
    await using server = await Server.start({ config })
    const day = 86_400_000_000_000n
    const times = Array.from({ length: 20_000 }, (_, i) => (BigInt(now()) - BigInt(i % 200) * day).toString())
    for (let i = 0; i < 10; i++) await send(server.ports, 'grpc', 'logs', log('days', times))
    await server.flush()
    assert.equal(await server.count('SELECT count() FROM otel_logs'), 200_000)
    assert.equal(await server.count('SELECT uniqExact(toDate(Timestamp)) FROM otel_logs'), 200)
    assert.ok((await parts(server)) < 200 * 5, `${await parts(server)} parts`)
  })

  it('a thousand clients that are slow, or stop in the middle', async () => {
    await using server = await Server.start()
    const { pid } = await server.status()
    const before = rss(pid)
    const head = 'POST /v1/logs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: 1000000\r\n\r\n'
    const sockets: Socket[] = []
    for (let i = 0; i < 1000; i++) {
      const socket = connect(server.ports.http, '127.0.0.1').on('error', () => undefined)
      socket.write(i % 2 ? head : head.slice(0, 20 + (i % 60)))
      if (i % 2) socket.write(Buffer.alloc(10_000, 0x0a))
      sockets.push(socket)
    }
    for (let i = 0; i < 10; i++) {
      const sent = performance.now()
      await send(server.ports, 'proto', 'logs', log('slow', [now()]))
      await send(server.ports, 'grpc', 'logs', log('slow', [now()]))
      assert.ok(performance.now() - sent < 1000, `others waited ${performance.now() - sent} ms`)
      await sleep(100)
    }
    const grown = rss(pid) - before
    sockets.forEach((socket) => socket.destroy())
    assert.ok(grown < 150, `${grown} MB for 1,000 slow clients`)
    await server.flush()
    assert.equal(await server.count(`SELECT count() FROM otel_logs WHERE ResourceAttributes['test.run'] = 'slow'`), 20)
  })

  it('large requests that stop in the middle: memory stays bounded, small ones are served', async () => {
    await using server = await Server.start()
    const { pid } = await server.status()
    const before = rss(pid)
    let refused = 0
    const head = 'POST /v1/logs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: 16000000\r\n\r\n'
    const sockets = Array.from({ length: 60 }, () => {
      const socket = connect(server.ports.http, '127.0.0.1').on('error', () => undefined)
      socket.on('data', (answer) => (refused += answer.toString().startsWith('HTTP/1.1 503') ? 1 : 0))
      socket.write(head)
      socket.write(Buffer.alloc(15_000_000, 0x0a))
      return socket
    })
    await sleep(2000)
    await send(server.ports, 'proto', 'logs', log('small', [now()]))
    const grown = rss(pid) - before
    sockets.forEach((socket) => socket.destroy())
    assert.ok(grown < 400, `${grown} MB for 900 MB of requests that were not finished`)
    assert.ok(refused > 10, `only ${refused} were refused`)
  })
})
