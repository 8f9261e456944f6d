/*
 * The messages of OTLP as tables: what the JSON transcoder (telemetry/otlp_json.h) is
 * driven by.
 *
 * Source: opentelemetry-proto 1.9, {common,resource,logs,trace,metrics}/v1 and
 * collector/{logs,trace,metrics}/v1.
 */
#ifndef TRIPOD_TELEMETRY_OTLP_SCHEMA_H
#define TRIPOD_TELEMETRY_OTLP_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

/* The types of protobuf that OTLP uses. */
enum otlp_kind {
	OTLP_STRING,
	OTLP_BYTES,
	OTLP_ID, /* bytes that JSON shows as hex instead of base64: trace and span ids */
	OTLP_BOOL,
	OTLP_INT32,
	OTLP_INT64,
	OTLP_UINT32,
	OTLP_UINT64,
	OTLP_SINT32,
	OTLP_FIXED32,
	OTLP_FIXED64,
	OTLP_SFIXED64,
	OTLP_DOUBLE,
	OTLP_ENUM,
	OTLP_MESSAGE,
};

struct otlp_message;

/* An enum whose values are 0, 1, 2, … without gaps. */
struct otlp_enum {
	const char *prefix; /* of every name: "SPAN_KIND_" */
	const char *const *names; /* the rest: "UNSPECIFIED" */
	unsigned count;
};

struct otlp_field {
	const char *name; /* lowerCamelCase */
	uint8_t name_len;
	uint8_t number;
	uint8_t kind; /* enum otlp_kind */
	bool repeated; /* scalars are packed */
	bool presence; /* zero is different from absent: `optional`, or of a oneof */
	uint8_t oneof; /* fields with the same number, not 0, exclude each other */
	const struct otlp_message *message; /* OTLP_MESSAGE */
	const struct otlp_enum *values; /* OTLP_ENUM */
};

/* At most 32 fields; in the order of their numbers. */
struct otlp_message {
	const char *name; /* as in the proto: "LogRecord" */
	const struct otlp_field *fields;
	unsigned count;
	bool is_record; /* a log record, span or data point: what the ledger counts */
};

/* ExportXServiceRequest, which is also XData. */
extern const struct otlp_message otlp_logs_request, otlp_traces_request, otlp_metrics_request;
/* ExportXServiceResponse */
extern const struct otlp_message otlp_logs_response, otlp_traces_response, otlp_metrics_response;

#endif
