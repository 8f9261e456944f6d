#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/chunk.h"
#include "base/clock.h"
#include "support/batch_dump.h"
#include "support/pb_write.h"
#include "telemetry/otlp_decode.h"

#define NOW UINT64_C(1760000000000000000)

static const struct otlp_decode_options defaults = {.received_time = NOW};

/* Decodes a copy that has just the promised padding behind it, so that sanitizers see more. */
struct decoded {
	struct log_batch logs;
	struct span_batch spans;
	struct rejects rejects;
	struct error err;
	int status;
	char *bytes;
};

static void decode(struct decoded *d, bool spans, const struct buf *request,
		   const struct otlp_decode_options *options)
{
	free(d->bytes);
	d->bytes = malloc(request->len + CHUNK_PADDING);
	assert_non_null(d->bytes);
	if (request->len)
		memcpy(d->bytes, request->data, request->len);
	memset(d->bytes + request->len, 0xaa, CHUNK_PADDING);
	struct slice bytes = {d->bytes, request->len};
	d->err.message[0] = '\0';
	d->status = spans ? otlp_decode_traces(&d->spans, bytes, options, &d->rejects, &d->err)
			  : otlp_decode_logs(&d->logs, bytes, options, &d->rejects, &d->err);
}

static void release(struct decoded *d)
{
	log_batch_release(&d->logs);
	span_batch_release(&d->spans);
	free(d->bytes);
}

static void check_fixture(struct decoded *d, const char *name, bool spans)
{
	char path[64];
	struct buf request = BUF_INIT, expected = BUF_INIT, found = BUF_INIT;
	snprintf(path, sizeof(path), "otlp/%s.bin", name);
	assert_true(load_fixture(path, &request));
	snprintf(path, sizeof(path), "otlp/%s.txt", name);
	assert_true(load_fixture(path, &expected));
	decode(d, spans, &request, &defaults);
	assert_int_equal(d->status, 0);
	assert_int_equal(d->rejects.total, 0);
	if (spans)
		dump_spans(&found, &d->spans);
	else
		dump_logs(&found, &d->logs);
	assert_string_equal(buf_cstr(&found), buf_cstr(&expected));
	buf_release(&request);
	buf_release(&expected);
	buf_release(&found);
}

static void reads_what_googles_protobuf_wrote(void **state)
{
	struct decoded d = {0};
	/* Twice: the second time in memory that is used again. */
	for (int i = 0; i < 2; i++) {
		check_fixture(&d, "logs", false);
		check_fixture(&d, "example_logs", false);
		check_fixture(&d, "traces", true);
		check_fixture(&d, "example_trace", true);
	}
	release(&d);
}

/* Wraps what is in `records` as the records of one scope. */
static void wrap(struct buf *records, struct buf *request)
{
	struct buf parent = BUF_INIT;
	pbw_message(&parent, 2, records);
	pbw_message(request, 1, &parent);
	buf_release(&parent);
}

static void add_record(struct buf *records, struct buf *record)
{
	pbw_message(records, 2, record);
}

static void cut_anywhere_is_a_clean_error_or_less(void **state)
{
	struct decoded d = {0};
	struct buf request = BUF_INIT;
	for (int spans = 0; spans < 2; spans++) {
		buf_clear(&request);
		assert_true(load_fixture(spans ? "otlp/traces.bin" : "otlp/logs.bin", &request));
		size_t len = request.len;
		uint32_t last_rows = 0;
		for (request.len = 0; request.len <= len; request.len += 1 + request.len / 300) {
			decode(&d, spans, &request, &defaults);
			uint32_t rows = spans ? d.spans.rows : d.logs.rows;
			if (d.status) {
				assert_int_equal(d.status, STATUS_INVALID);
				assert_non_null(
					strstr(d.err.message, "malformed protobuf at byte"));
				assert_int_equal(rows, 0);
			} else {
				assert_true(rows >= last_rows);
				last_rows = rows;
			}
		}
	}
	buf_release(&request);
	release(&d);
}

