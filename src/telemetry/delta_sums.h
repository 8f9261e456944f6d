/*
 * Deltas to running sums: samples of delta temporality become cumulative ones, as
 * OpenTelemetry's data model says ("Sums: Delta-to-Cumulative") and the collector's
 * deltatocumulative processor does it.
 *
 * - The first delta of a series begins a sum, which starts when that delta did.
 * - A delta that follows is added; what is stored at its time is the sum, with the sum's start.
 *   A gap between two deltas changes nothing.
 * - A data point is left out, whole, when it is not later than the last of one of its series, or
 *   begins before that one's time (it would count something twice), or when there are too
 *   many series.
 * - A series that got nothing for `max_stale` is forgotten; its next delta begins a new sum.
 *
 * Each series of a histogram is summed up alone, since each is a sum: buckets that a sender
 * changes begin at zero, and the others go on. Where a series gets deltas and cumulative
 * samples both, the latter are stored as they are and have no part in the sum.
 *
 * The state is a function of the batches added, with their times of reception, and of
 * nothing else: the exporter relies on that to have it again from the log. Not thread-safe.
 */
#ifndef TRIPOD_TELEMETRY_DELTA_SUMS_H
#define TRIPOD_TELEMETRY_DELTA_SUMS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "telemetry/metric_batch.h"

/* Why a data point of delta temporality is left out. */
enum delta_drop {
	DELTA_OLDER_START, /* begins before the sum does */
	DELTA_OUT_OF_ORDER, /* not later than the last one: sent twice, or late */
	DELTA_OVERLAP, /* later, but begins before the last one's time */
	DELTA_LIMIT, /* of a new series, and there are too many */
	DELTA_DROP_COUNT
};
const char *delta_drop_name(enum delta_drop reason);

struct delta_sums;

#define DELTA_MAX_STALE_MS 300000 /* the collector's default */
/* About 75 bytes a series, so 75 MB at most; those of an exponential histogram take more. */
#define DELTA_MAX_SERIES 1000000

/* NULL when out of memory. */
struct delta_sums *delta_sums_new(uint32_t max_series, int64_t max_stale_ms);
void delta_sums_free(struct delta_sums *sums); /* accepts NULL */
void delta_sums_clear(struct delta_sums *sums);

/*
 * Adds the deltas of `in`, received at `received_time` (ns). `*out` is `in` with cumulative samples in
 * their places, flag SAMPLE_SUMMED, and without the points that are left out, which are
 * counted in `dropped`. It shares what it can with `in`, and is valid until the next call.
 * NO_MEMORY: the state is not to be used any more until it is cleared.
 */
int delta_sums_add(struct delta_sums *sums, const struct metric_batch *in, uint64_t received_time,
		   struct metric_batch *out, uint32_t dropped[DELTA_DROP_COUNT], struct error *err);

uint32_t delta_sums_count(const struct delta_sums *sums);
/* Grows with every change of the state. */
uint64_t delta_sums_changes(const struct delta_sums *sums);

/* Writes the state behind `out`; reads it back into an empty one: CORRUPT or NO_MEMORY. */
void delta_sums_save(struct delta_sums *sums, struct buf *out);
int delta_sums_load(struct delta_sums *sums, struct slice from, struct error *err);

#endif
