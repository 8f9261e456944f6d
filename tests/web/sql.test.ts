// Statements: what they say, and what the real engine makes of them.
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { FilterError, logsCondition, spansCondition } from '../../web/src/lib/conditions.ts'
import { parseFilter } from '../../web/src/lib/filter.ts'
import { isRoot, logCounts, logList, logRecord, newestLog, spanDensity, spanList, spanRecord, traceLogs, traceSpans, traceSummaries, traceTime, type LogListRow } from '../../web/src/lib/queries.ts'
import { all, any, compile, not, sql, type Sql } from '../../web/src/lib/sql.ts'
import { nanos, type LogRow, type SpanRow } from './lib/shop.ts'
import { Store } from './lib/store.ts'

const logs = (filter: string): Sql => logsCondition(parseFilter(filter).terms)
const spans = (filter: string): Sql => spansCondition(parseFilter(filter).terms)

suite('statements', () => {
  test('values become parameters, equal ones the same', () => {
    assert.deepEqual(compile(sql`a = ${'x'} AND b IN ${['p', "q'"]} AND c > ${5} AND d < ${1.5} AND e = ${7n} AND f = ${'x'}`), {
      text: 'a = {p1:String} AND b IN {p2:Array(String)} AND c > {p3:Int64} AND d < {p4:Float64} AND e = {p5:Int64} AND f = {p1:String}',
      params: { p1: 'x', p2: "['p','q\\'']", p3: '5', p4: '1.5', p5: '7' },
    })
  })

  test('conditions are put together', () => {
    const text = (s: Sql) => compile(s).text
    assert.equal(text(all([])), '1')
    assert.equal(text(any([])), '0')
    assert.equal(text(all([sql`a`, any([sql`b`, sql`c`]), not(sql`d`)])), '(a AND (b OR c) AND NOT (d))')
  })

  test('nothing that a user writes is in the text', () => {
    const evil = 'x\'"`;{p1:String})-- \\'
    for (const filter of [evil, `"${evil.replace(/["\\]/g, '\\$&')}"`, `service:${evil}`, `"${evil.replace(/["\\]/g, '\\$&')}":5`, `-body~x service:${evil},b*`]) {
      for (const { text } of [compile(logs(filter)), compile(spans(filter))]) {
        assert.doesNotMatch(text.replace(/\{p\d+:\w+(\(String\))?\}/g, ''), /x'|;|--|"/, filter)
      }
    }
  })

  test('what makes no sense is said', () => {
    for (const [filter, message] of [['level:loud', /level can be/], ['http.status>high', /wants a number/], ['body~(', /regular expression/]] as const) {
      assert.throws(() => logs(filter), (e) => e instanceof FilterError && message.test(e.message), filter)
    }
    for (const [filter, message] of [['duration>fast', /100ms/], ['status>error', /status can only/], ['duration~5', /compared/]] as const) {
      assert.throws(() => spans(filter), (e) => e instanceof FilterError && message.test(e.message), filter)
    }
  })
})

suite('in the engine', () => {
  let store: Store
  const base = 1_795_250_000_000_000_000n
  const whole = { from: base - 1n, to: base + 3_600_000_000_000n }
  const nasty = 'tab\there, line\nbreak, \'quotes\' "both", back\\slash, {p1:String}, ünïcode 日本 \\N \\'

  const log = (i: number, more: Partial<LogRow>): LogRow => ({
    Timestamp: nanos(base + BigInt(i) * 1_000_000_001n), ObservedTimestamp: nanos(base), TraceId: '', SpanId: '', TraceFlags: 0, SeverityText: '', SeverityNumber: 9, ServiceName: 'cart',
    Body: `record ${i}`, BodyType: 'string', ResourceAttributes: {}, ScopeName: '', LogAttributes: {}, AttributeTypes: '', StreamId: '18446744073709551615', ...more,
  })
  const span = (i: number, more: Partial<SpanRow>): SpanRow => ({
    Timestamp: nanos(base + BigInt(i) * 1_000_000_001n), TraceId: 'ab'.repeat(16), SpanId: `${i}`.padStart(16, '0'), ParentSpanId: i === 0 ? '' : '0'.repeat(16), SpanName: `op ${i}`, SpanKind: 'Server',
    ServiceName: 'cart', ResourceAttributes: {}, ScopeName: '', ScopeVersion: '', SpanAttributes: {}, AttributeTypes: '', Duration: (i + 1) * 1_000_000, StatusCode: 'Unset', StatusMessage: '',
    'Events.Timestamp': [], 'Events.Name': [], 'Events.Attributes': [], 'Events.DroppedAttributesCount': [], 'Links.TraceId': [], 'Links.SpanId': [], 'Links.TraceState': [], 'Links.Attributes': [],
    'Links.DroppedAttributesCount': [], 'Links.Flags': [], ...more,
  })

  before(async () => {
    store = await Store.start()
    await store.insert('otel_logs', [
      log(0, { Body: 'The Card was declined', SeverityNumber: 17, LogAttributes: { 'http.route': '/cart', 'http.response.status_code': '402', "it's": 'odd' } }),
      log(1, { Body: nasty, ServiceName: 'payment', SeverityNumber: 0, SeverityText: 'Warning', ResourceAttributes: { 'host.name': 'node-1' } }),
      log(2, { Body: 'ÄRGER mit 100% of it_all', SeverityNumber: 0, TraceId: 'ab'.repeat(16), SpanId: '0'.repeat(15) + '1', LogAttributes: { 'http.route': '/cartoon', 'http.response.status_code': '' } }),
      log(3, { Body: 'health ok', SeverityNumber: 5, LogAttributes: { 'http.route': '/healthz', 'http.response.status_code': '200' } }),
      log(4, { SeverityNumber: 21, LogAttributes: { level: 'own' } }),
    ])
    await store.insert('otel_traces', [
      span(0, { SpanName: 'GET /', SpanAttributes: { 'http.route': '/' } }),
      span(1, { ServiceName: 'payment', StatusCode: 'Error', StatusMessage: 'Declined', SpanKind: 'Client', SpanAttributes: { note: nasty } }),
      span(2, { Duration: 5_000_000_000, 'Events.Timestamp': [nanos(base + 5n)], 'Events.Name': ['exception'], 'Events.Attributes': [{ a: 'b' }], 'Events.DroppedAttributesCount': [1] }),
    ])
    await store.sql(`INSERT INTO otel_traces_trace_id_ts SELECT TraceId, min(Timestamp), max(addNanoseconds(Timestamp, Duration)) FROM otel_traces GROUP BY TraceId`)
  })
  after(() => store?.stop())

  const bodies = async (filter: string): Promise<string[]> => {
    const rows = await ask<LogListRow>(store, logList(whole, logs(filter), 100))
    return rows.map((r) => String((BigInt(r[0]) - base) / 1_000_000_001n)).sort()
  }
  const names = async (filter: string): Promise<string[]> => {
    const rows = await ask<string[]>(store, spanList(whole, spans(filter), 100))
    return rows.map((r) => String((BigInt(r[0]!) - base) / 1_000_000_001n)).sort()
  }

  test('any text arrives as it is', async () => {
    const texts = [nasty, '', '\\', '\\\\n', "'", '\0', '\r\n', '{x:Int64}', '%_', 'a'.repeat(5000)]
    for (const text of texts) assert.deepEqual(await ask(store, sql`SELECT ${text}, ${[text, 'z']}`), [[text, [text, 'z']]])
    assert.deepEqual(await ask(store, sql`SELECT ${5}, ${-7n}, ${1.5}, ${2 ** 53 - 1}`), [[5, -7, 1.5, 9007199254740991]])
  })

  test('filters of logs', async () => {
    const cases: [string, string][] = [
      ['', '01234'], ['card', '0'], ['"card was"', '0'], ['"was card"', ''], ['-card', '1234'], ['ärger', '2'], ['100%', '2'], ['it_all', '2'], ['itXall', ''],
      ['service:payment', '1'], ['service:payment,cart', '01234'], ['service:pay*', '1'], ['service:pay', ''], ['-service:cart', '1'], ['service!=cart', '1'],
      ['level:error', '0'], ['level:warn', '1'], ['level:unset', '2'], ['level>=warn', '014'], ['level<info', '3'], ['level:error,fatal', '04'], ['"level":own', '4'], ['-level:*', '2'],
      ['http.route:/cart', '0'], ['http.route:/cart*', '02'], ['-http.route:/cart', '1234'], ['http.route:*', '023'], ['-http.route:*', '14'], ['host.name:node-1', '1'],
      ['http.response.status_code>=300', '0'], ['-http.response.status_code>=300', '1234'], ['http.response.status_code<300', '3'], ['http.route~^/cart$', '0'],
      [`trace_id:${'AB'.repeat(16)}`, '2'], ['ab'.repeat(16), '2'], [`"${nasty.replace(/["\\]/g, '\\$&')}"`, '1'], ['"it\'s":odd', '0'], ['body~"^health"', '3'], ['constructor:x', ''],
    ]
    for (const [filter, found] of cases) assert.equal((await bodies(filter)).join(''), found, filter)
  })

  test('filters of spans', async () => {
    const cases: [string, string][] = [
      ['', '012'], ['service:payment', '1'], ['status:error', '1'], ['-status:ERROR', '02'], ['kind:client', '1'], ['duration>1s', '2'], ['duration>=2ms duration<3s', '1'], ['-duration>1s', '01'],
      ['declined', '1'], ['name:"GET /"', '0'], ['http.route:/', '0'], ['ünïcode', '1'], ['get', '0'], ['name:op*', '12'], ['message:Declined', '1'],
    ]
    for (const [filter, found] of cases) assert.equal((await names(filter)).join(''), found, filter)
    assert.equal((await ask(store, spanList(whole, isRoot, 10))).length, 1)
  })

  test('pages end between two times, so that none is left out or shown twice', async () => {
    const same = Array.from({ length: 7 }, (_, i) => log(100, { Body: `same ${i}` }))
    await store.insert('otel_logs', same)
    const seen: string[] = []
    for (let to = whole.to; ;) {
      const rows = await ask<LogListRow>(store, logList({ from: whole.from, to }, all([]), 2))
      if (rows.length === 0) break
      seen.push(...rows.map((r) => r[4]))
      to = BigInt(rows.at(-1)![0])
    }
    assert.equal(seen.length, 12)
    assert.equal(new Set(seen).size, 12)
  })

  test('counts by step and level', async () => {
    const rows = await ask<[number, number, number]>(store, logCounts({ from: base, to: base + 5_000_000_000n }, 2_000_000_000n, all([])))
    assert.deepEqual(rows.map(([step, level, n]) => [BigInt(step) - base / 2_000_000_000n, level, n]).map(String).sort(), ['0,0,1', '0,5,1', '1,0,1', '1,2,1', '2,6,1'])
    const density = await ask<number[]>(store, spanDensity(whole, 3_600_000_000_000n, all([])))
    assert.deepEqual(density.map((r) => r.slice(1)).sort((a, b) => a[0]! - b[0]!), [[30, 1, 0], [31, 1, 1], [48, 1, 0]])
  })

  test('one record, one trace, by their names alone', async () => {
    const [row] = await ask<LogListRow>(store, logList(whole, logs('service:payment'), 10))
    const [record] = await ask<unknown[]>(store, logRecord({ time: BigInt(row![0]), stream: row![7], hash: row![8] }))
    assert.deepEqual([record![8], record![9], record![13]], ['payment', nasty, { 'host.name': 'node-1' }])
    const trace = 'ab'.repeat(16)
    const [[from, to, known]] = (await ask<[string, string, number]>(store, traceTime(trace))) as [[string, string, number]]
    assert.deepEqual([BigInt(from) - base, BigInt(to) - base, known], [0n, 7_000_000_002n, 1])
    const time = { from: BigInt(from), to: BigInt(to) }
    const found = await ask<unknown[]>(store, traceSpans(trace, time))
    assert.deepEqual(found.map((r) => r[3]), ['GET /', 'op 1', 'op 2'])
    assert.deepEqual(await ask(store, traceSpans(trace, undefined)), found)
    assert.deepEqual(found[2]!.slice(9), [[String(base + 5n)], ['exception'], 0])
    assert.deepEqual(await ask(store, traceSummaries([trace])), [[trace, 3, 1, ['cart', 'payment']]])
    assert.deepEqual((await ask<unknown[]>(store, traceLogs(trace, time, 10))).map((r) => r[6]), ['0'.repeat(15) + '1'])
    const [one] = await ask<unknown[]>(store, spanRecord(trace, '2'.padStart(16, '0'), base + 2_000_000_002n))
    assert.deepEqual([one![2], one![22], one![23], one![24]], ['op 2', ['exception'], [{ a: 'b' }], [1]])
    assert.equal((await ask(store, newestLog())).length, 1)
  })
})

/** As the page does, but straight to the engine. */
async function ask<Row>(store: Store, query: Sql): Promise<Row[]> {
  const { text, params } = compile(query)
  const url = new URLSearchParams({ database: 'otel', default_format: 'JSONCompactEachRow', readonly: '1' })
  for (const [name, value] of Object.entries(params)) url.set(`param_${name}`, value)
  const answer = await fetch(`http://${store.address}/?${url}`, { method: 'POST', body: text })
  const body = await answer.text()
  assert.equal(answer.status, 200, `${text}\n${JSON.stringify(params)}\n${body}`)
  return body.split('\n').filter(Boolean).map((line) => JSON.parse(line) as Row)
}
