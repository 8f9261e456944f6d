/* The durable log on real files: what is acknowledged is there after every kind of stop. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "pipeline/wal_int.h"

#define SEGMENT ((uint64_t)256 << 10)

static const struct wal_filter all_logs = {.signal = SIGNAL_LOGS};

struct log_under_test {
	char dir[64];
	struct chunk_pool *chunks;
	struct record_pool *records;
	struct wal *wal;
	struct wal_recovery recovery;
};

static void open_log_reached(struct log_under_test *t, uint64_t keep_from, uint64_t reached)
{
	struct error err;
	struct wal_options options = {.dir = t->dir,
				      .segment_size = SEGMENT,
				      .max_size = 8 * SEGMENT,
				      .cache_size = 64 << 10,
				      .pool = t->records,
				      .reached = reached};
	if (wal_open(&t->wal, &options, keep_from, &t->recovery, &err) < 0)
		fail_msg("%s", err.message);
}

static void open_log(struct log_under_test *t, uint64_t keep_from)
{
	open_log_reached(t, keep_from, 0);
}

static void close_log(struct log_under_test *t)
{
	wal_close(t->wal);
	t->wal = NULL;
}

static int set_up(void **state)
{
	struct log_under_test *t = calloc(1, sizeof(*t));
	snprintf(t->dir, sizeof(t->dir), "/tmp/tripod-wal-XXXXXX");
	if (!mkdtemp(t->dir))
		return -1;
	t->chunks = chunk_pool_new(1 << 20);
	t->records = record_pool_new(t->chunks, (size_t)1 << 20);
	open_log(t, 0);
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	struct log_under_test *t = *state;
	close_log(t);
	record_pool_free(t->records);
	chunk_pool_free(t->chunks);
	DIR *dir = opendir(t->dir);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	rmdir(t->dir);
	free(t);
	return 0;
}

/* --- appending and waiting -------------------------------------------------------- */

struct waiter {
	atomic_int answered; /* 1: durable, -1: refused */
};

static void on_done(struct record *record, const struct error *err, void *arg)
{
	struct waiter *waiter = arg;
	atomic_store(&waiter->answered, err ? -1 : 1);
}

static int wait_for(struct waiter *waiter)
{
	while (!atomic_load(&waiter->answered))
		usleep(50);
	return atomic_load(&waiter->answered);
}

/* A length-delimited protobuf field around `inner`, in place behind it. */
static size_t wrap(char *out, int field, const char *inner, size_t len)
{
	char header[8];
	size_t n = 0;
	header[n++] = (char)(field << 3 | 2);
	for (size_t rest = len;; rest >>= 7) {
		header[n++] = (char)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
		if (rest <= 0x7f)
			break;
	}
	memmove(out + n, inner, len);
	memcpy(out, header, n);
	return n + len;
}

/* An ExportLogsServiceRequest with one record whose body is "number" and `padding` dots. */
static struct record *make_record(struct log_under_test *t, unsigned number, size_t padding)
{
	struct record *record = record_new(t->records, SIGNAL_LOGS);
	struct chunk *chunk = chunk_new(t->chunks, padding + 200);
	char *p = chunk->data;
	size_t len = (size_t)snprintf(p, 32, "%010u", number);
	memset(p + len, '.', padding);
	len += padding;
	len = wrap(p, 1, p, len); /* AnyValue.string_value */
	len = wrap(p, 5, p, len); /* LogRecord.body */
	len = wrap(p, 2, p, len); /* ScopeLogs.log_records */
	len = wrap(p, 2, p, len); /* ResourceLogs.scope_logs */
	len = wrap(p, 1, p, len); /* resource_logs */
	chunk->len = len;
	chunk_seal(chunk);
	struct rejects rejects = {0};
	struct error err;
	record->received_time = (uint64_t)clock_unix_ns();
	int rc = record_decode(record, chunk, (struct slice){p, len}, COMPRESS_IDENTITY, 1 << 20,
			       &rejects, &err);
	if (rc < 0)
		fail_msg("%s", err.message);
	assert_int_equal(record->rows, 1);
	chunk_unref(chunk);
	return record;
}

static int append(struct log_under_test *t, unsigned number, size_t padding)
{
	struct waiter waiter = {0};
	struct error err;
	struct record *record = make_record(t, number, padding);
	record->done = on_done;
	record->done_arg = &waiter;
	int rc = wal_append(t->wal, record, &err);
	record_unref(record);
	return rc < 0 ? rc : wait_for(&waiter);
}

