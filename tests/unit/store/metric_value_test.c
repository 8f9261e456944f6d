#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/metric_value.h"

static uint64_t bits_of(double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static void expect(double value, int64_t mantissa, int exponent)
{
	struct metric_value v = metric_value_of(value);
	assert_int_equal(v.mantissa, mantissa);
	assert_int_equal(v.exponent, exponent);
	assert_true(bits_of(metric_value_double(v)) == bits_of(value));
}

static void expect_raw(uint64_t bits)
{
	double value;
	memcpy(&value, &bits, sizeof(value));
	struct metric_value v = metric_value_of(value);
	assert_int_equal(v.exponent, METRIC_VALUE_RAW);
	assert_true((uint64_t)v.mantissa == bits);
	assert_true(bits_of(metric_value_double(v)) == bits);
}

static void values_are_small_decimals(void **state)
{
	expect(0, 0, 0);
	expect(1500, 1500, 0);
	expect(-7, -7, 0);
	expect(0.1, 1, -1);
	expect(-2.25, -225, -2);
	expect(99.99, 9999, -2);
	expect(1e-9, 1, -9);
	expect(1.5e-10, 15, -11);
	expect(0x1p53, 9007199254740992, 0);
	expect(1e20, 1000000000000000, 5);
	expect(1e22, 1000000000000000, 7);
	expect(1234567.891, 1234567891, -3);
	expect(1.0 / 3, 3333333333333333, -16);
}

static void everything_else_is_raw(void **state)
{
	expect_raw(bits_of(-0.0));
	expect_raw(bits_of(INFINITY));
	expect_raw(bits_of(-INFINITY));
	expect_raw(bits_of(NAN));
	expect_raw(UINT64_C(0x7ff0000000000002)); /* Prometheus' stale marker: a signalling NaN */
	expect_raw(UINT64_C(0xfff8000000abcdef));
	expect_raw(bits_of(5e-324));
	expect_raw(bits_of(1.7976931348623157e308));
	expect_raw(bits_of(0.1 + 0.2)); /* 17 digits */
}

static void expect_aligned(double value, int exponent, int64_t mantissa, int want)
{
	struct metric_value v = metric_value_align(metric_value_of(value), exponent);
	assert_int_equal(v.mantissa, mantissa);
	assert_int_equal(v.exponent, want);
	assert_true(bits_of(metric_value_double(v)) == bits_of(value));
}

static void values_are_aligned_where_they_fit(void **state)
{
	expect_aligned(2, -2, 200, -2);
	expect_aligned(0, -6, 0, -6);
	expect_aligned(-1.5, -2, -150, -2);
	expect_aligned(1.25, -2, 125, -2);
	expect_aligned(1.25, -1, 125, -2);
	expect_aligned(1.25, 0, 125, -2);
	expect_aligned(0x1p53, -1, INT64_C(1) << 53, 0); /* would not be exact any more */
	expect_aligned(1e20, -2, 1000000000000000, 5);
	struct metric_value raw = metric_value_align(metric_value_of(-0.0), -2);
	assert_int_equal(raw.exponent, METRIC_VALUE_RAW);
}

/* Whatever the bits, they come back. */
static void every_double_comes_back(void **state)
{
	uint64_t x = 88172645463325252;
	for (int i = 0; i < 2000000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		double value;
		if (i % 4 == 0)
			memcpy(&value, &x, sizeof(value));
		else if (i % 4 == 1)
			value = (double)(int64_t)x / 1e6;
		else if (i % 4 == 2)
			value = (double)(x >> 44) / 1000;
		else
			value = (double)(x >> 20) * 1e-5;
		struct metric_value v = metric_value_of(value);
		if (bits_of(metric_value_double(v)) != bits_of(value))
			fail_msg("%.17g does not come back", value);
		struct metric_value aligned = metric_value_align(v, -(i % 10));
		if (bits_of(metric_value_double(aligned)) != bits_of(value))
			fail_msg("%.17g does not come back when aligned", value);
		assert_true(v.exponent == METRIC_VALUE_RAW ||
			    (llabs(v.mantissa) <= (INT64_C(1) << 53) && abs(v.exponent) <= 22));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_small_decimals),
		cmocka_unit_test(everything_else_is_raw),
		cmocka_unit_test(values_are_aligned_where_they_fit),
		cmocka_unit_test(every_double_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
