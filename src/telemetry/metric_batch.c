#include "telemetry/metric_batch.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "telemetry/key_table.h"

#define FIRST_CAPACITY 64

const char *metric_type_name(enum metric_type type)
{
	static const char *const names[] = {"unknown", "gauge", "counter", "histogram",
					    "summary", "info",  "stateset"};
	return names[type];
}

void metric_batch_clear(struct metric_batch *b, size_t max_memory)
{
	struct arena arena = b->arena;
	struct buf run_text = b->run_text, id_text = b->id_text;
	arena.budget = max_memory;
	arena_clear(&arena);
	struct batch_common otlp = b->otlp;
	*b = (struct metric_batch){
		.arena = arena, .run_text = run_text, .id_text = id_text, .otlp = otlp};
	b->run_text.limit = b->id_text.limit = max_memory;
	buf_clear(&b->run_text);
	buf_clear(&b->id_text);
}

void metric_batch_release(struct metric_batch *b)
{
	arena_release(&b->arena);
	buf_release(&b->run_text);
	buf_release(&b->id_text);
	arena_release(&b->otlp.arena);
	key_table_free(b->otlp.key_table);
	*b = (struct metric_batch){0};
}

/*
 * `array` with room for `more` elements behind `used`; NULL when there is none. The old
 * array stays in the arena until that is cleared.
 */
static void *grow(struct metric_batch *b, void *array, uint32_t used, uint32_t more,
		  uint32_t *capacity, size_t size)
{
	if (more <= *capacity - used)
		return array;
	uint64_t larger = *capacity ? 2 * (uint64_t)*capacity : FIRST_CAPACITY;
	if (larger < (uint64_t)used + more)
		larger = (uint64_t)used + more;
	if (larger > UINT32_MAX)
		return NULL;
	void *copy = arena_array(&b->arena, larger, size);
	if (!copy)
		return NULL;
	if (used)
		memcpy(copy, array, used * size);
	*capacity = (uint32_t)larger;
	return copy;
}

bool metric_batch_add_family(struct metric_batch *b, struct metric_family family)
{
	void *p = grow(b, b->families, b->family_count, 1, &b->family_capacity, sizeof(family));
	if (!p)
		return false;
	b->families = p;
	b->families[b->family_count++] = family;
	return true;
}

struct label *metric_batch_reserve_labels(struct metric_batch *b, uint32_t count)
{
	void *p =
		grow(b, b->labels, b->label_count, count, &b->label_capacity, sizeof(struct label));
	if (!p && count)
		return NULL;
	b->labels = p;
	return p ? b->labels + b->label_count : NULL;
}

static size_t label_size(const struct label *label)
{
	return label->name.len + label->value.len + 2;
}

static char *put_text(char *to, struct slice text)
{
	memcpy(to, text.ptr, text.len);
	to[text.len] = (char)0xff;
	return to + text.len + 1;
}

static char *put_label(char *to, const struct label *label)
{
	return put_text(put_text(to, label->name), label->value);
}

bool metric_batch_use_labels(struct metric_batch *b, uint32_t first, uint32_t count)
{
	size_t size = 0;
	for (uint32_t i = 0; i < count; i++)
		size += label_size(&b->labels[first + i]);
	b->run_first = first;
	b->run_count = count;
	b->extra_name = NULL;
	buf_clear(&b->run_text);
	if (!buf_reserve(&b->run_text, size + 1))
		return false;
	char *to = b->run_text.data;
	for (uint32_t i = 0; i < count; i++)
		to = put_label(to, &b->labels[first + i]);
	b->run_text.len = size;
	return true;
}

