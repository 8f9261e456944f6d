// Every statement that the page sends. Rows come as arrays; here is what is in them.
import type { Span } from './time.ts'
import { sql, type Sql } from './sql.ts'

const ns = (column: Sql): Sql => sql`toString(toUnixTimestamp64Nano(${column}))`
const at = (time: bigint): Sql => sql`fromUnixTimestamp64Nano(${time})`

/** `span.to` is exclusive. The sort key begins with time, so this also says which granules are read. */
const within = (span: Span): Sql => sql`Timestamp >= ${at(span.from)} AND Timestamp < ${at(span.to)}`

/** Rows of one time must come together (a page ends between two times), but not without end. */
const mostTies = 10_000

/** Body as far as a list shows it. */
const bodyStart = 600

// --- logs ----------------------------------------------------------------------------------------------------------

/** time, severity number and text, service, start of the body, trace, span, stream, hash of the body */
export type LogListRow = [time: string, severity: number, severityText: string, service: string, body: string, trace: string, span: string, stream: string, hash: string]

/**
 * The newest `limit` records within the span, and all others of the last one's time, so that the next page is what is
 * before it. First the times alone are looked at, to learn which those are: then all else is read from few granules.
 */
export function logList(span: Span, condition: Sql, limit: number): Sql {
  return sql`
    WITH (SELECT min(Timestamp) FROM (SELECT Timestamp FROM otel_logs WHERE ${within(span)} AND ${condition} ORDER BY Timestamp DESC LIMIT ${limit})) AS first
    SELECT ${ns(sql`Timestamp`)}, SeverityNumber, SeverityText, ServiceName, substringUTF8(Body, 1, ${bodyStart}), TraceId, SpanId, toString(StreamId), hex(cityHash64(Body))
    FROM otel_logs WHERE Timestamp >= first AND ${within(span)} AND ${condition}
    ORDER BY Timestamp DESC, StreamId DESC, SpanId DESC LIMIT ${mostTies}`
}

/** step number, level (0 unset, 1 trace … 6 fatal), records */
export type LogCountRow = [step: number, level: number, count: number]

export function logCounts(span: Span, step: bigint, condition: Sql): Sql {
  return sql`
    SELECT intDiv(toUnixTimestamp64Nano(Timestamp), ${step}) AS step, intDiv(SeverityNumber + 3, 4) AS level, count()
    FROM otel_logs WHERE ${within(span)} AND ${condition} GROUP BY step, level`
}

type Attributes = Record<string, string>

export type LogRow = [
  time: string, timeSource: string, observed: string, trace: string, span: string, flags: number, severityText: string, severity: number,
  service: string, body: string, bodyType: string, eventName: string, resourceSchema: string, resource: Attributes, resourceDropped: number,
  scopeSchema: string, scopeName: string, scopeVersion: string, scope: Attributes, scopeDropped: number, attributes: Attributes, dropped: number, types: string,
]

export interface LogId {
  time: bigint
  stream: string
  hash: string
}

/** The records of that time, stream and body: nearly always one. */
export function logRecord(id: LogId): Sql {
  return sql`
    SELECT ${ns(sql`Timestamp`)}, TimestampSource, ${ns(sql`ObservedTimestamp`)}, TraceId, SpanId, Flags, SeverityText, SeverityNumber, ServiceName,
      Body, BodyType, EventName, ResourceSchemaUrl, ResourceAttributes, ResourceDroppedAttributesCount, ScopeSchemaUrl, ScopeName, ScopeVersion,
      ScopeAttributes, ScopeDroppedAttributesCount, LogAttributes, DroppedAttributesCount, AttributeTypes
    FROM otel_logs WHERE Timestamp = ${at(id.time)} AND StreamId = toUInt64(${id.stream}) AND hex(cityHash64(Body)) = ${id.hash}
    ORDER BY SpanId DESC, toString(LogAttributes) LIMIT 100`
}

/** The time of the newest record, if there is any. */
export function newestLog(): Sql {
  return sql`SELECT ${ns(sql`Timestamp`)} FROM otel_logs ORDER BY toStartOfFiveMinutes(Timestamp) DESC, Timestamp DESC LIMIT 1`
}

// --- spans ---------------------------------------------------------------------------------------------------------

/** time, trace, span, parent, name, kind, service, duration, status, message */
export type SpanListRow = [
  time: string, trace: string, span: string, parent: string, name: string, kind: string, service: string, duration: number, status: string, message: string,
]

export function spanList(span: Span, condition: Sql, limit: number): Sql {
  return sql`
    WITH (SELECT min(Timestamp) FROM (SELECT Timestamp FROM otel_traces WHERE ${within(span)} AND ${condition} ORDER BY Timestamp DESC LIMIT ${limit})) AS first
    SELECT ${ns(sql`Timestamp`)}, TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, Duration, StatusCode, StatusMessage
    FROM otel_traces WHERE Timestamp >= first AND ${within(span)} AND ${condition}
    ORDER BY Timestamp DESC, TraceId, SpanId LIMIT ${mostTies}`
}

/** trace, spans, spans with an error, its services */
export type TraceSummaryRow = [trace: string, spans: number, errors: number, services: string[]]