static void append_many(struct log_under_test *t, unsigned from, unsigned to, size_t padding)
{
	for (unsigned i = from; i < to; i++)
		assert_int_equal(append(t, i, padding), 1);
}

static unsigned number_of(const struct record *record)
{
	struct slice body = value_bytes(record->logs.body[0]);
	assert_true(body.len >= 10);
	char text[11];
	memcpy(text, body.ptr, 10);
	text[10] = '\0';
	return (unsigned)strtoul(text, NULL, 10);
}

/* Reads everything from `position` and checks that it is `from`, `from`+1, … `to`-1. */
static void expect_numbers(struct log_under_test *t, uint64_t position, unsigned from, unsigned to)
{
	struct wal_reader *reader;
	struct error err = {0};
	assert_int_equal(wal_reader_new(&reader, t->wal, &all_logs, position, &err), 0);
	for (unsigned i = from; i < to; i++) {
		struct record *record;
		int rc = wal_reader_next(reader, UINT64_MAX, 0, &record, &err);
		if (rc < 0)
			fail_msg("record %u: %d %s", i, rc, err.message);
		assert_int_equal(number_of(record), i);
		record_unref(record);
	}
	struct record *record;
	assert_int_equal(wal_reader_next(reader, UINT64_MAX, 0, &record, &err), STATUS_AGAIN);
	assert_true(wal_reader_position(reader) >= wal_end(t->wal));
	wal_reader_free(reader);
}

/* --- tests ------------------------------------------------------------------------ */

static void gives_back_what_was_appended(void **state)
{
	struct log_under_test *t = *state;
	append_many(t, 0, 300, 100);
	expect_numbers(t, 0, 0, 300);
	close_log(t);
	open_log(t, 0);
	assert_int_equal(t->recovery.records, 300);
	assert_int_equal(t->recovery.torn_bytes, 0);
	assert_int_equal(t->recovery.corrupt_bytes, 0);
	expect_numbers(t, 0, 0, 300);
	append_many(t, 300, 310, 10);
	expect_numbers(t, 0, 0, 310);
}

static void spans_segments_with_records_of_all_sizes(void **state)
{
	struct log_under_test *t = *state;
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(append(t, i, (size_t)i * 997), 1);
	assert_true(wal_end(t->wal) > 2 * SEGMENT);
	expect_numbers(t, 0, 0, 40);
	close_log(t);
	open_log(t, 0);
	expect_numbers(t, 0, 0, 40);
}

static void a_reader_that_keeps_up_is_served_from_memory(void **state)
{
	struct log_under_test *t = *state;
	struct wal_reader *reader;
	struct error err;
	struct wal_stats stats;
	assert_int_equal(wal_reader_new(&reader, t->wal, &all_logs, 0, &err), 0);
	for (unsigned i = 0; i < 100; i++) {
		struct record *record;
		assert_int_equal(append(t, i, 50), 1);
		assert_int_equal(wal_reader_next(reader, UINT64_MAX, 0, &record, &err), 0);
		assert_int_equal(number_of(record), i);
		record_unref(record);
	}
	wal_stats(t->wal, &stats);
	assert_int_equal(stats.cache_misses, 0);
	assert_int_equal(stats.cached_records, 0);
	/* One that falls behind the cache's budget goes on from disk, in order. */
	append_many(t, 100, 400, 1000);
	wal_stats(t->wal, &stats);
	assert_true(stats.cached_bytes <= 64 << 10);
	for (unsigned i = 100; i < 400; i++) {
		struct record *record;
		assert_int_equal(wal_reader_next(reader, UINT64_MAX, 0, &record, &err), 0);
		assert_int_equal(number_of(record), i);
		record_unref(record);
	}
	wal_stats(t->wal, &stats);
	assert_true(stats.cache_misses > 0);
	wal_reader_free(reader);
}

