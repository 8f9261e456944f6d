// The counting of C tests: what did not run, or failed without saying so, must never count as passed.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { casesOf, parseTap } from '../../scripts/testing/cmocka.ts'

const results = (stdout: string, result = 'OK', returncode = 0) =>
  casesOf({ name: 'tripod:unit / base/x', command: ['test_base_x'], result, returncode, stdout }).map((c) => `${c.name} ${c.result}`)

describe('cmocka output', () => {
  it('counts every case of every group', () => {
    assert.deepEqual(parseTap('1..2\nok 1 - a\nok 2 - b\n# ok - tests\n1..1\nok 1 - c\n').planned, 3)
    assert.deepEqual(results('1..2\nok 1 - a\nok 2 - b\n'), ['base/x: a passed', 'base/x: b passed'])
  })

  it('keeps the message of a failure and the name of a skip', () => {
    const { cases } = parseTap('1..2\nnot ok 1 - a\n# 0x1 != 0x2\n# a.c:7: error: Failure!\nnot ok 2 # SKIP b\n')
    assert.deepEqual(cases, [
      { name: 'a', result: 'failed', detail: '0x1 != 0x2\na.c:7: error: Failure!\n' },
      { name: 'b', result: 'skipped', detail: '' },
    ])
  })

  it('fails a program that stops before its last case', () => {
    assert.deepEqual(results('1..3\nok 1 - a\n', 'OK'), ['base/x: a passed', 'base/x: the program failed'])
  })

  it('fails a program that fails after its cases passed, as the leak check does', () => {
    assert.deepEqual(results('1..1\nok 1 - a\n', 'FAIL', 23), ['base/x: a passed', 'base/x: the program failed'])
  })

  it('fails a program without cases', () => {
    assert.deepEqual(results('', 'OK'), ['base/x: the program failed'])
    assert.deepEqual(results('1..0\n', 'OK'), ['base/x: the program failed'])
  })

  it('fails a group whose setup failed', () => {
    const text = '1..1\nnot ok 0 - group [  FAILED  ] GROUP SETUP\n'
    assert.deepEqual(results(text, 'FAIL', 1), ['base/x: group [  FAILED  ] GROUP SETUP failed'])
  })

  it('takes the run over a fuzzer\'s seeds, and a script, as one case', () => {
    const seeds = { name: 'tripod:unit / fuzz_seeds_native', command: ['fuzz_native'], returncode: 0, stdout: '' }
    const script = { name: 'tripod:unit / docs/x', command: ['tests/x_test.sh'], returncode: 0, stdout: '' }
    assert.equal(casesOf({ ...script, result: 'OK' })[0]!.result, 'passed')
    assert.equal(casesOf({ ...script, result: 'FAIL' })[0]!.result, 'failed')
    assert.equal(casesOf({ ...seeds, result: 'OK' })[0]!.result, 'passed')
    assert.equal(casesOf({ ...seeds, result: 'FAIL' })[0]!.result, 'failed')
  })
})
