#include "store/row_writer.h"

#include <stdlib.h>

#include "telemetry/value_text.h"
#include "wire/double_text.h"
#include "wire/hex.h"

/* --- groups --- */

struct day_row {
	uint32_t day, row;
};

static int by_day_and_row(const void *a, const void *b)
{
	const struct day_row *x = a, *y = b;
	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	return x->row < y->row ? -1 : 1;
}

static bool one_group(struct arena *arena, uint32_t day, uint32_t rows, struct row_groups *out)
{
	uint32_t *all = arena_array(arena, rows, sizeof(*all));
	struct row_group *group = arena_alloc(arena, sizeof(*group));
	if (!all || !group)
		return false;
	for (uint32_t i = 0; i < rows; i++)
		all[i] = i;
	*group = (struct row_group){all, rows, day};
	*out = (struct row_groups){group, 1};
	return true;
}

static bool many_groups(struct arena *arena, const uint64_t *times, uint32_t rows,
			struct row_groups *out)
{
	struct day_row *sorted = arena_array(arena, rows, sizeof(*sorted));
	uint32_t *ordered = arena_array(arena, rows, sizeof(*ordered));
	if (!sorted || !ordered)
		return false;
	for (uint32_t i = 0; i < rows; i++)
		sorted[i] = (struct day_row){(uint32_t)(times[i] / NS_PER_DAY), i};
	qsort(sorted, rows, sizeof(*sorted), by_day_and_row);
	uint32_t count = 1;
	for (uint32_t i = 1; i < rows; i++)
		count += sorted[i].day != sorted[i - 1].day;
	struct row_group *groups = arena_array(arena, count, sizeof(*groups));
	if (!groups)
		return false;
	uint32_t at = 0;
	for (uint32_t i = 0; i < rows; i++) {
		ordered[i] = sorted[i].row;
		if (i == 0 || sorted[i].day != sorted[i - 1].day)
			groups[at++] = (struct row_group){&ordered[i], 0, sorted[i].day};
		groups[at - 1].count++;
	}
	*out = (struct row_groups){groups, count};
	return true;
}

bool row_groups_make(struct arena *arena, const uint64_t *times, uint32_t rows,
		     struct row_groups *out)
{
	*out = (struct row_groups){NULL, 0};
	if (!rows)
		return true;
	uint64_t first = times[0] / NS_PER_DAY * NS_PER_DAY;
	bool same_day = true;
	for (uint32_t i = 0; i < rows; i++)
		same_day &= times[i] - first < NS_PER_DAY;
	if (same_day)
		return one_group(arena, (uint32_t)(first / NS_PER_DAY), rows, out);
	return many_groups(arena, times, rows, out);
}

int rows_no_memory(struct error *err)
{
	return error_set(err, STATUS_LIMIT, "no memory for more rows to be written");
}

/* --- maps --- */

bool map_writer_init(struct map_writer *w, struct arena *arena, const struct batch_common *batch,
		     struct buf *scratch)
{
	size_t size = batch->key_count * sizeof(struct key_id);
	*w = (struct map_writer){
		.batch = batch, .scratch = scratch, .ids = arena_alloc(arena, size)};
	if (w->ids)
		memset(w->ids, 0, size);
	return w->ids != NULL;
}

void map_writer_begin(struct map_writer *w, struct native_block *block, unsigned column)
{
	w->column = native_block_column(block, column);
	w->group++;
}

static inline uint32_t key_id(struct map_writer *w, uint32_t key)
{
	struct key_id *known = &w->ids[key];
	if (__builtin_expect(known->group != w->group, 0)) {
		known->id = native_dict_id(&w->column->dict, w->batch->keys[key]);
		known->group = w->group;
	}
	return known->id;
}

/* The bytes that the values of `run` may need as Native strings; 0: one of them is nested or bytes. */
static size_t values_room(const struct attr *attrs, uint32_t count)
{
	size_t room = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (attrs[i].value.type > VALUE_DOUBLE)
			return 0;
		room += attrs[i].value.len + NATIVE_LENGTH_MAX + NUMBER_TEXT_MAX;
	}
	return room;
}

