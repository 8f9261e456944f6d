/* A forwarder on a real log, and a peer that answers as the test says. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

#include "base/clock.h"
#include "exporters/forward/forwarder.h"
#include "net/loop.h"
#include "pipeline/progress.h"
#include "pipeline/quarantine.h"
#include "support/pb_write.h"

#define MAX_REQUESTS 4000

/* --- the peer --------------------------------------------------------------------- */

struct peer {
	struct forward_transport transport;
	struct fixture *t;
	struct forward_request *held[64]; /* requests that are not answered yet */
	unsigned held_count;
};

struct fixture {
	char dir[64], log_dir[80], path[80], quarantine_dir[80];
	struct chunk_pool *chunks;
	struct record_pool *records;
	struct wal *wal;
	struct progress *progress;
	struct quarantine *quarantine;
	struct ledger *ledger;
	struct exporter_ledger *counts;
	struct loop *loop;
	struct peer *peer;
	struct forwarder *forwarder;
	struct retry_options retry;
	struct forwarder_options options;

	pthread_mutex_t lock;
	enum forward_outcome (*judge)(struct fixture *t, struct slice bytes);
	bool hold_first; /* the first answer waits */
	unsigned requests, taken;
	uint8_t seen[MAX_REQUESTS]; /* how often each record was taken */
	size_t largest;
};

/* The records' numbers are their bodies' texts: four digits behind "#". */
static void note(struct fixture *t, struct slice bytes)
{
	for (size_t i = 0; i + 5 <= bytes.len; i++) {
		char number[5] = {0};
		if (bytes.ptr[i] != '#')
			continue;
		memcpy(number, bytes.ptr + i + 1, 4);
		t->seen[strtoul(number, NULL, 10) % MAX_REQUESTS]++;
	}
}

static bool holds_number(struct slice bytes, unsigned number)
{
	char text[8];
	snprintf(text, sizeof(text), "#%04u", number);
	return memmem(bytes.ptr, bytes.len, text, 5) != NULL;
}

static void answer(struct fixture *t, struct forward_request *request)
{
	struct forward_answer answer = {.outcome = FORWARD_DELIVERED, .retry_after_ms = -1};
	pthread_mutex_lock(&t->lock);
	t->requests++;
	if (request->bytes.len > t->largest)
		t->largest = request->bytes.len;
	if (t->judge)
		answer.outcome = t->judge(t, request->bytes);
	if (answer.outcome == FORWARD_DELIVERED) {
		t->taken++;
		note(t, request->bytes);
	} else {
		snprintf(answer.message, sizeof(answer.message), "not this");
	}
	pthread_mutex_unlock(&t->lock);
	request->done(request, &answer);
}

static void peer_send(struct forward_transport *transport, struct forward_request *request)
{
	struct peer *peer = (struct peer *)transport;
	pthread_mutex_lock(&peer->t->lock);
	bool hold = peer->t->hold_first;
	peer->t->hold_first = false;
	pthread_mutex_unlock(&peer->t->lock);
	if (hold)
		peer->held[peer->held_count++] = request;
	else
		answer(peer->t, request);
}

static void peer_let_go(void *arg)
{
	struct peer *peer = arg;
	while (peer->held_count)
		answer(peer->t, peer->held[--peer->held_count]);
}

static void peer_close(struct forward_transport *transport)
{
	struct peer *peer = (struct peer *)transport;
	struct forward_answer gone = {.outcome = FORWARD_RETRY, .retry_after_ms = -1};
	while (peer->held_count) {
		struct forward_request *request = peer->held[--peer->held_count];
		request->done(request, &gone);
	}
	free(peer);
}

static const struct forward_transport_type peer_type = {peer_send, peer_close};

/* --- the fixture ------------------------------------------------------------------ */

static void close_peer(void *arg)
{
	peer_close(arg);
}

static void stop(struct fixture *t)
{
	forwarder_stop(t->forwarder);
	loop_post(t->loop, close_peer, t->peer);
	loop_free(t->loop);
	forwarder_free(t->forwarder);
	t->forwarder = NULL;
}

static void start(struct fixture *t)
{
	struct error err;
	assert_int_equal(loop_new(&t->loop, "peer", &err), 0);
	t->peer = calloc(1, sizeof(*t->peer));
	t->peer->transport.type = &peer_type;
	t->peer->t = t;
	t->options.loop = t->loop;
	t->options.transport = &t->peer->transport;
	t->options.wal = t->wal;
	t->options.progress = t->progress;
	if (forwarder_start(&t->forwarder, &t->options, &err) < 0)
		fail_msg("%s", err.message);
}

