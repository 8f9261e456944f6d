// The trace over time: a line for each span, in the order of the tree. A drag over the overview shows a part of it.
import { useMemo, useRef, useState } from 'preact/hooks'
import { serviceVariable } from '../lib/colours.ts'
import { duration, niceStep, preciseDuration, type Span } from '../lib/time.ts'
import type { LogItem } from '../logs/item.ts'
import { Icon } from '../ui/icons.tsx'
import { VirtualList } from '../ui/VirtualList.tsx'
import type { Line, Node, Tree } from './tree.ts'

const rowHeight = 28
const indent = 14
const deepestIndent = 24 // levels; what is deeper is not moved any further to the right
const overviewBars = 600
const dragPx = 4

export interface WaterfallProps {
  tree: Tree
  lines: readonly Line[]
  logs: readonly LogItem[]
  collapsed: ReadonlySet<string>
  selected: number
  toggle: (node: Node) => void
  select: (node: Node | undefined) => void
  collapseAll: (on: boolean) => void
}

export function Waterfall({ tree, lines, logs, collapsed, selected, toggle, select, collapseAll }: WaterfallProps) {
  const whole: Span = { from: tree.start, to: tree.end > tree.start ? tree.end : tree.start + 1n }
  const [zoom, setZoom] = useState<Span>()
  const view = zoom ?? whole
  const errorTimes = useMemo(() => bySpan(logs), [logs])
  return (
    <main class="results waterfall">
      <Overview tree={tree} whole={whole} zoom={zoom} onZoom={setZoom} />
      <div class="waterfall-head">
        <div class="waterfall-tools">
          <button class="ghost" title="Open everything" onClick={() => collapseAll(false)}><Icon name="down" /></button>
          <button class="ghost" title="Close everything below the roots" onClick={() => collapseAll(true)}><Icon name="right" /></button>
          <span class="faint">{lines.length === tree.spans ? '' : `${lines.length} of ${tree.spans} shown`}</span>
        </div>
        <Ruler start={tree.start} view={view} />
      </div>
      <VirtualList
        label="Spans" count={lines.length} rowHeight={rowHeight} selected={selected}
        row={(i) => (
          <SpanLine
            key={lines[i]!.node.id + i} line={lines[i]!} view={view} collapsed={collapsed.has(lines[i]!.node.id)} selected={i === selected} logs={errorTimes.get(lines[i]!.node.id) ?? []}
            onToggle={() => toggle(lines[i]!.node)} onSelect={() => { if (!lines[i]!.node.missing) select(i === selected ? undefined : lines[i]!.node) }}
          />
        )}
      />
    </main>
  )
}

function bySpan(logs: readonly LogItem[]): Map<string, LogItem[]> {
  const map = new Map<string, LogItem[]>()
  for (const log of logs) {
    const list = map.get(log.span)
    if (list) list.push(log)
    else map.set(log.span, [log])
  }
  return map
}

/** Where a time is within the view: 0 at its start, 1 at its end. */
function place(time: bigint, view: Span): number {
  return Number(time - view.from) / Number(view.to - view.from)
}

interface SpanLineProps {
  line: Line
  view: Span
  collapsed: boolean
  selected: boolean
  logs: readonly LogItem[]
  onToggle: () => void
  onSelect: () => void
}

function SpanLine({ line: { node, depth }, view, collapsed, selected, logs, onToggle, onSelect }: SpanLineProps) {
  const length = Number(node.end - node.start)
  const [left, right] = [place(node.start, view), place(node.end, view)]
  const within = right >= 0 && left <= 1
  const [x, width] = [Math.max(0, left), Math.min(1, right) - Math.max(0, left)]
  const colour = node.missing ? 'var(--faint)' : serviceVariable(node.service)
  // The label stands beside the bar, where there is room for it.
  const labelLeft = right > 0.88 && left > 0.12
  const labelStyle = labelLeft ? { right: `${(1 - x) * 100}%` } : right > 0.88 ? { left: `${x * 100}%` } : { left: `${(x + Math.max(width, 0)) * 100}%` }
  return (
    <div class={`row span ${node.missing ? 'missing' : ''} ${node.error ? 'failed' : ''} ${selected ? 'selected' : ''}`} role="option" aria-selected={selected} onClick={onSelect}>
      <div class="span-tree" style={{ paddingLeft: `${Math.min(depth, deepestIndent) * indent + 6}px` }}>
        {node.children.length > 0
          ? <button class="fold" aria-expanded={!collapsed} title={collapsed ? `${node.below} below` : 'Close'} onClick={(e) => { e.stopPropagation(); onToggle() }}><Icon name={collapsed ? 'right' : 'down'} /></button>
          : <span class="fold" />}
        <i class="span-mark" style={{ background: colour }} />
        {node.missing
          ? <span class="span-label faint" title={`No span with the id ${node.id} was received`}>parent <code>{node.id}</code> was not received</span>
          : <span class="span-label" title={`${node.service} · ${node.name}`}><b>{node.name}</b><span class="faint">{node.service}</span></span>}
        {node.error && <span class="span-error" title={node.message || 'error'}><Icon name="warning" /></span>}
        {collapsed && <span class={`count-badge ${node.errorsBelow > 0 ? 'errors' : ''}`}>+{node.below}</span>}
      </div>
      <div class="span-time">
        {within && !node.missing && <div class="bar" style={{ left: `${x * 100}%`, width: `max(2px, ${width * 100}%)`, background: colour }} />}
        {within && node.missing && <div class="bar ghost-bar" style={{ left: `${x * 100}%`, width: `${width * 100}%` }} />}
        {node.events.map((event, i) => <Dot key={i} time={event.time} view={view} class={event.name === 'exception' ? 'event-mark failed' : 'event-mark'} title={event.name} />)}
        {logs.slice(0, 50).map((log, i) => <Dot key={`l${i}`} time={log.time} view={view} class={`log-mark ${log.level}`} title={`${log.level}: ${log.body.slice(0, 120)}`} />)}
        {within && !node.missing && <span class={`bar-label ${labelLeft ? 'before' : ''} ${right > 0.88 && !labelLeft ? 'inside' : ''}`} style={labelStyle} title={preciseDuration(length)}>{duration(length)}</span>}
      </div>
    </div>
  )
}

