#include "exporters/clickhouse/open_cut.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fault.h"
#include "store/rows.h"
#include "wire/native.h"

#define MAX_STREAMS 4 /* INSERTs that one cut holds open at once */

struct open_cut *open_cut_new(const struct open_cut_options *options, uint64_t id, uint64_t from)
{
	struct open_cut *cut = calloc(1, sizeof(*cut));
	if (!cut)
		return NULL;
	cut->options = options;
	cut->id = id;
	cut->from = cut->to = from;
	cut->first_received = UINT64_MAX;
	cut->opened_at = clock_monotonic_ns();
	return cut;
}

void open_cut_free(struct open_cut *cut)
{
	if (!cut)
		return;
	for (uint32_t i = 0; i < cut->part_count; i++) {
		store_insert_abort(cut->parts[i].insert);
		native_block_free(cut->parts[i].block);
	}
	free(cut->parts);
	free(cut->part_slots);
	free(cut);
}

/* --- parts ------------------------------------------------------------------------ */

static bool is_part(const struct cut_part *part, enum table table, uint32_t day)
{
	return part->day == day && part->table == table;
}

/* The slot of the part, or the free one where it belongs. */
static uint32_t *part_slot(const struct open_cut *cut, enum table table, uint32_t day)
{
	uint32_t mask = cut->part_slot_count - 1;
	/* Multiplied by 2^32 over the golden ratio: days come at any distance, which spreads them. */
	uint32_t i = (day * TABLE_COUNT + (uint32_t)table) * UINT32_C(2654435769);
	i ^= i >> 16;
	while (cut->part_slots[i & mask] &&
	       !is_part(&cut->parts[cut->part_slots[i & mask] - 1], table, day))
		i++;
	return &cut->part_slots[i & mask];
}

static bool grow_parts(struct open_cut *cut)
{
	uint32_t capacity = cut->part_capacity ? cut->part_capacity * 2 : 8;
	struct cut_part *parts = realloc(cut->parts, capacity * sizeof(*parts));
	if (!parts)
		return false;
	cut->parts = parts;
	uint32_t *slots = calloc((size_t)capacity * 2, sizeof(*slots));
	if (!slots)
		return false;
	free(cut->part_slots);
	cut->part_slots = slots;
	cut->part_slot_count = capacity * 2;
	cut->part_capacity = capacity;
	for (uint32_t i = 0; i < cut->part_count; i++)
		*part_slot(cut, parts[i].table, parts[i].day) = i + 1;
	return true;
}

struct cut_part *open_cut_part(struct open_cut *cut, enum table table, uint32_t day)
{
	if (cut->last_part < cut->part_count && is_part(&cut->parts[cut->last_part], table, day))
		return &cut->parts[cut->last_part];
	if (cut->part_count == cut->part_capacity && !grow_parts(cut))
		return NULL;
	uint32_t *slot = part_slot(cut, table, day);
	if (*slot) {
		cut->last_part = *slot - 1;
		return &cut->parts[cut->last_part];
	}
	const struct table_info *info = table_info(table);
	struct cut_part *part = &cut->parts[cut->part_count];
	*part = (struct cut_part){.table = table, .day = day};
	part->block = native_block_new(info->columns, info->column_count);
	if (!part->block)
		return NULL;
	native_block_set_cut_id(part->block, cut->id);
	if (cut->only && (table != cut->only_table || day != cut->only_day))
		part->state = PART_LEFT;
	cut->last_part = cut->part_count++;
	*slot = cut->part_count;
	return part;
}

static struct native_block *get_block(void *ctx, enum table table, uint32_t day)
{
	struct cut_part *part = open_cut_part(ctx, table, day);
	return part ? part->block : NULL;
}

/* --- sending ---------------------------------------------------------------------- */