static void open_log(struct fixture *t)
{
	struct error err;
	struct wal_recovery recovery;
	bool fresh;
	struct wal_options options = {.dir = t->log_dir,
				      .segment_size = 256 << 10,
				      .max_size = 64 << 20,
				      .cache_size = 64 << 10,
				      .pool = t->records};
	assert_int_equal(progress_open(&t->progress, t->path, &fresh, &err), 0);
	if (wal_open(&t->wal, &options, progress_least_position(t->progress, 0), &recovery, &err) <
	    0)
		fail_msg("%s", err.message);
}

static void close_log(struct fixture *t)
{
	wal_close(t->wal);
	progress_close(t->progress);
}

static int set_up(void **state)
{
	struct fixture *t = calloc(1, sizeof(*t));
	struct error err;
	snprintf(t->dir, sizeof(t->dir), "/tmp/tripod-forward-XXXXXX");
	if (!mkdtemp(t->dir))
		return -1;
	snprintf(t->log_dir, sizeof(t->log_dir), "%s/log", t->dir);
	snprintf(t->path, sizeof(t->path), "%s/progress", t->dir);
	snprintf(t->quarantine_dir, sizeof(t->quarantine_dir), "%s/quarantine", t->dir);
	pthread_mutex_init(&t->lock, NULL);
	t->chunks = chunk_pool_new(1 << 20);
	t->records = record_pool_new(t->chunks, 4);
	t->ledger = ledger_new();
	t->counts = ledger_exporter(t->ledger, "otlp", SIGNAL_LOGS);
	open_log(t);
	if (quarantine_open(&t->quarantine, t->quarantine_dir, &err) < 0)
		return -1;
	t->retry = (struct retry_options){.enabled = true,
					  .initial_interval = 5 * NS_PER_MS,
					  .max_interval = 20 * NS_PER_MS,
					  .multiplier = 1.5,
					  .randomization_factor = 0.5};
	t->options = (struct forwarder_options){.exporter = "otlp",
						.target = "a peer",
						.filter = {.signal = SIGNAL_LOGS},
						.calls = 4,
						.retry = &t->retry,
						.chunks = t->chunks,
						.quarantine = t->quarantine,
						.ledger = t->counts};
	*state = t;
	return 0;
}

static void remove_folder(const char *path)
{
	DIR *dir = opendir(path);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	rmdir(path);
}

static int tear_down(void **state)
{
	struct fixture *t = *state;
	close_log(t);
	quarantine_close(t->quarantine);
	ledger_free(t->ledger);
	record_pool_free(t->records);
	chunk_pool_free(t->chunks);
	pthread_mutex_destroy(&t->lock);
	remove_folder(t->log_dir);
	remove_folder(t->quarantine_dir);
	remove_folder(t->dir);
	free(t);
	return 0;
}

/* --- writing to the log ------------------------------------------------------------ */

static void on_durable(struct record *record, const struct error *err, void *arg)
{
	assert_null(err);
	uv_sem_post(arg);
}

/* A request of one log record whose body is "#" and the number, and `filling` bytes. */
static void put(struct fixture *t, unsigned number, unsigned filling, enum compress_encoding coding)
{
	struct buf any = BUF_INIT, log = BUF_INIT, scope = BUF_INIT, resource = BUF_INIT,
		   request = BUF_INIT, text = BUF_INIT, coded = BUF_INIT;
	struct error err;
	uv_sem_t durable;
	buf_appendf(&text, "#%04u%*s", number, (int)filling, "");
	pbw_bytes(&any, 1, text.data, text.len);
	pbw_message(&log, 5, &any);
	pbw_message(&scope, 2, &log);
	pbw_message(&resource, 2, &scope);
	pbw_message(&request, 1, &resource);
	struct buf *wire = &request;
	if (coding != COMPRESS_IDENTITY) {
		struct compressor *compressor;
		assert_int_equal(compressor_new(&compressor, coding, 1, &err), 0);
		assert_int_equal(compressor_append(compressor, buf_slice(&request), &coded, &err),
				 0);
		compressor_free(compressor);
		wire = &coded;
	}
	struct chunk *chunk = chunk_new(t->chunks, wire->len);
	memcpy(chunk->data, wire->data, wire->len);
	chunk->len = wire->len;
	chunk_seal(chunk);
	struct record *record = record_new(t->records, SIGNAL_LOGS);
	record->received_time = 1000 + number;
	assert_int_equal(record_check(record, chunk, (struct slice){chunk->data, chunk->len},
				      coding, 1 << 20, &err),
			 0);
	uv_sem_init(&durable, 0);
	record->done = on_durable;
	record->done_arg = &durable;
	atomic_fetch_add(&t->counts->accepted, 1);
	atomic_fetch_add(&t->counts->queued, 1);
	assert_int_equal(wal_append(t->wal, record, &err), 0);
	uv_sem_wait(&durable);
	uv_sem_destroy(&durable);
	record_unref(record);
	chunk_unref(chunk);
	struct buf *all[] = {&any, &log, &scope, &resource, &request, &text, &coded};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		buf_release(all[i]);
}

