import { signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { isAbort, query } from '../lib/clickhouse.ts'
import { serviceVariable } from '../lib/colours.ts'
import { FilterError, spansCondition } from '../lib/conditions.ts'
import { parseFilter, withoutField } from '../lib/filter.ts'
import { change, go, href, place, rangeOf, rangeParams } from '../lib/location.ts'
import { isRoot, newestSpan, spanDensity, spanList, traceSummaries, type SpanDensityRow, type SpanListRow, type TraceSummaryRow } from '../lib/queries.ts'
import { refreshes } from '../lib/refresh.ts'
import { Counts, Pages } from '../lib/search.ts'
import { all, type Sql } from '../lib/sql.ts'
import { clock, count, duration, niceStep, preciseDuration, preciseLocal, preciseUtc, resolve, type Span } from '../lib/time.ts'
import { FilterBox } from '../ui/FilterBox.tsx'
import { useKeys } from '../ui/keys.ts'
import { Nothing } from '../ui/Nothing.tsx'
import { Banner, Failed, Searching, Stopped } from '../ui/States.tsx'
import { VirtualList } from '../ui/VirtualList.tsx'
import { Density } from './Density.tsx'

interface SpanItem {
  time: bigint
  trace: string
  span: string
  name: string
  kind: string
  service: string
  duration: number
  error: boolean
  message: string
}

interface Summary {
  spans: number
  errors: number
  services: string[]
}

const rowHeight = 30
const bars = 100
const aDay = 86_400_000_000_000n

const pages = new Pages<SpanListRow, SpanItem>()
const density = new Counts<SpanDensityRow>()
const summaries = signal<ReadonlyMap<string, Summary>>(new Map())
const chosen = signal(-1)
let shown = ''

export function TracesView() {
  const { params } = place.value
  const filter = params.get('q') ?? ''
  const everySpan = params.get('spans') === 'all'
  const range = rangeOf(params)
  const rangeKey = 'last' in range ? range.last : `${range.from}-${range.to}`
  const key = `${filter}\n${everySpan}\n${rangeKey}\n${refreshes.value}`
  const condition = useMemo(() => understood(filter, everySpan), [filter, everySpan])
  const span = useRef<Span>(resolve(range))
  useEffect(() => {
    if (shown === key || !condition) return
    shown = key
    chosen.value = -1
    search(condition, (span.current = resolve(range)))
  }, [key])

  const items = pages.items.value
  useSummaries(items)
  const open = (item: SpanItem | undefined) => {
    if (item) go(traceHref(item, everySpan))
  }
  const move = (by: number) => { chosen.value = Math.max(0, Math.min(items.length - 1, chosen.value + by)) }
  useKeys({
    j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1), PageDown: () => move(20), PageUp: () => move(-20),
    Enter: () => open(items[chosen.value]), Escape: () => (chosen.value >= 0 ? void (chosen.value = -1) : false),
  })
  const services = useMemo(() => [...new Set(items.slice(0, 5000).map((i) => i.service))].filter(Boolean).sort(), [items])
  const longest = useMemo(() => items.reduce((m, i) => Math.max(m, i.duration), 1), [items])
  const searching = pages.running.value || density.running.value
  const withDay = span.current.to - span.current.from > aDay / 2n
  return (
    <>
      <div class="toolbar">
        <FilterBox table="spans" placeholder="Search spans: words, service:payment status:error duration>250ms http.route:/cart" services={services} />
        <div class="switch" role="group" aria-label="Which spans">
          <button class={everySpan ? '' : 'on'} onClick={() => change({ spans: undefined })} title="The first span of each trace">Root spans</button>
          <button class={everySpan ? 'on' : ''} onClick={() => change({ spans: 'all' })}>All spans</button>
        </div>
      </div>
      <TraceDensity filter={filter} />
      <div class="split">
        <main class={`results ${withDay ? 'with-day' : ''} ${pages.fresh.value || !searching ? '' : 'stale'}`}>
          {searching && <Progress />}
          {pages.error.value && items.length > 0 && <Banner error={pages.error.value} retry={() => { void pages.resume() }} />}
          <Results {...{ filter, span: span.current, count: items.length, everySpan }}>
            <div class="row trace-head" aria-hidden="true"><span>Started</span><span>{everySpan ? 'Span' : 'Trace'}</span><span>Duration</span><span>Spans</span><span>Errors</span><span>Services</span></div>
            <VirtualList
              label={everySpan ? 'Spans' : 'Traces'} count={items.length} rowHeight={rowHeight} selected={chosen.value} onNearEnd={() => { void pages.more() }}
              row={(i) => <TraceRow key={i} item={items[i]!} summary={summaries.value.get(items[i]!.trace)} {...{ withDay, longest, everySpan }} selected={i === chosen.value} />}
              footer={pages.complete.value ? <div class="list-end">{count(items.length)} {everySpan ? 'span' : 'trace'}{items.length === 1 ? '' : 's'}, all there are in this range</div> : pages.stopped.value ? <div class="list-end">Stopped here. <button onClick={() => { void pages.resume() }}>Go on</button></div> : null}
            />
          </Results>
        </main>
      </div>
    </>
  )
}

const traceHref = (item: SpanItem, everySpan: boolean): string => href(`/trace/${item.trace}`, { span: everySpan ? item.span : undefined })

