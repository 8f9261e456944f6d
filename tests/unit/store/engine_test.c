/* The engine's threads, queues and HTTP around a stand-in for libchdb; also for TSan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake_chdb.h"
#include "store/client.h"
#include "store/engine.h"

static char dir[64], url[96];
static struct engine *engine;
static struct store_client *client;

static void expect_soon(atomic_int *value, int expected)
{
	for (int i = 0; i < 1000 && *value != expected; i++)
		usleep(10000);
	assert_int_equal(*value, expected);
}

static int counts(void *ctx, struct slice data)
{
	size_t *total = ctx;
	*total += data.len;
	return 0;
}

static int leaves(void *ctx, struct slice data)
{
	return STATUS_CANCELLED;
}

static void answers_in_pieces_and_at_once(void **state)
{
	static const unsigned pieces[] = {0, 1, 2, 3, 200};
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		char sql[32];
		size_t total = 0;
		struct error err;
		snprintf(sql, sizeof(sql), "SELECT %u", pieces[i]);
		assert_int_equal(store_read(client, sql, NULL, 0, 20000, counts, &total, &err), 0);
		assert_int_equal(total, pieces[i] * FAKE_PIECE);
	}
	struct buf out = BUF_INIT;
	assert_int_equal(store_query(client, "SHOW TABLES", NULL, 0, 20000, &out, NULL), 0);
	assert_true(slice_eq_cstr(buf_slice(&out), "ok\n"));
	buf_release(&out);
}

static void reports_failures_early_and_late(void **state)
{
	static const char *const statements[] = {"SELECT 0 FAIL", "SELECT 1 FAIL", "SELECT 50 FAIL",
						 "SHOW FAIL"};
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		struct error err = {0};
		int rc = store_query(client, statements[i], NULL, 0, 20000, NULL, &err);
		assert_int_equal(rc, STATUS_INVALID);
		assert_string_equal(err.message,
				    "Code: 395. DB::Exception: It fails. (FAKE_FAILURE)");
	}
}

static void bounds_the_answer(void **state)
{
	struct buf out;
	struct error err;
	buf_init_limited(&out, 1000000);
	assert_int_equal(store_query(client, "SELECT 100", NULL, 0, 20000, &out, &err),
			 STATUS_LIMIT);
	buf_release(&out);
}

static void stops_what_nobody_waits_for(void **state)
{
	struct error err;
	int kills = fake_counts.kills;
	assert_int_equal(store_read(client, "SELECT 1000000", NULL, 0, 20000, leaves, NULL, &err),
			 STATUS_CANCELLED);
	expect_soon(&fake_counts.streams, 0);
	assert_int_equal(store_query(client, "SELECT BLOCK", NULL, 0, 200, NULL, &err),
			 STATUS_TIMEOUT);
	expect_soon(&fake_counts.streams, 0);
	assert_true(fake_counts.kills > kills);
}

static struct store_insert *begin(const char *sql)
{
	struct store_insert *insert;
	struct error err;
	if (store_insert_begin(&insert, client, sql, "an-id", NULL, 0, &err))
		fail_msg("%s", err.message);
	return insert;
}

static int write_some(struct store_insert *insert, char byte, size_t len)
{
	char *bytes = malloc(len);
	struct error err;
	memset(bytes, byte, len);
	int rc = store_insert_write(insert, (struct slice){bytes, len}, &err);
	free(bytes);
	return rc;
}

static void commits_only_whole_inserts(void **state)
{
	int commits = fake_counts.commits;
	long long bytes = fake_counts.committed_bytes;
	struct store_insert *insert = begin("INSERT INTO t FORMAT Native");
	for (int i = 0; i < 30; i++)
		assert_int_equal(write_some(insert, 'x', 1000001), 0);
	assert_int_equal(store_insert_finish(insert, 20000, NULL), STORE_STORED);
	assert_int_equal(fake_counts.commits, commits + 1);
	assert_int_equal(fake_counts.committed_bytes, bytes + 30 * 1000001);

	insert = begin("INSERT INTO t FORMAT Native");
	assert_int_equal(write_some(insert, 'x', 3000000), 0);
	store_insert_abort(insert);
	expect_soon(&fake_counts.inserts, 0);
	assert_int_equal(fake_counts.commits, commits + 1);

	insert = begin("INSERT INTO t FORMAT Native");
	assert_int_equal(store_insert_finish(insert, 20000, NULL), STORE_STORED);
}

static void keeps_the_body_bounded(void **state)
{
	/* The engine takes 256 KiB a 20 ms: the sender is held up instead of buffered. */
	fake_counts.append_delay_us = 20000;
	long long before = fake_counts.appended_bytes;
	struct store_insert *insert = begin("INSERT INTO t FORMAT Native");
	for (int i = 0; i < 20; i++) {
		assert_int_equal(write_some(insert, 'x', 1 << 20), 0);
		long long ahead =
			(long long)(i + 1) * (1 << 20) - (fake_counts.appended_bytes - before);
		/* A MiB in the queue; sockets' and curl's buffers apart. */
		assert_true(ahead < 4 << 20);
	}
	fake_counts.append_delay_us = 0;
	assert_int_equal(store_insert_finish(insert, 20000, NULL), STORE_STORED);
}

