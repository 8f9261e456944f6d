/*
 * Commits a cut, whatever happens. While nothing fails this is one open_cut_finish. When an
 * answer was not seen, the store is asked what it has of the cut's id, and what is missing
 * is made again from the log. A block that the store refuses is split until the bad rows
 * are alone; they go to the quarantine.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "exporters/clickhouse/cut_lookup.h"
#include "exporters/clickhouse/cut_writer_int.h"
#include "wire/native.h"

#define FIRST_PAUSE_MS 50
#define LONGEST_PAUSE_MS 5000
#define MAX_SPLIT_INSERTS                                                                          \
	4096 /* of one part; then what is still refused is quarantined in blocks */

static unsigned longer_pause(unsigned pause)
{
	return pause * 2 < LONGEST_PAUSE_MS ? pause * 2 : LONGEST_PAUSE_MS;
}

static bool holds_rows_of(enum table table, enum signal signal)
{
	return table_info(table)->exact && table_info(table)->signal == signal;
}

/* --- making a cut again from the log ---------------------------------------------- */

/* Adds all records in [cut.from, cut.to) to `open`. */
static int refill_rows(struct cut_writer *writer, const struct cut *cut, struct open_cut *open,
		       struct error *err)
{
	struct wal_reader *reader;
	int rc = wal_reader_new(&reader, writer->options.wal, &writer->options.filter, cut->from,
				err);
	if (rc < 0)
		return rc;
	while (rc == 0 && !cut_writer_is_stopping(writer)) {
		struct record *record;
		rc = wal_reader_next(reader, cut->to, 1000, &record, err);
		if (rc == STATUS_CORRUPT) {
			log_error("durable log: a record of a cut is lost",
				  LOG_STR("error", err->message));
			rc = 0;
			continue;
		}
		if (rc < 0)
			break;
		rc = open_cut_add(open, record, err);
		record_unref(record);
		if (rc == STATUS_LIMIT)
			rc = 0; /* the cut was as large when it was made first */
	}
	wal_reader_free(reader);
	if (rc == STATUS_NOT_FOUND)
		return 0;
	return rc < 0 ? rc : error_set(err, STATUS_AGAIN, "stopping");
}

/* The same rows as the first time, so with the sums of deltas that were there at its beginning. */
static int refill(struct cut_writer *writer, const struct cut *cut, struct open_cut *open,
		  struct error *err)
{
	struct delta_sums *sums = NULL;
	int rc = 0;
	if (writer->delta)
		rc = delta_state_at(writer->delta, cut->from, cut_writer_goes_on, writer, &sums,
				    err);
	if (rc < 0)
		return STATUS_AGAIN;
	open->deltas = sums;
	rc = refill_rows(writer, cut, open, err);
	open->deltas = NULL;
	delta_sums_free(sums);
	return rc;
}

/* Marks the parts that the store has, as far as it says. */
static int mark_stored(struct cut_writer *writer, struct open_cut *open, struct error *err)
{
	for (int table = 0; table < TABLE_COUNT; table++) {
		if (!holds_rows_of((enum table)table, writer->options.filter.signal))
			continue;
		struct stored_rows *stored;
		uint32_t count;
		int rc = cut_lookup(&writer->options.cut, (enum table)table, open->id, &stored,
				    &count, err);
		if (rc < 0)
			return rc;
		for (uint32_t i = 0; i < count; i++) {
			struct cut_part *part =
				open_cut_part(open, (enum table)table, stored[i].day);
			if (!part) {
				free(stored);
				return error_set(err, STATUS_NO_MEMORY, "out of memory");
			}
			part->state = PART_STORED;
			part->known_rows = stored[i].rows;
		}
		free(stored);
	}
	return 0;
}

