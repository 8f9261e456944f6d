#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "wire/json.h"

/* Reads `json` from a block of its exact size; the tokens as one text, or the error's message. */
static int tokens_of(struct slice json, unsigned depth, char *out, size_t size, struct error *err)
{
	char *copy = malloc(json.len + 1);
	memcpy(copy, json.ptr, json.len);
	copy = realloc(copy, json.len ? json.len : 1);
	struct arena arena;
	arena_init(&arena, 1 << 20);
	struct json_reader r;
	json_reader_init(&r, (struct slice){copy, json.len}, &arena, depth);
	size_t n = 0;
	int token;
	out[0] = '\0';
	while ((token = json_next(&r, err)) > JSON_END) {
		static const char marks[] = " {}[]ksntf0";
		n += (size_t)snprintf(out + n, size - n, "%c", marks[token]);
		if (token == JSON_KEY || token == JSON_STRING || token == JSON_NUMBER)
			n += (size_t)snprintf(out + n, size - n, "<%.*s>", (int)r.text.len,
					      r.text.ptr);
	}
	arena_release(&arena);
	free(copy);
	return token;
}

static void expect_tokens(const char *json, const char *want)
{
	char got[4096];
	struct error err = {0};
	int rc = tokens_of(slice_of(json), 100, got, sizeof(got), &err);
	if (rc < 0)
		fail_msg("%s: %s", json, err.message);
	assert_string_equal(got, want);
}

static void reads_every_kind(void **state)
{
	expect_tokens("{}", "{}");
	expect_tokens(" [ ] ", "[]");
	expect_tokens("\t\r\n{\"a\" : [1, -2.50e+3,\"x\",true,false,null,{}], \"\":{\"b\":[[]]}}",
		      "{k<a>[n<1>n<-2.50e+3>s<x>tf0{}]k<>{k<b>[[]]}}");
	expect_tokens("17", "n<17>");
	expect_tokens("-0", "n<-0>");
	expect_tokens("0.5E-7", "n<0.5E-7>");
	expect_tokens("\"\"", "s<>");
	expect_tokens("null", "0");
}

static void unescapes(void **state)
{
	expect_tokens("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "s<\"\\/\b\f\n\r\t>");
	expect_tokens("\"a\\u0041\\u00e9\\u20aC\\ud83d\\uDE00z\"", "s<aA\u00e9\u20ac\U0001f600z>");
	expect_tokens("\"\u00e9\u20ac\U0001f600, long enough for a whole vector \u00e9\"",
		      "s<\u00e9\u20ac\U0001f600, long enough for a whole vector \u00e9>");
	expect_tokens("{\"\\u006bey\":1}", "{k<key>n<1>}");
	expect_tokens("\"\x7f\"", "s<\x7f>");
}

static void replaces_lone_surrogates(void **state)
{
	expect_tokens("\"\\ud83d\"", "s<\ufffd>");
	expect_tokens("\"\\ude00!\"", "s<\ufffd!>");
	expect_tokens("\"\\ud83d\\u0041\"", "s<\ufffdA>");
	expect_tokens("\"\\ud83d\\ud83d\\ude00\"", "s<\ufffd\U0001f600>");
	expect_tokens("\"\\ud83d\\n\"", "s<\ufffd\n>");
}

static void keeps_zero_bytes_of_escapes(void **state)
{
	struct arena arena;
	arena_init(&arena, 1 << 16);
	struct json_reader r;
	json_reader_init(&r, SLICE("\"a\\u0000b\""), &arena, 1);
	assert_int_equal(json_next(&r, NULL), JSON_STRING);
	assert_int_equal(r.text.len, 3);
	assert_memory_equal(r.text.ptr, "a\0b", 3);
	arena_release(&arena);
}