static void malformed_framing_fails_with_its_offset(void **state)
{
	static const struct {
		struct slice bytes;
		const char *message;
	} cases[] = {
		{SLICE("\x0a"), "malformed protobuf at byte 1: truncated varint"},
		{SLICE("\x0a\x05\x12"), "malformed protobuf at byte 1: length beyond"},
		{SLICE("\x0b\x0c"), "malformed protobuf at byte 0: group"},
		{SLICE("\x00"), "malformed protobuf at byte 0: field number 0"},
		{SLICE("\x0f"), "malformed protobuf at byte 0: unknown wire type"},
		{SLICE("\x0a\x02\x12\x01"), "malformed protobuf at byte 3: length beyond"},
		/* inside a record: time cut short */
		{SLICE("\x0a\x06\x12\x04\x12\x02\x09\x00"),
		 "malformed protobuf at byte 7: truncated"},
		/* inside an attribute's value: a length past it */
		{SLICE("\x0a\x0b\x12\x09\x12\x07\x32\x05\x12\x03\x0a\x05x"),
		 "malformed protobuf at byte 11: length beyond"},
		/* inside a nested value */
		{SLICE("\x0a\x0c\x12\x0a\x12\x08\x2a\x06\x2a\x04\x0a\x02\x0a\x09"),
		 "malformed protobuf at byte 13: length beyond"},
		/* varints too long */
		{SLICE("\x0a\x12\x12\x10\x12\x0e\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
		       "\x01"
		       "\x00"),
		 "malformed protobuf at byte 7: varint of more than ten bytes"},
	};
	struct decoded d = {0};
	struct buf request = BUF_INIT;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&request);
		buf_append_slice(&request, cases[i].bytes);
		decode(&d, false, &request, &defaults);
		assert_int_equal(d.status, STATUS_INVALID);
		if (!strstr(d.err.message, cases[i].message))
			assert_string_equal(d.err.message, cases[i].message);
		assert_int_equal(d.logs.rows, 0);
	}
	buf_release(&request);
	release(&d);
}

static void wrong_wire_types_are_unknown_fields(void **state)
{
	struct decoded d = {0};
	struct buf request = BUF_INIT, records = BUF_INIT, record = BUF_INIT;
	pbw_uint(&record, 1, 5); /* the time as a varint */
	pbw_fixed64(&record, 2, 5);
	pbw_uint(&record, 5, 1);
	pbw_text(&record, 8, "flags as text");
	pbw_fixed32(&record, 9, 1);
	pbw_text(&record, 99, "a field of the future");
	pbw_text(&record, 3, "WARN");
	add_record(&records, &record);
	wrap(&records, &request);
	pbw_uint(&request, 1, 7);
	decode(&d, false, &request, &defaults);
	assert_int_equal(d.status, 0);
	assert_int_equal(d.logs.rows, 1);
	assert_int_equal(d.logs.time[0], 0);
	assert_int_equal(d.logs.severity_number[0], 0);
	assert_int_equal(d.logs.flags[0], 0);
	assert_int_equal(d.logs.body[0].type, VALUE_EMPTY);
	assert_true(slice_eq_cstr(d.logs.severity_text[0], "WARN"));
	buf_release(&request);
	buf_release(&records);
	buf_release(&record);
	release(&d);
}

/* One bad log record each, between two good ones. */
struct bad_record {
	void (*make)(struct buf *record);
	enum reject_reason reason;
	const char *example;
};

static void bad_body(struct buf *record)
{
	struct buf any = BUF_INIT;
	pbw_text(&any, 1, "caf\xe9");
	pbw_message(record, 5, &any);
	buf_release(&any);
}

static void bad_severity(struct buf *record)
{
	pbw_text(record, 3, "\xff");
}

static void bad_event_name(struct buf *record)
{
	pbw_text(record, 12, "\xed\xa0\x80");
}

