// tripod send: everything it says it sent arrives, over each protocol, and can be decoded by others.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { GrpcReceiver, HttpReceiver, type Received } from './lib/receiver.ts'
import { decodeRequest } from './lib/otlp.ts'
import { tripod } from './lib/server.ts'

interface Span { traceId: string; spanId: string; parentSpanId?: string; startTimeUnixNano: string; status?: { code?: number } }
interface Log { traceId?: string; timeUnixNano: string }

/** Every object that is in an array under one of these names. */
function all<T>(value: unknown, name: string): T[] {
  if (Array.isArray(value)) return value.flatMap((inner) => all<T>(inner, name))
  if (value === null || typeof value !== 'object') return []
  return Object.entries(value).flatMap(([key, inner]) => (key === name ? (inner as T[]) : all<T>(inner, name)))
}

const records = ({ signal, bytes }: Received, json = false): unknown[] =>
  all(json ? JSON.parse(bytes.toString()) : decodeRequest(signal, bytes), { logs: 'logRecords', traces: 'spans', metrics: 'dataPoints' }[signal])

describe('tripod send', () => {
  it('sends as many records as it is told, over gRPC', async () => {
    await using peer = await new GrpcReceiver().start()
    const { code, stdout, stderr } = await tripod(['send', '--endpoint', `http://127.0.0.1:${peer.port}`, '--count', '900', '--batch', '50', '--connections', '2', '--headers', 'x-team=blue'])
    assert.equal(code, 0, stderr)
    assert.match(stdout, /sent +900 records in 18 requests/)
    assert.equal(peer.received.flatMap((request) => records(request)).length, 900)
    assert.deepEqual([...new Set(peer.received.map((request) => request.signal))].sort(), ['logs', 'metrics', 'traces'])
    assert.ok(peer.received.every((request) => request.headers['x-team'] === 'blue'))
  })

  for (const protocol of ['http/protobuf', 'http/json']) {
    it(`sends over ${protocol}`, async () => {
      await using peer = await new HttpReceiver().start()
      const { code, stderr } = await tripod(['send', '--endpoint', `http://127.0.0.1:${peer.port}`, '--protocol', protocol, '--signal', 'logs', '--count', '300'])
      assert.equal(code, 0, stderr)
      assert.equal(peer.received.flatMap((request) => records(request, protocol === 'http/json')).length, 300)
      assert.ok(peer.received.every((request) => request.path === '/v1/logs'))
    })
  }

  it('sends at the rate it is told', async () => {
    await using peer = await new GrpcReceiver().start()
    const began = Date.now()
    await tripod(['send', '--endpoint', `http://127.0.0.1:${peer.port}`, '--signal', 'traces', '--count', '1000', '--batch', '100', '--rate', '1000'])
    assert.ok(Date.now() - began >= 850, `${Date.now() - began} ms`)
  })

  it('says what a receiver refuses', async () => {
    await using peer = await new GrpcReceiver().start()
    peer.reply = () => ({ code: 16, message: 'who are you' })
    const { code, stdout } = await tripod(['send', '--endpoint', `http://127.0.0.1:${peer.port}`, '--count', '10', '--batch', '10', '--signal', 'logs'])
    assert.equal(code, 1)
    assert.match(stdout, /1 requests refused[^]*who are you/)
  })

  it('plays a shop whose traces are whole and whose logs belong to them', async () => {
    await using peer = await new GrpcReceiver().start()
    const { code, stderr } = await tripod(['send', '--demo', '--history', '10m', '--duration', '1s', '--endpoint', `http://127.0.0.1:${peer.port}`])
    assert.equal(code, 0, stderr)
    const of = (signal: string): Received[] => peer.received.filter((request) => request.signal === signal)
    const spans = of('traces').flatMap((request) => records(request) as Span[])
    const logs = of('logs').flatMap((request) => records(request) as Log[])
    const ids = new Set(spans.map((span) => `${span.traceId} ${span.spanId}`))
    const traces = new Set(spans.map((span) => span.traceId))
    assert.equal(ids.size, spans.length)
    assert.deepEqual(spans.filter((span) => span.parentSpanId && !ids.has(`${span.traceId} ${span.parentSpanId}`)), [])
    assert.deepEqual(logs.filter((log) => !traces.has(log.traceId!)), [])
    assert.ok(spans.some((span) => span.status?.code === 2), 'nothing went wrong')
    const services = new Set(spans.length ? of('traces').flatMap((request) => [...request.bytes.toString('latin1').matchAll(/service\.name\x12[^]\x0a[^]([a-z]+)/g)].map((m) => m[1])) : [])
    assert.equal(services.size, 9)
    assert.ok(of('metrics').flatMap((request) => records(request)).length > 1000)
  })
})
