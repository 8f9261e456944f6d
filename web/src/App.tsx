import { useState } from 'preact/hooks'
import { href, place, sameRange } from './lib/location.ts'
import { refresh } from './lib/refresh.ts'
import { LogsView } from './logs/LogsView.tsx'
import { TracesView } from './traces/TracesView.tsx'
import { TraceView } from './trace/TraceView.tsx'
import { Icon, Logo } from './ui/icons.tsx'
import { useKeys } from './ui/keys.ts'
import { TimePicker } from './ui/TimePicker.tsx'
import { Message } from './ui/States.tsx'

export function App() {
  const { path, params } = place.value
  const trace = /^\/trace\/([0-9a-fA-F]{1,32})$/.exec(path)?.[1]
  const view = trace ? 'trace' : path === '/' || path === '/logs' ? 'logs' : path === '/traces' ? 'traces' : undefined
  const [help, setHelp] = useState(false)
  useKeys({ '?': () => setHelp(!help), r: refresh, Escape: () => (help ? setHelp(false) : false) })
  const range = sameRange(params)
  document.title = `${view === 'trace' ? `Trace ${trace!.slice(0, 8)}` : view === 'traces' ? 'Traces' : 'Logs'} · Tripod`
  return (
    <>
      <header class="top">
        <a class="brand" href="/"><Logo />Tripod</a>
        <nav>
          <a href={href('/logs', range)} class={view === 'logs' ? 'current' : ''}>Logs</a>
          <a href={href('/traces', range)} class={view === 'traces' || view === 'trace' ? 'current' : ''}>Traces</a>
        </nav>
        <span class="grow" />
        {view !== 'trace' && <TimePicker />}
        {view !== 'trace' && <button onClick={refresh} title="Search again (r)"><Icon name="refresh" /></button>}
        <button class="ghost" onClick={() => setHelp(!help)} title="Keys (?)"><Icon name="help" /></button>
      </header>
      {view === 'logs' && <LogsView />}
      {view === 'traces' && <TracesView />}
      {view === 'trace' && <TraceView key={trace} id={trace!.toLowerCase()} />}
      {!view && <Message title="There is no such page"><p><a href="/">To the logs</a></p></Message>}
      {help && <Help onClose={() => setHelp(false)} />}
    </>
  )
}

const keys: [string, string][] = [
  ['/', 'to the filter'], ['j k ↓ ↑', 'move through the list'], ['Enter', 'open'], ['Esc', 'close'], ['l', 'live: new records as they come'],
  ['t', 'time range'], ['r', 'search again'], ['← →', 'close and open what is below a span'], ['?', 'these keys'],
]

function Help({ onClose }: { onClose: () => void }) {
  return (
    <div class="overlay" onClick={onClose}>
      <div class="dialog" role="dialog" aria-label="Keys">
        <h2>Keys</h2>
        <dl>{keys.map(([key, what]) => <div key={key}><dt>{key.split(' ').map((k) => <kbd key={k}>{k}</kbd>)}</dt><dd>{what}</dd></div>)}</dl>
      </div>
    </div>
  )
}