static void bad_key(struct buf *record)
{
	pbw_attr(record, 6, "fresh key before", "x");
	pbw_attr(record, 6, "k\x80", "x");
}

static void bad_long_value(struct buf *record)
{
	char value[300];
	memset(value, 'x', sizeof(value));
	value[298] = '\xc3';
	value[299] = '\0';
	pbw_attr(record, 6, "key", value);
}

static void bad_nested_text(struct buf *record)
{
	struct buf any = BUF_INIT, array = BUF_INIT, outer = BUF_INIT;
	pbw_text(&any, 1, "\xc3(");
	pbw_message(&array, 1, &any);
	pbw_message(&outer, 5, &array);
	pbw_message(record, 5, &outer);
	buf_release(&any);
	buf_release(&array);
	buf_release(&outer);
}

static void short_trace_id(struct buf *record)
{
	pbw_bytes(record, 9, "123456789012345", 15);
}

static void long_span_id(struct buf *record)
{
	pbw_bytes(record, 10, "123456789", 9);
}

static void far_time(struct buf *record)
{
	pbw_fixed64(record, 1, UINT64_MAX);
}

static void far_observed_time(struct buf *record)
{
	pbw_fixed64(record, 11, UINT64_C(4102444800000000000));
}

static void old_time(struct buf *record)
{
	pbw_fixed64(record, 1, NOW - 1000);
}

/* An array in an array, `depth` arrays in all. */
static void nest(struct buf *record, unsigned depth)
{
	struct buf inner = BUF_INIT, outer = BUF_INIT;
	for (unsigned i = 0; i < depth; i++) {
		pbw_message(&outer, 5, &inner); /* AnyValue with an ArrayValue */
		if (i + 1 < depth)
			pbw_message(&inner, 1, &outer);
	}
	pbw_message(record, 5, &outer);
	buf_release(&inner);
	buf_release(&outer);
}

static void too_deep(struct buf *record)
{
	nest(record, OTLP_MAX_DEPTH + 1);
}

static void far_too_deep(struct buf *record)
{
	nest(record, 10000);
}

static const struct bad_record bad_records[] = {
	{bad_body, REJECT_INVALID_UTF8, "log record 1: body is not valid UTF-8"},
	{bad_severity, REJECT_INVALID_UTF8, "log record 1: severity text is not valid UTF-8"},
	{bad_event_name, REJECT_INVALID_UTF8, "log record 1: event name is not valid UTF-8"},
	{bad_key, REJECT_INVALID_UTF8, "log record 1: attribute key is not valid UTF-8"},
	{bad_long_value, REJECT_INVALID_UTF8, "log record 1: attribute value is not valid UTF-8"},
	{bad_nested_text, REJECT_INVALID_UTF8, "log record 1: body is not valid UTF-8"},
	{short_trace_id, REJECT_INVALID_ID, "log record 1: trace id is missing, all zero or of a"},
	{long_span_id, REJECT_INVALID_ID, "log record 1: span id is missing, all zero or of a"},
	{far_time, REJECT_INVALID_TIME, "log record 1: time is out of range"},
	{far_observed_time, REJECT_INVALID_TIME, "log record 1: observed time is out of range"},
	{old_time, REJECT_EXPIRED, "log record 1: time is older than the retention"},
	{too_deep, REJECT_TOO_DEEP, "log record 1: body is nested too deep"},
	{far_too_deep, REJECT_TOO_DEEP, "log record 1: body is nested too deep"},
};

static void good_record(struct buf *records, struct buf *record, const char *severity)
{
	pbw_fixed64(record, 1, NOW);
	pbw_text(record, 3, severity);
	pbw_attr(record, 6, "first", "1");
	pbw_attr(record, 6, "second", "2");
	add_record(records, record);
}

