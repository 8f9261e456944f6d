#include "memory_source.h"

#include "almost.h"
#include "base/regex.h"
#include "nhcb.h"

#define MEMORY_BUDGET ((size_t)512 << 20)

/* Arrays as of struct samples, that grow. */
struct float_samples {
	uint32_t count, capacity;
	int64_t *time, *start;
	double *value;
};

struct histogram_samples {
	uint32_t count, capacity;
	int64_t *time, *start;
	const struct float_histogram **histogram;
};

struct memory_series {
	const struct labels *labels;
	struct float_samples floats;
	struct histogram_samples histograms;
	bool has_starts;
	int64_t last; /* the newest sample's time */
	const struct float_histogram *last_histogram; /* when that is one */
};

/* --- select ----------------------------------------------------------------------------- */

struct compiled_matcher {
	const struct promql_matcher *matcher;
	struct regex *regex; /* of =~ and !~ */
};

/* 1, 0, or an error. */
static int matches(const struct compiled_matcher *compiled, const struct labels *labels,
		   struct error *err)
{
	const struct promql_matcher *m = compiled->matcher;
	struct slice value = labels_get(labels, m->name);
	if (!compiled->regex)
		return slice_eq(value, m->value) == (m->op == PROMQL_MATCH_EQ);
	int match = regex_match(compiled->regex, value, err);
	return match < 0 ? match : match == (m->op == PROMQL_MATCH_RE);
}

static int all_match(const struct compiled_matcher *list, uint32_t count,
		     const struct labels *labels, struct error *err)
{
	int match = 1;
	for (uint32_t i = 0; i < count && match == 1; i++)
		match = matches(&list[i], labels, err);
	return match;
}

static void free_matchers(struct compiled_matcher *list, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		regex_free(list[i].regex);
}

static int compile_matchers(struct compiled_matcher **out, const struct selection *selection,
			    struct arena *arena, struct error *err)
{
	struct compiled_matcher *list =
		arena_array(arena, selection->matcher_count + 1, sizeof *list);
	if (!list)
		return error_set(err, STATUS_LIMIT, "out of memory");
	int status = 0;
	uint32_t i;
	for (i = 0; i < selection->matcher_count && !status; i++) {
		const struct promql_matcher *m = &selection->matchers[i];
		list[i] = (struct compiled_matcher){.matcher = m};
		if (m->op == PROMQL_MATCH_RE || m->op == PROMQL_MATCH_NRE)
			status = regex_new(&list[i].regex, m->value, err);
	}
	if (status)
		free_matchers(list, i);
	*out = list;
	return status;
}

