import { useEffect, useState } from 'preact/hooks'
import { attributesOf, prettyJson } from '../lib/attributes.ts'
import { isAbort, query, type StoreError } from '../lib/clickhouse.ts'
import { serviceVariable } from '../lib/colours.ts'
import { href } from '../lib/location.ts'
import { logRecord, type LogRow } from '../lib/queries.ts'
import { asStoreError } from '../lib/search.ts'
import { levelOf, levelOfNumber } from '../lib/severity.ts'
import { preciseLocal, preciseUtc, zoneOffset } from '../lib/time.ts'
import { Attributes, Copy, Section, type OnFilter } from '../ui/Attributes.tsx'
import { Icon } from '../ui/icons.tsx'
import { Panel } from '../ui/Panel.tsx'
import { Banner } from '../ui/States.tsx'
import type { RecordName } from './item.ts'

export function LogDetails({ id, onFilter, onClose, inTrace }: { id: RecordName; onFilter?: OnFilter; onClose: () => void; inTrace?: boolean }) {
  const [record, setRecord] = useState<LogRow | null>()
  const [error, setError] = useState<StoreError>()
  const [again, setAgain] = useState(0)
  useEffect(() => {
    const abort = new AbortController()
    query<LogRow>(logRecord(id), { signal: abort.signal }).then(
      (rows) => { setError(undefined); setRecord(rows[id.nth] ?? rows[0] ?? null) },
      (e: unknown) => { if (!isAbort(e)) setError(asStoreError(e)) },
    )
    return () => abort.abort()
  }, [id.time, id.stream, id.hash, id.nth, again])

  if (error) return <Panel title="Log record" onClose={onClose}><Banner error={error} retry={() => setAgain(again + 1)} /></Panel>
  if (record === undefined) return <Panel title="Log record" onClose={onClose}><div class="spinner" /></Panel>
  if (record === null) return <Panel title="Log record" onClose={onClose}><p class="pad">This record is not there any more, or not yet.</p></Panel>
  return <Record record={record} onFilter={onFilter} onClose={onClose} inTrace={inTrace ?? false} />
}

function Record({ record, onFilter, onClose, inTrace }: { record: LogRow; onFilter: OnFilter | undefined; onClose: () => void; inTrace: boolean }) {
  const [time, timeSource, observed, trace, span, flags, severityText, severity, service, body, bodyType, event, resourceSchema, resource, resourceDropped,
    scopeSchema, scopeName, scopeVersion, scope, scopeDropped, attributes, dropped, types] = record
  const level = severity > 0 ? levelOfNumber(severity) : (levelOf(severityText) ?? 'unset')
  const ns = BigInt(time)
  const pretty = prettyJson(body)
  const fields: [string, string, string?][] = [
    ['service', service], ['severity', `${severityText}${severity ? ` (${severity})` : ''}`.trim(), severityText],
    ['event', event], ['trace_id', trace], ['span_id', span], ['observed', observed === '0' ? '' : preciseLocal(BigInt(observed)), observed === '0' ? '' : preciseUtc(BigInt(observed))],
    ['time from', timeSource === 'time' ? '' : timeSource === 'observed' ? 'when it was observed: the record had no time' : 'when it was received: the record had no time'],
    ['flags', flags ? `0x${flags.toString(16)}` : ''],
    ['scope', `${scopeName} ${scopeVersion}`.trim()], ['resource schema', resourceSchema], ['scope schema', scopeSchema],
  ]
  const filterable = new Set(['service', 'event', 'trace_id', 'span_id'])
  return (
    <Panel
      onClose={onClose}
      title={<><span class={`badge ${level}`}>{level === 'unset' ? 'log' : level}</span><span class="service" style={{ color: serviceVariable(service) }}>{service}</span></>}
      actions={<>
        {trace && !inTrace && <a class="button" href={href(`/trace/${trace}`, { span: span || undefined })}><Icon name="trace" />Trace</a>}
        <Copy text={asJson(record)} title="Copy the record as JSON" />
      </>}
    >
      <div class="when" title={preciseUtc(ns)}>{preciseLocal(ns)} <span class="faint">{zoneOffset(ns)}</span></div>
      <Section title="Body" note={<>{bodyType !== 'string' && <span class="type">{bodyType}</span>}<Copy text={body} title="Copy the body" /></>}>
        <pre class="body-text">{pretty ?? (body || <span class="faint">empty</span>)}</pre>
      </Section>
      <Attributes title="Attributes" attributes={attributesOf(attributes, types, 2)} dropped={dropped} onFilter={onFilter} />
      <Attributes title="Resource" attributes={attributesOf(resource, types, 0)} dropped={resourceDropped} onFilter={onFilter} />
      <Attributes title="Scope attributes" attributes={attributesOf(scope, types, 1)} dropped={scopeDropped} onFilter={onFilter} />
      <Section title="Record">
        <div class="attributes">
          {fields.filter(([, value]) => value !== '').map(([name, value, hint]) => (
            <div class="attribute" key={name}>
              <div class="attribute-key">{name}</div>
              <div class="attribute-value" title={name === 'observed' ? hint : undefined}>{value}</div>
              <div class="attribute-actions">
                {onFilter && filterable.has(name) && <button title="Only this value" onClick={() => onFilter(name, value, false)}><Icon name="plus" /></button>}
                {onFilter && filterable.has(name) && <button title="Without this value" onClick={() => onFilter(name, value, true)}><Icon name="minus" /></button>}
                <Copy text={value} title="Copy the value" />
              </div>
            </div>
          ))}
        </div>
      </Section>
    </Panel>
  )
}

function asJson([time, , observed, trace, span, flags, severityText, severity, service, body, , event, , resource, , , scopeName, scopeVersion, scope, , attributes]: LogRow): string {
  return JSON.stringify({
    timestamp: preciseUtc(BigInt(time)), time_unix_nano: time, observed_time_unix_nano: observed, severity_number: severity, severity_text: severityText, service,
    body, event_name: event || undefined, trace_id: trace || undefined, span_id: span || undefined, flags: flags || undefined, attributes, resource,
    scope: { name: scopeName, version: scopeVersion || undefined, attributes: Object.keys(scope).length > 0 ? scope : undefined },
  }, null, 2)
}
