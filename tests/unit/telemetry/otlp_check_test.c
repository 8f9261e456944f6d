#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "support/pb_write.h"
#include "telemetry/otlp_check.h"

/* The fixtures of the JSON transcoder: requests that have every field. */
static void load(struct buf *out, const char *name)
{
	static const char padding[CHUNK_PADDING];
	char path[300];
	snprintf(path, sizeof(path), "%s/telemetry/otlp_json/%s", TEST_SOURCES, name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	buf_reserve(out, 1 << 16);
	out->len = fread(out->data, 1, out->capacity - CHUNK_PADDING, file);
	fclose(file);
	buf_append(out, padding, sizeof(padding));
	out->len -= sizeof(padding);
}

static uint32_t count(enum signal signal, const char *name)
{
	struct buf bytes = BUF_INIT;
	struct error err;
	uint32_t records = 0;
	load(&bytes, name);
	if (otlp_check(signal, buf_slice(&bytes), &records, &err) < 0)
		fail_msg("%s: %s", name, err.message);
	buf_release(&bytes);
	return records;
}

static void counts_records_of_each_signal(void **state)
{
	assert_int_equal(count(SIGNAL_LOGS, "example_logs.pb"), 1);
	assert_int_equal(count(SIGNAL_TRACES, "example_trace.pb"), 1);
	assert_int_equal(count(SIGNAL_METRICS, "example_metrics.pb"), 4);
	assert_true(count(SIGNAL_LOGS, "every_logs.pb") > 1);
	assert_true(count(SIGNAL_TRACES, "every_traces.pb") >= 1);
	assert_true(count(SIGNAL_METRICS, "every_metrics.pb") >= 5);
}

/* Two requests one behind the other are one with the records of both. */
static void concatenation_is_a_request(void **state)
{
	static const char padding[CHUNK_PADDING];
	struct buf one = BUF_INIT, two = BUF_INIT;
	struct error err;
	uint32_t records;
	load(&one, "example_logs.pb");
	buf_append_slice(&two, buf_slice(&one));
	buf_append_slice(&two, buf_slice(&one));
	buf_append(&two, padding, sizeof(padding));
	two.len -= sizeof(padding);
	assert_int_equal(otlp_check(SIGNAL_LOGS, buf_slice(&two), &records, &err), 0);
	assert_int_equal(records, 2);
	buf_release(&one);
	buf_release(&two);
}

/* Whatever is cut off, either the check says so or what is left is whole by itself. */
static void finds_every_truncation(void **state)
{
	struct buf bytes = BUF_INIT;
	struct error err;
	uint32_t records;
	unsigned refused = 0;
	load(&bytes, "example_trace.pb");
	for (size_t len = 1; len < bytes.len; len++)
		refused += otlp_check(SIGNAL_TRACES, (struct slice){bytes.data, len}, &records,
				      &err) == STATUS_INVALID;
	/* The request is one resource: no part of it is whole. */
	assert_int_equal(refused, bytes.len - 1);
	buf_release(&bytes);
}

/* A broken value deep inside, behind intact lengths. */
static void looks_into_attribute_values(void **state)
{
	struct buf any = BUF_INIT, kv = BUF_INIT, log = BUF_INIT, scope = BUF_INIT,
		   resource = BUF_INIT, request = BUF_INIT;
	struct error err;
	uint32_t records;
	pbw_varint(&any, PB_TAG(1, PB_LEN));
	pbw_varint(&any, 200); /* of a string that is not there */
	pbw_text(&kv, 1, "key");
	pbw_message(&kv, 2, &any);
	pbw_message(&log, 6, &kv);
	pbw_message(&scope, 2, &log);
	pbw_message(&resource, 2, &scope);
	pbw_message(&request, 1, &resource);
	buf_reserve(&request, CHUNK_PADDING);
	assert_int_equal(otlp_check(SIGNAL_LOGS, buf_slice(&request), &records, &err),
			 STATUS_INVALID);
	assert_non_null(strstr(err.message, "AnyValue"));
	buf_release(&any);
	buf_release(&kv);
	buf_release(&log);
	buf_release(&scope);
	buf_release(&resource);
	buf_release(&request);
}

/* What is nested deeper than is looked into is taken as it is. */
static void bounds_depth(void **state)
{
	struct buf in = BUF_INIT, out = BUF_INIT;
	struct error err;
	uint32_t records;
	for (unsigned i = 0; i < 600; i++) {
		pbw_message(&out, i % 2 ? 5 : 1, &in); /* ArrayValue in AnyValue in … */
		struct buf swap = in;
		in = out;
		out = swap;
	}
	struct buf log = BUF_INIT, scope = BUF_INIT, resource = BUF_INIT, request = BUF_INIT;
	pbw_message(&log, 5, &in);
	pbw_message(&scope, 2, &log);
	pbw_message(&resource, 2, &scope);
	pbw_message(&request, 1, &resource);
	buf_reserve(&request, CHUNK_PADDING);
	assert_int_equal(otlp_check(SIGNAL_LOGS, buf_slice(&request), &records, &err), 0);
	assert_int_equal(records, 1);
	buf_release(&in);
	buf_release(&out);
	buf_release(&log);
	buf_release(&scope);
	buf_release(&resource);
	buf_release(&request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_records_of_each_signal),
		cmocka_unit_test(concatenation_is_a_request),
		cmocka_unit_test(finds_every_truncation),
		cmocka_unit_test(looks_into_attribute_values),
		cmocka_unit_test(bounds_depth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