static int begin_insert(const struct open_cut_options *options, enum table table,
			const char *query_id, struct store_insert **out, struct error *err)
{
	const struct table_info *info = table_info(table);
	struct buf sql = BUF_INIT;
	buf_appendf(&sql, "INSERT INTO `%s`.`%s` (", options->database, info->name);
	for (size_t i = 0; i < info->column_count; i++)
		buf_appendf(&sql, "%s`%s`", i ? "," : "", info->columns[i].name);
	buf_append_cstr(&sql, ") FORMAT Native");
	/* One INSERT must become one part (see also struct store_insert): no repeat may be dropped. */
	static const struct store_option settings[] = {
		{"async_insert", "0"},
		{"insert_deduplicate", "0"},
		{"max_insert_threads", "1"},
		{"max_partitions_per_insert_block", "1"},
	};
	int rc = store_insert_begin(out, options->client, buf_cstr(&sql), query_id, settings,
				    sizeof(settings) / sizeof(settings[0]), err);
	buf_release(&sql);
	return rc;
}

enum store_outcome insert_block(const struct open_cut_options *options, enum table table,
				const char *query_id, struct slice native, unsigned timeout_ms,
				struct error *err)
{
	struct store_insert *insert;
	if (begin_insert(options, table, query_id, &insert, err) < 0)
		return STORE_NOT_STORED;
	struct error ignored; /* finish tells */
	store_insert_write(insert, native, &ignored);
	return store_insert_finish(insert, timeout_ms, err);
}

static int send_piece(void *insert, struct slice bytes, struct error *err)
{
	return store_insert_write(insert, bytes, err);
}

/* Opens the part's INSERT if it is not, and hands its block over. */
static int send_block(struct open_cut *cut, struct cut_part *part, struct error *err)
{
	if (!part->insert) {
		char query_id[96];
		snprintf(query_id, sizeof(query_id), "tripod-cut-%016" PRIx64 "-%s-%u", cut->id,
			 table_info(part->table)->name, part->day);
		int rc = begin_insert(cut->options, part->table, query_id, &part->insert, err);
		if (rc < 0)
			return rc;
	}
	if (!native_block_rows(part->block))
		return 0;
	part->sent += native_block_bytes(part->block);
	int rc = native_block_send(part->block, send_piece, part->insert, err);
	native_block_clear(part->block);
	return rc;
}

/* Counts the rows that were added to each part, and empties those that are not to be sent. */
static void count_rows(struct open_cut *cut, size_t *before, uint32_t parts_before)
{
	for (uint32_t i = 0; i < cut->part_count; i++) {
		struct cut_part *part = &cut->parts[i];
		part->rows += native_block_rows(part->block) - (i < parts_before ? before[i] : 0);
		if (part->state != PART_FILLING)
			native_block_clear(part->block);
	}
}

/* Deltas are added up on the way. */
static int add_metrics(struct open_cut *cut, const struct record *record,
		       const struct row_blocks *blocks, struct error *err)
{
	struct metric_batch batch = record->metrics;
	if (cut->deltas) {
		int rc = delta_sums_add(cut->deltas, &record->metrics, record->received_time,
					&batch, cut->dropped, err);
		if (rc < 0)
			return rc;
	}
	return metric_rows_append(&batch, blocks, cut->series_seen, err);
}

static int add_rows(struct open_cut *cut, const struct record *record, struct error *err)
{
	struct row_blocks blocks = {.get = get_block, .ctx = cut};
	switch (record->signal) {
	case SIGNAL_LOGS:
		return log_rows_append(&record->logs, &blocks, err);
	case SIGNAL_TRACES:
		return span_rows_append(&record->spans, &blocks, err);
	case SIGNAL_METRICS:
		return add_metrics(cut, record, &blocks, err);
	}
	return error_set(err, STATUS_UNSUPPORTED, "an unknown signal");
}

