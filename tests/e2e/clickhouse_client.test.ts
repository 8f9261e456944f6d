// The official ClickHouse client for JavaScript, and the limits of a user's connection.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ClickHouseLogLevel, createClient, type ClickHouseClient } from '@clickhouse/client'
import { send } from './lib/otlp.ts'
import { severalLogs } from './lib/samples.ts'
import { Server } from './lib/server.ts'

describe('ClickHouse over HTTP', () => {
  let server: Server
  let client: ClickHouseClient
  before(async () => {
    server = await Server.start()
    client = createClient({ url: `http://127.0.0.1:${server.ports.clickhouse}`, log: { level: ClickHouseLogLevel.OFF } })
    await send(server.ports, 'grpc', 'logs', severalLogs('client'))
    await server.flush()
  })
  after(async () => {
    await client?.close()
    await server?.close()
  })

  it('answers a ping', async () => {
    assert.deepEqual(await client.ping(), { success: true })
  })

  it('binds parameters and gives rows as objects', async () => {
    const result = await client.query({
      query: 'SELECT Body AS body, SeverityNumber AS severity FROM otel_logs WHERE LogAttributes[{key:String}] = {value:String}',
      query_params: { key: 'n', value: '0' },
      format: 'JSONEachRow',
    })
    assert.deepEqual(await result.json(), [{ body: 'plain', severity: 1 }])
  })

  it('streams a large result, compressed', async () => {
    const compressed = createClient({ url: `http://127.0.0.1:${server.ports.clickhouse}`, compression: { response: true } })
    const result = await compressed.query({ query: 'SELECT number FROM numbers(1000000)', format: 'JSONCompactEachRow' })
    let rows = 0
    for await (const chunk of result.stream()) rows += chunk.length
    await compressed.close()
    assert.equal(rows, 1_000_000)
  })

  it('carries the error and its code', async () => {
    await assert.rejects(client.query({ query: 'SELECT nothing FROM otel_logs' }), { code: '47', type: 'UNKNOWN_IDENTIFIER' })
  })

  for (const statement of [
    'DROP TABLE otel_logs', 'INSERT INTO otel_logs (Body) VALUES (1)', "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')", 'SYSTEM SHUTDOWN', 'ALTER TABLE otel_logs DELETE WHERE 1',
    "SELECT 1 INTO OUTFILE 'x'", 'CREATE TABLE x (a Int8) ENGINE = Memory',
  ]) {
    it(`refuses ${statement.slice(0, 40)}`, async () => {
      await assert.rejects(client.command({ query: statement }))
      assert.ok((await server.count('SELECT count() FROM otel_logs')) > 0)
    })
  }
})
