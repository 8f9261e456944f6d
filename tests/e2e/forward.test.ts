// An agent forwards what it receives: as it came, to whom it is told, whatever happens to it and to its peers meanwhile.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { status } from '@grpc/grpc-js'
import { encode, GrpcClient, postHttp, send, type LogsRequest } from './lib/otlp.ts'
import { readLogs, readSpans } from './lib/read_back.ts'
import { flatLogs, flatSpans, inOrder } from './lib/records.ts'
import { GrpcReceiver, HttpReceiver } from './lib/receiver.ts'
import { now, severalLogs, severalSpans, text } from './lib/samples.ts'
import { defaultConfig, Server, type Ports } from './lib/server.ts'

const agentConfig = (ports: Ports, exporters: string, names: string): string => `
receivers:
  otlp:
    protocols:
      grpc: {endpoint: "127.0.0.1:${ports.grpc}"}
      http: {endpoint: "127.0.0.1:${ports.http}"}
exporters:
${exporters}
service:
  pipelines:
    logs: {receivers: [otlp], exporters: [${names}]}
    traces: {receivers: [otlp], exporters: [${names}]}
    metrics: {receivers: [otlp], exporters: [${names}]}
ui: {endpoint: "127.0.0.1:${ports.ui}"}
`

const startAgent = (exporters: string, names: string): Promise<Server> =>
  Server.start({ role: 'agent', config: (ports) => agentConfig(ports, exporters, names) })

const grpcExporter = (port: number, more = ''): string =>
  `  otlp: {endpoint: "127.0.0.1:${port}", tls: {insecure: true}, retry_on_failure: {initial_interval: 50ms, max_interval: 200ms, max_elapsed_time: 0}${more}}`

const logs = (first: number, count: number): LogsRequest => ({
  resourceLogs: [{
    resource: { attributes: [text('service.name', 'forward')] },
    scopeLogs: [{ logRecords: Array.from({ length: count }, (_, i) => ({ timeUnixNano: now(i), body: { stringValue: `record ${first + i} ${'x'.repeat(200)}` } })) }],
  }],
})

/** One metric of each kind, with what a store of Prometheus series would refuse or change. */
const everyMetric = {
  resourceMetrics: [{
    resource: { attributes: [text('service.name', 'forward')] },
    scopeMetrics: [{
      metrics: [
        { name: 'a.gauge', gauge: { dataPoints: [{ timeUnixNano: now(), asDouble: 0.1, attributes: [text('k', 'v')] }, { timeUnixNano: now(), asInt: '-3' }] } },
        { name: '', sum: { dataPoints: [{ timeUnixNano: now(), asInt: '7' }] } },
        { name: 'a.histogram', histogram: { aggregationTemporality: 1, dataPoints: [{ timeUnixNano: now(), count: '3', bucketCounts: ['1', '2'], explicitBounds: [5] }] } },
        { name: 'exponential', exponentialHistogram: { aggregationTemporality: 2, dataPoints: [{ timeUnixNano: now(), count: '1', scale: 3, positive: { offset: -2, bucketCounts: ['1'] } }] } },
        { name: 'a.summary', summary: { dataPoints: [{ timeUnixNano: now(), count: '1', quantileValues: [{ quantile: 0.5, value: 2 }] }] } },
      ],
    }],
  }],
}

const numbersIn = (bytes: Buffer): number[] => [...bytes.toString('latin1').matchAll(/record (\d+) /g)].map((m) => Number(m[1]))

interface ExporterLedger { exporter: string; signal: string; accepted: number; delivered: number; queued: number; filtered: number; quarantined: number; peer_rejected: number }

async function ledger(agent: Server, signal = 'logs'): Promise<ExporterLedger> {
  const all = ((await agent.status()) as unknown as { exporters: ExporterLedger[] }).exporters
  const found = all.find((entry) => entry.signal === signal)
  assert.ok(found, JSON.stringify(all))
  assert.equal(found.accepted, found.delivered + found.queued + found.filtered + found.quarantined)
  return found
}

async function until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `not within ${timeoutMs} ms: ${what}`)
    await sleep(20)
  }
}

