/*
 * Which series were written to the series table for which day, so that a series is written
 * about once a day and not with each of its samples. It forgets: what it has forgotten, and
 * all of it after a restart, is written again, which changes nothing in the table. It never
 * says 'seen' of what was not (but for a collision of 64 bits).
 *
 * Belongs to one writer, whose blocks are retried until they are stored: a series counts as
 * seen when its row is in a block, not when that is stored. Not thread-safe.
 */
#ifndef TRIPOD_STORE_SERIES_SEEN_H
#define TRIPOD_STORE_SERIES_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "telemetry/metric_batch.h"

struct series_seen;

/* Remembers about `series` of them, in 8 to 16 bytes each. NULL when out of memory. */
struct series_seen *series_seen_new(size_t series);
/* Accepts NULL. */
void series_seen_free(struct series_seen *seen);
/* True the first time for `id` and `day`. */
bool series_seen_add(struct series_seen *seen, struct series_id id, uint32_t day);
/* Forgets all, for when blocks are thrown away. */
void series_seen_clear(struct series_seen *seen);

#endif
