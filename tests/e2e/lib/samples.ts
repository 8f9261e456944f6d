// Requests that use everything the protocol has.
import { randomBytes } from 'node:crypto'
import type { KeyValue, LogRecord, LogsRequest, Span, TracesRequest, Value } from './otlp.ts'

export const hex = (bytes: number): string => randomBytes(bytes).toString('hex')

/** Nanoseconds since 1970, now or some nanoseconds later. */
export const now = (later = 0): string => (BigInt(Date.now()) * 1_000_000n + BigInt(later)).toString()

export const text = (key: string, stringValue: string): KeyValue => ({ key, value: { stringValue } })

/** One of each kind of value, with the edges of each. */
export const values: Record<string, Value> = {
  string: { stringValue: 'plain' },
  'string.empty': { stringValue: '' },
  'string.unicode': { stringValue: 'żółć 漢字 🦜 \u0000\u001f"\\\n' },
  'string.long': { stringValue: 'x'.repeat(7_000) },
  'string.number': { stringValue: '42' },
  'bool.true': { boolValue: true },
  'bool.false': { boolValue: false },
  'int.zero': { intValue: '0' },
  'int.largest': { intValue: '9223372036854775807' },
  'int.smallest': { intValue: '-9223372036854775808' },
  'double.whole': { doubleValue: 1 },
  'double.tenth': { doubleValue: 0.1 },
  'double.smallest': { doubleValue: 5e-324 },
  'double.largest': { doubleValue: Number.MAX_VALUE },
  'double.minus.zero': { doubleValue: -0 },
  'double.nan': { doubleValue: 'NaN' },
  'double.inf': { doubleValue: 'Infinity' },
  'double.minus.inf': { doubleValue: '-Infinity' },
  bytes: { bytesValue: Buffer.from([0, 1, 254, 255]).toString('base64') },
  'bytes.empty': { bytesValue: '' },
  empty: {},
  'array.empty': { arrayValue: { values: [] } },
  array: {
    arrayValue: {
      values: [
        { stringValue: 'a' }, { boolValue: true }, { intValue: '9007199254740993' }, { doubleValue: 2 }, {},
        { doubleValue: 'NaN' }, { bytesValue: 'AP8=' }, { arrayValue: { values: [{ stringValue: 'inner' }] } },
      ],
    },
  },
  'map.empty': { kvlistValue: { values: [] } },
  map: {
    kvlistValue: {
      values: [
        text('z', 'first'), { key: '1', value: { intValue: '-1' } }, { key: '0', value: {} }, text('$bytes', 'not bytes'),
        { key: '', value: { boolValue: false } },
        { key: 'deep', value: { kvlistValue: { values: [{ key: 'deeper', value: { arrayValue: { values: [{ doubleValue: -2.5e-7 }] } } }] } } },
      ],
    },
  },
}

const everyAttribute = (): KeyValue[] => Object.entries(values).map(([key, value]) => ({ key, value }))

export function severalLogs(run: string): LogsRequest {
  const bodies = Object.values(values)
  const full = (body: Value, i: number): LogRecord => ({
    timeUnixNano: now(i),
    observedTimeUnixNano: now(1_000_000 + i),
    severityNumber: 1 + (i % 24),
    severityText: ['trace', 'WARN', 'Error'][i % 3],
    body,
    attributes: [text('n', String(i)), ...everyAttribute()],
    droppedAttributesCount: i,
    flags: i % 2 === 0 ? 1 : 0xffffff01,
    traceId: hex(16),
    spanId: hex(8),
    eventName: i % 2 === 0 ? `event.${i}` : '',
  })
  return {
    resourceLogs: [
      {
        resource: { attributes: [text('service.name', 'round trip'), text('test.run', run), ...everyAttribute()], droppedAttributesCount: 3 },
        schemaUrl: 'https://example.org/schemas/1.30.0',
        scopeLogs: [
          {
            scope: { name: 'scope', version: '1.2.3', attributes: everyAttribute(), droppedAttributesCount: 4 },
            schemaUrl: 'https://example.org/schemas/scope',
            logRecords: bodies.map(full),
          },
          { logRecords: [{ timeUnixNano: now(), body: { stringValue: 'no scope' } }, { observedTimeUnixNano: now() }, {}] },
        ],
      },
      { resource: { attributes: [text('test.run', run)] }, scopeLogs: [{ scope: {}, logRecords: [{ timeUnixNano: now() }] }] },
      { resource: { attributes: [text('test.run', run)] }, scopeLogs: [] },
    ],
  }
}

export function severalSpans(run: string): TracesRequest {
  const traceId = hex(16)
  const rootId = hex(8)
  const full = (i: number): Span => ({
    traceId,
    spanId: i === 0 ? rootId : hex(8),
    parentSpanId: i === 0 ? '' : rootId,
    traceState: 'vendor=value,other=1',
    flags: 0x301,
    name: `span ${i}`,
    kind: i % 6,
    startTimeUnixNano: now(i),
    endTimeUnixNano: now(i + 1_234_567),
    attributes: everyAttribute(),
    droppedAttributesCount: i,
    events: Array.from({ length: i }, (_, n) => ({
      timeUnixNano: now(n), name: `event ${n}`, attributes: n % 2 ? everyAttribute() : [], droppedAttributesCount: n,
    })),
    droppedEventsCount: i + 1,
    links: Array.from({ length: i % 3 }, (_, n) => ({
      traceId: hex(16), spanId: hex(8), traceState: 'a=b', attributes: n % 2 ? [] : everyAttribute(), droppedAttributesCount: n, flags: 0x100,
    })),
    droppedLinksCount: i + 2,
    status: { code: i % 3, message: i % 3 === 2 ? 'it broke' : '' },
  })
  return {
    resourceSpans: [
      {
        resource: { attributes: [text('service.name', 'round trip'), text('test.run', run), ...everyAttribute()], droppedAttributesCount: 3 },
        schemaUrl: 'https://example.org/schemas/1.30.0',
        scopeSpans: [
          {
            scope: { name: 'scope', version: '1.2.3', attributes: everyAttribute(), droppedAttributesCount: 4 },
            schemaUrl: 'https://example.org/schemas/scope',
            spans: Array.from({ length: 12 }, (_, i) => full(i)),
          },
          { spans: [{ traceId: hex(16), spanId: hex(8), startTimeUnixNano: now(), endTimeUnixNano: '0' }] },
        ],
      },
    ],
  }
}
