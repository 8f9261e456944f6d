// A store to look at: the engine on a free port, with the telemetry tables and what a test puts into them.
import assert from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Shop } from './shop.ts'

const helpers = 'build/tests/helpers'
const second = 1_000_000_000n

export class Store {
  readonly address: string
  readonly #data: string
  readonly #engine: ChildProcess

  private constructor(address: string, data: string, engine: ChildProcess) {
    this.address = address
    this.#data = data
    this.#engine = engine
  }

  static async start(): Promise<Store> {
    const data = mkdtempSync(join(tmpdir(), 'tripod-web-'))
    const engine = spawn(`${helpers}/engine`, ['--data', data, '--listen', '127.0.0.1:0', '--ready-fd', '3', '--die-with-parent'], {
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    })
    const address = await new Promise<string>((resolve, reject) => {
      createInterface({ input: engine.stdio[3] as NodeJS.ReadableStream }).on('line', (line) => resolve(line.replace('ready ', '')))
      engine.on('error', reject).on('exit', (code) => reject(new Error(`the engine ended with ${code}`)))
    })
    const store = new Store(address, data, engine)
    await store.sql('CREATE DATABASE IF NOT EXISTS otel', '', 'default')
    for (const statement of execFileSync(`${helpers}/ddl`, ['otel'], { encoding: 'utf8' }).split(';\n').filter(Boolean)) await store.sql(statement)
    return store
  }

  async sql(statement: string, body = '', database = 'otel'): Promise<string> {
    const base = `http://${this.address}/?database=${database}`
    const url = body ? `${base}&query=${encodeURIComponent(statement)}` : base
    const answer = await fetch(url, { method: 'POST', body: body || statement })
    const text = await answer.text()
    assert.equal(answer.status, 200, `${statement}\n${text}`)
    return text
  }

  async insert(table: string, rows: object[]): Promise<void> {
    for (let at = 0; at < rows.length; at += 20_000) {
      const lines = rows.slice(at, at + 20_000).map((row) => JSON.stringify(row)).join('\n')
      await this.sql(`INSERT INTO ${table} SETTINGS max_partitions_per_insert_block = 0 FORMAT JSONEachRow`, lines)
    }
  }

  /** `visits` requests to the shop over the `hours` before `now`, and what happens beside them. */
  async fillShop(options: { visits: number; hours: number; now: bigint; seed?: number }): Promise<Shop> {
    const shop = new Shop(options.seed)
    const span = BigInt(Math.round(options.hours * 3600)) * second
    for (let i = 0; i < options.visits; i++) {
      // Denser towards now, and with waves, so that histograms have a shape.
      const x = (i + 0.5) / options.visits
      const wave = 0.01 * Math.sin(x * 40) * (1 - x)
      const ago = BigInt(Math.floor(Number(span) * Math.max(0, 1 - x ** 0.6 + wave)))
      const time = options.now - 8n * second - ago - BigInt(i * 7919 % 1_000_000)
      shop.visit(time)
      if (i % 3 === 0) shop.background(time + 150_000_000n)
    }
    await this.insert('otel_logs', shop.logs)
    await this.insert('otel_traces', shop.spans)
    await this.sql(`INSERT INTO otel_traces_trace_id_ts SELECT TraceId, min(Timestamp), max(addNanoseconds(Timestamp, Duration)) FROM otel_traces GROUP BY TraceId SETTINGS max_partitions_per_insert_block = 0`)
    return shop
  }

  stop(): void {
    this.#engine.kill('SIGKILL')
    rmSync(this.#data, { recursive: true, force: true, maxRetries: 5 })
  }
}