function Dot({ time, view, class: name, title }: { time: bigint; view: Span; class: string; title: string }) {
  const x = place(time, view)
  return x >= 0 && x <= 1 ? <i class={name} title={title} style={{ left: `${x * 100}%` }} /> : null
}

function Ruler({ start, view }: { start: bigint; view: Span }) {
  const step = niceStep(view.to - view.from, 6)
  const marks = []
  for (let at = ((view.from - start) / step) * step; at <= view.to - start; at += step) if (start + at >= view.from && place(start + at, view) < 0.96) marks.push(at)
  return (
    <div class="ruler">
      {marks.map((at) => <span key={String(at)} style={{ left: `${place(start + at, view) * 100}%` }}>{at === 0n ? '0' : duration(Number(at))}</span>)}
    </div>
  )
}

function Overview({ tree, whole, zoom, onZoom }: { tree: Tree; whole: Span; zoom: Span | undefined; onZoom: (span: Span | undefined) => void }) {
  const box = useRef<HTMLDivElement>(null)
  const [drag, setDrag] = useState<{ from: number; to: number }>()
  const bars = useMemo(() => overview(tree, whole), [tree])
  const at = (event: PointerEvent) => {
    const { left, width } = box.current!.getBoundingClientRect()
    return Math.max(0, Math.min(1, (event.clientX - left) / width))
  }
  const finish = () => {
    if (!drag) return
    setDrag(undefined)
    const [a, b] = drag.from < drag.to ? [drag.from, drag.to] : [drag.to, drag.from]
    if ((b - a) * box.current!.clientWidth < dragPx) return onZoom(undefined)
    const length = Number(whole.to - whole.from)
    const from = whole.from + BigInt(Math.floor(a * length))
    const to = whole.from + BigInt(Math.ceil(b * length))
    onZoom({ from, to: to > from ? to : from + 1n })
  }
  const [left, right] = drag ? [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)] : zoom ? [place(zoom.from, whole), place(zoom.to, whole)] : [0, 1]
  return (
    <div class="overview-row">
      <div
        class="overview" ref={box} title="Drag to look closer; click to see all"
        onPointerDown={(e) => { box.current!.setPointerCapture(e.pointerId); setDrag({ from: at(e), to: at(e) }) }}
        onPointerMove={(e) => { if (drag) setDrag({ ...drag, to: at(e) }) }}
        onPointerUp={finish} onPointerCancel={() => setDrag(undefined)}
      >
        <svg viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true">
          {bars.map((bar, i) => <rect key={i} x={bar.x * 1000} width={Math.max(1.2, bar.width * 1000)} y={bar.y} height={bar.height} style={{ fill: bar.colour }} />)}
        </svg>
        <div class="overview-shade" style={{ left: 0, width: `${left * 100}%` }} />
        <div class="overview-shade" style={{ left: `${right * 100}%`, width: `${(1 - right) * 100}%` }} />
      </div>
      {zoom && <button onClick={() => onZoom(undefined)} title="See all of it">{duration(Number(zoom.to - zoom.from))}<Icon name="close" /></button>}
    </div>
  )
}

/** The spans in the order of the tree, as lines of a small picture; of very many only the longest. */
function overview(tree: Tree, whole: Span): { x: number; width: number; y: number; height: number; colour: string }[] {
  const nodes: Node[] = []
  for (const stack = [...tree.roots].reverse(); stack.length > 0;) {
    const node = stack.pop()!
    if (!node.missing) nodes.push(node)
    for (let i = node.children.length - 1; i >= 0; i--) stack.push(node.children[i]!)
  }
  const line = 100 / Math.max(nodes.length, 8)
  const bars = nodes.map((node, i) => ({
    x: place(node.start, whole), width: Number(node.end - node.start) / Number(whole.to - whole.from), y: i * line, height: Math.max(line * 0.75, 1),
    colour: node.error ? 'var(--error)' : serviceVariable(node.service),
  }))
  return bars.length <= overviewBars ? bars : bars.sort((a, b) => b.width - a.width).slice(0, overviewBars)
}
