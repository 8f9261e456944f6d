#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>

#define ALIGNMENT 16
#define FIRST_BLOCK ((size_t)16 << 10)
#define LARGEST_STEP ((size_t)1 << 20)

struct arena_block {
	struct arena_block *previous;
	size_t size; /* of the whole block */
};

#define HEADER ((sizeof(struct arena_block) + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1))

void arena_init(struct arena *arena, size_t budget)
{
	*arena = (struct arena){.budget = budget};
}

void arena_release(struct arena *arena)
{
	struct arena_block *block = arena->head;
	while (block) {
		struct arena_block *previous = block->previous;
		free(block);
		block = previous;
	}
	arena_init(arena, arena->budget);
}

void arena_clear(struct arena *arena)
{
	struct arena_block *keep = NULL;
	struct arena_block *block = arena->head;
	while (block) {
		struct arena_block *previous = block->previous;
		if (!keep || block->size > keep->size) {
			free(keep);
			keep = block;
		} else {
			free(block);
		}
		block = previous;
	}
	arena_init(arena, arena->budget);
	if (!keep)
		return;
	keep->previous = NULL;
	arena->head = keep;
	arena->next = (char *)keep + HEADER;
	arena->end = (char *)keep + keep->size;
	arena->used = keep->size;
}

static int add_block(struct arena *arena, size_t size)
{
	size_t want = arena->used ? arena->used : FIRST_BLOCK;
	if (want > LARGEST_STEP)
		want = LARGEST_STEP;
	if (size > SIZE_MAX - HEADER)
		return -1;
	if (want < size + HEADER)
		want = size + HEADER;
	if (arena->used > arena->budget || want > arena->budget - arena->used) {
		want = size + HEADER;
		if (arena->used > arena->budget || want > arena->budget - arena->used)
			return -1;
	}
	struct arena_block *block = malloc(want);
	if (!block)
		return -1;
	block->previous = arena->head;
	block->size = want;
	arena->head = block;
	arena->next = (char *)block + HEADER;
	arena->end = (char *)block + want;
	arena->used += want;
	return 0;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	if (size > SIZE_MAX - ALIGNMENT)
		return NULL;
	size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if ((size_t)(arena->end - arena->next) < size || !arena->next) {
		if (add_block(arena, size) < 0)
			return NULL;
	}
	void *p = arena->next;
	arena->next += size;
	return p;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		return NULL;
	return arena_alloc(arena, count * size);
}

char *arena_strdup(struct arena *arena, struct slice s)
{
	char *p = arena_alloc(arena, s.len + 1);
	if (!p)
		return NULL;
	if (s.len)
		memcpy(p, s.ptr, s.len);
	p[s.len] = '\0';
	return p;
}
