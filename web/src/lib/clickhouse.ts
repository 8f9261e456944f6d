// The one way from the page to the store: ClickHouse's HTTP interface under the page's own origin.
import { compile, type Sql } from './sql.ts'

/** query: the store answered that it cannot; unavailable: it did not answer; timeout: it took too long. */
export type Failure = 'query' | 'unavailable' | 'timeout'

export class StoreError extends Error {
  readonly failure: Failure
  readonly code: number

  constructor(failure: Failure, message: string, code = 0) {
    super(message)
    this.failure = failure
    this.code = code
  }
}

export interface QueryOptions {
  signal?: AbortSignal // closing the connection cancels the query in the store
  timeoutMs?: number
}

const defaultTimeoutMs = 60_000
const unknownTable = 60
const unknownDatabase = 81
const timeoutExceeded = 159

/** The rows, each an array of its columns. Throws a StoreError, or an AbortError when `signal` said so. */
export async function query<Row extends unknown[]>(statement: Sql, options: QueryOptions = {}): Promise<Row[]> {
  const { text, params } = compile(statement)
  const url = new URLSearchParams({ default_format: 'JSONCompactEachRow', readonly: '1', enable_http_compression: '1' })
  for (const [name, value] of Object.entries(params)) url.set(`param_${name}`, value)
  const timeout = AbortSignal.timeout(options.timeoutMs ?? defaultTimeoutMs)
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout
  try {
    const answer = await fetch(`/clickhouse/?${url}`, { method: 'POST', body: text, signal })
    const body = await answer.text()
    if (!answer.ok) throw errorOf(answer.status, body)
    return rowsOf<Row>(body)
  } catch (error) {
    if (error instanceof StoreError || options.signal?.aborted) throw error
    if (timeout.aborted) throw new StoreError('timeout', `The store did not finish within ${Math.round((options.timeoutMs ?? defaultTimeoutMs) / 1000)} s.`)
    throw new StoreError('unavailable', 'The store does not answer.')
  }
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}

function rowsOf<Row>(body: string): Row[] {
  const lines = body.trimEnd()
  // A line break inside a value is escaped, so each one here ends a row.
  return lines ? (JSON.parse(`[${lines.replaceAll('\n', ',')}]`) as Row[]) : []
}

function errorOf(status: number, body: string): StoreError {
  const found = /^Code: (\d+)\. DB::Exception: ([\s\S]*?)\s*$/.exec(body)
  const code = Number(found?.[1] ?? 0)
  if (code === unknownTable || code === unknownDatabase) return new StoreError('unavailable', 'The store has no tables yet.', code)
  const message = found?.[2] ?? body.trim()
  if (code === timeoutExceeded || status === 504) return new StoreError('timeout', message || 'The store did not finish in time.', code)
  if (status === 502 || status === 503) return new StoreError('unavailable', message || 'The store does not answer.', code)
  return new StoreError('query', message || `The server answered ${status}.`, code)
}
