/* Series and samples to rows of the metrics' tables. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "store/metric_value.h"
#include "store/row_writer.h"
#include "store/series_seen.h"
#include "store/table_columns.h"

#define MS_PER_DAY INT64_C(86400000)

struct metric_writer {
	const struct metric_batch *batch;
	const struct row_blocks *blocks;
	struct series_seen *seen; /* may be NULL */
	struct arena arena;
	uint32_t *written; /* by series: day + 1 of the last row it got; 0: none */
	uint32_t *fresh; /* series that need a row for the current day */
	uint32_t fresh_count;
	int8_t *floors; /* by number of a name in a block; all 0 between uses: see put_values */
	uint32_t floor_count;
};

/* More digits behind the point than this do not pull the other values of a metric along. */
#define LOWEST_FLOOR (-6)

static uint32_t day_of(int64_t ms)
{
	return (uint32_t)(ms / MS_PER_DAY);
}

/* The first day of the month, days since 1970 (the civil calendar's usual arithmetic). */
static uint32_t month_of(uint32_t day)
{
	/* Days since 0000-03-01, so that a leap day ends a year. */
	uint32_t z = day + 719468;
	uint32_t of_era = z % 146097;
	uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	uint32_t of_year = of_era - (365 * year + year / 4 - year / 100);
	uint32_t month = (5 * of_year + 2) / 153;
	uint32_t of_month = of_year - (153 * month + 2) / 5;
	return day - of_month;
}

static void put_series_id(struct native_column *column, struct series_id id)
{
	uint64_t *to = native_extend(&column->data, 2, sizeof(*to));
	if (to) {
		to[0] = id.low;
		to[1] = id.high;
	}
}

/* Notes that `series` has something on `day`. */
static void touch(struct metric_writer *w, uint32_t series, uint32_t day)
{
	if (w->written[series] == day + 1)
		return;
	w->written[series] = day + 1;
	if (!w->seen || series_seen_add(w->seen, w->batch->series[series].id, day))
		w->fresh[w->fresh_count++] = series;
}

static void put_series(const struct metric_batch *b, const struct metric_series *s,
		       struct native_block *block, uint32_t day)
{
	const struct metric_family *family = &b->families[s->family];
	struct native_column *labels = native_block_column(block, METRIC_SERIES_LABELS);
	for (uint32_t i = 0; i < metric_series_labels(s); i++) {
		struct label label = metric_series_label(b, s, i);
		native_put_key(labels, label.name);
		native_append_string(&labels->data, label.value);
	}
	native_end_map(labels);
	native_put_key(native_block_column(block, METRIC_SERIES_NAME), s->name);
	put_series_id(native_block_column(block, METRIC_SERIES_ID), s->id);
	native_put_key(native_block_column(block, METRIC_SERIES_TYPE),
		       slice_of(metric_type_name(family->type)));
	native_put_key(native_block_column(block, METRIC_SERIES_UNIT), family->unit);
	native_put_u16(native_block_column(block, METRIC_SERIES_MONTH), (uint16_t)month_of(day));
	native_put_u16(native_block_column(block, METRIC_SERIES_LAST_DAY), (uint16_t)day);
	native_block_add_rows(block, 1);
}

/* Writes the series that touch() found. */
static bool put_fresh(struct metric_writer *w, uint32_t day)
{
	if (w->fresh_count == 0)
		return true;
	struct native_block *block =
		w->blocks->get(w->blocks->ctx, TABLE_METRIC_SERIES, month_of(day));
	if (!block)
		return false;
	for (uint32_t i = 0; i < w->fresh_count; i++)
		put_series(w->batch, &w->batch->series[w->fresh[i]], block, day);
	w->fresh_count = 0;
	return !native_block_failed(block);
}

static bool reserve_floors(struct metric_writer *w, uint32_t names)
{
	if (names <= w->floor_count)
		return true;
	uint32_t count = names < 500 ? 1000 : 2 * names;
	w->floors = arena_alloc(&w->arena, count);
	if (!w->floors)
		return false;
	memset(w->floors, 0, count);
	w->floor_count = count;
	return true;
}

