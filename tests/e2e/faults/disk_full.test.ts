// The disk fills up: senders are refused, the program stays up, and goes on when space is back.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Server } from '../lib/server.ts'
import { Writer } from '../lib/writer.ts'

const megabytes = 512

/** A small file system of its own, or why there cannot be one. */
function mountSmall(): { path: string; unmount: () => void } | string {
  if (process.getuid!() !== 0) return 'needs root, to mount a small file system'
  const path = mkdtempSync(join(tmpdir(), 'tripod-small-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tripod-test', path], { stdio: 'pipe' })
  } catch (error) {
    rmSync(path, { recursive: true })
    return `cannot mount a small file system: ${(error as Error).message.trim()}`
  }
  return {
    path,
    unmount: () => {
      execFileSync('umount', ['--lazy', path])
      rmSync(path, { recursive: true })
    },
  }
}

const small = mountSmall()

describe('the disk fills up', { skip: typeof small === 'string' ? small : false }, () => {
  if (typeof small === 'string') return

  it('and is emptied again', async (test) => {
    test.after(small.unmount)
    const ballast = join(small.path, 'ballast')
    writeFileSync(ballast, Buffer.alloc((megabytes / 2) << 20, 1))
    await using server = await Server.start({ dataDir: join(small.path, 'data') })
    await using writer = new Writer(server, { bodyBytes: 20_000 }).start()
    await writer.progress(20)
    const full = Date.now() + 60_000
    while (writer.refusals.size === 0 && Date.now() < full) await sleep(50)
    assert.match(JSON.stringify([...writer.refusals.keys()]), /"(8|14|429|503) /)
    await sleep(3000)
    assert.equal((await fetch(`${server.ui}/-/healthy`)).status, 200)
    rmSync(ballast)
    await writer.progress(50)
    await writer.stop()
    await writer.verify()
  })
})
