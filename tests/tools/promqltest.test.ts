// The runner of PromQL's scripts must see what is wrong: each script here has one mistake, and the report names it.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { run } from '../../scripts/lib/process.ts'

const load = 'load 1m\n  a{x="1"} 1 2 3\n  a{x="2"} 4 5 6\n  h {{count:1 sum:1 buckets:[1]}}\n\n'

describe('promqltest', () => {
  let folder: string
  before(async () => { folder = await mkdtemp(join(tmpdir(), 'tripod-promqltest-')) })
  after(() => rm(folder, { recursive: true }))

  async function promqltest(script: string) {
    const file = join(folder, 'a.test')
    await writeFile(file, script)
    const done = await run('build/tests/promqltest', [file])
    return { code: done.code, first: done.stdout.split('\n')[0]!.replace(file, 'a.test'), all: done.stdout }
  }

  async function fails(script: string, why: RegExp) {
    const { code, first, all } = await promqltest(load + script)
    assert.equal(code, 1, all)
    assert.match(first, why)
    assert.match(all, /\n0 passed, 1 failed\n$/)
  }

  it('passes what is right', async () => {
    const { code, all } = await promqltest(`${load}eval instant at 1m a\n  a{x="1"} 2\n  a{x="2"} 5\n\neval instant at 0 1 + 1\n  2\n`)
    assert.equal(code, 0, all)
    assert.match(all, /\n2 passed, 0 failed\n$/)
  })

  it('sees a wrong value', () => fails('eval instant at 1m a{x="1"}\n  a{x="1"} 2.1\n', /^a\.test:6: .*expected 2\.1\d*, got 2$/))
  it('sees a missing series', () => fails('eval instant at 1m a{x="1"}\n  a{x="1"} 2\n  b 1\n', /missing \{__name__="b"\} 1$/))
  it('sees a series too many', () => fails('eval instant at 1m a\n  a{x="1"} 2\n', /unexpected \{__name__="a", x="2"\} with 5$/))
  it('sees a missing point', () => fails('eval range from 0 to 2m step 1m a{x="1"}\n  a{x="1"} 1 2\n', /point 2: expected _, got 3$/))
  it('sees a wrong order', () => fails('eval instant at 0 sort(a)\n  expect ordered\n  a{x="2"} 4\n  a{x="1"} 1\n', /expected at position 2, got it at 1$/))
  it('sees a wrong histogram', () => fails('eval instant at 0 h\n  h {{count:1 sum:1 buckets:[2]}}\n', /buckets:\[2\].*buckets:\[1\]/))
  it('sees a failure', () => fails('eval instant at 0 a + on() a\n', /failed: /))
  it('sees that nothing fails', () => fails('eval instant at 0 1\n  expect fail\n', /expected failure, got a result$/))
  it('sees another failure', () => fails('eval instant at 0 a + on() a\n  expect fail msg: no\n', /expected failure with message "no", got "/))
  it('sees a missing warning', () => fails('eval instant at 0 1\n  expect warn\n  1\n', /expected warning any, got none/))
  it('sees a warning', () => fails('eval instant at 0 quantile(2, a)\n  expect no_warn\n  {} Inf\n', /expected no warning, got PromQL warning: quantile/))
  it('sees another text of a warning', () => fails('eval instant at 0 quantile(2, a)\n  expect warn regex: x+\n  {} Inf\n', /expected warning pattern "x\+", got PromQL/))
  it('sees a wrong scalar', () => fails('eval instant at 0 1\n  2\n', /expected 2, got 1$/))
  it('sees a wrong string', () => fails('eval instant at 0 "a"\n  expect string "b"\n', /expected "b", got "a"$/))
  it('sees a command that is none', () => fails('evil instant at 0 1\n', /no such command$/))
  it('sees points that are none', () => fails('load 1m\n  b 1 two\n', /a number or "stale" is missing at "two"$/))
})
