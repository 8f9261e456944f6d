// The side panel: as wide as it was last time.
import type { ComponentChildren } from 'preact'
import { signal } from '@preact/signals'
import { Icon } from './icons.tsx'

const key = 'tripod.panel'
const remembered = Number(localStorage.getItem(key))
const width = signal(remembered >= 320 && remembered <= 1600 ? remembered : 560)

export function Panel({ title, actions, onClose, children }: { title: ComponentChildren; actions?: ComponentChildren; onClose: () => void; children: ComponentChildren }) {
  const drag = (down: PointerEvent) => {
    const handle = down.currentTarget as HTMLElement
    handle.setPointerCapture(down.pointerId)
    const start = width.value + down.clientX
    handle.onpointermove = (move) => { width.value = Math.max(320, Math.min(window.innerWidth - 320, start - move.clientX)) }
    handle.onpointerup = () => {
      handle.onpointermove = null
      localStorage.setItem(key, String(width.value))
    }
  }
  return (
    <aside class="panel" style={{ width: `${width.value}px` }} aria-label="Details">
      <div class="panel-edge" onPointerDown={drag} />
      <header>
        <div class="panel-title">{title}</div>
        {actions}
        <button class="ghost" onClick={onClose} title="Close (Esc)"><Icon name="close" /></button>
      </header>
      <div class="panel-body">{children}</div>
    </aside>
  )
}
