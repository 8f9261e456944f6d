import { useEffect, useState } from 'preact/hooks'
import { attributesOf } from '../lib/attributes.ts'
import { isAbort, query, type StoreError } from '../lib/clickhouse.ts'
import { serviceVariable } from '../lib/colours.ts'
import { fieldTerm } from '../lib/filter.ts'
import { go, href } from '../lib/location.ts'
import { spanRecord, type SpanRow } from '../lib/queries.ts'
import { asStoreError } from '../lib/search.ts'
import { duration, preciseDuration, preciseLocal, preciseUtc, toIso, zoneOffset, secondNs } from '../lib/time.ts'
import { Attributes, Copy, Key, Section, type OnFilter } from '../ui/Attributes.tsx'
import { Icon } from '../ui/icons.tsx'
import { Panel } from '../ui/Panel.tsx'
import { Banner } from '../ui/States.tsx'
import type { Node } from './tree.ts'

export function SpanDetails({ trace, node, start, logs, onLogs, onClose }: { trace: string; node: Node; start: bigint; logs: number; onLogs: () => void; onClose: () => void }) {
  const [row, setRow] = useState<SpanRow | null>()
  const [error, setError] = useState<StoreError>()
  const [again, setAgain] = useState(0)
  useEffect(() => {
    const abort = new AbortController()
    query<SpanRow>(spanRecord(trace, node.id, node.start), { signal: abort.signal }).then(
      (rows) => { setError(undefined); setRow(rows[0] ?? null) },
      (e: unknown) => { if (!isAbort(e)) setError(asStoreError(e)) },
    )
    return () => abort.abort()
  }, [trace, node, again])
  return (
    <Panel
      onClose={onClose}
      title={<><span class="service" style={{ color: serviceVariable(node.service) }}>{node.service}</span><span class="span-name">{node.name}</span></>}
      actions={logs > 0 && <button onClick={onLogs}><Icon name="logs" />{logs} log{logs === 1 ? '' : 's'}</button>}
    >
      {error && <Banner error={error} retry={() => setAgain(again + 1)} />}
      {row === undefined && !error && <div class="spinner" />}
      {row === null && <p class="pad">This span is not there any more.</p>}
      {row && <Details row={row} node={node} start={start} />}
    </Panel>
  )
}

function Details({ row, node, start }: { row: SpanRow; node: Node; start: bigint }) {
  const [, timeSource, name, kind, service, length, status, message, flags, state, resourceSchema, resource, resourceDropped, scopeSchema, scopeName, scopeVersion,
    scope, scopeDropped, attributes, dropped, types] = row
  const around = { from: toIso(node.start - 300n * secondNs), to: toIso(node.end + 300n * secondNs) }
  const filter: OnFilter = (key, value, negated) => go(href('/traces', { q: fieldTerm(key, value, { negated }), spans: 'all', ...around }))
  const fields: [string, string, string?][] = [
    ['span_id', node.id], ['parent_id', node.parent?.id ?? ''], ['kind', kind.toLowerCase()], ['scope', `${scopeName} ${scopeVersion}`.trim()], ['trace state', state],
    ['flags', flags ? `0x${flags.toString(16)}` : ''], ['resource schema', resourceSchema], ['scope schema', scopeSchema],
    ['time from', timeSource === 'start_end' ? '' : timeSource === 'received' ? 'when it was received: the span had no times' : `its ${timeSource}: the other time was missing`],
  ]
  return (
    <>
      <div class="facts">
        <div><b title={preciseDuration(Number(length))}>{duration(Number(length))}</b><span>duration</span></div>
        <div><b>{duration(Number(node.start - start))}</b><span>after the start</span></div>
        <div><b class={status === 'Error' ? 'error-text' : ''}>{status.toLowerCase() || 'unset'}</b><span>status</span></div>
      </div>
      <div class="when" title={preciseUtc(node.start)}>{preciseLocal(node.start)} <span class="faint">{zoneOffset(node.start)}</span></div>
      {message && <div class="status-message">{message}</div>}
      <Events row={row} start={node.start} />
      <Attributes title="Attributes" attributes={attributesOf(attributes, types, 2)} dropped={dropped} onFilter={filter} />
      <Links row={row} />
      <Attributes title="Resource" attributes={attributesOf(resource, types, 0)} dropped={resourceDropped} onFilter={filter} />
      <Attributes title="Scope attributes" attributes={attributesOf(scope, types, 1)} dropped={scopeDropped} onFilter={filter} />
      <Section title="Span">
        <div class="attributes">
          {fields.filter(([, value]) => value !== '').map(([key, value]) => (
            <div class="attribute" key={key}>
              <div class="attribute-key">{key}</div><div class="attribute-value">{value}</div>
              <div class="attribute-actions"><Copy text={value} title="Copy the value" /></div>
            </div>
          ))}
        </div>
      </Section>
      <div class="panel-foot">
        <a class="button" href={href('/traces', { q: `${fieldTerm('service', service)} ${fieldTerm('name', name)}`, spans: 'all' })}>Others of this name</a>
        <a class="button" href={href('/logs', { q: fieldTerm('service', service), ...around })}>Logs of {service} around it</a>
      </div>
    </>
  )
}

