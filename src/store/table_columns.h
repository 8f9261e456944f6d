/*
 * The columns of each table, in the order of its blocks: X(id, name, type, codec). Private to
 * tables.c, which makes the tables of them, and to the code that fills them by id.
 *
 * Codecs, measured in the engine on 300,000 rows in six inserts and one merge, one core: ZSTD(1)
 * everywhere costs 2.1 us a log row at the insert and 2.1 for a merge, and 81 bytes of disk; LZ4
 * everywhere 1.8 and 1.4, but 145 bytes; LZ4 on the small columns only changes neither. The
 * exporter's own schema: 3.7 and 3.0 us, 86 bytes. Spans: 49 bytes, the exporter's 51. The ids
 * are half of what is left, and random.
 */
#ifndef TRIPOD_STORE_TABLE_COLUMNS_H
#define TRIPOD_STORE_TABLE_COLUMNS_H

#define TYPE_TIME "DateTime64(9)"
#define TYPE_NAME "LowCardinality(String)"
#define TYPE_ATTRIBUTES "Map(LowCardinality(String), String)"
#define TYPE_LOG_SOURCE "Enum8('time' = 0, 'observed' = 1, 'received' = 2)"
#define TYPE_SPAN_SOURCE "Enum8('start_end' = 0, 'start' = 1, 'end' = 2, 'received' = 3)"
/* The numbers are those of enum value_type. */
#define TYPE_VALUE                                                                                 \
	"Enum8('empty' = 0, 'string' = 1, 'bool' = 2, 'int' = 3, 'double' = 4, 'bytes' = 5, "      \
	"'array' = 6, 'map' = 7)"

#define ZSTD "CODEC(ZSTD(1))"
#define DELTA "CODEC(Delta(8), ZSTD(1))"

#define LOGS_COLUMNS(X)                                                                            \
	X(LOGS_TIMESTAMP, "Timestamp", TYPE_TIME, DELTA)                                           \
	X(LOGS_TIMESTAMP_SOURCE, "TimestampSource", TYPE_LOG_SOURCE, ZSTD)                         \
	X(LOGS_OBSERVED_TIMESTAMP, "ObservedTimestamp", TYPE_TIME, DELTA)                          \
	X(LOGS_TRACE_ID, "TraceId", "String", ZSTD)                                                \
	X(LOGS_SPAN_ID, "SpanId", "String", ZSTD)                                                  \
	X(LOGS_TRACE_FLAGS, "TraceFlags", "UInt8", ZSTD)                                           \
	X(LOGS_FLAGS, "Flags", "UInt32", ZSTD)                                                     \
	X(LOGS_SEVERITY_TEXT, "SeverityText", TYPE_NAME, ZSTD)                                     \
	X(LOGS_SEVERITY_NUMBER, "SeverityNumber", "UInt8", ZSTD)                                   \
	X(LOGS_SERVICE_NAME, "ServiceName", TYPE_NAME, ZSTD)                                       \
	X(LOGS_BODY, "Body", "String", ZSTD)                                                       \
	X(LOGS_BODY_TYPE, "BodyType", TYPE_VALUE, ZSTD)                                            \
	X(LOGS_RESOURCE_SCHEMA_URL, "ResourceSchemaUrl", TYPE_NAME, ZSTD)                          \
	X(LOGS_RESOURCE_ATTRIBUTES, "ResourceAttributes", TYPE_ATTRIBUTES, ZSTD)                   \
	X(LOGS_RESOURCE_DROPPED, "ResourceDroppedAttributesCount", "UInt32", ZSTD)                 \
	X(LOGS_SCOPE_SCHEMA_URL, "ScopeSchemaUrl", TYPE_NAME, ZSTD)                                \
	X(LOGS_SCOPE_NAME, "ScopeName", TYPE_NAME, ZSTD)                                           \
	X(LOGS_SCOPE_VERSION, "ScopeVersion", TYPE_NAME, ZSTD)                                     \
	X(LOGS_SCOPE_ATTRIBUTES, "ScopeAttributes", TYPE_ATTRIBUTES, ZSTD)                         \
	X(LOGS_SCOPE_DROPPED, "ScopeDroppedAttributesCount", "UInt32", ZSTD)                       \
	X(LOGS_ATTRIBUTES, "LogAttributes", TYPE_ATTRIBUTES, ZSTD)                                 \
	X(LOGS_DROPPED, "DroppedAttributesCount", "UInt32", ZSTD)                                  \
	X(LOGS_EVENT_NAME, "EventName", TYPE_NAME, ZSTD)                                           \
	X(LOGS_ATTRIBUTE_TYPES, "AttributeTypes", TYPE_NAME, ZSTD)                                 \
	X(LOGS_STREAM_ID, "StreamId", "UInt64", ZSTD)                                              \
	X(LOGS_CUT_ID, "CutId", "UInt64", DELTA)

