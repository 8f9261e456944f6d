#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "wire/double_text.h"

static const char *text_of(double value)
{
	static char text[NUMBER_TEXT_MAX + 1];
	size_t len = double_text(value, text);
	assert_true(len <= NUMBER_TEXT_MAX);
	text[len] = '\0';
	return text;
}

static double from_bits(uint64_t bits)
{
	double value;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static void has_the_documented_layout(void **state)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{0, "0"},
		{-0.0, "-0"},
		{1, "1"},
		{-1, "-1"},
		{0.1, "0.1"},
		{100, "100"},
		{0.3, "0.3"},
		{0.1 + 0.2, "0.30000000000000004"},
		{637.704, "637.704"},
		{1e-6, "0.000001"},
		{1.5e-7, "1.5e-7"},
		{1e-7, "1e-7"},
		{123456.789e-10, "0.0000123456789"},
		{1e20, "100000000000000000000"},
		{1e21, "1e21"},
		{123456789012345678901.0, "123456789012345680000"},
		{9007199254740991.0, "9007199254740991"},
		{9007199254740992.0, "9007199254740992"},
		{9007199254740994.0, "9007199254740994"},
		{1.7976931348623157e308, "1.7976931348623157e308"},
		{2.2250738585072014e-308, "2.2250738585072014e-308"},
		{2.225073858507201e-308, "2.225073858507201e-308"},
		{5e-324, "5e-324"},
		{-5e-324, "-5e-324"},
		{1e23, "1e23"},
		{9.5367431640625e-7, "9.5367431640625e-7"},
		/* just above a power of two, where doubles below are denser */
		{5.684341886080801e-14, "5.684341886080801e-14"},
		{9007199254740996.0, "9007199254740996"},
		{4.35, "4.35"},
		{INFINITY, "Infinity"},
		{-INFINITY, "-Infinity"},
		{NAN, "NaN"},
		{-NAN, "NaN"},
		{2.98023223876953125e-8, "2.9802322387695312e-8"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(text_of(cases[i].value), cases[i].text);
}

/* How many significant digits a text has. */
static int digits_of(const char *text)
{
	int digits = 0, zeroes = 0;
	for (; *text && *text != 'e'; text++) {
		if (*text == '0') {
			zeroes += digits > 0;
		} else if (*text >= '1' && *text <= '9') {
			digits += zeroes + 1;
			zeroes = 0;
		}
	}
	return digits;
}

static void check_shortest(double value)
{
	char text[NUMBER_TEXT_MAX + 1], other[64];
	memcpy(text, text_of(value), sizeof(text));
	double back = strtod(text, NULL);
	assert_memory_equal(&back, &value, sizeof(value));
	int digits = digits_of(text);
	assert_in_range(digits, 1, 17);
	if (digits == 1)
		return;
	/* One digit less must not do. (Rounded to the nearest, so a lucky neighbour is not seen.) */
	snprintf(other, sizeof(other), "%.*e", digits - 2, value);
	double worse = strtod(other, NULL);
	assert_memory_not_equal(&worse, &value, sizeof(value));
	/* And of that many digits it is the nearest, when the nearest reads back at all. */
	snprintf(other, sizeof(other), "%.*e", digits - 1, value);
	if (strtod(other, NULL) == value) {
		long double ours = strtold(text, NULL), nearest = strtold(other, NULL);
		assert_true(fabsl(ours - value) <= fabsl(nearest - value));
	}
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void any_double_reads_back_and_is_shortest(void **state)
{
	uint64_t random = 88172645463325252;
	for (int i = 0; i < 200000; i++) {
		double value = from_bits(next_random(&random));
		if (isfinite(value) && value != 0)
			check_shortest(value);
	}
}

static void every_exponent_reads_back(void **state)
{
	for (uint64_t exponent = 0; exponent < 2047; exponent++) {
		for (uint64_t fraction = 0; fraction < 4; fraction++) {
			uint64_t bits = exponent << 52;
			if (bits | fraction)
				check_shortest(from_bits(bits | fraction));
			check_shortest(from_bits(bits | (UINT64_C(0xfffffffffffff) - fraction)));
		}
	}
}

static void decimals_keep_their_digits(void **state)
{
	uint64_t random = 362436069;
	for (int i = 0; i < 100000; i++) {
		char expected[40];
		unsigned whole = (unsigned)(next_random(&random) % 1000000);
		unsigned part = (unsigned)(next_random(&random) % 9000) * 10 + 1;
		snprintf(expected, sizeof(expected), "%u.%05u", whole, part);
		assert_string_equal(text_of(strtod(expected, NULL)), expected);
	}
}

static void integers(void **state)
{
	static const struct {
		int64_t value;
		const char *text;
	} cases[] = {
		{0, "0"},
		{7, "7"},
		{-7, "-7"},
		{10, "10"},
		{99, "99"},
		{100, "100"},
		{-12345, "-12345"},
		{INT64_MAX, "9223372036854775807"},
		{INT64_MIN, "-9223372036854775808"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[NUMBER_TEXT_MAX + 1];
		text[int64_text(cases[i].value, text)] = '\0';
		assert_string_equal(text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_the_documented_layout),
		cmocka_unit_test(any_double_reads_back_and_is_shortest),
		cmocka_unit_test(every_exponent_reads_back),
		cmocka_unit_test(decimals_keep_their_digits),
		cmocka_unit_test(integers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