/* The first of `count` ascending times that is not before `time`. */
static uint32_t lower_bound(const int64_t *times, uint32_t count, int64_t time)
{
	uint32_t low = 0, high = count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (times[middle] < time)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct samples samples_between(const struct memory_series *series, int64_t from, int64_t to)
{
	const struct float_samples *f = &series->floats;
	const struct histogram_samples *h = &series->histograms;
	uint32_t first = lower_bound(f->time, f->count, from);
	uint32_t end = lower_bound(f->time, f->count, to);
	uint32_t hfirst = lower_bound(h->time, h->count, from);
	uint32_t hend = lower_bound(h->time, h->count, to);
	end += end < f->count && f->time[end] == to;
	hend += hend < h->count && h->time[hend] == to;
	struct samples samples = {.count = end > first ? end - first : 0,
				  .histogram_count = hend > hfirst ? hend - hfirst : 0};
	if (samples.count) {
		samples.time = f->time + first;
		samples.value = f->value + first;
		samples.start = series->has_starts ? f->start + first : NULL;
	}
	if (samples.histogram_count) {
		samples.histogram_time = h->time + hfirst;
		samples.histogram = h->histogram + hfirst;
		samples.histogram_start = series->has_starts ? h->start + hfirst : NULL;
	}
	return samples;
}

static int memory_select(struct series_source *source, const struct selection *selection,
			 struct arena *arena, series_fn *fn, void *arg, struct error *err)
{
	struct memory_source *memory = (struct memory_source *)source;
	struct compiled_matcher *matchers = NULL;
	int status = compile_matchers(&matchers, selection, arena, err);
	if (status)
		return status;
	for (uint32_t i = 0; i < memory->count && !status; i++) {
		const struct memory_series *series = memory->series[i];
		int match = all_match(matchers, selection->matcher_count, series->labels, err);
		if (match != 1) {
			status = match;
			continue;
		}
		struct samples samples = samples_between(series, selection->from, selection->to);
		if (samples.count || samples.histogram_count)
			status = fn(arg, series->labels, &samples, err);
	}
	free_matchers(matchers, selection->matcher_count);
	return status;
}

/* --- add -------------------------------------------------------------------------------- */

static int no_memory(struct error *err)
{
	return error_set(err, STATUS_LIMIT, "out of memory");
}

/* A copy of `list` with room for `capacity` items. */
static void *grown(struct arena *arena, const void *list, uint32_t count, uint32_t capacity,
		   size_t size)
{
	void *new = arena_array(arena, capacity, size);
	if (new &&count)
		memcpy(new, list, count * size);
	return new;
}

static bool floats_reserve(struct float_samples *f, struct arena *arena)
{
	if (f->count < f->capacity)
		return true;
	uint32_t capacity = f->capacity ? 2 * f->capacity : 16;
	int64_t *time = grown(arena, f->time, f->count, capacity, sizeof *time);
	int64_t *start = grown(arena, f->start, f->count, capacity, sizeof *start);
	double *value = grown(arena, f->value, f->count, capacity, sizeof *value);
	if (!time || !start || !value)
		return false;
	*f = (struct float_samples){f->count, capacity, time, start, value};
	return true;
}

static bool histograms_reserve(struct histogram_samples *h, struct arena *arena)
{
	if (h->count < h->capacity)
		return true;
	uint32_t capacity = h->capacity ? 2 * h->capacity : 16;
	int64_t *time = grown(arena, h->time, h->count, capacity, sizeof *time);
	int64_t *start = grown(arena, h->start, h->count, capacity, sizeof *start);
	const struct float_histogram **histogram =
		grown(arena, h->histogram, h->count, capacity, sizeof(struct float_histogram *));
	if (!time || !start || !histogram)
		return false;
	*h = (struct histogram_samples){h->count, capacity, time, start, histogram};
	return true;
}

/* A bucket that there was is smaller now, or not there. */
static bool buckets_shrank(const struct bucket_list *before, const struct bucket_list *now)
{
	uint32_t j = 0;
	for (uint32_t i = 0; i < before->count; i++) {
		while (j < now->count && now->index[j] < before->index[i])
			j++;
		bool same = j < now->count && now->index[j] == before->index[i];
		if (before->value[i] > (same ? now->value[j] : 0))
			return true;
	}
	return false;
}

static bool same_layout(const struct float_histogram *a, const struct float_histogram *b)
{
	return a->schema == b->schema && a->zero_threshold == b->zero_threshold &&
	       a->bound_count == b->bound_count &&
	       (a->bound_count == 0 ||
		memcmp(a->bounds, b->bounds, a->bound_count * sizeof *a->bounds) == 0);
}

/* Prometheus' storage knows that a counter went on within a chunk, and does not know it at its begin. */
static enum counter_reset_hint stored_hint(const struct float_histogram *before,
					   const struct float_histogram *now)
{
	if (now->hint == RESET_GAUGE)
		return RESET_GAUGE;
	if (!before || before->hint == RESET_GAUGE || now->hint == RESET_YES)
		return RESET_UNKNOWN;
	if (is_stale(now->sum))
		return RESET_NO;
	if (is_stale(before->sum) || now->count < before->count || !same_layout(before, now) ||
	    now->zero_count < before->zero_count ||
	    buckets_shrank(&before->positive, &now->positive) ||
	    buckets_shrank(&before->negative, &now->negative))
		return RESET_UNKNOWN;
	return RESET_NO;
}

static int add_histogram(struct memory_source *memory, struct memory_series *series,
			 const struct memory_sample *sample, struct error *err)
{
	struct histogram_samples *h = &series->histograms;
	struct float_histogram *stored = histogram_copy(&memory->arena, sample->histogram);
	if (!stored || !histograms_reserve(h, &memory->arena))
		return no_memory(err);
	if (!is_stale(stored->sum) && histogram_validate(stored, err))
		return STATUS_INVALID;
	stored->hint = stored_hint(series->last_histogram, stored);
	h->time[h->count] = sample->time;
	h->start[h->count] = sample->start;
	h->histogram[h->count++] = stored;
	series->last_histogram = stored;
	return 0;
}

static int add_float(struct memory_source *memory, struct memory_series *series,
		     const struct memory_sample *sample, struct error *err)
{
	struct float_samples *f = &series->floats;
	if (!floats_reserve(f, &memory->arena))
		return no_memory(err);
	f->time[f->count] = sample->time;
	f->start[f->count] = sample->start;
	f->value[f->count++] = sample->value;
	series->last_histogram = NULL;
	return 0;
}

/* The series with those labels, a new one when there is none; NULL: out of memory. */
static struct memory_series *find_series(struct memory_source *memory, const struct labels *labels)
{
	uint32_t i = labels_index_find(&memory->index, labels);
	if (i != LABELS_NONE)
		return memory->series[i];
	if (memory->count == memory->capacity) {
		uint32_t capacity = memory->capacity ? 2 * memory->capacity : 64;
		struct memory_series **list = grown(&memory->arena, memory->series, memory->count,
						    capacity, sizeof(struct memory_series *));
		if (!list)
			return NULL;
		memory->series = list;
		memory->capacity = capacity;
	}
	struct memory_series *series = arena_alloc(&memory->arena, sizeof *series);
	if (!series || labels_index_add(&memory->index, labels) == LABELS_NONE)
		return NULL;
	*series = (struct memory_series){.labels = labels, .last = INT64_MIN};
	memory->series[memory->count++] = series;
	return series;
}

int memory_source_add(struct memory_source *memory, const struct labels *labels,
		      struct memory_sample sample, struct error *err)
{
	struct memory_series *series = find_series(memory, labels);
	if (!series)
		return no_memory(err);
	if (sample.time <= series->last)
		return error_set(err, STATUS_INVALID, "sample at %lld is not after the last one",
				 (long long)sample.time);
	struct float_histogram stale = {.sum = sample.value};
	if (!sample.histogram && is_stale(sample.value) && series->last_histogram)
		sample.histogram = &stale;
	series->last = sample.time;
	series->has_starts = series->has_starts || sample.start != 0;
	return sample.histogram ? add_histogram(memory, series, &sample, err)
				: add_float(memory, series, &sample, err);
}

static int load_series(struct memory_source *memory, const struct load_command *load,
		       const struct script_series *series, struct error *err)
{
	for (uint32_t i = 0; i < series->values.count; i++) {
		const struct sequence_value *value = &series->values.list[i];
		struct memory_sample sample = {.time = load->step * i,
					       .value = value->value,
					       .histogram = value->histogram};
		if (value->omitted)
			continue;
		if (series->starts.count && !series->starts.list[i].omitted)
			sample.start = sample.time + (int64_t)series->starts.list[i].value;
		int status = memory_source_add(memory, series->labels, sample, err);
		if (status)
			return status;
	}
	return 0;
}

int memory_source_load(struct memory_source *memory, const struct load_command *load,
		       struct error *err)
{
	int status = 0;
	for (uint32_t i = 0; i < load->series.count && !status; i++)
		status = load_series(memory, load, &load->series.list[i], err);
	if (!status && load->with_nhcb)
		status = nhcb_load(memory, load, err);
	return status;
}

static void start_empty(struct memory_source *memory)
{
	memory->series = NULL;
	memory->count = memory->capacity = 0;
	labels_index_init(&memory->index, &memory->arena);
}

void memory_source_init(struct memory_source *memory)
{
	memory->source = (struct series_source){memory_select};
	arena_init(&memory->arena, MEMORY_BUDGET);
	start_empty(memory);
}

void memory_source_clear(struct memory_source *memory)
{
	arena_clear(&memory->arena);
	start_empty(memory);
}

void memory_source_release(struct memory_source *memory)
{
	arena_release(&memory->arena);
}
