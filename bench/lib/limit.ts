// The engine alone: bench_limit.
import { foreign } from './foreign.ts'
import { options, startTime, type Signal } from './options.ts'
import { output } from './process.ts'

export interface Limit {
  rows: number
  cpu: number
  insert_cpu: number
  inserts: number
  bytes: number
  merged_bytes?: number
  main_bytes?: number
  foreign_bytes?: number
}

/** `partRows`: of an INSERT. `compare`: with the exporter's own tables, bytes on disk. */
export async function measureLimit(signal: Signal, partRows = options.partRows, compare = false): Promise<Limit> {
  const { rows, batch, blockBytes } = options
  const other = compare && signal !== 'metrics' ? [foreign[signal].ddl, foreign[signal].select] : []
  return JSON.parse(await output('bench_limit', [signal, rows, batch, String(startTime), partRows, blockBytes, ...other])) as Limit
}
