// What stands where there is nothing to show, and why there is nothing.
import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { StoreError } from '../lib/clickhouse.ts'
import { Copy } from './Attributes.tsx'
import { Icon } from './icons.tsx'

export function Message({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="message">
      <h2>{title}</h2>
      {children}
    </div>
  )
}

/** Messages of the server begin small and end without a full stop. */
function sentence(message: string): string {
  return message.charAt(0).toUpperCase() + message.slice(1).replace(/[.\s]*$/, '.')
}

const retryMs = 2000

/** Where the store will be back, what failed is tried again. True while that is so. */
function useRetry(error: StoreError, retry: () => void): boolean {
  const restarting = error.failure === 'unavailable'
  useEffect(() => {
    if (!restarting) return
    const timer = setTimeout(retry, retryMs)
    return () => clearTimeout(timer)
  }, [error])
  return restarting
}

export function Failed({ error, retry }: { error: StoreError; retry: () => void }) {
  const restarting = useRetry(error, retry)
  if (restarting) {
    return (
      <Message title="The store is starting">
        <p>{sentence(error.message)} What is sent meanwhile is kept; this page goes on by itself.</p>
        <div class="spinner" />
      </Message>
    )
  }
  return (
    <Message title={error.failure === 'timeout' ? 'This took too long' : 'The query failed'}>
      <pre class="error-text">{error.message}</pre>
      {error.failure === 'timeout' && <p>A shorter time range or a field such as service: needs less.</p>}
      <button onClick={retry}><Icon name="refresh" />Try again</button>
    </Message>
  )
}

export function Banner({ error, retry }: { error: StoreError; retry: () => void }) {
  useRetry(error, retry)
  return <div class="banner" role="alert"><Icon name="warning" /><span title={error.message}>{sentence(error.message)}</span><button onClick={retry}>Try again</button></div>
}

/** A search that was stopped before it found anything. */
export function Stopped({ resume }: { resume: () => void }) {
  return (
    <Message title="Stopped">
      <p>Nothing was found in the part of the range that was looked at.</p>
      <button class="primary" onClick={resume}>Go on</button>
    </Message>
  )
}

/** Nothing was ever received: how to send the first. */
export function FirstSteps({ what }: { what: 'logs' | 'traces' }) {
  // The page's own address takes OTLP too, wherever the receivers' ports may be.
  const endpoint = window.location.origin
  const nowNs = '$(date +%s%N)'
  const record = what === 'logs'
    ? `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"hello"}}]},"scopeLogs":[{"logRecords":[{"timeUnixNano":"'${nowNs}'","severityNumber":9,"body":{"stringValue":"Hello, Tripod"}}]}]}]}`
    : `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"hello"}}]},"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"hello","kind":2,"startTimeUnixNano":"'${nowNs}'","endTimeUnixNano":"'${nowNs}'"}]}]}]}`
  const command = `curl -H 'Content-Type: application/json' ${endpoint}/v1/${what} -d '${record}'`
  return (
    <Message title={`No ${what} yet`}>
      <p>Point an OpenTelemetry SDK or collector here:</p>
      <Snippet text={`OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\nOTEL_EXPORTER_OTLP_ENDPOINT=${endpoint}`} />
      <p>or send the first {what === 'logs' ? 'record' : 'span'} by hand:</p>
      <Snippet text={command} />
      <p class="faint">The usual ports, 4317 for gRPC and 4318 for HTTP, do as well. This page shows the first data as soon as it is there.</p>
    </Message>
  )
}

function Snippet({ text }: { text: string }) {
  return <div class="snippet"><pre>{text}</pre><Copy text={text} title="Copy" /></div>
}

/** A search that takes a while: how far it is, for how long, and a way out. */
export function Searching({ fraction, onCancel }: { fraction: number; onCancel: () => void }) {
  const [seconds, setSeconds] = useState(0)
  useEffect(() => {
    const started = performance.now()
    const timer = setInterval(() => setSeconds((performance.now() - started) / 1000), 200)
    return () => clearInterval(timer)
  }, [])
  // What is over in a moment needs no words.
  return (
    <div class={`searching ${seconds > 0.4 ? 'long' : ''}`} role="status">
      <div class="searching-bar" style={{ width: `${Math.max(2, fraction * 100)}%` }} />
      {seconds > 0.4 && <span>Searching, {Math.round(fraction * 100)}% of the range, {seconds.toFixed(1)} s <button onClick={onCancel}>Stop</button></span>}
    </div>
  )
}
