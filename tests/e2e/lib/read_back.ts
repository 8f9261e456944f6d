// Records as SQL gives them back. The columns are described in src/store/tables.h.
import type { Event, FlatSpan, Link, Log, Origin } from './records.ts'
import type { Server } from './server.ts'
import { attributes, value } from './values.ts'

type Map2 = [keys: string[], values: string[]]

interface OriginRow {
  resource: Map2
  resourceDropped: number
  resourceSchemaUrl: string
  scopeName: string
  scopeVersion: string
  scope: Map2
  scopeDropped: number
  scopeSchemaUrl: string
  types: string
}

// Maps as keys and values, because a JSON object would lose order and duplicates.
const map = (column: string, as: string) => `(mapKeys(${column}), mapValues(${column})) AS ${as}`
const nanos = (column: string) => `toString(toUnixTimestamp64Nano(${column}))`

const originColumns = `
  ${map('ResourceAttributes', 'resource')},
  ResourceDroppedAttributesCount AS resourceDropped,
  ResourceSchemaUrl AS resourceSchemaUrl,
  ScopeName AS scopeName,
  ScopeVersion AS scopeVersion,
  ${map('ScopeAttributes', 'scope')},
  ScopeDroppedAttributesCount AS scopeDropped,
  ScopeSchemaUrl AS scopeSchemaUrl,
  AttributeTypes AS types`

function originOf(row: OriginRow): Origin {
  return {
    resource: attributes(...row.resource, row.types, 0),
    resourceDropped: row.resourceDropped,
    resourceSchemaUrl: row.resourceSchemaUrl,
    scopeName: row.scopeName,
    scopeVersion: row.scopeVersion,
    scope: attributes(...row.scope, row.types, 1),
    scopeDropped: row.scopeDropped,
    scopeSchemaUrl: row.scopeSchemaUrl,
  }
}

interface LogRow extends OriginRow, Omit<Log, keyof OriginRow | 'body' | 'attributes'> {
  source: string
  body: string
  bodyType: string
  attributes: Map2
}

export async function readLogs(server: Server, where: string): Promise<Log[]> {
  const rows = await server.sql<LogRow>(`
    SELECT ${originColumns},
      ${nanos('Timestamp')} AS time,
      TimestampSource AS source,
      ${nanos('ObservedTimestamp')} AS observedTime,
      SeverityNumber AS severityNumber,
      SeverityText AS severityText,
      Body AS body,
      BodyType AS bodyType,
      ${map('LogAttributes', 'attributes')},
      DroppedAttributesCount AS dropped,
      Flags AS flags,
      TraceId AS traceId,
      SpanId AS spanId,
      EventName AS eventName
    FROM otel_logs WHERE ${where}`)
  return rows.map((row) => {
    const { source, bodyType, types, ...rest } = row
    return {
      ...rest,
      ...originOf(row),
      time: source === 'time' ? row.time : '0',
      body: value(row.body, bodyType),
      attributes: attributes(...row.attributes, types, 2),
    }
  })
}

interface SpanRow extends OriginRow, Omit<FlatSpan, keyof OriginRow | 'kind' | 'statusCode' | 'attributes' | 'events' | 'links' | 'start' | 'end'> {
  time: string
  duration: string
  source: 'start_end' | 'start' | 'end' | 'received'
  kind: string
  statusCode: string
  attributes: Map2
  events: [time: string, name: string, keys: string[], values: string[], dropped: number][]
  links: [traceId: string, spanId: string, traceState: string, keys: string[], values: string[], dropped: number, flags: number][]
}

const kinds = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer']
const statusCodes = ['Unset', 'Ok', 'Error']

export async function readSpans(server: Server, where: string): Promise<FlatSpan[]> {
  const rows = await server.sql<SpanRow>(`
    SELECT ${originColumns},
      ${nanos('Timestamp')} AS time,
      TimestampSource AS source,
      toString(Duration) AS duration,
      TraceId AS traceId,
      SpanId AS spanId,
      ParentSpanId AS parentSpanId,
      TraceState AS traceState,
      SpanName AS name,
      SpanKind AS kind,
      ${map('SpanAttributes', 'attributes')},
      DroppedAttributesCount AS dropped,
      DroppedEventsCount AS droppedEvents,
      DroppedLinksCount AS droppedLinks,
      Flags AS flags,
      StatusCode AS statusCode,
      StatusMessage AS statusMessage,
      arrayMap((t, n, a, d) -> (${nanos('t')}, n, mapKeys(a), mapValues(a), d),
        Events.Timestamp, Events.Name, Events.Attributes, Events.DroppedAttributesCount) AS events,
      arrayMap((t, s, w, a, d, f) -> (t, s, w, mapKeys(a), mapValues(a), d, f),
        Links.TraceId, Links.SpanId, Links.TraceState, Links.Attributes, Links.DroppedAttributesCount, Links.Flags) AS links
    FROM otel_traces WHERE ${where}`)
  return rows.map(spanOf)
}

function spanOf(row: SpanRow): FlatSpan {
  const { source, time, duration, types, ...rest } = row
  const events = row.events.map(([at, name, keys, values, dropped], i): Event => ({
    time: at, name, attributes: attributes(keys, values, types, 3 + i), dropped,
  }))
  const links = row.links.map(([traceId, spanId, traceState, keys, values, dropped, flags], i): Link => ({
    traceId, spanId, traceState, attributes: attributes(keys, values, types, 3 + events.length + i), dropped, flags,
  }))
  const end = (BigInt(time) + BigInt(duration)).toString()
  return {
    ...rest,
    ...originOf(row),
    start: source === 'start_end' || source === 'start' ? time : '0',
    end: source === 'start_end' || source === 'end' ? end : '0',
    kind: kinds.indexOf(row.kind),
    statusCode: statusCodes.indexOf(row.statusCode),
    attributes: attributes(...row.attributes, types, 2),
    events,
    links,
  }
}
