// Bad input gets the status that the OTLP specification names, with a message; what is good beside it is stored.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { status } from '@grpc/grpc-js'
import { encode, GrpcClient, postHttp, type LogsRequest, type Value } from './lib/otlp.ts'
import { now, text } from './lib/samples.ts'
import { defaultConfig, Server } from './lib/server.ts'

const protobuf = 'application/x-protobuf'

const oneLog = (run: string, body: Value = { stringValue: 'good' }): LogsRequest => ({
  resourceLogs: [{ resource: { attributes: [text('test.run', run)] }, scopeLogs: [{ logRecords: [{ timeUnixNano: now(), body }] }] }],
})

function nested(depth: number): Value {
  let value: Value = { intValue: '1' }
  for (let i = 0; i < depth; i++) value = { arrayValue: { values: [value] } }
  return value
}

describe('bad OTLP', () => {
  let server: Server
  before(async () => { server = await Server.start() })
  after(() => server?.close())

  const stored = (run: string) => server.count(`SELECT count() FROM otel_logs WHERE ResourceAttributes['test.run'] = '${run}'`)

  async function refused(answer: { code: number; message: string }, code: number): Promise<void> {
    assert.equal(answer.code, code, answer.message)
    assert.notEqual(answer.message, '')
    assert.equal((await fetch(`${server.ui}/-/healthy`)).status, 200)
  }

  it('malformed protobuf', async () => {
    const broken = encode('logs', oneLog('malformed')).subarray(0, -3)
    await refused(await postHttp(server.ports.http, 'logs', broken, protobuf), 400)
    using client = new GrpcClient(server.ports.grpc)
    await refused(await client.send('logs', broken), status.INVALID_ARGUMENT)
  })

  it('malformed JSON', async () => {
    for (const body of ['{', '[]', '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"x"}]}]}]}', '{} {}', '']) {
      await refused(await postHttp(server.ports.http, 'logs', body, 'application/json'), 400)
    }
  })

  it('a gzip stream that ends early, or is none', async () => {
    const headers = { 'content-encoding': 'gzip' }
    const whole = gzipSync(encode('logs', oneLog('truncated')))
    await refused(await postHttp(server.ports.http, 'logs', whole.subarray(0, -6), protobuf, headers), 400)
    await refused(await postHttp(server.ports.http, 'logs', encode('logs', oneLog('truncated')), protobuf, headers), 400)
    await server.flush()
    assert.equal(await stored('truncated'), 0)
  })

  it('a body that is small compressed and huge otherwise', async () => {
    const bomb = gzipSync(Buffer.alloc(256 << 20), { level: 9 })
    await refused(await postHttp(server.ports.http, 'logs', bomb, protobuf, { 'content-encoding': 'gzip' }), 413)
  })

  it('an unknown content type, an unknown coding', async () => {
    await refused(await postHttp(server.ports.http, 'logs', encode('logs', oneLog('type')), 'text/plain'), 415)
    const headers = { 'content-encoding': 'br' }
    await refused(await postHttp(server.ports.http, 'logs', encode('logs', oneLog('type')), protobuf, headers), 415)
  })

  it('another method, another path', async () => {
    const base = `http://127.0.0.1:${server.ports.http}`
    assert.equal((await fetch(`${base}/v1/logs`)).status, 405)
    assert.equal((await fetch(`${base}/v1/nothing`, { method: 'POST', body: 'x' })).status, 404)
  })

  it('invalid UTF-8 in one record of two: the other is stored, and why is said', async () => {
    const request = oneLog('utf8', { stringValue: 'AAAA' })
    request.resourceLogs[0]!.scopeLogs[0]!.logRecords.push({ timeUnixNano: now(), body: { stringValue: 'good' } })
    const bytes = encode('logs', request)
    bytes[bytes.indexOf('AAAA')] = 0xff
    const overHttp = await postHttp(server.ports.http, 'logs', bytes, protobuf)
    assert.equal(overHttp.code, 200)
    assert.equal(overHttp.partial?.rejected, 1)
    assert.match(overHttp.partial!.message, /UTF-8/)
    using client = new GrpcClient(server.ports.grpc)
    assert.equal((await client.send('logs', bytes)).partial?.rejected, 1)
    await server.flush()
    assert.equal(await stored('utf8'), 2)
  })

  it('a value nested 10,000 deep', async () => {
    // Encoded by hand: the encoder would recurse. Each level wraps the one before as AnyValue{arrayValue{values}}.
    const varint = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >>> 7)])
    const field = (number: number, inner: Buffer) => Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(inner.length)]), inner])
    let value = Buffer.from([0x18, 1])
    for (let i = 0; i < 10_000; i++) value = field(5, field(1, value))
    const bytes = field(1, field(2, field(2, field(5, value))))
    const answer = await postHttp(server.ports.http, 'logs', bytes, protobuf)
    assert.ok(answer.code === 400 || answer.partial?.rejected === 1, JSON.stringify(answer))
    const json = `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":${'{"arrayValue":{"values":['.repeat(10_000)}${']}}'.repeat(10_000)}}]}]}]}`
    JSON.parse(json)
    const overJson = await postHttp(server.ports.http, 'logs', json, 'application/json')
    await refused(overJson, 400)
    assert.match(overJson.message, /nested deeper than \d+/)
  })

  it('a value nested deep, but not too deep', async () => {
    const answer = await postHttp(server.ports.http, 'logs', encode('logs', oneLog('deep', nested(40))), protobuf)
    assert.deepEqual(answer, { code: 200, message: '', partial: undefined })
    await server.flush()
    assert.equal(await stored('deep'), 1)
  })

  it('absurd times', async () => {
    const request = oneLog('times')
    const records = request.resourceLogs[0]!.scopeLogs[0]!.logRecords
    records.push({ timeUnixNano: '18446744073709551615' }, { timeUnixNano: '1' })
    const answer = await postHttp(server.ports.http, 'logs', encode('logs', request), protobuf)
    assert.equal(answer.partial?.rejected, 2)
    await server.flush()
    assert.equal(await stored('times'), 1)
  })

  it('times in the far future: rejected alone, up to a week they are stored', async () => {
    const day = 86_400_000_000_000n
    const request = oneLog('future')
    const records = request.resourceLogs[0]!.scopeLogs[0]!.logRecords
    for (const days of [6n, 8n, 10_000n]) records.push({ timeUnixNano: (BigInt(now()) + days * day).toString() })
    const answer = await postHttp(server.ports.http, 'logs', encode('logs', request), protobuf)
    assert.equal(answer.partial?.rejected, 2)
    assert.match(answer.partial!.message, /log record 2: time is too far in the future/)
    await server.flush()
    assert.equal(await stored('future'), 2)
  })

  it('a record for each of 19,000 days, without retention: the first 1,000 days are stored', async () => {
    await using unlimited = await Server.start({ config: (ports) => defaultConfig(ports, ['retention: {logs: 0}']) })
    const request = oneLog('days')
    const day = 86_400_000_000_000n
    const logRecords = Array.from({ length: 19_000 }, (_, i) => ({ timeUnixNano: (1n + BigInt(i) * day).toString() }))
    request.resourceLogs[0]!.scopeLogs[0]!.logRecords = logRecords
    const answer = await postHttp(unlimited.ports.http, 'logs', encode('logs', request), protobuf)
    assert.equal(answer.partial?.rejected, 18_000)
    assert.match(answer.partial!.message, /log record 1000: time makes too many distinct days/)
    await unlimited.flush()
    assert.equal(await unlimited.count('SELECT uniqExact(toDate(Timestamp)) FROM otel_logs'), 1000)
    assert.equal(await unlimited.count('SELECT count() FROM otel_logs'), 1000)
  })

  it('a body over the limit', async () => {
    const large = oneLog('large', { stringValue: 'x'.repeat(70 << 20) })
    await refused(await postHttp(server.ports.http, 'logs', encode('logs', large), protobuf), 413)
  })

  it('profiles: not implemented', async () => {
    assert.equal((await fetch(`http://127.0.0.1:${server.ports.http}/v1development/profiles`, { method: 'POST', body: 'x' })).status, 404)
  })

  it('bytes that are no HTTP at all, on every port', async () => {
    for (const port of Object.values(server.ports)) {
      await new Promise<void>((done) => {
        const socket = connect(port, '127.0.0.1', () => socket.end(Buffer.alloc(4096, 0xfe)))
        socket.on('error', () => undefined).on('close', () => done()).resume()
      })
    }
    assert.equal((await fetch(`${server.ui}/-/healthy`)).status, 200)
  })
})