static void a_bad_record_is_left_out_alone(void **state)
{
	struct otlp_decode_options options = defaults;
	options.expire_before = NOW - 500;
	struct decoded d = {0};
	for (size_t i = 0; i < sizeof(bad_records) / sizeof(bad_records[0]); i++) {
		struct buf request = BUF_INIT, records = BUF_INIT, record = BUF_INIT;
		good_record(&records, &record, "A");
		pbw_fixed64(&record, 1, NOW);
		bad_records[i].make(&record);
		pbw_attr(&record, 6, "of the bad", "x");
		add_record(&records, &record);
		good_record(&records, &record, "B");
		wrap(&records, &request);
		decode(&d, false, &request, &options);
		assert_int_equal(d.status, 0);
		assert_int_equal(d.logs.rows, 2);
		assert_int_equal(d.rejects.total, 1);
		assert_int_equal(d.rejects.count[bad_records[i].reason], 1);
		if (!strstr(d.rejects.example, bad_records[i].example))
			assert_string_equal(d.rejects.example, bad_records[i].example);
		/* nothing of it is left */
		assert_true(slice_eq_cstr(d.logs.severity_text[1], "B"));
		assert_int_equal(d.logs.common.key_count, 2);
		assert_int_equal(d.logs.common.attr_count, 4);
		assert_int_equal(d.logs.attrs[1].first, 2);
		assert_int_equal(d.logs.attrs[1].count, 2);
		buf_release(&request);
		buf_release(&records);
		buf_release(&record);
	}
	release(&d);
}

static void the_deepest_value_that_is_allowed_is_kept(void **state)
{
	struct decoded d = {0};
	struct buf request = BUF_INIT, records = BUF_INIT, record = BUF_INIT;
	nest(&record, OTLP_MAX_DEPTH);
	add_record(&records, &record);
	wrap(&records, &request);
	decode(&d, false, &request, &defaults);
	assert_int_equal(d.status, 0);
	assert_int_equal(d.logs.rows, 1);
	assert_int_equal(d.logs.body[0].type, VALUE_ARRAY);
	buf_release(&request);
	buf_release(&records);
	buf_release(&record);
	release(&d);
}

static void a_bad_scope_or_resource_rejects_its_records(void **state)
{
	struct decoded d = {0};
	struct buf request = BUF_INIT, records = BUF_INIT, record = BUF_INIT, message = BUF_INIT;
	struct buf parent = BUF_INIT;
	/* the scope, bad, behind its two records; then a good scope; then a bad resource, behind as well */
	good_record(&records, &record, "A");
	good_record(&records, &record, "B");
	pbw_text(&message, 1, "sc\xffpe");
	pbw_message(&records, 1, &message);
	pbw_message(&parent, 2, &records);
	good_record(&records, &record, "C");
	pbw_message(&parent, 2, &records);
	pbw_message(&request, 1, &parent);
	good_record(&records, &record, "D");
	pbw_message(&parent, 2, &records);
	pbw_attr(&message, 1, "of the bad", "\xff");
	pbw_message(&parent, 1, &message);
	pbw_message(&request, 1, &parent);
	good_record(&records, &record, "E");
	wrap(&records, &request);
	decode(&d, false, &request, &defaults);
	assert_int_equal(d.status, 0);
	assert_int_equal(d.logs.rows, 2);
	assert_true(slice_eq_cstr(d.logs.severity_text[0], "C"));
	assert_true(slice_eq_cstr(d.logs.severity_text[1], "E"));
	assert_int_equal(d.logs.common.resource_count, 2);
	assert_int_equal(d.logs.common.scope_count, 2);
	assert_int_equal(d.logs.common.key_count, 2);
	assert_int_equal(d.rejects.total, 3);
	assert_int_equal(d.rejects.count[REJECT_INVALID_UTF8], 3);
	assert_string_equal(d.rejects.example, "log record 0: scope name is not valid UTF-8");
	buf_release(&request);
	buf_release(&records);
	buf_release(&record);
	buf_release(&message);
	buf_release(&parent);
	release(&d);
}

