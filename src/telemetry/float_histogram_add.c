/*
 * Adding histograms of different layout: `target` is brought to what both have in common, then
 * bucket is added to bucket. Sums of many do the same with a carry for each bucket.
 */
#include "telemetry/float_histogram_add.h"

#include <math.h>
#include <string.h>

#include "telemetry/exponential_bounds.h"
#include "telemetry/exponential_sum.h"

/* --- zero buckets ------------------------------------------------------------------------- */

static double inner_bound(int32_t index, int32_t schema)
{
	return exponential_bound(index > INT32_MIN ? index - 1 : index, schema);
}

/* Adds the buckets below `threshold` to `zero`. Returns the threshold, raised if it must be. */
static double absorb(struct zero_bucket *zero, int32_t schema, const struct side *side,
		     double threshold)
{
	for (uint32_t i = 0; i < side->count; i++) {
		if (inner_bound(side->index[i], schema) >= threshold)
			break;
		sum_add(&zero->count, &zero->carry, side->value[i]);
		if (side->carry)
			sum_add(&zero->count, &zero->carry, side->carry[i]);
		double outer = exponential_bound(side->index[i], schema);
		if (outer > threshold)
			return side->value[i] != 0 ? outer : threshold;
	}
	return threshold;
}

struct zero_bucket histogram_widen_zero(int32_t schema, const struct side *positive,
					const struct side *negative, struct zero_bucket zero,
					double threshold)
{
	if (threshold == zero.threshold)
		return zero;
	double carry = zero.carry;
	for (;;) {
		struct zero_bucket wider = {.count = zero.count, .carry = carry};
		wider.threshold = absorb(&wider, schema, positive, threshold);
		double raised = absorb(&wider, schema, negative, wider.threshold);
		if (!(raised > wider.threshold))
			return wider;
		/*
		 * What the positive side gave was for a lower threshold: begin again. That the
		 * carry stays is Prometheus' way, whose sums are to be had to the last bit.
		 */
		threshold = raised;
		carry = wider.carry;
	}
}

static void drop_empty(struct side *side)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < side->count; i++) {
		if (side->value[i] == 0 && (!side->carry || side->carry[i] == 0))
			continue;
		side->index[kept] = side->index[i];
		side->value[kept] = side->value[i];
		if (side->carry)
			side->carry[kept] = side->carry[i];
		kept++;
	}
	side->count = kept;
}

/* Takes away the buckets that are in the zero bucket now. */
static void cut_zero(struct side *side, int32_t schema, double threshold)
{
	for (uint32_t i = 0; i < side->count; i++) {
		if (inner_bound(side->index[i], schema) >= threshold)
			break;
		side->value[i] = 0;
		if (side->carry)
			side->carry[i] = 0;
	}
	drop_empty(side);
}

/* Makes the zero bucket of `target` as wide as that of `other` will be, which is returned. */
static struct zero_bucket reconcile_zero(struct addition *target,
					 const struct float_histogram *other)
{
	struct float_histogram *h = target->h;
	struct side positive = side_view(&other->positive), negative = side_view(&other->negative);
	const struct zero_bucket given = {other->zero_threshold, other->zero_count, 0};
	struct zero_bucket zero = given;
	while (h->zero_threshold > zero.threshold || h->zero_threshold < zero.threshold) {
		if (h->zero_threshold > zero.threshold)
			zero = histogram_widen_zero(other->schema, &positive, &negative, given,
						    h->zero_threshold);
		if (zero.threshold > h->zero_threshold) {
			struct zero_bucket own = {h->zero_threshold, h->zero_count,
						  target->carry ? target->carry->zero_count : 0};
			own = histogram_widen_zero(h->schema, &target->positive, &target->negative,
						   own, zero.threshold);
			h->zero_threshold = own.threshold;
			h->zero_count = own.count;
			if (target->carry)
				target->carry->zero_count = own.carry;
			cut_zero(&target->positive, h->schema, own.threshold);
			cut_zero(&target->negative, h->schema, own.threshold);
		}
	}
	return zero;
}

/* --- buckets ------------------------------------------------------------------------------ */

static bool grow(struct side *side, struct arena *arena, uint32_t need)
{
	if (need <= side->capacity)
		return true;
	uint32_t capacity = side->capacity > need / 2 ? side->capacity * 2 : need;
	struct side larger;
	if (!side_init(&larger, arena, capacity, side->carry != NULL))
		return false;
	larger.count = side->count;
	if (side->count) {
		memcpy(larger.index, side->index, side->count * sizeof(*side->index));
		memcpy(larger.value, side->value, side->count * sizeof(*side->value));
		if (side->carry)
			memcpy(larger.carry, side->carry, side->count * sizeof(*side->carry));
	}
	*side = larger;
	return true;
}

