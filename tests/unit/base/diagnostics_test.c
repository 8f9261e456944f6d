#include "base/diagnostics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct source file = {"a.yaml", {"first\n\tsecond: x\r\nthird", 23}, false};
static const struct source flag = {"--set a=b", {"b", 1}, true};

static void test_print(void **state)
{
	struct arena arena;
	struct diagnostics diagnostics;
	struct buf text = BUF_INIT;
	arena_init(&arena, 1 << 20);
	diagnostics_init(&diagnostics, &arena);
	diagnostics_add(&diagnostics, SEVERITY_WARNING, (struct position){&file, 3, 1}, "", "last")
		->help = "one\ntwo";
	diagnostics_add(&diagnostics, SEVERITY_ERROR, (struct position){&flag, 1, 1}, "x", "set");
	diagnostics_add(&diagnostics, SEVERITY_ERROR, (struct position){&file, 2, 10}, "b",
			"found %d", 7);
	diagnostics_add(&diagnostics, SEVERITY_ERROR, (struct position){&file, 1, 1}, "p", "secret")
		->unquoted = true;
	diagnostics_print(&diagnostics, &text, false);
	assert_string_equal(buf_cstr(&text), "a.yaml:1:1: p: secret\n"
					     "a.yaml:2:10: b: found 7\n"
					     "    2 |  second: x\n"
					     "      |          ^\n"
					     "a.yaml:3:1: warning: last\n"
					     "    3 | third\n"
					     "      | ^\n"
					     "      = one\n"
					     "        two\n"
					     "--set a=b: x: set\n");
	assert_int_equal(diagnostics.errors, 3);
	assert_int_equal(diagnostics.warnings, 1);
	buf_clear(&text);
	diagnostics_print(&diagnostics, &text, true);
	assert_non_null(strstr(buf_cstr(&text), "\033[1;31mb: \033[0mfound 7"));
	buf_release(&text);
	arena_release(&arena);
}

static void test_many(void **state)
{
	struct arena arena;
	struct diagnostics diagnostics;
	struct buf text = BUF_INIT;
	arena_init(&arena, 1 << 20);
	diagnostics_init(&diagnostics, &arena);
	for (unsigned i = 0; i < DIAGNOSTICS_KEPT + 5; i++)
		diagnostics_add(&diagnostics, SEVERITY_ERROR, (struct position){0}, "", "n");
	assert_int_equal(diagnostics.errors, DIAGNOSTICS_KEPT + 5);
	diagnostics_print(&diagnostics, &text, false);
	assert_non_null(strstr(buf_cstr(&text), "... and 5 more\n"));
	buf_release(&text);
	arena_release(&arena);
}

static void test_full_arena(void **state)
{
	struct arena arena;
	struct diagnostics diagnostics;
	arena_init(&arena, 0);
	diagnostics_init(&diagnostics, &arena);
	assert_non_null(
		diagnostics_add(&diagnostics, SEVERITY_ERROR, (struct position){0}, "", "n"));
	assert_int_equal(diagnostics.errors, 1);
	assert_string_equal(diagnostics_text(&diagnostics, "x"), "");
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_full_arena),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
