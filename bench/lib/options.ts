// Sizes of the benchmarks, from the environment.
function number(name: string, initial: number): number {
  const text = process.env[name]
  const value = text === undefined ? initial : Number(text)
  if (!Number.isFinite(value) || value < 0) throw new Error(`${name}=${text} is not a number`)
  return value
}

export type Signal = 'logs' | 'traces' | 'metrics'
export const signals: Signal[] = ['logs', 'traces', 'metrics']

export const options = {
  rows: number('ROWS', 1_000_000), // of each signal
  batch: number('BATCH', 1000), // records in a request
  rounds: number('ROUNDS', 3),
  inFlight: number('IN_FLIGHT', 8),
  partRows: number('PART_ROWS', 500_000), // the limit's INSERTs: the most that a cut of the server may have
  blockBytes: number('BLOCK_BYTES', 400_000_000), // and their blocks: one an INSERT is what the engine likes best
  latencySeconds: number('LATENCY_SECONDS', 15),
  only: process.env.ONLY?.split(','), // names of sections
}

/** The hour after yesterday's midnight: nothing falls into two partitions, nothing has expired. */
export const startTime = BigInt(Math.floor(Date.now() / 86_400_000) * 86_400_000 - 23 * 3_600_000) * 1_000_000n

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]!
}
