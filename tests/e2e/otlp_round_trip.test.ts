// What is sent by hand over each transport is read back through SQL, field by field, types of values included.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { send, type Compression, type Transport } from './lib/otlp.ts'
import { readLogs, readSpans } from './lib/read_back.ts'
import { flatLogs, flatSpans, inOrder } from './lib/records.ts'
import { severalLogs, severalSpans } from './lib/samples.ts'
import { Server } from './lib/server.ts'

const ways: [Transport, Compression][] = [
  ['grpc', 'none'], ['grpc', 'gzip'],
  ['proto', 'none'], ['proto', 'gzip'], ['proto', 'zstd'],
  ['json', 'none'], ['json', 'gzip'],
]

/** JSON has no -0. */
const asSent = <T>(transport: Transport, request: T): T =>
  transport === 'json' ? (JSON.parse(JSON.stringify(request)) as T) : request

describe('OTLP by hand', () => {
  let server: Server
  before(async () => { server = await Server.start() })
  after(() => server?.close())

  for (const [transport, compression] of ways) {
    const run = `${transport} ${compression}`
    const where = `ResourceAttributes['test.run'] = '${run}'`

    it(`logs over ${transport}, compression ${compression}`, async () => {
      const request = asSent(transport, severalLogs(run))
      await send(server.ports, transport, 'logs', request, compression)
      await server.flush()
      assert.deepEqual(inOrder(await readLogs(server, where)), inOrder(flatLogs(request)))
    })

    it(`spans over ${transport}, compression ${compression}`, async () => {
      const request = asSent(transport, severalSpans(run))
      await send(server.ports, transport, 'traces', request, compression)
      await server.flush()
      assert.deepEqual(inOrder(await readSpans(server, where)), inOrder(flatSpans(request)))
    })
  }

  it('gives the time of arrival to a record that was sent without one', async () => {
    const where = `TimestampSource = 'received' AND ResourceAttributes['test.run'] = 'grpc none'`
    assert.ok((await server.count(`SELECT count() FROM otel_logs WHERE ${where}`)) > 0)
    const age = await server.count(`SELECT max(abs(dateDiff('second', Timestamp, now64()))) FROM otel_logs WHERE ${where}`)
    assert.ok(age < 60, `${age} s`)
  })

  it('finds a trace without knowing when it happened', async () => {
    const [trace] = await server.sql<{ id: string; spans: string }>(
      `SELECT TraceId AS id, toString(count()) AS spans FROM otel_traces GROUP BY id ORDER BY count() DESC LIMIT 1`)
    assert.equal(trace?.spans, '12')
    const found = await server.count(`
      WITH (SELECT (min(Start), max(End)) FROM otel_traces_trace_id_ts WHERE TraceId = '${trace.id}') AS range
      SELECT count() FROM otel_traces WHERE TraceId = '${trace.id}' AND Timestamp BETWEEN range.1 AND range.2`)
    assert.equal(found, 12)
  })
})