/* Marks the parts that are being split. */
static int mark_split(struct cut_writer *writer, struct open_cut *open, struct error *err)
{
	pthread_mutex_lock(&writer->lock);
	int rc = 0;
	for (uint32_t i = 0; i < writer->state.split_count; i++) {
		const struct split *split = &writer->state.splits[i];
		if (split->cut_id != open->id)
			continue;
		struct cut_part *part = open_cut_part(open, (enum table)split->table, split->day);
		if (part)
			part->state = PART_LEFT;
		else
			rc = error_set(err, STATUS_NO_MEMORY, "out of memory");
	}
	pthread_mutex_unlock(&writer->lock);
	return rc;
}

/* A part of which only some rows are stored is removed, to be sent again. */
static int remove_partial(struct cut_writer *writer, const struct cut *cut, struct open_cut *open,
			  struct error *err)
{
	int rc = 0;
	if (open->rows != cut->rows) {
		log_error("durable log: a cut cannot be made again as it was; what the store has "
			  "of it "
			  "stays",
			  LOG_INT("rows_then", cut->rows), LOG_INT("rows_now", open->rows));
		return 0;
	}
	for (uint32_t i = 0; i < open->part_count; i++) {
		struct cut_part *part = &open->parts[i];
		if (part->state != PART_STORED || !part->known_rows ||
		    part->known_rows >= part->rows)
			continue;
		rc = cut_remove(&writer->options.cut, part->table, open->id, part->day, err);
		if (rc < 0)
			return rc;
		rc = error_set(err, STATUS_AGAIN, "a cut was stored in part");
	}
	return rc;
}

/* Makes the cut again, but for the parts that the store has, and those being split. */
static int make_again(struct cut_writer *writer, struct pending_cut *pending, struct error *err)
{
	struct open_cut *open =
		open_cut_new(&writer->options.cut, pending->cut.id, pending->cut.from);
	if (!open)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	pending->open = open;
	int rc = cut_wait_idle(&writer->options.cut, open->id, err);
	if (rc == 0)
		rc = mark_stored(writer, open, err);
	if (rc == 0)
		rc = mark_split(writer, open, err);
	if (rc == 0)
		rc = refill(writer, &pending->cut, open, err);
	if (rc == 0)
		rc = remove_partial(writer, &pending->cut, open, err);
	return rc;
}

/* --- splitting what the store refused --------------------------------------------- */

struct split_change {
	struct split *splits; /* to add */
	unsigned add;
	uint64_t remove_id; /* 0: none */
	bool full; /* set when there is no room: nothing was changed */
};

static void change_splits(struct consumer_progress *state, void *arg)
{
	struct split_change *change = arg;
	uint32_t kept = 0;
	change->full = state->split_count + change->add > PROGRESS_MAX_SPLITS;
	if (change->full)
		return;
	for (uint32_t i = 0; i < state->split_count; i++) {
		if (state->splits[i].id != change->remove_id)
			state->splits[kept++] = state->splits[i];
	}
	state->split_count = kept;
	for (unsigned i = 0; i < change->add; i++)
		state->splits[state->split_count++] = change->splits[i];
}

/* Joins settled neighbours, so that the list stays as long as the search is deep. */
static void settle_split(struct consumer_progress *state, void *arg)
{
	const struct split *settled = arg;
	struct split *into = NULL;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < state->split_count; i++) {
		struct split *split = &state->splits[i];
		if (split->cut_id == settled->cut_id && split->table == settled->table &&
		    split->day == settled->day && split->settled &&
		    split->row_to == settled->row_from)
			into = split;
	}
	for (uint32_t i = 0; i < state->split_count; i++) {
		struct split *split = &state->splits[i];
		if (split->id != settled->id) {
			state->splits[kept++] = *split;
			continue;
		}
		if (!into)
			state->splits[kept++] = *settled;
	}
	if (into) {
		for (uint32_t i = 0; i < kept; i++) {
			struct split *split = &state->splits[i];
			if (split->settled && split->cut_id == settled->cut_id &&
			    split->table == settled->table && split->day == settled->day &&
			    split->row_to == settled->row_from) {
				split->row_to = settled->row_to;
				split->quarantined += settled->quarantined;
			}
		}
	}
	state->split_count = kept;
}

