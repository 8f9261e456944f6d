#include "telemetry/otlp_schema.h"

#include <stddef.h>

#define NAMED(json) .name = (json), .name_len = sizeof(json) - 1
#define FIELD(json, no, type)                                                                      \
	{                                                                                          \
		NAMED(json), .number = (no), .kind = (type)                                        \
	}
/* `optional` in the proto. */
#define OPTIONAL(json, no, type)                                                                   \
	{                                                                                          \
		NAMED(json), .number = (no), .kind = (type), .presence = true                      \
	}
#define MANY(json, no, type)                                                                       \
	{                                                                                          \
		NAMED(json), .number = (no), .kind = (type), .repeated = true                      \
	}
#define MEMBER(json, no, type)                                                                     \
	{                                                                                          \
		NAMED(json), .number = (no), .kind = (type), .presence = true, .oneof = 1          \
	}
#define ENUM(json, no, of)                                                                         \
	{                                                                                          \
		NAMED(json), .number = (no), .kind = OTLP_ENUM, .values = &(of)                    \
	}
#define CHILD(json, no, of)                                                                        \
	{                                                                                          \
		NAMED(json), .number = (no), .kind = OTLP_MESSAGE, .presence = true,               \
			     .message = &(of)                                                      \
	}
#define CHILDREN(json, no, of)                                                                     \
	{                                                                                          \
		NAMED(json), .number = (no), .kind = OTLP_MESSAGE, .repeated = true,               \
			     .message = &(of)                                                      \
	}
