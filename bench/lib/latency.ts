// At a fixed rate: how long until an answer, and until the rows are in the result of a query.
import { setTimeout as sleep } from 'node:timers/promises'
import { Server } from '../../tests/e2e/lib/server.ts'
import { options } from './options.ts'
import { cpuSeconds } from './process.ts'
import { Load, mainTable, type Sent } from './whole.ts'

const pollMs = 50

export interface Latency {
  rate: number // rows a second
  answer: { p50: number; p99: number; max: number } // ms
  visible: { p50: number; p99: number; max: number } // ms, from the answer
  rows: number
  serverCpu: number // seconds, until all was stored
  engineCpu: number // with the queries
}

/** [when the query was sent, rows it saw], until it sees `rows`. */
async function poll(server: Server, rows: number, seen: [number, number][]): Promise<void> {
  for (;;) {
    const count = await server.count(`SELECT count() FROM ${mainTable.logs}`)
    seen.push([Date.now(), count])
    if (count >= rows) return
    await sleep(pollMs)
  }
}

/** For each moment of acknowledgement, how long until an answer had at least those rows. */
function delays(sent: Sent, seen: [number, number][]): number[] {
  let at = 0
  return sent.acknowledged.filter(([, rows]) => rows > 0).map(([time, rows]) => {
    while (at < seen.length - 1 && seen[at]![1] < rows) at++
    return Math.max(0, seen[at]![0] - time)
  }).sort((a, b) => a - b)
}

export async function measureLatency(rate: number): Promise<Latency> {
  const rows = Math.max(1, Math.round(rate * options.latencySeconds / options.batch)) * options.batch
  await using server = await Server.start()
  const load = new Load(server, 'logs', { rows, rate })
  await load.ready()
  const { pid, engine } = await server.status()
  const before = { server: cpuSeconds(pid), engine: cpuSeconds(engine.pid) }
  const seen: [number, number][] = []
  const [sent] = await Promise.all([load.send(), poll(server, rows, seen)])
  const sorted = delays(sent, seen)
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!
  return {
    rate,
    answer: { p50: sent.p50, p99: sent.p99, max: sent.max },
    visible: { p50: at(0.5), p99: at(0.99), max: at(1) },
    rows,
    serverCpu: cpuSeconds(pid) - before.server,
    engineCpu: cpuSeconds(engine.pid) - before.engine,
  }
}
