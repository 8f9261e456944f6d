/* The thread that reads the log and keeps requests under way; see forwarder.h. */
#include "exporters/forward/forwarder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "exporters/forward/forwarder_int.h"

#define IDLE_WAIT (1 * NS_PER_SECOND)
#define SAVE_INTERVAL (250 * NS_PER_MS)
#define STOP_GRACE (3 * NS_PER_SECOND)
#define NO_MEMORY_PAUSE (100 * NS_PER_MS)
/* Bytes of other signals' records, before their passing alone is saved. */
#define PASSED_BYTES ((uint64_t)16 << 20)

static bool is_stopping(struct forwarder *f)
{
	pthread_mutex_lock(&f->lock);
	bool stopping = f->stopping;
	pthread_mutex_unlock(&f->lock);
	return stopping;
}

/* Sleeps until something was answered, the forwarder stops, or `until` (clock_monotonic_ns). */
static void wait_for_change(struct forwarder *f, int64_t until)
{
	struct timespec deadline = {until / NS_PER_SECOND, until % NS_PER_SECOND};
	pthread_mutex_lock(&f->lock);
	while (!f->answered && !f->stopping &&
	       pthread_cond_timedwait(&f->changed, &f->lock, &deadline) == 0)
		;
	pthread_mutex_unlock(&f->lock);
}

/* --- calls ------------------------------------------------------------------------ */

/* On the loop's thread. */
static void on_done(struct forward_request *request, const struct forward_answer *answer)
{
	struct call *call = (struct call *)((char *)request - offsetof(struct call, request));
	struct forwarder *f = call->forwarder;
	call->answer = *answer;
	FAULT_POINT("forward.answered");
	atomic_store(&call->state, CALL_ANSWERED);
	pthread_mutex_lock(&f->lock);
	f->answered = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	wal_reader_wake(f->reader);
}

static void send_on_loop(void *arg)
{
	struct call *call = arg;
	struct forward_transport *transport = call->forwarder->options.transport;
	transport->type->send(transport, &call->request);
}

static void send_call(struct call *call)
{
	atomic_store(&call->state, CALL_SENT);
	call->task = (struct loop_task){.fn = send_on_loop, .arg = call};
	loop_post_task(call->forwarder->options.loop, &call->task);
}

static struct call *free_call(struct forwarder *f)
{
	for (unsigned i = 0; i < f->options.calls; i++) {
		if (atomic_load(&f->calls[i].state) == CALL_FREE)
			return &f->calls[i];
	}
	return NULL;
}

/* A call that may be begun; NULL when enough is under way. */
static struct call *next_call(struct forwarder *f)
{
	return f->in_flight < IN_FLIGHT_BYTES ? free_call(f) : NULL;
}

void call_release(struct call *call)
{
	call->forwarder->in_flight -= call->request.bytes.len;
	call->part = NULL;
	atomic_store(&call->state, CALL_FREE);
}

static void begin_call(struct call *call, struct part *part)
{
	struct forwarder *f = call->forwarder;
	call->part = part;
	call->request = (struct forward_request){.signal = f->options.filter.signal,
						 .bytes = part->bytes,
						 .owner = part->owner,
						 .coding = part->coding,
						 .done = on_done};
	call->first_sent = clock_monotonic_ns();
	call->interval = 0;
	f->in_flight += part->bytes.len;
	send_call(call);
}

/* Sends what has waited long enough, and halves of what was refused. */
static void send_again(struct forwarder *f)
{
	int64_t now = clock_monotonic_ns();
	struct call *call;
	for (unsigned i = 0; i < f->options.calls; i++) {
		call = &f->calls[i];
		if (atomic_load(&call->state) == CALL_WAITS && call->send_at <= now)
			send_call(call);
	}
	while (f->first_parts && (call = next_call(f))) {
		struct part *part = f->first_parts;
		f->first_parts = part->next;
		begin_call(call, part);
	}
}

/* --- what is taken, and how far everything is settled ------------------------------ */

static struct span_of_log *span_at(struct forwarder *f, unsigned i)
{
	return &f->spans[(f->span_head + i) % f->span_capacity];
}

