import { clock, preciseLocal, preciseUtc } from '../lib/time.ts'
import { serviceVariable } from '../lib/colours.ts'
import type { LogItem } from './item.ts'

export interface LogRowProps {
  item: LogItem
  withDay: boolean
  highlight: RegExp | undefined
  selected: boolean
  onSelect: () => void
}

export function LogRow({ item, withDay, highlight, selected, onSelect }: LogRowProps) {
  return (
    <div class={`row log ${item.level} ${selected ? 'selected' : ''}`} role="option" aria-selected={selected} onClick={onSelect}>
      <time title={`${preciseLocal(item.time)}\n${preciseUtc(item.time)}`}>{clock(item.time, withDay)}</time>
      <span class="level" title={item.severityText}>{item.level === 'unset' ? (item.severityText || '–') : item.level}</span>
      <span class="service" style={{ color: serviceVariable(item.service) }}>{item.service || '–'}</span>
      <span class="body"><Marked text={oneLine(item.body)} highlight={highlight} /></span>
    </div>
  )
}

const shown = 400 // characters; no screen has room for more

function oneLine(text: string): string {
  return text.slice(0, shown).replace(/\s*\n\s*/g, ' ⏎ ').replace(/\t/g, ' ')
}

export function Marked({ text, highlight }: { text: string; highlight: RegExp | undefined }) {
  if (!highlight) return <>{text}</>
  // Split by a group: every second piece is what was found.
  return <>{text.split(highlight).map((piece, i) => (i % 2 ? <mark key={i}>{piece}</mark> : piece))}</>
}