describe('forwarding over gRPC', () => {
  for (const compression of ['none', 'gzip']) {
    it(`gives a peer the bytes that came, compression ${compression}`, async () => {
      await using peer = await new GrpcReceiver().start()
      await using agent = await startAgent(grpcExporter(peer.port, `, compression: ${compression}, headers: {X-Team: blue}`), 'otlp')
      const sent = { logs: encode('logs', severalLogs('forward')), traces: encode('traces', severalSpans('forward')), metrics: encode('metrics', everyMetric) }
      using client = new GrpcClient(agent.ports.grpc)
      for (const signal of ['logs', 'traces', 'metrics'] as const) assert.equal((await client.send(signal, sent[signal])).code, 0)
      await agent.flush()
      for (const signal of ['logs', 'traces', 'metrics'] as const) {
        const got = peer.received.filter((request) => request.signal === signal)
        assert.deepEqual(Buffer.concat(got.map((request) => request.bytes)), sent[signal])
        assert.equal(got[0]!.headers['x-team'], 'blue')
      }
      const { delivered, queued } = await ledger(agent)
      assert.ok(delivered > 0)
      assert.equal(queued, 0)
      assert.equal((await ledger(agent, 'metrics')).delivered, 6)
    })
  }

  it('to a server, from which everything is read back', async () => {
    await using server = await Server.start()
    await using agent = await startAgent(grpcExporter(server.ports.grpc), 'otlp')
    const sentLogs = severalLogs('agent'), sentSpans = severalSpans('agent')
    await send(agent.ports, 'grpc', 'logs', sentLogs, 'gzip')
    await send(agent.ports, 'proto', 'traces', sentSpans, 'none')
    await agent.flush()
    await server.flush()
    const where = `ResourceAttributes['test.run'] = 'agent'`
    assert.deepEqual(inOrder(await readLogs(server, where)), inOrder(flatLogs(sentLogs)))
    assert.deepEqual(inOrder(await readSpans(server, where)), inOrder(flatSpans(sentSpans)))
  })

  it('waits as long as the peer asks for, and tries again', async () => {
    await using peer = await new GrpcReceiver().start()
    const times: number[] = []
    peer.reply = () => (times.push(Date.now()) < 2 ? { code: status.UNAVAILABLE, message: 'busy', retryAfterMs: 1200 } : {})
    await using agent = await startAgent(grpcExporter(peer.port), 'otlp')
    const bytes = encode('logs', logs(0, 3))
    using client = new GrpcClient(agent.ports.grpc)
    await client.send('logs', bytes)
    await until('delivered', () => peer.received.length === 1)
    assert.deepEqual(peer.received[0]!.bytes, bytes)
    assert.ok(times[1]! - times[0]! >= 1200, `${times[1]! - times[0]!} ms`)
  })

  it('loses nothing when the peer is away and it is killed meanwhile', async () => {
    await using peer = await new GrpcReceiver().start()
    await using agent = await startAgent(grpcExporter(peer.port), 'otlp')
    let next = 0
    const acknowledged = new Set<number>()
    const sendSome = async (requests: number): Promise<void> => {
      using client = new GrpcClient(agent.ports.grpc)
      for (let i = 0; i < requests; i++) {
        const first = next
        next += 10
        if ((await client.send('logs', encode('logs', logs(first, 10)))).code === 0) for (let n = first; n < first + 10; n++) acknowledged.add(n)
      }
    }
    await sendSome(20)
    await peer.stop()
    await sendSome(20)
    await agent.killItself()
    await agent.launch()
    await sendSome(20)
    await agent.killItself()
    await peer.start()
    await agent.launch()
    await sendSome(5)
    await agent.flush()
    const got = new Set(peer.received.flatMap((request) => numbersIn(request.bytes)))
    const missing = [...acknowledged].filter((n) => !got.has(n))
    assert.equal(acknowledged.size, 650)
    assert.deepEqual(missing, [])
    assert.equal((await ledger(agent)).queued, 0)
  })

  it('puts what is refused for good into the quarantine, and that alone', async () => {
    await using peer = await new GrpcReceiver().start()
    let away = true
    peer.reply = ({ bytes }) => (away ? { code: status.UNAVAILABLE, message: 'away' } : numbersIn(bytes).includes(17) ? { code: status.INVALID_ARGUMENT, message: 'I do not like 17' } : {})
    await using agent = await startAgent(grpcExporter(peer.port, ', sending_queue: {num_consumers: 1}'), 'otlp')
    using client = new GrpcClient(agent.ports.grpc)
    for (let i = 0; i < 40; i++) assert.equal((await client.send('logs', encode('logs', logs(i, 1)))).code, 0)
    away = false
    await agent.flush()
    const got = peer.received.flatMap((request) => numbersIn(request.bytes)).sort((a, b) => a - b)
    assert.deepEqual(got, Array.from({ length: 40 }, (_, i) => i).filter((n) => n !== 17))
    const { quarantined, delivered } = await ledger(agent)
    assert.deepEqual({ quarantined, delivered }, { quarantined: 1, delivered: 39 })
    const list = await (await fetch(`${agent.ui}/-/quarantine`)).text()
    assert.match(list, /I do not like 17/)
  })

  it('gives up after max_elapsed_time, into the quarantine', async () => {
    await using agent = await startAgent('  otlp: {endpoint: "127.0.0.1:1", tls: {insecure: true}, retry_on_failure: {initial_interval: 50ms, max_interval: 100ms, max_elapsed_time: 300ms}}', 'otlp')
    using client = new GrpcClient(agent.ports.grpc)
    await client.send('logs', encode('logs', logs(0, 7)))
    await until('in the quarantine', async () => (await ledger(agent)).quarantined === 7)
    assert.match(await (await fetch(`${agent.ui}/-/quarantine`)).text(), /max_elapsed_time/)
  })

  it('to several peers, of which one is down', async () => {
    await using peer = await new GrpcReceiver().start()
    const exporters = `${grpcExporter(peer.port)}\n  otlp/down: {endpoint: "127.0.0.1:1", tls: {insecure: true}, retry_on_failure: {max_elapsed_time: 0}}`
    await using agent = await startAgent(exporters, 'otlp, otlp/down')
    using client = new GrpcClient(agent.ports.grpc)
    for (let i = 0; i < 30; i++) await client.send('logs', encode('logs', logs(i, 1)))
    await until('all delivered', () => new Set(peer.received.flatMap((request) => numbersIn(request.bytes))).size === 30)
  })
})

