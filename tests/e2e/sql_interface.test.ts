// ClickHouse's HTTP interface for users: what it lets through, its limits, and answers that do not end well.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { request, type IncomingMessage } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync, gunzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { ClickHouseLogLevel, createClient, type ClickHouseClient } from '@clickhouse/client'
import { defaultConfig, Server } from './lib/server.ts'

const limits = 'query: {limits: {max_execution_time: 60s, max_result_rows: 1100000, max_concurrent: 2}, endpoint: '

interface Answer {
  status: number
  headers: IncomingMessage['headers']
  body: Buffer
}

describe('SQL for users', () => {
  let server: Server
  let client: ClickHouseClient
  before(async () => {
    server = await Server.start({ config: (ports) => defaultConfig(ports).replace('query: {endpoint: ', limits) })
    client = createClient({ url: `http://127.0.0.1:${server.ports.clickhouse}`, log: { level: ClickHouseLogLevel.OFF } })
  })
  after(async () => {
    await client?.close()
    await server?.close()
  })

  /** One exchange; `headers` and bodies as they are on the wire. */
  function ask(path: string, body?: string | Buffer, headers: Record<string, string> = {}, port = server.ports.clickhouse): Promise<Answer> {
    return new Promise((done, failed) => {
      const req = request({ host: '127.0.0.1', port, path, method: body === undefined ? 'GET' : 'POST', headers }, (answer) => {
        const pieces: Buffer[] = []
        answer.on('data', (piece: Buffer) => pieces.push(piece)).on('error', failed)
        answer.on('end', () => done({ status: answer.statusCode!, headers: answer.headers, body: Buffer.concat(pieces) }))
      })
      req.on('error', failed).end(body)
    })
  }
  const text = async (...args: Parameters<typeof ask>) => (await ask(...args)).body.toString()

  /** Users' statements that the engine runs now. */
  const running = async () => Number(await server.engineSql("SELECT count() FROM system.processes WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%system.processes%'"))
  const until = async (condition: () => Promise<boolean>) => {
    for (let i = 0; i < 200 && !(await condition()); i++) await sleep(50)
    assert.ok(await condition())
  }
  const endless = 'SELECT sum(sipHash64(number)) FROM numbers(1000000000000)'

  it('takes the statement from the URL, the body, or both', async () => {
    assert.equal(await text('/?query=SELECT%201'), '1\n')
    assert.equal(await text('/', 'SELECT 2'), '2\n')
    assert.equal(await text('/?query=SELECT', '3'), '3\n')
    assert.equal(await text('/?query=SELECT%20%7Ba:String%7D&param_a=x%26y'), 'x&y\n')
    assert.equal(await text('/'), 'Ok.\n')
    assert.equal(await text('/ping'), 'Ok.\n')
  })

  it('is the same under /clickhouse of the UI\'s port', async () => {
    assert.equal(await text('/clickhouse/?query=SELECT%201', undefined, {}, server.ports.ui), '1\n')
    assert.equal(await text('/clickhouse', 'SELECT 2', {}, server.ports.ui), '2\n')
    assert.equal(await text('/clickhouse/ping', undefined, {}, server.ports.ui), 'Ok.\n')
  })

  it('gives ClickHouse\'s headers', async () => {
    const { headers } = await ask('/?query_id=my-id', 'SELECT 1 AS a', { 'x-clickhouse-format': 'JSONEachRow' })
    assert.equal(headers['x-clickhouse-query-id'], 'my-id')
    assert.equal(headers['x-clickhouse-format'], 'JSONEachRow')
    assert.equal(headers['content-type'], 'application/x-ndjson; charset=UTF-8')
    const summary = JSON.parse(headers['x-clickhouse-summary'] as string) as Record<string, string>
    assert.equal(summary.result_rows, '1')
  })

  it('reads compressed statements and writes compressed answers', async () => {
    const sql = 'SELECT number FROM numbers(1000)'
    const plain = await text('/', sql)
    const gzip = await ask('/?enable_http_compression=1', gzipSync(sql), { 'content-encoding': 'gzip', 'accept-encoding': 'gzip' })
    assert.equal(gzip.headers['content-encoding'], 'gzip')
    assert.equal(gunzipSync(gzip.body).toString(), plain)
    const zstd = await ask('/?enable_http_compression=1', zstdCompressSync(sql), { 'content-encoding': 'zstd', 'accept-encoding': 'zstd' })
    assert.equal(zstd.headers['content-encoding'], 'zstd')
    assert.equal(zstdDecompressSync(zstd.body).toString(), plain)
    assert.match(await text('/', Buffer.from('not gzip'), { 'content-encoding': 'gzip' }), /^Code: 117\./)
    const bomb = gzipSync(Buffer.alloc(100 << 20, ' '))
    const refused = await ask('/', bomb, { 'content-encoding': 'gzip' })
    assert.equal(refused.status, 413)
  })

  it('cannot be talked out of its limits', async () => {
    const loose = '/?max_execution_time=0&max_result_rows=0&readonly=0&max_memory_usage=0'
    assert.equal(await text(loose, "SELECT getSetting('max_result_rows'), getSetting('readonly'), getSetting('max_execution_time')"), '1100000\t1\t60\n')
    assert.match(await text('/?allow_ddl=1', 'SELECT 1'), /^Code: 164\. .*allow_ddl.*\(READONLY\)$/m)
    assert.equal(await text('/', "SELECT getSetting('max_threads') SETTINGS max_threads = 3, max_result_rows = 0"), '3\n')
    assert.match(await text('/', 'SELECT 1 SETTINGS allow_ddl = 1'), /\(READONLY\)/)
    assert.match(await text('/', 'SELECT * FROM (SELECT 1 SETTINGS max_result_rows = 0)'), /\(READONLY\)/)
    const tooMany = await ask('/?max_result_rows=10', 'SELECT number FROM numbers(11)')
    assert.notEqual(tooMany.status, 200)
    assert.match(tooMany.body.toString(), /^Code: 396\./)
  })

  it('ends a query after its time', async () => {
    const started = Date.now()
    const answer = await ask('/?max_execution_time=1', endless)
    assert.ok(Date.now() - started < 4500)
    assert.equal(answer.headers['x-clickhouse-exception-code'], '159')
    assert.notEqual(answer.status, 200)
  })

  it('shows only the telemetry and the tables that describe it', async () => {
    for (const denied of ['SELECT * FROM system.processes', 'SELECT * FROM `system`.query_log', 'SHOW PROCESSLIST', "SELECT * FROM merge('system', '.')", "SELECT * FROM file('/etc/passwd')"]) {
      const answer = await ask('/', denied)
      assert.equal(answer.status, 403, denied)
      assert.match(answer.body.toString(), /^Code: 497\..*\(ACCESS_DENIED\)$/m)
    }
    assert.match(await text('/?database=system', 'SELECT 1'), /^Code: 81\./)
    const names = await client.query({
      query: 'SELECT name FROM system.tables WHERE database = currentDatabase() AND name = {t:String}',
      query_params: { t: 'otel_logs' },
      format: 'JSONEachRow',
    })
    assert.deepEqual(await names.json(), [{ name: 'otel_logs' }])
    const described = await client.query({ query: 'DESCRIBE TABLE {d:Identifier}.{t:Identifier}', query_params: { d: 'default', t: 'otel_logs' }, format: 'JSONEachRow' })
    assert.ok((await described.json<{ name: string }>()).some((column) => column.name === 'Body'))
    assert.match(await text('/', 'SELECT version()'), /^\d+\.\d+/)
  })

  it('does not let an answer that broke off look whole', async () => {
    const sql = 'SELECT number, throwIf(number = 1000000) AS x FROM numbers(1050000)'
    await assert.rejects(ask('/', sql), /aborted|ECONNRESET|socket hang up/)
    const result = await client.query({ query: sql, format: 'JSONEachRow' })
    await assert.rejects(async () => {
      for await (const rows of result.stream()) assert.ok(rows.length)
    }, /throwIf|aborted|premature|ECONNRESET/i)
  })

  it('ends the query when the client goes away, before and in the midst of the answer', async () => {
    const aborted = new AbortController()
    const query = client.query({ query: endless, abort_signal: aborted.signal })
    await until(async () => (await running()) === 1)
    aborted.abort()
    await assert.rejects(query)
    await until(async () => (await running()) === 0)

    const req = request({ host: '127.0.0.1', port: server.ports.clickhouse, path: '/', method: 'POST' })
    req.on('error', () => undefined).end("SELECT sipHash64(number), repeat('x', 1000) FROM numbers(1000000)")
    const answer = await new Promise<IncomingMessage>((done) => req.on('response', done))
    answer.pause()
    await until(async () => (await running()) === 1)
    answer.destroy()
    await until(async () => (await running()) === 0)
  })

  it('streams a gigabyte in little memory', async () => {
    const { pid } = await server.status()
    const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024
    const before = rss()
    let bytes = 0
    let most = 0
    const answer = await fetch(`http://127.0.0.1:${server.ports.clickhouse}/`, { method: 'POST', body: "SELECT repeat('x', 1000) FROM numbers(1000000)" })
    for await (const piece of answer.body!) {
      if (Math.trunc(bytes / 1e7) !== Math.trunc((bytes + piece.length) / 1e7)) most = Math.max(most, rss())
      bytes += piece.length
    }
    assert.equal(bytes, 1_001_000_000)
    assert.ok(most - before < 64, `${before.toFixed()} MiB grew to ${most.toFixed()} MiB`)
  })

  it('lets some queries run, some wait, and refuses more; one who asks little is not held up', async () => {
    const many = Array.from({ length: 90 }, () => ask('/', 'SELECT sleep(0.2)', { 'user-agent': 'greedy', connection: 'close' }))
    await sleep(300)
    const started = Date.now()
    assert.equal(await text('/', 'SELECT 1', { 'user-agent': 'modest' }), '1\n')
    assert.ok(Date.now() - started < 2000, 'waited behind all of the other\'s')
    const answers = await Promise.all(many)
    const refused = answers.filter((answer) => answer.status === 503)
    // 2 run and 64 of one caller may wait.
    assert.ok(refused.length > 10 && refused.length < 30, `${refused.length} were refused: ${refused.at(-1)?.body.toString()}`)
    assert.equal(refused[0]!.headers['x-clickhouse-exception-code'], '202')
    assert.equal(refused[0]!.headers['retry-after'], '1')
    assert.match(refused[0]!.body.toString(), /\(TOO_MANY_SIMULTANEOUS_QUERIES\)/)
    assert.ok(answers.every((answer) => answer.status === 200 || answer.status === 503))
  })

  it('says so when the engine is away, and goes on when it is back', async () => {
    await server.kill('engine')
    const answer = await ask('/', 'SELECT 1')
    if (answer.status !== 200) assert.match(answer.body.toString(), /^Code: 20[39]|^Code: 210/)
    await until(async () => (await text('/', 'SELECT 1')) === '1\n')
  })
})