static void pieces_of_a_resource_are_merged(void **state)
{
	struct decoded d = {0};
	struct buf request = BUF_INIT, records = BUF_INIT, record = BUF_INIT, message = BUF_INIT;
	struct buf parent = BUF_INIT;
	pbw_attr(&message, 1, "a", "1");
	pbw_uint(&message, 2, 3);
	pbw_message(&parent, 1, &message);
	good_record(&records, &record, "A");
	pbw_message(&parent, 2, &records);
	pbw_attr(&message, 1, "service.name", "late");
	pbw_message(&parent, 1, &message);
	pbw_message(&request, 1, &parent);
	decode(&d, false, &request, &defaults);
	assert_int_equal(d.status, 0);
	const struct resource *resource = &d.logs.common.resources[0];
	assert_int_equal(resource->attrs.count, 2);
	assert_int_equal(resource->dropped_attributes, 3);
	assert_true(slice_eq_cstr(resource->service_name, "late"));
	const struct attr *attrs = d.logs.common.attrs + resource->attrs.first;
	assert_true(slice_eq_cstr(d.logs.common.keys[attrs[0].key], "a"));
	assert_true(slice_eq_cstr(d.logs.common.keys[attrs[1].key], "service.name"));
	assert_int_equal(d.logs.attrs[0].count, 2);
	buf_release(&request);
	buf_release(&records);
	buf_release(&record);
	buf_release(&message);
	buf_release(&parent);
	release(&d);
}

static void too_many_keys_reject_one_record(void **state)
{
	struct decoded d = {0};
	struct buf request = BUF_INIT, records = BUF_INIT, record = BUF_INIT;
	char key[32];
	for (unsigned i = 0; i < OTLP_MAX_KEYS - 1; i++) {
		snprintf(key, sizeof(key), "key %u", i);
		pbw_attr(&record, 6, key, "");
		if (i % 100 == 99)
			add_record(&records, &record);
	}
	add_record(&records, &record);
	uint32_t good = OTLP_MAX_KEYS / 100 + 1;
	/* two new keys where one is left; then one that fits; then none does but old ones do */
	pbw_attr(&record, 6, "new 1", "");
	pbw_attr(&record, 6, "new 2", "");
	add_record(&records, &record);
	pbw_attr(&record, 6, "new 3", "");
	add_record(&records, &record);
	pbw_attr(&record, 6, "new 4", "");
	add_record(&records, &record);
	pbw_attr(&record, 6, "new 3", "");
	pbw_attr(&record, 6, "key 16000", "");
	add_record(&records, &record);
	wrap(&records, &request);
	decode(&d, false, &request, &defaults);
	assert_int_equal(d.status, 0);
	assert_int_equal(d.rejects.count[REJECT_TOO_MANY_KEYS], 2);
	assert_int_equal(d.logs.rows, good + 2);
	assert_int_equal(d.logs.common.key_count, OTLP_MAX_KEYS);
	struct attr_run last = d.logs.attrs[good + 1];
	assert_int_equal(d.logs.common.attrs[last.first].key, OTLP_MAX_KEYS - 1);
	assert_int_equal(d.logs.common.attrs[last.first + 1].key, 16000);
	buf_release(&request);
	buf_release(&records);
	buf_release(&record);
	release(&d);
}

/* A record of each time; spans when `spans`. */
static void put_times(struct buf *request, bool spans, const uint64_t *times, unsigned count)
{
	struct buf records = BUF_INIT, record = BUF_INIT;
	for (unsigned i = 0; i < count; i++) {
		if (spans) {
			pbw_bytes(&record, 1, "0123456789abcdef", 16);
			pbw_bytes(&record, 2, "01234567", 8);
		}
		pbw_fixed64(&record, spans ? 7 : 1, times[i]);
		add_record(&records, &record);
	}
	buf_clear(request);
	wrap(&records, request);
	buf_release(&records);
	buf_release(&record);
}