static int compare(struct slice a, struct slice b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len ? memcmp(a.ptr, b.ptr, len) : 0;
	return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* Where a label of that name belongs among the labels in use: the same for all of a histogram's. */
static void find_place(struct metric_batch *b, struct slice name)
{
	if (b->extra_name == name.ptr)
		return;
	b->extra_name = name.ptr;
	b->extra_offset = 0;
	for (b->extra_at = 0; b->extra_at < b->run_count; b->extra_at++) {
		const struct label *label = &b->labels[b->run_first + b->extra_at];
		if (compare(label->name, name) > 0)
			break;
		b->extra_offset += label_size(label);
	}
}

static bool make_id(struct metric_batch *b, struct metric_series *s)
{
	bool extra = s->extra.name.len > 0;
	size_t run = b->run_text.len, split = run;
	buf_clear(&b->id_text);
	if (!buf_reserve(&b->id_text, s->name.len + 1 + run + label_size(&s->extra)))
		return false;
	if (extra) {
		find_place(b, s->extra.name);
		s->extra_at = b->extra_at;
		split = b->extra_offset;
	}
	char *to = put_text(b->id_text.data, s->name);
	memcpy(to, b->run_text.data, split);
	to += split;
	if (extra) {
		to = put_label(to, &s->extra);
		memcpy(to, b->run_text.data + split, run - split);
		to += run - split;
	}
	XXH128_hash_t hash = XXH3_128bits(b->id_text.data, (size_t)(to - b->id_text.data));
	s->id = (struct series_id){hash.low64, hash.high64};
	return true;
}

/* The slot of that id, or the free one where it belongs. */
static uint32_t *find_slot(const struct metric_batch *b, struct series_id id)
{
	uint32_t mask = b->slot_count - 1;
	for (uint32_t i = (uint32_t)id.low & mask;; i = (i + 1) & mask) {
		uint32_t *slot = &b->slots[i];
		if (!*slot)
			return slot;
		const struct series_id *other = &b->series[*slot - 1].id;
		if (other->low == id.low && other->high == id.high)
			return slot;
	}
}

/* Keeps a quarter of the slots free at least. */
static bool grow_slots(struct metric_batch *b)
{
	if (b->series_count < b->slot_count / 4 * 3)
		return true;
	if (b->slot_count > UINT32_MAX / 4)
		return false;
	uint32_t count = b->slot_count ? 4 * b->slot_count : 256;
	uint32_t *slots = arena_array(&b->arena, count, sizeof(*slots));
	if (!slots)
		return false;
	memset(slots, 0, count * sizeof(*slots));
	b->slots = slots;
	b->slot_count = count;
	for (uint32_t i = 0; i < b->series_count; i++)
		*find_slot(b, b->series[i].id) = i + 1;
	return true;
}

uint32_t metric_batch_series(struct metric_batch *b, struct slice name, const struct label *extra)
{
	struct metric_series s = {
		.name = name,
		.family = b->family_count - 1,
		.first_label = b->run_first,
		.label_count = b->run_count,
		.extra_at = NO_EXTRA_LABEL,
	};
	if (extra)
		s.extra = *extra;
	if (!make_id(b, &s) || !grow_slots(b))
		return NO_SERIES;
	uint32_t *slot = find_slot(b, s.id);
	if (*slot)
		return *slot - 1;
	void *p = grow(b, b->series, b->series_count, 1, &b->series_capacity, sizeof(s));
	if (!p)
		return NO_SERIES;
	b->series = p;
	b->series[b->series_count] = s;
	*slot = ++b->series_count;
	return b->series_count - 1;
}

static bool grow_samples(struct metric_batch *b)
{
	uint32_t capacity = b->sample_capacity, n = b->sample_count;
	if (n < capacity)
		return true;
	/* Each column grows by the same rule, so the capacity is the same after each. */
	uint32_t c[5] = {capacity, capacity, capacity, capacity, capacity};
	void *series = grow(b, b->sample_series, n, 1, &c[0], sizeof(*b->sample_series));
	void *time = grow(b, b->sample_time, n, 1, &c[1], sizeof(*b->sample_time));
	void *start = grow(b, b->sample_start, n, 1, &c[2], sizeof(*b->sample_start));
	void *value = grow(b, b->sample_value, n, 1, &c[3], sizeof(*b->sample_value));
	void *flags = grow(b, b->sample_flags, n, 1, &c[4], sizeof(*b->sample_flags));
	if (!series || !time || !start || !value || !flags)
		return false;
	b->sample_series = series;
	b->sample_time = time;
	b->sample_start = start;
	b->sample_value = value;
	b->sample_flags = flags;
	b->sample_capacity = c[0];
	return true;
}

bool metric_batch_add_sample(struct metric_batch *b, uint32_t series, int64_t time, int64_t start,
			     double value, uint8_t flags)
{
	if (!grow_samples(b))
		return false;
	uint32_t n = b->sample_count++;
	b->sample_series[n] = series;
	b->sample_time[n] = time;
	b->sample_start[n] = start;
	b->sample_value[n] = value;
	b->sample_flags[n] = flags;
	return true;
}

struct exponential_point *metric_batch_add_exponential(struct metric_batch *b)
{
	void *p = grow(b, b->exponentials, b->exponential_count, 1, &b->exponential_capacity,
		       sizeof(*b->exponentials));
	if (!p)
		return NULL;
	b->exponentials = p;
	struct exponential_point *point = &b->exponentials[b->exponential_count++];
	*point = (struct exponential_point){0};
	return point;
}

struct metric_exemplar *metric_batch_add_exemplar(struct metric_batch *b)
{
	void *p = grow(b, b->exemplars, b->exemplar_count, 1, &b->exemplar_capacity,
		       sizeof(*b->exemplars));
	if (!p)
		return NULL;
	b->exemplars = p;
	struct metric_exemplar *exemplar = &b->exemplars[b->exemplar_count++];
	*exemplar = (struct metric_exemplar){0};
	return exemplar;
}

bool metric_batch_add_bucket_count(struct metric_batch *b, uint64_t count)
{
	void *p = grow(b, b->bucket_counts, b->bucket_count_count, 1, &b->bucket_count_capacity,
		       sizeof(count));
	if (!p)
		return false;
	b->bucket_counts = p;
	b->bucket_counts[b->bucket_count_count++] = count;
	return true;
}
