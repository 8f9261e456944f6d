// What operators look at: /metrics in Prometheus' formats, `tripod status`, `tripod query sql`.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { send } from './lib/otlp.ts'
import { severalLogs } from './lib/samples.ts'
import { Server, tripod } from './lib/server.ts'

describe('operating it', () => {
  let server: Server
  before(async () => {
    server = await Server.start()
    await send(server.ports, 'json', 'logs', severalLogs('operating'))
    await server.flush()
  })
  after(() => server?.close())

  const metrics = async (accept = '*/*') => {
    const answer = await fetch(`${server.ui}/metrics`, { headers: { accept } })
    assert.equal(answer.status, 200)
    return { type: answer.headers.get('content-type'), text: await answer.text() }
  }

  it('has metrics that add up, without customer content', async () => {
    const { text } = await metrics()
    const value = (name: string, labels: string) => {
      const line = text.split('\n').find((each) => each.startsWith(`${name}{${labels}} `))
      assert.ok(line, `${name}{${labels}} is not in:\n${text}`)
      return Number(line.split(' ').at(-1))
    }
    const accepted = value('tripod_receiver_accepted_records_total', 'receiver="otlp",signal="logs"')
    assert.ok(accepted > 0)
    assert.equal(value('tripod_exporter_delivered_records_total', 'exporter="clickhouse",signal="logs"'), accepted)
    assert.equal(value('tripod_table_rows', 'table="otel_logs"'), accepted)
    assert.match(text, /^tripod_engine_up 1$/m)
    assert.match(text, /^tripod_ledger_balanced 1$/m)
    assert.doesNotMatch(text, /operating/)
  })

  it('has metrics that promtool finds nothing wrong with', async (t) => {
    const { text } = await metrics()
    const promtool = spawnSync('build-peers/prometheus/usr/bin/promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
    if (promtool.error) return t.skip('no promtool: scripts/install-deps test unpacks it from Debian\'s package prometheus')
    assert.deepEqual({ code: promtool.status, said: promtool.stdout + promtool.stderr }, { code: 0, said: '' })
  })

  it('gives OpenMetrics to who asks for it', async () => {
    const { type, text } = await metrics('application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5')
    assert.match(type!, /^application\/openmetrics-text/)
    assert.ok(text.endsWith('\n# EOF\n'))
    const families = [...text.matchAll(/^# TYPE (\S+) /gm)].map((match) => match[1]!)
    assert.equal(new Set(families).size, families.length, 'a family is there twice')
  })

  it('`tripod status` shows it and says by its exit code that all is well', async () => {
    const { code, stdout, stderr } = await tripod(['status', '--server', server.ui])
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
    assert.match(stdout, /^tripod \S+ {2}● ready {2}up /)
    assert.match(stdout, new RegExp(`otlp/grpc +127\\.0\\.0\\.1:${server.ports.grpc}$`, 'm'))
    assert.match(stdout, /^clickhouse +logs .*✓$/m)
    assert.doesNotMatch(stdout, /\x1b/)
    const json = await tripod(['status', '--json', '--server', server.ui])
    assert.equal((JSON.parse(json.stdout) as { balanced: boolean }).balanced, true)
    assert.equal(json.code, 0)
  })

  it('`tripod status` fails when nobody is there', async () => {
    const { code, stdout, stderr } = await tripod(['status', '--server', 'http://127.0.0.1:1'])
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' })
    assert.match(stderr, /^tripod status: http:\/\/127\.0\.0\.1:1 cannot be reached: /)
  })

  const sql = (statement: string, ...more: string[]) => tripod(['query', 'sql', statement, '--server', server.ui, ...more])

  it('`tripod query sql` aligns a table', async () => {
    const { code, stdout, stderr } = await sql("SELECT number * 1000 AS n, ['a', '日本語', 'e\u0301'][number + 1] AS word, if(number = 1, NULL, true) AS x FROM numbers(3)")
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
    assert.equal(stdout, '   n  word    x\n────  ──────  ────\n   0  a       true\n1000  日本語  NULL\n2000  e\u0301       true\n')
  })

  it('`tripod query sql` shows what would command a terminal', async () => {
    const { stdout } = await sql("SELECT '\\x1b[31mred\\n\\xff' AS x")
    assert.equal(stdout.split('\n')[2], '␛[31mred↵\uFFFD')
  })

  it('`tripod query sql` writes json and csv, and takes a FORMAT of the statement\'s own', async () => {
    assert.equal((await sql('SELECT toUInt64(18446744073709551615) AS a, NULL AS b', '--output', 'json')).stdout, '{"a":18446744073709551615,"b":null}\n')
    assert.equal((await sql("SELECT 1 AS a, 'x' AS b", '--output', 'csv')).stdout, '"a","b"\n1,"x"\n')
    assert.equal((await sql('SELECT 1 AS a FORMAT TSVWithNames')).stdout, 'a\n1\n')
    assert.equal((await tripod(['query', 'sql', '-', '--server', server.ui, '--output', 'csv'], 'SELECT 7 AS a')).stdout, '"a"\n7\n')
  })

  it('`tripod query sql` prints errors cleanly, also those after data', async () => {
    const wrong = await sql('SELECT nothing FROM otel_logs')
    assert.deepEqual({ code: wrong.code, stdout: wrong.stdout }, { code: 1, stdout: '' })
    assert.match(wrong.stderr, /^tripod query: Unknown expression identifier .*\(UNKNOWN_IDENTIFIER, code 47\)\n$/)
    for (const output of ['table', 'json', 'csv']) {
      const late = await sql('SELECT number, throwIf(number = 900000) AS x FROM numbers(950000)', '--output', output)
      assert.equal(late.code, 1)
      assert.match(late.stderr, /^tripod query: Value passed to 'throwIf' .*code 395\)\n$/)
      assert.doesNotMatch(late.stdout, /exception|Code:/i)
      assert.ok(late.stdout.length > 100_000)
    }
    const usage = await sql('SELECT 1', '--output', 'xml')
    assert.equal(usage.code, 2)
  })
})
