import { signal } from '@preact/signals'

/** How often somebody, or the page itself, asked for the same search again. */
export const refreshes = signal(0)

export function refresh(): void {
  refreshes.value++
}
