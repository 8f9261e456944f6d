// A search in progress: pages of what was found, newest first, and counts over time. Both walk back through the range.
import { batch, signal } from '@preact/signals'
import { isAbort, query, StoreError } from './clickhouse.ts'
import type { Sql } from './sql.ts'
import { secondNs, type Span } from './time.ts'
import { walkBack } from './walk.ts'

export interface Timed {
  time: bigint
}

export interface Source<Raw extends unknown[], Item extends Timed> {
  statement: (span: Span, limit: number) => Sql
  item: (raw: Raw) => Item
}

const firstPage = 200
const laterPage = 2000
/** Records may become visible later than newer ones: how far back a poll looks again. */
const lateness = 15n * secondNs
const mostInPoll = 1000

export class Pages<Raw extends unknown[], Item extends Timed> {
  readonly items = signal<readonly Item[]>([])
  readonly running = signal(false)
  readonly complete = signal(false) // there is no more in the range
  readonly reached = signal(0n) // everything from here on was looked at
  readonly error = signal<StoreError | undefined>(undefined)
  readonly stopped = signal(false) // by the user, before it was through
  /** Whether `items` are of this search yet; until then they are the last one's. */
  readonly fresh = signal(false)
  #source: Source<Raw, Item> | undefined
  #span: Span = { from: 0n, to: 0n }
  #abort = new AbortController()

  /** True once the first page is there; false when it failed, or another search took its place. */
  async start(source: Source<Raw, Item>, span: Span): Promise<boolean> {
    this.#cancel()
    this.#source = source
    this.#span = span
    batch(() => {
      this.reached.value = span.to
      this.complete.value = false
      this.fresh.value = false
      this.stopped.value = false
      this.error.value = undefined
    })
    return this.#load(firstPage)
  }

  /** The next page. Does nothing while one is on its way, and when there is none. */
  async more(): Promise<void> {
    if (!this.running.value && !this.complete.value && !this.error.value && !this.stopped.value && this.fresh.value) await this.#load(laterPage)
  }

  /** After a failure, or after `stop`: goes on from there. */
  async resume(): Promise<void> {
    if (this.running.value) return
    batch(() => {
      this.error.value = undefined
      this.stopped.value = false
    })
    await this.#load(firstPage)
  }

  stop(): void {
    if (!this.running.value) return
    batch(() => {
      this.#cancel()
      this.stopped.value = true
      if (!this.fresh.value) this.#add([], this.reached.value, true)
    })
  }

  #cancel(): void {
    this.#abort.abort()
    this.#abort = new AbortController()
    this.running.value = false
  }

  /** What came since, up to `now`; gives how many were added. */
  async poll(now: bigint): Promise<number> {
    const source = this.#source
    if (!source || this.running.value || !this.fresh.value) return 0
    const { signal } = this.#abort
    const newest = this.items.value[0]?.time ?? this.reached.value
    const from = newest - lateness > this.reached.value ? newest - lateness : this.reached.value
    const found = (await query<Raw>(source.statement({ from, to: now }, mostInPoll), { signal })).map(source.item)
    if (signal.aborted || !this.fresh.value) return 0
    const before = this.items.value.length
    // What was looked at again replaces what was there; where there was too much for one poll, the list begins anew.
    const cut = found.length >= mostInPoll
    const rest = cut ? [] : this.items.value.slice(this.items.value.findLastIndex((item) => item.time >= from) + 1)
    batch(() => {
      this.error.value = undefined
      if (cut) {
        this.reached.value = found.at(-1)!.time
        this.complete.value = false
      }
      this.items.value = [...found, ...rest]
    })
    return Math.max(0, this.items.value.length - before)
  }

  async #load(size: number): Promise<boolean> {
    const { signal } = this.#abort
    const source = this.#source!
    const end = this.reached.value
    let wanted = size
    this.running.value = true
    try {
      const enough = await walkBack({ from: this.#span.from, to: end }, {
        look: async (piece) => {
          const found = (await query<Raw>(source.statement(piece, wanted), { signal })).map(source.item)
          signal.throwIfAborted()
          wanted -= found.length
          batch(() => {
            this.#add(found, wanted <= 0 ? found.at(-1)!.time : piece.from)
            if (wanted <= 0) this.running.value = false
          })
          return wanted <= 0
        },
      })
      batch(() => {
        this.complete.value = !enough
        if (!enough && !this.fresh.value) this.#add([], this.reached.value, true)
        this.running.value = false
      })
      return true
    } catch (error) {
      if (isAbort(error) || signal.aborted) return false
      batch(() => {
        this.error.value = asStoreError(error)
        this.running.value = false
      })
      return false
    }
  }

  #add(found: readonly Item[], reached: bigint, done = false): void {
    batch(() => {
      this.reached.value = reached
      if (found.length === 0 && !done) return
      this.items.value = this.fresh.value ? [...this.items.value, ...found] : found
      this.fresh.value = true
    })
  }
}

/** Rows that begin with a step number; those of one step replace the ones before. */
export class Counts<Row extends [number, ...unknown[]]> {
  readonly rows = signal<readonly Row[]>([])
  readonly span = signal<Span>({ from: 0n, to: 0n })
  readonly step = signal(secondNs)
  readonly running = signal(false)
  readonly reached = signal(0n)
  readonly error = signal<StoreError | undefined>(undefined)
  #statement: ((span: Span, step: bigint) => Sql) | undefined
  #abort = new AbortController()

  async start(statement: (span: Span, step: bigint) => Sql, span: Span, step: bigint): Promise<void> {
    this.cancel()
    this.#statement = statement
    const { signal } = this.#abort
    let first = true
    batch(() => {
      this.running.value = true
      this.reached.value = span.to
      this.error.value = undefined
    })
    try {
      await walkBack(span, {
        align: step,
        first: step * 4n,
        look: async (piece) => {
          const found = await query<Row>(statement(piece, step), { signal })
          signal.throwIfAborted()
          batch(() => {
            this.span.value = span
            this.step.value = step
            this.rows.value = first ? found : [...this.rows.value, ...found]
            this.reached.value = piece.from
          })
          first = false
          return false
        },
      })
      this.running.value = false
    } catch (error) {
      if (isAbort(error) || signal.aborted) return
      batch(() => {
        this.error.value = asStoreError(error)
        this.running.value = false
      })
    }
  }

  /** Moves the end to `span.to` and counts the newest steps again. */
  async poll(span: Span): Promise<void> {
    const statement = this.#statement
    if (!statement || this.running.value) return
    const { signal } = this.#abort
    const step = this.step.value
    const from = ((this.span.value.to - lateness) / step) * step
    const found = await query<Row>(statement({ from, to: span.to }, step), { signal })
    if (signal.aborted) return
    const [oldest, again] = [Number(span.from / step), Number(from / step)]
    batch(() => {
      this.span.value = span
      this.rows.value = [...this.rows.value.filter(([at]) => at >= oldest && at < again), ...found]
    })
  }

  cancel(): void {
    this.#abort.abort()
    this.#abort = new AbortController()
    this.running.value = false
  }
}

export function asStoreError(error: unknown): StoreError {
  return error instanceof StoreError ? error : new StoreError('query', error instanceof Error ? error.message : String(error))
}
