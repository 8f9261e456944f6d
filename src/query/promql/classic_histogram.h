/*
 * Quantiles and fractions of classic histograms, which are cumulative counts with the label `le`,
 * and quantiles of plain numbers. As Prometheus' promql/quantile.go computes them.
 */
#ifndef TRIPOD_QUERY_PROMQL_CLASSIC_HISTOGRAM_H
#define TRIPOD_QUERY_PROMQL_CLASSIC_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct classic_bucket {
	double upper; /* `le`; not NaN */
	double count; /* cumulative */
};

/* What had to be mended for a quantile: for annotations. */
struct classic_fixes {
	bool forced_monotonic; /* a count was below that of the bucket before */
	bool fixed_precision; /* counts differed by no more than rounding does */
	/* If forced_monotonic: the least and the largest bound that were concerned; by how much. */
	double min_bucket, max_bucket, max_difference;
};

/*
 * The quantile, or -Inf for q < 0 and +Inf for q > 1. NaN without observations, without a bucket
 * +Inf, or with that alone. The buckets come in any order, and are sorted and mended in place;
 * counts of equal bounds are added. `fixes` may be NULL.
 */
double classic_quantile(double q, struct classic_bucket *buckets, uint32_t count,
			struct classic_fixes *fixes);
/* The part of the observations between `lower` and `upper`. The buckets are sorted in place. */
double classic_fraction(double lower, double upper, struct classic_bucket *buckets, uint32_t count);

/* The quantile of `values`, which are sorted in place, NaN first. NaN if there are none. */
double values_quantile(double q, double *values, size_t count);

#endif
