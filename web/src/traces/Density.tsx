// Spans by when they began and how long they took: a cell's shade says how many, how red it is how
// many of them failed. A drag selects a range of both.
import { useRef, useState } from 'preact/hooks'
import { durationStepsPerDecade, type SpanDensityRow } from '../lib/queries.ts'
import { clock, count, duration, type Span } from '../lib/time.ts'
import { TimeAxis } from '../ui/Histogram.tsx'

export interface Selection {
  span: Span
  shortest: number | undefined // ns; undefined: from the bottom
  longest: number | undefined
}

export interface DensityProps {
  span: Span
  step: bigint
  rows: readonly SpanDensityRow[]
  reached: bigint
  onSelect: (selection: Selection) => void
}

const fewestSteps = 3 * durationStepsPerDecade
const clickPx = 4
const durationAt = (step: number): number => 10 ** (step / durationStepsPerDecade)

export function Density({ span, step, rows, reached, onSelect }: DensityProps) {
  const box = useRef<HTMLDivElement>(null)
  const [hover, setHover] = useState<Point>()
  const [drag, setDrag] = useState<{ from: Point; to: Point }>()
  const { low, high } = limits(rows)
  const length = Number(span.to - span.from) || 1
  const most = Math.log1p(rows.reduce((m, r) => Math.max(m, Number(r[2])), 1))
  const fraction = (time: bigint) => Math.max(0, Math.min(1, Number(time - span.from) / length))
  const timeAt = (x: number) => span.from + BigInt(Math.round(x * length))
  const heightAt = (y: number) => low + (1 - y) * (high - low)

  const point = (event: PointerEvent): Point => {
    const { left, top, width, height } = box.current!.getBoundingClientRect()
    return { x: clamp((event.clientX - left) / width), y: clamp((event.clientY - top) / height) }
  }
  const finish = () => {
    if (!drag) return
    setDrag(undefined)
    const { clientWidth, clientHeight } = box.current!
    const [left, right] = ordered(drag.from.x, drag.to.x)
    const [top, bottom] = ordered(drag.from.y, drag.to.y)
    if ((right - left) * clientWidth < clickPx && (bottom - top) * clientHeight < clickPx) return
    // A drag along one axis says nothing about the other.
    const flat = (bottom - top) * clientHeight < clickPx * 3
    const thin = (right - left) * clientWidth < clickPx * 3
    onSelect({
      span: thin ? span : { from: timeAt(left), to: timeAt(right) },
      shortest: flat || bottom >= 1 ? undefined : durationAt(heightAt(bottom)),
      longest: flat || top <= 0 ? undefined : durationAt(heightAt(top)),
    })
  }

  const cellHeight = 100 / (high - low)
  const cells = rows.map(([at, height, n, errors]) => {
    const x = fraction(BigInt(at) * step) * 1000
    const width = fraction((BigInt(at) + 1n) * step) * 1000 - x
    const y = 100 - (Number(height) - low + 1) * cellHeight
    const failed = Number(errors) / Number(n)
    return (
      <rect
        key={`${at}.${height}`} class="cell" style={failed > 0 ? { fill: `color-mix(in oklab, var(--error) ${Math.round(25 + 75 * Math.sqrt(failed))}%, var(--info))` } : undefined} x={x + width * 0.04} y={y + cellHeight * 0.06} width={width * 0.92} height={cellHeight * 0.88}
        opacity={0.22 + 0.78 * (Math.log1p(Number(n)) / most)}
      />
    )
  })
  return (
    <div class="histogram density">
      <div
        class="histogram-plot" ref={box}
        onPointerDown={(e) => {
          if (e.button !== 0) return
          box.current!.setPointerCapture(e.pointerId)
          setDrag({ from: point(e), to: point(e) })
        }}
        onPointerMove={(e) => {
          setHover(point(e))
          if (drag) setDrag({ ...drag, to: point(e) })
        }}
        onPointerUp={finish} onPointerCancel={() => setDrag(undefined)} onPointerLeave={() => setHover(undefined)}
      >
        <svg viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label="Spans by time and duration">{cells}</svg>
        {decades(low, high).map((at) => (
          <div key={at} class="density-line" style={{ top: `${100 - (at - low) * cellHeight}%` }}><span>{duration(durationAt(at))}</span></div>
        ))}
        {reached > span.from && <div class="histogram-unknown" style={{ width: `${fraction(reached) * 100}%` }} />}
        {drag && <Brush from={drag.from} to={drag.to} />}
        {hover && !drag && <CellTooltip at={hover} bar={Number(timeAt(hover.x) / step)} height={Math.floor(heightAt(hover.y))} rows={rows} step={step} />}
      </div>
      <TimeAxis span={span} />
    </div>
  )
}

interface Point {
  x: number
  y: number
}

function Brush({ from, to }: { from: Point; to: Point }) {
  const [left, right] = ordered(from.x, to.x)
  const [top, bottom] = ordered(from.y, to.y)
  return <div class="brush" style={{ left: `${left * 100}%`, width: `${(right - left) * 100}%`, top: `${top * 100}%`, height: `${(bottom - top) * 100}%` }} />
}

function CellTooltip({ at, bar, height, rows, step }: { at: Point; bar: number; height: number; rows: readonly SpanDensityRow[]; step: bigint }) {
  const cell = rows.find((r) => Number(r[0]) === bar && Number(r[1]) === height)
  if (!cell) return null
  return (
    <div class={`tooltip ${at.x > 0.7 ? 'left' : ''}`} style={{ left: `${at.x * 100}%` }}>
      <div class="tooltip-title">{clock(BigInt(bar) * step, false)} <span class="faint">{duration(durationAt(height))} – {duration(durationAt(height + 1))}</span></div>
      <div>spans<b>{count(Number(cell[2]))}</b></div>
      {Number(cell[3]) > 0 && <div><i class="swatch error" />with an error<b>{count(Number(cell[3]))}</b></div>}
    </div>
  )
}

/** Three decades at least, so that little data does not look like much of a spread. */
function limits(rows: readonly SpanDensityRow[]): { low: number; high: number } {
  if (rows.length === 0) return { low: 6 * durationStepsPerDecade, high: 9 * durationStepsPerDecade }
  const steps = rows.map((r) => Number(r[1]))
  const low = steps.reduce((a, b) => Math.min(a, b)) - 1
  const high = steps.reduce((a, b) => Math.max(a, b)) + 2
  return { low: Math.max(0, Math.min(low, high - fewestSteps)), high }
}

function decades(low: number, high: number): number[] {
  const list = []
  for (let at = Math.ceil(low / durationStepsPerDecade) * durationStepsPerDecade; at < high; at += durationStepsPerDecade) if (at > low) list.push(at)
  return list
}

const clamp = (x: number): number => Math.max(0, Math.min(1, x))
const ordered = (a: number, b: number): [number, number] => (a < b ? [a, b] : [b, a])
