// The engine stands still under load: senders notice nothing, afterwards all is there.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Server } from '../lib/server.ts'
import { Writer } from '../lib/writer.ts'

// A minute in the long form.
const seconds = Number(process.env.FAULT_ROUNDS ?? 5) >= 50 ? 60 : 5

it(`the engine stands still for ${seconds} s`, async () => {
  await using server = await Server.start()
  await using writer = new Writer(server).start()
  await writer.progress(20)
  const { engine } = await server.status()
  process.kill(engine.pid, 'SIGSTOP')
  await sleep(seconds * 1000)
  await writer.progress(20)
  try {
    process.kill(engine.pid, 'SIGCONT')
  } catch {
    // Its supervisor may have replaced it.
  }
  await writer.stop()
  assert.deepEqual([...writer.refusals], [])
  await writer.verify()
})
