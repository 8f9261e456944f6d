#include "telemetry/float_histogram.h"

#include <math.h>

#include "telemetry/exponential_bounds.h"
#include "telemetry/exponential_sum.h"
#include "telemetry/float_histogram_int.h"

/* --- buckets and their bounds ------------------------------------------------------------- */

static double custom_bound(const struct float_histogram *h, int64_t index)
{
	if (index < 0)
		return -INFINITY;
	return index < h->bound_count ? h->bounds[index] : INFINITY;
}

struct histogram_bucket histogram_bucket_at(const struct float_histogram *h, bool positive,
					    uint32_t i)
{
	const struct bucket_list *list = positive ? &h->positive : &h->negative;
	int32_t index = list->index[i];
	struct histogram_bucket bucket = {.count = list->value[i]};
	if (histogram_is_custom(h)) {
		bucket.lower = custom_bound(h, (int64_t)index - 1);
		bucket.upper = custom_bound(h, index);
		bucket.lower_inclusive = index == 0;
		bucket.upper_inclusive = true;
		return bucket;
	}
	double inner = exponential_bound(index > INT32_MIN ? index - 1 : index, h->schema);
	double outer = exponential_bound(index, h->schema);
	bucket.lower = positive ? inner : -outer;
	bucket.upper = positive ? outer : -inner;
	bucket.lower_inclusive = !positive;
	bucket.upper_inclusive = positive;
	return bucket;
}

double histogram_part_below(const struct histogram_bucket *bucket, double v, bool linear)
{
	if (linear)
		return (v - bucket->lower) / (bucket->upper - bucket->lower);
	double lower = log2(fabs(bucket->lower)), upper = log2(fabs(bucket->upper));
	double at = log2(fabs(v));
	if (v > 0)
		return (at - lower) / (upper - lower);
	return 1 - (at - upper) / (lower - upper);
}

static bool has_zero_bucket(const struct float_histogram *h)
{
	return !histogram_is_custom(h) && h->zero_count > 0;
}

void histogram_iterator_init(struct histogram_iterator *it, const struct float_histogram *h,
			     bool reverse)
{
	*it = (struct histogram_iterator){
		.h = h,
		.count = h->negative.count + has_zero_bucket(h) + h->positive.count,
		.reverse = reverse,
	};
}

bool histogram_iterator_next(struct histogram_iterator *it, struct histogram_bucket *out)
{
	const struct float_histogram *h = it->h;
	if (it->position == it->count)
		return false;
	uint32_t at = it->reverse ? it->count - 1 - it->position : it->position;
	it->position++;
	if (at < h->negative.count) {
		*out = histogram_bucket_at(h, false, h->negative.count - 1 - at);
		if (out->upper < 0 && out->upper > -h->zero_threshold)
			out->upper = -h->zero_threshold;
		return true;
	}
	at -= h->negative.count;
	if (has_zero_bucket(h) && at-- == 0) {
		*out = (struct histogram_bucket){.lower = -h->zero_threshold,
						 .upper = h->zero_threshold,
						 .lower_inclusive = true,
						 .upper_inclusive = true,
						 .count = h->zero_count};
		return true;
	}
	*out = histogram_bucket_at(h, true, at);
	if (out->lower > 0 && out->lower < h->zero_threshold)
		out->lower = h->zero_threshold;
	return true;
}

bool histogram_incompatible(const struct float_histogram *a, const struct float_histogram *b)
{
	return histogram_is_custom(a) != histogram_is_custom(b);
}

bool histogram_same_bounds(const struct float_histogram *a, const struct float_histogram *b)
{
	if (a->bound_count != b->bound_count)
		return false;
	if (a->bounds == b->bounds)
		return true;
	for (uint32_t i = 0; i < a->bound_count; i++)
		if (a->bounds[i] != b->bounds[i])
			return false;
	return true;
}

/* --- of one histogram another ------------------------------------------------------------- */

bool side_init(struct side *side, struct arena *arena, uint32_t capacity, bool with_carry)
{
	*side = (struct side){.capacity = capacity};
	side->index = arena_array(arena, capacity, sizeof(*side->index));
	side->value = arena_array(arena, capacity, sizeof(*side->value));
	side->carry = with_carry ? arena_array(arena, capacity, sizeof(*side->carry)) : NULL;
	return side->index && side->value && (side->carry || !with_carry);
}