static char *write_scalar(char *p, struct value v)
{
	switch ((enum value_type)v.type) {
	case VALUE_STRING:
		return native_write_string(p, v.ptr, v.len);
	case VALUE_BOOL:
		return native_write_string(p, v.i ? "true" : "false", v.i ? 4 : 5);
	case VALUE_INT:
		p[0] = (char)int64_text(v.i, p + 1);
		return p + 1 + p[0];
	case VALUE_DOUBLE:
		p[0] = (char)double_text(v.d, p + 1);
		return p + 1 + p[0];
	default:
		*p = 0;
		return p + 1;
	}
}

static void put_any_values(struct map_writer *w, const struct attr *attrs, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		buf_clear(w->scratch);
		value_text(w->scratch, attrs[i].value);
		if (w->scratch->failed)
			w->column->data.failed = true;
		native_append_string(&w->column->data, buf_slice(w->scratch));
	}
}

void map_writer_put(struct map_writer *w, struct attr_run run)
{
	struct native_column *c = w->column;
	if (run.count) {
		const struct attr *attrs = &w->batch->attrs[run.first];
		uint32_t *ids = native_extend(&c->indices, run.count, sizeof(*ids));
		for (uint32_t i = 0; ids && i < run.count; i++)
			ids[i] = key_id(w, attrs[i].key);
		size_t room = values_room(attrs, run.count);
		if (!room) {
			put_any_values(w, attrs, run.count);
		} else if (buf_reserve(&c->data, room)) {
			char *p = c->data.data + c->data.len;
			for (uint32_t i = 0; i < run.count; i++)
				p = write_scalar(p, attrs[i].value);
			c->data.len = (size_t)(p - c->data.data);
		}
	}
	native_end_map(c);
}

/* Where the last map of the column begins in its buffers. */
struct map_position {
	size_t indices, data;
};

/* Appends the bytes from `from` to `to` of the buffer once more. */
static void repeat(struct buf *buf, size_t from, size_t to)
{
	if (buf_reserve(buf, to - from)) {
		native_copy(buf->data + buf->len, buf->data + from, to - from);
		buf->len += to - from;
	}
}

static void repeat_map(struct native_column *c, struct map_position from, struct map_position to)
{
	repeat(&c->indices, from.indices, to.indices);
	repeat(&c->data, from.data, to.data);
	native_end_map(c);
}

static struct map_position position(const struct native_column *c)
{
	return (struct map_position){c->indices.len, c->data.len};
}

void map_writer_put_resources(struct map_writer *w, const struct row_group *group,
			      const uint32_t *scope_of_row)
{
	const struct batch_common *batch = w->batch;
	struct map_position from = {0, 0}, to = {0, 0};
	uint32_t last = UINT32_MAX;
	for (uint32_t i = 0; i < group->count; i++) {
		uint32_t resource = batch->scopes[scope_of_row[group->rows[i]]].resource;
		if (resource == last) {
			repeat_map(w->column, from, to);
			continue;
		}
		last = resource;
		from = position(w->column);
		map_writer_put(w, batch->resources[resource].attrs);
		to = position(w->column);
	}
}

void map_writer_put_scopes(struct map_writer *w, const struct row_group *group,
			   const uint32_t *scope_of_row)
{
	struct map_position from = {0, 0}, to = {0, 0};
	uint32_t last = UINT32_MAX;
	for (uint32_t i = 0; i < group->count; i++) {
		uint32_t scope = scope_of_row[group->rows[i]];
		if (scope == last) {
			repeat_map(w->column, from, to);
			continue;
		}
		last = scope;
		from = position(w->column);
		map_writer_put(w, w->batch->scopes[scope].attrs);
		to = position(w->column);
	}
}

/* --- other columns --- */

void put_parents(struct native_block *block, const struct parent_columns *ids,
		 const struct batch_common *batch, const struct row_group *group,
		 const uint32_t *scope_of_row)
{
	struct native_column *columns[] = {
		native_block_column(block, ids->service_name),
		native_block_column(block, ids->resource_schema_url),
		native_block_column(block, ids->scope_schema_url),
		native_block_column(block, ids->scope_name),
		native_block_column(block, ids->scope_version),
	};
	struct native_column *resource_dropped = native_block_column(block, ids->resource_dropped);
	struct native_column *scope_dropped = native_block_column(block, ids->scope_dropped);
	uint32_t name_ids[5];
	uint32_t end;
	for (uint32_t i = 0; i < group->count; i = end) {
		uint32_t number = scope_of_row[group->rows[i]];
		for (end = i + 1; end < group->count; end++) {
			if (scope_of_row[group->rows[end]] != number)
				break;
		}
		const struct scope *scope = &batch->scopes[number];
		const struct resource *resource = &batch->resources[scope->resource];
		const struct slice names[] = {resource->service_name, resource->schema_url,
					      scope->schema_url, scope->name, scope->version};
		for (unsigned n = 0; n < 5; n++) {
			name_ids[n] = native_dict_id(&columns[n]->dict, names[n]);
			for (uint32_t j = i; j < end; j++)
				native_put_id(columns[n], name_ids[n]);
		}
		for (uint32_t j = i; j < end; j++)
			native_put_u32(resource_dropped, resource->dropped_attributes);
		for (uint32_t j = i; j < end; j++)
			native_put_u32(scope_dropped, scope->dropped_attributes);
	}
}