#define STREAMS_COLUMNS(X)                                                                         \
	X(STREAMS_STREAM_ID, "StreamId", "UInt64", "")                                             \
	X(STREAMS_SERVICE_NAME, "ServiceName", TYPE_NAME, "")                                      \
	X(STREAMS_LABELS, "Labels", TYPE_ATTRIBUTES, "")                                           \
	X(STREAMS_DAY, "Day", "Date", "")

#define TRACES_COLUMNS(X)                                                                          \
	X(TRACES_TIMESTAMP, "Timestamp", TYPE_TIME, DELTA)                                         \
	X(TRACES_TIMESTAMP_SOURCE, "TimestampSource", TYPE_SPAN_SOURCE, ZSTD)                      \
	X(TRACES_TRACE_ID, "TraceId", "String", ZSTD)                                              \
	X(TRACES_SPAN_ID, "SpanId", "String", ZSTD)                                                \
	X(TRACES_PARENT_SPAN_ID, "ParentSpanId", "String", ZSTD)                                   \
	X(TRACES_TRACE_STATE, "TraceState", "String", ZSTD)                                        \
	X(TRACES_SPAN_NAME, "SpanName", TYPE_NAME, ZSTD)                                           \
	X(TRACES_SPAN_KIND, "SpanKind", TYPE_NAME, ZSTD)                                           \
	X(TRACES_SERVICE_NAME, "ServiceName", TYPE_NAME, ZSTD)                                     \
	X(TRACES_RESOURCE_SCHEMA_URL, "ResourceSchemaUrl", TYPE_NAME, ZSTD)                        \
	X(TRACES_RESOURCE_ATTRIBUTES, "ResourceAttributes", TYPE_ATTRIBUTES, ZSTD)                 \
	X(TRACES_RESOURCE_DROPPED, "ResourceDroppedAttributesCount", "UInt32", ZSTD)               \
	X(TRACES_SCOPE_SCHEMA_URL, "ScopeSchemaUrl", TYPE_NAME, ZSTD)                              \
	X(TRACES_SCOPE_NAME, "ScopeName", TYPE_NAME, ZSTD)                                         \
	X(TRACES_SCOPE_VERSION, "ScopeVersion", TYPE_NAME, ZSTD)                                   \
	X(TRACES_SCOPE_ATTRIBUTES, "ScopeAttributes", TYPE_ATTRIBUTES, ZSTD)                       \
	X(TRACES_SCOPE_DROPPED, "ScopeDroppedAttributesCount", "UInt32", ZSTD)                     \
	X(TRACES_ATTRIBUTES, "SpanAttributes", TYPE_ATTRIBUTES, ZSTD)                              \
	X(TRACES_DROPPED, "DroppedAttributesCount", "UInt32", ZSTD)                                \
	X(TRACES_DURATION, "Duration", "UInt64", ZSTD)                                             \
	X(TRACES_STATUS_CODE, "StatusCode", TYPE_NAME, ZSTD)                                       \
	X(TRACES_STATUS_MESSAGE, "StatusMessage", "String", ZSTD)                                  \
	X(TRACES_FLAGS, "Flags", "UInt32", ZSTD)                                                   \
	X(TRACES_DROPPED_EVENTS, "DroppedEventsCount", "UInt32", ZSTD)                             \
	X(TRACES_DROPPED_LINKS, "DroppedLinksCount", "UInt32", ZSTD)                               \
	X(TRACES_EVENT_TIMESTAMP, "Events.Timestamp", "Array(" TYPE_TIME ")", ZSTD)                \
	X(TRACES_EVENT_NAME, "Events.Name", "Array(" TYPE_NAME ")", ZSTD)                          \
	X(TRACES_EVENT_ATTRIBUTES, "Events.Attributes", "Array(" TYPE_ATTRIBUTES ")", ZSTD)        \
	X(TRACES_EVENT_DROPPED, "Events.DroppedAttributesCount", "Array(UInt32)", ZSTD)            \
	X(TRACES_LINK_TRACE_ID, "Links.TraceId", "Array(String)", ZSTD)                            \
	X(TRACES_LINK_SPAN_ID, "Links.SpanId", "Array(String)", ZSTD)                              \
	X(TRACES_LINK_TRACE_STATE, "Links.TraceState", "Array(String)", ZSTD)                      \
	X(TRACES_LINK_ATTRIBUTES, "Links.Attributes", "Array(" TYPE_ATTRIBUTES ")", ZSTD)          \
	X(TRACES_LINK_DROPPED, "Links.DroppedAttributesCount", "Array(UInt32)", ZSTD)              \
	X(TRACES_LINK_FLAGS, "Links.Flags", "Array(UInt32)", ZSTD)                                 \
	X(TRACES_ATTRIBUTE_TYPES, "AttributeTypes", TYPE_NAME, ZSTD)                               \
	X(TRACES_CUT_ID, "CutId", "UInt64", DELTA)

