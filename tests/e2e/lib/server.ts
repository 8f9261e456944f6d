// Starts the real binary on free ports, talks to it as an operator would, and sees that it ends cleanly.
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export const plainBinary = resolve('build/tripod')

/** TRIPOD_BINARY: another build of it, for example one with sanitizers. */
export const binary = resolve(process.env.TRIPOD_BINARY ?? plainBinary)

export interface Status {
  pid: number
  engine: { pid: number }
  listeners: { name: string; address: string }[]
  ledger: unknown
  log: unknown
}

export interface ServerOptions {
  role?: 'server' | 'agent' // default: server
  config?: (ports: Ports) => string // default: defaultConfig
  env?: Record<string, string>
  args?: string[]
  dataDir?: string // default: a new temporary directory, removed when the test ends
}

export interface Ports {
  ui: number
  grpc: number
  http: number
  clickhouse: number
}

export type Victim = 'server' | 'engine' | 'both'

/** Free ports of the loopback address, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const listeners = Array.from({ length: count }, () => createServer())
  await Promise.all(listeners.map((l) => new Promise<void>((done) => l.listen(0, '127.0.0.1', done))))
  const ports = listeners.map((l) => (l.address() as AddressInfo).port)
  await Promise.all(listeners.map((l) => new Promise((done) => l.close(done))))
  return ports
}

/** `storage`: further options of that section. The engine is the plain build: libchdb does not bear sanitizers. */
export const defaultConfig = (ports: Ports, storage: string[] = []): string => `
receivers:
  otlp:
    protocols:
      grpc: {endpoint: "127.0.0.1:${ports.grpc}"}
      http: {endpoint: "127.0.0.1:${ports.http}"}
exporters:
  clickhouse: {}
service:
  pipelines:
    logs: {receivers: [otlp], exporters: [clickhouse]}
    traces: {receivers: [otlp], exporters: [clickhouse]}
    metrics: {receivers: [otlp], exporters: [clickhouse]}
ui: {endpoint: "127.0.0.1:${ports.ui}"}
query: {endpoint: "127.0.0.1:${ports.clickhouse}"}
storage: {${[`engine_binary: "${plainBinary}"`, ...storage].join(', ')}}
`

export class Server implements AsyncDisposable {
  readonly dataDir: string
  readonly ports: Ports
  readonly #options: ServerOptions
  #env: Record<string, string> = {}
  #process: ChildProcess | undefined
  #exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }> | undefined
  #log = ''

  private constructor(dataDir: string, ports: Ports, options: ServerOptions) {
    this.dataDir = dataDir
    this.ports = ports
    this.#options = options
  }

  /** A server that is ready. It must be closed: by `await using`, or in `after`. */
  static async start(options: ServerOptions = {}): Promise<Server> {
    const server = await Server.prepare(options)
    try {
      await server.launch()
    } catch (error) {
      await server.#remove()
      throw error
    }
    return server
  }