static int put_splits(struct cut_writer *writer, struct split *add, unsigned count,
		      uint64_t remove_id, struct error *err)
{
	struct split_change change = {add, count, remove_id, false};
	int rc = cut_writer_put(writer, change_splits, &change, err);
	if (rc == 0 && change.full)
		return error_set(err, STATUS_LIMIT, "more than %d ranges of refused rows at once",
				 PROGRESS_MAX_SPLITS);
	return rc;
}

/* The unsettled split of the part with the least rows' numbers. */
static bool next_split(struct cut_writer *writer, const struct split *part, struct split *out)
{
	bool found = false;
	pthread_mutex_lock(&writer->lock);
	for (uint32_t i = 0; i < writer->state.split_count; i++) {
		const struct split *split = &writer->state.splits[i];
		if (split->cut_id == part->cut_id && split->table == part->table &&
		    split->day == part->day && !split->settled &&
		    (!found || split->row_from < out->row_from)) {
			*out = *split;
			found = true;
		}
	}
	pthread_mutex_unlock(&writer->lock);
	return found;
}

static int quarantine_rows(struct cut_writer *writer, struct split *split, struct slice native,
			   const char *reason, struct error *err)
{
	char id[64];
	snprintf(id, sizeof(id), "%016" PRIx64, split->id);
	struct quarantine_entry entry = {.id = id,
					 .exporter = "clickhouse",
					 .target = table_info((enum table)split->table)->name,
					 .reason = reason,
					 .time = clock_unix_ns(),
					 .rows = split->row_to - split->row_from,
					 .cut_id = split->id};
	int rc = quarantine_put(writer->options.quarantine, &entry, native, err);
	if (rc < 0)
		return rc;
	log_warn("store: rows were refused and are in the quarantine", LOG_STR("id", id),
		 LOG_STR("table", entry.target), LOG_INT("rows", entry.rows));
	split->quarantined = split->row_to - split->row_from;
	return 0;
}

static int halve(struct cut_writer *writer, const struct split *split, struct error *err)
{
	uint32_t middle = split->row_from + (split->row_to - split->row_from) / 2;
	struct split halves[2] = {*split, *split};
	halves[0].row_to = middle;
	halves[1].row_from = middle;
	halves[0].id = cut_writer_next_id(writer);
	halves[1].id = cut_writer_next_id(writer);
	return put_splits(writer, halves, 2, split->id, err);
}

static bool has_room_to_halve(struct cut_writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	bool room = writer->state.split_count + 2 <= PROGRESS_MAX_SPLITS;
	pthread_mutex_unlock(&writer->lock);
	return room;
}

static bool already_stored(struct cut_writer *writer, const struct split *split, struct error *err,
			   int *rc)
{
	struct stored_rows *stored;
	uint32_t count;
	bool there = false;
	*rc = cut_wait_idle(&writer->options.cut, split->id, err);
	if (*rc == 0)
		*rc = cut_lookup(&writer->options.cut, (enum table)split->table, split->id, &stored,
				 &count, err);
	if (*rc < 0)
		return false;
	for (uint32_t i = 0; i < count; i++)
		there |= stored[i].day == split->day;
	free(stored);
	return there;
}

