#include "base/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_distance(void **state)
{
	assert_int_equal(edit_distance("", ""), 0);
	assert_int_equal(edit_distance("", "abc"), 3);
	assert_int_equal(edit_distance("abc", "abc"), 0);
	assert_int_equal(edit_distance("ABC", "abc"), 0);
	assert_int_equal(edit_distance("otpl", "otlp"), 1); /* two swapped */
	assert_int_equal(edit_distance("endpont", "endpoint"), 1);
	assert_int_equal(edit_distance("kitten", "sitting"), 3);
	char longer[100];
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(edit_distance(longer, "x"), sizeof(longer) - 1);
}

static const char *nearest(const char *word)
{
	static const char *const known[] = {"endpoint", "tls",  "timeout",
					    "headers",  "otlp", "otlphttp"};
	struct suggestion suggestion;
	suggestion_init(&suggestion, word);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		suggestion_offer(&suggestion, known[i]);
	return suggestion.best ? suggestion.best : "";
}

static void test_suggestions(void **state)
{
	assert_string_equal(nearest("endpont"), "endpoint");
	assert_string_equal(nearest("tsl"), "tls");
	assert_string_equal(nearest("otpl"), "otlp");
	assert_string_equal(nearest("time_out"), "timeout");
	assert_string_equal(nearest("database"), "");
	assert_string_equal(nearest("x"), "");
	assert_string_equal(nearest(""), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_distance),
		cmocka_unit_test(test_suggestions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
