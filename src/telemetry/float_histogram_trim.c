/* The operators that cut a histogram off at a value, as Prometheus estimates what remains. */
#include <math.h>
#include <string.h>

#include "telemetry/float_histogram_int.h"

struct cut {
	double bound;
	bool upper; /* what is above `bound` is cut off; otherwise what is below */
	bool linear; /* custom buckets */
};

/* What is left of a bucket, and where its observations are thought to be. */
struct rest {
	double count, middle;
};

/* What is left of all. */
struct trimmed {
	double count, sum;
	bool changed;
};

static double middle(double lower, double upper, bool positive, bool linear)
{
	if (isinf(lower)) {
		if (isinf(upper))
			return 0;
		return upper > 0 ? upper / 2 : upper;
	}
	if (isinf(upper))
		return lower;
	if (linear)
		return (lower + upper) / 2;
	double geometric = sqrt(fabs(lower * upper));
	return positive ? geometric : -geometric;
}

static double finite_or_0(double x)
{
	return isinf(x) ? 0 : x;
}

/*
 * Of a bucket that begins at -Inf. With a positive upper bound it is thought to begin at 0;
 * otherwise nothing is known of how its observations are spread.
 */
static struct rest cut_lowest(const struct cut *cut, const struct histogram_bucket *bucket)
{
	double count = bucket->count, bound = cut->bound, upper = bucket->upper;
	bool finite = upper != INFINITY;
	if (cut->upper) {
		if (bound >= upper)
			return (struct rest){count, 0};
		if (bound > 0 && upper > 0 && finite)
			return (struct rest){count * bound / upper, bound / 2};
		if (upper <= 0)
			return (struct rest){count, bound};
		return (struct rest){0, finite_or_0(upper)};
	}
	if (bound <= bucket->lower)
		return (struct rest){count, 0};
	if (bound >= 0 && upper > bound && finite)
		return (struct rest){count * (1 - bound / upper), (bound + upper) / 2};
	return (struct rest){0, finite_or_0(upper)};
}

/* Of a bucket that ends at +Inf. */
static struct rest cut_highest(const struct cut *cut, const struct histogram_bucket *bucket)
{
	if (!cut->upper && cut->bound >= bucket->lower)
		return (struct rest){bucket->count, cut->bound};
	return (struct rest){0, finite_or_0(bucket->lower)};
}

/* Of a bucket with the bound inside. */
static struct rest cut_bucket(const struct cut *cut, const struct histogram_bucket *bucket,
			      bool positive)
{
	if (bucket->lower == -INFINITY)
		return cut_lowest(cut, bucket);
	if (bucket->upper == INFINITY)
		return cut_highest(cut, bucket);
	double below = bucket->count * histogram_part_below(bucket, cut->bound, cut->linear);
	if (cut->upper)
		return (struct rest){below,
				     middle(bucket->lower, cut->bound, positive, cut->linear)};
	return (struct rest){bucket->count - below,
			     middle(cut->bound, bucket->upper, positive, cut->linear)};
}

static bool is_kept(const struct cut *cut, const struct histogram_bucket *bucket)
{
	return cut->upper ? bucket->upper <= cut->bound : bucket->lower >= cut->bound;
}

static bool is_split(const struct cut *cut, const struct histogram_bucket *bucket)
{
	return cut->upper ? bucket->lower < cut->bound : bucket->upper > cut->bound;
}

/* Trims one side into `values`; true when it has observations. */
static bool trim_side(const struct cut *cut, const struct float_histogram *h, bool positive,
		      double *values, struct trimmed *all)
{
	const struct bucket_list *list = positive ? &h->positive : &h->negative;
	bool populated = false;
	for (uint32_t i = 0; i < list->count; i++) {
		struct histogram_bucket bucket = histogram_bucket_at(h, positive, i);
		struct rest rest = {0};
		values[i] = bucket.count;
		if (bucket.count == 0)
			continue;
		populated = true;
		if (is_kept(cut, &bucket)) {
			rest.count = bucket.count;
			rest.middle = middle(bucket.lower, bucket.upper, positive, cut->linear);
		} else if (is_split(cut, &bucket)) {
			rest = cut_bucket(cut, &bucket, positive);
		}
		all->count += rest.count;
		all->sum += rest.middle * rest.count;
		if (rest.count != bucket.count) {
			values[i] = rest.count;
			all->changed = true;
		}
	}
	return populated;
}

static struct rest cut_zero_bucket(const struct cut *cut, const struct float_histogram *h,
				   bool has_negative, bool has_positive)
{
	double lower = has_positive && !has_negative ? 0 : -h->zero_threshold;
	double upper = has_negative && !has_positive ? 0 : h->zero_threshold;
	double bound = cut->bound, count = h->zero_count;
	const struct rest none = {0, 0}, all = {count, (lower + upper) / 2};
	if (bound <= lower)
		return cut->upper ? none : all;
	if (bound >= upper)
		return cut->upper ? all : none;
	if (cut->upper)
		return (struct rest){count * ((bound - lower) / (upper - lower)),
				     (lower + bound) / 2};
	return (struct rest){count * ((upper - bound) / (upper - lower)), (bound + upper) / 2};
}

struct float_histogram *histogram_trim(struct arena *arena, const struct float_histogram *h,
				       double bound, bool upper)
{
	const struct cut cut = {bound, upper, histogram_is_custom(h)};
	struct float_histogram *out = histogram_copy(arena, h);
	double *positive = arena_array(arena, h->positive.count, sizeof(double));
	double *negative = arena_array(arena, h->negative.count, sizeof(double));
	if (!out || !positive || !negative)
		return NULL;
	struct trimmed all = {0};
	bool has_positive = trim_side(&cut, h, true, positive, &all);
	bool has_negative = trim_side(&cut, h, false, negative, &all);
	if (!cut.linear && h->zero_count > 0) {
		struct rest rest = cut_zero_bucket(&cut, h, has_negative, has_positive);
		all.changed |= rest.count != h->zero_count;
		out->zero_count = rest.count;
		all.sum += rest.middle * rest.count;
		all.count += rest.count;
	}
	if (!all.changed)
		return out;
	out->count = all.count;
	out->sum = all.sum;
	out->positive.value = positive;
	out->negative.value = negative;
	return histogram_compact(arena, out);
}
