#include "query/promql/classic_histogram.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* Relative differences of counts that come from rounding; Prometheus' smallDeltaTolerance. */
#define TOLERANCE 1e-12

static int compare_bounds(const void *left, const void *right)
{
	const struct classic_bucket *a = left, *b = right;
	return (a->upper > b->upper) - (a->upper < b->upper);
}

/* Sorts, and makes one bucket of those with the same bound. Returns how many there are then. */
static uint32_t put_in_order(struct classic_bucket *buckets, uint32_t count)
{
	qsort(buckets, count, sizeof(*buckets), compare_bounds);
	uint32_t last = 0;
	for (uint32_t i = 1; i < count; i++) {
		if (buckets[i].upper == buckets[last].upper)
			buckets[last].count += buckets[i].count;
		else
			buckets[++last] = buckets[i];
	}
	return last + 1;
}

static bool almost_equal(double a, double b)
{
	if (a == b || (isnan(a) && isnan(b)))
		return true;
	double sum = fabs(a) + fabs(b), difference = fabs(a - b);
	if (a == 0 || b == 0 || sum < DBL_MIN)
		return difference < TOLERANCE * DBL_MIN;
	return difference / fmin(sum, DBL_MAX) < TOLERANCE;
}

static void make_monotonic(struct classic_bucket *buckets, uint32_t count,
			   struct classic_fixes *fixes)
{
	fixes->min_bucket = INFINITY;
	fixes->max_bucket = -INFINITY;
	double previous = buckets[0].count;
	for (uint32_t i = 1; i < count; i++) {
		struct classic_bucket *bucket = &buckets[i];
		double now = bucket->count;
		if (now == previous)
			continue;
		if (almost_equal(previous, now)) {
			bucket->count = previous;
			fixes->fixed_precision = true;
		} else if (now < previous) {
			bucket->count = previous;
			fixes->forced_monotonic = true;
			if (bucket->upper < fixes->min_bucket)
				fixes->min_bucket = bucket->upper;
			if (bucket->upper > fixes->max_bucket)
				fixes->max_bucket = bucket->upper;
			if (previous - now > fixes->max_difference)
				fixes->max_difference = previous - now;
		} else {
			previous = now;
		}
	}
}

/* The first bucket but the last that has `rank` observations, or else the last. */
static uint32_t find_rank(const struct classic_bucket *buckets, uint32_t count, double rank)
{
	uint32_t from = 0, to = count - 1;
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		if (buckets[middle].count >= rank)
			to = middle;
		else
			from = middle + 1;
	}
	return from;
}

static double interpolated_quantile(double q, const struct classic_bucket *buckets, uint32_t count)
{
	double rank = q * buckets[count - 1].count;
	uint32_t at = find_rank(buckets, count, rank);
	if (at == count - 1)
		return buckets[count - 2].upper;
	if (at == 0 && buckets[0].upper <= 0)
		return buckets[0].upper;
	struct classic_bucket before = at ? buckets[at - 1] : (struct classic_bucket){0, 0};
	return before.upper + (buckets[at].upper - before.upper) *
				      ((rank - before.count) / (buckets[at].count - before.count));
}

double classic_quantile(double q, struct classic_bucket *buckets, uint32_t count,
			struct classic_fixes *fixes)
{
	struct classic_fixes unused;
	if (!fixes)
		fixes = &unused;
	*fixes = (struct classic_fixes){0};
	if (isnan(q) || !count)
		return NAN;
	if (q < 0)
		return -INFINITY;
	if (q > 1)
		return INFINITY;
	count = put_in_order(buckets, count);
	if (buckets[count - 1].upper != INFINITY)
		return NAN;
	make_monotonic(buckets, count, fixes);
	if (count < 2 || buckets[count - 1].count == 0)
		return NAN;
	return interpolated_quantile(q, buckets, count);
}

/* What classic_fraction knows of one of its two bounds. */
struct edge {
	double value, rank; /* rank: the observations below `value`, if `set` */
	bool set;
};

/* `rank` observations are below the bucket, which begins at `lower`. */
static void find_edge(struct edge *edge, const struct classic_bucket *bucket, double lower,
		      double rank)
{
	if (edge->set)
		return;
	if (lower >= edge->value) {
		edge->rank = rank;
		edge->set = true;
	} else if (lower < edge->value && bucket->upper > edge->value) {
		/* Within an infinite bucket nothing can be said; all of it counts as below. */
		edge->rank = lower == -INFINITY
				     ? bucket->count
				     : rank + (bucket->count - rank) * (edge->value - lower) /
						       (bucket->upper - lower);
		edge->set = true;
	}
}

double classic_fraction(double lower, double upper, struct classic_bucket *buckets, uint32_t count)
{
	if (!count)
		return NAN;
	count = put_in_order(buckets, count);
	double total = buckets[count - 1].count;
	if (buckets[count - 1].upper != INFINITY || total == 0 || isnan(lower) || isnan(upper))
		return NAN;
	if (lower >= upper)
		return 0;
	struct edge from = {.value = lower}, to = {.value = upper};
	double begin = buckets[0].upper <= 0 ? -INFINITY : 0, rank = 0;
	for (uint32_t i = 0; i < count && !(from.set && to.set); i++) {
		find_edge(&from, &buckets[i], begin, rank);
		find_edge(&to, &buckets[i], begin, rank);
		rank = buckets[i].count;
		begin = buckets[i].upper;
	}
	if (!from.set || from.rank > total)
		from.rank = total;
	if (!to.set || to.rank > total)
		to.rank = total;
	return (to.rank - from.rank) / total;
}

static int compare_values(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;
	if (isnan(a) || isnan(b))
		return (isnan(b) != 0) - (isnan(a) != 0);
	return (a > b) - (a < b);
}

double values_quantile(double q, double *values, size_t count)
{
	if (!count || isnan(q))
		return NAN;
	if (q < 0)
		return -INFINITY;
	if (q > 1)
		return INFINITY;
	qsort(values, count, sizeof(*values), compare_values);
	double rank = q * (double)(count - 1), weight = rank - floor(rank);
	size_t lower = (size_t)rank, upper = lower + 1 < count ? lower + 1 : count - 1;
	return values[lower] * (1 - weight) + values[upper] * weight;
}
