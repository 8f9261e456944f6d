// The state of the page is its URL: what is in it can be shared, and the back button goes to what was there before.
import { signal } from '@preact/signals'
import { fromIso, parseLast, toIso, type Range } from './time.ts'

export interface Place {
  path: string
  params: URLSearchParams
}

const read = (): Place => ({ path: window.location.pathname, params: new URLSearchParams(window.location.search) })

export const place = signal<Place>(read())

window.addEventListener('popstate', () => { place.value = read() })

export type Changes = Record<string, string | undefined>

/** The URL with some parameters changed; undefined removes one. */
export function href(path: string, changes: Changes, base = new URLSearchParams()): string {
  const params = new URLSearchParams(base)
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined || value === '') params.delete(name)
    else params.set(name, value)
  }
  // What reads better as it is, and may stand in a query.
  const text = params.toString().replaceAll('%3A', ':').replaceAll('%2F', '/').replaceAll('%2C', ',')
  return text ? `${path}?${text}` : path
}

/** `replace`: without a new step for the back button. */
export function go(to: string, options: { replace?: boolean } = {}): void {
  if (options.replace) history.replaceState(null, '', to)
  else if (to !== window.location.pathname + window.location.search) history.pushState(null, '', to)
  place.value = read()
}

/** Changes parameters of the place that is shown. */
export function change(changes: Changes, options: { replace?: boolean } = {}): void {
  go(href(place.value.path, changes, place.value.params), options)
}

const defaultLast = '1h'

export function rangeOf(params: URLSearchParams): Range {
  const from = fromIso(params.get('from') ?? '')
  const to = fromIso(params.get('to') ?? '')
  if (from !== undefined && to !== undefined && from < to) return { from, to }
  const last = params.get('last') ?? defaultLast
  return { last: parseLast(last) ? last : defaultLast }
}

export function rangeParams(range: Range): Changes {
  if ('last' in range) return { last: range.last === defaultLast ? undefined : range.last, from: undefined, to: undefined }
  return { last: undefined, from: toIso(range.from), to: toIso(range.to), live: undefined }
}

/** The range's parameters and nothing else, for a link to another view of the same time. */
export function sameRange(params: URLSearchParams): Changes {
  return { last: params.get('last') ?? undefined, from: params.get('from') ?? undefined, to: params.get('to') ?? undefined }
}

/** Follows a click on a link of the page itself without loading the page again. */
export function followLinks(): void {
  document.addEventListener('click', (event) => {
    const link = (event.target as Element).closest('a')
    if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    if (link.origin !== window.location.origin || link.target || link.hasAttribute('download')) return
    event.preventDefault()
    go(link.pathname + link.search)
  })
}
