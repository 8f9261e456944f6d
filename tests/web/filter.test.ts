import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fieldTerm, parseDuration, parseFilter, quote, withoutField, withTerm, type Term } from '../../web/src/lib/filter.ts'

const text = (words: string, negated = false): Term => ({ kind: 'text', text: words, negated })
const field = (key: string, ...values: string[]): Term => ({
  kind: 'field', key, attribute: false, operator: 'is', values: values.map((v) => ({ text: v, wildcards: v.includes('*') })), negated: false,
})
const terms = (input: string): Term[] => {
  const parsed = parseFilter(input)
  assert.equal(parsed.problem, undefined, input)
  return parsed.terms
}

suite('filter', () => {
  test('words, phrases and exclusions', () => {
    assert.deepEqual(terms(''), [])
    assert.deepEqual(terms('  card   declined '), [text('card'), text('declined')])
    assert.deepEqual(terms('"card was" -health -"health check"'), [text('card was'), text('health', true), text('health check', true)])
    assert.deepEqual(terms('"a \\"b\\" \\\\ c"'), [text('a "b" \\ c')])
    assert.deepEqual(terms('- a-b 50% {"a":1}'), [text('-'), text('a-b'), text('50%'), text('{"a":1}')])
  })

  test('fields and their values', () => {
    assert.deepEqual(terms('service:cart level:error,fatal'), [field('service', 'cart'), field('level', 'error', 'fatal')])
    assert.deepEqual(terms('http.route:/cart* k8s.pod.name=cart-1'), [field('http.route', '/cart*'), field('k8s.pod.name', 'cart-1')])
    assert.deepEqual(terms('name:"GET /"'), [field('name', 'GET /')])
    assert.deepEqual(terms('größe:5'), [field('größe', '5')])
    assert.deepEqual(terms('a:"x*"'), [{ ...field('a', 'x*'), values: [{ text: 'x*', wildcards: false }] } as Term])
    assert.deepEqual(terms('"level":x "odd key">=5'), [
      { ...field('level', 'x'), attribute: true } as Term, { ...field('odd key', '5'), attribute: true, operator: '>=' } as Term,
    ])
  })

  test('operators and what negates', () => {
    const operators: [string, string, boolean][] = [
      ['a:1', 'is', false], ['a=1', 'is', false], ['a!=1', 'is', true], ['-a:1', 'is', true], ['-a!=1', 'is', false], ['a>1', '>', false],
      ['a>=1', '>=', false], ['a<1', '<', false], ['a<=1', '<=', false], ['a~1', 'matches', false], ['a!~1', 'matches', true],
    ]
    for (const [input, operator, negated] of operators) {
      assert.deepEqual(terms(input), [{ ...field('a', '1'), operator, negated }], input)
    }
  })

  test('what only looks like a field is text', () => {
    for (const input of ['http://example.com/a?b=c', '12:30:00', 'error:', '5>4', ':x', '=', '>=', '/cart:8', '[a:b]']) {
      assert.deepEqual(terms(input), [text(input)], input)
    }
    assert.deepEqual(terms('failed: timeout'), [text('failed:'), text('timeout')])
  })

  test('a quotation that does not end is told where it begins', () => {
    assert.equal(parseFilter('a "b c').problem?.at, 2)
    assert.equal(parseFilter('service:"b').problem?.at, 8)
    assert.equal(parseFilter('"').problem?.at, 0)
  })

  test('any text that is quoted is read back as it was', () => {
    for (const value of ['a', 'a b', 'say "hi"', 'back\\slash', '-x', 'a*', 'a,b', '', '"', '\\', '//x', 'ä=b', 'x:y', '\n', ' ']) {
      assert.deepEqual(terms(fieldTerm('key', value)), [{ ...field('key', value), values: [{ text: value, wildcards: false }] }], value)
      assert.deepEqual(terms(fieldTerm('odd key', value, { negated: true })).map((t) => [t.kind === 'field' && t.key, t.negated]), [['odd key', true]])
      if (value) assert.equal((terms(`k:${quote(value)}`)[0] as { values: { text: string }[] }).values[0]!.text, value)
    }
  })

  test('terms are added once, and the opposite goes', () => {
    assert.equal(withTerm('', 'a:1'), 'a:1')
    assert.equal(withTerm('x "y z"', 'a:1'), 'x "y z" a:1')
    assert.equal(withTerm('a:1 x', 'a:1'), 'a:1 x')
    assert.equal(withTerm('a:1 x', '-a:1'), 'x -a:1')
    assert.equal(withTerm('-a:"b c" x', 'a:"b c"'), 'x a:"b c"')
    assert.equal(withoutField('duration>5ms x duration<1s "duration>1"', 'duration'), 'x "duration>1"')
  })

  test('durations', () => {
    const good: [string, number][] = [['100ms', 1e8], ['1.5s', 1.5e9], ['2m', 120e9], ['1h', 3600e9], ['7us', 7000], ['7µs', 7000], ['3ns', 3], ['20', 2e7]]
    for (const [input, ns] of good) assert.equal(parseDuration(input), ns, input)
    for (const input of ['', 'ms', '1 ms', '1d', '-1s', '1e3s', '.5s']) assert.equal(parseDuration(input), undefined, input)
  })
})
