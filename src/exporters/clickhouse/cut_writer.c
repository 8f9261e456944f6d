/* The two threads of a cut writer: see cut_writer.h; committing itself is in cut_settle.c. */
#include "exporters/clickhouse/cut_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "exporters/clickhouse/cut_writer_int.h"
#include "store/series_seen.h"

_Static_assert(PROGRESS_MAX_CONSUMERS <= 64, "a cut's id has six bits for the consumer");

#define IDLE_WAIT_MS 1000
#define STORE_PAUSE_MS 200
/* Bytes of other signals' records before their passing is saved: at most, and of a small log. */
#define SAVE_EVERY ((uint64_t)16 << 20)
#define SAVE_PART_OF_LOG 16
#define MANY_PARTS 8 /* a cut over more parts waits longer, so that parts stay few */
#define SERIES_REMEMBERED 100000 /* at most 1.6 MB */
#define LONGEST_WAIT 10 /* times the flush interval */
#define FAST_WAIT 3 /* the same, of a cut whose largest part fills up within it */

/* --- state ------------------------------------------------------------------------ */

bool cut_writer_is_stopping(struct cut_writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	bool stopping = writer->stopping;
	pthread_mutex_unlock(&writer->lock);
	return stopping;
}

bool cut_writer_goes_on(void *writer)
{
	return !cut_writer_is_stopping(writer);
}

bool cut_writer_pause(struct cut_writer *writer, unsigned ms)
{
	int64_t until = clock_monotonic_ns() + (int64_t)ms * NS_PER_MS;
	struct timespec deadline = {until / NS_PER_SECOND, until % NS_PER_SECOND};
	pthread_mutex_lock(&writer->lock);
	while (!writer->stopping &&
	       pthread_cond_timedwait(&writer->changed, &writer->lock, &deadline) == 0)
		;
	bool go_on = !writer->stopping;
	pthread_mutex_unlock(&writer->lock);
	return go_on;
}

uint64_t cut_writer_next_id(struct cut_writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	uint64_t number = writer->state.next_cut++;
	pthread_mutex_unlock(&writer->lock);
	/* 16 bits of the log's instance, 42 of a number that starts at the time of day, 6 of the consumer. */
	return (uint64_t)wal_instance(writer->options.wal) << 48 |
	       (number & (((uint64_t)1 << 42) - 1)) << 6 | (uint64_t)writer->consumer;
}

int cut_writer_put(struct cut_writer *writer,
		   void (*change)(struct consumer_progress *state, void *arg), void *arg,
		   struct error *err)
{
	pthread_mutex_lock(&writer->lock);
	change(&writer->state, arg);
	for (;;) {
		int rc = progress_put(writer->options.progress, writer->consumer, &writer->state,
				      err);
		if (rc == 0 || writer->stopping) {
			pthread_mutex_unlock(&writer->lock);
			return rc;
		}
		pthread_mutex_unlock(&writer->lock);
		log_error("progress file: cannot be written, will be tried again",
			  LOG_STR("error", err->message));
		cut_writer_pause(writer, 1000);
		pthread_mutex_lock(&writer->lock);
	}
}

/* Everything before it is settled. Lock held. */
static uint64_t settled_position(const struct cut_writer *writer)
{
	if (writer->pending_count)
		return writer->pending[0].cut.from;
	return writer->filling_from != UINT64_MAX ? writer->filling_from : writer->filled;
}

/* Lock held. */
static void update_watermark(struct cut_writer *writer)
{
	uint64_t oldest = writer->filling_from != UINT64_MAX ? writer->filling_received : INT64_MAX;
	for (unsigned i = 0; i < writer->pending_count; i++) {
		if (writer->pending[i].first_received < oldest)
			oldest = writer->pending[i].first_received;
	}
	atomic_store(&writer->options.ledger->watermark, (long long)oldest);
}

/* --- the committer ---------------------------------------------------------------- */

struct settled {
	struct cut cut;
	struct settlement settlement;
};

