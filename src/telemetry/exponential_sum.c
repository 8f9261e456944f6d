#include "telemetry/exponential_sum.h"

#include <math.h>
#include <stdlib.h>

void sum_add(double *sum, double *carry, double value)
{
	double total = *sum + value;
	/* Neumaier's sum: the error of one addition is a double itself, unless it overflowed. */
	if (isfinite(total))
		*carry +=
			fabs(*sum) >= fabs(value) ? (*sum - total) + value : (value - total) + *sum;
	else
		*carry = 0;
	*sum = total;
}

double sum_value(double sum, double carry)
{
	return sum + carry;
}

/* --- buckets ------------------------------------------------------------------------------ */

/* Bucket i at a scale that is `shift` less: floor(i / 2^shift). */
static int32_t coarser(int32_t index, unsigned shift)
{
	return shift > 31 ? (index < 0 ? -1 : 0) : index >> shift;
}

static int64_t side_end(const struct exponential_side *side)
{
	return (int64_t)side->offset + side->count;
}

static void trim(struct exponential_side *side)
{
	uint32_t first = 0;
	while (side->count && side->counts[side->count - 1] == 0)
		side->count--;
	while (first < side->count && side->counts[first] == 0)
		first++;
	side->count -= first;
	side->offset += (int32_t)first;
	if (first && side->count)
		memmove(side->counts, side->counts + first, side->count * sizeof(*side->counts));
}

static void downscale(struct exponential_side *side, unsigned shift)
{
	if (!shift || !side->count)
		return;
	int32_t offset = coarser(side->offset, shift);
	uint32_t last = 0;
	for (uint32_t i = 0; i < side->count; i++) {
		uint64_t n = side->counts[i];
		uint32_t to = (uint32_t)(coarser(side->offset + (int32_t)i, shift) - offset);
		side->counts[i] = 0;
		side->counts[to] += n;
		last = to;
	}
	side->offset = offset;
	side->count = last + 1;
}

/* Whether [from, end) at a scale that is `shift` less is at most as many buckets as may be. */
static bool fits(int64_t from, int64_t end, unsigned shift)
{
	if (end <= from)
		return true;
	int64_t width = (int64_t)coarser((int32_t)(end - 1), shift) - coarser((int32_t)from, shift);
	return width < EXPONENTIAL_MAX_BUCKETS;
}

/* `side` with its range extended to [from, end). */
static bool extend(struct exponential_side *side, int32_t from, int64_t end)
{
	int32_t offset = side->count && side->offset < from ? side->offset : from;
	int64_t last = side->count && side_end(side) > end ? side_end(side) : end;
	uint32_t count = (uint32_t)(last - offset);
	if (count > side->capacity) {
		uint64_t *counts = realloc(side->counts, count * sizeof(*counts));
		if (!counts)
			return false;
		side->counts = counts;
		side->capacity = count;
	}
	uint32_t before = side->count ? (uint32_t)(side->offset - offset) : 0;
	memmove(side->counts + before, side->counts, side->count * sizeof(*side->counts));
	memset(side->counts, 0, before * sizeof(*side->counts));
	memset(side->counts + before + side->count, 0,
	       (count - before - side->count) * sizeof(*side->counts));
	side->offset = offset;
	side->count = count;
	return true;
}

/* A side of a point as it came: without the empty buckets at its ends, which cost resolution. */
struct incoming {
	int32_t offset;
	uint32_t count;
	const uint64_t *counts;
};

static struct incoming incoming_of(int32_t offset, uint32_t count, const uint64_t *counts)
{
	while (count && counts[count - 1] == 0)
		count--;
	while (count && counts[0] == 0) {
		counts++;
		count--;
		offset++;
	}
	return (struct incoming){offset, count, counts};
}

static bool merge(struct exponential_side *side, const struct incoming *in, unsigned shift)
{
	if (!in->count)
		return true;
	int32_t from = coarser(in->offset, shift);
	int32_t to = coarser((int32_t)((int64_t)in->offset + in->count - 1), shift);
	if (!extend(side, from, (int64_t)to + 1))
		return false;
	for (uint32_t i = 0; i < in->count; i++)
		side->counts[coarser(in->offset + (int32_t)i, shift) - side->offset] +=
			in->counts[i];
	return true;
}

/* The buckets of both together, at a scale `shift_side` and `shift_in` less. */
static bool both_fit(const struct exponential_side *side, unsigned shift_side,
		     const struct incoming *in, unsigned shift_in)
{
	if (!side->count)
		return fits(in->offset, (int64_t)in->offset + in->count, shift_in);
	if (!in->count)
		return fits(side->offset, side_end(side), shift_side);
	int32_t from = coarser(side->offset, shift_side);
	int32_t end = coarser((int32_t)(side_end(side) - 1), shift_side);
	int32_t in_from = coarser(in->offset, shift_in);
	int32_t in_end = coarser((int32_t)((int64_t)in->offset + in->count - 1), shift_in);
	return fits(in_from < from ? in_from : from, (int64_t)(in_end > end ? in_end : end) + 1, 0);
}