bool side_reduce(struct side *out, struct arena *arena, const struct side *in, unsigned shift,
		 bool with_carry)
{
	if (!side_init(out, arena, in->count, with_carry))
		return false;
	for (uint32_t i = 0; i < in->count; i++) {
		int32_t index = exponential_coarser(in->index[i], shift);
		double carry = in->carry ? in->carry[i] : 0;
		uint32_t last = out->count - 1;
		if (!out->count || out->index[last] != index) {
			out->index[out->count] = index;
			out->value[out->count] = in->value[i];
			if (with_carry)
				out->carry[out->count] = carry;
			out->count++;
		} else if (with_carry) {
			sum_add(&out->value[last], &out->carry[last], in->value[i]);
			sum_add(&out->value[last], &out->carry[last], carry);
		} else {
			out->value[last] += in->value[i];
		}
	}
	return true;
}

struct float_histogram *histogram_copy(struct arena *arena, const struct float_histogram *h)
{
	struct float_histogram *copy = arena_alloc(arena, sizeof(*copy));
	if (copy)
		*copy = *h;
	return copy;
}

struct float_histogram *histogram_reduce(struct arena *arena, const struct float_histogram *h,
					 int32_t schema)
{
	struct float_histogram *out = histogram_copy(arena, h);
	if (!out || schema == h->schema)
		return out;
	unsigned shift = (unsigned)(h->schema - schema);
	struct side positive = side_view(&h->positive), negative = side_view(&h->negative);
	struct side sides[2];
	if (!side_reduce(&sides[0], arena, &positive, shift, false) ||
	    !side_reduce(&sides[1], arena, &negative, shift, false))
		return NULL;
	out->schema = schema;
	out->positive = side_list(&sides[0]);
	out->negative = side_list(&sides[1]);
	return out;
}

static bool compact_list(struct bucket_list *list, struct arena *arena)
{
	uint32_t first = 0;
	while (first < list->count && list->value[first] != 0)
		first++;
	if (first == list->count)
		return true;
	struct side side;
	if (!side_init(&side, arena, list->count, false))
		return false;
	for (uint32_t i = 0; i < list->count; i++) {
		if (list->value[i] == 0)
			continue;
		side.index[side.count] = list->index[i];
		side.value[side.count++] = list->value[i];
	}
	*list = side_list(&side);
	return true;
}

struct float_histogram *histogram_compact(struct arena *arena, const struct float_histogram *h)
{
	struct float_histogram *out = histogram_copy(arena, h);
	if (!out || !compact_list(&out->positive, arena) || !compact_list(&out->negative, arena))
		return NULL;
	return out;
}

/* x * number, or x / number: which are not the same after rounding. */
static double scaled(double x, double number, bool divide)
{
	return divide ? x / number : x * number;
}

static bool scale_list(struct bucket_list *list, struct arena *arena, double number, bool divide)
{
	if (!list->count)
		return true;
	double *values = arena_array(arena, list->count, sizeof(*values));
	if (!values)
		return false;
	for (uint32_t i = 0; i < list->count; i++)
		values[i] = scaled(list->value[i], number, divide);
	list->value = values;
	return true;
}

static struct float_histogram *scale(struct arena *arena, const struct float_histogram *h,
				     double number, bool divide)
{
	struct float_histogram *out = histogram_copy(arena, h);
	if (!out)
		return NULL;
	if (!histogram_is_custom(h))
		out->zero_count = scaled(h->zero_count, number, divide);
	out->count = scaled(h->count, number, divide);
	out->sum = scaled(h->sum, number, divide);
	if (divide && number == 0) {
		out->positive = out->negative = (struct bucket_list){0};
		return out;
	}
	if (number < 0)
		out->hint = RESET_GAUGE;
	if (!scale_list(&out->positive, arena, number, divide) ||
	    !scale_list(&out->negative, arena, number, divide))
		return NULL;
	return out;
}

struct float_histogram *histogram_mul(struct arena *arena, const struct float_histogram *h,
				      double factor)
{
	return scale(arena, h, factor, false);
}

struct float_histogram *histogram_div(struct arena *arena, const struct float_histogram *h,
				      double divisor)
{
	return scale(arena, h, divisor, true);
}