  /** The same, not started yet. */
  static async prepare(options: ServerOptions = {}): Promise<Server> {
    const [ui, grpc, http, clickhouse] = await freePorts(4)
    const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'tripod-e2e-')))
    return new Server(dataDir, { ui: ui!, grpc: grpc!, http: http!, clickhouse: clickhouse! }, options)
  }

  get log(): string {
    return this.#log
  }

  get running(): boolean {
    return this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null
  }

  get ui(): string {
    return `http://127.0.0.1:${this.ports.ui}`
  }

  /** Starts the process and waits until it is ready. */
  async launch(timeoutMs = 30_000): Promise<void> {
    this.spawn()
    await this.ready(timeoutMs)
  }

  spawn(): void {
    mkdirSync(this.dataDir, { recursive: true })
    const config = join(this.dataDir, 'config.yaml')
    const args = [this.#options.role ?? 'server', '--data', this.dataDir, '--config', config, ...(this.#options.args ?? [])]
    assert.ok(existsSync(binary), `${binary} is not there: make build`)
    writeFileSync(config, this.#options.config?.(this.ports) ?? defaultConfig(this.ports))
    const child = spawn(binary, args, {
      env: { ...process.env, ...this.#options.env, ...this.#env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text
        if (process.env.SERVER_LOG) process.stdout.write(text)
      })
    }
    this.#exit = new Promise((done) => child.on('close', (code, signal) => done({ code, signal })))
    this.#process = child
  }

  /** Variables for the next start, beside those of the options. */
  setEnv(env: Record<string, string>): void {
    this.#env = env
  }

  async ready(timeoutMs = 30_000): Promise<void> {
    const deadline = Date.now() + timeoutMs
    while (Date.now() < deadline) {
      if (!this.running) throw new Error(`the server ended before it was ready:\n${this.#log}`)
      const answer = await fetch(`${this.ui}/-/ready`).catch(() => undefined)
      await answer?.arrayBuffer()
      if (answer?.status === 200) return
      await sleep(20)
    }
    throw new Error(`not ready after ${timeoutMs} ms:\n${this.#log}`)
  }

  async status(): Promise<Status> {
    return (await this.#request('/-/status')).json() as Promise<Status>
  }

  /** Waits until everything that was accepted before can be queried. */
  async flush(): Promise<void> {
    // One call waits half a minute at most; a busy machine may need more.
    for (let tries = 0; tries < 3; tries++) {
      const answer = await fetch(`${this.ui}/-/flush`, { method: 'POST', signal: AbortSignal.timeout(60_000) })
      await answer.arrayBuffer()
      if (answer.status !== 504) break
    }
    await this.#request('/-/flush', 'POST')
  }

  async reload(): Promise<Response> {
    return fetch(`${this.ui}/-/reload`, { method: 'POST' })
  }

  /** Rows over the ClickHouse HTTP port. Integers of 64 bits come as strings. */
  async sql<Row>(query: string): Promise<Row[]> {
    const answer = await fetch(`http://127.0.0.1:${this.ports.clickhouse}/?default_format=JSONEachRow`, {
      method: 'POST',
      body: query,
    })
    const text = await answer.text()
    assert.equal(answer.status, 200, `${query}\n${text}`)
    return text.split('\n').filter(Boolean).map((line) => JSON.parse(line) as Row)
  }

  /** The first column of the first row, as a number. */
  async count(query: string): Promise<number> {
    const [row] = await this.sql<Record<string, unknown>>(query)
    return Number(Object.values(row!)[0])
  }

  /** A statement to the embedded engine itself, past the limits of a user. */
  async engineSql(statement: string): Promise<string> {
    const socketPath = [...this.#log.matchAll(/engine ready address=unix:(\S+)/g)].at(-1)?.[1]
    assert.ok(socketPath, 'the log does not name the engine\'s socket')
    const { status, text } = await new Promise<{ status?: number; text: string }>((done, failed) => {
      const ask = request({ socketPath, path: '/', method: 'POST' }, (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (more: string) => { text += more })
        answer.on('end', () => done({ status: answer.statusCode, text }))
      })
      ask.on('error', failed).end(statement)
    })
    assert.equal(status, 200, `${statement}\n${text}`)
    return text
  }

  async kill(victim: Victim): Promise<void> {
    const { pid, engine } = await this.#withEngine()
    this.killPids(victim, pid, engine.pid)
    if (victim !== 'engine') await this.#exit
  }

  /** The status at a moment when an engine runs: after a crash it is away for a little while. */
  async #withEngine(): Promise<Status> {
    for (let i = 0; i < 500; i++) {
      const status = await this.status()
      if (status.engine.pid) return status
      await sleep(10)
    }
    throw new Error('no engine for 5 s')
  }

  /** Kills the server alone, ready or not. */
  async killItself(): Promise<void> {
    kill(this.#process!.pid!)
    await this.#exit
  }

  killPids(victim: Victim, server: number, engine: number): void {
    for (const pid of [...(victim !== 'engine' ? [server] : []), ...(victim !== 'server' ? [engine] : [])]) {
      kill(pid)
    }
  }

  /** Waits for the process to end by itself. */
  async exited(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    return this.#exit!
  }

  /** Stops it as Ctrl-C does and sees that nothing was wrong with it. */
  async stop(timeoutMs = 30_000): Promise<void> {
    if (!this.running) return
    this.#process!.kill('SIGINT')
    const late = sleep(timeoutMs, undefined, { ref: false }).then(() => assert.fail(`still there ${timeoutMs} ms after SIGINT:\n${this.#log}`))
    const { code, signal } = await Promise.race([this.#exit!, late])
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, `not a clean end:\n${this.#log}`)
    this.assertNoSanitizerReport()
    assert.deepEqual(processesNaming(this.dataDir), [], 'processes were left behind')
  }

  assertNoSanitizerReport(): void {
    const report = /(ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error: )[\s\S]*/.exec(this.#log)
    if (report) assert.fail(report[0])
  }

  async #request(path: string, method = 'GET'): Promise<Response> {
    const answer = await fetch(this.ui + path, { method, signal: AbortSignal.timeout(60_000) })
    if (answer.status !== 200) assert.fail(`${method} ${path}: ${answer.status} ${await answer.text()}\n${this.#log}`)
    return answer
  }

  /** Stops it, sees that it ended cleanly, and removes its data. */
  async close(): Promise<void> {
    try {
      await this.stop()
    } finally {
      await this.#remove()
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #remove(): Promise<void> {
    if (this.running) this.#process!.kill('SIGKILL')
    for (const pid of processesNaming(this.dataDir)) kill(pid)
    if (!this.#options.dataDir) await rm(this.dataDir, { recursive: true, force: true, maxRetries: 5 })
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Runs a client command of the binary to its end. */
export async function tripod(args: string[], stdin = ''): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(binary, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout += text })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text })
  child.stdin.on('error', () => undefined).end(stdin)
  const code = await new Promise<number | null>((done, failed) => child.on('close', done).on('error', failed))
  return { code, stdout, stderr }
}

/** The processes that have `path` in their command line, as a server and its engine do. */
function processesNaming(path: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(path)
      } catch {
        return false // it ended meanwhile
      }
    })
    .map(Number)
}
