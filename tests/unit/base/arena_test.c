#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static void gives_aligned_distinct_memory(void **state)
{
	struct arena arena;
	arena_init(&arena, 1 << 20);
	char *a = arena_alloc(&arena, 3);
	char *b = arena_alloc(&arena, 100000);
	assert_non_null(a);
	assert_non_null(b);
	assert_int_equal((uintptr_t)a % 16, 0);
	assert_int_equal((uintptr_t)b % 16, 0);
	memset(a, 1, 3);
	memset(b, 2, 100000);
	assert_int_equal(a[2], 1);
	arena_release(&arena);
}

static void refuses_beyond_the_budget(void **state)
{
	struct arena arena;
	arena_init(&arena, 4096);
	assert_non_null(arena_alloc(&arena, 1000));
	assert_null(arena_alloc(&arena, 4096));
	assert_null(arena_array(&arena, SIZE_MAX / 2, 4));
	arena_release(&arena);
}

static void clear_keeps_one_block_and_the_budget(void **state)
{
	struct arena arena;
	arena_init(&arena, 1 << 20);
	for (int i = 0; i < 10; i++)
		assert_non_null(arena_alloc(&arena, 50000));
	arena_clear(&arena);
	assert_true(arena.used > 0 && arena.used <= 600000);
	assert_int_equal(arena.budget, 1 << 20);
	assert_non_null(arena_alloc(&arena, 100));
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_aligned_distinct_memory),
		cmocka_unit_test(refuses_beyond_the_budget),
		cmocka_unit_test(clear_keeps_one_block_and_the_budget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
