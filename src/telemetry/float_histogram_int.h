/* What the parts of float_histogram share. */
#ifndef TRIPOD_TELEMETRY_FLOAT_HISTOGRAM_INT_H
#define TRIPOD_TELEMETRY_FLOAT_HISTOGRAM_INT_H

#include "telemetry/float_histogram.h"

/*
 * The buckets of one side as they are being made, or a view of those of a histogram, whose
 * arrays are not written then.
 */
struct side {
	uint32_t count, capacity;
	int32_t *index;
	double *value;
	double *carry; /* what rounding took from `value`; NULL when that is not kept */
};

static inline struct side side_view(const struct bucket_list *list)
{
	return (struct side){.count = list->count,
			     .index = (int32_t *)list->index,
			     .value = (double *)list->value};
}

static inline struct bucket_list side_list(const struct side *side)
{
	return (struct bucket_list){side->count, side->index, side->value};
}

/* An empty side with room; false: over budget. */
bool side_init(struct side *side, struct arena *arena, uint32_t capacity, bool with_carry);
/* `in` at a schema that is `shift` less. */
bool side_reduce(struct side *out, struct arena *arena, const struct side *in, unsigned shift,
		 bool with_carry);

struct zero_bucket {
	double threshold, count, carry;
};

/*
 * What the zero bucket becomes when its threshold rises to `threshold`, or further, so that
 * it does not end within a populated bucket. Not for custom buckets.
 */
struct zero_bucket histogram_widen_zero(int32_t schema, const struct side *positive,
					const struct side *negative, struct zero_bucket zero,
					double threshold);

/* Bucket `i` of one side's list; its bounds do not heed the zero bucket. */
struct histogram_bucket histogram_bucket_at(const struct float_histogram *h, bool positive,
					    uint32_t i);
/*
 * The part of a bucket with finite bounds that is below `v`, which is between them. The values
 * are thought to be evenly spread, on a logarithmic scale unless `linear`.
 */
double histogram_part_below(const struct histogram_bucket *bucket, double v, bool linear);

bool histogram_same_bounds(const struct float_histogram *a, const struct float_histogram *b);

/* As C's %g with as many digits as it takes: 1e+06, 0.1, +Inf. What Go writes for %g. */
void histogram_number(struct buf *out, double value);

#endif
