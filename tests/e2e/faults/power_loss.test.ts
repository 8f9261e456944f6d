// kill -9, and what was written but not synced is thrown away, as a disk may when it loses power. The engine's own files are
// left as they are: libchdb syncs them by itself.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { noting, powerCut } from '../lib/power_cut.ts'
import { Server } from '../lib/server.ts'
import { Writer } from '../lib/writer.ts'

const rounds = Number(process.env.FAULT_ROUNDS ?? 5)

it(`power loss, ${rounds} rounds`, async () => {
  const base = mkdtempSync(join(tmpdir(), 'tripod-power-'))
  const dataDir = join(base, 'data')
  const journal = join(base, 'journal')
  try {
    await using server = await Server.start({ dataDir, env: noting(dataDir, journal, join(dataDir, 'store')) })
    await using writer = new Writer(server).start()
    for (let round = 0; round < rounds; round++) {
      await writer.progress(20)
      await sleep(Math.random() * 500)
      await server.kill('both')
      powerCut(dataDir, journal)
      await server.launch()
    }
    await writer.progress(20)
    await writer.stop()
    await writer.verify()
  } finally {
    rmSync(base, { recursive: true, force: true })
  }
})