const httpExporter = (port: number, more = ''): string =>
  `  otlphttp: {endpoint: "http://127.0.0.1:${port}/base/", retry_on_failure: {initial_interval: 50ms, max_interval: 200ms, max_elapsed_time: 0}${more}}`

describe('forwarding over HTTP', () => {
  for (const compression of ['none', 'gzip', 'zstd']) {
    it(`gives a peer the bytes that came, compression ${compression}`, async () => {
      await using peer = await new HttpReceiver().start()
      await using agent = await startAgent(httpExporter(peer.port, `, compression: ${compression}, headers: {X-Team: blue}, traces_endpoint: "http://127.0.0.1:${peer.port}/elsewhere/traces"`), 'otlphttp')
      const sent = { logs: encode('logs', severalLogs('forward')), traces: encode('traces', severalSpans('forward')) }
      for (const signal of ['logs', 'traces'] as const) assert.equal((await postHttp(agent.ports.http, signal, sent[signal], 'application/x-protobuf')).code, 200)
      await agent.flush()
      for (const [signal, path] of [['logs', '/base/v1/logs'], ['traces', '/elsewhere/traces']] as const) {
        const [got, ...more] = peer.received.filter((request) => request.signal === signal)
        assert.deepEqual(got!.bytes, sent[signal])
        assert.deepEqual([got!.path, got!.headers['x-team'], got!.headers['content-type'], more.length], [path, 'blue', 'application/x-protobuf', 0])
        assert.equal(got!.headers['content-encoding'], compression === 'none' ? undefined : compression)
      }
    })
  }

  it('passes a request on as it was compressed', async () => {
    await using peer = await new HttpReceiver().start()
    await using agent = await startAgent(httpExporter(peer.port), 'otlphttp')
    const body = gzipSync(encode('logs', logs(0, 50)), { level: 1 })
    await postHttp(agent.ports.http, 'logs', body, 'application/x-protobuf', { 'content-encoding': 'gzip' })
    await agent.flush()
    assert.deepEqual(peer.received[0]!.wire, body)
  })

  it('as JSON', async () => {
    await using peer = await new HttpReceiver().start()
    await using agent = await startAgent(httpExporter(peer.port, ', encoding: json'), 'otlphttp')
    const sent = logs(0, 3)
    await send(agent.ports, 'grpc', 'logs', sent)
    await agent.flush()
    assert.equal(peer.received[0]!.headers['content-type'], 'application/json')
    assert.deepEqual(JSON.parse(peer.received[0]!.bytes.toString()), sent)
  })

  it('to a server, from which everything is read back', async () => {
    await using server = await Server.start()
    await using agent = await startAgent(httpExporter(server.ports.http).replace('/base/', ''), 'otlphttp')
    const sent = severalSpans('agent')
    await send(agent.ports, 'json', 'traces', JSON.parse(JSON.stringify(sent)), 'gzip')
    await agent.flush()
    await server.flush()
    assert.deepEqual(inOrder(await readSpans(server, `ResourceAttributes['test.run'] = 'agent'`)), inOrder(flatSpans(JSON.parse(JSON.stringify(sent)))))
  })

  it('waits for Retry-After, and tries again', async () => {
    await using peer = await new HttpReceiver().start()
    const times: number[] = []
    peer.reply = () => (times.push(Date.now()) < 2 ? { status: 503, headers: { 'retry-after': '1' }, body: 'later' } : {})
    await using agent = await startAgent(httpExporter(peer.port), 'otlphttp')
    await postHttp(agent.ports.http, 'logs', encode('logs', logs(0, 3)), 'application/x-protobuf')
    await until('delivered', () => peer.received.length === 1)
    assert.ok(times[1]! - times[0]! >= 1000, `${times[1]! - times[0]!} ms`)
  })

  it('halves what is too large for the peer, and keeps what it refuses', async () => {
    await using peer = await new HttpReceiver().start()
    let away = true
    peer.reply = ({ bytes }) => (away ? { status: 503 } : numbersIn(bytes).includes(3) ? { status: 400, body: 'no 3' } : numbersIn(bytes).length > 4 ? { status: 413 } : {})
    await using agent = await startAgent(httpExporter(peer.port, ', sending_queue: {num_consumers: 1}'), 'otlphttp')
    for (let i = 0; i < 30; i++) await postHttp(agent.ports.http, 'logs', encode('logs', logs(i, 1)), 'application/x-protobuf')
    away = false
    await agent.flush()
    const got = peer.received.flatMap((request) => numbersIn(request.bytes)).sort((a, b) => a - b)
    assert.deepEqual(got, Array.from({ length: 30 }, (_, i) => i).filter((n) => n !== 3))
    assert.match(await (await fetch(`${agent.ui}/-/quarantine`)).text(), /HTTP 400: no 3/)
    assert.equal((await ledger(agent)).quarantined, 1)
  })

  it('says what the peer has left out', async () => {
    await using peer = await new HttpReceiver().start()
    peer.reply = () => ({ headers: { 'content-type': 'application/json' }, body: '{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"too old"}}' })
    await using agent = await startAgent(httpExporter(peer.port), 'otlphttp')
    await postHttp(agent.ports.http, 'logs', encode('logs', logs(0, 3)), 'application/x-protobuf')
    await agent.flush()
    await until('in the log', () => /records=2 .*too old/.test(agent.log))
    assert.equal((await ledger(agent)).peer_rejected, 2)
  })
})