/*
 * The values of samples [from, to), whose names are numbers `names` of the block. Those of
 * one metric get one exponent, the lowest that one of them needs. That depends on the batch
 * alone: a replay makes the same rows.
 */
static bool put_values(struct metric_writer *w, struct native_block *block, const uint32_t *names,
		       uint32_t from, uint32_t to)
{
	const struct metric_batch *b = w->batch;
	struct native_column *mantissas = native_block_column(block, METRIC_SAMPLES_MANTISSA);
	struct native_column *exponents = native_block_column(block, METRIC_SAMPLES_EXPONENT);
	uint32_t count = to - from;
	int64_t *mantissa = native_extend(&mantissas->data, count, sizeof(*mantissa));
	int8_t *exponent = native_extend(&exponents->data, count, sizeof(*exponent));
	if (!mantissa || !exponent)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		struct metric_value v = metric_value_of(b->sample_value[from + i]);
		mantissa[i] = v.mantissa;
		exponent[i] = v.exponent;
		if (v.exponent < w->floors[names[i]] && v.exponent >= LOWEST_FLOOR)
			w->floors[names[i]] = v.exponent;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct metric_value v = {mantissa[i], exponent[i]};
		v = metric_value_align(v, w->floors[names[i]]);
		mantissa[i] = v.mantissa;
		exponent[i] = v.exponent;
	}
	for (uint32_t i = 0; i < count; i++)
		w->floors[names[i]] = 0;
	return true;
}

/* The names of samples [from, to) into the block; their numbers there, or NULL. */
static const uint32_t *put_names(struct metric_writer *w, struct native_block *block, uint32_t from,
				 uint32_t to)
{
	const struct metric_batch *b = w->batch;
	struct native_column *column = native_block_column(block, METRIC_SAMPLES_NAME);
	struct name_writer name = name_writer_of(column);
	size_t before = column->indices.len;
	for (uint32_t i = from; i < to; i++)
		name_writer_put(&name, b->series[b->sample_series[i]].name);
	if (column->indices.failed || column->dict.failed || !reserve_floors(w, column->dict.count))
		return NULL;
	return (const uint32_t *)(const void *)(column->indices.data + before);
}

/* Samples [from, to), all of one day. */
static bool put_samples(struct metric_writer *w, uint32_t from, uint32_t to, uint32_t day)
{
	const struct metric_batch *b = w->batch;
	struct native_block *block = w->blocks->get(w->blocks->ctx, TABLE_METRIC_SAMPLES, day);
	if (!block)
		return false;
	const uint32_t *names = put_names(w, block, from, to);
	if (!names || !put_values(w, block, names, from, to))
		return false;
	struct native_column *ids = native_block_column(block, METRIC_SAMPLES_SERIES);
	for (uint32_t i = from; i < to; i++)
		put_series_id(ids, b->series[b->sample_series[i]].id);
	size_t count = to - from;
	buf_append(&native_block_column(block, METRIC_SAMPLES_TIMESTAMP)->data,
		   b->sample_time + from, count * sizeof(*b->sample_time));
	buf_append(&native_block_column(block, METRIC_SAMPLES_START)->data, b->sample_start + from,
		   count * sizeof(*b->sample_start));
	buf_append(&native_block_column(block, METRIC_SAMPLES_FLAGS)->data, b->sample_flags + from,
		   count);
	native_block_add_rows(block, count);
	bool ok = !native_block_failed(block);
	for (uint32_t i = from; i < to; i++)
		touch(w, b->sample_series[i], day);
	return ok && put_fresh(w, day);
}

static bool put_all_samples(struct metric_writer *w)
{
	const struct metric_batch *b = w->batch;
	for (uint32_t from = 0, to; from < b->sample_count; from = to) {
		uint32_t day = day_of(b->sample_time[from]);
		for (to = from + 1; to < b->sample_count && day_of(b->sample_time[to]) == day;)
			to++;
		if (!put_samples(w, from, to, day))
			return false;
	}
	return true;
}

