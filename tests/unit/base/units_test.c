#include "base/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
		const char *again;
	} cases[] = {
		{"200ms", 200000000, "200ms"},
		{"1m30s", 90000000000, "1m30s"},
		{"1.5h", 5400000000000, "1h30m"},
		{"7d", 604800000000000, "7d"},
		{"1w", 604800000000000, "7d"},
		{"0", 0, "0s"},
		{"0s", 0, "0s"},
		{"10us", 10000, "10us"},
		{"10\xc2\xb5s", 10000, "10us"},
		{"1ns", 1, "1ns"},
		{".5s", 500000000, "500ms"},
		{"0.000000001s", 1, "1ns"},
		{"292y", -1, NULL},
		{"30", -1, NULL},
		{"", -1, NULL},
		{"5 seconds", -1, NULL},
		{"s", -1, NULL},
		{"-1s", -1, NULL},
		{"1s ", -1, NULL},
		{"1S", -1, NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t ns = -1;
		char text[UNITS_TEXT];
		int rc = duration_parse(&ns, slice_of(cases[i].text));
		assert_int_equal(rc, cases[i].ns < 0 ? STATUS_INVALID : 0);
		assert_int_equal(ns, cases[i].ns);
		if (cases[i].again)
			assert_string_equal(duration_format(text, ns), cases[i].again);
	}
}

static void test_overflow(void **state)
{
	int64_t ns = 7;
	uint64_t bytes = 7;
	assert_int_equal(duration_parse(&ns, SLICE("106752d")), STATUS_LIMIT);
	assert_int_equal(duration_parse(&ns, SLICE("99999999999999999999999s")), STATUS_LIMIT);
	assert_int_equal(duration_parse(&ns, SLICE("106751d106751d")), STATUS_LIMIT);
	assert_int_equal(ns, 7);
	assert_int_equal(bytes_parse(&bytes, SLICE("9223372036854775808"), 1), STATUS_LIMIT);
	assert_int_equal(bytes_parse(&bytes, SLICE("99999999 TiB"), 1), STATUS_LIMIT);
	assert_int_equal(bytes, 7);
	assert_int_equal(bytes_parse(&bytes, SLICE("9223372036854775807"), 1), 0);
	assert_int_equal(bytes, INT64_MAX);
}

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t unit, bytes;
		const char *again;
	} cases[] = {
		{"64MiB", 1, 64 << 20, "64MiB"},
		{"4 GB", 1, 4000000000, "3906250KiB"},
		{"1.5GiB", 1, 1610612736, "1536MiB"},
		{"512", 1, 512, "512"},
		{"4", 1 << 20, 4 << 20, "4MiB"},
		{"4KiB", 1 << 20, 4096, "4KiB"},
		{"64mib", 1, 64 << 20, "64MiB"},
		{"2Gi", 1, UINT64_C(2) << 30, "2GiB"},
		{"1kB", 1, 1000, "1000"},
		{"0", 1, 0, "0"},
		{"8TiB", 1, UINT64_C(8) << 40, "8TiB"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t bytes;
		char text[UNITS_TEXT];
		assert_int_equal(bytes_parse(&bytes, slice_of(cases[i].text), cases[i].unit), 0);
		assert_int_equal(bytes, cases[i].bytes);
		assert_string_equal(bytes_format(text, bytes), cases[i].again);
	}
	static const char *const wrong[] = {"", "MiB", "4 MBs", "-1", "4 M", "4MiB ", "1e3", "K"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint64_t bytes;
		assert_int_equal(bytes_parse(&bytes, slice_of(wrong[i]), 1), STATUS_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