static void a_range_ends_at_its_limit(void **state)
{
	struct log_under_test *t = *state;
	append_many(t, 0, 5, 100);
	uint64_t limit = wal_end(t->wal);
	append_many(t, 5, 10, 100);
	struct wal_reader *reader;
	struct error err;
	struct record *record;
	assert_int_equal(wal_reader_new(&reader, t->wal, &all_logs, 0, &err), 0);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(wal_reader_next(reader, limit, 0, &record, &err), 0);
		record_unref(record);
	}
	assert_int_equal(wal_reader_next(reader, limit, 0, &record, &err), STATUS_NOT_FOUND);
	wal_reader_free(reader);
}

static void expect_nothing(struct log_under_test *t, const struct wal_filter *filter)
{
	struct wal_reader *reader;
	struct error err;
	struct record *record;
	assert_int_equal(wal_reader_new(&reader, t->wal, filter, 0, &err), 0);
	assert_int_equal(wal_reader_next(reader, UINT64_MAX, 0, &record, &err), STATUS_AGAIN);
	assert_true(wal_reader_position(reader) >= wal_end(t->wal));
	assert_int_equal(wal_count_rows(t->wal, 0, filter), 0);
	wal_reader_free(reader);
}

static void skips_other_signals_and_receivers(void **state)
{
	struct log_under_test *t = *state;
	append_many(t, 0, 5, 100);
	const uint64_t excluded = 0; /* what make_record leaves */
	const struct wal_filter traces = {.signal = SIGNAL_TRACES};
	const struct wal_filter others = {
		.signal = SIGNAL_LOGS, .excluded = &excluded, .excluded_count = 1};
	expect_nothing(t, &traces);
	expect_nothing(t, &others);
	assert_int_equal(wal_count_rows(t->wal, 0, &all_logs), 5);
}

/* Rows that are counted from what recovery summed up are those that the headers say. */
static void counts_rows_after_opening_again(void **state)
{
	struct log_under_test *t = *state;
	const struct wal_filter traces = {.signal = SIGNAL_TRACES};
	struct wal_reader *reader;
	struct error err;
	unsigned n = 60;
	append_many(t, 0, n, 20000); /* five segments */
	close_log(t);
	open_log(t, 0);
	append_many(t, n, n + 3, 20000);
	n += 3;
	assert_int_equal(wal_count_rows(t->wal, 0, &traces), 0);
	assert_int_equal(wal_reader_new(&reader, t->wal, &all_logs, 0, &err), 0);
	for (unsigned read = 0; read < n; read++) {
		struct record *record;
		assert_int_equal(wal_count_rows(t->wal, wal_reader_position(reader), &all_logs),
				 n - read);
		assert_int_equal(wal_reader_next(reader, UINT64_MAX, 0, &record, &err), 0);
		record_unref(record);
	}
	assert_int_equal(wal_count_rows(t->wal, wal_end(t->wal), &all_logs), 0);
	wal_reader_free(reader);
}

static void reuses_segments_that_nobody_needs(void **state)
{
	struct log_under_test *t = *state;
	struct wal_stats stats;
	for (unsigned i = 0; i < 400; i++) {
		assert_int_equal(append(t, i, 20000), 1);
		wal_release_before(t->wal, wal_end(t->wal));
	}
	assert_true(wal_end(t->wal) > 20 * SEGMENT);
	usleep(200000);
	wal_stats(t->wal, &stats);
	assert_true(stats.disk_bytes <= 6 * SEGMENT);
	append_many(t, 400, 405, 100);
	uint64_t keep = stats.end;
	expect_numbers(t, keep, 400, 405);
	close_log(t);
	open_log(t, keep);
	expect_numbers(t, keep, 400, 405);
}

static void refuses_when_its_budget_is_used(void **state)
{
	struct log_under_test *t = *state;
	unsigned n = 0;
	int rc;
	while ((rc = append(t, n, 30000)) == 1 && n < 1000)
		n++;
	assert_int_equal(rc, STATUS_NO_SPACE);
	assert_true(n > 40 && n < 80);
	expect_numbers(t, 0, 0, n);
	wal_release_before(t->wal, wal_end(t->wal));
	assert_int_equal(append(t, n, 30000), 1);
}

static void refuses_what_no_segment_can_hold(void **state)
{
	struct log_under_test *t = *state;
	struct error err;
	struct record *record = make_record(t, 1, SEGMENT);
	assert_int_equal(wal_append(t->wal, record, &err), STATUS_LIMIT);
	record_unref(record);
}

/* --- damage ----------------------------------------------------------------------- */

