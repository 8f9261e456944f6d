// A list of rows of one height, of which only those in sight are in the document: it scrolls as fast with 100,000.
import type { ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'

export interface VirtualListProps {
  count: number
  rowHeight: number
  row: (index: number) => ComponentChildren
  label: string
  selected?: number // kept in sight
  grown?: number // how many rows were added at the top since the last time: what is looked at stays where it is
  onNearEnd?: () => void
  onScroll?: (top: number) => void
  footer?: ComponentChildren
  class?: string
}

const overscan = 12
const nearEndRows = 100

export function VirtualList(props: VirtualListProps) {
  const { count, rowHeight, row, selected, onNearEnd, footer } = props
  const box = useRef<HTMLDivElement>(null)
  const [view, setView] = useState({ first: 0, visible: 60 })

  const measure = () => {
    const { scrollTop, clientHeight } = box.current!
    const first = Math.max(0, Math.floor(scrollTop / rowHeight) - overscan)
    const visible = Math.ceil(clientHeight / rowHeight) + 2 * overscan
    setView((old) => (old.first === first && old.visible === visible ? old : { first, visible }))
    props.onScroll?.(scrollTop)
  }

  useLayoutEffect(() => {
    const observer = new ResizeObserver(measure)
    observer.observe(box.current!)
    return () => observer.disconnect()
  }, [])

  useLayoutEffect(() => {
    const element = box.current!
    if (props.grown && element.scrollTop > rowHeight) element.scrollTop += props.grown * rowHeight
  }, [count, props.grown])

  useLayoutEffect(() => {
    if (selected === undefined || selected < 0) return
    const element = box.current!
    const top = selected * rowHeight
    if (top < element.scrollTop) element.scrollTop = top
    else if (top + rowHeight > element.scrollTop + element.clientHeight) element.scrollTop = top + rowHeight - element.clientHeight
  }, [selected, rowHeight])

  const last = Math.min(count, view.first + view.visible)
  useEffect(() => {
    if (last > count - nearEndRows) onNearEnd?.()
  }, [last, count])

  const rows = []
  for (let i = Math.min(view.first, Math.max(0, count - 1)); i < last; i++) rows.push(row(i))
  return (
    <div class={`list ${props.class ?? ''}`} ref={box} onScroll={measure} role="listbox" aria-label={props.label} tabIndex={-1}>
      <div class="list-space" style={{ height: `${count * rowHeight}px` }}>
        <div class="list-window" style={{ transform: `translateY(${Math.min(view.first, Math.max(0, count - 1)) * rowHeight}px)` }}>{rows}</div>
      </div>
      {footer}
    </div>
  )
}