/* --- the zero bucket ------------------------------------------------------------------------ */

/* The upper bound of bucket `index`: base^(index+1), base = 2^(2^-scale). */
static double upper_bound(int32_t index, int32_t scale)
{
	return exp2(ldexp((double)index + 1, -scale));
}

/*
 * The zero bucket reaches up to `threshold`: buckets that begin below it are taken into it.
 * One that it would cut in two widens it, as the data model asks.
 */
static void widen_zero(struct exponential_sum *sum, double threshold)
{
	for (int i = 0; i < 2; i++) {
		struct exponential_side *side = &sum->sides[i];
		uint32_t taken = 0;
		for (; taken < side->count; taken++) {
			int32_t index = side->offset + (int32_t)taken;
			if (upper_bound(index - 1, sum->scale) >= threshold)
				break;
			double upper = upper_bound(index, sum->scale);
			if (side->counts[taken] && upper > threshold)
				threshold = upper;
			sum->zero_count += side->counts[taken];
			side->counts[taken] = 0;
		}
		trim(side);
	}
	sum->zero_threshold = threshold;
}

/* --- the whole ------------------------------------------------------------------------------ */

static void add_scalars(struct exponential_sum *sum, const struct exponential_point *p, bool first)
{
	sum->has_sum = p->has_sum && (first || sum->has_sum);
	sum_add(&sum->sum, &sum->carry, p->sum);
	sum->min = first || p->min < sum->min ? p->min : sum->min;
	sum->max = first || p->max > sum->max ? p->max : sum->max;
	sum->has_min = p->has_min && (first || sum->has_min);
	sum->has_max = p->has_max && (first || sum->has_max);
	sum->count += p->count;
	sum->zero_count += p->zero_count;
}

bool exponential_sum_add(struct exponential_sum *sum, const struct exponential_point *p,
			 const uint64_t *counts)
{
	bool first = sum->count == 0 && !sum->sides[0].count && !sum->sides[1].count;
	struct incoming in[2] = {
		incoming_of(p->positive_offset, p->positive_count, counts + p->positive_first),
		incoming_of(p->negative_offset, p->negative_count, counts + p->negative_first)};
	if (first) {
		sum->scale = p->scale;
		sum->zero_threshold = p->zero_threshold;
	}
	int32_t scale = p->scale < sum->scale ? p->scale : sum->scale;
	/* Ends: at a low enough scale all doubles are in a few buckets, all int32 in two. */
	while (!both_fit(&sum->sides[0], (unsigned)(sum->scale - scale), &in[0],
			 (unsigned)(p->scale - scale)) ||
	       !both_fit(&sum->sides[1], (unsigned)(sum->scale - scale), &in[1],
			 (unsigned)(p->scale - scale)))
		scale--;
	for (int i = 0; i < 2; i++) {
		downscale(&sum->sides[i], (unsigned)(sum->scale - scale));
		if (!merge(&sum->sides[i], &in[i], (unsigned)(p->scale - scale)))
			return false;
	}
	sum->scale = scale;
	add_scalars(sum, p, first);
	double threshold =
		p->zero_threshold > sum->zero_threshold ? p->zero_threshold : sum->zero_threshold;
	if (p->zero_threshold != sum->zero_threshold)
		widen_zero(sum, threshold);
	return true;
}

void exponential_sum_release(struct exponential_sum *sum)
{
	free(sum->sides[0].counts);
	free(sum->sides[1].counts);
	*sum = (struct exponential_sum){0};
}

/* --- as bytes ------------------------------------------------------------------------------- */

void exponential_sum_save(const struct exponential_sum *sum, struct buf *out)
{
	struct exponential_sum plain = *sum;
	for (int i = 0; i < 2; i++) {
		plain.sides[i].counts = NULL;
		plain.sides[i].capacity = 0;
	}
	buf_append(out, &plain, sizeof(plain));
	for (int i = 0; i < 2; i++)
		buf_append(out, sum->sides[i].counts, sum->sides[i].count * sizeof(uint64_t));
}

bool exponential_sum_load(struct exponential_sum *sum, struct slice *from)
{
	if (from->len < sizeof(*sum))
		return false;
	memcpy(sum, from->ptr, sizeof(*sum));
	from->ptr += sizeof(*sum);
	from->len -= sizeof(*sum);
	sum->sides[0].counts = sum->sides[1].counts = NULL;
	for (int i = 0; i < 2; i++) {
		struct exponential_side *side = &sum->sides[i];
		size_t size = side->count * sizeof(*side->counts);
		if (side->count > EXPONENTIAL_MAX_BUCKETS || size > from->len)
			return false;
		side->counts = malloc(size ? size : 1);
		if (!side->counts)
			return false;
		side->capacity = side->count;
		memcpy(side->counts, from->ptr, size);
		from->ptr += size;
		from->len -= size;
	}
	return true;
}
