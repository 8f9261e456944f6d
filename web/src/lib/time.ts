// Time is in nanoseconds since 1970, as a bigint, wherever it comes from or goes to the store.

export const msNs = 1_000_000n
export const secondNs = 1_000_000_000n

export type Range = { last: string } | { from: bigint; to: bigint }

/** from inclusive, to exclusive. */
export interface Span {
  from: bigint
  to: bigint
}

export const presets: readonly { last: string; label: string }[] = [
  { last: '5m', label: '5 minutes' },
  { last: '15m', label: '15 minutes' },
  { last: '30m', label: '30 minutes' },
  { last: '1h', label: '1 hour' },
  { last: '3h', label: '3 hours' },
  { last: '6h', label: '6 hours' },
  { last: '12h', label: '12 hours' },
  { last: '1d', label: '1 day' },
  { last: '2d', label: '2 days' },
  { last: '7d', label: '7 days' },
]

const units: Record<string, bigint> = { s: secondNs, m: 60n * secondNs, h: 3600n * secondNs, d: 86_400n * secondNs, w: 604_800n * secondNs }

/** "15m" in ns, or undefined where it is no such text. */
export function parseLast(text: string): bigint | undefined {
  const found = /^(\d{1,6})([smhdw])$/.exec(text)
  const length = found ? BigInt(found[1]!) * units[found[2]!]! : 0n
  return length > 0n ? length : undefined
}

export function nowNs(): bigint {
  return BigInt(Date.now()) * msNs
}

export function resolve(range: Range, now = nowNs()): Span {
  if ('from' in range) return range
  return { from: now - (parseLast(range.last) ?? parseLast('15m')!), to: now }
}

export function rangeLabel(range: Range): string {
  if ('last' in range) return `Last ${presets.find((p) => p.last === range.last)?.label ?? range.last}`
  const from = new Date(Number(range.from / msNs))
  const to = new Date(Number(range.to / msNs))
  const sameDay = from.toDateString() === to.toDateString()
  const precise = range.to - range.from < 120n * secondNs
  const clock = (d: Date) => (precise ? `${hms(d)}.${pad(d.getMilliseconds(), 3)}` : hms(d))
  return sameDay ? `${day(from)} ${clock(from)} – ${clock(to)}` : `${day(from)} ${clock(from)} – ${day(to)} ${clock(to)}`
}

/** A time in the URL: ISO in UTC, to the millisecond. */
export function toIso(ns: bigint): string {
  return new Date(Number(ns / msNs)).toISOString()
}

export function fromIso(text: string): bigint | undefined {
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : BigInt(ms) * msNs
}

// --- for people: local time; UTC stands in tooltips --------------------------------------------------------------

const pad = (n: number, digits = 2): string => String(n).padStart(digits, '0')
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const hms = (d: Date): string => `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`
const day = (d: Date): string => `${months[d.getMonth()]} ${d.getDate()}`

function dateOf(ns: bigint): Date {
  return new Date(Number(ns / msNs))
}

/** 14:03:22.123; with the day where the list spans more than one. */
export function clock(ns: bigint, withDay: boolean): string {
  const d = dateOf(ns)
  const time = `${hms(d)}.${pad(d.getMilliseconds(), 3)}`
  return withDay ? `${day(d)} ${time}` : time
}

export function preciseLocal(ns: bigint): string {
  const d = dateOf(ns)
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())} ${hms(d)}.${pad(Number(ns % secondNs), 9)}`
}

export function preciseUtc(ns: bigint): string {
  return `${dateOf(ns).toISOString().slice(0, 19).replace('T', ' ')}.${pad(Number(ns % secondNs), 9)} UTC`
}

export function zoneOffset(ns: bigint): string {
  const minutes = -dateOf(ns).getTimezoneOffset()
  const abs = Math.abs(minutes)
  return `UTC${minutes < 0 ? '−' : '+'}${pad(Math.floor(abs / 60))}:${pad(abs % 60)}`
}

/** "3 minutes ago", for what is not to be read to the second. */
export function ago(ns: bigint, now = nowNs()): string {
  const s = Number((now - ns) / secondNs)
  const steps: [number, string][] = [[86_400, 'day'], [3600, 'hour'], [60, 'minute'], [1, 'second']]
  for (const [size, name] of steps) {
    const n = Math.floor(s / size)
    if (n >= 1) return `${n} ${name}${n > 1 ? 's' : ''} ago`
  }
  return 'just now'
}

/** 1.23 ms, 45.6 s, 2 m 5 s: three significant digits. */
export function duration(ns: number): string {
  if (ns < 1000) return `${Math.round(ns)} ns`
  if (ns < 1e6) return `${digits(ns / 1e3)} µs`
  if (ns < 1e9) return `${digits(ns / 1e6)} ms`
  if (ns < 60e9) return `${digits(ns / 1e9)} s`
  const s = Math.round(ns / 1e9)
  if (s < 3600) return `${Math.floor(s / 60)} m ${s % 60} s`
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} m`
}

function digits(n: number): string {
  return n >= 99.95 ? n.toFixed(0) : n >= 9.995 ? n.toFixed(1) : n.toFixed(2)
}

/** All of a duration's digits, for a tooltip: 1 234 567 ns. */
export function preciseDuration(ns: number): string {
  return `${count(ns)} ns`
}

export function count(n: number): string {
  return n.toLocaleString('en-US').replaceAll(',', '\u202f')
}

/** Where a number must be short: 12.3k. */
export function shortCount(n: number): string {
  if (n < 10_000) return count(n)
  if (n < 1e6) return `${digits(n / 1e3)}k`
  return n < 1e9 ? `${digits(n / 1e6)}M` : `${digits(n / 1e9)}G`
}

// --- axes ----------------------------------------------------------------------------------------------------------

const niceSeconds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800]
const niceNs = [
  ...[1n, 10n, 100n, 1000n, 10_000n, 100_000n].map((n) => n * 1000n),
  ...[1n, 2n, 5n, 10n, 20n, 50n, 100n, 200n, 500n].map((n) => n * msNs),
  ...niceSeconds.map((s) => BigInt(s) * secondNs),
]

/** The smallest round step by which `length` has at most `most` pieces. */
export function niceStep(length: bigint, most: number): bigint {
  return niceNs.find((step) => length / step <= BigInt(most)) ?? niceNs.at(-1)!
}

/** Round local times within the span for an axis, and their labels. */
export function ticks(span: Span, most: number): { at: bigint; label: string }[] {
  const step = niceStep(span.to - span.from, most)
  const zone = BigInt(-dateOf(span.from).getTimezoneOffset()) * 60n * secondNs
  const first = ((span.from + zone) / step + 1n) * step - zone
  const list: { at: bigint; label: string }[] = []
  for (let at = first; at < span.to; at += step) list.push({ at, label: tickLabel(at, step) })
  return list
}

function tickLabel(at: bigint, step: bigint): string {
  const d = dateOf(at)
  if (step >= 86_400n * secondNs) return day(d)
  if (step < secondNs) return `${hms(d)}.${pad(d.getMilliseconds(), 3)}`
  if (step < 60n * secondNs) return hms(d)
  return d.getHours() === 0 && d.getMinutes() === 0 ? day(d) : `${pad(d.getHours())}:${pad(d.getMinutes())}`
}
