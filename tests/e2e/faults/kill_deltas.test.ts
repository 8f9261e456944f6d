// kill -9 at random moments while deltas come in: each increment that was acknowledged counts once.
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { DeltaWriter } from '../lib/deltas.ts'
import { defaultConfig, Server, type Victim } from '../lib/server.ts'

const rounds = Number(process.env.FAULT_ROUNDS ?? 5)

// A small log has checkpoints each 32 KiB of it.
const config = (ports: Parameters<typeof defaultConfig>[0]) => defaultConfig(ports, ['log: {segment_size: 1MiB, max_size: 4MiB}'])

describe(`deltas and kill -9, ${rounds} rounds`, () => {
  for (const victim of ['server', 'engine', 'both'] as Victim[]) {
    it(`of ${victim}`, async () => {
      await using server = await Server.start({ config })
      await using writer = new DeltaWriter(server).start()
      for (let round = 0; round < rounds; round++) {
        await writer.progress(50)
        await sleep(Math.random() * 1500)
        await server.kill(victim)
        if (victim !== 'engine') await server.launch()
      }
      await writer.progress(50)
      await writer.stop()
      await writer.verify()
    })
  }

  it('goes on after an orderly stop', async () => {
    await using server = await Server.start({ config })
    await using writer = new DeltaWriter(server).start()
    for (let round = 0; round < rounds; round++) {
      await writer.progress(50)
      await server.stop()
      await server.launch()
    }
    await writer.progress(50)
    await writer.stop()
    await writer.verify()
  })
})