static int send_full_blocks(struct open_cut *cut, struct error *err)
{
	size_t waiting = 0;
	unsigned streams = 0;
	for (uint32_t i = 0; i < cut->part_count; i++)
		streams += cut->parts[i].insert != NULL;
	for (uint32_t i = 0; i < cut->part_count; i++) {
		struct cut_part *part = &cut->parts[i];
		size_t bytes = native_block_bytes(part->block);
		if (cut->only || bytes < cut->options->block_bytes ||
		    (!part->insert && streams == MAX_STREAMS)) {
			waiting += bytes;
			continue;
		}
		streams += part->insert == NULL;
		int rc = send_block(cut, part, err);
		if (rc < 0)
			return rc;
	}
	if (!cut->only && waiting > cut->options->memory)
		return error_set(err, STATUS_LIMIT, "the cut's blocks hold %zu bytes", waiting);
	return 0;
}

int open_cut_add(struct open_cut *cut, const struct record *record, struct error *err)
{
	uint32_t parts_before = cut->part_count;
	size_t *before = calloc(parts_before ? parts_before : 1, sizeof(*before));
	if (!before)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	for (uint32_t i = 0; i < parts_before; i++)
		before[i] = native_block_rows(cut->parts[i].block);
	int rc = add_rows(cut, record, err);
	if (rc == STATUS_LIMIT)
		rc = STATUS_NO_MEMORY; /* LIMIT is what send_full_blocks says */
	if (rc == 0) {
		count_rows(cut, before, parts_before);
		cut->to = record->end;
		cut->rows += record->rows;
		if (record->received_time < cut->first_received)
			cut->first_received = record->received_time;
		rc = send_full_blocks(cut, err);
	}
	free(before);
	return rc;
}

uint64_t open_cut_largest_bytes(const struct open_cut *cut)
{
	uint64_t largest = 0;
	for (uint32_t i = 0; i < cut->part_count; i++) {
		const struct cut_part *part = &cut->parts[i];
		uint64_t bytes = part->sent + native_block_bytes(part->block);
		if (bytes > largest)
			largest = bytes;
	}
	return largest;
}

uint64_t open_cut_largest_rows(const struct open_cut *cut)
{
	uint64_t largest = 0;
	for (uint32_t i = 0; i < cut->part_count; i++) {
		if (cut->parts[i].rows > largest)
			largest = cut->parts[i].rows;
	}
	return largest;
}

/* --- committing ------------------------------------------------------------------- */

static int finish_part(struct open_cut *cut, struct cut_part *part, unsigned timeout_ms,
		       struct error *err)
{
	if (part->state != PART_FILLING)
		return 0;
	part->state = PART_FAILED;
	int rc = send_block(cut, part, err);
	if (rc == STATUS_NO_MEMORY) {
		store_insert_abort(part->insert);
		part->insert = NULL;
	}
	if (!part->insert)
		return STATUS_AGAIN;
	/* Also after a failed write: only the answer says whether the rows were looked at. */
	FAULT_POINT("insert.sent");
	enum store_outcome outcome = store_insert_finish(part->insert, timeout_ms, err);
	part->insert = NULL;
	FAULT_POINT("insert.answered");
	switch (outcome) {
	case STORE_STORED:
		part->state = PART_STORED;
		return 0;
	case STORE_REFUSED:
		part->state = PART_REFUSED;
		snprintf(part->message, sizeof(part->message), "%s", err->message);
		return STATUS_INVALID;
	case STORE_NOT_STORED:
	case STORE_UNKNOWN:
		break;
	}
	return STATUS_AGAIN;
}

int open_cut_finish(struct open_cut *cut, unsigned timeout_ms, struct error *err)
{
	int first = 0;
	for (int exact = 0; exact <= 1; exact++) {
		for (uint32_t i = 0; i < cut->part_count; i++) {
			struct cut_part *part = &cut->parts[i];
			struct error part_err = {0};
			if (table_info(part->table)->exact != (bool)exact)
				continue;
			int rc = finish_part(cut, part, timeout_ms, &part_err);
			if (rc < 0 && first == 0) {
				first = rc;
				*err = part_err;
			}
			/* Without an answer from the store the others need not be tried. */
			if (rc == STATUS_AGAIN)
				return first;
		}
	}
	return first;
}
