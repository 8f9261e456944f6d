#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/chunk.h"
#include "telemetry/otlp_json.h"

static struct buf read_file(const char *name)
{
	char path[1024];
	snprintf(path, sizeof(path), "%s/telemetry/otlp_json/%s", TEST_SOURCES, name);
	FILE *f = fopen(path, "rb");
	if (!f)
		fail_msg("cannot open %s", path);
	struct buf out = BUF_INIT;
	char piece[4096];
	for (size_t n; (n = fread(piece, 1, sizeof(piece), f)) > 0;)
		buf_append(&out, piece, n);
	fclose(f);
	return out;
}

static void expect_bytes(struct buf *got, struct buf *want)
{
	size_t n = got->len < want->len ? got->len : want->len;
	for (size_t i = 0; i < n; i++) {
		if (got->data[i] != want->data[i])
			fail_msg("byte %zu is 0x%02x, not 0x%02x", i, (uint8_t)got->data[i],
				 (uint8_t)want->data[i]);
	}
	assert_int_equal(got->len, want->len);
}

/* protobuf to JSON, from a block of its exact size and the promised padding. */
static int to_json(const struct otlp_message *message, struct slice pb, struct buf *out,
		   struct error *err)
{
	char *copy = calloc(1, pb.len + CHUNK_PADDING);
	if (pb.len)
		memcpy(copy, pb.ptr, pb.len);
	int rc = otlp_protobuf_to_json(message, (struct slice){copy, pb.len}, out, err);
	free(copy);
	return rc;
}

static const struct {
	const char *name;
	const struct otlp_message *message;
} fixtures[] = {
	{"example_logs", &otlp_logs_request},     {"example_events", &otlp_logs_request},
	{"example_trace", &otlp_traces_request},  {"example_metrics", &otlp_metrics_request},
	{"every_logs", &otlp_logs_request},       {"every_traces", &otlp_traces_request},
	{"every_metrics", &otlp_metrics_request},
};

static void agrees_with_googles_protobuf(void **state)
{
	for (size_t i = 0; i < sizeof(fixtures) / sizeof(fixtures[0]); i++) {
		char name[64];
		snprintf(name, sizeof(name), "%s.json", fixtures[i].name);
		struct buf json = read_file(name);
		snprintf(name, sizeof(name), "%s.pb", fixtures[i].name);
		struct buf want = read_file(name);
		struct buf got = BUF_INIT, back = BUF_INIT, again = BUF_INIT;
		struct error err = {0};
		if (otlp_json_to_protobuf(fixtures[i].message, buf_slice(&json), &got, &err) < 0)
			fail_msg("%s: %s", fixtures[i].name, err.message);
		expect_bytes(&got, &want);
		assert_int_equal(to_json(fixtures[i].message, buf_slice(&want), &back, &err), 0);
		if (otlp_json_to_protobuf(fixtures[i].message, buf_slice(&back), &again, &err) < 0)
			fail_msg("%s: %s", fixtures[i].name, err.message);
		expect_bytes(&again, &want);
		buf_release(&json);
		buf_release(&want);
		buf_release(&got);
		buf_release(&back);
		buf_release(&again);
	}
}

/* A log record with one attribute named "k", whose value is `value`; as the AnyValue's bytes. */
static void expect_any_value(const char *value, struct slice want)
{
	char json[2000];
	snprintf(json, sizeof(json),
		 "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":%s}]}]}]}", value);
	struct buf got = BUF_INIT;
	struct error err = {0};
	if (otlp_json_to_protobuf(&otlp_logs_request, slice_of(json), &got, &err) < 0)
		fail_msg("%s: %s", value, err.message);
	/* Four short messages around it, two bytes each. */
	assert_true(got.len >= 8);
	assert_int_equal((uint8_t)got.data[7], got.len - 8);
	if (got.len - 8 != want.len || memcmp(got.data + 8, want.ptr, want.len) != 0)
		fail_msg("%s became %zu other bytes", value, got.len - 8);
	buf_release(&got);
}