static void update_watermark(struct forwarder *f)
{
	uint64_t oldest = gather_is_empty(f) ? INT64_MAX : f->gathering.first_received;
	for (unsigned i = 0; i < f->span_count; i++) {
		if (span_at(f, i)->first_received < oldest)
			oldest = span_at(f, i)->first_received;
	}
	atomic_store(&f->options.ledger->watermark, (long long)oldest);
}

/* Moves the position over what is settled without a gap. */
static void advance(struct forwarder *f)
{
	while (f->span_count && span_at(f, 0)->pending == 0) {
		const struct span_of_log *span = span_at(f, 0);
		f->state.position = span->to;
		f->state.delivered += span->delivered;
		f->state.quarantined += span->quarantined;
		f->span_head = (f->span_head + 1) % f->span_capacity;
		f->span_count--;
	}
	if (!f->span_count)
		f->state.position =
			gather_is_empty(f) ? wal_reader_position(f->reader) : f->gathering.from;
	update_watermark(f);
	pthread_mutex_lock(&f->lock);
	if (f->settled != f->state.position) {
		f->settled = f->state.position;
		pthread_cond_broadcast(&f->changed);
	}
	pthread_mutex_unlock(&f->lock);
}

static bool is_waited_for(struct forwarder *f)
{
	pthread_mutex_lock(&f->lock);
	bool waited_for = f->flush_to > f->saved_position;
	pthread_mutex_unlock(&f->lock);
	return waited_for;
}

/* When the position is to be saved; INT64_MAX: it need not be. */
static int64_t save_time(const struct forwarder *f)
{
	if (f->state.position == f->saved_position)
		return INT64_MAX;
	bool idle = !f->span_count && gather_is_empty(f);
	if (idle && f->state.position < f->saved_position + PASSED_BYTES &&
	    f->state.delivered + f->state.quarantined == f->saved_rows)
		return INT64_MAX;
	return f->saved_at + SAVE_INTERVAL;
}

static void save(struct forwarder *f)
{
	struct error err;
	f->saved_at = clock_monotonic_ns();
	FAULT_POINT("forward.settled");
	if (progress_put(f->options.progress, f->consumer, &f->state, &err) < 0) {
		log_error("progress file: cannot be written, will be tried again",
			  LOG_STR("exporter", f->name), LOG_STR("error", err.message));
		return;
	}
	f->saved_position = f->state.position;
	f->saved_rows = f->state.delivered + f->state.quarantined;
	wal_release_before(f->options.wal, progress_least_position(f->options.progress, 0));
}

/* --- reading and sending ---------------------------------------------------------- */

/* Records that cannot be read any more: as what the log itself has lost, they are passed over. */
static void lose_gathered(struct forwarder *f, const struct error *err)
{
	log_error("durable log: records are lost", LOG_STR("exporter", f->name),
		  LOG_INT("records", f->gathering.rows), LOG_STR("error", err->message));
	atomic_fetch_sub(&f->options.ledger->queued, (long long)f->gathering.rows);
	atomic_fetch_sub(&f->options.ledger->accepted, f->gathering.rows);
	gather_clear(f);
}

static void take_held(struct forwarder *f)
{
	struct record *record = f->held;
	f->held = NULL;
	if (record)
		gather_add(f, record);
	record_unref(record);
}

/* Sends what was gathered, if it may be sent. */
static void send_gathered(struct forwarder *f)
{
	struct error err;
	struct call *call = f->span_count < f->span_capacity ? next_call(f) : NULL;
	if (!call || f->first_parts)
		return;
	struct part *part = gather_finish(f, &err);
	if (!part && err.status == STATUS_NO_MEMORY) {
		wait_for_change(f, clock_monotonic_ns() + NO_MEMORY_PAUSE);
		return;
	}
	if (part) {
		struct span_of_log *span = span_at(f, f->span_count++);
		*span = (struct span_of_log){.to = f->gathering.to,
					     .first_received = f->gathering.first_received,
					     .pending = 1};
		part->span = span;
		gather_clear(f);
		begin_call(call, part);
	} else {
		lose_gathered(f, &err);
	}
	take_held(f);
}

static int64_t gather_deadline(struct forwarder *f)
{
	if (gather_is_empty(f))
		return INT64_MAX;
	if (f->gathering.full || is_waited_for(f))
		return 0;
	return f->gathering.began + f->options.gather.timeout;
}

