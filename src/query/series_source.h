/* Where a query's samples come from: the store, or memory in tests. */
#ifndef TRIPOD_QUERY_SERIES_SOURCE_H
#define TRIPOD_QUERY_SERIES_SOURCE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "lang/promql/ast.h"
#include "query/labels.h"
#include "telemetry/float_histogram.h"

/*
 * The samples of one series as arrays, each ascending by time without duplicates. Floats and
 * histograms are apart; no time is in both. Stale markers are in them: a value with the bits of
 * METRIC_STALE_BITS, a histogram with such a sum. Start times (since when a cumulative sample
 * counts) are 0 where not known, and the array is NULL when none is.
 */
struct samples {
	uint32_t count;
	const int64_t *time; /* ms since the epoch */
	const double *value;
	const int64_t *start;
	uint32_t histogram_count;
	const int64_t *histogram_time;
	const struct float_histogram *const *histogram;
	const int64_t *histogram_start;
};

/* One selector's question. */
struct selection {
	const struct promql_matcher *matchers;
	uint32_t matcher_count;
	int64_t from, to; /* ms, both inclusive */
};

/* Gets one series at a time; `samples` are valid during the call only, `labels` in the arena. */
typedef int series_fn(void *arg, const struct labels *labels, const struct samples *samples,
		      struct error *err);

struct series_source {
	/*
	 * Calls `fn` for each series that matches and has a sample in the time range, each
	 * once, in any order. What `fn` returns ends it. LIMIT, CANCELLED, TIMEOUT, IO.
	 */
	int (*select)(struct series_source *source, const struct selection *selection,
		      struct arena *arena, series_fn *fn, void *arg, struct error *err);
};

#endif
