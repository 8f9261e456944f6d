// The keyboard: a view says which keys it knows while it is shown; the last one that does has the first say.
import { useEffect, useRef } from 'preact/hooks'

export type Keys = Record<string, () => boolean | void> // false: not mine after all

const stack: { current: Keys }[] = []

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  const target = event.target as HTMLElement
  const typing = target.closest('input, textarea, select, [contenteditable]') !== null
  if (typing) return
  // A focused button or link has Enter for itself.
  if (event.key === 'Enter' && target.closest('button, a')) return
  for (let i = stack.length - 1; i >= 0; i--) {
    const action = stack[i]!.current[event.key]
    if (action && action() !== false) {
      event.preventDefault()
      return
    }
  }
})

export function useKeys(keys: Keys): void {
  const latest = useRef(keys)
  latest.current = keys
  useEffect(() => {
    stack.push(latest)
    return () => { stack.splice(stack.indexOf(latest), 1) }
  }, [])
}