static void put_double(struct native_block *block, unsigned column, double value)
{
	buf_append(&native_block_column(block, column)->data, &value, sizeof(value));
}

static void put_counts(const struct metric_batch *b, struct native_block *block, unsigned column,
		       uint32_t first, uint32_t count)
{
	struct native_column *c = native_block_column(block, column);
	if (count)
		buf_append(&c->data, b->bucket_counts + first, count * sizeof(*b->bucket_counts));
	native_end_array(c);
}

static uint8_t exponential_flags(const struct exponential_point *p)
{
	return (uint8_t)(p->flags | (p->stale ? METRIC_ROW_STALE : 0) |
			 (p->has_sum ? METRIC_ROW_SUM : 0) | (p->has_min ? METRIC_ROW_MIN : 0) |
			 (p->has_max ? METRIC_ROW_MAX : 0));
}

static bool put_exponential(struct metric_writer *w, const struct exponential_point *p)
{
	const struct metric_batch *b = w->batch;
	const struct metric_series *s = &b->series[p->series];
	uint32_t day = day_of(p->time);
	struct native_block *block = w->blocks->get(w->blocks->ctx, TABLE_METRIC_EXPONENTIAL, day);
	if (!block)
		return false;
	native_put_key(native_block_column(block, METRIC_EXPONENTIAL_NAME), s->name);
	put_series_id(native_block_column(block, METRIC_EXPONENTIAL_SERIES), s->id);
	native_put_u64(native_block_column(block, METRIC_EXPONENTIAL_TIMESTAMP), (uint64_t)p->time);
	native_put_u64(native_block_column(block, METRIC_EXPONENTIAL_START), (uint64_t)p->start);
	native_put_u8(native_block_column(block, METRIC_EXPONENTIAL_FLAGS), exponential_flags(p));
	native_put_u8(native_block_column(block, METRIC_EXPONENTIAL_SCALE), (uint8_t)p->scale);
	native_put_u64(native_block_column(block, METRIC_EXPONENTIAL_COUNT), p->count);
	put_double(block, METRIC_EXPONENTIAL_SUM, p->sum);
	put_double(block, METRIC_EXPONENTIAL_MIN, p->min);
	put_double(block, METRIC_EXPONENTIAL_MAX, p->max);
	native_put_u64(native_block_column(block, METRIC_EXPONENTIAL_ZERO_COUNT), p->zero_count);
	put_double(block, METRIC_EXPONENTIAL_ZERO_THRESHOLD, p->zero_threshold);
	native_put_u32(native_block_column(block, METRIC_EXPONENTIAL_POSITIVE_OFFSET),
		       (uint32_t)p->positive_offset);
	put_counts(b, block, METRIC_EXPONENTIAL_POSITIVE, p->positive_first, p->positive_count);
	native_put_u32(native_block_column(block, METRIC_EXPONENTIAL_NEGATIVE_OFFSET),
		       (uint32_t)p->negative_offset);
	put_counts(b, block, METRIC_EXPONENTIAL_NEGATIVE, p->negative_first, p->negative_count);
	native_block_add_rows(block, 1);
	bool ok = !native_block_failed(block);
	touch(w, p->series, day);
	return ok && put_fresh(w, day);
}

static bool put_exemplar(struct metric_writer *w, const struct metric_exemplar *e)
{
	const struct metric_batch *b = w->batch;
	const struct metric_series *s = &b->series[e->series];
	struct native_block *block =
		w->blocks->get(w->blocks->ctx, TABLE_METRIC_EXEMPLARS, day_of(e->time));
	if (!block)
		return false;
	struct native_column *labels = native_block_column(block, METRIC_EXEMPLARS_LABELS);
	native_put_key(native_block_column(block, METRIC_EXEMPLARS_NAME), s->name);
	put_series_id(native_block_column(block, METRIC_EXEMPLARS_SERIES), s->id);
	native_put_u64(native_block_column(block, METRIC_EXEMPLARS_TIMESTAMP), (uint64_t)e->time);
	put_double(block, METRIC_EXEMPLARS_VALUE, e->value);
	put_trace_id(native_block_column(block, METRIC_EXEMPLARS_TRACE_ID), e->trace_id);
	put_span_id(native_block_column(block, METRIC_EXEMPLARS_SPAN_ID), e->span_id);
	for (uint32_t i = 0; i < e->label_count; i++) {
		const struct label *label = &b->labels[e->first_label + i];
		native_put_key(labels, label->name);
		native_append_string(&labels->data, label->value);
	}
	native_end_map(labels);
	native_block_add_rows(block, 1);
	return !native_block_failed(block);
}