void types_writer_init(struct types_writer *w, const struct batch_common *batch,
		       struct native_column *column)
{
	*w = (struct types_writer){.column = column, .batch = batch, .scope = UINT32_MAX};
	buf_init(&w->sections);
	buf_init(&w->last);
}

void types_writer_release(struct types_writer *w)
{
	if (w->sections.failed || w->last.failed)
		w->column->dict.failed = true;
	buf_release(&w->sections);
	buf_release(&w->last);
}

void types_writer_begin(struct types_writer *w, uint32_t scope)
{
	if (scope != w->scope) {
		const struct scope *s = &w->batch->scopes[scope];
		buf_clear(&w->sections);
		types_writer_add(w, w->batch->resources[s->resource].attrs);
		types_writer_add(w, s->attrs);
		w->scope = scope;
		w->scope_end = w->sections.len;
		w->plain = attr_types_finish(&w->sections).len == 0;
	}
	w->sections.len = w->scope_end;
}

void types_writer_end(struct types_writer *w)
{
	struct slice signature = attr_types_finish(&w->sections);
	if (!slice_eq(signature, buf_slice(&w->last))) {
		w->last_id = native_dict_id(&w->column->dict, signature);
		buf_clear(&w->last);
		buf_append_slice(&w->last, signature);
	}
	native_put_id(w->column, w->last_id);
}

static bool all_zero(const uint8_t *bytes, size_t words)
{
	uint64_t word, any = 0;
	for (size_t i = 0; i < words; i++) {
		memcpy(&word, bytes + 8 * i, 8);
		any |= word;
	}
	return !any;
}

void put_trace_id(struct native_column *column, const uint8_t id[16])
{
	if (!buf_reserve(&column->data, 33))
		return;
	column->strings++;
	char *p = column->data.data + column->data.len;
	if (all_zero(id, 2)) {
		*p = 0;
		column->data.len++;
		return;
	}
	*p = 32;
	hex_encode_16(p + 1, id);
	column->data.len += 33;
}

void put_span_id(struct native_column *column, const uint8_t id[8])
{
	if (!buf_reserve(&column->data, 17))
		return;
	column->strings++;
	char *p = column->data.data + column->data.len;
	if (all_zero(id, 1)) {
		*p = 0;
		column->data.len++;
		return;
	}
	*p = 16;
	hex_encode_8(p + 1, id);
	column->data.len += 17;
}

void put_value(struct native_column *column, struct value value, struct buf *scratch)
{
	if (value.type == VALUE_STRING) {
		native_put_string(column, value_bytes(value));
		return;
	}
	buf_clear(scratch);
	value_text(scratch, value);
	if (scratch->failed)
		column->data.failed = true;
	native_put_string(column, buf_slice(scratch));
}

void put_u8_column(struct native_column *column, const uint8_t *values,
		   const struct row_group *group)
{
	uint8_t *to = native_extend(&column->data, group->count, sizeof(*to));
	for (uint32_t i = 0; to && i < group->count; i++)
		to[i] = values[group->rows[i]];
}

void put_u32_column(struct native_column *column, const uint32_t *values,
		    const struct row_group *group)
{
	uint32_t *to = native_extend(&column->data, group->count, sizeof(*to));
	for (uint32_t i = 0; to && i < group->count; i++)
		to[i] = values[group->rows[i]];
}

void put_u64_column(struct native_column *column, const uint64_t *values,
		    const struct row_group *group)
{
	uint64_t *to = native_extend(&column->data, group->count, sizeof(*to));
	for (uint32_t i = 0; to && i < group->count; i++)
		to[i] = values[group->rows[i]];
}