static void reads_values_in_all_spellings(void **state)
{
	expect_any_value("{}", SLICE(""));
	expect_any_value("{\"stringValue\":null}", SLICE(""));
	expect_any_value("{\"stringValue\":\"\"}", SLICE("\x0a\x00"));
	expect_any_value("{\"string_value\":\"\\u00e9\"}", SLICE("\x0a\x02\xc3\xa9"));
	expect_any_value("{\"boolValue\":false}", SLICE("\x10\x00"));
	expect_any_value("{\"intValue\":\"300\"}", SLICE("\x18\xac\x02"));
	expect_any_value("{\"intValue\":300}", SLICE("\x18\xac\x02"));
	expect_any_value("{\"intValue\":3e2,\"unknown\":{\"a\":[1,\"x\\n\"]}}",
			 SLICE("\x18\xac\x02"));
	expect_any_value("{\"int_value\":\"-1\"}",
			 SLICE("\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
	expect_any_value("{\"doubleValue\":1}", SLICE("\x21\0\0\0\0\0\0\xf0\x3f"));
	expect_any_value("{\"doubleValue\":\"1.0\"}", SLICE("\x21\0\0\0\0\0\0\xf0\x3f"));
	expect_any_value("{\"doubleValue\":\"-Infinity\"}", SLICE("\x21\0\0\0\0\0\0\xf0\xff"));
	expect_any_value("{\"doubleValue\":\"NaN\"}", SLICE("\x21\0\0\0\0\0\0\xf8\x7f"));
	expect_any_value("{\"bytesValue\":\"+/8=\"}", SLICE("\x3a\x02\xfb\xff"));
	expect_any_value("{\"bytesValue\":\"-_8\"}", SLICE("\x3a\x02\xfb\xff"));
	expect_any_value("{\"bytesValue\":\"AQ==\"}", SLICE("\x3a\x01\x01"));
	expect_any_value("{\"bytesValue\":\"AQID\"}", SLICE("\x3a\x03\x01\x02\x03"));
	expect_any_value("{\"bytesValue\":\"\"}", SLICE("\x3a\x00"));
	expect_any_value("{\"arrayValue\":{}}", SLICE("\x2a\x00"));
	expect_any_value("{\"arrayValue\":{\"values\":[null,{\"boolValue\":true}]}}",
			 SLICE("\x2a\x06\x0a\x00\x0a\x02\x10\x01"));
	expect_any_value("{\"kvlistValue\":{\"values\":[{\"value\":{},\"key\":\"a\"}]}}",
			 SLICE("\x32\x07\x0a\x05\x12\x00\x0a\x01\x61"));
	expect_any_value("{\"stringValue\":null,\"intValue\":1}", SLICE("\x18\x01"));
}

static void expect_json(const struct otlp_message *message, const char *json, struct slice want)
{
	struct buf got = BUF_INIT;
	struct error err = {0};
	if (otlp_json_to_protobuf(message, slice_of(json), &got, &err) < 0)
		fail_msg("%s: %s", json, err.message);
	struct buf expected = BUF_INIT;
	buf_append_slice(&expected, want);
	expect_bytes(&got, &expected);
	buf_release(&expected);
	buf_release(&got);
}

static void reads_enums_ids_and_proto_names(void **state)
{
	static const char *const kinds[] = {"2", "\"2\"", "\"SPAN_KIND_SERVER\""};
	for (size_t i = 0; i < 3; i++) {
		char json[300];
		snprintf(json, sizeof(json),
			 "{\"resource_spans\":[{\"scope_spans\":[{\"spans\":[{\"kind\":%s,"
			 "\"start_time_unix_nano\":\"1\",\"spanId\":\"00fFAb\"}]}]}]}",
			 kinds[i]);
		expect_json(&otlp_traces_request, json,
			    SLICE("\x0a\x14\x12\x12\x12\x10\x30\x02\x39\x01\0\0\0\0\0\0\0"
				  "\x12\x03\x00\xff\xab"));
	}
	expect_json(&otlp_traces_request, "{}", SLICE(""));
	expect_json(&otlp_traces_request, "{\"resourceSpans\":null}", SLICE(""));
	expect_json(&otlp_traces_request, "{\"resourceSpans\":[]}", SLICE(""));
	expect_json(&otlp_logs_response,
		    "{\"partialSuccess\":{\"rejectedLogRecords\":\"5\",\"errorMessage\":\"no\"}}",
		    SLICE("\x0a\x06\x08\x05\x12\x02no"));
}

static void expect_error(const char *record, const char *want)
{
	struct buf json = BUF_INIT, out = BUF_INIT;
	buf_appendf(&json, "{\"resourceLogs\":[{\"scopeLogs\":[{},{\"logRecords\":[{},%s]}]}]}",
		    record);
	struct error err = {0};
	assert_int_equal(otlp_json_to_protobuf(&otlp_logs_request, buf_slice(&json), &out, &err),
			 STATUS_INVALID);
	assert_string_equal(err.message, want);
	buf_release(&json);
	buf_release(&out);
}

#define RECORD "resourceLogs[0].scopeLogs[1].logRecords[1]"

static void says_where_and_what_is_wrong(void **state)
{
	expect_error("{\"timeUnixNano\":\"abc\"}",
		     RECORD ".timeUnixNano: \"abc\" is not a 64-bit integer");
	expect_error("{\"timeUnixNano\":-1}",
		     RECORD ".timeUnixNano: -1 is not an unsigned 64-bit integer");
	expect_error("{\"timeUnixNano\":{}}",
		     RECORD ".timeUnixNano: an object is not a 64-bit integer");
	expect_error("{\"severityText\":5}", RECORD ".severityText: 5 is not a string");
	expect_error("{\"severityNumber\":\"SEVERITY_NUMBER_WORSE\"}",
		     RECORD ".severityNumber: \"SEVERITY_NUMBER_WORSE\" is neither an integer nor "
			    "one of SEVERITY_NUMBER_UNSPECIFIED, ...");
	expect_error("{\"traceId\":\"0g\"}", RECORD ".traceId: \"0g\" is not hex");
	expect_error("{\"traceId\":\"abc\"}", RECORD ".traceId: \"abc\" is not hex");
	expect_error("{\"flags\":4294967296}",
		     RECORD ".flags: 4294967296 is not an unsigned 32-bit integer");
	expect_error("{\"flags\":1,\"flags\":1}", RECORD ".flags: appears twice");
	expect_error("{\"flags\":1.5}", RECORD ".flags: 1.5 is not an unsigned 32-bit integer");
	expect_error("{\"attributes\":{}}", RECORD ".attributes: an object is not an array");
	expect_error("{\"attributes\":[{\"key\":\"a\"},7]}",
		     RECORD ".attributes[1]: 7 is not an object");
	expect_error("{\"body\":{\"stringValue\":\"a\",\"intValue\":1}}",
		     RECORD ".body.intValue: excludes stringValue, which is there too");
	expect_error("{\"body\":{\"boolValue\":\"true\"}}",
		     RECORD ".body.boolValue: \"true\" is neither true nor false");
	expect_error("{\"body\":{\"doubleValue\":1e999}}",
		     RECORD ".body.doubleValue: 1e999 is out of the range of a double");
	expect_error("{\"body\":{\"doubleValue\":\"inf\"}}",
		     RECORD ".body.doubleValue: \"inf\" is not a number");
	expect_error("{\"body\":{\"bytesValue\":\"a\"}}",
		     RECORD ".body.bytesValue: \"a\" is not base64");
	expect_error("{\"body\":{\"bytesValue\":\"a*==\"}}",
		     RECORD ".body.bytesValue: \"a*==\" is not base64");
	expect_error("{\"body\":{\"intValue\":"
		     "\"\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
		     "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9x\u00e9\u00e9\"}}",
		     RECORD
		     ".body.intValue: "
		     "\"\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
		     "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9x...\" is not a 64-bit "
		     "integer");
	expect_error("[]", RECORD ": an array is not an object");
}

static void refuses_what_is_no_object(void **state)
{
	struct buf out = BUF_INIT;
	struct error err;
	assert_int_equal(otlp_json_to_protobuf(&otlp_logs_request, SLICE("[]"), &out, &err),
			 STATUS_INVALID);
	assert_string_equal(err.message, "OTLP/JSON must be an object, not an array");
	assert_int_equal(otlp_json_to_protobuf(&otlp_logs_request, SLICE("{} {}"), &out, &err),
			 STATUS_INVALID);
	assert_int_equal(otlp_json_to_protobuf(&otlp_logs_request, SLICE(""), &out, &err),
			 STATUS_INVALID);
	assert_non_null(strstr(err.message, "the end of the text"));
	buf_release(&out);
}

/* `levels` arrays within arrays, as the body of a log record. */
static struct buf deep_body(unsigned levels)
{
	struct buf json = BUF_INIT;
	buf_append_cstr(&json, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":");
	for (unsigned i = 0; i < levels; i++)
		buf_append_cstr(&json, "{\"kvlistValue\":{\"values\":[{\"key\":\"k\",\"value\":");
	buf_append_cstr(&json, "{\"intValue\":\"1\"}");
	for (unsigned i = 0; i < levels; i++)
		buf_append_cstr(&json, "}]}}");
	buf_append_cstr(&json, "}]}]}]}");
	return json;
}

static void bounds_the_depth(void **state)
{
	struct error err;
	struct buf json = deep_body(80), out = BUF_INIT, back = BUF_INIT;
	assert_int_equal(otlp_json_to_protobuf(&otlp_logs_request, buf_slice(&json), &out, &err),
			 0);
	assert_int_equal(to_json(&otlp_logs_request, buf_slice(&out), &back, &err), 0);
	assert_true(slice_eq(buf_slice(&back), buf_slice(&json)));
	buf_release(&json);
	buf_clear(&out);

	json = deep_body(10000);
	assert_int_equal(otlp_json_to_protobuf(&otlp_logs_request, buf_slice(&json), &out, &err),
			 STATUS_INVALID);
	assert_non_null(strstr(err.message, "nested deeper than 400 levels"));
	buf_release(&json);

	/* As an unknown field, too. */
	buf_append_cstr(&json, "{\"x\":");
	for (int i = 0; i < 10000; i++)
		buf_append_byte(&json, '[');
	assert_int_equal(otlp_json_to_protobuf(&otlp_logs_request, buf_slice(&json), &out, &err),
			 STATUS_INVALID);
	buf_release(&json);
	buf_release(&out);
	buf_release(&back);
}

static void shortens_long_paths_at_their_start(void **state)
{
	struct buf json = deep_body(80), out = BUF_INIT;
	char *one = memmem(json.data, json.len, "\"1\"", 3);
	assert_non_null(one);
	one[1] = 'x';
	struct error err;
	assert_int_equal(otlp_json_to_protobuf(&otlp_logs_request, buf_slice(&json), &out, &err),
			 STATUS_INVALID);
	assert_memory_equal(err.message, "...", 3);
	assert_non_null(strstr(err.message, ".kvlistValue.values[0].value.intValue: \"x\" is not a "
					    "64-bit integer"));
	buf_release(&json);
	buf_release(&out);
}

static void output_limits_hold(void **state)
{
	struct buf json = read_file("every_metrics.json"), pb = read_file("every_metrics.pb");
	struct buf out;
	struct error err;
	buf_init_limited(&out, 1000);
	assert_int_equal(otlp_json_to_protobuf(&otlp_metrics_request, buf_slice(&json), &out, &err),
			 STATUS_LIMIT);
	buf_clear(&out);
	assert_int_equal(to_json(&otlp_metrics_request, buf_slice(&pb), &out, &err), STATUS_LIMIT);
	buf_release(&out);
	buf_release(&json);
	buf_release(&pb);
}

static void expect_written(struct slice pb, const char *want)
{
	struct buf out = BUF_INIT;
	struct error err = {0};
	if (to_json(&otlp_logs_request, pb, &out, &err) < 0)
		fail_msg("%s", err.message);
	assert_string_equal(buf_cstr(&out), want);
	buf_release(&out);
}

static void writes_what_protobuf_allows(void **state)
{
	expect_written(SLICE(""), "{}");
	/* an unknown field, and a known one of a wrong wire type */
	expect_written(SLICE("\x78\x05\x08\x01"), "{}");
	/* resource logs, with the schema URL in between, and twice: the last counts */
	expect_written(SLICE("\x0a\x0c\x12\x00\x1a\x01\x61\x12\x02\x1a\x00\x1a\x01\x62"),
		       "{\"resourceLogs\":[{\"scopeLogs\":[{},{\"schemaUrl\":\"\"}],"
		       "\"schemaUrl\":\"b\"}]}");
	/* a resource twice: they merge */
	expect_written(SLICE("\x0a\x0c\x0a\x02\x10\x05\x12\x00\x0a\x04\x0a\x00\x10\x07"),
		       "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{}],"
		       "\"droppedAttributesCount\":7},\"scopeLogs\":[{}]}]}");
	/* a body's oneof set to 1, then to "a": the last member counts */
	expect_written(SLICE("\x0a\x0b\x12\x09\x12\x07\x2a\x05\x18\x01\x0a\x01\x61"),
		       "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":"
		       "{\"stringValue\":\"a\"}}]}]}]}");
	/* text that is not UTF-8 */
	expect_written(SLICE("\x0a\x03\x1a\x01\xff"),
		       "{\"resourceLogs\":[{\"schemaUrl\":\"\ufffd\"}]}");
}

static void refuses_malformed_protobuf(void **state)
{
	static const struct slice cases[] = {
		SLICE("\x0a"),
		SLICE("\x0a\x05\x12"),
		SLICE("\x0b"),
		SLICE("\x0a\x02\x12\x05"),
		SLICE("\x00"),
		SLICE("\xff"),
		SLICE("\x0a\x03\x1a\x05\x61"),
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out = BUF_INIT;
		struct error err = {0};
		assert_int_equal(to_json(&otlp_logs_request, cases[i], &out, &err), STATUS_INVALID);
		assert_non_null(strstr(err.message, "malformed protobuf in "));
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_googles_protobuf),
		cmocka_unit_test(reads_values_in_all_spellings),
		cmocka_unit_test(reads_enums_ids_and_proto_names),
		cmocka_unit_test(says_where_and_what_is_wrong),
		cmocka_unit_test(refuses_what_is_no_object),
		cmocka_unit_test(bounds_the_depth),
		cmocka_unit_test(shortens_long_paths_at_their_start),
		cmocka_unit_test(output_limits_hold),
		cmocka_unit_test(writes_what_protobuf_allows),
		cmocka_unit_test(refuses_malformed_protobuf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