static void put_many(struct fixture *t, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		put(t, i, 20, COMPRESS_IDENTITY);
}

static void flush(struct fixture *t)
{
	struct error err;
	if (forwarder_flush(t->forwarder, wal_end(t->wal), 20000, &err) < 0)
		fail_msg("%s", err.message);
}

static void expect_seen(struct fixture *t, unsigned from, unsigned to, unsigned most)
{
	pthread_mutex_lock(&t->lock);
	for (unsigned i = from; i < to; i++) {
		if (t->seen[i] < 1 || t->seen[i] > most)
			fail_msg("record %u was delivered %u times", i, t->seen[i]);
	}
	pthread_mutex_unlock(&t->lock);
}

static void expect_ledger(struct fixture *t, uint64_t delivered, uint64_t quarantined)
{
	assert_int_equal(atomic_load(&t->counts->delivered), delivered);
	assert_int_equal(atomic_load(&t->counts->quarantined), quarantined);
	assert_int_equal(atomic_load(&t->counts->queued), 0);
	assert_int_equal(atomic_load(&t->counts->accepted), delivered + quarantined);
}

/* --- the tests -------------------------------------------------------------------- */

static void delivers_each_record_once(void **state)
{
	struct fixture *t = *state;
	start(t);
	put_many(t, 0, 300);
	flush(t);
	expect_seen(t, 0, 300, 1);
	expect_ledger(t, 300, 0);
	assert_int_equal(atomic_load(&t->counts->watermark), INT64_MAX);
	stop(t);
}

static enum forward_outcome every_third_later(struct fixture *t, struct slice bytes)
{
	return t->requests % 3 ? FORWARD_RETRY : FORWARD_DELIVERED;
}

static void tries_again(void **state)
{
	struct fixture *t = *state;
	t->judge = every_third_later;
	start(t);
	put_many(t, 0, 60);
	flush(t);
	expect_seen(t, 0, 60, 1);
	expect_ledger(t, 60, 0);
	assert_true(atomic_load(&t->counts->attempts_failed) > 0);
	stop(t);
}

/* The first is not answered for long: the others go on, the position does not. */
static void position_waits_for_the_oldest(void **state)
{
	struct fixture *t = *state;
	struct error err;
	struct consumer_progress before, after;
	t->hold_first = true;
	start(t);
	progress_get(t->progress, 0, &before);
	put_many(t, 0, 1);
	for (bool held = false; !held; usleep(1000)) {
		pthread_mutex_lock(&t->lock);
		held = !t->hold_first;
		pthread_mutex_unlock(&t->lock);
	}
	/* Few enough for each to be a request: what is settled behind the oldest is bounded. */
	put_many(t, 1, 15);
	for (int i = 0; i < 2000 && atomic_load(&t->counts->delivered) < 14; i++)
		usleep(5000);
	assert_int_equal(atomic_load(&t->counts->delivered), 14);
	assert_int_equal(forwarder_flush(t->forwarder, wal_end(t->wal), 50, &err), STATUS_TIMEOUT);
	progress_get(t->progress, 0, &after);
	assert_int_equal(after.position, before.position);
	assert_int_equal(atomic_load(&t->counts->watermark), 1000);
	loop_post(t->loop, peer_let_go, t->peer);
	flush(t);
	expect_seen(t, 0, 15, 1);
	stop(t);
}

static enum forward_outcome not_seven(struct fixture *t, struct slice bytes)
{
	return holds_number(bytes, 7) ? FORWARD_REFUSED : FORWARD_DELIVERED;
}