static int open_segment_file(struct log_under_test *t, uint64_t position)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%016llx.seg", t->dir,
		 (unsigned long long)(position / SEGMENT));
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	return fd;
}

static void damage(struct log_under_test *t, uint64_t position, size_t len, int byte)
{
	int fd = open_segment_file(t, position);
	char *bytes = malloc(len);
	memset(bytes, byte, len);
	assert_int_equal(pwrite(fd, bytes, len, (off_t)(position % SEGMENT)), len);
	free(bytes);
	close(fd);
}

static void cuts_a_torn_tail_off(void **state)
{
	struct log_under_test *t = *state;
	append_many(t, 0, 20, 100);
	uint64_t last = wal_end(t->wal);
	append_many(t, 20, 21, 9000);
	close_log(t);
	damage(t, last + 4096, 4096, 0); /* the second page of the last group was not written */
	open_log(t, 0);
	assert_true(t->recovery.torn_bytes > 0);
	assert_int_equal(t->recovery.corrupt_bytes, 0);
	expect_numbers(t, 0, 0, 20);
	append_many(t, 20, 40, 100);
	close_log(t);
	open_log(t, 0);
	assert_int_equal(t->recovery.torn_bytes, 0);
	expect_numbers(t, 0, 0, 40);
}

/* Makes the frame at `position` say that the log was durable only up to `synced`. */
static void rewrite_synced(struct log_under_test *t, uint32_t instance, uint64_t position,
			   uint64_t synced)
{
	struct wal_frame frame;
	int fd = open_segment_file(t, position);
	assert_int_equal(pread(fd, &frame, sizeof(frame), (off_t)(position % SEGMENT)),
			 sizeof(frame));
	assert_true(wal_frame_ok(&frame, position, instance));
	frame.synced = synced;
	wal_frame_seal(&frame, instance);
	assert_int_equal(pwrite(fd, &frame, sizeof(frame), (off_t)(position % SEGMENT)),
			 sizeof(frame));
	close(fd);
}

static void never_revives_what_was_cut_off(void **state)
{
	struct log_under_test *t = *state;
	append_many(t, 0, 3, 100);
	uint64_t last = wal_end(t->wal);
	append_many(t, 3, 4, 100); /* one page, that will be damaged */
	append_many(t, 4, 5, 100); /* and one behind it, with a valid frame */
	uint32_t instance = wal_instance(t->wal);
	close_log(t);
	damage(t, last, 4096, 0xff);
	rewrite_synced(t, instance, last + 4096, last); /* as if both had been one torn group */
	open_log(t, 0);
	assert_int_equal(t->recovery.corrupt_bytes, 0);
	expect_numbers(t, 0, 0, 3);
	append_many(t, 3, 4, 100); /* takes exactly the damaged page */
	close_log(t);
	open_log(t, 0);
	expect_numbers(t, 0, 0, 4);
}

static void reports_lost_acknowledged_bytes_and_goes_on(void **state)
{
	struct log_under_test *t = *state;
	append_many(t, 0, 5, 100);
	uint64_t hole = wal_end(t->wal);
	append_many(t, 5, 6, 100);
	append_many(t, 6, 20, 100);
	close_log(t);
	damage(t, hole, 4096, 0xee);
	open_log(t, 0);
	assert_int_equal(t->recovery.corrupt_bytes, 4096);
	struct wal_reader *reader;
	struct error err;
	struct record *record;
	assert_int_equal(wal_reader_new(&reader, t->wal, &all_logs, 0, &err), 0);
	unsigned seen = 0, lost = 0;
	for (;;) {
		int rc = wal_reader_next(reader, UINT64_MAX, 0, &record, &err);
		if (rc == STATUS_CORRUPT) {
			lost++;
			continue;
		}
		if (rc < 0)
			break;
		assert_int_equal(number_of(record), seen < 5 ? seen : seen + 1);
		seen++;
		record_unref(record);
	}
	assert_int_equal(seen, 19);
	assert_int_equal(lost, 1);
	wal_reader_free(reader);
}

/* --- shortages and surprises ------------------------------------------------------ */

