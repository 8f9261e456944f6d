import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { attributesOf, prettyJson } from '../../web/src/lib/attributes.ts'
import type { TraceSpanRow } from '../../web/src/lib/queries.ts'
import { levelOf, levelOfNumber, levels, numbersOf } from '../../web/src/lib/severity.ts'
import { clock, duration, niceStep, parseLast, preciseUtc, resolve, secondNs, shortCount, ticks } from '../../web/src/lib/time.ts'
import { walkBack } from '../../web/src/lib/walk.ts'
import { buildTree, visibleLines } from '../../web/src/trace/tree.ts'
import { indexOfRecord, logItem, parseRecordId, recordId } from '../../web/src/logs/item.ts'

suite('time', () => {
  test('keeps each nanosecond', () => {
    assert.equal(preciseUtc(1_795_254_385_498_210_894n), '2026-11-21 09:46:25.498210894 UTC')
    assert.equal(preciseUtc(1_000_000_001n), '1970-01-01 00:00:01.000000001 UTC')
    assert.match(clock(1_795_254_385_498_999_999n, false), /:25\.498$/)
  })

  test('durations have three digits', () => {
    const cases: [number, string][] = [
      [0, '0 ns'], [999, '999 ns'], [1000, '1.00 µs'], [12_345, '12.3 µs'], [999_400, '999 µs'], [1_234_567, '1.23 ms'], [5_043_400_000, '5.04 s'],
      [59_990_000_000, '60.0 s'], [125e9, '2 m 5 s'], [3725e9, '1 h 2 m'],
    ]
    for (const [ns, text] of cases) assert.equal(duration(ns), text)
    assert.equal(shortCount(999_999), '1000k')
    assert.equal(shortCount(12_345), '12.3k')
  })

  test('relative ranges end now', () => {
    assert.deepEqual(resolve({ last: '15m' }, 1000n * secondNs), { from: 100n * secondNs, to: 1000n * secondNs })
    for (const text of ['', '15', 'm', '0m', '15 m', '15x', '1234567m']) assert.equal(parseLast(text), undefined, text)
  })

  test('steps are round, and few enough', () => {
    for (const seconds of [1, 59, 300, 900, 3600, 86_400, 604_800, 31_536_000]) {
      const length = BigInt(seconds) * secondNs
      const step = niceStep(length, 100)
      assert.ok(length / step <= 100n || step === 604_800n * secondNs, `${seconds}`)
      const marks = ticks({ from: 1_795_254_385n * secondNs, to: 1_795_254_385n * secondNs + length }, 10)
      assert.ok(marks.length <= (seconds > 6_048_000 ? 60 : 11), `${seconds}: ${marks.length}`)
    }
    assert.equal(niceStep(3600n * secondNs, 100), 60n * secondNs)
  })
})

suite('severity', () => {
  test('numbers and names', () => {
    assert.deepEqual([0, 1, 4, 5, 9, 13, 17, 20, 21, 24, 99].map(levelOfNumber), ['unset', 'trace', 'trace', 'debug', 'info', 'warn', 'error', 'error', 'fatal', 'fatal', 'fatal'])
    for (const level of levels.slice(1)) {
      if (level === 'unset') continue
      assert.equal(levelOf(level.toUpperCase()), level)
      assert.equal(levelOfNumber(numbersOf(level).first), level)
      assert.equal(levelOfNumber(numbersOf(level).last), level)
    }
    assert.equal(levelOf('Warning'), 'warn')
    assert.equal(levelOf('constructor'), undefined)
  })
})

suite('attributes', () => {
  test('types by position', () => {
    const typesOf = (types: string, section: number) => attributesOf({ a: '1', b: '2', c: '3' }, types, section).map((a) => a.type)
    assert.deepEqual(typesOf('', 2), ['string', 'string', 'string'])
    assert.deepEqual(typesOf('//sid', 2), ['string', 'int', 'double'])
    assert.deepEqual(typesOf('b//xam', 0), ['bool', 'string', 'string'])
    assert.deepEqual(typesOf('b//xam', 2), ['bytes', 'array', 'map'])
    assert.deepEqual(typesOf('////e', 4), ['empty', 'string', 'string'])
  })

  test('JSON is laid out without a change to its values', () => {
    assert.equal(prettyJson('{"a":[1.0,9007199254740993,{}],"b":"x, {y}: \\"z\\"","c":[]}'),
      '{\n  "a": [\n    1.0,\n    9007199254740993,\n    {}\n  ],\n  "b": "x, {y}: \\"z\\"",\n  "c": []\n}')
    for (const text of ['', 'x', '{', '{"a":}', '12', '"a"', '[1,]', '{broken} {json}']) assert.equal(prettyJson(text), undefined, text)
  })
})

