/* The first byte chooses the coding; the rest is a body, decoded with a small limit. */
#include <stdint.h>
#include <stdlib.h>

#include "wire/compress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct chunk_pool *pool;
	if (!pool)
		pool = chunk_pool_new((size_t)1 << 22);
	if (size == 0)
		return 0;
	size_t limit = 100000;
	struct chunk *chunk = NULL;
	struct slice body = {(const char *)data + 1, size - 1};
	enum compress_encoding encoding = (enum compress_encoding)(data[0] & 3);
	if (compress_decode(&chunk, pool, encoding, body, limit, NULL) == 0 && chunk->len > limit)
		abort();
	chunk_unref(chunk);
	if (chunk_pool_in_use(pool))
		abort();
	return 0;
}
