import type { LogListRow } from '../lib/queries.ts'
import { levelOf, levelOfNumber, type Level } from '../lib/severity.ts'

export interface LogItem {
  time: bigint
  level: Level
  severityText: string
  service: string
  body: string // its start
  trace: string
  span: string
  stream: string
  hash: string
}

export function logItem([time, severity, severityText, service, body, trace, span, stream, hash]: LogListRow): LogItem {
  const level = severity > 0 ? levelOfNumber(severity) : (levelOf(severityText) ?? 'unset')
  return { time: BigInt(time), level, severityText, service, body, trace, span, stream, hash }
}

/** How the URL names a record: its time, stream, hash of the body, and which of those that have all these in common. */
export function recordId(items: readonly LogItem[], index: number): string {
  const item = items[index]!
  let nth = 0
  for (let i = index - 1; i >= 0 && items[i]!.time === item.time; i--) if (isTwin(items[i]!, item)) nth++
  return `${item.time}.${item.stream}.${item.hash}${nth > 0 ? `.${nth}` : ''}`
}

export interface RecordName {
  time: bigint
  stream: string
  hash: string
  nth: number
}

export function parseRecordId(id: string): RecordName | undefined {
  const found = /^(\d{1,19})\.(\d{1,20})\.([0-9A-F]{1,16})(?:\.(\d{1,4}))?$/.exec(id)
  return found ? { time: BigInt(found[1]!), stream: found[2]!, hash: found[3]!, nth: Number(found[4] ?? 0) } : undefined
}

export function indexOfRecord(items: readonly LogItem[], { time, stream, hash, nth }: RecordName): number {
  // Newest first: the first that is not newer.
  let [low, high] = [0, items.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (items[middle]!.time > time) low = middle + 1
    else high = middle
  }
  for (let i = low, left = nth; i < items.length && items[i]!.time === time; i++) {
    if (items[i]!.stream === stream && items[i]!.hash === hash && left-- === 0) return i
  }
  return -1
}

function isTwin(a: LogItem, b: LogItem): boolean {
  return a.stream === b.stream && a.hash === b.hash
}
