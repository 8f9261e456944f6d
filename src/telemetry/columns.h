/* Arrays in an arena that grow together: the columns of a batch. */
#ifndef TRIPOD_TELEMETRY_COLUMNS_H
#define TRIPOD_TELEMETRY_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct growing_column {
	void *array; /* address of the array's pointer */
	size_t size; /* of an element */
};

/*
 * At least doubles `*capacity`, keeping the first `used` elements of each column. The old
 * arrays stay in the arena until it is cleared. False when over budget; all columns are
 * then as they were.
 */
bool columns_grow(struct arena *arena, const struct growing_column *columns, size_t count,
		  uint32_t used, uint32_t *capacity);

#endif
