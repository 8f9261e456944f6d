/* Rewrites a query so that it does not depend on the time at which it runs. */
#ifndef PROMQLTEST_AT_REWRITE_H
#define PROMQLTEST_AT_REWRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

/*
 * Gives each selector and subquery without a time after @ the time `ms`, those within a
 * subquery left out. False: a function in it depends on the time all the same, or the query
 * cannot be parsed.
 */
bool at_rewrite(struct buf *out, struct arena *arena, struct slice query, int64_t ms);

#endif
