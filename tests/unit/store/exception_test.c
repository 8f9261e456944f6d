#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/exception.h"

static void finds_the_code(void **state)
{
	assert_int_equal(exception_code_of(SLICE("Code: 60. DB::Exception: x. (UNKNOWN_TABLE)")),
			 60);
	assert_int_equal(exception_code_of(SLICE("Code: 62, e.displayText() = DB::Exception")), 62);
	assert_int_equal(exception_code_of(SLICE("Error: Code: 241. DB::Exception")), 241);
	assert_int_equal(exception_code_of(SLICE("Code: ")), 0);
	assert_int_equal(exception_code_of(SLICE("Code: 12")), 0);
	assert_int_equal(exception_code_of(SLICE("Code: x.")), 0);
	assert_int_equal(exception_code_of(SLICE("")), 0);
	assert_int_equal(exception_code_of(SLICE("Code: 99999999999999. x")), 0);
}

static void blames_only_rows(void **state)
{
	static const int data[] = {6, 26, 27, 33, 38, 41, 53, 72, 117, 349, 469};
	static const int passing[] = {60,  81,  115, 159, 164, 202, 210, 241,   242,
				      243, 252, 285, 394, 439, 516, 0,   123456};
	for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++)
		assert_int_equal(exception_outcome(data[i]), STORE_REFUSED);
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		assert_int_equal(exception_outcome(passing[i]), STORE_NOT_STORED);
	assert_int_equal(exception_outcome(319), STORE_UNKNOWN);
	assert_int_equal(exception_outcome(999), STORE_UNKNOWN);
}

/* The look-up halves the table: every entry must be found, so it must be in order. */
static void table_is_in_order(void **state)
{
	unsigned named = 0;
	for (int code = 1; code < 1100; code++)
		named += exception_name(code)[0] != '\0';
	assert_true(named > 100);
	assert_string_equal(exception_name(1), "UNSUPPORTED_METHOD");
	assert_string_equal(exception_name(1002), "UNKNOWN_EXCEPTION");
	assert_string_equal(exception_name(EXCEPTION_TOO_MANY_QUERIES),
			    "TOO_MANY_SIMULTANEOUS_QUERIES");
	assert_string_equal(exception_name(3), "");
}

static void maps_to_http(void **state)
{
	assert_int_equal(exception_http_status(60), 404);
	assert_int_equal(exception_http_status(62), 400);
	assert_int_equal(exception_http_status(48), 501);
	assert_int_equal(exception_http_status(159), 408);
	assert_int_equal(exception_http_status(241), 500);
	assert_int_equal(exception_http_status(497), 403);
	assert_int_equal(exception_http_status(987654), 500);
	assert_int_equal(exception_status(60), STATUS_NOT_FOUND);
	assert_int_equal(exception_status(987654), STATUS_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_code),
		cmocka_unit_test(blames_only_rows),
		cmocka_unit_test(table_is_in_order),
		cmocka_unit_test(maps_to_http),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
