#include "nhcb.h"

#include <math.h>
#include <stdlib.h>

/* A series of a load that belongs to a classic histogram. */
enum part { PART_NONE, PART_BUCKET, PART_COUNT, PART_SUM };

struct classic_bucket {
	double bound, count; /* cumulative */
};

/* All values of one classic histogram at one time. */
struct classic {
	bool any, has_count;
	double count, sum;
	struct classic_bucket *buckets; /* ascending by bound */
	uint32_t bucket_count;
};

struct family {
	const struct labels *labels; /* without suffix and le */
	uint32_t most_buckets; /* room in each of `at` */
	struct classic *at; /* one for each step of the load */
};

struct converter {
	struct memory_source *memory;
	const struct load_command *load;
	struct family *families;
	uint32_t count, steps;
};

static int no_memory(struct error *err)
{
	return error_set(err, STATUS_LIMIT, "out of memory");
}

static bool cut_suffix(struct slice *name, struct slice suffix)
{
	if (name->len < suffix.len ||
	    memcmp(name->ptr + name->len - suffix.len, suffix.ptr, suffix.len) != 0)
		return false;
	name->len -= suffix.len;
	return true;
}

/* What the series is of a histogram, whose name is then in `name`. */
static enum part part_of(const struct labels *labels, struct slice *name)
{
	*name = labels_get(labels, SLICE("__name__"));
	if (cut_suffix(name, SLICE("_bucket")))
		return PART_BUCKET;
	if (cut_suffix(name, SLICE("_sum")))
		return PART_SUM;
	if (cut_suffix(name, SLICE("_count")))
		return PART_COUNT;
	return PART_NONE;
}

static bool bound_of(const struct labels *labels, double *bound)
{
	struct slice le = labels_get(labels, SLICE("le"));
	char text[64], *end;
	if (le.len == 0 || le.len >= sizeof text)
		return false;
	memcpy(text, le.ptr, le.len);
	text[le.len] = 0;
	*bound = strtod(text, &end);
	return *end == 0 && !isnan(*bound);
}

static struct family *family_of(struct converter *c, const struct labels *labels)
{
	for (uint32_t i = 0; i < c->count; i++) {
		if (labels_equal(c->families[i].labels, labels))
			return &c->families[i];
	}
	struct classic *at = arena_array(&c->memory->arena, c->steps + 1, sizeof *at);
	if (!at)
		return NULL;
	memset(at, 0, c->steps * sizeof *at);
	struct family *family = &c->families[c->count++];
	*family = (struct family){.labels = labels, .at = at};
	return family;
}

/* Puts a bucket in its place; one that is there already stays. */
static bool put_bucket(struct converter *c, struct classic *classic, double bound, double count)
{
	if (!classic->buckets) {
		classic->buckets = arena_array(&c->memory->arena, c->load->series.count,
					       sizeof *classic->buckets);
		if (!classic->buckets)
			return false;
	}
	uint32_t i = classic->bucket_count;
	while (i > 0 && classic->buckets[i - 1].bound > bound)
		i--;
	if (i > 0 && classic->buckets[i - 1].bound == bound)
		return true;
	memmove(&classic->buckets[i + 1], &classic->buckets[i],
		(classic->bucket_count - i) * sizeof *classic->buckets);
	classic->buckets[i] = (struct classic_bucket){bound, count};
	classic->bucket_count++;
	return true;
}

static int collect(struct converter *c, const struct script_series *series, struct error *err)
{
	struct slice name;
	double bound = 0;
	enum part part = part_of(series->labels, &name);
	if (part == PART_NONE || (part == PART_BUCKET && !bound_of(series->labels, &bound)))
		return 0;
	struct arena *arena = &c->memory->arena;
	struct slice le = SLICE("le");
	const struct labels *base = labels_select(arena, series->labels, &le, 1, false);
	base = base ? labels_with(arena, base, SLICE("__name__"), name) : NULL;
	struct family *family = base ? family_of(c, base) : NULL;
	if (!family)
		return no_memory(err);
	for (uint32_t i = 0; i < series->values.count; i++) {
		const struct sequence_value *value = &series->values.list[i];
		struct classic *classic = &family->at[i];
		if (value->omitted || value->histogram)
			continue;
		if (part != PART_SUM && value->value < 0)
			return error_set(err, STATUS_INVALID, "a classic histogram's count is %g",
					 value->value);
		classic->any = true;
		if (part == PART_SUM) {
			classic->sum = value->value;
		} else if (part == PART_COUNT) {
			classic->has_count = true;
			classic->count = value->value;
		} else if (!put_bucket(c, classic, bound, value->value)) {
			return no_memory(err);
		}
	}
	return 0;
}

static int convert(struct float_histogram *out, struct arena *arena, struct classic *classic,
		   struct error *err)
{
	uint32_t n = classic->bucket_count;
	if (!classic->has_count && n)
		classic->count = classic->buckets[n - 1].count;
	/* The bucket up to +Inf is not among the bounds, but always there. */
	bool infinite = n && isinf(classic->buckets[n - 1].bound);
	uint32_t bounds = infinite ? n - 1 : n, used = 0;
	int32_t *index = arena_array(arena, n + 1, sizeof *index);
	double *value = arena_array(arena, n + 1, sizeof *value);
	double *bound = arena_array(arena, n + 1, sizeof *bound);
	if (!index || !value || !bound)
		return no_memory(err);
	double before = 0;
	for (uint32_t i = 0; i <= bounds; i++) {
		double count = i < n ? classic->buckets[i].count : classic->count;
		if (count < before)
			return error_set(err, STATUS_INVALID, "count is not cumulative: %g < %g",
					 count, before);
		if (i < bounds)
			bound[i] = classic->buckets[i].bound;
		if (count != before) {
			index[used] = (int32_t)i;
			value[used++] = count - before;
		}
		before = count;
	}
	if (classic->count != before)
		return error_set(err, STATUS_INVALID, "count mismatch: %g, buckets have %g",
				 classic->count, before);
	*out = (struct float_histogram){.schema = HISTOGRAM_CUSTOM_BUCKETS,
					.count = classic->count,
					.sum = classic->sum,
					.positive = {used, index, value},
					.bounds = bound,
					.bound_count = bounds};
	return 0;
}

static int add_family(struct converter *c, const struct family *family, struct error *err)
{
	for (uint32_t i = 0; i < c->steps; i++) {
		struct float_histogram histogram;
		if (!family->at[i].any)
			continue;
		int status = convert(&histogram, &c->memory->arena, &family->at[i], err);
		if (status)
			return status;
		struct memory_sample sample = {.time = c->load->step * i, .histogram = &histogram};
		status = memory_source_add(c->memory, family->labels, sample, err);
		if (status)
			return status;
	}
	return 0;
}

int nhcb_load(struct memory_source *memory, const struct load_command *load, struct error *err)
{
	struct converter c = {.memory = memory, .load = load};
	int status = 0;
	for (uint32_t i = 0; i < load->series.count; i++) {
		if (load->series.list[i].values.count > c.steps)
			c.steps = load->series.list[i].values.count;
	}
	c.families = arena_array(&memory->arena, load->series.count + 1, sizeof *c.families);
	if (!c.families)
		return no_memory(err);
	for (uint32_t i = 0; i < load->series.count && !status; i++)
		status = collect(&c, &load->series.list[i], err);
	for (uint32_t i = 0; i < c.count && !status; i++)
		status = add_family(&c, &c.families[i], err);
	return status;
}