/* When the thread has something to do, if nothing happens. */
static int64_t next_event(struct forwarder *f)
{
	int64_t first = clock_monotonic_ns() + IDLE_WAIT, at = save_time(f);
	if (at < first)
		first = at;
	for (unsigned i = 0; i < f->options.calls; i++) {
		struct call *call = &f->calls[i];
		if (atomic_load(&call->state) == CALL_WAITS && call->send_at < first)
			first = call->send_at;
	}
	return first;
}

/* AGAIN: nothing more is there. */
static int take_record(struct forwarder *f, int64_t until)
{
	struct record *record;
	struct error err = {0};
	int64_t left = until - clock_monotonic_ns();
	unsigned wait_ms = left <= 0 ? 0 : (unsigned)((left + NS_PER_MS - 1) / NS_PER_MS);
	int rc = wal_reader_next(f->reader, UINT64_MAX, wait_ms, &record, &err);
	if (rc == 0) {
		if (gather_add(f, record))
			record_unref(record);
		else
			f->held = record;
	} else if (rc == STATUS_CORRUPT) {
		log_error("durable log: a record is lost", LOG_STR("exporter", f->name),
			  LOG_STR("error", err.message));
	} else if (rc == STATUS_NO_MEMORY) {
		wait_for_change(f, clock_monotonic_ns() + NO_MEMORY_PAUSE);
	}
	return rc;
}

/* Reads on until a request is whole, or sends it. */
static void gather_and_send(struct forwarder *f)
{
	bool may_send = f->span_count < f->span_capacity && !f->first_parts && next_call(f);
	int64_t until = next_event(f), deadline = gather_deadline(f);
	int rc = 0;
	if (f->gathering.full && !may_send) {
		wait_for_change(f, until);
		return;
	}
	if (!f->gathering.full) {
		if (may_send && deadline < until)
			until = deadline;
		rc = take_record(f, until);
		deadline = gather_deadline(f);
	}
	if (may_send && deadline <= clock_monotonic_ns() &&
	    (f->gathering.full || rc == STATUS_AGAIN || f->options.gather.least))
		send_gathered(f);
}

/* Calls that are under way may still be answered. */
static void wait_for_calls(struct forwarder *f)
{
	int64_t until = clock_monotonic_ns() + STOP_GRACE;
	struct timespec deadline = {until / NS_PER_SECOND, until % NS_PER_SECOND};
	bool under_way = true;
	int waited = 0;
	while (under_way && waited == 0) {
		settle_answers(f);
		under_way = false;
		for (unsigned i = 0; i < f->options.calls; i++)
			under_way |= atomic_load(&f->calls[i].state) == CALL_SENT;
		pthread_mutex_lock(&f->lock);
		while (under_way && !f->answered && waited == 0)
			waited = pthread_cond_timedwait(&f->changed, &f->lock, &deadline);
		pthread_mutex_unlock(&f->lock);
	}
	settle_answers(f);
}

static void *forwarder_main(void *arg)
{
	struct forwarder *f = arg;
	while (!is_stopping(f)) {
		settle_answers(f);
		send_again(f);
		advance(f);
		if (save_time(f) <= clock_monotonic_ns() ||
		    (is_waited_for(f) && f->state.position > f->saved_position))
			save(f);
		gather_and_send(f);
	}
	wait_for_calls(f);
	gather_clear(f);
	advance(f);
	if (f->state.position != f->saved_position)
		save(f);
	return NULL;
}

/* --- the public functions --------------------------------------------------------- */

/* The ledger goes on where the last run left it. */
static void resume_ledger(struct forwarder *f)
{
	const struct consumer_progress *state = &f->state;
	struct exporter_ledger *ledger = f->options.ledger;
	uint64_t queued = wal_count_rows(f->options.wal, state->position, &f->options.filter);
	atomic_store(&ledger->delivered, state->delivered);
	atomic_store(&ledger->filtered, state->filtered);
	atomic_store(&ledger->quarantined, state->quarantined);
	atomic_store(&ledger->queued, (long long)queued);
	atomic_store(&ledger->accepted,
		     state->delivered + state->filtered + state->quarantined + queued);
}

