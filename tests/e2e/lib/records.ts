// Records with their resource and scope, defaults filled in: the form in which what was sent and what SQL gives back are
// compared. Attributes are pairs in the order sent, duplicates kept.
import type { KeyValue, LogsRequest, Resource, Scope, TracesRequest, Value } from './otlp.ts'

export interface Origin {
  resource: KeyValue[]
  resourceDropped: number
  resourceSchemaUrl: string
  scopeName: string
  scopeVersion: string
  scope: KeyValue[]
  scopeDropped: number
  scopeSchemaUrl: string
}

export interface Log extends Origin {
  time: string // ns, "0" when not sent
  observedTime: string
  severityNumber: number
  severityText: string
  body: Value
  attributes: KeyValue[]
  dropped: number
  flags: number
  traceId: string
  spanId: string
  eventName: string
}

export interface Event {
  time: string
  name: string
  attributes: KeyValue[]
  dropped: number
}

export interface Link {
  traceId: string
  spanId: string
  traceState: string
  attributes: KeyValue[]
  dropped: number
  flags: number
}

export interface FlatSpan extends Origin {
  traceId: string
  spanId: string
  parentSpanId: string
  traceState: string
  name: string
  kind: number
  start: string
  end: string
  attributes: KeyValue[]
  dropped: number
  droppedEvents: number
  droppedLinks: number
  flags: number
  statusCode: number
  statusMessage: string
  events: Event[]
  links: Link[]
}

interface Owner {
  resource?: Resource
  schemaUrl?: string
}

interface Within {
  scope?: Scope
  schemaUrl?: string
}

function originOf(owner: Owner, within: Within): Origin {
  return {
    resource: pairs(owner.resource?.attributes),
    resourceDropped: owner.resource?.droppedAttributesCount ?? 0,
    resourceSchemaUrl: owner.schemaUrl ?? '',
    scopeName: within.scope?.name ?? '',
    scopeVersion: within.scope?.version ?? '',
    scope: pairs(within.scope?.attributes),
    scopeDropped: within.scope?.droppedAttributesCount ?? 0,
    scopeSchemaUrl: within.schemaUrl ?? '',
  }
}

/** OTLP/JSON lets 64-bit integers be numbers or strings, and leaves out what is empty. */
function plain(value: Value | undefined): Value {
  if (!value) return {}
  if (value.intValue !== undefined) return { intValue: String(value.intValue) }
  if (value.arrayValue) return { arrayValue: { values: (value.arrayValue.values ?? []).map(plain) } }
  if (value.kvlistValue) return { kvlistValue: { values: pairs(value.kvlistValue.values) } }
  return value
}

function pairs(attributes: KeyValue[] | undefined): KeyValue[] {
  return (attributes ?? []).map(({ key, value }) => ({ key, value: plain(value) }))
}

const ns = (time: string | number | undefined): string => String(time ?? '0')

/** An id of zeroes is one that is not there. */
const id = (hex: string | undefined): string => (/^0*$/.test(hex ?? '') ? '' : hex!.toLowerCase())

export function flatLogs(request: LogsRequest): Log[] {
  return request.resourceLogs.flatMap((owner) =>
    owner.scopeLogs.flatMap((within) =>
      within.logRecords.map((log) => ({
        ...originOf(owner, within),
        time: ns(log.timeUnixNano),
        observedTime: ns(log.observedTimeUnixNano),
        severityNumber: log.severityNumber ?? 0,
        severityText: log.severityText ?? '',
        body: plain(log.body),
        attributes: pairs(log.attributes),
        dropped: log.droppedAttributesCount ?? 0,
        flags: log.flags ?? 0,
        traceId: id(log.traceId),
        spanId: id(log.spanId),
        eventName: log.eventName ?? '',
      }))))
}

export function flatSpans(request: TracesRequest): FlatSpan[] {
  return request.resourceSpans.flatMap((owner) =>
    owner.scopeSpans.flatMap((within) =>
      within.spans.map((span) => ({
        ...originOf(owner, within),
        traceId: id(span.traceId),
        spanId: id(span.spanId),
        parentSpanId: id(span.parentSpanId),
        traceState: span.traceState ?? '',
        name: span.name ?? '',
        kind: span.kind ?? 0,
        start: ns(span.startTimeUnixNano),
        end: ns(span.endTimeUnixNano),
        attributes: pairs(span.attributes),
        dropped: span.droppedAttributesCount ?? 0,
        droppedEvents: span.droppedEventsCount ?? 0,
        droppedLinks: span.droppedLinksCount ?? 0,
        flags: span.flags ?? 0,
        statusCode: span.status?.code ?? 0,
        statusMessage: span.status?.message ?? '',
        events: (span.events ?? []).map((event) => ({
          time: ns(event.timeUnixNano),
          name: event.name ?? '',
          attributes: pairs(event.attributes),
          dropped: event.droppedAttributesCount ?? 0,
        })),
        links: (span.links ?? []).map((link) => ({
          traceId: id(link.traceId),
          spanId: id(link.spanId),
          traceState: link.traceState ?? '',
          attributes: pairs(link.attributes),
          dropped: link.droppedAttributesCount ?? 0,
          flags: link.flags ?? 0,
        })),
      }))))
}

/** Rows come back in the store's order. */
export function inOrder<T extends { spanId: string; attributes: KeyValue[] }>(rows: T[]): T[] {
  const key = (row: T) => JSON.stringify(row)
  return [...rows].sort((a, b) => (key(a) < key(b) ? -1 : 1))
}
