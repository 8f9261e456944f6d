// A trace's logs, in the order that they were written, with how long after the trace's start.
import { useMemo } from 'preact/hooks'
import { serviceVariable } from '../lib/colours.ts'
import { change, place } from '../lib/location.ts'
import { count, duration, preciseLocal, preciseUtc } from '../lib/time.ts'
import { parseRecordId, type LogItem } from '../logs/item.ts'
import { LogDetails } from '../logs/LogDetails.tsx'
import { useKeys } from '../ui/keys.ts'
import { Icon } from '../ui/icons.tsx'
import { Message } from '../ui/States.tsx'
import { VirtualList } from '../ui/VirtualList.tsx'
import type { Tree } from './tree.ts'

const rowHeight = 24

export function TraceLogs({ logs, tree, cut }: { logs: readonly LogItem[]; tree: Tree; cut: boolean }) {
  const { params } = place.value
  const only = params.get('only') ?? ''
  const shown = useMemo(() => (only ? logs.filter((l) => l.span === only) : logs), [logs, only])
  const name = params.get('record') ?? ''
  const record = parseRecordId(name)
  const selected = shown.findIndex((l) => idOf(l) === name)
  const open = (i: number) => { if (shown[i]) change({ record: idOf(shown[i]) }, { replace: name !== '' }) }
  const close = () => change({ record: undefined })
  const move = (by: number) => open(Math.max(0, Math.min(shown.length - 1, selected + by)))
  useKeys({
    j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1), Enter: () => (selected < 0 ? move(1) : false),
    Escape: () => (name ? close() : only ? change({ only: undefined }) : false),
  })
  const spans = useMemo(() => spanNames(tree), [tree])
  if (logs.length === 0) return <Message title="No logs"><p>No log record carries this trace's id.</p></Message>
  return (
    <>
      <main class="results">
        {only && <div class="banner note"><Icon name="logs" /><span>Logs of the span <b>{spans.get(only) ?? only}</b> alone</span><button onClick={() => change({ only: undefined })}>All of the trace</button></div>}
        <VirtualList
          label="Log records of the trace" count={shown.length} rowHeight={rowHeight} selected={selected}
          row={(i) => {
            const item = shown[i]!
            return (
              <div key={i} class={`row log in-trace ${item.level} ${i === selected ? 'selected' : ''}`} role="option" aria-selected={i === selected} onClick={() => (i === selected ? close() : open(i))}>
                <time title={`${preciseLocal(item.time)}\n${preciseUtc(item.time)}`}>{tree.spans > 0 ? offset(item.time - tree.start) : preciseLocal(item.time).slice(11, 23)}</time>
                <span class="level">{item.level === 'unset' ? '–' : item.level}</span>
                <span class="service" style={{ color: serviceVariable(item.service) }}>{item.service}</span>
                <span class="in-span" title={spans.get(item.span)}>{spans.get(item.span) ?? ''}</span>
                <span class="body">{item.body.replace(/\s*\n\s*/g, ' ⏎ ')}</span>
              </div>
            )
          }}
          footer={<div class="list-end">{cut ? `the first ${count(shown.length)} records` : `${count(shown.length)} record${shown.length === 1 ? '' : 's'}`}</div>}
        />
      </main>
      {record && <LogDetails id={record} onClose={close} inTrace />}
    </>
  )
}

const idOf = (item: LogItem): string => `${item.time}.${item.stream}.${item.hash}`

function offset(ns: bigint): string {
  return ns < 0n ? `−${duration(Number(-ns))}` : `+${duration(Number(ns))}`
}

function spanNames(tree: Tree): Map<string, string> {
  const names = new Map<string, string>()
  for (const stack = [...tree.roots]; stack.length > 0;) {
    const node = stack.pop()!
    names.set(node.id, node.name)
    stack.push(...node.children)
  }
  return names
}
