#include "telemetry/columns.h"

#include <string.h>

#define FIRST_CAPACITY 64

bool columns_grow(struct arena *arena, const struct growing_column *columns, size_t count,
		  uint32_t used, uint32_t *capacity)
{
	if (*capacity > UINT32_MAX / 2)
		return false;
	uint32_t larger = *capacity ? 2 * *capacity : FIRST_CAPACITY;
	size_t bytes = 0;
	for (size_t i = 0; i < count; i++)
		bytes += ((size_t)larger * columns[i].size + 15) & ~(size_t)15;
	char *memory = arena_alloc(arena, bytes);
	if (!memory)
		return false;
	for (size_t i = 0; i < count; i++) {
		void *old;
		memcpy(&old, columns[i].array, sizeof(old));
		if (used)
			memcpy(memory, old, used * columns[i].size);
		memcpy(columns[i].array, &memory, sizeof(memory));
		memory += ((size_t)larger * columns[i].size + 15) & ~(size_t)15;
	}
	*capacity = larger;
	return true;
}
