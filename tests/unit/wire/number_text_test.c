#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "wire/number_text.h"

static void knows_the_grammar(void **state)
{
	static const char *const good[] = {"0", "-0", "1", "-17", "0.5", "1e5", "1E+05", "12.5e-3"};
	static const char *const bad[] = {"",    "-",  "+1", "01",  ".5",  "5.",  "1e",
					  "1e+", "1 ", " 1", "0x1", "1,5", "inf", "1.2.3"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(number_is_valid(slice_of(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(number_is_valid(slice_of(bad[i])));
}

static void expect_int64(const char *text, int64_t want)
{
	int64_t got = 99;
	assert_true(number_to_int64(slice_of(text), &got));
	assert_int_equal(got, want);
}

static void reads_integers(void **state)
{
	expect_int64("0", 0);
	expect_int64("-0", 0);
	expect_int64("9223372036854775807", INT64_MAX);
	expect_int64("-9223372036854775808", INT64_MIN);
	expect_int64("1e3", 1000);
	expect_int64("2.50e1", 25);
	expect_int64("-1.0", -1);
	expect_int64("100e-2", 1);
	expect_int64("0e99999999999999999999", 0);
	expect_int64("0.000000000000000000000000000001e30", 1);
	expect_int64("1000000000000000000000000000000e-30", 1);
	int64_t i = 0;
	static const char *const not64[] = {"9223372036854775808",
					    "-9223372036854775809",
					    "1e19",
					    "0.5",
					    "12e-1",
					    "1e-400",
					    "1e99999999999999999999",
					    "-1e300"};
	for (size_t n = 0; n < sizeof(not64) / sizeof(not64[0]); n++)
		assert_false(number_to_int64(slice_of(not64[n]), &i));
	uint64_t u = 0;
	assert_true(number_to_uint64(SLICE("18446744073709551615"), &u));
	assert_true(u == UINT64_MAX);
	assert_true(number_to_uint64(SLICE("-0"), &u));
	assert_true(u == 0);
	assert_true(number_to_uint64(SLICE("1.8446744073709551615e19"), &u));
	assert_true(u == UINT64_MAX);
	assert_false(number_to_uint64(SLICE("18446744073709551616"), &u));
	assert_false(number_to_uint64(SLICE("-1"), &u));
}

static void same_bits(double a, double b)
{
	uint64_t x, y;
	memcpy(&x, &a, 8);
	memcpy(&y, &b, 8);
	if (x != y)
		fail_msg("%.17g (%llx) is not %.17g (%llx)", a, (unsigned long long)x, b,
			 (unsigned long long)y);
}

static void reads_doubles(void **state)
{
	same_bits(number_to_double(SLICE("0")), 0.0);
	same_bits(number_to_double(SLICE("-0")), -0.0);
	same_bits(number_to_double(SLICE("-0.0e5")), -0.0);
	same_bits(number_to_double(SLICE("0.1")), 0.1);
	same_bits(number_to_double(SLICE("123456.789e3")), 123456789.0);
	same_bits(number_to_double(SLICE("1.7976931348623157e308")), 1.7976931348623157e308);
	same_bits(number_to_double(SLICE("5e-324")), 0x1p-1074);
	same_bits(number_to_double(SLICE("2.4703282292062327e-324")), 0.0);
	same_bits(number_to_double(SLICE("2.4703282292062328e-324")), 0x1p-1074);
	same_bits(number_to_double(SLICE("9007199254740993")), 9007199254740992.0);
	same_bits(number_to_double(SLICE("9007199254740993.00000000000000000001")),
		  9007199254740994.0);
	assert_true(isinf(number_to_double(SLICE("1e400"))));
	assert_true(number_to_double(SLICE("-1e999999999999999999999")) < -1e308);
	same_bits(number_to_double(SLICE("1e-999999999999999999999")), 0.0);
}

/* A half-way point, then a million zeros, then a one: it must round up. */
static void reads_numbers_of_any_length(void **state)
{
	struct buf text = BUF_INIT;
	buf_append_cstr(&text, "9007199254740993.");
	for (int i = 0; i < 1000000; i++)
		buf_append_byte(&text, '0');
	same_bits(number_to_double(buf_slice(&text)), 9007199254740992.0);
	buf_append_byte(&text, '1');
	same_bits(number_to_double(buf_slice(&text)), 9007199254740994.0);
	buf_clear(&text);
	buf_append_cstr(&text, "0.");
	for (int i = 0; i < 1000000; i++)
		buf_append_byte(&text, '0');
	buf_append_cstr(&text, "25e1000001");
	same_bits(number_to_double(buf_slice(&text)), 2.5);
	buf_release(&text);
}

static void agrees_with_strtod(void **state)
{
	uint64_t seed = 42;
	for (int i = 0; i < 300000; i++) {
		seed = seed * 6364136223846793005 + 1442695040888963407;
		uint64_t bits = seed ^ seed >> 29;
		double d;
		memcpy(&d, &bits, 8);
		if (!isfinite(d))
			continue;
		char text[64];
		snprintf(text, sizeof(text), i % 3 ? "%.17g" : "%.10e", d);
		same_bits(number_to_double(slice_of(text)), strtod(text, NULL));
		snprintf(text, sizeof(text), "%lld.%03u", (long long)(bits >> 30),
			 (unsigned)(bits % 1000));
		same_bits(number_to_double(slice_of(text)), strtod(text, NULL));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_the_grammar),  cmocka_unit_test(reads_integers),
		cmocka_unit_test(reads_doubles),      cmocka_unit_test(reads_numbers_of_any_length),
		cmocka_unit_test(agrees_with_strtod),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