static void find_seven(const struct quarantine_entry *entry, void *arg)
{
	struct buf bytes = BUF_INIT;
	struct fixture *t = arg;
	assert_int_equal(entry->rows, 1);
	assert_non_null(strstr(entry->reason, "not this"));
	assert_int_equal(quarantine_read(t->quarantine, entry->id, &bytes, NULL), 0);
	assert_true(holds_number(buf_slice(&bytes), 7));
	buf_release(&bytes);
}

static void isolates_what_is_refused(void **state)
{
	struct fixture *t = *state;
	uint64_t entries, rows;
	t->judge = not_seven;
	t->options.gather = (struct gather_limits){.timeout = NS_PER_SECOND, .least = 50};
	start(t);
	put_many(t, 0, 100);
	flush(t);
	expect_seen(t, 0, 7, 1);
	expect_seen(t, 8, 100, 1);
	expect_ledger(t, 99, 1);
	quarantine_count(t->quarantine, &entries, &rows);
	assert_int_equal(entries, 1);
	assert_int_equal(quarantine_each(t->quarantine, find_seven, t, NULL), 0);
	stop(t);
}

static enum forward_outcome later(struct fixture *t, struct slice bytes)
{
	return FORWARD_RETRY;
}

static void gives_up_in_time(void **state)
{
	struct fixture *t = *state;
	t->judge = later;
	t->retry.max_elapsed_time = 60 * NS_PER_MS;
	start(t);
	put_many(t, 0, 5);
	flush(t);
	expect_ledger(t, 0, 5);
	stop(t);
}

/* What was delivered and saved is not sent again; the rest is, and the ledger goes on. */
static void goes_on_after_a_restart(void **state)
{
	struct fixture *t = *state;
	start(t);
	put_many(t, 0, 50);
	flush(t);
	pthread_mutex_lock(&t->lock);
	t->judge = later;
	pthread_mutex_unlock(&t->lock);
	put_many(t, 50, 120);
	stop(t);
	close_log(t);
	atomic_store(&t->counts->accepted, 0);
	atomic_store(&t->counts->delivered, 0);
	open_log(t);
	t->judge = NULL;
	start(t);
	put_many(t, 120, 130);
	flush(t);
	expect_seen(t, 0, 130, 1);
	expect_ledger(t, 130, 0);
	stop(t);
}

static void gathers_as_told(void **state)
{
	struct fixture *t = *state;
	t->options.gather =
		(struct gather_limits){.timeout = 10 * NS_PER_SECOND, .least = 10, .most = 10};
	start(t);
	put_many(t, 0, 100);
	for (int i = 0; i < 2000 && atomic_load(&t->counts->delivered) < 100; i++)
		usleep(5000);
	expect_seen(t, 0, 100, 1);
	assert_int_equal(t->requests, 10);
	/* What is less waits for the time, or a flush. */
	put_many(t, 100, 105);
	usleep(50000);
	assert_int_equal(t->requests, 10);
	flush(t);
	assert_int_equal(t->requests, 11);
	expect_ledger(t, 105, 0);
	stop(t);
}

/* Requests that came compressed are undone where they are gathered. */
static void gathers_compressed_requests(void **state)
{
	struct fixture *t = *state;
	t->options.gather = (struct gather_limits){.timeout = NS_PER_SECOND, .least = 30};
	start(t);
	for (unsigned i = 0; i < 30; i++)
		put(t, i, 100,
		    i % 3 == 0   ? COMPRESS_GZIP
		    : i % 3 == 1 ? COMPRESS_ZSTD
				 : COMPRESS_IDENTITY);
	flush(t);
	expect_seen(t, 0, 30, 1);
	stop(t);
}

static void bounds_a_request(void **state)
{
	struct fixture *t = *state;
	t->judge = later;
	start(t);
	for (unsigned i = 0; i < 60; i++)
		put(t, i, 100000, COMPRESS_IDENTITY);
	pthread_mutex_lock(&t->lock);
	t->judge = NULL;
	pthread_mutex_unlock(&t->lock);
	flush(t);
	expect_seen(t, 0, 60, 1);
	assert_true(t->largest <= 4000000);
	stop(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(delivers_each_record_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tries_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(position_waits_for_the_oldest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(isolates_what_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(gives_up_in_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(goes_on_after_a_restart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(gathers_as_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(gathers_compressed_requests, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bounds_a_request, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
