// Nothing was found: because there is nothing at all, nothing in this time, or nothing that matches.
import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { isAbort, query } from '../lib/clickhouse.ts'
import { change, rangeParams } from '../lib/location.ts'
import { refresh } from '../lib/refresh.ts'
import type { Sql } from '../lib/sql.ts'
import { ago, secondNs, type Span } from '../lib/time.ts'
import { FirstSteps, Message } from './States.tsx'

export interface NothingProps {
  what: 'logs' | 'traces'
  filter: string
  span: Span
  newest: Sql // gives the time of the newest row of all, or no row
  children?: ComponentChildren // what else could be tried
}

const pollMs = 2000

export function Nothing({ what, filter, span, newest: statement, children }: NothingProps) {
  const newest = useNewest(statement, span)
  if (newest === undefined) return null
  if (newest === null) return <FirstSteps what={what} />
  const one = what === 'logs' ? 'record' : 'span'
  const around = rangeParams({ from: newest - 3600n * secondNs, to: newest + 60n * secondNs })
  return (
    <Message title={filter ? 'Nothing matches' : 'Nothing in this time'}>
      {filter && <p>No {one} between these times matches <code>{filter}</code>.</p>}
      <p>The newest {one} {filter && 'of all '}is from {ago(newest)}.</p>
      <div class="message-actions">
        {children}
        {filter && <button onClick={() => change({ q: undefined })}>Clear the filter</button>}
        {newest < span.from ? <button class="primary" onClick={() => change(around)}>Show the time around it</button>
          : filter && <button class="primary" onClick={() => change(rangeParams({ last: '7d' }))}>Look through 7 days</button>}
      </div>
    </Message>
  )
}

/** Asks again while there is nothing, and searches again as soon as there is something. */
function useNewest(statement: Sql, span: Span): bigint | null | undefined {
  const [newest, setNewest] = useState<bigint | null>()
  useEffect(() => {
    const abort = new AbortController()
    let timer: ReturnType<typeof setTimeout>
    let empty = false
    const look = async () => {
      try {
        const [row] = await query<[string]>(statement, { signal: abort.signal })
        if (row && empty) refresh()
        empty = !row
        setNewest(row ? BigInt(row[0]) : null)
      } catch (error) {
        if (isAbort(error)) return
        empty = true
      }
      if (empty) timer = setTimeout(() => { void look() }, pollMs)
    }
    void look()
    return () => { abort.abort(); clearTimeout(timer) }
  }, [span])
  return newest
}