/* Stores, halves or quarantines one split. AGAIN: the store did not say. */
static int try_split(struct cut_writer *writer, struct native_block *block, struct split *split,
		     bool look_up, bool may_halve, struct error *err)
{
	int rc = 0;
	if (look_up && table_info((enum table)split->table)->exact &&
	    already_stored(writer, split, err, &rc)) {
		split->settled = 1;
		return cut_writer_put(writer, settle_split, split, err);
	}
	if (rc < 0)
		return rc;
	struct buf native = BUF_INIT;
	char query_id[96];
	snprintf(query_id, sizeof(query_id), "tripod-cut-%016" PRIx64 "-%s-%u", split->id,
		 table_info((enum table)split->table)->name, split->day);
	native_block_set_cut_id(block, split->id);
	native_block_write_rows(block, split->row_from, split->row_to, &native);
	enum store_outcome outcome =
		insert_block(&writer->options.cut, (enum table)split->table, query_id,
			     buf_slice(&native), INSERT_TIMEOUT_MS, err);
	FAULT_POINT("split.inserted");
	if (outcome == STORE_NOT_STORED || outcome == STORE_UNKNOWN) {
		rc = STATUS_AGAIN;
	} else if (outcome == STORE_REFUSED && may_halve && split->row_to - split->row_from > 1 &&
		   has_room_to_halve(writer)) {
		rc = halve(writer, split, err);
	} else {
		if (outcome == STORE_REFUSED) {
			char reason[300];
			snprintf(reason, sizeof(reason), "%.*s", (int)sizeof(reason) - 1,
				 err->message);
			rc = quarantine_rows(writer, split, buf_slice(&native), reason, err);
		}
		split->settled = 1;
		if (rc == 0)
			rc = cut_writer_put(writer, settle_split, split, err);
	}
	buf_release(&native);
	return rc;
}

/* All rows of one part of a cut, in memory: native blocks are sliced out of it. */
static int collect_part(struct cut_writer *writer, const struct cut *cut, const struct split *part,
			struct open_cut **out, struct error *err)
{
	struct open_cut *open = open_cut_new(&writer->options.cut, cut->id, cut->from);
	if (!open)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	open->only = true;
	open->only_table = (enum table)part->table;
	open->only_day = part->day;
	int rc = refill(writer, cut, open, err);
	if (rc < 0) {
		open_cut_free(open);
		return rc;
	}
	*out = open;
	return 0;
}

/* Splits one refused part, with `part->row_to` its number of rows if that is not known yet. */
static int settle_part(struct cut_writer *writer, const struct cut *cut, const struct split *part,
		       struct error *err)
{
	struct open_cut *open = NULL;
	struct split split;
	int rc = collect_part(writer, cut, part, &open, err);
	if (rc < 0)
		return rc;
	struct cut_part *rows = open_cut_part(open, (enum table)part->table, part->day);
	bool look_up = true; /* what an earlier try left unsettled may be stored */
	unsigned pause = FIRST_PAUSE_MS, inserts = 0;
	while (rows && next_split(writer, part, &split)) {
		if (split.row_to == UINT32_MAX) {
			struct split whole = split;
			whole.row_to = (uint32_t)rows->rows;
			whole.id = cut_writer_next_id(writer);
			rc = put_splits(writer, &whole, 1, split.id, err);
		} else {
			rc = try_split(writer, rows->block, &split, look_up,
				       inserts < MAX_SPLIT_INSERTS, err);
		}
		look_up = rc < 0;
		inserts += rc == 0;
		if (rc < 0 && !cut_writer_pause(writer, pause))
			break;
		pause = rc == 0 ? FIRST_PAUSE_MS : longer_pause(pause);
		rc = 0;
	}
	open_cut_free(open);
	return rc < 0 || cut_writer_is_stopping(writer) ? STATUS_AGAIN : 0;
}

static int settle_splits(struct cut_writer *writer, const struct cut *cut, struct error *err)
{
	for (;;) {
		struct split part = {0};
		bool found = false;
		pthread_mutex_lock(&writer->lock);
		for (uint32_t i = 0; i < writer->state.split_count && !found; i++) {
			part = writer->state.splits[i];
			found = part.cut_id == cut->id && !part.settled;
		}
		pthread_mutex_unlock(&writer->lock);
		if (!found)
			return 0;
		int rc = settle_part(writer, cut, &part, err);
		if (rc < 0)
			return rc;
	}
}

/* --- the whole -------------------------------------------------------------------- */