/* --- equality, and whether it can be at all ----------------------------------------------- */

static bool same_number(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

static bool same_list(const struct bucket_list *a, const struct bucket_list *b)
{
	for (uint32_t i = 0, j = 0;; i++, j++) {
		while (i < a->count && a->value[i] == 0)
			i++;
		while (j < b->count && b->value[j] == 0)
			j++;
		if (i == a->count || j == b->count)
			return i == a->count && j == b->count;
		if (a->index[i] != b->index[j] || !same_number(a->value[i], b->value[j]))
			return false;
	}
}

bool histogram_equal(const struct float_histogram *a, const struct float_histogram *b)
{
	return a->schema == b->schema && same_number(a->count, b->count) &&
	       same_number(a->sum, b->sum) &&
	       (!histogram_is_custom(a) || histogram_same_bounds(a, b)) &&
	       a->zero_threshold == b->zero_threshold &&
	       same_number(a->zero_count, b->zero_count) && same_list(&a->negative, &b->negative) &&
	       same_list(&a->positive, &b->positive);
}

static int validate_list(const struct bucket_list *list, const char *name, struct error *err)
{
	for (uint32_t i = 0; i < list->count; i++) {
		if (i && list->index[i] <= list->index[i - 1])
			return error_set(err, STATUS_INVALID,
					 "%s side: bucket %d comes after bucket %d", name,
					 (int)list->index[i], (int)list->index[i - 1]);
		if (list->value[i] < 0)
			return error_set(err, STATUS_INVALID,
					 "%s side: bucket %d has a negative count, %g", name,
					 (int)list->index[i], list->value[i]);
	}
	return 0;
}

static int validate_custom(const struct float_histogram *h, struct error *err)
{
	for (uint32_t i = 0; i < h->bound_count; i++) {
		if (isnan(h->bounds[i]))
			return error_set(err, STATUS_INVALID, "a custom bucket's bound is NaN");
		if (i && h->bounds[i] <= h->bounds[i - 1])
			return error_set(err, STATUS_INVALID,
					 "custom bucket bounds must increase: %g comes after %g",
					 h->bounds[i], h->bounds[i - 1]);
	}
	if (h->bound_count && h->bounds[h->bound_count - 1] == INFINITY)
		return error_set(err, STATUS_INVALID,
				 "the last custom bucket's bound, +Inf, must not be given");
	if (h->zero_count != 0 || h->zero_threshold != 0)
		return error_set(err, STATUS_INVALID,
				 "a histogram with custom buckets has no zero bucket");
	if (h->negative.count)
		return error_set(err, STATUS_INVALID,
				 "a histogram with custom buckets has no negative buckets");
	if (h->positive.count) {
		int64_t first = h->positive.index[0];
		int64_t last = h->positive.index[h->positive.count - 1];
		if (first < 0 || last > h->bound_count)
			return error_set(err, STATUS_INVALID,
					 "%u custom bounds do not make a bucket %d",
					 (unsigned)h->bound_count, (int)(first < 0 ? first : last));
	}
	return 0;
}

int histogram_validate(const struct float_histogram *h, struct error *err)
{
	if (histogram_is_custom(h)) {
		int status = validate_custom(h, err);
		if (status)
			return status;
	} else if (h->schema < HISTOGRAM_MIN_SCHEMA || h->schema > HISTOGRAM_MAX_SCHEMA) {
		return error_set(err, STATUS_INVALID,
				 "a histogram's schema is %d to %d, or %d for custom buckets, "
				 "not %d",
				 HISTOGRAM_MIN_SCHEMA, HISTOGRAM_MAX_SCHEMA,
				 HISTOGRAM_CUSTOM_BUCKETS, (int)h->schema);
	} else if (h->bound_count) {
		return error_set(err, STATUS_INVALID,
				 "a histogram with exponential buckets has no custom bounds");
	}
	if (h->zero_count < 0)
		return error_set(err, STATUS_INVALID, "the zero bucket has a negative count, %g",
				 h->zero_count);
	if (h->count < 0)
		return error_set(err, STATUS_INVALID, "the count of observations is negative, %g",
				 h->count);
	int status = validate_list(&h->positive, "positive", err);
	return status ? status : validate_list(&h->negative, "negative", err);
}
