// The real binary: OTLP/gRPC over a socket until everything is stored and merged.
import { setTimeout as sleep } from 'node:timers/promises'
import { Server } from '../../tests/e2e/lib/server.ts'
import { options, startTime, type Signal } from './options.ts'
import { Profile } from './profile.ts'
import { cpuSeconds, peakMegabytes, Program, residentMegabytes } from './process.ts'

const settleSeconds = 5

export const mainTable: Record<Signal, string> = { logs: 'otel_logs', traces: 'otel_traces', metrics: 'otel_metrics_samples' }

export interface Sent {
  rows: number
  requests: number
  failed: number
  bytes: number
  seconds: number
  p50: number
  p99: number
  max: number
  acknowledged: [number, number][]
}

export interface Whole {
  rows: number // of the main table
  seconds: number // until all was stored, merges apart
  serverCpu: number
  engineCpu: number
  idleMegabytes: number
  serverMegabytes: number // most
  engineMegabytes: number
  bytes: number
  inserted: number // parts
  costs: string[] // the server's largest, if it was profiled
}

export class Load {
  readonly #program

  constructor(server: Server, signal: Signal, how: { rows?: number; batch?: number; rate?: number; encoding?: string; inFlight?: number } = {}) {
    const { rows = options.rows, batch = options.batch, rate = 0, encoding = 'identity', inFlight = options.inFlight } = how
    this.#program = new Program('bench_load', [
      `127.0.0.1:${server.ports.grpc}`, signal, rows, batch, String(startTime), inFlight, rate, encoding,
    ])
  }

  /** All requests are made. */
  async ready(): Promise<void> {
    await this.#program.line()
  }

  async send(): Promise<Sent> {
    this.#program.go()
    const sent = JSON.parse(await this.#program.line()) as Sent
    await this.#program.end()
    return sent
  }
}

/** A flush waits half a minute at most, a busy machine may need more. */
export async function flush(server: Server): Promise<void> {
  for (;;) {
    const answer = await fetch(`${server.ui}/-/flush`, { method: 'POST' })
    const text = await answer.text()
    if (answer.status === 200) return
    if (answer.status !== 504) throw new Error(`flush: ${answer.status} ${text}`)
  }
}

async function settle(server: Server): Promise<void> {
  for (let quiet = 0; quiet < settleSeconds; quiet++) {
    if (Number(await server.engineSql('SELECT count() FROM system.merges')) > 0) quiet = -1
    await sleep(1000)
  }
}

export async function measureWhole(signal: Signal, how: { rows?: number; batch?: number; encoding?: string; inFlight?: number; profile?: boolean } = {}): Promise<Whole> {
  await using server = await Server.start()
  const { pid, engine } = await server.status()
  const load = new Load(server, signal, how)
  await load.ready()
  const idleMegabytes = residentMegabytes(pid)
  const before = { server: cpuSeconds(pid), engine: cpuSeconds(engine.pid) }
  const profile = how.profile ? new Profile(pid) : undefined
  const start = performance.now()
  const sent = await load.send()
  if (sent.failed) throw new Error(`${sent.failed} of ${sent.requests} requests failed`)
  await flush(server)
  const seconds = (performance.now() - start) / 1000
  await settle(server)
  const [rows, bytes] = (await server.engineSql(
    `SELECT sumIf(rows, table = '${mainTable[signal]}'), sum(bytes_on_disk) FROM system.parts WHERE active AND table LIKE 'otel%'`,
  )).split('\t').map(Number)
  const inserted = Number(await server.engineSql(
    `SELECT sum(max_block_number - min_block_number + 1) FROM system.parts WHERE active AND table = '${mainTable[signal]}'`,
  ))
  return {
    rows: rows!,
    seconds,
    serverCpu: cpuSeconds(pid) - before.server,
    engineCpu: cpuSeconds(engine.pid) - before.engine,
    idleMegabytes,
    serverMegabytes: peakMegabytes(pid),
    engineMegabytes: peakMegabytes(engine.pid),
    bytes: bytes!,
    inserted,
    costs: await profile?.largest(3) ?? [],
  }
}