#define TRACE_TIMES_COLUMNS(X)                                                                     \
	X(TRACE_TIMES_TRACE_ID, "TraceId", "String", ZSTD)                                         \
	X(TRACE_TIMES_START, "Start", "SimpleAggregateFunction(min, " TYPE_TIME ")", DELTA)        \
	X(TRACE_TIMES_END, "End", "SimpleAggregateFunction(max, " TYPE_TIME ")", DELTA)

/*
 * Metrics are as Prometheus sees them (telemetry/metric_batch.h). A sample's value is
 * Mantissa and Exponent (store/metric_value.h), which compress better than a float with any
 * codec; Value is an alias.
 */
#define TYPE_MILLISECONDS "DateTime64(3)"
#define TYPE_SERIES "UInt128"
#define REGULAR "CODEC(DoubleDelta, ZSTD(1))"

#define METRIC_SERIES_COLUMNS(X)                                                                   \
	X(METRIC_SERIES_NAME, "MetricName", TYPE_NAME, ZSTD)                                       \
	X(METRIC_SERIES_ID, "SeriesId", TYPE_SERIES, ZSTD)                                         \
	X(METRIC_SERIES_LABELS, "Labels", TYPE_ATTRIBUTES, ZSTD)                                   \
	X(METRIC_SERIES_TYPE, "Type", TYPE_NAME, ZSTD)                                             \
	X(METRIC_SERIES_UNIT, "Unit", TYPE_NAME, ZSTD)                                             \
	X(METRIC_SERIES_MONTH, "Month", "Date", ZSTD)                                              \
	X(METRIC_SERIES_LAST_DAY, "LastDay", "Date", ZSTD)

#define METRIC_SAMPLES_COLUMNS(X)                                                                  \
	X(METRIC_SAMPLES_NAME, "MetricName", TYPE_NAME, ZSTD)                                      \
	X(METRIC_SAMPLES_SERIES, "SeriesId", TYPE_SERIES, ZSTD)                                    \
	X(METRIC_SAMPLES_TIMESTAMP, "Timestamp", TYPE_MILLISECONDS, REGULAR)                       \
	X(METRIC_SAMPLES_START, "StartTimestamp", TYPE_MILLISECONDS, REGULAR)                      \
	X(METRIC_SAMPLES_MANTISSA, "Mantissa", "Int64", "CODEC(Delta(8), T64, ZSTD(1))")           \
	X(METRIC_SAMPLES_EXPONENT, "Exponent", "Int8", ZSTD)                                       \
	X(METRIC_SAMPLES_FLAGS, "Flags", "UInt8", ZSTD)                                            \
	X(METRIC_SAMPLES_CUT_ID, "CutId", "UInt64", DELTA)