static void a_time_too_far_in_the_future_is_left_out(void **state)
{
	struct decoded d = {0};
	struct buf request = BUF_INIT;
	struct otlp_decode_options options = defaults;
	const uint64_t times[] = {NOW + 1000, NOW + 1001, NOW};
	for (int spans = 0; spans < 2; spans++) {
		put_times(&request, spans, times, 3);
		options.reject_after = NOW + 1000;
		decode(&d, spans, &request, &options);
		assert_int_equal(d.status, 0);
		const uint64_t *kept = spans ? d.spans.start_time : d.logs.time;
		assert_int_equal(spans ? d.spans.rows : d.logs.rows, 2);
		assert_int_equal(kept[0], NOW + 1000);
		assert_int_equal(kept[1], NOW);
		assert_int_equal(d.rejects.total, 1);
		assert_int_equal(d.rejects.count[REJECT_TOO_FAR_IN_THE_FUTURE], 1);
		assert_string_equal(d.rejects.example,
				    spans ? "span 1: start time is too far in the future"
					  : "log record 1: time is too far in the future");
		options.reject_after = 0;
		decode(&d, spans, &request, &options);
		assert_int_equal(d.rejects.total, 0);
	}
	buf_release(&request);
	release(&d);
}

/* The first OTLP_MAX_DAYS days of the request are kept, and whatever else is on one of them. */
static void too_many_days_reject_one_record(void **state)
{
	struct decoded d = {0};
	struct buf request = BUF_INIT;
	static uint64_t times[OTLP_MAX_DAYS + 6];
	unsigned n = 0;
	times[n++] = 1; /* the first day there is, which is none of the others */
	for (; n < OTLP_MAX_DAYS; n++)
		times[n] = NOW - n * NS_PER_DAY;
	times[n++] = NOW - (OTLP_MAX_DAYS + 1) * NS_PER_DAY;
	times[n++] = NOW - 5 * NS_PER_DAY;
	times[n++] = NS_PER_DAY - 1;
	times[n++] = NS_PER_DAY;
	times[n++] = UINT64_MAX; /* of no day */
	times[n++] = NOW - (OTLP_MAX_DAYS - 1) * NS_PER_DAY;
	for (int spans = 0; spans < 2; spans++) {
		put_times(&request, spans, times, n);
		/* Twice: nothing is left of the days of the request before. */
		for (int i = 0; i < 2; i++)
			decode(&d, spans, &request, &defaults);
		assert_int_equal(d.status, 0);
		assert_int_equal(d.rejects.count[REJECT_TOO_MANY_DAYS], 2);
		assert_int_equal(d.rejects.count[REJECT_INVALID_TIME], 1);
		assert_int_equal(d.rejects.total, 3);
		assert_int_equal(spans ? d.spans.rows : d.logs.rows, OTLP_MAX_DAYS + 3);
		const char *example = "time makes too many distinct days in one request";
		assert_non_null(strstr(d.rejects.example, example));
	}
	buf_release(&request);
	release(&d);
}

static void memory_is_bounded(void **state)
{
	struct decoded d = {0};
	struct buf request = BUF_INIT, records = BUF_INIT, record = BUF_INIT;
	for (unsigned i = 0; i < 100000; i++)
		add_record(&records, &record);
	wrap(&records, &request);
	struct otlp_decode_options options = defaults;
	options.max_memory = 1 << 20;
	decode(&d, false, &request, &options);
	assert_int_equal(d.status, STATUS_LIMIT);
	assert_int_equal(d.logs.rows, 0);
	decode(&d, false, &request, &defaults);
	assert_int_equal(d.status, 0);
	assert_int_equal(d.logs.rows, 100000);
	buf_release(&request);
	buf_release(&records);
	buf_release(&record);
	release(&d);
}

/* --- spans --- */

static void begin_span(struct buf *span)
{
	pbw_bytes(span, 1, "0123456789abcdef", 16);
	pbw_bytes(span, 2, "01234567", 8);
	pbw_fixed64(span, 7, NOW);
	pbw_fixed64(span, 8, NOW + 5);
}

static void no_trace_id(struct buf *span)
{
	pbw_bytes(span, 1, "", 0);
}

