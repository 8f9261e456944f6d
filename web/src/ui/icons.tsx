const paths = {
  search: 'M7 2a5 5 0 1 0 0 10A5 5 0 0 0 7 2Zm3.7 8.7L14 14',
  clock: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 3v3.2l2.2 1.4',
  close: 'm4 4 8 8m0-8-8 8',
  down: 'm4 6 4 4 4-4',
  right: 'm6 4 4 4-4 4',
  refresh: 'M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3',
  plus: 'M8 3.5v9M3.5 8h9',
  minus: 'M3.5 8h9',
  copy: 'M5.5 5.5h7v7h-7zM3.5 10.5v-7h7',
  check: 'm3.5 8.5 3 3 6-7',
  link: 'M6.8 9.2 9.2 6.8M7.5 4.6l1-1a2.7 2.7 0 0 1 3.9 3.9l-1 1M8.5 11.4l-1 1a2.7 2.7 0 0 1-3.9-3.9l1-1',
  play: 'M5 3.5 12 8l-7 4.5Z',
  pause: 'M5.5 3.5v9m5-9v9',
  warning: 'M8 2.5 14 13H2ZM8 6.5v3m0 1.7v.1',
  trace: 'M2.5 4h7M5 8h6M7.5 12h6',
  logs: 'M2.5 4h11m-11 4h11m-11 4h7',
  up: 'M8 13V3.5M4 7l4-4 4 4',
  help: 'M6 6.2a2 2 0 1 1 2.8 1.9c-.6.3-.8.6-.8 1.3m0 2v.1',
}

export type IconName = keyof typeof paths

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  )
}

export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
      <path class="leg a" d="M16 9 6 28" />
      <path class="leg b" d="M16 9v19" />
      <path class="leg c" d="m16 9 10 19" />
      <circle cx="16" cy="7" r="4.4" />
    </svg>
  )
}
