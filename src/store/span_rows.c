/* Spans to rows of otel_traces and otel_traces_trace_id_ts. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "store/row_writer.h"
#include "store/table_columns.h"

enum { SOURCE_START_END, SOURCE_START, SOURCE_END, SOURCE_RECEIVED }; /* of TYPE_SPAN_SOURCE */

struct span_writer {
	const struct span_batch *batch;
	struct arena arena;
	struct buf scratch;
	uint64_t *times, *durations; /* the stored Timestamp and Duration of each row */
	uint8_t *sources;
	struct map_writer resource_maps, scope_maps, record_maps, event_maps, link_maps;
};

/* The events or links of a row. */
struct span_items {
	uint32_t from, to;
};

static struct span_items items_of(const uint32_t *ends, uint32_t row)
{
	return (struct span_items){row ? ends[row - 1] : 0, ends[row]};
}

static bool choose_times(struct span_writer *w)
{
	const struct span_batch *b = w->batch;
	w->times = arena_array(&w->arena, b->rows, sizeof(*w->times));
	w->durations = arena_array(&w->arena, b->rows, sizeof(*w->durations));
	w->sources = arena_array(&w->arena, b->rows, sizeof(*w->sources));
	if (!w->times || !w->durations || !w->sources)
		return false;
	for (uint32_t i = 0; i < b->rows; i++) {
		uint64_t start = b->start_time[i], end = b->end_time[i];
		w->times[i] = start ? start : end ? end : b->common.received_time;
		w->durations[i] = start && end ? end - start : 0;
		if (start)
			w->sources[i] = end ? SOURCE_START_END : SOURCE_START;
		else
			w->sources[i] = end ? SOURCE_END : SOURCE_RECEIVED;
	}
	return true;
}

static void put_ids(struct span_writer *w, struct native_block *block,
		    const struct row_group *group)
{
	const struct span_batch *b = w->batch;
	struct native_column *trace_ids = native_block_column(block, TRACES_TRACE_ID);
	struct native_column *span_ids = native_block_column(block, TRACES_SPAN_ID);
	struct native_column *parents = native_block_column(block, TRACES_PARENT_SPAN_ID);
	for (uint32_t i = 0; i < group->count; i++)
		put_trace_id(trace_ids, b->trace_id[group->rows[i]]);
	for (uint32_t i = 0; i < group->count; i++)
		put_span_id(span_ids, b->span_id[group->rows[i]]);
	for (uint32_t i = 0; i < group->count; i++)
		put_span_id(parents, b->parent_span_id[group->rows[i]]);
}

/* The spellings of the Collector's ptrace.SpanKind and ptrace.StatusCode. */
static void put_enums(struct span_writer *w, struct native_block *block,
		      const struct row_group *group)
{
	static const char *const kinds[] = {"Unspecified", "Internal", "Server",
					    "Client",      "Producer", "Consumer"};
	static const char *const codes[] = {"Unset", "Ok", "Error"};
	const struct span_batch *b = w->batch;
	struct native_column *kind = native_block_column(block, TRACES_SPAN_KIND);
	struct native_column *code = native_block_column(block, TRACES_STATUS_CODE);
	uint32_t kind_ids[6], code_ids[3];
	memset(kind_ids, 0xff, sizeof(kind_ids));
	memset(code_ids, 0xff, sizeof(code_ids));
	for (uint32_t i = 0; i < group->count; i++) {
		uint8_t k = b->kind[group->rows[i]], c = b->status_code[group->rows[i]];
		if (kind_ids[k] == NATIVE_NO_ID)
			kind_ids[k] = native_dict_id(&kind->dict, slice_of(kinds[k]));
		if (code_ids[c] == NATIVE_NO_ID)
			code_ids[c] = native_dict_id(&code->dict, slice_of(codes[c]));
		native_put_id(kind, kind_ids[k]);
		native_put_id(code, code_ids[c]);
	}
}

static void put_texts(struct span_writer *w, struct native_block *block,
		      const struct row_group *group)
{
	const struct span_batch *b = w->batch;
	struct name_writer names = name_writer_of(native_block_column(block, TRACES_SPAN_NAME));
	for (uint32_t i = 0; i < group->count; i++)
		name_writer_put(&names, b->name[group->rows[i]]);
	struct native_column *states = native_block_column(block, TRACES_TRACE_STATE);
	for (uint32_t i = 0; i < group->count; i++)
		native_put_string(states, b->trace_state[group->rows[i]]);
	struct native_column *messages = native_block_column(block, TRACES_STATUS_MESSAGE);
	for (uint32_t i = 0; i < group->count; i++)
		native_put_string(messages, b->status_message[group->rows[i]]);
}

static void put_numbers(struct span_writer *w, struct native_block *block,
			const struct row_group *group)
{
	const struct span_batch *b = w->batch;
	put_u64_column(native_block_column(block, TRACES_TIMESTAMP), w->times, group);
	put_u8_column(native_block_column(block, TRACES_TIMESTAMP_SOURCE), w->sources, group);
	put_u64_column(native_block_column(block, TRACES_DURATION), w->durations, group);
	put_u32_column(native_block_column(block, TRACES_FLAGS), b->flags, group);
	put_u32_column(native_block_column(block, TRACES_DROPPED), b->dropped_attributes, group);
	put_u32_column(native_block_column(block, TRACES_DROPPED_EVENTS), b->dropped_events, group);
	put_u32_column(native_block_column(block, TRACES_DROPPED_LINKS), b->dropped_links, group);
}