static void zero_span_id(struct buf *span)
{
	pbw_bytes(span, 2, "\0\0\0\0\0\0\0\0", 8);
}

static void bad_parent(struct buf *span)
{
	pbw_bytes(span, 4, "0123", 4);
}

static void end_before_start(struct buf *span)
{
	pbw_fixed64(span, 8, NOW - 1);
}

static void bad_event_time(struct buf *span)
{
	struct buf event = BUF_INIT;
	pbw_fixed64(&event, 1, UINT64_MAX / 2);
	pbw_message(span, 11, &event);
	buf_release(&event);
}

static void bad_link(struct buf *span)
{
	struct buf link = BUF_INIT;
	pbw_bytes(&link, 1, "0123", 4);
	pbw_message(span, 13, &link);
	buf_release(&link);
}

static void bad_status(struct buf *span)
{
	struct buf status = BUF_INIT;
	pbw_text(&status, 2, "\xff");
	pbw_message(span, 15, &status);
	buf_release(&status);
}

static const struct bad_record bad_spans[] = {
	{no_trace_id, REJECT_INVALID_ID, "span 1: trace id is missing, all zero"},
	{zero_span_id, REJECT_INVALID_ID, "span 1: span id is missing, all zero"},
	{bad_parent, REJECT_INVALID_ID, "span 1: parent span id is"},
	{end_before_start, REJECT_INVALID_TIME, "span 1: end time, before the start, is out of"},
	{bad_event_time, REJECT_INVALID_TIME, "span 1: event time is out of range"},
	{bad_link, REJECT_INVALID_ID, "span 1: link's trace id is"},
	{bad_status, REJECT_INVALID_UTF8, "span 1: status message is not valid UTF-8"},
};

static void event_with_attribute(struct buf *span, const char *key)
{
	struct buf event = BUF_INIT;
	pbw_text(&event, 2, "event");
	pbw_attr(&event, 3, key, "x");
	pbw_message(span, 11, &event);
	buf_release(&event);
}

static void a_bad_span_is_left_out_alone(void **state)
{
	struct decoded d = {0};
	for (size_t i = 0; i < sizeof(bad_spans) / sizeof(bad_spans[0]); i++) {
		struct buf request = BUF_INIT, records = BUF_INIT, span = BUF_INIT;
		begin_span(&span);
		event_with_attribute(&span, "a");
		add_record(&records, &span);
		begin_span(&span);
		event_with_attribute(&span, "b");
		bad_spans[i].make(&span);
		add_record(&records, &span);
		begin_span(&span);
		event_with_attribute(&span, "c");
		add_record(&records, &span);
		wrap(&records, &request);
		decode(&d, true, &request, &defaults);
		assert_int_equal(d.status, 0);
		assert_int_equal(d.spans.rows, 2);
		assert_int_equal(d.rejects.total, 1);
		assert_int_equal(d.rejects.count[bad_spans[i].reason], 1);
		if (!strstr(d.rejects.example, bad_spans[i].example))
			assert_string_equal(d.rejects.example, bad_spans[i].example);
		assert_int_equal(d.spans.event_count, 2);
		assert_int_equal(d.spans.link_count, 0);
		assert_int_equal(d.spans.event_end[0], 1);
		assert_int_equal(d.spans.event_end[1], 2);
		struct attr *last = &d.spans.common.attrs[d.spans.events[1].attrs.first];
		assert_true(slice_eq_cstr(d.spans.common.keys[last->key], "c"));
		assert_int_equal(d.spans.common.key_count, 2);
		buf_release(&request);
		buf_release(&records);
		buf_release(&span);
	}
	release(&d);
}

