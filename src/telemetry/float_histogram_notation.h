/*
 * Native histograms in the notation of series in Prometheus' rule unit tests:
 * {{schema:1 sum:3 count:22 buckets:[5 10 7] offset:-1}}. Keys come in any order, each at most
 * once; what is not given is 0, empty or unknown.
 */
#ifndef TRIPOD_TELEMETRY_FLOAT_HISTOGRAM_NOTATION_H
#define TRIPOD_TELEMETRY_FLOAT_HISTOGRAM_NOTATION_H

#include "base/slice.h"
#include "telemetry/float_histogram.h"

/*
 * Reads all of `text`, from {{ to }}. *has_hint (may be NULL): counter_reset_hint was given. The
 * result is as written, empty buckets included, and need not be valid (histogram_validate).
 * INVALID or LIMIT.
 */
int histogram_parse(struct float_histogram **out, bool *has_hint, struct arena *arena,
		    struct slice text, struct error *err);
/* The buckets of a side are written from the first to the last, those between them included. */
void histogram_notation(const struct float_histogram *h, struct buf *out);

#endif