#define MEMBER_CHILD(json, no, of)                                                                 \
	{                                                                                          \
		NAMED(json), .number = (no), .kind = OTLP_MESSAGE, .presence = true, .oneof = 1,   \
			     .message = &(of)                                                      \
	}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MESSAGE(variable, proto_name)                                                              \
	const struct otlp_message variable = {proto_name, variable##_fields,                       \
					      COUNT(variable##_fields), false}
#define RECORD_MESSAGE(variable, proto_name)                                                       \
	const struct otlp_message variable = {proto_name, variable##_fields,                       \
					      COUNT(variable##_fields), true}

/* --- common.proto, resource.proto ----------------------------------------------------- */

static const struct otlp_message any_value;

static const struct otlp_field array_value_fields[] = {CHILDREN("values", 1, any_value)};
static MESSAGE(array_value, "ArrayValue");

static const struct otlp_field key_value_fields[] = {
	FIELD("key", 1, OTLP_STRING),
	CHILD("value", 2, any_value),
	FIELD("keyStrindex", 3, OTLP_INT32),
};
static MESSAGE(key_value, "KeyValue");

static const struct otlp_field key_value_list_fields[] = {CHILDREN("values", 1, key_value)};
static MESSAGE(key_value_list, "KeyValueList");

static const struct otlp_field any_value_fields[] = {
	MEMBER("stringValue", 1, OTLP_STRING),      MEMBER("boolValue", 2, OTLP_BOOL),
	MEMBER("intValue", 3, OTLP_INT64),          MEMBER("doubleValue", 4, OTLP_DOUBLE),
	MEMBER_CHILD("arrayValue", 5, array_value), MEMBER_CHILD("kvlistValue", 6, key_value_list),
	MEMBER("bytesValue", 7, OTLP_BYTES),        MEMBER("stringValueStrindex", 8, OTLP_INT32),
};
static MESSAGE(any_value, "AnyValue");

static const struct otlp_field scope_fields[] = {
	FIELD("name", 1, OTLP_STRING),
	FIELD("version", 2, OTLP_STRING),
	CHILDREN("attributes", 3, key_value),
	FIELD("droppedAttributesCount", 4, OTLP_UINT32),
};
static MESSAGE(scope, "InstrumentationScope");

static const struct otlp_field entity_ref_fields[] = {
	FIELD("schemaUrl", 1, OTLP_STRING),
	FIELD("type", 2, OTLP_STRING),
	MANY("idKeys", 3, OTLP_STRING),
	MANY("descriptionKeys", 4, OTLP_STRING),
};
static MESSAGE(entity_ref, "EntityRef");

static const struct otlp_field resource_fields[] = {
	CHILDREN("attributes", 1, key_value),
	FIELD("droppedAttributesCount", 2, OTLP_UINT32),
	CHILDREN("entityRefs", 3, entity_ref),
};
static MESSAGE(resource, "Resource");

/* --- logs.proto ----------------------------------------------------------------------- */

static const char *const severity_names[] = {"UNSPECIFIED", "TRACE",  "TRACE2", "TRACE3", "TRACE4",
					     "DEBUG",       "DEBUG2", "DEBUG3", "DEBUG4", "INFO",
					     "INFO2",       "INFO3",  "INFO4",  "WARN",   "WARN2",
					     "WARN3",       "WARN4",  "ERROR",  "ERROR2", "ERROR3",
					     "ERROR4",      "FATAL",  "FATAL2", "FATAL3", "FATAL4"};
static const struct otlp_enum severity = {"SEVERITY_NUMBER_", severity_names,
					  COUNT(severity_names)};

static const struct otlp_field log_record_fields[] = {
	FIELD("timeUnixNano", 1, OTLP_FIXED64), ENUM("severityNumber", 2, severity),
	FIELD("severityText", 3, OTLP_STRING),  CHILD("body", 5, any_value),
	CHILDREN("attributes", 6, key_value),   FIELD("droppedAttributesCount", 7, OTLP_UINT32),
	FIELD("flags", 8, OTLP_FIXED32),        FIELD("traceId", 9, OTLP_ID),
	FIELD("spanId", 10, OTLP_ID),           FIELD("observedTimeUnixNano", 11, OTLP_FIXED64),
	FIELD("eventName", 12, OTLP_STRING),
};
static RECORD_MESSAGE(log_record, "LogRecord");

static const struct otlp_field scope_logs_fields[] = {
	CHILD("scope", 1, scope),
	CHILDREN("logRecords", 2, log_record),
	FIELD("schemaUrl", 3, OTLP_STRING),
};
static MESSAGE(scope_logs, "ScopeLogs");

static const struct otlp_field resource_logs_fields[] = {
	CHILD("resource", 1, resource),
	CHILDREN("scopeLogs", 2, scope_logs),
	FIELD("schemaUrl", 3, OTLP_STRING),
};
static MESSAGE(resource_logs, "ResourceLogs");

static const struct otlp_field otlp_logs_request_fields[] = {
	CHILDREN("resourceLogs", 1, resource_logs)};
MESSAGE(otlp_logs_request, "ExportLogsServiceRequest");

/* --- trace.proto ---------------------------------------------------------------------- */

static const char *const span_kind_names[] = {"UNSPECIFIED", "INTERNAL", "SERVER",
					      "CLIENT",      "PRODUCER", "CONSUMER"};
static const struct otlp_enum span_kind = {"SPAN_KIND_", span_kind_names, COUNT(span_kind_names)};

static const char *const status_code_names[] = {"UNSET", "OK", "ERROR"};
static const struct otlp_enum status_code = {"STATUS_CODE_", status_code_names,
					     COUNT(status_code_names)};

static const struct otlp_field event_fields[] = {
	FIELD("timeUnixNano", 1, OTLP_FIXED64),
	FIELD("name", 2, OTLP_STRING),
	CHILDREN("attributes", 3, key_value),
	FIELD("droppedAttributesCount", 4, OTLP_UINT32),
};
static MESSAGE(event, "Event");

static const struct otlp_field link_fields[] = {
	FIELD("traceId", 1, OTLP_ID),
	FIELD("spanId", 2, OTLP_ID),
	FIELD("traceState", 3, OTLP_STRING),
	CHILDREN("attributes", 4, key_value),
	FIELD("droppedAttributesCount", 5, OTLP_UINT32),
	FIELD("flags", 6, OTLP_FIXED32),
};
static MESSAGE(link, "Link");

static const struct otlp_field status_fields[] = {
	FIELD("message", 2, OTLP_STRING),
	ENUM("code", 3, status_code),
};
static MESSAGE(status, "Status");

static const struct otlp_field span_fields[] = {
	FIELD("traceId", 1, OTLP_ID),
	FIELD("spanId", 2, OTLP_ID),
	FIELD("traceState", 3, OTLP_STRING),
	FIELD("parentSpanId", 4, OTLP_ID),
	FIELD("name", 5, OTLP_STRING),
	ENUM("kind", 6, span_kind),
	FIELD("startTimeUnixNano", 7, OTLP_FIXED64),
	FIELD("endTimeUnixNano", 8, OTLP_FIXED64),
	CHILDREN("attributes", 9, key_value),
	FIELD("droppedAttributesCount", 10, OTLP_UINT32),
	CHILDREN("events", 11, event),
	FIELD("droppedEventsCount", 12, OTLP_UINT32),
	CHILDREN("links", 13, link),
	FIELD("droppedLinksCount", 14, OTLP_UINT32),
	CHILD("status", 15, status),
	FIELD("flags", 16, OTLP_FIXED32),
};
static RECORD_MESSAGE(span, "Span");

static const struct otlp_field scope_spans_fields[] = {
	CHILD("scope", 1, scope),
	CHILDREN("spans", 2, span),
	FIELD("schemaUrl", 3, OTLP_STRING),
};
static MESSAGE(scope_spans, "ScopeSpans");

static const struct otlp_field resource_spans_fields[] = {
	CHILD("resource", 1, resource),
	CHILDREN("scopeSpans", 2, scope_spans),
	FIELD("schemaUrl", 3, OTLP_STRING),
};
static MESSAGE(resource_spans, "ResourceSpans");

static const struct otlp_field otlp_traces_request_fields[] = {
	CHILDREN("resourceSpans", 1, resource_spans)};
MESSAGE(otlp_traces_request, "ExportTraceServiceRequest");

/* --- metrics.proto -------------------------------------------------------------------- */

static const char *const temporality_names[] = {"UNSPECIFIED", "DELTA", "CUMULATIVE"};
static const struct otlp_enum temporality = {"AGGREGATION_TEMPORALITY_", temporality_names,
					     COUNT(temporality_names)};

static const struct otlp_field exemplar_fields[] = {
	FIELD("timeUnixNano", 2, OTLP_FIXED64),
	MEMBER("asDouble", 3, OTLP_DOUBLE),
	FIELD("spanId", 4, OTLP_ID),
	FIELD("traceId", 5, OTLP_ID),
	MEMBER("asInt", 6, OTLP_SFIXED64),
	CHILDREN("filteredAttributes", 7, key_value),
};
static MESSAGE(exemplar, "Exemplar");

static const struct otlp_field number_point_fields[] = {
	FIELD("startTimeUnixNano", 2, OTLP_FIXED64),
	FIELD("timeUnixNano", 3, OTLP_FIXED64),
	MEMBER("asDouble", 4, OTLP_DOUBLE),
	CHILDREN("exemplars", 5, exemplar),
	MEMBER("asInt", 6, OTLP_SFIXED64),
	CHILDREN("attributes", 7, key_value),
	FIELD("flags", 8, OTLP_UINT32),
};
static RECORD_MESSAGE(number_point, "NumberDataPoint");

static const struct otlp_field histogram_point_fields[] = {
	FIELD("startTimeUnixNano", 2, OTLP_FIXED64),
	FIELD("timeUnixNano", 3, OTLP_FIXED64),
	FIELD("count", 4, OTLP_FIXED64),
	OPTIONAL("sum", 5, OTLP_DOUBLE),
	MANY("bucketCounts", 6, OTLP_FIXED64),
	MANY("explicitBounds", 7, OTLP_DOUBLE),
	CHILDREN("exemplars", 8, exemplar),
	CHILDREN("attributes", 9, key_value),
	FIELD("flags", 10, OTLP_UINT32),
	OPTIONAL("min", 11, OTLP_DOUBLE),
	OPTIONAL("max", 12, OTLP_DOUBLE),
};
static RECORD_MESSAGE(histogram_point, "HistogramDataPoint");

static const struct otlp_field buckets_fields[] = {
	FIELD("offset", 1, OTLP_SINT32),
	MANY("bucketCounts", 2, OTLP_UINT64),
};
static MESSAGE(buckets, "Buckets");

static const struct otlp_field exponential_point_fields[] = {
	CHILDREN("attributes", 1, key_value),   FIELD("startTimeUnixNano", 2, OTLP_FIXED64),
	FIELD("timeUnixNano", 3, OTLP_FIXED64), FIELD("count", 4, OTLP_FIXED64),
	OPTIONAL("sum", 5, OTLP_DOUBLE),        FIELD("scale", 6, OTLP_SINT32),
	FIELD("zeroCount", 7, OTLP_FIXED64),    CHILD("positive", 8, buckets),
	CHILD("negative", 9, buckets),          FIELD("flags", 10, OTLP_UINT32),
	CHILDREN("exemplars", 11, exemplar),    OPTIONAL("min", 12, OTLP_DOUBLE),
	OPTIONAL("max", 13, OTLP_DOUBLE),       FIELD("zeroThreshold", 14, OTLP_DOUBLE),
};
static RECORD_MESSAGE(exponential_point, "ExponentialHistogramDataPoint");

static const struct otlp_field quantile_fields[] = {
	FIELD("quantile", 1, OTLP_DOUBLE),
	FIELD("value", 2, OTLP_DOUBLE),
};
static MESSAGE(quantile, "ValueAtQuantile");

static const struct otlp_field summary_point_fields[] = {
	FIELD("startTimeUnixNano", 2, OTLP_FIXED64),
	FIELD("timeUnixNano", 3, OTLP_FIXED64),
	FIELD("count", 4, OTLP_FIXED64),
	FIELD("sum", 5, OTLP_DOUBLE),
	CHILDREN("quantileValues", 6, quantile),
	CHILDREN("attributes", 7, key_value),
	FIELD("flags", 8, OTLP_UINT32),
};
static RECORD_MESSAGE(summary_point, "SummaryDataPoint");

static const struct otlp_field gauge_fields[] = {CHILDREN("dataPoints", 1, number_point)};
static MESSAGE(gauge, "Gauge");

static const struct otlp_field sum_fields[] = {
	CHILDREN("dataPoints", 1, number_point),
	ENUM("aggregationTemporality", 2, temporality),
	FIELD("isMonotonic", 3, OTLP_BOOL),
};
static MESSAGE(sum, "Sum");

static const struct otlp_field histogram_fields[] = {
	CHILDREN("dataPoints", 1, histogram_point),
	ENUM("aggregationTemporality", 2, temporality),
};
static MESSAGE(histogram, "Histogram");

static const struct otlp_field exponential_fields[] = {
	CHILDREN("dataPoints", 1, exponential_point),
	ENUM("aggregationTemporality", 2, temporality),
};
static MESSAGE(exponential, "ExponentialHistogram");

static const struct otlp_field summary_fields[] = {CHILDREN("dataPoints", 1, summary_point)};
static MESSAGE(summary, "Summary");

static const struct otlp_field metric_fields[] = {
	FIELD("name", 1, OTLP_STRING),
	FIELD("description", 2, OTLP_STRING),
	FIELD("unit", 3, OTLP_STRING),
	MEMBER_CHILD("gauge", 5, gauge),
	MEMBER_CHILD("sum", 7, sum),
	MEMBER_CHILD("histogram", 9, histogram),
	MEMBER_CHILD("exponentialHistogram", 10, exponential),
	MEMBER_CHILD("summary", 11, summary),
	CHILDREN("metadata", 12, key_value),
};
static MESSAGE(metric, "Metric");

static const struct otlp_field scope_metrics_fields[] = {
	CHILD("scope", 1, scope),
	CHILDREN("metrics", 2, metric),
	FIELD("schemaUrl", 3, OTLP_STRING),
};
static MESSAGE(scope_metrics, "ScopeMetrics");

static const struct otlp_field resource_metrics_fields[] = {
	CHILD("resource", 1, resource),
	CHILDREN("scopeMetrics", 2, scope_metrics),
	FIELD("schemaUrl", 3, OTLP_STRING),
};
static MESSAGE(resource_metrics, "ResourceMetrics");

static const struct otlp_field otlp_metrics_request_fields[] = {
	CHILDREN("resourceMetrics", 1, resource_metrics)};
MESSAGE(otlp_metrics_request, "ExportMetricsServiceRequest");

/* --- the answers ---------------------------------------------------------------------- */

static const struct otlp_field logs_partial_fields[] = {
	FIELD("rejectedLogRecords", 1, OTLP_INT64),
	FIELD("errorMessage", 2, OTLP_STRING),
};
static MESSAGE(logs_partial, "ExportLogsPartialSuccess");
static const struct otlp_field otlp_logs_response_fields[] = {
	CHILD("partialSuccess", 1, logs_partial)};
MESSAGE(otlp_logs_response, "ExportLogsServiceResponse");

static const struct otlp_field traces_partial_fields[] = {
	FIELD("rejectedSpans", 1, OTLP_INT64),
	FIELD("errorMessage", 2, OTLP_STRING),
};
static MESSAGE(traces_partial, "ExportTracePartialSuccess");
static const struct otlp_field otlp_traces_response_fields[] = {
	CHILD("partialSuccess", 1, traces_partial)};
MESSAGE(otlp_traces_response, "ExportTraceServiceResponse");

static const struct otlp_field metrics_partial_fields[] = {
	FIELD("rejectedDataPoints", 1, OTLP_INT64),
	FIELD("errorMessage", 2, OTLP_STRING),
};
static MESSAGE(metrics_partial, "ExportMetricsPartialSuccess");
static const struct otlp_field otlp_metrics_response_fields[] = {
	CHILD("partialSuccess", 1, metrics_partial)};
MESSAGE(otlp_metrics_response, "ExportMetricsServiceResponse");