static void the_last_time_that_is_allowed_is_kept(void **state)
{
	struct decoded d = {0};
	struct buf request = BUF_INIT, records = BUF_INIT, record = BUF_INIT;
	pbw_fixed64(&record, 1, UINT64_C(4102444799999999999));
	pbw_fixed64(&record, 11, 1);
	add_record(&records, &record);
	wrap(&records, &request);
	decode(&d, false, &request, &defaults);
	assert_int_equal(d.status, 0);
	assert_int_equal(d.logs.rows, 1);
	buf_release(&request);
	buf_release(&records);
	buf_release(&record);
	release(&d);
}

static void times_that_were_not_sent_are_no_error(void **state)
{
	struct decoded d = {0};
	struct buf request = BUF_INIT, records = BUF_INIT, span = BUF_INIT;
	begin_span(&span);
	pbw_fixed64(&span, 8, 0);
	add_record(&records, &span);
	begin_span(&span);
	pbw_fixed64(&span, 7, 0);
	add_record(&records, &span);
	wrap(&records, &request);
	decode(&d, true, &request, &defaults);
	assert_int_equal(d.status, 0);
	assert_int_equal(d.spans.rows, 2);
	buf_release(&request);
	buf_release(&records);
	buf_release(&span);
	release(&d);
}

/* Attributes of the span before, between and behind an event and a link that have some too. */
static void fields_may_come_in_any_order(void **state)
{
	struct decoded d = {0};
	struct buf request = BUF_INIT, records = BUF_INIT, span = BUF_INIT, link = BUF_INIT;
	event_with_attribute(&span, "e1");
	pbw_attr(&span, 9, "s1", "1");
	pbw_attr(&link, 4, "l1", "1");
	pbw_message(&span, 13, &link);
	pbw_attr_int(&span, 9, "s2", -2);
	event_with_attribute(&span, "e2");
	pbw_attr(&span, 9, "s3", "3");
	begin_span(&span);
	add_record(&records, &span);
	wrap(&records, &request);
	decode(&d, true, &request, &defaults);
	struct buf found = BUF_INIT;
	dump_spans(&found, &d.spans);
	assert_string_equal(
		buf_cstr(&found),
		"resource schema=\"\" dropped=0\nscope name=\"\" version=\"\" schema=\"\" "
		"dropped=0\n"
		"span trace=30313233343536373839616263646566 span=3031323334353637 "
		"parent=0000000000000000 state=\"\" name=\"\" kind=0 start=1760000000000000000 "
		"end=1760000000000000005 dropped=0,0,0 flags=0 status=0 \"\"\n"
		"    \"s1\" = s\"1\"\n    \"s2\" = i-2\n    \"s3\" = s\"3\"\n"
		"  event time=0 name=\"event\" dropped=0\n    \"e1\" = s\"x\"\n"
		"  event time=0 name=\"event\" dropped=0\n    \"e2\" = s\"x\"\n"
		"  link trace=00000000000000000000000000000000 span=0000000000000000 state=\"\" "
		"dropped=0 flags=0\n    \"l1\" = s\"1\"\n");
	buf_release(&found);
	buf_release(&request);
	buf_release(&records);
	buf_release(&span);
	buf_release(&link);
	release(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_googles_protobuf_wrote),
		cmocka_unit_test(cut_anywhere_is_a_clean_error_or_less),
		cmocka_unit_test(malformed_framing_fails_with_its_offset),
		cmocka_unit_test(wrong_wire_types_are_unknown_fields),
		cmocka_unit_test(a_bad_record_is_left_out_alone),
		cmocka_unit_test(the_deepest_value_that_is_allowed_is_kept),
		cmocka_unit_test(a_bad_scope_or_resource_rejects_its_records),
		cmocka_unit_test(pieces_of_a_resource_are_merged),
		cmocka_unit_test(too_many_keys_reject_one_record),
		cmocka_unit_test(a_time_too_far_in_the_future_is_left_out),
		cmocka_unit_test(too_many_days_reject_one_record),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(a_bad_span_is_left_out_alone),
		cmocka_unit_test(the_last_time_that_is_allowed_is_kept),
		cmocka_unit_test(times_that_were_not_sent_are_no_error),
		cmocka_unit_test(fields_may_come_in_any_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
