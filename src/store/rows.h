/*
 * Batches to Native blocks. Rows are put, in the batch's order, into the block of their
 * table and partition, which the caller provides.
 */
#ifndef TRIPOD_STORE_ROWS_H
#define TRIPOD_STORE_ROWS_H

#include <stdint.h>

#include "base/status.h"
#include "store/tables.h"
#include "telemetry/batch.h"

struct metric_batch; /* telemetry/metric_batch.h */
struct native_block; /* wire/native.h */
struct series_seen; /* store/series_seen.h */

struct row_blocks {
	/*
	 * The open block of `table` for partition `day` (days since 1970-01-01, UTC); NULL when no
	 * more memory may be used. The pointer is valid until the next call of get.
	 */
	struct native_block *(*get)(void *ctx, enum table table, uint32_t day);
	void *ctx;
};

/* 0 or LIMIT (then some rows may have been added: throw the blocks away). */
int log_rows_append(const struct log_batch *batch, const struct row_blocks *blocks,
		    struct error *err);
int span_rows_append(const struct span_batch *batch, const struct row_blocks *blocks,
		     struct error *err);

/* Flags of otel_metrics_samples and otel_metrics_exponential. Bit 0 is SAMPLE_DELTA. */
#define METRIC_ROW_STALE 2 /* these of exponential only: a stale marker, */
#define METRIC_ROW_SUM 4 /* which of the optional fields were sent */
#define METRIC_ROW_MIN 8
#define METRIC_ROW_MAX 16

/*
 * Samples of delta temporality are stored as they are, marked by their flag: they should have
 * been added up before. Rows of series and metadata are left out when `seen` (may be NULL) has
 * them for that day; on LIMIT it is emptied, since blocks are thrown away.
 */
int metric_rows_append(const struct metric_batch *batch, const struct row_blocks *blocks,
		       struct series_seen *seen, struct error *err);

#endif
