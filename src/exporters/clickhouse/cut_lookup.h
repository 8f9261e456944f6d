/* What the store has of a cut. */
#ifndef TRIPOD_EXPORTERS_CLICKHOUSE_CUT_LOOKUP_H
#define TRIPOD_EXPORTERS_CLICKHOUSE_CUT_LOOKUP_H

#include <stdint.h>

#include "base/status.h"
#include "exporters/clickhouse/open_cut.h"

/* Rows of one cut id in one partition. */
struct stored_rows {
	uint32_t day;
	uint64_t rows;
};

/*
 * AGAIN while the store still runs an INSERT of cut `id` (its outcome is not known then), or
 * cannot be asked; 0 when there is none any more.
 */
int cut_wait_idle(const struct open_cut_options *options, uint64_t id, struct error *err);

/* The partitions of `table` with rows of cut `id`; *out is the caller's to free. */
int cut_lookup(const struct open_cut_options *options, enum table table, uint64_t id,
	       struct stored_rows **out, uint32_t *count, struct error *err);

/* Removes the rows of cut `id` from a partition: only part of them is there. */
int cut_remove(const struct open_cut_options *options, enum table table, uint64_t id, uint32_t day,
	       struct error *err);

#endif
