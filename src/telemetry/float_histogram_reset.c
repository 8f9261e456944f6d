#include <math.h>

#include "telemetry/exponential_bounds.h"
#include "telemetry/float_histogram_int.h"

/* Buckets of a side at a lower resolution, one after the other. */
struct merged {
	const struct bucket_list *list;
	uint32_t next;
	unsigned shift;
	int32_t index;
	double count;
};

static bool merged_next(struct merged *m)
{
	if (m->next == m->list->count)
		return false;
	m->index = exponential_coarser(m->list->index[m->next], m->shift);
	m->count = 0;
	while (m->next < m->list->count &&
	       exponential_coarser(m->list->index[m->next], m->shift) == m->index)
		m->count += m->list->value[m->next++];
	return true;
}

/* Whether a bucket outside of the zero bucket has become smaller. */
static bool side_shrank(const struct bucket_list *now, const struct bucket_list *before,
			unsigned shift, int32_t schema, double zero_threshold)
{
	struct merged a = {.list = now}, b = {.list = before, .shift = shift};
	bool more = merged_next(&a);
	while (merged_next(&b)) {
		if (schema != HISTOGRAM_CUSTOM_BUCKETS && zero_threshold != 0 &&
		    exponential_bound(b.index, schema) <= zero_threshold)
			continue;
		while (more && a.index < b.index)
			more = merged_next(&a);
		bool both = more && a.index == b.index;
		if (both ? a.count < b.count : b.count != 0)
			return true;
	}
	return false;
}

/* The observations of custom buckets from *next on that end at or below `bound`. */
static double take_until(const struct float_histogram *h, uint32_t *next, double bound)
{
	double total = 0;
	for (; *next < h->positive.count; ++*next) {
		struct histogram_bucket bucket = histogram_bucket_at(h, true, *next);
		if (bucket.upper > bound)
			break;
		total += bucket.count;
	}
	return total;
}

/* Compares custom buckets between the bounds that both have. */
static bool rebound_shrank(const struct float_histogram *now, const struct float_histogram *before)
{
	uint32_t i = 0, j = 0, next_now = 0, next_before = 0;
	while (i <= now->bound_count && j <= before->bound_count) {
		double a = i < now->bound_count ? now->bounds[i] : INFINITY;
		double b = j < before->bound_count ? before->bounds[j] : INFINITY;
		if (a == b && take_until(now, &next_now, a) < take_until(before, &next_before, a))
			return true;
		i += a <= b;
		j += !(a < b);
	}
	return false;
}

bool histogram_detect_reset(const struct float_histogram *now, const struct float_histogram *before)
{
	if (now->hint == RESET_YES || now->hint == RESET_NO)
		return now->hint == RESET_YES;
	if (now->count < before->count)
		return true;
	if (histogram_is_custom(now)) {
		if (!histogram_is_custom(before))
			return true;
		return histogram_same_bounds(now, before)
			       ? side_shrank(&now->positive, &before->positive, 0, now->schema, 0)
			       : rebound_shrank(now, before);
	}
	/* A finer resolution or a narrower zero bucket comes only with a reset. */
	if (now->schema > before->schema || now->zero_threshold < before->zero_threshold)
		return true;
	struct side positive = side_view(&before->positive),
		    negative = side_view(&before->negative);
	struct zero_bucket zero = {before->zero_threshold, before->zero_count, 0};
	zero = histogram_widen_zero(before->schema, &positive, &negative, zero,
				    now->zero_threshold);
	if (zero.threshold != now->zero_threshold || now->zero_count < zero.count)
		return true;
	unsigned shift = (unsigned)(before->schema - now->schema);
	return side_shrank(&now->positive, &before->positive, shift, now->schema,
			   now->zero_threshold) ||
	       side_shrank(&now->negative, &before->negative, shift, now->schema,
			   now->zero_threshold);
}
