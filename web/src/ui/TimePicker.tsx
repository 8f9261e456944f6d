import { useEffect, useRef, useState } from 'preact/hooks'
import { change, place, rangeOf, rangeParams } from '../lib/location.ts'
import { parseLast, presets, rangeLabel, resolve, secondNs, zoneOffset, type Range } from '../lib/time.ts'
import { Icon } from './icons.tsx'
import { useKeys } from './keys.ts'

export function TimePicker() {
  const range = rangeOf(place.value.params)
  const [open, setOpen] = useState(false)
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (!open) return
    const close = (event: PointerEvent) => { if (!box.current!.contains(event.target as Element)) setOpen(false) }
    document.addEventListener('pointerdown', close)
    return () => document.removeEventListener('pointerdown', close)
  }, [open])
  useKeys({ Escape: () => (open ? setOpen(false) : false), t: () => setOpen(!open) })
  const take = (next: Range) => {
    change({ ...rangeParams(next), record: undefined })
    setOpen(false)
  }
  const zoomOut = () => {
    const { from, to } = resolve(range)
    const half = (to - from) / 2n
    take({ from: from - half, to: to + half })
  }
  return (
    <div class="picker" ref={box}>
      <button onClick={() => setOpen(!open)} aria-expanded={open} title="Time range (t)"><Icon name="clock" />{rangeLabel(range)}<Icon name="down" /></button>
      {'from' in range && <button class="ghost" title="Zoom out" onClick={zoomOut}><Icon name="minus" /></button>}
      {open && <div class="popover"><Choices range={range} take={take} /></div>}
    </div>
  )
}

function Choices({ range, take }: { range: Range; take: (range: Range) => void }) {
  const span = resolve(range)
  const [from, setFrom] = useState(localInput(span.from))
  const [to, setTo] = useState(localInput(span.to))
  const [own, setOwn] = useState('')
  const [a, b] = [fromLocal(from), fromLocal(to)]
  const wrong = a === undefined || b === undefined ? 'Both times are needed.' : a >= b ? 'It has to begin before it ends.' : ''
  return (
    <div class="picker-choices">
      <div class="picker-presets">
        {presets.map(({ last, label }) => (
          <button key={last} class={'last' in range && range.last === last ? 'chosen' : ''} onClick={() => take({ last })}>{label}</button>
        ))}
        <form onSubmit={(e) => { e.preventDefault(); if (parseLast(own)) take({ last: own }) }}>
          <input type="text" placeholder="45m, 3d, …" aria-label="Other length" value={own} onInput={(e) => setOwn(e.currentTarget.value.trim())} />
        </form>
      </div>
      <form class="picker-absolute" onSubmit={(e) => { e.preventDefault(); if (!wrong) take({ from: a!, to: b! }) }}>
        <label>From<input type="datetime-local" step="1" value={from} onInput={(e) => setFrom(e.currentTarget.value)} /></label>
        <label>To<input type="datetime-local" step="1" value={to} onInput={(e) => setTo(e.currentTarget.value)} /></label>
        <div class="faint">{wrong || `Local time, ${zoneOffset(span.to)}`}</div>
        <button class="primary" type="submit" disabled={wrong !== ''}>Apply</button>
      </form>
    </div>
  )
}

function localInput(ns: bigint): string {
  const ms = Number(ns / 1_000_000n)
  return new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
}

function fromLocal(text: string): bigint | undefined {
  const ms = new Date(text).getTime()
  return Number.isNaN(ms) ? undefined : BigInt(Math.floor(ms / 1000)) * secondNs
}