static void refuses_what_is_not_json(void **state)
{
	static const struct slice cases[] = {
		SLICE(""),
		SLICE(" "),
		SLICE("{"),
		SLICE("["),
		SLICE("}"),
		SLICE("]"),
		SLICE("[1,]"),
		SLICE("[,1]"),
		SLICE("[1 2]"),
		SLICE("[1}"),
		SLICE("{\"a\":1]"),
		SLICE("{\"a\":1,}"),
		SLICE("{\"a\" 1}"),
		SLICE("{\"a\":}"),
		SLICE("{a:1}"),
		SLICE("{1:1}"),
		SLICE("{\"a\",1}"),
		SLICE("{\"a\":1 \"b\":2}"),
		SLICE("1 2"),
		SLICE("{}{}"),
		SLICE("[]x"),
		SLICE("'a'"),
		SLICE("\"a"),
		SLICE("\"a\\"),
		SLICE("\"\\x\""),
		SLICE("\"\\u12\""),
		SLICE("\"\\u12g4\""),
		SLICE("\"\\u00"),
		SLICE("\"\\"),
		SLICE("\"\n\""),
		SLICE("\"\t\""),
		SLICE("\"\0\""),
		SLICE("\"\x1f\""),
		SLICE("01"),
		SLICE("-"),
		SLICE("-a"),
		SLICE("+1"),
		SLICE("1."),
		SLICE(".5"),
		SLICE("1.e5"),
		SLICE("1e"),
		SLICE("1e+"),
		SLICE("0x10"),
		SLICE("1_000"),
		SLICE("NaN"),
		SLICE("Infinity"),
		SLICE("-Infinity"),
		SLICE("True"),
		SLICE("tru"),
		SLICE("truex"),
		SLICE("nul"),
		SLICE("fals"),
		SLICE("[true false]"),
		SLICE("// c\n1"),
		SLICE("/* c */1"),
		SLICE("1 // c"),
		SLICE("\xef\xbb\xbf{}"),
		SLICE("\f1"),
		SLICE("\v1"),
		SLICE("1\0"),
		SLICE("[1\0]"),
		SLICE("\"\x80\""),
		SLICE("\"\xc0\x80\""),
		SLICE("\"\xe0\x80\x80\""),
		SLICE("\"\xed\xa0\x80\""),
		SLICE("\"\xf4\x90\x80\x80\""),
		SLICE("\"\xf8\x88\x80\x80\x80\""),
		SLICE("\"\xe2\x82\""),
		SLICE("\"\xc3\""),
		SLICE("\"\xc3"),
		SLICE("\xc3\xa9"),
		SLICE("{\"a\":1"),
		SLICE("{\"a\":"),
		SLICE("{\"a\""),
		SLICE("{\"a\":1,"),
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char got[256];
		struct error err = {0};
		int rc = tokens_of(cases[i], 100, got, sizeof(got), &err);
		if (rc != STATUS_INVALID)
			fail_msg("case %zu (%.*s) gave %d, %s", i, (int)cases[i].len, cases[i].ptr,
				 rc, got);
		assert_non_null(strstr(err.message, "JSON, line "));
	}
}

static void says_where_and_what(void **state)
{
	char got[256];
	struct error err;
	tokens_of(SLICE("{\n  \"a\": 1,\n  \"b\" 2\n}"), 100, got, sizeof(got), &err);
	assert_string_equal(err.message, "JSON, line 3, column 7 (byte 18): expected ':' behind a "
					 "key, found '2'");
	tokens_of(SLICE("[1,\n"), 100, got, sizeof(got), &err);
	assert_string_equal(err.message, "JSON, line 2, column 1 (byte 4): expected a value, found "
					 "the end of the text");
	tokens_of(SLICE("[\"\xff\"]"), 100, got, sizeof(got), &err);
	assert_string_equal(err.message, "JSON, line 1, column 3 (byte 2): expected valid UTF-8, "
					 "found byte 0xff");
}