/** `traces` must not be empty. Their times are looked up first, so that little is read. */
export function traceSummaries(traces: readonly string[]): Sql {
  return sql`
    WITH (SELECT (min(Start), max(End)) FROM otel_traces_trace_id_ts WHERE TraceId IN ${traces}) AS time
    SELECT TraceId, count(), countIf(StatusCode = 'Error'), arraySort(groupUniqArray(20)(ServiceName))
    FROM otel_traces WHERE Timestamp >= time.1 AND Timestamp <= time.2 AND TraceId IN ${traces} GROUP BY TraceId`
}

/** How many steps of the duration axis a factor of ten has. */
export const durationStepsPerDecade = 5

/** step number in time, step number of log10(duration in ns), spans, spans with an error */
export type SpanDensityRow = [step: number, durationStep: number, count: number, errors: number]

export function spanDensity(span: Span, step: bigint, condition: Sql): Sql {
  return sql`
    SELECT intDiv(toUnixTimestamp64Nano(Timestamp), ${step}) AS step, toInt64(floor(log10(greatest(Duration, 1)) * ${durationStepsPerDecade})) AS height,
      count(), countIf(StatusCode = 'Error')
    FROM otel_traces WHERE ${within(span)} AND ${condition} GROUP BY step, height`
}

export const isRoot: Sql = sql`ParentSpanId = ''`

export function newestSpan(): Sql {
  return sql`SELECT ${ns(sql`Timestamp`)} FROM otel_traces ORDER BY toStartOfFiveMinutes(Timestamp) DESC, Timestamp DESC LIMIT 1`
}

// --- one trace -----------------------------------------------------------------------------------------------------

/** When the trace was; 0 rows that know it: count is 0. */
export type TraceTimeRow = [from: string, to: string, rows: number]

export function traceTime(trace: string): Sql {
  return sql`SELECT ${ns(sql`min(Start)`)}, ${ns(sql`max(End)`)}, count() FROM otel_traces_trace_id_ts WHERE TraceId = ${trace}`
}

/** More than anybody can look at; the page says so when there are more. */
export const mostSpans = 20_000

export type TraceSpanRow = [
  time: string, span: string, parent: string, name: string, kind: string, service: string, duration: number, status: string, message: string,
  eventTimes: string[], eventNames: string[], links: number,
]

export function traceSpans(trace: string, time: Span | undefined): Sql {
  const when = time ? sql`Timestamp >= ${at(time.from)} AND Timestamp <= ${at(time.to)} AND` : sql``
  return sql`
    SELECT ${ns(sql`Timestamp`)}, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, Duration, StatusCode, StatusMessage,
      arrayMap(t -> toString(toUnixTimestamp64Nano(t)), Events.Timestamp), Events.Name, length(Links.TraceId)
    FROM otel_traces WHERE ${when} TraceId = ${trace} ORDER BY Timestamp, SpanId LIMIT ${mostSpans}`
}

export type SpanRow = [
  time: string, timeSource: string, name: string, kind: string, service: string, duration: number, status: string, message: string, flags: number, state: string,
  resourceSchema: string, resource: Attributes, resourceDropped: number, scopeSchema: string, scopeName: string, scopeVersion: string, scope: Attributes,
  scopeDropped: number, attributes: Attributes, dropped: number, types: string,
  eventTimes: string[], eventNames: string[], eventAttributes: Attributes[], eventDropped: number[], droppedEvents: number,
  linkTraces: string[], linkSpans: string[], linkStates: string[], linkAttributes: Attributes[], linkDropped: number[], droppedLinks: number,
]

export function spanRecord(trace: string, span: string, time: bigint): Sql {
  return sql`
    SELECT ${ns(sql`Timestamp`)}, TimestampSource, SpanName, SpanKind, ServiceName, Duration, StatusCode, StatusMessage, Flags, TraceState,
      ResourceSchemaUrl, ResourceAttributes, ResourceDroppedAttributesCount, ScopeSchemaUrl, ScopeName, ScopeVersion, ScopeAttributes,
      ScopeDroppedAttributesCount, SpanAttributes, DroppedAttributesCount, AttributeTypes,
      arrayMap(t -> toString(toUnixTimestamp64Nano(t)), Events.Timestamp), Events.Name, Events.Attributes, Events.DroppedAttributesCount, DroppedEventsCount,
      Links.TraceId, Links.SpanId, Links.TraceState, Links.Attributes, Links.DroppedAttributesCount, DroppedLinksCount
    FROM otel_traces WHERE Timestamp = ${at(time)} AND TraceId = ${trace} AND SpanId = ${span} LIMIT 1`
}

/** The trace's logs, oldest first. */
export function traceLogs(trace: string, time: Span | undefined, limit: number): Sql {
  const when = time ? sql`${within(time)} AND` : sql``
  return sql`
    SELECT ${ns(sql`Timestamp`)}, SeverityNumber, SeverityText, ServiceName, substringUTF8(Body, 1, ${bodyStart}), TraceId, SpanId, toString(StreamId), hex(cityHash64(Body))
    FROM otel_logs WHERE ${when} TraceId = ${trace} ORDER BY Timestamp, StreamId DESC, SpanId DESC LIMIT ${limit}`
}