static uint32_t missing(const struct side *in, const struct side *of)
{
	uint32_t count = 0;
	for (uint32_t i = 0, j = 0; j < of->count; j++) {
		while (i < in->count && in->index[i] < of->index[j])
			i++;
		if (i == in->count || in->index[i] != of->index[j])
			count++;
	}
	return count;
}

static void add_value(struct side *side, uint32_t at, double value, double carry)
{
	if (!side->carry) {
		side->value[at] += value;
		return;
	}
	sum_add(&side->value[at], &side->carry[at], value);
	if (carry != 0)
		sum_add(&side->value[at], &side->carry[at], carry);
}

/* side += sign * other, from the last bucket to the first: so it needs no second array. */
static bool add_side(struct side *side, struct arena *arena, const struct side *other, double sign)
{
	uint32_t extra = missing(side, other);
	if (extra > UINT32_MAX - side->count || !grow(side, arena, side->count + extra))
		return false;
	uint32_t i = side->count, j = other->count, to = i + extra;
	side->count = to;
	while (j) {
		double value = sign * other->value[j - 1];
		double carry = other->carry ? sign * other->carry[j - 1] : 0;
		if (i && side->index[i - 1] >= other->index[j - 1]) {
			i--;
			to--;
			side->index[to] = side->index[i];
			side->value[to] = side->value[i];
			if (side->carry)
				side->carry[to] = side->carry[i];
			if (side->index[to] == other->index[j - 1]) {
				add_value(side, to, value, carry);
				j--;
			}
			continue;
		}
		to--;
		j--;
		side->index[to] = other->index[j];
		side->value[to] = value;
		if (side->carry)
			side->carry[to] = carry;
	}
	return true;
}

/* The part of `side` that is not wholly in the zero bucket. */
static struct side above(struct side side, int32_t schema, double threshold)
{
	while (side.count && exponential_bound(side.index[0], schema) <= threshold) {
		side.count--;
		side.index++;
		side.value++;
		if (side.carry)
			side.carry++;
	}
	return side;
}

static bool add_exponential_side(struct addition *target, struct side *side, struct arena *arena,
				 const struct bucket_list *list, int32_t schema, double sign)
{
	struct float_histogram *h = target->h;
	bool with_carry = target->carry != NULL;
	struct side other = side_view(list), reduced;
	if (schema < h->schema) {
		if (!side_reduce(&reduced, arena, side, (unsigned)(h->schema - schema), with_carry))
			return false;
		*side = reduced;
	} else if (schema > h->schema) {
		if (!side_reduce(&reduced, arena, &other, (unsigned)(schema - h->schema),
				 with_carry))
			return false;
		other = reduced;
	}
	other = above(other, schema < h->schema ? schema : h->schema, h->zero_threshold);
	return add_side(side, arena, &other, sign);
}

static bool add_exponential(struct addition *target, struct arena *arena,
			    const struct float_histogram *other, double sign)
{
	struct float_histogram *h = target->h;
	struct zero_bucket zero = reconcile_zero(target, other);
	if (target->carry) {
		sum_add(&h->zero_count, &target->carry->zero_count, sign * zero.count);
		sum_add(&h->zero_count, &target->carry->zero_count, sign * zero.carry);
	} else {
		h->zero_count += sign * zero.count;
	}
	if (!add_exponential_side(target, &target->positive, arena, &other->positive, other->schema,
				  sign) ||
	    !add_exponential_side(target, &target->negative, arena, &other->negative, other->schema,
				  sign))
		return false;
	if (other->schema < h->schema)
		h->schema = other->schema;
	return true;
}

/* --- custom buckets ----------------------------------------------------------------------- */

static bool intersect(struct float_histogram *out, struct arena *arena,
		      const struct float_histogram *a, const struct float_histogram *b)
{
	uint32_t most = a->bound_count < b->bound_count ? a->bound_count : b->bound_count;
	double *bounds = arena_array(arena, most, sizeof(*bounds));
	if (!bounds)
		return false;
	uint32_t count = 0;
	for (uint32_t i = 0, j = 0; i < a->bound_count && j < b->bound_count;) {
		if (a->bounds[i] < b->bounds[j]) {
			i++;
		} else if (a->bounds[i] == b->bounds[j]) {
			bounds[count++] = a->bounds[i++];
			j++;
		} else {
			j++;
		}
	}
	out->bounds = count ? bounds : NULL;
	out->bound_count = count;
	return true;
}

/* Adds `in`, whose bounds are those of `from`, to all the buckets of the fewer bounds of `to`. */
static void add_rebound(struct side *all, const struct float_histogram *to, const struct side *in,
			const struct float_histogram *from, double sign)
{
	uint32_t bound = 0;
	for (uint32_t i = 0; i < in->count; i++) {
		int64_t index = in->index[i];
		if (index >= from->bound_count)
			bound = to->bound_count;
		while (index >= 0 && bound < to->bound_count &&
		       to->bounds[bound] < from->bounds[index])
			bound++;
		add_value(all, bound, sign * in->value[i], in->carry ? sign * in->carry[i] : 0);
	}
}

