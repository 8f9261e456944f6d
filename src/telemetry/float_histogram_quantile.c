#include <math.h>

#include "telemetry/exponential_sum.h"
#include "telemetry/float_histogram_int.h"

static double buckets_total(const struct float_histogram *h)
{
	struct histogram_iterator it;
	struct histogram_bucket bucket;
	double total = 0;
	histogram_iterator_init(&it, h, false);
	while (histogram_iterator_next(&it, &bucket))
		total += bucket.count;
	return total;
}

bool histogram_has_nan(const struct float_histogram *h)
{
	return isnan(h->sum) && buckets_total(h) < h->count;
}

/* A bucket around zero ends at zero when the histogram has no buckets on the other side. */
static void end_at_zero(struct histogram_bucket *bucket, const struct float_histogram *h)
{
	if (!h->negative.count && h->positive.count)
		bucket->lower = 0;
	else if (!h->positive.count && h->negative.count)
		bucket->upper = 0;
}

static double interpolate(const struct histogram_bucket *bucket, double fraction, bool linear)
{
	if (linear || (bucket->lower <= 0 && bucket->upper >= 0))
		return bucket->lower + (bucket->upper - bucket->lower) * fraction;
	double lower = log2(fabs(bucket->lower)), upper = log2(fabs(bucket->upper));
	if (bucket->lower > 0)
		return exp2(lower + (upper - lower) * fraction);
	return -exp2(upper + (lower - upper) * (1 - fraction));
}

/*
 * The buckets are walked from the nearer end, for precision; but from below when there may be
 * NaN observations, which are thought to be above all buckets.
 */
double histogram_quantile(const struct float_histogram *h, double q)
{
	if (q < 0)
		return -INFINITY;
	if (q > 1)
		return INFINITY;
	if (h->count == 0 || isnan(q))
		return NAN;
	bool custom = histogram_is_custom(h);
	bool forward = isnan(h->sum) || q < 0.5;
	double rank = (forward ? q : 1 - q) * h->count, count = 0;
	struct histogram_bucket bucket = {0}, next;
	struct histogram_iterator it;
	histogram_iterator_init(&it, h, !forward);
	while (histogram_iterator_next(&it, &next)) {
		bucket = next;
		count += bucket.count;
		if (bucket.count != 0 && count >= rank)
			break;
	}
	if (custom && bucket.lower == -INFINITY) {
		if (bucket.upper <= 0)
			return bucket.upper;
		bucket.lower = 0;
	} else if (custom && bucket.upper == INFINITY) {
		return bucket.lower;
	} else if (!custom && bucket.lower < 0 && bucket.upper > 0) {
		end_at_zero(&bucket, h);
	}
	if (count > h->count)
		count = h->count;
	if (count < rank)
		return isnan(h->sum) ? NAN : bucket.upper;
	rank = forward ? rank - (count - bucket.count) : count - rank;
	return interpolate(&bucket, rank / bucket.count, custom);
}

/* What histogram_fraction knows of one of its two bounds. */
struct edge {
	double value, rank; /* rank: the observations below `value`, if `set` */
	bool set;
};

static void find_edge(struct edge *edge, const struct histogram_bucket *bucket, double rank,
		      bool linear)
{
	if (edge->set)
		return;
	if (bucket->lower >= edge->value) {
		edge->rank = rank;
		edge->set = true;
	} else if (bucket->lower < edge->value && bucket->upper > edge->value) {
		/* Within an infinite bucket nothing can be said; all of it counts as below. */
		if (linear && bucket->lower == -INFINITY)
			edge->rank = bucket->count;
		else
			edge->rank = rank + bucket->count * histogram_part_below(
								    bucket, edge->value, linear);
		edge->set = true;
	}
}

double histogram_fraction(const struct float_histogram *h, double lower, double upper)
{
	if (h->count == 0 || isnan(lower) || isnan(upper))
		return NAN;
	if (lower >= upper)
		return 0;
	struct edge from = {.value = lower}, to = {.value = upper};
	struct histogram_bucket bucket;
	struct histogram_iterator it;
	double rank = 0;
	histogram_iterator_init(&it, h, false);
	while (!(from.set && to.set) && histogram_iterator_next(&it, &bucket)) {
		bool linear = histogram_is_custom(h);
		if (bucket.lower <= 0 && bucket.upper >= 0) {
			linear = true;
			end_at_zero(&bucket, h);
		}
		find_edge(&from, &bucket, rank, linear);
		find_edge(&to, &bucket, rank, linear);
		rank += bucket.count;
	}
	double count = isnan(h->sum) ? buckets_total(h) : h->count;
	if (!from.set || from.rank > count)
		from.rank = count;
	if (!to.set || to.rank > count)
		to.rank = count;
	return (to.rank - from.rank) / h->count;
}

double histogram_mean(const struct float_histogram *h)
{
	return h->sum / h->count;
}

/* Where the observations of a bucket are thought to be. */
static double bucket_center(const struct float_histogram *h, const struct histogram_bucket *bucket)
{
	if (histogram_is_custom(h))
		return (bucket->upper + bucket->lower) / 2;
	if (bucket->lower <= 0 && bucket->upper >= 0)
		return 0;
	double center = sqrt(bucket->upper * bucket->lower);
	return bucket->upper < 0 ? -center : center;
}

double histogram_variance(const struct float_histogram *h)
{
	double mean = histogram_mean(h), sum = 0, carry = 0;
	struct histogram_iterator it;
	struct histogram_bucket bucket;
	histogram_iterator_init(&it, h, false);
	while (histogram_iterator_next(&it, &bucket)) {
		if (bucket.count == 0)
			continue;
		double delta = bucket_center(h, &bucket) - mean;
		sum_add(&sum, &carry, bucket.count * delta * delta);
	}
	return sum_value(sum, carry) / h->count;
}
