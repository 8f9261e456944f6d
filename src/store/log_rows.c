/* Log records to rows of otel_logs and otel_log_streams. */
#include "store/row_writer.h"
#include "store/table_columns.h"
#include "telemetry/log_stream.h"
#include "telemetry/value_text.h"

enum { SOURCE_TIME, SOURCE_OBSERVED, SOURCE_RECEIVED }; /* of TYPE_LOG_SOURCE */

struct stream {
	uint64_t id;
	bool computed;
	uint32_t written_for; /* day + 1 of the last group whose streams table has it; 0: none */
};

struct log_writer {
	const struct log_batch *batch;
	struct arena arena;
	struct buf scratch;
	uint64_t *times; /* the stored Timestamp of each row */
	uint8_t *sources;
	struct stream *streams; /* by resource */
	struct map_writer resource_maps, scope_maps, record_maps;
};

/* The time that a row is stored under, and where it is from. */
static bool choose_times(struct log_writer *w)
{
	const struct log_batch *b = w->batch;
	w->times = arena_array(&w->arena, b->rows, sizeof(*w->times));
	w->sources = arena_array(&w->arena, b->rows, sizeof(*w->sources));
	if (!w->times || !w->sources)
		return false;
	for (uint32_t i = 0; i < b->rows; i++) {
		uint64_t observed = b->observed_time[i];
		uint64_t fallback = observed ? observed : b->common.received_time;
		uint8_t source = observed ? SOURCE_OBSERVED : SOURCE_RECEIVED;
		w->times[i] = b->time[i] ? b->time[i] : fallback;
		w->sources[i] = b->time[i] ? SOURCE_TIME : source;
	}
	return true;
}

static uint64_t stream_id(struct log_writer *w, uint32_t resource)
{
	struct stream *stream = &w->streams[resource];
	if (!stream->computed) {
		struct log_stream_label labels[LOG_STREAM_LABELS];
		const struct batch_common *common = &w->batch->common;
		unsigned count = log_stream_labels(common, &common->resources[resource], labels);
		stream->id = log_stream_id(labels, count, &w->scratch);
		stream->computed = true;
	}
	return stream->id;
}

static void put_stream_ids(struct log_writer *w, struct native_block *block,
			   const struct row_group *group)
{
	const struct log_batch *b = w->batch;
	struct native_column *column = native_block_column(block, LOGS_STREAM_ID);
	uint64_t *to = native_extend(&column->data, group->count, sizeof(*to));
	for (uint32_t i = 0; to && i < group->count; i++)
		to[i] = stream_id(w, b->common.scopes[b->scope[group->rows[i]]].resource);
}

static void put_bodies(struct log_writer *w, struct native_block *block,
		       const struct row_group *group)
{
	const struct log_batch *b = w->batch;
	struct native_column *bodies = native_block_column(block, LOGS_BODY);
	struct native_column *types = native_block_column(block, LOGS_BODY_TYPE);
	for (uint32_t i = 0; i < group->count; i++) {
		struct value body = b->body[group->rows[i]];
		put_value(bodies, body, &w->scratch);
		native_put_u8(types, (uint8_t)body.type);
	}
}

static void put_ids_and_flags(struct log_writer *w, struct native_block *block,
			      const struct row_group *group)
{
	const struct log_batch *b = w->batch;
	struct native_column *trace_ids = native_block_column(block, LOGS_TRACE_ID);
	struct native_column *span_ids = native_block_column(block, LOGS_SPAN_ID);
	struct native_column *trace_flags = native_block_column(block, LOGS_TRACE_FLAGS);
	for (uint32_t i = 0; i < group->count; i++)
		put_trace_id(trace_ids, b->trace_id[group->rows[i]]);
	for (uint32_t i = 0; i < group->count; i++)
		put_span_id(span_ids, b->span_id[group->rows[i]]);
	for (uint32_t i = 0; i < group->count; i++)
		native_put_u8(trace_flags, (uint8_t)b->flags[group->rows[i]]);
	put_u32_column(native_block_column(block, LOGS_FLAGS), b->flags, group);
}

static void put_names(struct log_writer *w, struct native_block *block,
		      const struct row_group *group)
{
	const struct log_batch *b = w->batch;
	struct name_writer severity =
		name_writer_of(native_block_column(block, LOGS_SEVERITY_TEXT));
	for (uint32_t i = 0; i < group->count; i++)
		name_writer_put(&severity, b->severity_text[group->rows[i]]);
	struct name_writer event = name_writer_of(native_block_column(block, LOGS_EVENT_NAME));
	for (uint32_t i = 0; i < group->count; i++)
		name_writer_put(&event, b->event_name[group->rows[i]]);
}

static void put_attribute_types(struct log_writer *w, struct native_block *block,
				const struct row_group *group)
{
	const struct log_batch *b = w->batch;
	struct types_writer types;
	types_writer_init(&types, &b->common, native_block_column(block, LOGS_ATTRIBUTE_TYPES));
	for (uint32_t i = 0; i < group->count; i++) {
		uint32_t row = group->rows[i];
		types_writer_begin(&types, b->scope[row]);
		if (types.plain && attr_types_all_strings(b->common.attrs, b->attrs[row])) {
			native_put_id(types.column, 0);
			continue;
		}
		types_writer_add(&types, b->attrs[row]);
		types_writer_end(&types);
	}
	types_writer_release(&types);
}