static void remove_cut(struct consumer_progress *state, void *arg)
{
	const struct settled *settled = arg;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < state->cut_count; i++) {
		if (state->cuts[i].id != settled->cut.id)
			state->cuts[kept++] = state->cuts[i];
	}
	state->cut_count = kept;
	kept = 0;
	for (uint32_t i = 0; i < state->split_count; i++) {
		if (state->splits[i].cut_id != settled->cut.id)
			state->splits[kept++] = state->splits[i];
	}
	state->split_count = kept;
	state->position = settled->cut.to;
	state->delivered += settled->settlement.delivered;
	state->quarantined += settled->settlement.quarantined;
	state->filtered += settlement_dropped(&settled->settlement);
}

/* Cuts are settled in their order, so the log is done up to this one's end. */
static void finish_cut(struct cut_writer *writer, struct pending_cut *pending,
		       const struct settlement *settlement)
{
	struct exporter_ledger *ledger = writer->options.ledger;
	struct settled settled = {pending->cut, *settlement};
	struct error err;
	uint64_t dropped = settlement_dropped(settlement);
	if (settlement->delivered + settlement->quarantined + dropped != pending->cut.rows)
		log_error(
			"ledger: a cut has another number of rows than its records",
			LOG_STR("exporter", writer->name), LOG_INT("records", pending->cut.rows),
			LOG_INT("rows", settlement->delivered + settlement->quarantined + dropped));
	FAULT_POINT("cut.settled");
	cut_writer_put(writer, remove_cut, &settled, &err);
	FAULT_POINT("cut.saved");
	atomic_fetch_add(&ledger->delivered, settlement->delivered);
	atomic_fetch_add(&ledger->quarantined, settlement->quarantined);
	atomic_fetch_add(&ledger->filtered, dropped);
	for (int i = 0; i < DELTA_DROP_COUNT; i++)
		atomic_fetch_add(&ledger->filtered_deltas[i], settlement->dropped[i]);
	atomic_fetch_sub(&ledger->queued,
			 (long long)(settlement->delivered + settlement->quarantined + dropped));
	wal_release_before(writer->options.wal,
			   progress_least_position(writer->options.progress, 0));

	pthread_mutex_lock(&writer->lock);
	memmove(writer->pending, writer->pending + 1,
		--writer->pending_count * sizeof(writer->pending[0]));
	writer->last_error = (struct error){0};
	update_watermark(writer);
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
}

