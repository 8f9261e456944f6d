/*
 * ClickHouse's Native format: blocks of columns, built in memory column by column.
 *
 * Source: ClickHouse's documentation of the format, SerializationLowCardinality and
 * SerializationMap; see the notes in native.c. A block repeats its dictionaries, so
 * blocks stand alone and may be concatenated. How columns are filled: wire/native_column.h.
 */
#ifndef TRIPOD_WIRE_NATIVE_H
#define TRIPOD_WIRE_NATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

/* A column of a table: what its CREATE and the header of its blocks say. */
struct column {
	const char *name;
	const char *type; /* ClickHouse type, as in the Native header */
	const char *codec; /* "" or "CODEC(...)" */
};

struct native_block;

/*
 * A block for `columns` (store/tables.h gives name and type of each), which must outlive it.
 * NULL when out of memory or when a type is not one of wire/native_column.h.
 */
struct native_block *native_block_new(const struct column *columns, size_t count);
/* Accepts NULL. */
void native_block_free(struct native_block *block);
/* Empties the block, keeps its memory. */
void native_block_clear(struct native_block *block);
/* The value of the column CutId, if there is one, in every row. */
void native_block_set_cut_id(struct native_block *block, uint64_t cut_id);

size_t native_block_rows(const struct native_block *block);
/* About the bytes that native_block_write will write. */
size_t native_block_bytes(const struct native_block *block);
/* Memory ran out while it was filled: it must be cleared, not written. */
bool native_block_failed(const struct native_block *block);
/* Appends the block in Native format to `out`. A block without rows appends nothing. */
void native_block_write(const struct native_block *block, struct buf *out);
/*
 * The same bytes, in pieces, without a copy of the whole: each goes to `write`, whose
 * first result that is not 0 ends it and is returned. NO_MEMORY when there is none.
 */
typedef int native_write_fn(void *ctx, struct slice bytes, struct error *err);
int native_block_send(const struct native_block *block, native_write_fn *write, void *ctx,
		      struct error *err);
/* As native_block_write, only rows [from, to). For splitting a block that the store refused. */
void native_block_write_rows(const struct native_block *block, size_t from, size_t to,
			     struct buf *out);

#endif
