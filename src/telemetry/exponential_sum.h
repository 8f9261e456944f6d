/*
 * A running sum of exponential histograms: what OpenTelemetry's data model calls merging
 * ("ExponentialHistogram: Scale", "Merging"). Nothing is lost but resolution: scales are
 * brought down to the coarser one's, and further when a side would have more than 160 buckets.
 */
#ifndef TRIPOD_TELEMETRY_EXPONENTIAL_SUM_H
#define TRIPOD_TELEMETRY_EXPONENTIAL_SUM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "telemetry/metric_batch.h"

#define EXPONENTIAL_MAX_BUCKETS 160 /* of a side, as SDKs and the collector have them */

/* Buckets offset … offset+count-1; the first and the last are not empty. */
struct exponential_side {
	int32_t offset;
	uint32_t count, capacity;
	uint64_t *counts; /* allocated */
};

struct exponential_sum {
	struct exponential_side sides[2]; /* positive, negative */
	uint64_t count, zero_count;
	double sum, carry; /* `carry`: what adding to `sum` has rounded away */
	double min, max, zero_threshold;
	int32_t scale;
	bool has_sum, has_min, has_max;
};

/* `value` is added to *sum; what that rounds away, to *carry. The sum is *sum + *carry. */
void sum_add(double *sum, double *carry, double value);
/* The sum, rounded once. */
double sum_value(double sum, double carry);

/*
 * Adds `p`, whose buckets are in `counts`; false when out of memory (then the sum is not to be
 * used any more). A zeroed sum has nothing yet. Sum, min and max are known as long as each
 * point had them.
 */
bool exponential_sum_add(struct exponential_sum *sum, const struct exponential_point *p,
			 const uint64_t *counts);
void exponential_sum_release(struct exponential_sum *sum);

/* Writes it behind `out`, and reads it back; false when the bytes are not one, or no memory. */
void exponential_sum_save(const struct exponential_sum *sum, struct buf *out);
bool exponential_sum_load(struct exponential_sum *sum, struct slice *from);

#endif
