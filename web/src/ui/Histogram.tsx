// Bars over time, each made of layers; a drag over them selects a range of time.
import type { ComponentChildren } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { clock, count as written, duration, shortCount, ticks, type Span } from '../lib/time.ts'

export interface Layer {
  name: string
  class: string
}

export interface HistogramProps {
  span: Span
  step: bigint
  layers: readonly Layer[] // from the bottom up
  bars: ReadonlyMap<number, readonly number[]> // step number → a count for each layer
  reached: bigint // to the left of it nothing was counted yet
  onSelect: (span: Span) => void
}

const height = 100 // in the picture's own units
const clickPx = 4

export function Histogram({ span, step, layers, bars, reached, onSelect }: HistogramProps) {
  const box = useRef<HTMLDivElement>(null)
  const [hover, setHover] = useState<number>()
  const [drag, setDrag] = useState<{ from: number; to: number }>()
  const length = Number(span.to - span.from) || 1
  const first = Number(span.from / step)
  const last = Number((span.to - 1n) / step)
  const totals = [...bars.values()].map((counts) => counts.reduce((a, b) => a + b, 0))
  const most = Math.max(1, ...totals)
  const fraction = (time: bigint) => Math.max(0, Math.min(1, Number(time - span.from) / length))

  const at = (event: PointerEvent) => {
    const { left, width } = box.current!.getBoundingClientRect()
    return Math.max(0, Math.min(1, (event.clientX - left) / width))
  }
  const timeAt = (x: number) => span.from + BigInt(Math.round(x * length))
  const finish = (event: PointerEvent) => {
    if (!drag) return
    setDrag(undefined)
    const width = box.current!.clientWidth
    const [a, b] = drag.from < drag.to ? [drag.from, drag.to] : [drag.to, drag.from]
    if ((b - a) * width >= clickPx) return onSelect({ from: timeAt(a), to: timeAt(b) })
    // A click takes one bar.
    const bar = timeAt(at(event)) / step
    onSelect({ from: bar * step, to: (bar + 1n) * step })
  }

  const rects: ComponentChildren[] = []
  for (let bar = first; bar <= last; bar++) {
    const counts = bars.get(bar)
    if (!counts) continue
    const x = fraction(BigInt(bar) * step)
    const width = fraction(BigInt(bar + 1) * step) - x
    const total = counts.reduce((a, b) => a + b, 0)
    // A single record is to be seen beside a million.
    const scale = Math.max(total / most, 0.025) / total
    let y = 0
    counts.forEach((count, i) => {
      if (count === 0) return
      const h = count * scale * height
      rects.push(<rect key={`${bar}.${i}`} class={layers[i]!.class} x={(x + width * 0.06) * 1000} width={Math.max(width * 0.88 * 1000, 0.6)} y={height - y - h} height={h} />)
      y += h
    })
  }

  return (
    <div class="histogram">
      <div
        class="histogram-plot" ref={box}
        onPointerDown={(e) => {
          if (e.button !== 0) return
          box.current!.setPointerCapture(e.pointerId)
          setDrag({ from: at(e), to: at(e) })
        }}
        onPointerMove={(e) => {
          setHover(at(e))
          if (drag) setDrag({ ...drag, to: at(e) })
        }}
        onPointerUp={finish} onPointerCancel={() => setDrag(undefined)} onPointerLeave={() => setHover(undefined)}
      >
        <svg viewBox={`0 0 1000 ${height}`} preserveAspectRatio="none" role="img" aria-label="Count over time">{rects}</svg>
        <span class="histogram-most">{totals.length > 0 && shortCount(most)}</span>
        {reached > span.from && <div class="histogram-unknown" style={{ width: `${fraction(reached) * 100}%` }} />}
        {drag && <div class="brush" style={{ left: `${Math.min(drag.from, drag.to) * 100}%`, width: `${Math.abs(drag.to - drag.from) * 100}%` }} />}
        {hover !== undefined && <Tooltip x={hover} bar={Number(timeAt(hover) / step)} {...{ step, layers, bars, span }} />}
      </div>
      <TimeAxis span={span} />
    </div>
  )
}

function Tooltip({ x, bar, step, layers, bars, span }: { x: number; bar: number } & Pick<HistogramProps, 'step' | 'layers' | 'bars' | 'span'>) {
  const counts = bars.get(bar) ?? []
  const withDay = span.to - span.from > 72_000_000_000_000n
  return (
    <div class={`tooltip ${x > 0.7 ? 'left' : ''}`} style={{ left: `${x * 100}%` }}>
      <div class="tooltip-title">{clock(BigInt(bar) * step, withDay)} <span class="faint">+ {duration(Number(step))}</span></div>
      {layers.map((layer, i) => counts[i] ? <div key={layer.name}><i class={`swatch ${layer.class}`} />{layer.name}<b>{written(counts[i])}</b></div> : null).reverse()}
      {counts.length === 0 && <div class="faint">nothing</div>}
    </div>
  )
}

export function TimeAxis({ span, most = 10 }: { span: Span; most?: number }) {
  const length = Number(span.to - span.from) || 1
  return (
    <div class="axis" aria-hidden="true">
      {ticks(span, most).map(({ at, label }) => {
        const x = Number(at - span.from) / length
        return x > 0.02 && x < 0.97 ? <span key={label + x} style={{ left: `${x * 100}%` }}>{label}</span> : null
      })}
    </div>
  )
}