static void *committer_main(void *arg)
{
	struct cut_writer *writer = arg;
	pthread_mutex_lock(&writer->lock);
	for (;;) {
		while (!writer->pending_count && !writer->filler_done)
			pthread_cond_wait(&writer->changed, &writer->lock);
		if (!writer->pending_count)
			break;
		struct pending_cut pending = writer->pending[0];
		writer->pending[0].open = NULL; /* ours now */
		pthread_mutex_unlock(&writer->lock);
		struct settlement settlement;
		struct error err = {0};
		int rc = cut_settle(writer, &pending, &settlement, &err);
		if (rc == 0)
			finish_cut(writer, &pending, &settlement);
		open_cut_free(pending.open);
		pthread_mutex_lock(&writer->lock);
		if (rc < 0)
			break; /* stopping: the next start goes on with it */
	}
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

/* --- the filler ------------------------------------------------------------------- */

struct filling {
	struct open_cut *cut; /* NULL: none */
	struct series_seen *series_seen; /* metrics: series that the store has been told of */
	struct delta_sums *sums; /* of deltas, as of the reader's position; NULL: to be had again */
	uint64_t sums_changes; /* before the open cut */
	uint64_t from; /* where the next cut begins */
};

static void add_cut(struct consumer_progress *state, void *arg)
{
	const struct cut *cut = arg;
	state->cuts[state->cut_count++] = *cut;
}

/* Hands the cut to the committer, once it is durable what is in it. */
static int close_cut(struct cut_writer *writer, struct filling *filling)
{
	struct open_cut *open = filling->cut;
	struct cut cut = {.id = open->id, .from = open->from, .to = open->to, .rows = open->rows};
	struct error err;
	pthread_mutex_lock(&writer->lock);
	while (writer->pending_count >= MAX_PENDING && !writer->stopping)
		pthread_cond_wait(&writer->changed, &writer->lock);
	bool room = writer->pending_count < MAX_PENDING;
	pthread_mutex_unlock(&writer->lock);
	FAULT_POINT("cut.filled");
	if (!room || cut_writer_put(writer, add_cut, &cut, &err) < 0)
		return STATUS_AGAIN;
	FAULT_POINT("cut.begun");
	pthread_mutex_lock(&writer->lock);
	writer->pending[writer->pending_count++] =
		(struct pending_cut){cut, open, open->first_received};
	writer->filling_from = UINT64_MAX;
	update_watermark(writer);
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
	filling->from = cut.to;
	filling->cut = NULL;
	return 0;
}

/*
 * How old the cut may become. Merging small parts costs the store more than taking the rows in
 * did, so one waits longer that is spread over many parts, and one that comes in so fast that it
 * will be full soon.
 */
static int64_t age_limit(const struct cut_writer *writer, const struct open_cut *cut)
{
	int64_t interval = (int64_t)writer->options.flush_interval_ms * NS_PER_MS;
	unsigned times = cut->part_count / MANY_PARTS;
	if (open_cut_largest_rows(cut) * FAST_WAIT >= writer->options.max_rows)
		times = times > FAST_WAIT ? times : FAST_WAIT;
	if (times < 1)
		times = 1;
	if (times > LONGEST_WAIT)
		times = LONGEST_WAIT;
	return interval * times;
}

/* True when somebody waits for what is in the cut, and the reader is past what they wait for. */
static bool is_awaited(struct cut_writer *writer, const struct open_cut *cut)
{
	pthread_mutex_lock(&writer->lock);
	bool awaited = writer->flush_to > cut->from &&
		       wal_reader_position(writer->reader) >= writer->flush_to;
	awaited |= writer->stopping;
	pthread_mutex_unlock(&writer->lock);
	return awaited;
}

static bool is_due(struct cut_writer *writer, const struct open_cut *cut)
{
	return open_cut_largest_rows(cut) >= writer->options.max_rows ||
	       open_cut_largest_bytes(cut) >= writer->options.max_part_bytes ||
	       clock_monotonic_ns() - cut->opened_at >= age_limit(writer, cut) ||
	       is_awaited(writer, cut);
}

/* Adds a record to the open cut, or to a new one. On an error the cut is started anew later. */
static int fill(struct cut_writer *writer, struct filling *filling, const struct record *record,
		bool *full, struct error *err)
{
	if (!filling->cut) {
		filling->cut = open_cut_new(&writer->options.cut, cut_writer_next_id(writer),
					    filling->from);
		if (!filling->cut)
			return error_set(err, STATUS_NO_MEMORY, "out of memory");
		filling->cut->series_seen = filling->series_seen;
		filling->cut->deltas = filling->sums;
		if (filling->sums)
			filling->sums_changes = delta_sums_changes(filling->sums);
	}
	int rc = open_cut_add(filling->cut, record, err);
	*full = rc == STATUS_LIMIT;
	return *full ? 0 : rc;
}

/* The store could not take the blocks: nothing of the cut is stored. Back to its start, later. */
static void give_up_cut(struct cut_writer *writer, struct filling *filling, const struct error *err)
{
	pthread_mutex_lock(&writer->lock);
	bool is_news = writer->last_error.status == 0;
	writer->last_error = *err;
	pthread_mutex_unlock(&writer->lock);
	if (is_news)
		log_warn("store: not reachable, the durable log keeps what comes in",
			 LOG_STR("exporter", writer->name), LOG_STR("error", err->message));
	atomic_fetch_add(&writer->options.ledger->attempts_failed, 1);
	open_cut_free(filling->cut);
	filling->cut = NULL;
	if (filling->series_seen)
		series_seen_clear(filling->series_seen);
	if (filling->sums && delta_sums_changes(filling->sums) != filling->sums_changes) {
		delta_sums_free(filling->sums);
		filling->sums = NULL;
	}
	wal_reader_seek(writer->reader, filling->from);
	cut_writer_pause(writer, STORE_PAUSE_MS);
}

/* Has the sums of deltas again when they are not there; false when that must wait. */
static bool have_sums(struct cut_writer *writer, struct filling *filling)
{
	struct error err = {0};
	if (!writer->delta || filling->sums)
		return true;
	if (delta_state_at(writer->delta, filling->from, cut_writer_goes_on, writer, &filling->sums,
			   &err) == 0)
		return true;
	if (err.status != STATUS_CANCELLED)
		log_error("sums of deltas cannot be read, will be tried again",
			  LOG_STR("exporter", writer->name), LOG_STR("error", err.message));
	cut_writer_pause(writer, STORE_PAUSE_MS);
	return false;
}

/* Between two cuts: a checkpoint that may take effect does, and a new one is taken in its time. */
static void save_deltas(struct cut_writer *writer, struct delta_sums *sums, uint64_t position,
			bool now)
{
	struct error err;
	pthread_mutex_lock(&writer->lock);
	uint64_t settled = writer->state.position;
	if (!writer->pending_count)
		position = settled; /* from there to `position` there are others' records only */
	pthread_mutex_unlock(&writer->lock);
	int rc = 0;
	if (now || delta_state_is_due(writer->delta, position))
		rc = delta_state_save(writer->delta, sums, position, &err);
	if (rc == 0)
		rc = delta_state_settle(writer->delta, settled, &err);
	if (rc < 0)
		log_error("sums of deltas cannot be saved", LOG_STR("exporter", writer->name),
			  LOG_STR("error", err.message));
}

static void set_position(struct consumer_progress *state, void *arg)
{
	state->position = *(uint64_t *)arg;
}

/* Publishes how far the filler is; saves it now and then when there was nothing to store. */
static void note_filled(struct cut_writer *writer, struct filling *filling)
{
	uint64_t position = wal_reader_position(writer->reader);
	pthread_mutex_lock(&writer->lock);
	writer->filled = position;
	writer->filling_from = filling->cut ? filling->cut->from : UINT64_MAX;
	writer->filling_received = filling->cut ? filling->cut->first_received : 0;
	update_watermark(writer);
	bool idle = !filling->cut && !writer->pending_count;
	uint64_t saved = writer->state.position;
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
	if (!idle)
		return;
	filling->from = position;
	struct error err;
	if (position >= saved + writer->save_every &&
	    cut_writer_put(writer, set_position, &position, &err) == 0)
		wal_release_before(writer->options.wal,
				   progress_least_position(writer->options.progress, 0));
}

static unsigned wait_time(const struct cut_writer *writer, const struct filling *filling)
{
	if (!filling->cut)
		return IDLE_WAIT_MS;
	int64_t left =
		filling->cut->opened_at + age_limit(writer, filling->cut) - clock_monotonic_ns();
	return left <= 0 ? 0 : (unsigned)(left / NS_PER_MS) + 1;
}

static void *filler_main(void *arg)
{
	struct cut_writer *writer = arg;
	struct filling filling = {.from = wal_reader_position(writer->reader)};
	/* Without it, when memory is short, series are just written again. */
	if (writer->options.filter.signal == SIGNAL_METRICS)
		filling.series_seen = series_seen_new(SERIES_REMEMBERED);
	bool stopping = false;
	while (!stopping) {
		struct record *record = NULL;
		struct error err = {0};
		bool full = false;
		if (!have_sums(writer, &filling)) {
			stopping = cut_writer_is_stopping(writer);
			continue;
		}
		int rc = wal_reader_next(writer->reader, UINT64_MAX, wait_time(writer, &filling),
					 &record, &err);
		if (rc == STATUS_CORRUPT)
			log_error("durable log: a record is lost", LOG_STR("error", err.message));
		if (rc == STATUS_IO || rc == STATUS_NO_MEMORY) {
			log_warn("durable log: cannot be read now", LOG_STR("error", err.message));
			cut_writer_pause(writer, IDLE_WAIT_MS);
		}
		stopping = cut_writer_is_stopping(writer);
		if (rc == 0) {
			rc = fill(writer, &filling, record, &full, &err);
			record_unref(record);
			if (rc < 0) {
				give_up_cut(writer, &filling, &err);
				continue;
			}
		}
		note_filled(writer, &filling);
		if (filling.cut && (full || is_due(writer, filling.cut)))
			close_cut(writer, &filling);
		if (writer->delta && !filling.cut)
			save_deltas(writer, filling.sums, filling.from, false);
	}
	writer->sums = filling.sums;
	writer->sums_at = filling.cut || !filling.sums ? UINT64_MAX : filling.from;
	open_cut_free(filling.cut);
	series_seen_free(filling.series_seen);
	pthread_mutex_lock(&writer->lock);
	writer->filler_done = true;
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

/* --- the public functions --------------------------------------------------------- */

/* Cuts that were begun by an earlier run wait first. */
static uint64_t resume_cuts(struct cut_writer *writer)
{
	struct consumer_progress *state = &writer->state;
	uint64_t from = state->position;
	for (uint32_t i = 0; i < state->cut_count; i++) {
		writer->pending[writer->pending_count++] =
			(struct pending_cut){state->cuts[i], NULL, 0};
		from = state->cuts[i].to;
	}
	if (state->cut_count)
		log_info("store: going on with cuts of the last run",
			 LOG_STR("exporter", writer->name), LOG_INT("cuts", state->cut_count));
	uint64_t now_ms = (uint64_t)(clock_unix_ns() / NS_PER_MS);
	if (state->next_cut < now_ms)
		state->next_cut = now_ms;
	return from;
}

/* The ledger goes on where the last run left it. */
static void resume_ledger(struct cut_writer *writer)
{
	const struct consumer_progress *state = &writer->state;
	struct exporter_ledger *ledger = writer->options.ledger;
	uint64_t queued =
		wal_count_rows(writer->options.wal, state->position, &writer->options.filter);
	atomic_store(&ledger->delivered, state->delivered);
	atomic_store(&ledger->filtered, state->filtered);
	atomic_store(&ledger->quarantined, state->quarantined);
	atomic_store(&ledger->queued, (long long)queued);
	atomic_store(&ledger->accepted,
		     state->delivered + state->filtered + state->quarantined + queued);
}

static void release(struct cut_writer *writer)
{
	for (unsigned i = 0; i < writer->pending_count; i++)
		open_cut_free(writer->pending[i].open);
	wal_reader_free(writer->reader);
	delta_sums_free(writer->sums);
	delta_state_close(writer->delta);
	pthread_mutex_destroy(&writer->lock);
	pthread_cond_destroy(&writer->changed);
	free(writer);
}

static int start_threads(struct cut_writer *writer, struct error *err)
{
	if (pthread_create(&writer->filler, NULL, filler_main, writer) != 0)
		return error_set(err, STATUS_NO_MEMORY, "cannot start a thread");
	if (pthread_create(&writer->committer, NULL, committer_main, writer) != 0) {
		pthread_mutex_lock(&writer->lock);
		writer->stopping = true;
		pthread_mutex_unlock(&writer->lock);
		wal_reader_wake(writer->reader);
		pthread_join(writer->filler, NULL);
		return error_set(err, STATUS_NO_MEMORY, "cannot start a thread");
	}
	char name[16];
	snprintf(name, sizeof(name), "fill-%s", signal_name(writer->options.filter.signal));
	pthread_setname_np(writer->filler, name);
	snprintf(name, sizeof(name), "commit-%s", signal_name(writer->options.filter.signal));
	pthread_setname_np(writer->committer, name);
	return 0;
}

static int open_deltas(struct cut_writer *writer, struct error *err)
{
	struct delta_state_options options = {
		.consumer = writer->name,
		.position = writer->state.position,
		.wal = writer->options.wal,
		.filter = writer->options.filter,
		.progress = writer->options.progress,
		.max_series = writer->options.max_delta_series,
		.max_stale_ms = writer->options.max_delta_stale_ms,
	};
	return delta_state_open(&writer->delta, &options, err);
}

/* When all is stored at an orderly stop, the next start need not read the log again. */
static void save_last_deltas(struct cut_writer *writer)
{
	struct error err;
	uint64_t position = writer->sums_at;
	if (!writer->delta || position == UINT64_MAX || writer->pending_count)
		return;
	if (cut_writer_put(writer, set_position, &position, &err) == 0)
		save_deltas(writer, writer->sums, position, true);
}

int cut_writer_start(struct cut_writer **out, const struct cut_writer_options *options,
		     struct error *err)
{
	struct cut_writer *writer = calloc(1, sizeof(*writer));
	if (!writer)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	writer->options = *options;
	snprintf(writer->name, sizeof(writer->name), "%s", options->name);
	if (!writer->options.flush_interval_ms)
		writer->options.flush_interval_ms = 1000;
	if (!writer->options.max_rows)
		writer->options.max_rows = 500000;
	writer->filling_from = UINT64_MAX;
	struct wal_stats stats;
	wal_stats(options->wal, &stats);
	writer->save_every = stats.max_size / SAVE_PART_OF_LOG < SAVE_EVERY
				     ? stats.max_size / SAVE_PART_OF_LOG
				     : SAVE_EVERY;
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);

	writer->consumer =
		progress_consumer(options->progress, writer->name, wal_end(options->wal), err);
	int rc = writer->consumer;
	if (rc >= 0) {
		progress_get(options->progress, writer->consumer, &writer->state);
		resume_ledger(writer);
		rc = wal_reader_new(&writer->reader, options->wal, &options->filter,
				    resume_cuts(writer), err);
	}
	if (rc == 0 && options->filter.signal == SIGNAL_METRICS)
		rc = open_deltas(writer, err);
	if (rc == 0) {
		writer->filled = wal_reader_position(writer->reader);
		rc = start_threads(writer, err);
	}
	if (rc < 0) {
		release(writer);
		return rc;
	}
	*out = writer;
	return 0;
}

void cut_writer_stop(struct cut_writer *writer)
{
	if (!writer)
		return;
	pthread_mutex_lock(&writer->lock);
	writer->stopping = true;
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
	wal_reader_wake(writer->reader);
	pthread_join(writer->filler, NULL);
	pthread_join(writer->committer, NULL);
	save_last_deltas(writer);
	release(writer);
}

int cut_writer_flush(struct cut_writer *writer, uint64_t position, unsigned timeout_ms,
		     struct error *err)
{
	int64_t until = clock_monotonic_ns() + (int64_t)timeout_ms * NS_PER_MS;
	struct timespec deadline = {until / NS_PER_SECOND, until % NS_PER_SECOND};
	int waited = 0;
	pthread_mutex_lock(&writer->lock);
	if (writer->flush_to < position)
		writer->flush_to = position;
	pthread_mutex_unlock(&writer->lock);
	wal_reader_wake(writer->reader);
	pthread_mutex_lock(&writer->lock);
	while (settled_position(writer) < position && waited == 0 && !writer->stopping)
		waited = pthread_cond_timedwait(&writer->changed, &writer->lock, &deadline);
	bool settled = settled_position(writer) >= position;
	struct error why = writer->last_error;
	pthread_mutex_unlock(&writer->lock);
	if (settled)
		return 0;
	return error_set(err, STATUS_TIMEOUT, "%s: not everything is stored after %u ms%s%s",
			 writer->name, timeout_ms, why.status ? ": " : "", why.message);
}