static void init_sync(struct forwarder *f)
{
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

static int allocate(struct forwarder *f, struct error *err)
{
	const struct forwarder_options *options = &f->options;
	/* Ranges may be finished behind one that is tried again; but not without end. */
	f->span_capacity = options->calls * 4 + 16;
	f->calls = calloc(options->calls, sizeof(*f->calls));
	f->spans = calloc(f->span_capacity, sizeof(*f->spans));
	if (!f->calls || !f->spans)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	for (unsigned i = 0; i < options->calls; i++)
		f->calls[i].forwarder = f;
	return options->coding == COMPRESS_IDENTITY
		       ? 0
		       : compressor_new(&f->compressor, options->coding, options->level, err);
}

static int resume(struct forwarder *f, struct error *err)
{
	const struct forwarder_options *options = &f->options;
	int rc = progress_consumer(options->progress, f->name, wal_end(options->wal), err);
	if (rc < 0)
		return rc;
	f->consumer = rc;
	progress_get(options->progress, f->consumer, &f->state);
	f->saved_position = f->settled = f->state.position;
	f->saved_rows = f->state.delivered + f->state.quarantined;
	resume_ledger(f);
	return wal_reader_new(&f->reader, options->wal, &options->filter, f->state.position, err);
}

int forwarder_start(struct forwarder **out, const struct forwarder_options *options,
		    struct error *err)
{
	struct forwarder *f = calloc(1, sizeof(*f));
	if (!f)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	f->options = *options;
	f->options.filter.raw = true;
	f->random = (uint64_t)clock_unix_ns() | 1;
	buf_init(&f->scratch);
	snprintf(f->name, sizeof(f->name), "%s/%s", options->exporter,
		 signal_name(options->filter.signal));
	init_sync(f);
	int rc = allocate(f, err);
	if (rc == 0)
		rc = resume(f, err);
	if (rc == 0 && pthread_create(&f->thread, NULL, forwarder_main, f) != 0)
		rc = error_set(err, STATUS_NO_MEMORY, "cannot start a thread");
	if (rc < 0) {
		forwarder_free(f);
		return rc;
	}
	f->has_thread = true;
	char name[16];
	snprintf(name, sizeof(name), "send-%s", signal_name(options->filter.signal));
	pthread_setname_np(f->thread, name);
	*out = f;
	return 0;
}

void forwarder_stop(struct forwarder *f)
{
	if (!f || !f->has_thread)
		return;
	pthread_mutex_lock(&f->lock);
	f->stopping = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	wal_reader_wake(f->reader);
	pthread_join(f->thread, NULL);
	f->has_thread = false;
}

void forwarder_free(struct forwarder *f)
{
	if (!f)
		return;
	for (unsigned i = 0; f->calls && i < f->options.calls; i++)
		part_free(f->calls[i].part);
	while (f->first_parts) {
		struct part *part = f->first_parts;
		f->first_parts = part->next;
		part_free(part);
	}
	gather_clear(f);
	record_unref(f->held);
	wal_reader_free(f->reader);
	compressor_free(f->compressor);
	buf_release(&f->scratch);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->changed);
	free(f->calls);
	free(f->spans);
	free(f);
}

int forwarder_flush(struct forwarder *f, uint64_t position, unsigned timeout_ms, struct error *err)
{
	int64_t until = clock_monotonic_ns() + (int64_t)timeout_ms * NS_PER_MS;
	struct timespec deadline = {until / NS_PER_SECOND, until % NS_PER_SECOND};
	int waited = 0;
	pthread_mutex_lock(&f->lock);
	if (f->flush_to < position)
		f->flush_to = position;
	pthread_mutex_unlock(&f->lock);
	wal_reader_wake(f->reader);
	pthread_mutex_lock(&f->lock);
	while (f->settled < position && waited == 0 && !f->stopping)
		waited = pthread_cond_timedwait(&f->changed, &f->lock, &deadline);
	bool settled = f->settled >= position;
	struct error why = f->last_error;
	pthread_mutex_unlock(&f->lock);
	if (settled)
		return 0;
	return error_set(err, STATUS_TIMEOUT, "%s: not everything is delivered after %u ms%s%s",
			 f->name, timeout_ms, why.status ? ": " : "", why.message);
}
