// A server whose store is somewhere else: an engine that runs alone on a TCP address, reached by storage.endpoint.
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { defaultConfig, freePorts, plainBinary, Server, type Ports } from './lib/server.ts'
import { Writer } from './lib/writer.ts'

class Engine implements AsyncDisposable {
  readonly url: string
  readonly #args: string[]
  #process: ChildProcess

  constructor(dir: string, port: number) {
    this.url = `http://127.0.0.1:${port}`
    this.#args = ['engine', '--data', dir, '--listen', `127.0.0.1:${port}`]
    this.#process = this.#spawn()
  }

  #spawn(): ChildProcess {
    return spawn(plainBinary, this.#args, { stdio: 'ignore' })
  }

  async ready(): Promise<void> {
    for (let i = 0; i < 500; i++) {
      if ((await fetch(`${this.url}/ping`).catch(() => undefined))?.status === 200) return
      await sleep(20)
    }
    throw new Error('the engine is not ready after 10 s')
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const ended = new Promise((done) => this.#process.once('exit', done))
    this.#process.kill(signal)
    await ended
  }

  async restart(): Promise<void> {
    this.#process = this.#spawn()
    await this.ready()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGTERM')
  }
}

it('an engine on a TCP address, killed under load', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'tripod-engine-'))
  const [port] = await freePorts(1)
  {
    await using engine = new Engine(dir, port!)
    await engine.ready()
    const config = (ports: Ports) => defaultConfig(ports, [`endpoint: ${engine.url}`])
    await using server = await Server.start({ config })
    assert.equal((await server.status()).engine.pid, undefined)
    await using writer = new Writer(server).start()
    for (let round = 0; round < 3; round++) {
      await writer.progress(20)
      await sleep(Math.random() * 1000)
      await engine.end('SIGKILL')
      await writer.progress(20) // receiving goes on without the store
      await engine.restart()
    }
    await writer.progress(20)
    await writer.stop()
    await writer.verify()
  }
  await rm(dir, { recursive: true })
})
