/* What the fuzzers of logs and spans do with a decoded batch: blocks of it, written whole and in two slices. */
#ifndef TRIPOD_TESTS_FUZZ_ROWS_H
#define TRIPOD_TESTS_FUZZ_ROWS_H

#include <stdlib.h>
#include <string.h>

#include "base/chunk.h"
#include "store/rows.h"
#include "wire/native.h"

#define FUZZ_EXPECT(condition)                                                                     \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

/* One block a table, whatever the day. */
static struct native_block *fuzz_blocks[TABLE_COUNT];

static struct native_block *fuzz_get(void *ctx, enum table table, uint32_t day)
{
	if (!fuzz_blocks[table]) {
		const struct table_info *info = table_info(table);
		fuzz_blocks[table] = native_block_new(info->columns, info->column_count);
	}
	return fuzz_blocks[table];
}

static void fuzz_write_and_clear(void)
{
	for (int i = 0; i < TABLE_COUNT; i++) {
		if (!fuzz_blocks[i])
			continue;
		struct buf out = BUF_INIT;
		size_t rows = native_block_rows(fuzz_blocks[i]);
		native_block_write(fuzz_blocks[i], &out);
		FUZZ_EXPECT((out.len > 0) == (rows > 0));
		buf_clear(&out);
		native_block_write_rows(fuzz_blocks[i], 0, rows / 2, &out);
		native_block_write_rows(fuzz_blocks[i], rows / 2, rows, &out);
		FUZZ_EXPECT(!out.failed);
		buf_release(&out);
		native_block_clear(fuzz_blocks[i]);
	}
}

/* The input with just the padding that the decoder may read; to be freed. */
static char *fuzz_pad(const uint8_t *data, size_t size)
{
	char *bytes = malloc(size + CHUNK_PADDING);
	FUZZ_EXPECT(bytes);
	if (size)
		memcpy(bytes, data, size);
	memset(bytes + size, 0x81, CHUNK_PADDING);
	return bytes;
}

#endif