function TraceRow({ item, summary, withDay, longest, everySpan, selected }: { item: SpanItem; summary: Summary | undefined; withDay: boolean; longest: number; everySpan: boolean; selected: boolean }) {
  return (
    <a class={`row trace ${item.error ? 'failed' : ''} ${selected ? 'selected' : ''}`} href={traceHref(item, everySpan)} role="option" aria-selected={selected}>
      <time title={`${preciseLocal(item.time)}\n${preciseUtc(item.time)}`}>{clock(item.time, withDay)}</time>
      <span class="trace-name"><b style={{ color: serviceVariable(item.service) }}>{item.service || '–'}</b>{item.name}{item.message && <span class="faint">{item.message}</span>}</span>
      <span class="trace-duration" title={preciseDuration(item.duration)}><i style={{ width: `${Math.max(1, Math.sqrt(item.duration / longest) * 100)}%` }} /><span>{duration(item.duration)}</span></span>
      <span class="count">{summary ? count(summary.spans) : ''}</span>
      <span class={`count ${summary?.errors ? 'errors' : ''}`}>{summary ? (summary.errors > 0 ? count(summary.errors) : <span class="faint">0</span>) : ''}</span>
      <span class="dots" title={summary?.services.join('\n')}>{summary?.services.map((s) => <i key={s} style={{ background: serviceVariable(s) }} />)}</span>
    </a>
  )
}

function understood(filter: string, everySpan: boolean): Sql | undefined {
  const { terms, problem } = parseFilter(filter)
  if (problem) return undefined
  try {
    const condition = spansCondition(terms)
    return everySpan ? condition : all([isRoot, condition])
  } catch (error) {
    if (error instanceof FilterError) return undefined
    throw error
  }
}

function item([time, trace, span, , name, kind, service, length, status, message]: SpanListRow): SpanItem {
  return { time: BigInt(time), trace, span, name, kind, service, duration: Number(length), error: status === 'Error', message }
}

function search(condition: Sql, span: Span): void {
  const step = niceStep(span.to - span.from, bars)
  density.cancel()
  const listed = pages.start({ statement: (piece, limit) => spanList(piece, condition, limit), item }, span)
  void listed.then((found) => { if (found) void density.start((piece, size) => spanDensity(piece, size, condition), span, step) })
}

const mostAtOnce = 50

/** Fills in, for what was listed, how many spans and errors its trace has: from the newest on, some at a time. */
function useSummaries(items: readonly SpanItem[]): void {
  useEffect(() => {
    const abort = new AbortController()
    const fill = async () => {
      for (;;) {
        const wanted = new Set<string>()
        for (const { trace } of items) {
          if (!summaries.value.has(trace)) wanted.add(trace)
          if (wanted.size >= mostAtOnce) break
        }
        if (wanted.size === 0) return
        const rows = await query<TraceSummaryRow>(traceSummaries([...wanted]), { signal: abort.signal })
        const found = new Map([...wanted].map((trace) => [trace, { spans: 1, errors: 0, services: [] as string[] }]))
        for (const [trace, spans, errors, services] of rows) found.set(trace, { spans: Number(spans), errors: Number(errors), services })
        summaries.value = new Map([...summaries.value, ...found])
      }
    }
    // The list stands without them.
    fill().catch((error: unknown) => { if (!isAbort(error)) console.warn(error) })
    return () => abort.abort()
  }, [items])
}

function Progress() {
  const { from, to } = density.running.value ? density.span.value : resolve(rangeOf(place.value.params))
  const reached = pages.running.value ? pages.reached.value : density.reached.value
  const fraction = reached === 0n ? 0 : Number(to - reached) / Number(to - from || 1n)
  return <Searching fraction={Math.max(0, Math.min(1, fraction))} onCancel={() => { pages.stop(); density.cancel() }} />
}

function TraceDensity({ filter }: { filter: string }) {
  const { value: span } = density.span
  if (span.to === 0n) return <div class="histogram density" />
  const reached = density.running.value || density.error.value ? density.reached.value : span.from
  return (
    <Density
      span={span} step={density.step.value} rows={density.rows.value} reached={reached}
      onSelect={({ span: time, shortest, longest }) => {
        const terms = [shortest && `duration>=${written(shortest)}`, longest && `duration<${written(longest)}`].filter(Boolean)
        const next = terms.length > 0 ? [withoutField(filter, 'duration'), ...terms].filter(Boolean).join(' ') : filter
        change({ ...(time === span ? {} : rangeParams(time)), q: next || undefined })
      }}
    />
  )
}

/** A duration as the filter box reads it. */
function written(ns: number): string {
  if (ns < 1e3) return `${Math.round(ns)}ns`
  if (ns < 1e6) return `${(ns / 1e3).toPrecision(3)}us`
  return ns < 1e9 ? `${Number((ns / 1e6).toPrecision(3))}ms` : `${Number((ns / 1e9).toPrecision(3))}s`
}

function Results({ filter, span, count: n, everySpan, children }: { filter: string; span: Span; count: number; everySpan: boolean; children: ComponentChildren }) {
  if (n > 0) return <>{children}</>
  if (pages.error.value) return <Failed error={pages.error.value} retry={() => { void pages.resume() }} />
  if (pages.stopped.value) return <Stopped resume={() => { void pages.resume() }} />
  if (!pages.complete.value) return null
  return (
    <Nothing what="traces" filter={filter} span={span} newest={newestSpan()}>
      {!everySpan && filter && <button class="primary" onClick={() => change({ spans: 'all' })}>Look in all spans, not roots alone</button>}
    </Nothing>
  )
}
