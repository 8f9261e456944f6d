// kill -9 at random moments under load: nothing acknowledged is missing, nothing is there twice.
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Server, type Victim } from '../lib/server.ts'
import { Writer } from '../lib/writer.ts'

const rounds = Number(process.env.FAULT_ROUNDS ?? 5)

describe(`kill -9, ${rounds} rounds`, () => {
  for (const victim of ['server', 'engine', 'both'] as Victim[]) {
    it(`of ${victim}`, async () => {
      await using server = await Server.start()
      await using writer = new Writer(server).start()
      for (let round = 0; round < rounds; round++) {
        await writer.progress(20)
        await sleep(Math.random() * 1000)
        await server.kill(victim)
        if (victim !== 'engine') await server.launch()
      }
      await writer.progress(20)
      await writer.stop()
      await writer.verify()
    })
  }

  it('of the server while it starts again', async () => {
    await using server = await Server.start()
    await using writer = new Writer(server).start()
    await writer.progress(50)
    await server.kill('both')
    await writer.stop()
    for (let round = 0; round < rounds; round++) {
      server.spawn()
      await sleep(Math.random() * 500)
      await server.killItself()
    }
    await server.launch()
    await writer.verify()
  })
})
