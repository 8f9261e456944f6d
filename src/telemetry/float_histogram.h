/*
 * Native histograms with counts of doubles, as PromQL computes with them: exponential ones of
 * the standard schemas and ones with custom bucket bounds (schema -53).
 *
 * Source: Prometheus' "Native Histograms" specification (prometheus.io/docs/specs) and, where
 * that is silent, how Prometheus behaves (model/histogram).
 *
 * Histograms are immutable once made, so they are shared freely; what a function returns is in
 * the arena it is given and may share arrays with its arguments. A NULL result means that the
 * arena's budget is used up.
 */
#ifndef TRIPOD_TELEMETRY_FLOAT_HISTOGRAM_H
#define TRIPOD_TELEMETRY_FLOAT_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

#define HISTOGRAM_CUSTOM_BUCKETS (-53)
#define HISTOGRAM_MIN_SCHEMA (-4)
#define HISTOGRAM_MAX_SCHEMA 8

enum counter_reset_hint { RESET_UNKNOWN, RESET_YES, RESET_NO, RESET_GAUGE };

/* The buckets of one side that are there, by index, ascending; those between them are empty. */
struct bucket_list {
	uint32_t count;
	const int32_t *index; /* bucket i of schema s holds (base^(i-1), base^i], base = 2^(2^-s) */
	const double *value; /* observations, not cumulative */
};

struct float_histogram {
	enum counter_reset_hint hint;
	int32_t schema;
	double zero_threshold, zero_count;
	double count, sum;
	struct bucket_list positive, negative;
	/* Upper bounds of custom buckets, ascending, +Inf left out; bucket i of `positive` ends at bound i. */
	const double *bounds;
	uint32_t bound_count;
};

static inline bool histogram_is_custom(const struct float_histogram *h)
{
	return h->schema == HISTOGRAM_CUSTOM_BUCKETS;
}

/* One bucket; `lower` and `upper` as in the specification, infinite ones included. */
struct histogram_bucket {
	double lower, upper;
	bool lower_inclusive, upper_inclusive;
	double count;
};

/*
 * All buckets from the most negative value to the most positive, the zero bucket between them
 * when it has a count; or the other way round.
 */
struct histogram_iterator {
	const struct float_histogram *h;
	uint32_t position, count; /* of the buckets in order, and how many there are */
	bool reverse;
};
void histogram_iterator_init(struct histogram_iterator *it, const struct float_histogram *h,
			     bool reverse);
bool histogram_iterator_next(struct histogram_iterator *it, struct histogram_bucket *out);

/*
 * What had to be done to combine two histograms: for annotations. Set, never cleared, so that
 * one can be used for many.
 */
struct histogram_notes {
	bool reset_collision; /* one says 'reset', the other 'no reset' */
	bool bounds_reconciled; /* custom bounds differed and were intersected */
};

/* True when one is exponential and the other custom: they cannot be combined or compared. */
bool histogram_incompatible(const struct float_histogram *a, const struct float_histogram *b);

/*
 * a + b and a - b; not of incompatible ones. `notes` may be NULL. A difference has the hint that
 * the sum would have: the operator's result is a gauge, which the caller says.
 */
struct float_histogram *histogram_add(struct arena *arena, const struct float_histogram *a,
				      const struct float_histogram *b,
				      struct histogram_notes *notes);
struct float_histogram *histogram_sub(struct arena *arena, const struct float_histogram *a,
				      const struct float_histogram *b,
				      struct histogram_notes *notes);
struct float_histogram *histogram_mul(struct arena *arena, const struct float_histogram *h,
				      double factor);
/* By 0: as Prometheus' Div does (buckets vanish, count and sum are Inf or NaN). */
struct float_histogram *histogram_div(struct arena *arena, const struct float_histogram *h,
				      double divisor);
struct float_histogram *histogram_copy(struct arena *arena, const struct float_histogram *h);
/* Without empty buckets. */
struct float_histogram *histogram_compact(struct arena *arena, const struct float_histogram *h);
/* To a lower resolution; `schema` is not above the histogram's, neither is custom. */
struct float_histogram *histogram_reduce(struct arena *arena, const struct float_histogram *h,
					 int32_t schema);
/* The operators </ (upper: what is above `bound` is cut off) and >/ . */
struct float_histogram *histogram_trim(struct arena *arena, const struct float_histogram *h,
				       double bound, bool upper);

/*
 * A sum of many, with Kahan-Neumaier compensation, in place where the buckets allow; or their
 * mean, which is computed from the sum as long as that is finite. Zeroed to begin with; either
 * the functions of the one or those of the other are used. `notes` of an addition tell of a
 * collision as soon as both hints were seen among all that were added.
 */
struct histogram_sum {
	struct float_histogram *sum; /* NULL: nothing yet */
	struct float_histogram *compensation;
	double added; /* how many */
	/* private */
	uint32_t positive_capacity, negative_capacity; /* of both */
	bool running_mean; /* `sum` is the mean: the sum would overflow */
	bool seen_reset, seen_no_reset;
};
/* False when out of budget. The one added is compatible with those before. */
bool histogram_sum_add(struct histogram_sum *sum, struct arena *arena,
		       const struct float_histogram *h, struct histogram_notes *notes);
bool histogram_mean_add(struct histogram_sum *mean, struct arena *arena,
			const struct float_histogram *h, struct histogram_notes *notes);
/* The sum, or the mean, of what was added so far: at least one. Empty buckets may remain. */
struct float_histogram *histogram_sum_value(const struct histogram_sum *sum, struct arena *arena);
struct float_histogram *histogram_mean_value(const struct histogram_sum *mean, struct arena *arena);

/* Whether `now` shows that a counter began anew since `before` (Prometheus' DetectReset). */
bool histogram_detect_reset(const struct float_histogram *now,
			    const struct float_histogram *before);
/* Same observations in the same buckets, empty ones not counted; NaN equals NaN. */
bool histogram_equal(const struct float_histogram *a, const struct float_histogram *b);
/* INVALID: the layout is impossible (order of buckets or bounds, unknown schema, …). */
int histogram_validate(const struct float_histogram *h, struct error *err);

/*
 * Whether there are NaN observations: the sum is NaN, and there are more observations than the
 * buckets have. Then histogram_quantile's result is skewed to higher values, or is NaN when the
 * quantile is one of them, and histogram_fraction counts them in the whole only.
 */
bool histogram_has_nan(const struct float_histogram *h);
double histogram_quantile(const struct float_histogram *h, double q);
double histogram_fraction(const struct float_histogram *h, double lower, double upper);
/* Population variance, as histogram_stdvar estimates it. */
double histogram_variance(const struct float_histogram *h);
double histogram_mean(const struct float_histogram *h);

/* "{count:3, sum:4, [-1,1]:1, (1,2]:2}": as Prometheus' String(), what count_values and the API show. */
void histogram_text(const struct float_histogram *h, struct buf *out);

#endif
