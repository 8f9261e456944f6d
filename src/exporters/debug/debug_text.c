#include "exporters/debug/debug_text.h"

#include <stdlib.h>

#include <jansson.h>

#include "telemetry/otlp_check.h"
#include "telemetry/otlp_json.h"

#define DUMP (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17))

/* --- values ----------------------------------------------------------------------- */

static void put_json(struct buf *out, const json_t *value, size_t flags)
{
	char *text = json_dumps(value, flags);
	buf_append_cstr(out, text ? text : "?");
	free(text);
}

/* A string is put without quotes where nothing in it needs them. */
static void put_string(struct buf *out, const json_t *value)
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);
	bool plain = len > 0;
	for (size_t i = 0; plain && i < len; i++)
		plain = (unsigned char)text[i] > ' ' && text[i] != '"' && text[i] != '\\' &&
			text[i] != 0x7f;
	if (plain)
		buf_append(out, text, len);
	else
		put_json(out, value, DUMP);
}

/* An AnyValue: {"stringValue": "x"}. */
static void put_value(struct buf *out, json_t *any)
{
	const char *kind;
	json_t *value;
	json_object_foreach(any, kind, value)
	{
		if (json_is_string(value))
			put_string(out, value);
		else
			put_json(out, value, DUMP);
		return;
	}
	buf_append_cstr(out, "(none)");
}

static void put_attributes(struct buf *out, json_t *record)
{
	size_t i;
	json_t *attribute;
	json_array_foreach(json_object_get(record, "attributes"), i, attribute)
	{
		buf_append_byte(out, ' ');
		put_string(out, json_object_get(attribute, "key"));
		buf_append_byte(out, '=');
		put_value(out, json_object_get(attribute, "value"));
	}
}

/* " key=value" of a member that is there. */
static void put_member(struct buf *out, const json_t *object, const char *key, const char *name)
{
	const json_t *value = json_object_get(object, key);
	if (!value)
		return;
	buf_appendf(out, " %s", name);
	if (json_is_string(value))
		put_string(out, value);
	else
		put_json(out, value, DUMP);
}

/* --- records ---------------------------------------------------------------------- */

static void put_log(struct buf *out, json_t *log)
{
	buf_append_cstr(out, "log");
	put_member(out, log, "timeUnixNano", "");
	put_member(out, log, "severityText", "");
	json_t *body = json_object_get(log, "body");
	buf_append_byte(out, ' ');
	if (body)
		put_value(out, body);
	put_member(out, log, "traceId", "trace=");
	put_member(out, log, "spanId", "span=");
	put_attributes(out, log);
	buf_append_byte(out, '\n');
}

static void put_span(struct buf *out, json_t *span)
{
	buf_append_cstr(out, "span");
	put_member(out, span, "startTimeUnixNano", "");
	put_member(out, span, "name", "");
	const json_t *start = json_object_get(span, "startTimeUnixNano");
	const json_t *end = json_object_get(span, "endTimeUnixNano");
	if (start && end) {
		uint64_t from = strtoull(json_string_value(start), NULL, 10);
		uint64_t to = strtoull(json_string_value(end), NULL, 10);
		buf_appendf(out, " %.3fms", (double)(int64_t)(to - from) / 1e6);
	}
	put_member(out, span, "traceId", "trace=");
	put_member(out, span, "spanId", "span=");
	put_member(out, span, "parentSpanId", "parent=");
	put_member(out, json_object_get(span, "status"), "code", "status=");
	put_attributes(out, span);
	buf_append_byte(out, '\n');
}

static void put_metric(struct buf *out, json_t *metric)
{
	static const char *const kinds[] = {"gauge", "sum", "histogram", "exponentialHistogram",
					    "summary"};
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		size_t i;
		json_t *point;
		json_t *points = json_object_get(json_object_get(metric, kinds[k]), "dataPoints");
		json_array_foreach(points, i, point)
		{
			buf_append_cstr(out, kinds[k]);
			put_member(out, point, "timeUnixNano", "");
			put_member(out, metric, "name", "");
			put_member(out, point, "asDouble", "");
			put_member(out, point, "asInt", "");
			put_member(out, point, "count", "count=");
			put_member(out, point, "sum", "sum=");
			put_attributes(out, point);
			buf_append_byte(out, '\n');
		}
	}
}

static void put_resource(struct buf *out, json_t *item)
{
	buf_append_cstr(out, "resource");
	put_attributes(out, json_object_get(item, "resource"));
	buf_append_byte(out, '\n');
}

static void put_lines(enum signal signal, json_t *root, struct buf *out)
{
	static const struct {
		const char *resources, *scopes, *records;
		void (*put)(struct buf *out, json_t *record);
	} names[SIGNAL_COUNT] = {
		[SIGNAL_LOGS] = {"resourceLogs", "scopeLogs", "logRecords", put_log},
		[SIGNAL_TRACES] = {"resourceSpans", "scopeSpans", "spans", put_span},
		[SIGNAL_METRICS] = {"resourceMetrics", "scopeMetrics", "metrics", put_metric},
	};
	size_t r, s, i;
	json_t *resource, *scope, *record;
	json_array_foreach(json_object_get(root, names[signal].resources), r, resource)
	{
		put_resource(out, resource);
		json_array_foreach(json_object_get(resource, names[signal].scopes), s, scope)
		{
			json_array_foreach(json_object_get(scope, names[signal].records), i, record)
				names[signal]
					.put(out, record);
		}
	}
}

int debug_text(enum signal signal, enum debug_verbosity verbosity, struct slice protobuf,
	       struct buf *out, struct error *err)
{
	struct buf json = BUF_INIT;
	json_t *root = NULL;
	int rc = otlp_protobuf_to_json(otlp_request_message(signal), protobuf, &json, err);
	if (rc == 0)
		root = json_loadb(json.data, json.len, JSON_ALLOW_NUL, NULL);
	buf_release(&json);
	if (rc == 0 && !root)
		rc = error_set(err, STATUS_INVALID, "the request cannot be shown");
	if (rc == 0 && verbosity == DEBUG_NORMAL)
		put_lines(signal, root, out);
	if (rc == 0 && verbosity == DEBUG_DETAILED) {
		put_json(out, root, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
		buf_append_byte(out, '\n');
	}
	json_decref(root);
	return rc;
}
