#include <float.h>
#include <math.h>

#include "telemetry/exponential_sum.h"
#include "telemetry/float_histogram_add.h"

static struct side summed_side(const struct bucket_list *values, const struct bucket_list *carries,
			       uint32_t capacity)
{
	struct side side = side_view(values);
	side.carry = (double *)carries->value;
	side.capacity = capacity;
	return side;
}

static void put_side(struct bucket_list *values, struct bucket_list *carries,
		     const struct side *side)
{
	*values = side_list(side);
	*carries = (struct bucket_list){side->count, side->index, side->carry};
}

/* Between additions the sum's lists are up to date; they are ours, so they may be written. */
static struct addition load(const struct histogram_sum *sum)
{
	struct float_histogram *h = sum->sum, *carry = sum->compensation;
	return (struct addition){
		.h = h,
		.carry = carry,
		.positive = summed_side(&h->positive, &carry->positive, sum->positive_capacity),
		.negative = summed_side(&h->negative, &carry->negative, sum->negative_capacity),
	};
}

static void store(struct histogram_sum *sum, const struct addition *from)
{
	struct float_histogram *h = from->h, *carry = from->carry;
	put_side(&h->positive, &carry->positive, &from->positive);
	put_side(&h->negative, &carry->negative, &from->negative);
	carry->schema = h->schema;
	carry->zero_threshold = h->zero_threshold;
	carry->bounds = h->bounds;
	carry->bound_count = h->bound_count;
	sum->sum = h;
	sum->compensation = carry;
	sum->positive_capacity = from->positive.capacity;
	sum->negative_capacity = from->negative.capacity;
}

static void note_hint(struct histogram_sum *sum, enum counter_reset_hint hint,
		      struct histogram_notes *notes)
{
	sum->seen_reset |= hint == RESET_YES;
	sum->seen_no_reset |= hint == RESET_NO;
	if (notes && sum->seen_reset && sum->seen_no_reset)
		notes->reset_collision = true;
}

static bool begin(struct histogram_sum *sum, struct arena *arena, const struct float_histogram *h)
{
	struct addition first;
	if (!addition_init(&first, arena, h, 0, 0, true))
		return false;
	store(sum, &first);
	return true;
}

static bool add(struct histogram_sum *sum, struct arena *arena, const struct float_histogram *h,
		struct histogram_notes *notes)
{
	struct addition target = load(sum);
	if (!addition_add(&target, arena, h, 1, notes))
		return false;
	store(sum, &target);
	return true;
}

bool histogram_sum_add(struct histogram_sum *sum, struct arena *arena,
		       const struct float_histogram *h, struct histogram_notes *notes)
{
	if (!(sum->sum ? add(sum, arena, h, notes) : begin(sum, arena, h)))
		return false;
	sum->added++;
	note_hint(sum, h->hint, notes);
	return true;
}

struct float_histogram *histogram_sum_value(const struct histogram_sum *sum, struct arena *arena)
{
	return histogram_add(arena, sum->sum, sum->compensation, NULL);
}

/* --- means -------------------------------------------------------------------------------- */

static double larger(double most, double value)
{
	return fabs(value) > most ? fabs(value) : most; /* not NaN: it does not become infinite */
}

static double largest(const struct float_histogram *h)
{
	double most = larger(larger(larger(0, h->zero_count), h->count), h->sum);
	for (uint32_t i = 0; i < h->positive.count; i++)
		most = larger(most, h->positive.value[i]);
	for (uint32_t i = 0; i < h->negative.count; i++)
		most = larger(most, h->negative.value[i]);
	return most;
}

static bool has_infinite(const struct float_histogram *h)
{
	for (uint32_t i = 0; i < h->bound_count; i++)
		if (isinf(h->bounds[i]))
			return true;
	return isinf(largest(h));
}

/* Merging buckets makes their counts larger; this leaves room for that many of them. */
static bool may_overflow(const struct float_histogram *sum, const struct float_histogram *h)
{
	for (uint32_t i = 0; i < sum->bound_count; i++)
		if (isinf(sum->bounds[i]))
			return true;
	return largest(sum) > DBL_MAX / 0x1p33 || largest(h) > DBL_MAX / 0x1p33;
}

static bool copy_sum(struct histogram_sum *sum, struct arena *arena)
{
	const struct float_histogram *carry = sum->compensation;
	struct addition copy;
	if (!addition_init(&copy, arena, sum->sum, 0, 0, true))
		return false;
	copy.carry->count = carry->count;
	copy.carry->sum = carry->sum;
	copy.carry->zero_count = carry->zero_count;
	for (uint32_t i = 0; i < carry->positive.count; i++)
		copy.positive.carry[i] = carry->positive.value[i];
	for (uint32_t i = 0; i < carry->negative.count; i++)
		copy.negative.carry[i] = carry->negative.value[i];
	store(sum, &copy);
	return true;
}

static void scale_values(struct bucket_list *list, double number, bool divide)
{
	double *values = (double *)list->value;
	for (uint32_t i = 0; i < list->count; i++)
		values[i] = divide ? values[i] / number : values[i] * number;
}

static void scale(struct float_histogram *h, double number, bool divide)
{
	h->zero_count = divide ? h->zero_count / number : h->zero_count * number;
	h->count = divide ? h->count / number : h->count * number;
	h->sum = divide ? h->sum / number : h->sum * number;
	scale_values(&h->positive, number, divide);
	scale_values(&h->negative, number, divide);
}

static void scale_both(struct histogram_sum *sum, double number, bool divide)
{
	scale(sum->sum, number, divide);
	scale(sum->compensation, number, divide);
}

/* Adds to the sum if that stays finite; otherwise turns the sum into the mean, without `h`. */
static bool add_or_turn(struct histogram_sum *mean, struct arena *arena,
			const struct float_histogram *h, struct histogram_notes *notes)
{
	if (!may_overflow(mean->sum, h))
		return add(mean, arena, h, notes);
	struct histogram_sum attempt = *mean;
	if (!copy_sum(&attempt, arena) || !add(&attempt, arena, h, notes))
		return false;
	if (!has_infinite(attempt.sum)) {
		*mean = attempt;
		return true;
	}
	mean->running_mean = true;
	scale_both(mean, mean->added, true);
	return true;
}

static bool add_to_mean(struct histogram_sum *mean, struct arena *arena,
			const struct float_histogram *h, struct histogram_notes *notes)
{
	double count = mean->added + 1;
	const struct float_histogram *part = histogram_div(arena, h, count);
	if (!part)
		return false;
	scale_both(mean, mean->added / count, false);
	return add(mean, arena, part, notes);
}

bool histogram_mean_add(struct histogram_sum *mean, struct arena *arena,
			const struct float_histogram *h, struct histogram_notes *notes)
{
	if (!mean->sum) {
		if (!begin(mean, arena, h))
			return false;
	} else {
		if (!mean->running_mean && !add_or_turn(mean, arena, h, notes))
			return false;
		if (mean->running_mean && !add_to_mean(mean, arena, h, notes))
			return false;
	}
	mean->added++;
	note_hint(mean, h->hint, notes);
	return true;
}

struct float_histogram *histogram_mean_value(const struct histogram_sum *mean, struct arena *arena)
{
	double n = mean->running_mean ? 1 : mean->added;
	struct float_histogram *value = histogram_div(arena, mean->sum, n);
	struct float_histogram *carry = histogram_div(arena, mean->compensation, n);
	return value && carry ? histogram_add(arena, value, carry, NULL) : NULL;
}