static void bounds_the_depth(void **state)
{
	char deep[20000], got[30000];
	memset(deep, '[', sizeof(deep));
	memset(deep + 1024, ']', 1024);
	struct error err;
	assert_int_equal(tokens_of((struct slice){deep, 2048}, 5000, got, sizeof(got), &err), 0);
	assert_int_equal(strlen(got), 2048);
	assert_int_equal(tokens_of((struct slice){deep, 2048}, 1023, got, sizeof(got), &err),
			 STATUS_INVALID);
	assert_non_null(strstr(err.message, "nested deeper than 1023 levels"));
	memset(deep, '[', sizeof(deep));
	assert_int_equal(
		tokens_of((struct slice){deep, sizeof(deep)}, 5000, got, sizeof(got), &err),
		STATUS_INVALID);
}

static void tells_objects_from_arrays_at_any_depth(void **state)
{
	struct buf json = BUF_INIT, want = BUF_INIT;
	for (int i = 0; i < 150; i++) {
		buf_append_cstr(&json, i % 3 ? "[" : "{\"k\":");
		buf_append_cstr(&want, i % 3 ? "[" : "{k<k>");
	}
	buf_append_cstr(&json, "1");
	buf_append_cstr(&want, "n<1>");
	for (int i = 149; i >= 0; i--) {
		buf_append_cstr(&json, i % 3 ? "]" : "}");
		buf_append_cstr(&want, i % 3 ? "]" : "}");
	}
	char got[4096];
	struct error err;
	assert_int_equal(tokens_of(buf_slice(&json), 200, got, sizeof(got), &err), 0);
	assert_string_equal(got, buf_cstr(&want));
	buf_release(&json);
	buf_release(&want);
}

static void skips_values(void **state)
{
	struct json_reader r;
	struct arena arena;
	arena_init(&arena, 0); /* skipping needs no memory */
	json_reader_init(&r,
			 SLICE("{\"a\":{\"x\":[1,{\"\\u0041\":\"\\n\"}]},\"b\":2,\"c\":[[],3]}"),
			 &arena, 10);
	assert_int_equal(json_next(&r, NULL), JSON_OBJECT_BEGIN);
	assert_int_equal(json_next(&r, NULL), JSON_KEY);
	assert_int_equal(json_skip(&r, NULL), 0);
	assert_int_equal(json_next(&r, NULL), JSON_KEY);
	assert_memory_equal(r.text.ptr, "b", 1);
	assert_int_equal(json_skip(&r, NULL), 0);
	assert_int_equal(json_next(&r, NULL), JSON_KEY);
	assert_int_equal(json_next(&r, NULL), JSON_ARRAY_BEGIN);
	assert_int_equal(json_skip(&r, NULL), 0);
	assert_int_equal(json_next(&r, NULL), JSON_OBJECT_END);
	assert_int_equal(json_finish(&r, NULL), 0);

	json_reader_init(&r, SLICE("{\"a\":[1,}"), &arena, 10);
	assert_int_equal(json_next(&r, NULL), JSON_OBJECT_BEGIN);
	assert_int_equal(json_skip(&r, NULL), STATUS_INVALID);
}

static void says_when_memory_is_short(void **state)
{
	struct json_reader r;
	struct arena arena;
	struct error err;
	arena_init(&arena, 0);
	json_reader_init(&r, SLICE("\"a\\n\""), &arena, 10);
	assert_int_equal(json_next(&r, &err), STATUS_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_kind),
		cmocka_unit_test(unescapes),
		cmocka_unit_test(replaces_lone_surrogates),
		cmocka_unit_test(keeps_zero_bytes_of_escapes),
		cmocka_unit_test(refuses_what_is_not_json),
		cmocka_unit_test(says_where_and_what),
		cmocka_unit_test(bounds_the_depth),
		cmocka_unit_test(tells_objects_from_arrays_at_any_depth),
		cmocka_unit_test(skips_values),
		cmocka_unit_test(says_when_memory_is_short),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
