import type { ComponentChildren } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { isAbort } from '../lib/clickhouse.ts'
import { FilterError, logsCondition } from '../lib/conditions.ts'
import { fieldTerm, parseFilter, withTerm, type Term } from '../lib/filter.ts'
import { change, place, rangeOf, rangeParams } from '../lib/location.ts'
import { refreshes } from '../lib/refresh.ts'
import { logCounts, logList, newestLog, type LogCountRow, type LogListRow } from '../lib/queries.ts'
import { asStoreError, Counts, Pages } from '../lib/search.ts'
import type { Sql } from '../lib/sql.ts'
import { count, niceStep, resolve, type Span } from '../lib/time.ts'
import { FilterBox } from '../ui/FilterBox.tsx'
import { Histogram, type Layer } from '../ui/Histogram.tsx'
import { Icon } from '../ui/icons.tsx'
import { useKeys } from '../ui/keys.ts'
import { Nothing } from '../ui/Nothing.tsx'
import { Banner, Failed, Searching, Stopped } from '../ui/States.tsx'
import { VirtualList } from '../ui/VirtualList.tsx'
import { indexOfRecord, logItem, parseRecordId, recordId, type LogItem } from './item.ts'
import { LogDetails } from './LogDetails.tsx'
import { LogRow } from './LogRow.tsx'

const rowHeight = 24
const pollMs = 2000
const bars = 100
const aDay = 86_400_000_000_000n

const layers: Layer[] = [
  { name: 'fatal', class: 'fatal' }, { name: 'error', class: 'error' }, { name: 'warn', class: 'warn' }, { name: 'info', class: 'info' },
  { name: 'debug', class: 'debug' }, { name: 'trace', class: 'trace' }, { name: 'no level', class: 'unset' },
]
/** Level numbers (0 unset, 1 trace … 6 fatal) to layers: what is worst stands at the bottom, where it can be compared. */
const layerOf = [6, 5, 4, 3, 2, 1, 0]

// They live as long as the page, so that coming back from a trace shows the list as it was.
const pages = new Pages<LogListRow, LogItem>()
const counts = new Counts<LogCountRow>()
let shown = ''

export function LogsView() {
  const { params } = place.value
  const filter = params.get('q') ?? ''
  const range = rangeOf(params)
  const live = params.get('live') === '1' && 'last' in range
  const rangeKey = 'last' in range ? range.last : `${range.from}-${range.to}`
  const key = `${filter}\n${rangeKey}\n${refreshes.value}`
  const { terms, condition } = useMemo(() => understood(filter), [filter])
  const span = useRef<Span>(resolve(range))

  useEffect(() => {
    if (shown === key || !condition) return
    shown = key
    search(condition, (span.current = resolve(range)))
  }, [key])
  const [added, setAdded] = useState(0)
  const [unseen, setUnseen] = useState(0)
  useLive(live, key, condition, range, (n) => { setAdded(n); setUnseen((old) => old + n) })

  const items = pages.items.value
  const record = parseRecordId(params.get('record') ?? '')
  const selected = record ? indexOfRecord(items, record) : -1
  const open = (index: number, options?: { replace?: boolean }) => {
    if (items[index]) change({ record: recordId(items, index) }, options)
  }
  const close = () => change({ record: undefined })
  const move = (by: number) => open(Math.max(0, Math.min(items.length - 1, selected + by)), { replace: record !== undefined })
  useKeys({
    j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1), PageDown: () => move(20), PageUp: () => move(-20),
    Enter: () => (selected < 0 ? move(1) : false), Escape: () => (record ? close() : false), l: toggleLive,
  })
  const withFilter = (name: string, value: string, negated: boolean) =>
    change({ q: withTerm(filter, fieldTerm(name, value, { negated })) })

  const services = useMemo(() => [...new Set(items.slice(0, 5000).map((i) => i.service))].filter(Boolean).sort(), [items])
  const highlight = useMemo(() => highlighter(terms), [terms])
  const searching = pages.running.value || counts.running.value
  const withDay = span.current.to - span.current.from > aDay / 2n
  return (
    <>
      <div class="toolbar">
        <FilterBox table="logs" placeholder="Search logs: words, &quot;phrases&quot;, service:cart level>=warn http.route:/cart" services={services} />
        <button class={`live ${live ? 'on' : ''}`} onClick={toggleLive} aria-pressed={live} title="Show new records as they come (l)"><Icon name={live ? 'pause' : 'play'} />Live</button>
      </div>
      <LogHistogram />
      <div class="split">
        <main class={`results ${withDay ? 'with-day' : ''} ${pages.fresh.value || !searching ? '' : 'stale'}`}>
          {searching && <Progress />}
          {pages.error.value && items.length > 0 && <Banner error={pages.error.value} retry={() => { void pages.resume() }} />}
          <Results {...{ filter, span: span.current, count: items.length }}>
            <VirtualList
              label="Log records" count={items.length} rowHeight={rowHeight} selected={selected} grown={added} onNearEnd={() => { void pages.more() }}
              onScroll={(top) => { if (top < rowHeight) setUnseen(0) }}
              row={(i) => <LogRow key={i} item={items[i]!} {...{ withDay, highlight }} selected={i === selected} onSelect={() => (i === selected ? close() : open(i, { replace: record !== undefined }))} />}
              footer={pages.complete.value ? <div class="list-end">{count(items.length)} record{items.length === 1 ? '' : 's'}, all there are in this range</div> : pages.stopped.value ? <div class="list-end">Stopped here. <button onClick={() => { void pages.resume() }}>Go on</button></div> : null}
            />
          </Results>
          {live && unseen > 0 && <UnseenButton count={unseen} onClick={() => { setUnseen(0); document.querySelector('.results .list')!.scrollTop = 0 }} />}
        </main>
        {record && <LogDetails id={record} onFilter={withFilter} onClose={close} />}
      </div>
    </>
  )
}

