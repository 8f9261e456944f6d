/*
 * Memory for one request, batch or query: allocated in pieces, freed at once, with a
 * byte budget. Going over the budget is NULL (report STATUS_LIMIT), never an abort.
 * Not thread-safe: one owner at a time.
 */
#ifndef TRIPOD_BASE_ARENA_H
#define TRIPOD_BASE_ARENA_H

#include <stddef.h>

#include "base/slice.h"

struct arena_block;

struct arena {
	struct arena_block *head;
	char *next, *end;
	size_t used; /* bytes taken from the system */
	size_t budget; /* upper bound of `used` */
};

void arena_init(struct arena *arena, size_t budget);
void arena_release(struct arena *arena);
/* Empties the arena for reuse; keeps its largest block, already touched. */
void arena_clear(struct arena *arena);

/* Memory aligned to 16 bytes, uninitialised; NULL when over budget or out of memory. */
void *arena_alloc(struct arena *arena, size_t size);
/* Room for `count` items of `size` bytes; NULL also when the product overflows. */
void *arena_array(struct arena *arena, size_t count, size_t size);
/* A copy of `s` with a terminating zero; NULL as above. */
char *arena_strdup(struct arena *arena, struct slice s);

#endif