static void tells_outcomes(void **state)
{
	struct store_insert *insert = begin("INSERT INTO nope FORMAT Native");
	write_some(insert, 'x', 10000);
	assert_int_equal(store_insert_finish(insert, 20000, NULL), STORE_NOT_STORED);
	insert = begin("INSERT INTO t FORMAT Native");
	write_some(insert, 'E', 10);
	assert_int_equal(store_insert_finish(insert, 20000, NULL), STORE_REFUSED);
	/* The refusal comes amid a body that goes on. */
	insert = begin("INSERT INTO t FORMAT Native");
	for (int i = 0; i < 50 && write_some(insert, i == 3 ? 'E' : 'x', 1 << 20) == 0; i++)
		;
	assert_int_equal(store_insert_finish(insert, 20000, NULL), STORE_REFUSED);
}

static void *uses_the_engine(void *arg)
{
	for (int i = 0; i < 10; i++) {
		size_t total = 0;
		struct error err;
		if (store_read(client, "SELECT 7", NULL, 0, 20000, counts, &total, &err) ||
		    total != 7 * FAKE_PIECE)
			return (void *)1;
		struct store_insert *insert;
		if (store_insert_begin(&insert, client, "INSERT INTO t FORMAT Native", NULL, NULL,
				       0, &err))
			return (void *)1;
		write_some(insert, 'x', 100000);
		if (store_insert_finish(insert, 20000, NULL) != STORE_STORED)
			return (void *)1;
	}
	return NULL;
}

static void serves_many_at_once(void **state)
{
	pthread_t threads[16];
	for (int i = 0; i < 16; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, uses_the_engine, NULL), 0);
	for (int i = 0; i < 16; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
}

static int raw_connect(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", url + 5);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Sends `request` and hangs up at once, or after the answer's first bytes. */
static void hang_up(const char *request, bool read_first)
{
	char answer[100];
	int fd = raw_connect();
	ssize_t n = send(fd, request, strlen(request), MSG_NOSIGNAL);
	assert_int_equal(n, (ssize_t)strlen(request));
	if (read_first)
		assert_true(read(fd, answer, sizeof(answer)) > 0);
	close(fd);
}

static void survives_rude_clients(void **state)
{
	int commits = fake_counts.commits;
	for (int i = 0; i < 20; i++) {
		hang_up("POST /?query=INSERT+INTO+t+FORMAT+CSV HTTP/1.1\r\nhost: x\r\n"
			"transfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n",
			false);
		hang_up("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nSELECT", false);
		hang_up("GET /?query=SELECT+1000 HTTP/1.1\r\nhost: x\r\n\r\n", i & 1);
		hang_up("GET /?query=SELECT+5+FAIL HTTP/1.1\r\nhost: x\r\n\r\n", i & 1);
		hang_up("GET /?query=SELECT+BLOCK HTTP/1.1\r\nhost: x\r\n\r\n", false);
	}
	expect_soon(&fake_counts.inserts, 0);
	expect_soon(&fake_counts.streams, 0);
	assert_int_equal(fake_counts.commits, commits);
}

/* Again and again, as a KILL for a rude client's statement, still under way, ends this one too. */
static void *blocks(void *arg)
{
	struct error err;
	while (!atomic_load((atomic_bool *)arg))
		store_query(client, "SELECT BLOCK", NULL, 0, 20000, NULL, &err);
	return NULL;
}

static int begin_all(void **state)
{
	struct error err;
	snprintf(dir, sizeof(dir), "/tmp/tripod-fake-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(url, sizeof(url), "unix:%s/sock", dir);
	struct engine_options options = {.data = dir, .listen = url, .ready_fd = -1};
	if (engine_start(&engine, &options, &fake_chdb, &err))
		fail_msg("%s", err.message);
	struct store_endpoint endpoint = {.url = url};
	return store_client_new(&client, &endpoint, &err);
}

/* Stopping amid a statement kills it; nothing is left open. */
static int end_all(void **state)
{
	pthread_t thread;
	atomic_bool enough = false;
	pthread_create(&thread, NULL, blocks, &enough);
	expect_soon(&fake_counts.blocked, 1);
	atomic_store(&enough, true);
	engine_stop(engine, 100);
	pthread_join(thread, NULL);
	store_client_free(client);
	char path[128];
	snprintf(path, sizeof(path), "%s/engine.lock", dir);
	unlink(path);
	rmdir(dir);
	return fake_counts.connections || fake_counts.results || fake_counts.streams ||
	       fake_counts.inserts;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_in_pieces_and_at_once),
		cmocka_unit_test(reports_failures_early_and_late),
		cmocka_unit_test(bounds_the_answer),
		cmocka_unit_test(stops_what_nobody_waits_for),
		cmocka_unit_test(commits_only_whole_inserts),
		cmocka_unit_test(keeps_the_body_bounded),
		cmocka_unit_test(tells_outcomes),
		cmocka_unit_test(serves_many_at_once),
		cmocka_unit_test(survives_rude_clients),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, begin_all, end_all);
}
