#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/json_write.h"

static void writes_every_kind(void **state)
{
	struct buf out = BUF_INIT;
	struct json_writer w = {.out = &out};
	json_write_object_begin(&w);
	json_write_key(&w, SLICE("a"));
	json_write_array_begin(&w);
	json_write_int64(&w, INT64_MIN);
	json_write_uint64(&w, UINT64_MAX);
	json_write_uint64(&w, 0);
	json_write_bool(&w, true);
	json_write_bool(&w, false);
	json_write_null(&w);
	json_write_array_begin(&w);
	json_write_array_end(&w);
	json_write_object_begin(&w);
	json_write_object_end(&w);
	json_write_raw(&w, SLICE("[1]"));
	json_write_array_end(&w);
	json_write_key(&w, (struct slice){NULL, 0});
	json_write_string(&w, (struct slice){NULL, 0});
	json_write_object_end(&w);
	assert_string_equal(buf_cstr(&out),
			    "{\"a\":[-9223372036854775808,18446744073709551615,0,true,false,null,"
			    "[],{},[1]],\"\":\"\"}");
	buf_release(&out);
}

static void escapes(void **state)
{
	struct buf out = BUF_INIT;
	struct json_writer w = {.out = &out};
	json_write_string(&w, SLICE("\"\\/\b\f\n\r\t\0\x1f\x7f \u00e9\U0001f600"));
	assert_string_equal(buf_cstr(&out), "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\x7f "
					    "\u00e9\U0001f600\"");
	buf_clear(&out);
	w.comma = false;
	json_write_string(&w, SLICE("a\xff\xc3(\xed\xa0\x80z\xe2\x82"));
	assert_string_equal(buf_cstr(&out), "\"a\ufffd\ufffd(\ufffd\ufffd\ufffdz\ufffd\ufffd\"");
	buf_release(&out);
}

static void expect_double(double value, const char *want)
{
	struct buf out = BUF_INIT;
	struct json_writer w = {.out = &out};
	json_write_double(&w, value);
	assert_string_equal(buf_cstr(&out), want);
	buf_release(&out);
}

static void writes_doubles(void **state)
{
	expect_double(0.1, "0.1");
	expect_double(-0.0, "-0");
	expect_double(NAN, "null");
	expect_double(-INFINITY, "null");
	static const double hard[] = {
		1.7976931348623157e308,  5e-324, 0.1 + 0.2, 1e21, 123456789.123,
		-2.2250738585072014e-308};
	for (size_t i = 0; i < sizeof(hard) / sizeof(hard[0]); i++) {
		struct buf out = BUF_INIT;
		struct json_writer w = {.out = &out};
		json_write_double(&w, hard[i]);
		assert_true(strtod(buf_cstr(&out), NULL) == hard[i]);
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_every_kind),
		cmocka_unit_test(escapes),
		cmocka_unit_test(writes_doubles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
