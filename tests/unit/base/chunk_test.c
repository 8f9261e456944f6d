#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/chunk.h"

static void returns_memory_to_the_pool(void **state)
{
	struct chunk_pool *pool = chunk_pool_new(1 << 20);
	struct chunk *a = chunk_new(pool, 10000);
	assert_true(a->capacity >= 10000);
	assert_int_equal(chunk_pool_in_use(pool), a->capacity);
	char *data = a->data;
	chunk_unref(chunk_ref(a));
	chunk_unref(a);
	assert_int_equal(chunk_pool_in_use(pool), 0);
	struct chunk *b = chunk_new(pool, 9000);
	assert_ptr_equal(b->data, data);
	chunk_unref(b);
	chunk_pool_free(pool);
}

static void grows_and_keeps_content(void **state)
{
	struct chunk_pool *pool = chunk_pool_new(0);
	struct chunk *c = chunk_new(pool, 10);
	memcpy(c->data, "abc", 3);
	c->len = 3;
	c = chunk_grow(c, 200000);
	assert_memory_equal(c->data, "abc", 3);
	assert_int_equal(c->len, 3);
	c->data[3] = 'x';
	chunk_seal(c);
	for (int i = 0; i < CHUNK_PADDING; i++)
		assert_int_equal(c->data[3 + i], 0);
	chunk_unref(c);
	chunk_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(returns_memory_to_the_pool),
		cmocka_unit_test(grows_and_keeps_content),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
