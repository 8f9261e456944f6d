import { useEffect, useMemo, useState } from 'preact/hooks'
import { isAbort, query, type StoreError } from '../lib/clickhouse.ts'
import { serviceVariable } from '../lib/colours.ts'
import { fieldTerm } from '../lib/filter.ts'
import { change, href, place } from '../lib/location.ts'
import { mostSpans, traceLogs, traceSpans, traceTime, type LogListRow, type TraceSpanRow, type TraceTimeRow } from '../lib/queries.ts'
import { asStoreError } from '../lib/search.ts'
import { count, duration, preciseDuration, preciseLocal, preciseUtc, secondNs, type Span } from '../lib/time.ts'
import { logItem, type LogItem } from '../logs/item.ts'
import { Copy } from '../ui/Attributes.tsx'
import { Icon } from '../ui/icons.tsx'
import { useKeys } from '../ui/keys.ts'
import { Failed, Message } from '../ui/States.tsx'
import { SpanDetails } from './SpanDetails.tsx'
import { TraceLogs } from './TraceLogs.tsx'
import { buildTree, visibleLines, type Node, type Tree } from './tree.ts'
import { Waterfall } from './Waterfall.tsx'

interface Trace {
  tree: Tree
  logs: LogItem[]
  cut: boolean // it has more spans than are shown
}

const mostLogs = 5000
/** Logs of a trace may be written a little before and a good while after its spans. */
const logsAround = 600n * secondNs

export function TraceView({ id }: { id: string }) {
  const [trace, setTrace] = useState<Trace>()
  const [error, setError] = useState<StoreError>()
  const [again, setAgain] = useState(0)
  useEffect(() => {
    const abort = new AbortController()
    load(id, abort.signal).then(
      (t) => { setError(undefined); setTrace(t) },
      (e: unknown) => { if (!isAbort(e)) setError(asStoreError(e)) },
    )
    return () => abort.abort()
  }, [id, again])
  if (error) return <Failed error={error} retry={() => setAgain(again + 1)} />
  if (!trace) return <div class="message"><div class="spinner" /></div>
  if (trace.tree.spans === 0 && trace.logs.length === 0) {
    return (
      <Message title="This trace is not here">
        <p>No span and no log record has the trace id <code>{id}</code>.</p>
        <p>It may be on its way still, not have been sampled, or be older than what is kept.</p>
        <div class="message-actions"><button class="primary" onClick={() => setAgain(again + 1)}><Icon name="refresh" />Look again</button></div>
      </Message>
    )
  }
  return <Shown id={id} {...trace} />
}

/** First when the trace was, then what is in that time: nothing else is read. */
async function load(id: string, signal: AbortSignal): Promise<Trace> {
  const [[from, to, known] = ['0', '0', 0]] = await query<TraceTimeRow>(traceTime(id), { signal })
  const time: Span | undefined = Number(known) > 0 ? { from: BigInt(from), to: BigInt(to) } : undefined
  const around = time && { from: time.from - logsAround, to: time.to + logsAround }
  const [spans, logs] = await Promise.all([
    query<TraceSpanRow>(traceSpans(id, time), { signal }),
    query<LogListRow>(traceLogs(id, around, mostLogs), { signal }),
  ])
  return { tree: buildTree(spans), logs: logs.map(logItem), cut: spans.length >= mostSpans }
}