/* Notes durably that the refused parts will be split. */
static int begin_splits(struct cut_writer *writer, const struct open_cut *open, struct error *err)
{
	for (uint32_t i = 0; i < open->part_count; i++) {
		const struct cut_part *part = &open->parts[i];
		if (part->state != PART_REFUSED)
			continue;
		log_warn("store: a block was refused and is split",
			 LOG_STR("table", table_info(part->table)->name),
			 LOG_INT("rows", part->rows), LOG_STR("reason", part->message));
		struct split split = {.cut_id = open->id,
				      .id = cut_writer_next_id(writer),
				      .table = part->table,
				      .day = part->day,
				      .row_to = UINT32_MAX};
		int rc = put_splits(writer, &split, 1, 0, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/*
 * Where a table has a row for each record, the store's rows are counted. A data point of a
 * metric may be many samples, so there the records are.
 */
static bool has_counting_table(enum signal signal)
{
	for (int table = 0; table < TABLE_COUNT; table++) {
		if (table_info((enum table)table)->signal == signal &&
		    table_info((enum table)table)->counts)
			return true;
	}
	return false;
}

static void count_settled(struct cut_writer *writer, const struct cut *cut,
			  const struct open_cut *open, struct settlement *settlement)
{
	*settlement = (struct settlement){0};
	for (int i = 0; i < DELTA_DROP_COUNT; i++)
		settlement->dropped[i] = open->dropped[i];
	if (!has_counting_table(writer->options.filter.signal)) {
		settlement->delivered = cut->rows - settlement_dropped(settlement);
		return;
	}
	for (uint32_t i = 0; i < open->part_count; i++) {
		const struct cut_part *part = &open->parts[i];
		if (part->state == PART_STORED && table_info(part->table)->counts)
			settlement->delivered += part->rows;
	}
	pthread_mutex_lock(&writer->lock);
	for (uint32_t i = 0; i < writer->state.split_count; i++) {
		const struct split *split = &writer->state.splits[i];
		if (split->cut_id != open->id || !table_info((enum table)split->table)->counts)
			continue;
		settlement->quarantined += split->quarantined;
		settlement->delivered += split->row_to - split->row_from - split->quarantined;
	}
	pthread_mutex_unlock(&writer->lock);
}

static void note_failure(struct cut_writer *writer, const struct error *err, unsigned pause)
{
	atomic_fetch_add(&writer->options.ledger->attempts_failed, 1);
	pthread_mutex_lock(&writer->lock);
	writer->last_error = *err;
	pthread_mutex_unlock(&writer->lock);
	if (pause == FIRST_PAUSE_MS || pause >= LONGEST_PAUSE_MS)
		log_warn("store: not stored yet, will be tried again",
			 LOG_STR("exporter", writer->name), LOG_STR("error", err->message));
}

/* INVALID: parts were refused and are noted to be split; the next try leaves them out. */
static int try_settle(struct cut_writer *writer, struct pending_cut *pending, struct error *err)
{
	if (!pending->open && make_again(writer, pending, err) < 0)
		return STATUS_AGAIN;
	int rc = open_cut_finish(pending->open, INSERT_TIMEOUT_MS, err);
	if (rc == 0)
		return settle_splits(writer, &pending->cut, err);
	if (rc == STATUS_INVALID) {
		int noted = begin_splits(writer, pending->open, err);
		return noted < 0 ? STATUS_AGAIN : STATUS_INVALID;
	}
	return STATUS_AGAIN;
}

int cut_settle(struct cut_writer *writer, struct pending_cut *pending,
	       struct settlement *settlement, struct error *err)
{
	unsigned pause = FIRST_PAUSE_MS;
	for (;;) {
		int rc = try_settle(writer, pending, err);
		if (rc == 0) {
			count_settled(writer, &pending->cut, pending->open, settlement);
			return 0;
		}
		open_cut_free(pending->open);
		pending->open = NULL;
		if (rc == STATUS_INVALID)
			continue;
		note_failure(writer, err, pause);
		if (!cut_writer_pause(writer, pause))
			return STATUS_AGAIN;
		pause = longer_pause(pause);
	}
}