static void put_attributes(struct span_writer *w, struct native_block *block,
			   const struct row_group *group)
{
	const struct span_batch *b = w->batch;
	map_writer_begin(&w->resource_maps, block, TRACES_RESOURCE_ATTRIBUTES);
	map_writer_put_resources(&w->resource_maps, group, b->scope);
	map_writer_begin(&w->scope_maps, block, TRACES_SCOPE_ATTRIBUTES);
	map_writer_put_scopes(&w->scope_maps, group, b->scope);
	map_writer_begin(&w->record_maps, block, TRACES_ATTRIBUTES);
	for (uint32_t i = 0; i < group->count; i++)
		map_writer_put(&w->record_maps, b->attrs[group->rows[i]]);
}

static void put_events(struct span_writer *w, struct native_block *block,
		       const struct row_group *group)
{
	const struct span_batch *b = w->batch;
	struct native_column *times = native_block_column(block, TRACES_EVENT_TIMESTAMP);
	struct native_column *dropped = native_block_column(block, TRACES_EVENT_DROPPED);
	struct name_writer names = name_writer_of(native_block_column(block, TRACES_EVENT_NAME));
	map_writer_begin(&w->event_maps, block, TRACES_EVENT_ATTRIBUTES);
	for (uint32_t i = 0; i < group->count; i++) {
		struct span_items events = items_of(b->event_end, group->rows[i]);
		for (uint32_t e = events.from; e < events.to; e++) {
			const struct span_event *event = &b->events[e];
			native_put_u64(times, event->time);
			name_writer_put(&names, event->name);
			map_writer_put(&w->event_maps, event->attrs);
			native_put_u32(dropped, event->dropped_attributes);
		}
		native_end_array(times);
		native_end_array(names.column);
		native_end_array(w->event_maps.column);
		native_end_array(dropped);
	}
}

static void put_links(struct span_writer *w, struct native_block *block,
		      const struct row_group *group)
{
	const struct span_batch *b = w->batch;
	struct native_column *trace_ids = native_block_column(block, TRACES_LINK_TRACE_ID);
	struct native_column *span_ids = native_block_column(block, TRACES_LINK_SPAN_ID);
	struct native_column *states = native_block_column(block, TRACES_LINK_TRACE_STATE);
	struct native_column *dropped = native_block_column(block, TRACES_LINK_DROPPED);
	struct native_column *flags = native_block_column(block, TRACES_LINK_FLAGS);
	map_writer_begin(&w->link_maps, block, TRACES_LINK_ATTRIBUTES);
	for (uint32_t i = 0; i < group->count; i++) {
		struct span_items links = items_of(b->link_end, group->rows[i]);
		for (uint32_t l = links.from; l < links.to; l++) {
			const struct span_link *link = &b->links[l];
			put_trace_id(trace_ids, link->trace_id);
			put_span_id(span_ids, link->span_id);
			native_put_string(states, link->trace_state);
			map_writer_put(&w->link_maps, link->attrs);
			native_put_u32(dropped, link->dropped_attributes);
			native_put_u32(flags, link->flags);
		}
		native_end_array(trace_ids);
		native_end_array(span_ids);
		native_end_array(states);
		native_end_array(w->link_maps.column);
		native_end_array(dropped);
		native_end_array(flags);
	}
}

static void put_attribute_types(struct span_writer *w, struct native_block *block,
				const struct row_group *group)
{
	const struct span_batch *b = w->batch;
	struct types_writer types;
	types_writer_init(&types, &b->common, native_block_column(block, TRACES_ATTRIBUTE_TYPES));
	for (uint32_t i = 0; i < group->count; i++) {
		uint32_t row = group->rows[i];
		struct span_items events = items_of(b->event_end, row);
		struct span_items links = items_of(b->link_end, row);
		types_writer_begin(&types, b->scope[row]);
		types_writer_add(&types, b->attrs[row]);
		for (uint32_t e = events.from; e < events.to; e++)
			types_writer_add(&types, b->events[e].attrs);
		for (uint32_t l = links.from; l < links.to; l++)
			types_writer_add(&types, b->links[l].attrs);
		types_writer_end(&types);
	}
	types_writer_release(&types);
}

static bool put_spans(struct span_writer *w, struct native_block *block,
		      const struct row_group *group)
{
	static const struct parent_columns parents = {
		TRACES_SERVICE_NAME,     TRACES_RESOURCE_SCHEMA_URL, TRACES_RESOURCE_DROPPED,
		TRACES_SCOPE_SCHEMA_URL, TRACES_SCOPE_NAME,          TRACES_SCOPE_VERSION,
		TRACES_SCOPE_DROPPED};
	const struct span_batch *b = w->batch;
	put_numbers(w, block, group);
	put_ids(w, block, group);
	put_enums(w, block, group);
	put_texts(w, block, group);
	put_parents(block, &parents, &b->common, group, b->scope);
	put_attributes(w, block, group);
	put_events(w, block, group);
	put_links(w, block, group);
	put_attribute_types(w, block, group);
	native_block_add_rows(block, group->count);
	return !native_block_failed(block);
}