function Events({ row, start }: { row: SpanRow; start: bigint }) {
  const [times, names, attributes, droppedAttributes, dropped] = [row[21], row[22], row[23], row[24], row[25]]
  const types = row[20]
  if (times.length === 0 && dropped === 0) return null
  return (
    <Section title={`Events (${times.length})`} note={dropped > 0 ? `${dropped} dropped by the sender` : undefined}>
      {times.map((time, i) => (
        <div class={`event ${names[i] === 'exception' ? 'failed' : ''}`} key={i}>
          <div class="event-head"><b>{names[i]}</b><span class="faint" title={`${preciseLocal(BigInt(time))}\n${preciseUtc(BigInt(time))}`}>+ {duration(Math.max(0, Number(BigInt(time) - start)))}</span></div>
          <EventAttributes attributes={attributesOf(attributes[i] ?? {}, types, 3 + i)} dropped={droppedAttributes[i] ?? 0} />
        </div>
      ))}
    </Section>
  )
}

function EventAttributes({ attributes, dropped }: { attributes: ReturnType<typeof attributesOf>; dropped: number }) {
  return (
    <div class="attributes">
      {attributes.map(({ key, value }) => (
        <div class="attribute" key={key}>
          <div class="attribute-key"><Key name={key} /></div>
          <div class="attribute-value">{value.includes('\n') ? <pre>{value}</pre> : value}</div>
          <div class="attribute-actions"><Copy text={value} title="Copy the value" /></div>
        </div>
      ))}
      {dropped > 0 && <div class="faint">{dropped} dropped by the sender</div>}
    </div>
  )
}

function Links({ row }: { row: SpanRow }) {
  const [traces, spans, states, attributes, droppedAttributes, dropped] = [row[26], row[27], row[28], row[29], row[30], row[31]]
  const types = row[20]
  const before = 3 + row[21].length
  if (traces.length === 0 && dropped === 0) return null
  return (
    <Section title={`Links (${traces.length})`} note={dropped > 0 ? `${dropped} dropped by the sender` : undefined}>
      {traces.map((trace, i) => (
        <div class="event" key={i}>
          <div class="event-head"><a href={href(`/trace/${trace}`, { span: spans[i] })}><Icon name="link" />{trace.slice(0, 8)}… / {spans[i]}</a>{states[i] && <span class="faint">{states[i]}</span>}</div>
          <EventAttributes attributes={attributesOf(attributes[i] ?? {}, types, before + i)} dropped={droppedAttributes[i] ?? 0} />
        </div>
      ))}
    </Section>
  )
}
