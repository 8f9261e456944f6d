// The power cut must throw away what was not synced, and nothing else.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { noting, powerCut } from '../e2e/lib/power_cut.ts'

/** What is in the folder after `script` ran in it, was killed, and the power was cut. */
function left(script: string): Record<string, string> {
  const base = mkdtempSync(join(tmpdir(), 'tripod-cut-'))
  try {
    const dir = join(base, 'data')
    mkdirSync(dir)
    const journal = join(base, 'journal')
    const prelude = `
      import { openSync, writeSync, fsyncSync, fdatasyncSync, ftruncateSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
      const put = (name, text, flags = 'w') => { const fd = openSync(name, flags); writeSync(fd, text, 0); return fd }
      const syncDir = () => fsyncSync(openSync('.', 'r'))
      fsyncSync(put(process.env.PWD + '/a', 'aaaa')); fsyncSync(put(process.env.PWD + '/b', 'bbbb')); syncDir()
    `
    const args = ['--input-type=module', '-e', `${prelude}; ${script}; process.kill(process.pid, 'SIGKILL')`]
    const done = spawnSync(process.execPath, args, { cwd: dir, env: { ...process.env, ...noting(dir, journal), PWD: dir }, encoding: 'utf8' })
    assert.equal(done.signal, 'SIGKILL', done.stderr)
    powerCut(dir, journal)
    return Object.fromEntries(readdirSync(dir).sort().map((name) => [name, readFileSync(join(dir, name), 'utf8')]))
  } finally {
    rmSync(base, { recursive: true })
  }
}

const cases: [name: string, script: string, want: Record<string, string>][] = [
  ['keeps what was synced', '', { a: 'aaaa', b: 'bbbb' }],
  ['undoes a write', `put('a', 'AA', 'r+')`, { a: 'aaaa', b: 'bbbb' }],
  ['undoes a write behind the end', `writeSync(openSync('a', 'r+'), 'xyz', 6)`, { a: 'aaaa', b: 'bbbb' }],
  ['undoes only what came after the sync', `const fd = put('a', 'AA', 'r+'); fdatasyncSync(fd); writeSync(fd, 'XX', 2)`, { a: 'AAaa', b: 'bbbb' }],
  ['undoes emptying', `openSync('a', 'w')`, { a: 'aaaa', b: 'bbbb' }],
  ['undoes cutting short', `ftruncateSync(openSync('a', 'r+'), 1)`, { a: 'aaaa', b: 'bbbb' }],
  ['undoes a new file whose folder was not synced', `fsyncSync(put('c', 'cccc'))`, { a: 'aaaa', b: 'bbbb' }],
  ['leaves a new file empty whose bytes were not synced', `put('c', 'cccc'); syncDir()`, { a: 'aaaa', b: 'bbbb', c: '' }],
  ['undoes a rename over a file', `renameSync('a', 'b')`, { a: 'aaaa', b: 'bbbb' }],
  ['keeps a rename that was synced', `renameSync('a', 'b'); syncDir()`, { b: 'aaaa' }],
  ['finds a renamed file whose bytes were not synced', `put('a', 'AA', 'r+'); renameSync('a', 'c'); syncDir()`, { b: 'bbbb', c: 'aaaa' }],
  ['undoes a removal', `unlinkSync('a')`, { a: 'aaaa', b: 'bbbb' }],
  ['keeps a removal that was synced', `unlinkSync('a'); syncDir()`, { b: 'bbbb' }],
]

for (const [name, script, want] of cases) {
  it(`power cut: ${name}`, () => {
    // The library notes full paths, as the server uses them.
    const full = script.replaceAll(/'([abc])'/g, `process.env.PWD + '/$1'`)
    assert.deepEqual(left(full), want)
  })
}