static bool add_custom(struct addition *target, struct arena *arena,
		       const struct float_histogram *other, double sign,
		       struct histogram_notes *notes)
{
	struct float_histogram *h = target->h;
	struct side list = side_view(&other->positive);
	if (histogram_same_bounds(h, other))
		return add_side(&target->positive, arena, &list, sign);
	struct float_histogram common = *h;
	struct side all;
	if (!intersect(&common, arena, h, other) ||
	    !side_init(&all, arena, common.bound_count + 1, target->carry != NULL))
		return false;
	for (; all.count <= common.bound_count; all.count++) {
		all.index[all.count] = (int32_t)all.count;
		all.value[all.count] = 0;
		if (all.carry)
			all.carry[all.count] = 0;
	}
	add_rebound(&all, &common, &target->positive, h, 1);
	add_rebound(&all, &common, &list, other, sign);
	drop_empty(&all);
	target->positive = all;
	h->bounds = common.bounds;
	h->bound_count = common.bound_count;
	if (notes)
		notes->bounds_reconciled = true;
	return true;
}

/* --- all of it ---------------------------------------------------------------------------- */

/* What is known of resets in a sum or a difference. */
static enum counter_reset_hint common_hint(enum counter_reset_hint a, enum counter_reset_hint b)
{
	if (a == b)
		return a;
	return a == RESET_GAUGE || b == RESET_GAUGE ? RESET_GAUGE : RESET_UNKNOWN;
}

static bool collide(enum counter_reset_hint a, enum counter_reset_hint b)
{
	return (a == RESET_YES && b == RESET_NO) || (a == RESET_NO && b == RESET_YES);
}

bool addition_add(struct addition *target, struct arena *arena, const struct float_histogram *other,
		  double sign, struct histogram_notes *notes)
{
	struct float_histogram *h = target->h;
	if (notes && collide(h->hint, other->hint))
		notes->reset_collision = true;
	h->hint = common_hint(h->hint, other->hint);
	if (target->carry) {
		sum_add(&h->count, &target->carry->count, sign * other->count);
		sum_add(&h->sum, &target->carry->sum, sign * other->sum);
	} else {
		h->count += sign * other->count;
		h->sum += sign * other->sum;
	}
	return histogram_is_custom(h) ? add_custom(target, arena, other, sign, notes)
				      : add_exponential(target, arena, other, sign);
}

bool addition_init(struct addition *target, struct arena *arena, const struct float_histogram *h,
		   uint32_t extra_positive, uint32_t extra_negative, bool with_carry)
{
	*target = (struct addition){.h = histogram_copy(arena, h)};
	if (!target->h)
		return false;
	if (with_carry) {
		target->carry = histogram_copy(arena, h);
		if (!target->carry)
			return false;
		target->carry->zero_count = target->carry->count = target->carry->sum = 0;
	}
	const struct bucket_list *lists[2] = {&h->positive, &h->negative};
	struct side *sides[2] = {&target->positive, &target->negative};
	uint32_t extra[2] = {extra_positive, extra_negative};
	for (int i = 0; i < 2; i++) {
		uint32_t count = lists[i]->count;
		if (extra[i] > UINT32_MAX - count ||
		    !side_init(sides[i], arena, count + extra[i], with_carry))
			return false;
		sides[i]->count = count;
		if (!count)
			continue;
		memcpy(sides[i]->index, lists[i]->index, count * sizeof(int32_t));
		memcpy(sides[i]->value, lists[i]->value, count * sizeof(double));
		if (with_carry)
			memset(sides[i]->carry, 0, count * sizeof(double));
	}
	return true;
}

static struct float_histogram *combine(struct arena *arena, const struct float_histogram *a,
				       const struct float_histogram *b, double sign,
				       struct histogram_notes *notes)
{
	struct addition target;
	if (!addition_init(&target, arena, a, b->positive.count, b->negative.count, false) ||
	    !addition_add(&target, arena, b, sign, notes))
		return NULL;
	target.h->positive = side_list(&target.positive);
	target.h->negative = side_list(&target.negative);
	return target.h;
}

struct float_histogram *histogram_add(struct arena *arena, const struct float_histogram *a,
				      const struct float_histogram *b,
				      struct histogram_notes *notes)
{
	return combine(arena, a, b, 1, notes);
}

struct float_histogram *histogram_sub(struct arena *arena, const struct float_histogram *a,
				      const struct float_histogram *b,
				      struct histogram_notes *notes)
{
	return combine(arena, a, b, -1, notes);
}
