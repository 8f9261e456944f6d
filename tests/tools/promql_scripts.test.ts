// The verdict on a run of PromQL's scripts: what did not run to its end must never count as passed.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { verdict } from '../../scripts/testing/promql.ts'

describe('a run of PromQL scripts', () => {
  it('passes when something ran and nothing failed', () => {
    assert.equal(verdict({ code: 0, stdout: 'a.test: 3 passed, 0 failed\n3 passed, 0 failed\n' }), 'passed')
  })

  it('fails with a failed command', () => {
    assert.equal(verdict({ code: 1, stdout: 'a.test:4: x: expected 1, got 2\na.test: 3 passed, 1 failed\n3 passed, 1 failed\n' }), 'failed')
  })

  it('fails when the program stopped early or ran nothing', () => {
    assert.equal(verdict({ code: null, stdout: '' }), 'failed')
    assert.equal(verdict({ code: 0, stdout: 'a.test: 3 passed, 0 failed\n' }), 'failed')
    assert.equal(verdict({ code: 0, stdout: 'a.test: 0 passed, 0 failed\n0 passed, 0 failed\n' }), 'failed')
  })
})