function Shown({ id, tree, logs, cut }: Trace & { id: string }) {
  const { params } = place.value
  const tab = params.get('tab') === 'logs' || tree.spans === 0 ? 'logs' : 'spans'
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set())
  const lines = useMemo(() => visibleLines(tree, collapsed), [tree, collapsed])
  const selectedId = params.get('span') ?? ''
  const selected = lines.findIndex((l) => l.node.id === selectedId && !l.node.missing)
  const node = selected >= 0 ? lines[selected]!.node : undefined
  const toggle = (n: Node, open?: boolean) => {
    const next = new Set(collapsed)
    if (open ?? next.has(n.id)) next.delete(n.id)
    else next.add(n.id)
    setCollapsed(next)
  }
  const select = (n: Node | undefined) => change({ span: n?.id, record: undefined }, { replace: n !== undefined && selectedId !== '' })
  const move = (by: number) => {
    if (tab !== 'spans') return false
    for (let i = selected + by; lines[i]; i += by) if (!lines[i]!.node.missing) return select(lines[i]!.node)
    return undefined
  }
  useKeys({
    j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1), Enter: () => (selected < 0 ? move(1) : false),
    ArrowLeft: () => {
      if (!node) return false
      if (node.children.length > 0 && !collapsed.has(node.id)) toggle(node, false)
      else if (node.parent && !node.parent.missing) select(node.parent)
      return undefined
    },
    ArrowRight: () => (node ? toggle(node, true) : false),
    Escape: () => (selectedId ? select(undefined) : false),
  })
  const logsOf = (span: string) => logs.filter((l) => l.span === span).length
  return (
    <>
      <TraceHead id={id} tree={tree} logs={logs.length} tab={tab} cut={cut} />
      <div class="split">
        {tab === 'spans'
          ? <Waterfall {...{ tree, lines, logs, collapsed, selected, toggle, select }} collapseAll={(on) => setCollapsed(on ? branches(tree) : new Set())} />
          : <TraceLogs {...{ logs, tree }} cut={logs.length >= mostLogs} />}
        {tab === 'spans' && node && (
          <SpanDetails trace={id} node={node} start={tree.start} logs={logsOf(node.id)} onLogs={() => change({ tab: 'logs', only: node.id })} onClose={() => select(undefined)} />
        )}
      </div>
    </>
  )
}

function branches(tree: Tree): Set<string> {
  const ids = new Set<string>()
  for (const stack = [...tree.roots]; stack.length > 0;) {
    const node = stack.pop()!
    if (node.children.length > 0 && node.parent) ids.add(node.id)
    stack.push(...node.children)
  }
  return ids
}

function TraceHead({ id, tree, logs, tab, cut }: { id: string; tree: Tree; logs: number; tab: 'spans' | 'logs'; cut: boolean }) {
  const root = tree.roots.find((r) => !r.missing) ?? tree.roots[0]
  const length = Number(tree.end - tree.start)
  return (
    <div class="trace-title">
      <div class="trace-title-main">
        <h1>{root ? <><b style={{ color: serviceVariable(root.service) }}>{root.service}</b> {root.name}</> : 'Logs without spans'}</h1>
        <div class="trace-id"><code>{id}</code><Copy text={id} title="Copy the trace id" /></div>
      </div>
      {tree.spans > 0 && (
        <div class="trace-facts">
          <span title={`${preciseLocal(tree.start)}\n${preciseUtc(tree.start)}`}>{preciseLocal(tree.start).slice(0, 23)}</span>
          <span title={preciseDuration(length)}><b>{duration(length)}</b></span>
          <span><b>{cut ? `first ${count(tree.spans)}` : count(tree.spans)}</b> span{tree.spans === 1 ? '' : 's'}</span>
          {tree.errors > 0 && <span class="error-text"><b>{count(tree.errors)}</b> error{tree.errors === 1 ? '' : 's'}</span>}
          <span class="services">{tree.services.map((s) => <span key={s}><i style={{ background: serviceVariable(s) }} />{s}</span>)}</span>
        </div>
      )}
      <div class="tabs" role="tablist">
        <button role="tab" class={tab === 'spans' ? 'current' : ''} aria-selected={tab === 'spans'} onClick={() => change({ tab: undefined, record: undefined, only: undefined })} disabled={tree.spans === 0}><Icon name="trace" />Timeline</button>
        <button role="tab" class={tab === 'logs' ? 'current' : ''} aria-selected={tab === 'logs'} onClick={() => change({ tab: 'logs' })}><Icon name="logs" />Logs <span class="count-badge">{count(logs)}</span></button>
        <span class="grow" />
        {logs > 0 && <a class="faint" href={href('/logs', { q: fieldTerm('trace_id', id), last: '7d' })}>Open in Logs</a>}
      </div>
    </div>
  )
}