/* --- when traces were --- */

struct trace_time {
	uint32_t row; /* one of the trace's, for its id */
	uint64_t start, end;
};

struct trace_times {
	struct trace_time *times;
	uint32_t count;
	uint32_t *slots; /* open addressing: index into times + 1; 0: free */
	uint32_t mask;
	uint64_t seed;
};

static bool trace_times_init(struct trace_times *t, struct arena *arena, uint32_t rows)
{
	uint32_t slots = 16;
	while (slots < 2 * (uint64_t)rows && slots < UINT32_C(1) << 31)
		slots *= 2;
	*t = (struct trace_times){.times = arena_array(arena, rows, sizeof(*t->times)),
				  .slots = arena_array(arena, slots, sizeof(*t->slots)),
				  .mask = slots - 1};
	/* A sender cannot know an address, so cannot make ids that collide. */
	t->seed = (uintptr_t)t->times ^ (uintptr_t)t->slots << 20;
	if (!t->times || !t->slots)
		return false;
	memset(t->slots, 0, (size_t)slots * sizeof(*t->slots));
	return true;
}

static struct trace_time *find_trace(struct trace_times *t, const struct span_batch *b,
				     uint32_t row)
{
	const uint8_t *id = b->trace_id[row];
	if (t->count && memcmp(b->trace_id[t->times[t->count - 1].row], id, 16) == 0)
		return &t->times[t->count - 1];
	uint32_t at = (uint32_t)XXH3_64bits_withSeed(id, 16, t->seed) & t->mask;
	for (; t->slots[at]; at = (at + 1) & t->mask) {
		struct trace_time *time = &t->times[t->slots[at] - 1];
		if (memcmp(b->trace_id[time->row], id, 16) == 0)
			return time;
	}
	struct trace_time *time = &t->times[t->count++];
	*time = (struct trace_time){.row = row, .start = UINT64_MAX};
	t->slots[at] = t->count;
	return time;
}

static bool put_trace_times(struct span_writer *w, struct native_block *block,
			    const struct row_group *group)
{
	const struct span_batch *b = w->batch;
	struct trace_times t;
	if (!trace_times_init(&t, &w->arena, group->count))
		return false;
	for (uint32_t i = 0; i < group->count; i++) {
		uint32_t row = group->rows[i];
		uint64_t start = w->times[row], end = start + w->durations[row];
		struct trace_time *time = find_trace(&t, b, row);
		time->start = start < time->start ? start : time->start;
		time->end = end > time->end ? end : time->end;
	}
	struct native_column *ids = native_block_column(block, TRACE_TIMES_TRACE_ID);
	struct native_column *starts = native_block_column(block, TRACE_TIMES_START);
	struct native_column *ends = native_block_column(block, TRACE_TIMES_END);
	for (uint32_t i = 0; i < t.count; i++) {
		put_trace_id(ids, b->trace_id[t.times[i].row]);
		native_put_u64(starts, t.times[i].start);
		native_put_u64(ends, t.times[i].end);
	}
	native_block_add_rows(block, t.count);
	return !native_block_failed(block);
}

/* --- the whole --- */

static bool prepare(struct span_writer *w)
{
	const struct batch_common *common = &w->batch->common;
	return choose_times(w) &&
	       map_writer_init(&w->resource_maps, &w->arena, common, &w->scratch) &&
	       map_writer_init(&w->scope_maps, &w->arena, common, &w->scratch) &&
	       map_writer_init(&w->record_maps, &w->arena, common, &w->scratch) &&
	       map_writer_init(&w->event_maps, &w->arena, common, &w->scratch) &&
	       map_writer_init(&w->link_maps, &w->arena, common, &w->scratch);
}

static bool put_groups(struct span_writer *w, const struct row_blocks *blocks)
{
	struct row_groups groups;
	if (!prepare(w) || !row_groups_make(&w->arena, w->times, w->batch->rows, &groups))
		return false;
	for (uint32_t i = 0; i < groups.count; i++) {
		const struct row_group *group = &groups.groups[i];
		struct native_block *block = blocks->get(blocks->ctx, TABLE_TRACES, group->day);
		if (!block || !put_spans(w, block, group))
			return false;
		block = blocks->get(blocks->ctx, TABLE_TRACE_TIMES, group->day);
		if (!block || !put_trace_times(w, block, group))
			return false;
	}
	return true;
}

int span_rows_append(const struct span_batch *batch, const struct row_blocks *blocks,
		     struct error *err)
{
	struct span_writer w = {.batch = batch, .scratch = BUF_INIT};
	arena_init(&w.arena, SIZE_MAX);
	bool done = put_groups(&w, blocks);
	arena_release(&w.arena);
	buf_release(&w.scratch);
	return done ? 0 : rows_no_memory(err);
}