static void put_attributes(struct log_writer *w, struct native_block *block,
			   const struct row_group *group)
{
	const struct log_batch *b = w->batch;
	map_writer_begin(&w->resource_maps, block, LOGS_RESOURCE_ATTRIBUTES);
	map_writer_put_resources(&w->resource_maps, group, b->scope);
	map_writer_begin(&w->scope_maps, block, LOGS_SCOPE_ATTRIBUTES);
	map_writer_put_scopes(&w->scope_maps, group, b->scope);
	map_writer_begin(&w->record_maps, block, LOGS_ATTRIBUTES);
	for (uint32_t i = 0; i < group->count; i++)
		map_writer_put(&w->record_maps, b->attrs[group->rows[i]]);
}

static bool put_logs(struct log_writer *w, struct native_block *block,
		     const struct row_group *group)
{
	static const struct parent_columns parents = {
		LOGS_SERVICE_NAME,     LOGS_RESOURCE_SCHEMA_URL, LOGS_RESOURCE_DROPPED,
		LOGS_SCOPE_SCHEMA_URL, LOGS_SCOPE_NAME,          LOGS_SCOPE_VERSION,
		LOGS_SCOPE_DROPPED};
	const struct log_batch *b = w->batch;
	put_u64_column(native_block_column(block, LOGS_TIMESTAMP), w->times, group);
	put_u8_column(native_block_column(block, LOGS_TIMESTAMP_SOURCE), w->sources, group);
	put_u64_column(native_block_column(block, LOGS_OBSERVED_TIMESTAMP), b->observed_time,
		       group);
	put_ids_and_flags(w, block, group);
	put_names(w, block, group);
	put_u8_column(native_block_column(block, LOGS_SEVERITY_NUMBER), b->severity_number, group);
	put_bodies(w, block, group);
	put_parents(block, &parents, &b->common, group, b->scope);
	put_attributes(w, block, group);
	put_u32_column(native_block_column(block, LOGS_DROPPED), b->dropped_attributes, group);
	put_attribute_types(w, block, group);
	put_stream_ids(w, block, group);
	native_block_add_rows(block, group->count);
	return !native_block_failed(block);
}

static void put_stream(struct log_writer *w, struct native_block *block, uint32_t resource,
		       uint32_t day)
{
	struct log_stream_label labels[LOG_STREAM_LABELS];
	const struct batch_common *common = &w->batch->common;
	unsigned count = log_stream_labels(common, &common->resources[resource], labels);
	struct native_column *map = native_block_column(block, STREAMS_LABELS);
	for (unsigned i = 0; i < count; i++) {
		native_put_key(map, labels[i].name);
		buf_clear(&w->scratch);
		value_text(&w->scratch, labels[i].value);
		native_append_string(&map->data, buf_slice(&w->scratch));
	}
	native_end_map(map);
	native_put_u64(native_block_column(block, STREAMS_STREAM_ID), w->streams[resource].id);
	native_put_key(native_block_column(block, STREAMS_SERVICE_NAME),
		       common->resources[resource].service_name);
	native_put_u16(native_block_column(block, STREAMS_DAY), (uint16_t)day);
	native_block_add_rows(block, 1);
}

/* Two resources may be one stream; `w->streams` is by resource, so look for the id as well. */
static bool stream_is_new(struct log_writer *w, uint32_t resource, uint32_t day)
{
	struct stream *stream = &w->streams[resource];
	if (stream->written_for == day + 1)
		return false;
	stream->written_for = day + 1;
	uint32_t first = resource > 64 ? resource - 64 : 0;
	for (uint32_t i = first; i < resource; i++) {
		if (w->streams[i].id == stream->id && w->streams[i].written_for == day + 1)
			return false;
	}
	return true;
}

static bool put_streams(struct log_writer *w, struct native_block *block,
			const struct row_group *group)
{
	const struct log_batch *b = w->batch;
	uint32_t last = UINT32_MAX;
	for (uint32_t i = 0; i < group->count; i++) {
		uint32_t scope = b->scope[group->rows[i]];
		if (scope == last)
			continue;
		last = scope;
		uint32_t resource = b->common.scopes[scope].resource;
		if (stream_is_new(w, resource, group->day))
			put_stream(w, block, resource, group->day);
	}
	return !native_block_failed(block) && !w->scratch.failed;
}

static bool prepare(struct log_writer *w)
{
	const struct batch_common *common = &w->batch->common;
	size_t size = common->resource_count * sizeof(*w->streams);
	w->streams = arena_alloc(&w->arena, size);
	if (!w->streams)
		return false;
	memset(w->streams, 0, size);
	return choose_times(w) &&
	       map_writer_init(&w->resource_maps, &w->arena, common, &w->scratch) &&
	       map_writer_init(&w->scope_maps, &w->arena, common, &w->scratch) &&
	       map_writer_init(&w->record_maps, &w->arena, common, &w->scratch);
}

static bool put_groups(struct log_writer *w, const struct row_blocks *blocks)
{
	struct row_groups groups;
	if (!prepare(w) || !row_groups_make(&w->arena, w->times, w->batch->rows, &groups))
		return false;
	for (uint32_t i = 0; i < groups.count; i++) {
		const struct row_group *group = &groups.groups[i];
		struct native_block *block = blocks->get(blocks->ctx, TABLE_LOGS, group->day);
		if (!block || !put_logs(w, block, group))
			return false;
		block = blocks->get(blocks->ctx, TABLE_LOG_STREAMS, group->day);
		if (!block || !put_streams(w, block, group))
			return false;
	}
	return true;
}

int log_rows_append(const struct log_batch *batch, const struct row_blocks *blocks,
		    struct error *err)
{
	struct log_writer w = {.batch = batch, .scratch = BUF_INIT};
	arena_init(&w.arena, SIZE_MAX);
	bool done = put_groups(&w, blocks);
	arena_release(&w.arena);
	buf_release(&w.scratch);
	return done ? 0 : rows_no_memory(err);
}