suite('walk', () => {
  const hour = 3600n * secondNs
  const span = { from: 7n * hour + 13n, to: 200n * hour + 17n }

  test('looks at every moment once, the newest first', async () => {
    const pieces: { from: bigint; to: bigint }[] = []
    assert.equal(await walkBack(span, { look: async (piece) => { pieces.push(piece); return false } }), false)
    assert.equal(pieces[0]!.to, span.to)
    assert.equal(pieces.at(-1)!.from, span.from)
    pieces.slice(1).forEach((piece, i) => assert.equal(piece.to, pieces[i]!.from))
    assert.ok(pieces.length > 2 && pieces.length < 12, `${pieces.length} pieces`)
    assert.ok(pieces.slice(0, -1).every((p) => p.from % (300n * secondNs) === 0n), 'pieces begin where the sort key does')
  })

  test('ends as soon as it may', async () => {
    let looks = 0
    assert.equal(await walkBack(span, { look: async () => ++looks === 2 }), true)
    assert.equal(looks, 2)
  })
})

suite('trace', () => {
  const row = (id: string, parent: string, start: number, length: number, service = 's', status = 'Unset'): TraceSpanRow =>
    [String(start), id, parent, `op ${id}`, 'Internal', service, length, status, '', [], [], 0]
  const shape = (rows: TraceSpanRow[], collapsed: string[] = []) =>
    visibleLines(buildTree(rows), new Set(collapsed)).map(({ node, depth }) => `${' '.repeat(depth)}${node.missing ? '?' : ''}${node.id}`)

  test('children in the order of their start, whatever the order of the rows', () => {
    assert.deepEqual(shape([row('c', 'a', 30, 5), row('b', 'a', 20, 50), row('a', '', 10, 100), row('d', 'b', 25, 1)]), ['a', ' b', '  d', ' c'])
  })

  test('missing parents and several roots', () => {
    const rows = [row('a', '', 10, 100), row('x', 'gone', 20, 5), row('y', 'gone', 15, 50), row('b', '', 12, 1)]
    assert.deepEqual(shape(rows), ['a', 'b', '?gone', ' y', ' x'])
    const tree = buildTree(rows)
    const gone = tree.roots.find((r) => r.missing)!
    assert.deepEqual([gone.start, gone.end, tree.start, tree.end, tree.spans], [15n, 65n, 10n, 110n, 4])
  })

  test('a circle of parents is cut, and ids that appear twice are all shown', () => {
    assert.equal(shape([row('a', 'b', 1, 1), row('b', 'a', 2, 1)]).length, 2)
    assert.deepEqual(shape([row('a', 'a', 1, 1)]), ['a'])
    assert.equal(shape([row('a', '', 1, 1), row('a', '', 1, 1), row('c', 'a', 2, 1)]).length, 3)
    assert.deepEqual(shape([]), [])
  })

  test('collapsed, with what is below counted', () => {
    const rows = [row('a', '', 1, 9), row('b', 'a', 2, 3, 's', 'Error'), row('c', 'b', 3, 1, 't', 'Error'), row('d', 'a', 4, 1)]
    assert.deepEqual(shape(rows, ['b']), ['a', ' b', ' d'])
    const tree = buildTree(rows)
    assert.deepEqual([tree.roots[0]!.below, tree.roots[0]!.errorsBelow, tree.errors, tree.services], [3, 2, 2, ['s', 't']])
  })

  test('20,000 spans below each other', () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => row(String(i), i > 0 ? String(i - 1) : '', i, 20_000 - i))
    assert.equal(shape(rows).length, 20_000)
  })
})

suite('records', () => {
  test('each has a name of its own that leads back to it', () => {
    const item = (time: number, stream: string, hash: string) => logItem([String(time), 9, 'INFO', 's', 'body', '', '', stream, hash])
    const items = [item(9, '1', 'AA'), item(5, '1', 'AA'), item(5, '2', 'AA'), item(5, '1', 'AA'), item(5, '1', 'BB'), item(5, '1', 'AA'), item(3, '1', 'AA')]
    const names = items.map((_, i) => recordId(items, i))
    assert.equal(new Set(names).size, items.length)
    names.forEach((name, i) => assert.equal(indexOfRecord(items, parseRecordId(name)!), i, name))
    assert.equal(indexOfRecord(items, parseRecordId('4.1.AA')!), -1)
    for (const text of ['', 'x', '5', '5.1', '5.1.zz', '5.1.AA.x', '5.1.AA;DROP']) assert.equal(parseRecordId(text), undefined, text)
  })

  test('a level from the text where there is no number', () => {
    assert.deepEqual([[0, 'WARNING'], [0, ''], [0, 'odd'], [17, 'info']].map(([n, t]) => logItem(['1', n as number, t as string, '', '', '', '', '1', 'A']).level), ['warn', 'unset', 'unset', 'error'])
  })
})