#define METRIC_EXPONENTIAL_COLUMNS(X)                                                              \
	X(METRIC_EXPONENTIAL_NAME, "MetricName", TYPE_NAME, ZSTD)                                  \
	X(METRIC_EXPONENTIAL_SERIES, "SeriesId", TYPE_SERIES, ZSTD)                                \
	X(METRIC_EXPONENTIAL_TIMESTAMP, "Timestamp", TYPE_MILLISECONDS, REGULAR)                   \
	X(METRIC_EXPONENTIAL_START, "StartTimestamp", TYPE_MILLISECONDS, REGULAR)                  \
	X(METRIC_EXPONENTIAL_FLAGS, "Flags", "UInt8", ZSTD)                                        \
	X(METRIC_EXPONENTIAL_SCALE, "Scale", "Int8", ZSTD)                                         \
	X(METRIC_EXPONENTIAL_COUNT, "Count", "UInt64", DELTA)                                      \
	X(METRIC_EXPONENTIAL_SUM, "Sum", "Float64", ZSTD)                                          \
	X(METRIC_EXPONENTIAL_MIN, "Min", "Float64", ZSTD)                                          \
	X(METRIC_EXPONENTIAL_MAX, "Max", "Float64", ZSTD)                                          \
	X(METRIC_EXPONENTIAL_ZERO_COUNT, "ZeroCount", "UInt64", DELTA)                             \
	X(METRIC_EXPONENTIAL_ZERO_THRESHOLD, "ZeroThreshold", "Float64", ZSTD)                     \
	X(METRIC_EXPONENTIAL_POSITIVE_OFFSET, "PositiveOffset", "Int32", ZSTD)                     \
	X(METRIC_EXPONENTIAL_POSITIVE, "PositiveBucketCounts", "Array(UInt64)", ZSTD)              \
	X(METRIC_EXPONENTIAL_NEGATIVE_OFFSET, "NegativeOffset", "Int32", ZSTD)                     \
	X(METRIC_EXPONENTIAL_NEGATIVE, "NegativeBucketCounts", "Array(UInt64)", ZSTD)              \
	X(METRIC_EXPONENTIAL_CUT_ID, "CutId", "UInt64", DELTA)

#define METRIC_EXEMPLARS_COLUMNS(X)                                                                \
	X(METRIC_EXEMPLARS_NAME, "MetricName", TYPE_NAME, ZSTD)                                    \
	X(METRIC_EXEMPLARS_SERIES, "SeriesId", TYPE_SERIES, ZSTD)                                  \
	X(METRIC_EXEMPLARS_TIMESTAMP, "Timestamp", TYPE_MILLISECONDS, DELTA)                       \
	X(METRIC_EXEMPLARS_VALUE, "Value", "Float64", ZSTD)                                        \
	X(METRIC_EXEMPLARS_TRACE_ID, "TraceId", "String", ZSTD)                                    \
	X(METRIC_EXEMPLARS_SPAN_ID, "SpanId", "String", ZSTD)                                      \
	X(METRIC_EXEMPLARS_LABELS, "Labels", TYPE_ATTRIBUTES, ZSTD)                                \
	X(METRIC_EXEMPLARS_CUT_ID, "CutId", "UInt64", DELTA)

#define METRIC_METADATA_COLUMNS(X)                                                                 \
	X(METRIC_METADATA_NAME, "MetricName", TYPE_NAME, ZSTD)                                     \
	X(METRIC_METADATA_TYPE, "Type", TYPE_NAME, ZSTD)                                           \
	X(METRIC_METADATA_UNIT, "Unit", TYPE_NAME, ZSTD)                                           \
	X(METRIC_METADATA_HELP, "Help", "String", ZSTD)                                            \
	X(METRIC_METADATA_MONTH, "Month", "Date", ZSTD)                                            \
	X(METRIC_METADATA_LAST_DAY, "LastDay", "Date", ZSTD)

#define COLUMN_ID(id, name, type, codec) id,
enum { LOGS_COLUMNS(COLUMN_ID) LOGS_COLUMN_COUNT };
enum { STREAMS_COLUMNS(COLUMN_ID) STREAMS_COLUMN_COUNT };
enum { TRACES_COLUMNS(COLUMN_ID) TRACES_COLUMN_COUNT };
enum { TRACE_TIMES_COLUMNS(COLUMN_ID) TRACE_TIMES_COLUMN_COUNT };
enum { METRIC_SERIES_COLUMNS(COLUMN_ID) METRIC_SERIES_COLUMN_COUNT };
enum { METRIC_SAMPLES_COLUMNS(COLUMN_ID) METRIC_SAMPLES_COLUMN_COUNT };
enum { METRIC_EXPONENTIAL_COLUMNS(COLUMN_ID) METRIC_EXPONENTIAL_COLUMN_COUNT };
enum { METRIC_EXEMPLARS_COLUMNS(COLUMN_ID) METRIC_EXEMPLARS_COLUMN_COUNT };
enum { METRIC_METADATA_COLUMNS(COLUMN_ID) METRIC_METADATA_COLUMN_COUNT };
#undef COLUMN_ID

#endif