static void one_group_may_span_many_segments(void **state)
{
	struct log_under_test *t = *state;
	struct waiter waiters[8] = {0};
	struct error err;
	/* All wait before the writer takes them, or nearly all: each needs most of a segment. */
	for (unsigned i = 0; i < 7; i++) {
		struct record *record = make_record(t, i, SEGMENT * 3 / 5);
		record->done = on_done;
		record->done_arg = &waiters[i];
		assert_int_equal(wal_append(t->wal, record, &err), 0);
		record_unref(record);
	}
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(wait_for(&waiters[i]), 1);
	expect_numbers(t, 0, 0, 7);
}

static void a_shortage_of_descriptors_loses_nothing(void **state)
{
	struct log_under_test *t = *state;
	struct rlimit limit, none;
	struct wal_reader *reader;
	struct record *record;
	struct error err;
	append_many(t, 0, 10, 100);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_int_equal(wal_reader_new(&reader, t->wal, &all_logs, 0, &err), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int rc = wal_reader_next(reader, UINT64_MAX, 0, &record, &err);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(rc, STATUS_IO);
	assert_int_equal(wal_reader_position(reader), 0);
	wal_reader_free(reader);
	expect_numbers(t, 0, 0, 10);
}

static void goes_on_behind_what_a_consumer_has_read(void **state)
{
	struct log_under_test *t = *state;
	append_many(t, 0, 3, 100);
	uint64_t end = wal_end(t->wal);
	close_log(t);
	open_log_reached(t, end, end + 5 * SEGMENT);
	assert_true(t->recovery.corrupt_bytes > 0);
	assert_true(wal_end(t->wal) >= end + 5 * SEGMENT);
	append_many(t, 3, 10, 100);
	expect_numbers(t, t->recovery.end, 3, 10);
	uint64_t reached = t->recovery.end;
	close_log(t);
	open_log_reached(t, reached, reached);
	assert_int_equal(t->recovery.corrupt_bytes, 0);
	expect_numbers(t, reached, 3, 10);
}

/* --- kill ------------------------------------------------------------------------- */

/* In a child: appends without end and tells each acknowledged number. */
static void append_forever(struct log_under_test *t, unsigned from, int tell)
{
	close_log(t);
	open_log(t, 0);
	for (unsigned i = from;; i++) {
		if (append(t, i, (i * 131) % 9000) != 1)
			_exit(3);
		if (write(tell, &i, sizeof(i)) != sizeof(i))
			_exit(4);
	}
}

static void keeps_what_was_acknowledged_when_killed(void **state)
{
	struct log_under_test *t = *state;
	unsigned next = 0;
	close_log(t);
	for (int round = 0; round < 10; round++) {
		int tell[2];
		assert_int_equal(pipe(tell), 0);
		pid_t child = fork();
		if (child == 0) {
			close(tell[0]);
			append_forever(t, next, tell[1]);
		}
		close(tell[1]);
		unsigned acknowledged = 0, number;
		if (read(tell[0], &number, sizeof(number)) == sizeof(number))
			acknowledged = number + 1;
		usleep((useconds_t)(round * 3000));
		kill(child, SIGKILL);
		while (read(tell[0], &number, sizeof(number)) == sizeof(number))
			acknowledged = number + 1;
		close(tell[0]);
		assert_int_equal(waitpid(child, NULL, 0), child);
		open_log(t, 0);
		/* One more may be there: written, and its answer not seen. */
		unsigned records = (unsigned)t->recovery.records;
		assert_true(records >= acknowledged || acknowledged == 0);
		expect_numbers(t, 0, 0, records);
		next = records;
		close_log(t);
		if (next > 1000)
			break;
	}
	assert_true(next > 0);
	open_log(t, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(gives_back_what_was_appended),
		TEST(spans_segments_with_records_of_all_sizes),
		TEST(a_reader_that_keeps_up_is_served_from_memory),
		TEST(a_range_ends_at_its_limit),
		TEST(skips_other_signals_and_receivers),
		TEST(counts_rows_after_opening_again),
		TEST(reuses_segments_that_nobody_needs),
		TEST(refuses_when_its_budget_is_used),
		TEST(refuses_what_no_segment_can_hold),
		TEST(cuts_a_torn_tail_off),
		TEST(never_revives_what_was_cut_off),
		TEST(reports_lost_acknowledged_bytes_and_goes_on),
		TEST(one_group_may_span_many_segments),
		TEST(a_shortage_of_descriptors_loses_nothing),
		TEST(goes_on_behind_what_a_consumer_has_read),
		TEST(keeps_what_was_acknowledged_when_killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
