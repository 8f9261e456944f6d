// The tables of the OpenTelemetry Collector's ClickHouse exporter (its logs_table.sql and
// traces_table.sql), to compare bytes on disk, and how Tripod's rows get there. Its full-text
// index on the body is left out: Tripod has none.
const map = 'Map(LowCardinality(String), String)'
const name = 'LowCardinality(String)'
const zstd = 'CODEC(ZSTD(1))'

function create(columns: [string, string, string?][], indexes: string[], key: string): string {
  const lines = columns.map(([column, type, codec = zstd]) => `${column} ${type} ${codec}`)
  return `CREATE TABLE foreign (${[...lines, ...indexes].join(', ')}) ENGINE = MergeTree ${key} ` +
    'SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1'
}

const bloom = (index: string, of: string, rate = 0.01): string => `INDEX ${index} ${of} TYPE bloom_filter(${rate}) GRANULARITY 1`
const blooms = (index: string, column: string): string[] => [
  bloom(`${index}_key`, `mapKeys(${column})`),
  bloom(`${index}_value`, `mapValues(${column})`),
]

const logs = {
  ddl: create(
    [
      ['Timestamp', 'DateTime64(9)', 'CODEC(Delta(8), ZSTD(1))'], ['TimestampTime', 'DateTime', 'DEFAULT toDateTime(Timestamp)'],
      ['TraceId', 'String'], ['SpanId', 'String'], ['TraceFlags', 'UInt8', ''], ['SeverityText', name],
      ['SeverityNumber', 'UInt8', ''], ['ServiceName', name], ['Body', 'String'], ['ResourceSchemaUrl', name],
      ['ResourceAttributes', map], ['ScopeSchemaUrl', name], ['ScopeName', 'String'], ['ScopeVersion', name],
      ['ScopeAttributes', map], ['LogAttributes', map], ['EventName', 'String'],
    ],
    [bloom('trace_id', 'TraceId', 0.001), ...blooms('res', 'ResourceAttributes'), ...blooms('scope', 'ScopeAttributes'), ...blooms('log', 'LogAttributes')],
    'PARTITION BY toDate(TimestampTime) PRIMARY KEY (ServiceName, TimestampTime) ORDER BY (ServiceName, TimestampTime, Timestamp)',
  ),
  select: 'SELECT Timestamp, toDateTime(Timestamp), TraceId, SpanId, TraceFlags, SeverityText, SeverityNumber, ServiceName, Body, ' +
    'ResourceSchemaUrl, ResourceAttributes, ScopeSchemaUrl, ScopeName, ScopeVersion, ScopeAttributes, LogAttributes, EventName FROM otel_logs',
}

const traces = {
  ddl: create(
    [
      ['Timestamp', 'DateTime64(9)', 'CODEC(Delta(8), ZSTD(1))'], ['TraceId', 'String'], ['SpanId', 'String'],
      ['ParentSpanId', 'String'], ['TraceState', 'String'], ['SpanName', name], ['SpanKind', name], ['ServiceName', name],
      ['ResourceAttributes', map], ['ScopeName', 'String'], ['ScopeVersion', 'String'], ['SpanAttributes', map],
      ['Duration', 'UInt64'], ['StatusCode', name], ['StatusMessage', 'String'],
      ['`Events.Timestamp`', 'Array(DateTime64(9))'], ['`Events.Name`', `Array(${name})`], ['`Events.Attributes`', `Array(${map})`],
      ['`Links.TraceId`', 'Array(String)'], ['`Links.SpanId`', 'Array(String)'], ['`Links.TraceState`', 'Array(String)'],
      ['`Links.Attributes`', `Array(${map})`],
    ],
    [bloom('trace_id', 'TraceId', 0.001), ...blooms('res', 'ResourceAttributes'), ...blooms('span', 'SpanAttributes'),
      'INDEX duration Duration TYPE minmax GRANULARITY 1'],
    'PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))',
  ),
  select: 'SELECT Timestamp, TraceId, SpanId, ParentSpanId, TraceState, SpanName, SpanKind, ServiceName, ResourceAttributes, ScopeName, ' +
    'ScopeVersion, SpanAttributes, Duration, StatusCode, StatusMessage, `Events.Timestamp`, `Events.Name`, `Events.Attributes`, ' +
    '`Links.TraceId`, `Links.SpanId`, `Links.TraceState`, `Links.Attributes` FROM otel_traces',
}

export const foreign = { logs, traces }