describe('TLS with an authority of one\'s own', () => {
  const dir = mkdtempSync(join(tmpdir(), 'tripod-tls-'))
  const file = (name: string): string => join(dir, name)
  const openssl = (...args: string[]): void => { execFileSync('openssl', args, { stdio: 'pipe' }) }
  before(() => {
    for (const ca of ['ca', 'other']) openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file(`${ca}.key`), '-out', file(`${ca}.pem`), '-subj', `/CN=${ca}`, '-days', '2')
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('server.key'), '-out', file('server.csr'), '-subj', '/CN=localhost')
    writeFileSync(file('san'), 'subjectAltName=DNS:localhost,IP:127.0.0.1')
    openssl('x509', '-req', '-in', file('server.csr'), '-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-out', file('server.pem'), '-days', '2', '-extfile', file('san'))
  })
  after(() => rmSync(dir, { recursive: true }))

  const tlsServer = (ports: Ports): string =>
    defaultConfig(ports).replaceAll('endpoint: "127.0.0.1', `tls: {cert_file: "${file('server.pem')}", key_file: "${file('server.key')}"}, endpoint: "127.0.0.1`)
      .replace(/^(ui|query): \{tls: \{.*?\}, /gm, '$1: {')

  for (const kind of ['otlp', 'otlphttp']) {
    it(`${kind}: delivers to whom it trusts only`, async () => {
      await using server = await Server.start({ config: tlsServer })
      const to = kind === 'otlp' ? `"127.0.0.1:${server.ports.grpc}"` : `"https://127.0.0.1:${server.ports.http}"`
      const exporter = (name: string, ca: string): string =>
        `  ${kind}/${name}: {endpoint: ${to}, tls: {ca_file: "${file(ca)}"}, retry_on_failure: {initial_interval: 50ms, max_interval: 100ms, max_elapsed_time: 0}}`
      await using agent = await startAgent(`${exporter('good', 'ca.pem')}\n${exporter('bad', 'other.pem')}`, `${kind}/good, ${kind}/bad`)
      await postHttp(agent.ports.http, 'logs', encode('logs', logs(0, 3)), 'application/x-protobuf')
      await until('delivered', async () => {
        await server.flush()
        return (await server.count(`SELECT count() FROM otel_logs WHERE ServiceName = 'forward'`)) === 3
      })
      await until('a complaint', () => new RegExp(`${kind}/bad.*certificate`).test(agent.log))
    })
  }
})

describe('the debug exporter', () => {
  it('shows what passes', async () => {
    await using agent = await startAgent('  debug: {verbosity: normal}\n  debug/all: {verbosity: detailed}', 'debug, debug/all')
    await postHttp(agent.ports.http, 'logs', encode('logs', logs(7, 2)), 'application/x-protobuf')
    await agent.flush()
    await until('shown', () => /^log \d+ "record 8 x+"$/m.test(agent.log))
    assert.match(agent.log, /resource service.name=forward/)
    assert.match(agent.log, /"stringValue": "record 7 x+"/)
    assert.equal((await ledger(agent)).delivered, 2)
  })
})