function UnseenButton({ count: n, onClick }: { count: number; onClick: () => void }) {
  const list = document.querySelector('.results .list')
  if (!list || list.scrollTop < rowHeight) return null
  return <button class="unseen primary" onClick={onClick}><Icon name="up" />{count(n)} new</button>
}

function toggleLive(): void {
  const on = place.value.params.get('live') === '1'
  const range = rangeOf(place.value.params)
  change({ ...rangeParams('last' in range ? range : { last: '15m' }), live: on ? undefined : '1' })
}

function understood(filter: string): { terms: Term[]; condition: Sql | undefined } {
  const { terms, problem } = parseFilter(filter)
  if (problem) return { terms, condition: undefined }
  try {
    return { terms, condition: logsCondition(terms) }
  } catch (error) {
    if (error instanceof FilterError) return { terms, condition: undefined }
    throw error
  }
}

function search(condition: Sql, span: Span): void {
  const step = niceStep(span.to - span.from, bars)
  counts.cancel()
  const listed = pages.start({ statement: (piece, limit) => logList(piece, condition, limit), item: logItem }, span)
  // The list is what is waited for; counting would take the processors from it.
  void listed.then((found) => { if (found) void counts.start((piece, size) => logCounts(piece, size, condition), span, step) })
}

/** Looks for new records again and again while `live` is on. */
function useLive(live: boolean, key: string, condition: Sql | undefined, range: ReturnType<typeof rangeOf>, onAdded: (count: number) => void): void {
  useEffect(() => {
    if (!live || !condition) return
    let timer: ReturnType<typeof setTimeout>
    let stopped = false
    const turn = async () => {
      const span = resolve(range)
      try {
        if (!document.hidden) {
          onAdded(await pages.poll(span.to))
          await counts.poll(span)
        }
      } catch (error) {
        if (!isAbort(error)) pages.error.value = asStoreError(error)
      }
      if (!stopped) timer = setTimeout(() => { void turn() }, pollMs)
    }
    timer = setTimeout(() => { void turn() }, pollMs)
    return () => { stopped = true; clearTimeout(timer) }
  }, [live, key])
}

function Progress() {
  const span = counts.running.value ? counts.span.value : undefined
  const from = span ?? resolve(rangeOf(place.value.params))
  const reached = pages.running.value ? pages.reached.value : counts.reached.value
  const fraction = reached === 0n ? 0 : Number(from.to - reached) / Number(from.to - from.from || 1n)
  return <Searching fraction={Math.max(0, Math.min(1, fraction))} onCancel={() => { pages.stop(); counts.cancel() }} />
}

function LogHistogram() {
  const { value: rows } = counts.rows
  const { value: span } = counts.span
  const map = useMemo(() => {
    const map = new Map<number, number[]>()
    for (const [step, level, n] of rows) {
      let bar = map.get(Number(step))
      if (!bar) map.set(Number(step), (bar = layers.map(() => 0)))
      bar[layerOf[Math.min(level, 6)]!]! += Number(n)
    }
    return map
  }, [rows])
  if (span.to === 0n) return <div class="histogram" />
  const reached = counts.running.value || counts.error.value ? counts.reached.value : span.from
  return <Histogram span={span} step={counts.step.value} layers={layers} bars={map} reached={reached} onSelect={(s) => change({ ...rangeParams(s), record: undefined })} />
}

/** The list, or in its place why there is none. */
function Results({ filter, span, count: n, children }: { filter: string; span: Span; count: number; children: ComponentChildren }) {
  if (n > 0) return <>{children}</>
  if (pages.error.value) return <Failed error={pages.error.value} retry={() => { shown = ''; void pages.resume() }} />
  if (pages.stopped.value) return <Stopped resume={() => { void pages.resume() }} />
  if (!pages.complete.value) return null
  return <Nothing what="logs" filter={filter} span={span} newest={newestLog()} />
}

function highlighter(terms: readonly Term[]): RegExp | undefined {
  const words = terms.flatMap((t) => (t.kind === 'text' && !t.negated && t.text ? [t.text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')] : []))
  return words.length > 0 ? new RegExp(`(${words.sort((a, b) => b.length - a.length).join('|')})`, 'iu') : undefined
}