/* A name for what the row says, as if it were a series, so that it is written once a day too. */
static struct series_id family_id(const struct metric_family *f)
{
	XXH3_state_t state;
	XXH3_128bits_reset(&state);
	const struct slice parts[] = {f->name, slice_of(metric_type_name(f->type)), f->unit,
				      f->help};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		XXH3_128bits_update(&state, parts[i].ptr, parts[i].len);
		XXH3_128bits_update(&state, "\xff", 1);
	}
	XXH128_hash_t hash = XXH3_128bits_digest(&state);
	return (struct series_id){hash.low64, hash.high64};
}

static bool put_family(struct metric_writer *w, const struct metric_family *f, uint32_t day)
{
	if (w->seen && !series_seen_add(w->seen, family_id(f), day))
		return true;
	struct native_block *block =
		w->blocks->get(w->blocks->ctx, TABLE_METRIC_METADATA, month_of(day));
	if (!block)
		return false;
	native_put_key(native_block_column(block, METRIC_METADATA_NAME), f->name);
	native_put_key(native_block_column(block, METRIC_METADATA_TYPE),
		       slice_of(metric_type_name(f->type)));
	native_put_key(native_block_column(block, METRIC_METADATA_UNIT), f->unit);
	native_put_string(native_block_column(block, METRIC_METADATA_HELP), f->help);
	native_put_u16(native_block_column(block, METRIC_METADATA_MONTH), (uint16_t)month_of(day));
	native_put_u16(native_block_column(block, METRIC_METADATA_LAST_DAY), (uint16_t)day);
	native_block_add_rows(block, 1);
	return !native_block_failed(block);
}

/* What is known of metrics, dated by the newest sample of the batch. */
static bool put_families(struct metric_writer *w)
{
	const struct metric_batch *b = w->batch;
	int64_t newest = -1;
	for (uint32_t i = 0; i < b->sample_count; i++)
		newest = b->sample_time[i] > newest ? b->sample_time[i] : newest;
	for (uint32_t i = 0; i < b->exponential_count; i++)
		newest = b->exponentials[i].time > newest ? b->exponentials[i].time : newest;
	if (newest < 0)
		return true;
	for (uint32_t i = 0; i < b->family_count; i++) {
		if (!put_family(w, &b->families[i], day_of(newest)))
			return false;
	}
	return true;
}

static bool put_batch(struct metric_writer *w)
{
	const struct metric_batch *b = w->batch;
	size_t size = b->series_count * sizeof(*w->written);
	w->written = arena_alloc(&w->arena, size);
	w->fresh = arena_alloc(&w->arena, size);
	if (!w->written || !w->fresh)
		return false;
	memset(w->written, 0, size);
	if (!put_all_samples(w))
		return false;
	for (uint32_t i = 0; i < b->exponential_count; i++) {
		if (!put_exponential(w, &b->exponentials[i]))
			return false;
	}
	for (uint32_t i = 0; i < b->exemplar_count; i++) {
		if (!put_exemplar(w, &b->exemplars[i]))
			return false;
	}
	return put_families(w);
}

int metric_rows_append(const struct metric_batch *batch, const struct row_blocks *blocks,
		       struct series_seen *seen, struct error *err)
{
	struct metric_writer w = {.batch = batch, .blocks = blocks, .seen = seen};
	arena_init(&w.arena, SIZE_MAX);
	bool ok = put_batch(&w);
	arena_release(&w.arena);
	if (ok)
		return 0;
	if (seen)
		series_seen_clear(seen);
	return rows_no_memory(err);
}
