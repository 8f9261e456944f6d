/* The engine as its users have it: real libchdb, over its socket, by libcurl and store/client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "harness.h"
#include "wire/compress.h"

static struct harness h;

static struct buf get(const char *path, long status)
{
	struct reply r;
	harness_http(&h, &r, path, NULL, 0, NULL);
	if (r.curl != 0 || r.status != status)
		fail_msg("%s: curl %d, status %ld: %s", path, r.curl, r.status, r.body.data);
	buf_release(&r.headers);
	return r.body;
}

static void expect_get(const char *path, long status, const char *body)
{
	struct buf b = get(path, status);
	assert_string_equal(buf_cstr(&b), body);
	buf_release(&b);
}

/* --- reading ------------------------------------------------------------------------ */

static void answers_formats(void **state)
{
	expect_get("/ping", 200, "Ok.\n");
	expect_get("/", 200, "Ok.\n");
	expect_get("/?query=SELECT+1,'a'", 200, "1\ta\n");
	expect_get("/?query=SELECT+1,'a'+FORMAT+CSV", 200, "1,\"a\"\n");
	expect_get("/?query=SELECT+1+AS+x&default_format=JSONEachRow", 200, "{\"x\":1}\n");
	expect_get("/?query=SHOW+DATABASES+LIKE+'def%25'", 200, "default\n");
	expect_get("/?query=EXISTS+TABLE+nope", 200, "0\n");
	struct buf native = get("/?query=SELECT+toUInt8(7)+AS+x+FORMAT+Native", 200);
	assert_int_equal(native.len, 11);
	assert_memory_equal(native.data, "\x01\x01\x01x\x05UInt8\x07", 11);
	buf_release(&native);
	struct buf json = get("/?query=SELECT+1+AS+x+FORMAT+JSON&database=system", 200);
	assert_non_null(strstr(buf_cstr(&json), "\"rows\": 1"));
	buf_release(&json);
}

static void tells_what_it_did(void **state)
{
	struct reply r;
	const char *sql = "SELECT number FROM numbers(10)";
	harness_http(&h, &r, "/?query_id=my-id&wait_end_of_query=1", sql, strlen(sql), NULL);
	assert_int_equal(r.status, 200);
	assert_true(reply_has(&r, "X-ClickHouse-Query-Id: my-id"));
	assert_true(reply_has(&r, "X-ClickHouse-Format: TabSeparated"));
	assert_true(reply_has(&r, "X-ClickHouse-Server-Display-Name: "));
	assert_true(reply_has(&r, "X-ClickHouse-Summary: {\"read_rows\":\"10\""));
	assert_true(reply_has(&r, "content-type: text/tab-separated-values"));
	reply_release(&r);
}

static void binds_parameters_and_settings(void **state)
{
	expect_get("/?query=SELECT+{a:UInt8}%2B1,{b:String}&param_a=41&param_b=x%27%20y", 200,
		   "42\tx\\' y\n");
	expect_get("/?query=SELECT+getSetting('max_threads')&max_threads=1", 200, "1\n");
	expect_get("/?query=SELECT+currentDatabase()&database=system", 200, "system\n");
	expect_get("/?query=SELECT+count()+FROM+one&database=system", 200, "1\n");
}

static void fails_as_clickhouse_does(void **state)
{
	static const struct {
		const char *path;
		long status;
		const char *code, *text;
	} cases[] = {
		{"/?query=SELEC", 400, "62", "(SYNTAX_ERROR)"},
		{"/?query=SELECT+*+FROM+nope", 404, "60", "Code: 60. DB::Exception: "},
		{"/?query=SELECT+nope()", 404, "46", "(UNKNOWN_FUNCTION)"},
		{"/?query=SELECT+1&database=nope", 404, "81", "(UNKNOWN_DATABASE)"},
		{"/?query=SELECT+1&nope=1", 404, "115", "Unknown setting 'nope'"},
		{"/?query=SELECT+1&a'b=1", 404, "115", "Unknown setting"},
		{"/?query=SELECT+1;SELECT+2", 400, "62", "Multi-statements"},
		{"/?query=SYSTEM+SHUTDOWN", 403, "497", "(ACCESS_DENIED)"},
		{"/?query=SELECT+1+INTO+OUTFILE+'/tmp/x'", 403, "497", "INTO OUTFILE"},
		{"/?query=SELECT+*+FROM+file('x')&readonly=1", 403, "497", "reaches outside"},
		{"/?query=SELECT+throwIf(1)", 500, "395", "(FUNCTION_THROW_IF"},
		{"/?query=CREATE+TABLE+t+(a+Int8)+ENGINE=Memory", 500, "164", "(READONLY)"},
		{"/?query=SELECT+1&compress=1", 501, "48", "(NOT_IMPLEMENTED)"},
		{"/?query=SELECT+sleep(3)&max_execution_time=0.2", 408, "159",
		 "(TIMEOUT_EXCEEDED)"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reply r;
		char header[64];
		harness_http(&h, &r, cases[i].path, NULL, 0, NULL);
		snprintf(header, sizeof(header), "X-ClickHouse-Exception-Code: %s\r\n",
			 cases[i].code);
		if (r.status != cases[i].status || !reply_has(&r, header) ||
		    !strstr(buf_cstr(&r.body), cases[i].text))
			fail_msg("%s: %ld, %s%s", cases[i].path, r.status, r.headers.data,
				 r.body.data);
		reply_release(&r);
	}
}

static void breaks_off_when_it_fails_late(void **state)
{
	struct reply r;
	const char *sql = "SELECT throwIf(number = 3000000), repeat('x', 20) FROM numbers(4000000)";
	harness_http(&h, &r, "/?max_threads=1", sql, strlen(sql), NULL);
	assert_int_equal(r.status, 200);
	/* Chunked coding without its end. */
	assert_int_not_equal(r.curl, CURLE_OK);
	const char *body = buf_cstr(&r.body);
	const char *tag_header = strcasestr(buf_cstr(&r.headers), "X-ClickHouse-Exception-Tag: ");
	assert_non_null(tag_header);
	char tag[17] = "", expected[128];
	memcpy(tag, tag_header + strlen("X-ClickHouse-Exception-Tag: "), 16);
	const char *at = strstr(body, "\r\n__exception__\r\n");
	assert_non_null(at);
	at += strlen("\r\n__exception__\r\n");
	assert_memory_equal(at, tag, 16);
	const char *message = at + 18;
	const char *end = strchr(message, '\n');
	assert_memory_equal(message, "Code: 395.", 10);
	snprintf(expected, sizeof(expected), "%zu %s\r\n__exception__\r\n",
		 (size_t)(end + 1 - message), tag);
	assert_string_equal(end + 1, expected);
	reply_release(&r);

	struct error err;
	int rc = store_query(h.client, sql, NULL, 0, 60000, NULL, &err);
	assert_int_equal(rc, STATUS_INVALID);
	assert_non_null(strstr(err.message, "Code: 395."));
}

struct stream_check {
	uint64_t bytes, peak_rss;
};

static int watch_rss(void *ctx, struct slice data)
{
	struct stream_check *c = ctx;
	uint64_t before = c->bytes >> 26;
	c->bytes += data.len;
	if (c->bytes >> 26 != before) {
		struct supervisor_status status;
		supervisor_get_status(h.supervisor, &status);
		if (status.rss > c->peak_rss)
			c->peak_rss = status.rss;
	}
	return 0;
}

static void streams_a_gigabyte(void **state)
{
	struct supervisor_status before;
	struct stream_check c = {0};
	struct error err;
	supervisor_get_status(h.supervisor, &before);
	int64_t start = clock_monotonic_ns();
	int rc = store_read(h.client,
			    "SELECT number, number AS b FROM numbers(67108864) FORMAT Native", NULL,
			    0, 120000, watch_rss, &c, &err);
	if (rc)
		fail_msg("%s", err.message);
	double seconds = (double)(clock_monotonic_ns() - start) / 1e9;
	print_message("read %.2f GB at %.2f GB/s, engine grew by %lld MB\n", (double)c.bytes / 1e9,
		      (double)c.bytes / 1e9 / seconds,
		      ((long long)c.peak_rss - (long long)before.rss) >> 20);
	assert_true(c.bytes > 1000000000);
	assert_true(c.peak_rss < before.rss + (100 << 20));
}

static int stop_soon(void *ctx, struct slice data)
{
	return STATUS_CANCELLED;
}

static void wait_for(const char *sql, const char *value, int ms)
{
	for (int i = 0; i < ms / 20; i++) {
		if (strcmp(harness_scalar(&h, sql), value) == 0)
			return;
		usleep(20000);
	}
	fail_msg("%s is not %s but %s", sql, value, harness_scalar(&h, sql));
}

#define OTHERS                                                                                     \
	"SELECT count() FROM system.processes WHERE query LIKE '%numbers%' AND "                   \
	"query NOT LIKE '%processes%'"

static void frees_what_a_client_left(void **state)
{
	struct error err;
	/* It leaves while data comes. */
	int rc = store_read(h.client, "SELECT * FROM numbers(100000000000)", NULL, 0, 30000,
			    stop_soon, NULL, &err);
	assert_int_equal(rc, STATUS_CANCELLED);
	wait_for(OTHERS, "0", 3000);
	/* It leaves before the first byte. */
	rc = store_query(h.client, "SELECT max(sipHash64(number)) FROM numbers(1000000000000)",
			 NULL, 0, 300, NULL, &err);
	assert_int_equal(rc, STATUS_TIMEOUT);
	wait_for(OTHERS, "0", 3000);
}

static void *many_selects(void *arg)
{
	intptr_t failures = 0;
	for (int i = 0; i < 5; i++) {
		struct buf out = BUF_INIT;
		struct error err;
		if (store_query(h.client, "SELECT sum(number) FROM numbers(100000)", NULL, 0, 60000,
				&out, &err) ||
		    strcmp(buf_cstr(&out), "4999950000\n") != 0)
			failures++;
		buf_release(&out);
	}
	return (void *)failures;
}

static void serves_a_hundred_at_once(void **state)
{
	pthread_t threads[100];
	for (int i = 0; i < 100; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, many_selects, NULL), 0);
	for (int i = 0; i < 100; i++) {
		void *failures;
		pthread_join(threads[i], &failures);
		assert_int_equal((intptr_t)failures, 0);
	}
}

static void takes_and_gives_compressed(void **state)
{
	struct compressor *c;
	struct buf wire = BUF_INIT;
	struct reply r;
	const char *sql = "SELECT repeat('x', 1000) FROM numbers(1000)";
	assert_int_equal(compressor_new(&c, COMPRESS_GZIP, 0, NULL), 0);
	assert_int_equal(compressor_append(c, slice_of(sql), &wire, NULL), 0);
	compressor_free(c);
	harness_http(&h, &r, "/", wire.data, wire.len, "Content-Encoding: gzip");
	assert_int_equal(r.status, 200);
	assert_int_equal(r.body.len, 1001000);
	reply_release(&r);
	/* A body that lacks its trailer is no statement. */
	harness_http(&h, &r, "/", wire.data, wire.len - 4, "Content-Encoding: gzip");
	assert_int_equal(r.status, 400);
	reply_release(&r);
	buf_release(&wire);

	harness_http(&h, &r, "/?enable_http_compression=1", sql, strlen(sql),
		     "Accept-Encoding: zstd, gzip");
	assert_int_equal(r.status, 200);
	assert_true(reply_has(&r, "Content-Encoding: zstd"));
	assert_true(r.body.len < 10000);
	struct chunk_pool *pool = chunk_pool_new(0);
	struct chunk *plain;
	assert_int_equal(
		compress_decode(&plain, pool, COMPRESS_ZSTD, buf_slice(&r.body), 2 << 20, NULL), 0);
	assert_int_equal(plain->len, 1001000);
	chunk_unref(plain);
	chunk_pool_free(pool);
	reply_release(&r);
}

/* --- writing ------------------------------------------------------------------------ */

/* A Native block of `rows` rows (n UInt64, s String), n counting from `from`. */
static void native_block(struct buf *out, uint64_t from, unsigned rows)
{
	buf_append(out, "\x02", 1);
	for (unsigned v = rows;; v >>= 7) {
		buf_append_byte(out, (uint8_t)(v < 128 ? v : (v & 127) | 128));
		if (v < 128)
			break;
	}
	buf_append(out, "\x01n\x06UInt64", 9);
	for (unsigned i = 0; i < rows; i++) {
		uint64_t n = from + i;
		buf_append(out, &n, 8);
	}
	buf_append(out, "\x01s\x06String", 9);
	for (unsigned i = 0; i < rows; i++)
		buf_append(out, "\x05hello", 6);
}

static void new_table(void)
{
	harness_run(&h, "DROP TABLE IF EXISTS t SYNC");
	harness_run(&h, "CREATE TABLE t (n UInt64, s String) ENGINE = MergeTree ORDER BY n");
}

static struct store_insert *begin(const char *id)
{
	struct store_insert *insert;
	struct error err;
	if (store_insert_begin(&insert, h.client, "INSERT INTO t FORMAT Native", id, NULL, 0, &err))
		fail_msg("%s", err.message);
	return insert;
}

static int write_blocks(struct store_insert *insert, unsigned blocks, unsigned rows)
{
	struct buf block = BUF_INIT;
	struct error err;
	int rc = 0;
	for (unsigned i = 0; i < blocks && rc == 0; i++) {
		buf_clear(&block);
		native_block(&block, (uint64_t)i * rows, rows);
		rc = store_insert_write(insert, buf_slice(&block), &err);
	}
	if (rc)
		print_message("write: %s\n", err.message);
	buf_release(&block);
	return rc;
}

static void expect_outcome(struct store_insert *insert, enum store_outcome expected)
{
	struct error err = {0};
	enum store_outcome outcome = store_insert_finish(insert, 60000, &err);
	if (outcome != expected)
		fail_msg("outcome %d instead of %d: %s", outcome, expected, err.message);
}

static void makes_one_part_of_many_blocks(void **state)
{
	new_table();
	struct store_insert *insert = begin("cut-50");
	/* 2 M rows: beyond the million at which the engine cuts by default. */
	assert_int_equal(write_blocks(insert, 50, 40000), 0);
	wait_for("SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'cut-50'",
		 "1", 2000);
	assert_string_equal(harness_scalar(&h, "SELECT count() FROM t"), "0");
	expect_outcome(insert, STORE_STORED);
	assert_string_equal(harness_scalar(&h, "SELECT count(), sum(rows) FROM system.parts WHERE "
					       "table = 't' AND active"),
			    "1\t2000000");
	assert_string_equal(harness_scalar(&h, "SELECT count(), uniqExact(n % 40000) FROM t"),
			    "2000000\t40000");
}

static void stores_nothing_of_an_aborted_insert(void **state)
{
	new_table();
	struct store_insert *insert = begin("cut-abort");
	assert_int_equal(write_blocks(insert, 10, 10000), 0);
	store_insert_abort(insert);
	wait_for("SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'cut-abort'",
		 "0", 3000);
	assert_string_equal(harness_scalar(&h, "SELECT count() FROM t"), "0");
}

static void tells_data_from_circumstances(void **state)
{
	new_table();
	struct error err;
	struct store_insert *insert = begin("cut-bad");
	int rc = store_insert_write(insert, SLICE("this is not Native at all, is it?"), &err);
	(void)rc;
	expect_outcome(insert, STORE_REFUSED);

	/* A wrong block amid a large body: the refusal comes while it is being sent. */
	insert = begin("cut-bad-2");
	write_blocks(insert, 5, 10000);
	struct buf junk = BUF_INIT;
	for (int i = 0; i < 4 << 20; i++)
		buf_append_byte(&junk, 0xff);
	for (int i = 0; i < 8 && store_insert_write(insert, buf_slice(&junk), &err) == 0; i++)
		;
	buf_release(&junk);
	expect_outcome(insert, STORE_REFUSED);
	assert_string_equal(harness_scalar(&h, "SELECT count() FROM t"), "0");

	assert_int_equal(store_insert_begin(&insert, h.client, "INSERT INTO nope FORMAT Native",
					    "cut-nope", NULL, 0, &err),
			 0);
	write_blocks(insert, 1, 1000);
	expect_outcome(insert, STORE_NOT_STORED);

	static const struct store_option readonly = {"readonly", "1"};
	assert_int_equal(store_insert_begin(&insert, h.client, "INSERT INTO t FORMAT Native",
					    "cut-ro", &readonly, 1, &err),
			 0);
	expect_outcome(insert, STORE_NOT_STORED);

	static const struct store_option memory = {"max_memory_usage", "20000000"};
	assert_int_equal(store_insert_begin(&insert, h.client, "INSERT INTO t FORMAT Native",
					    "cut-memory", &memory, 1, &err),
			 0);
	write_blocks(insert, 50, 40000);
	expect_outcome(insert, STORE_NOT_STORED);
	assert_string_equal(harness_scalar(&h, "SELECT count() FROM t"), "0");
}

static void takes_inserts_of_any_client(void **state)
{
	static const struct {
		const char *path, *body;
	} cases[] = {
		{"/?query=INSERT+INTO+t+FORMAT+CSV", "1,a\n2,b\n"},
		{"/", "INSERT INTO t FORMAT CSV\n1,a\n2,b\n"},
		{"/?query=INSERT+INTO+t+VALUES", "(1,'a'),(2,'b')"},
		{"/?query=INSERT+INTO+t", "FORMAT JSONEachRow {\"n\":1,\"s\":\"a\"}\n{\"n\":2}"},
		{"/", "INSERT INTO t (n) VALUES (1), (2)"},
		{"/", "INSERT INTO t SELECT number + 1, 'x' FROM numbers(2)"},
		{"/?param_x=1", "INSERT INTO t SELECT {x:UInt8} + number, 'x' FROM numbers(2)"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reply r;
		new_table();
		harness_http(&h, &r, cases[i].path, cases[i].body, strlen(cases[i].body), NULL);
		if (r.status != 200)
			fail_msg("%s %s: %s", cases[i].path, cases[i].body, r.body.data);
		assert_true(reply_has(&r, "\"written_rows\":\"2\""));
		reply_release(&r);
		assert_string_equal(harness_scalar(&h, "SELECT sum(n) FROM t"), "3");
	}
}

/* Statement and data in one body, of several megabytes; gzipped; and gzipped but cut off. */
static void takes_large_and_compressed_bodies(void **state)
{
	struct buf body = BUF_INIT, wire = BUF_INIT;
	struct compressor *c;
	struct reply r;
	new_table();
	buf_append_cstr(&body, "INSERT INTO t FORMAT TSV\n");
	for (int i = 0; i < 200000; i++)
		buf_appendf(&body, "%d\tsome text\n", i);
	harness_http(&h, &r, "/", body.data, body.len, NULL);
	assert_int_equal(r.status, 200);
	reply_release(&r);
	assert_string_equal(harness_scalar(&h, "SELECT count(), max(n) FROM t"), "200000\t199999");

	assert_int_equal(compressor_new(&c, COMPRESS_GZIP, 1, NULL), 0);
	assert_int_equal(compressor_append(c, buf_slice(&body), &wire, NULL), 0);
	compressor_free(c);
	harness_http(&h, &r, "/", wire.data, wire.len, "Content-Encoding: gzip");
	assert_int_equal(r.status, 200);
	reply_release(&r);
	assert_string_equal(harness_scalar(&h, "SELECT count() FROM t"), "400000");
	for (size_t cut = 1; cut < 100000; cut = cut * 30 + 1) {
		harness_http(&h, &r, "/", wire.data, wire.len - cut, "Content-Encoding: gzip");
		assert_int_equal(r.status, 400);
		assert_non_null(strstr(buf_cstr(&r.body), "truncated"));
		reply_release(&r);
	}
	assert_string_equal(harness_scalar(&h, "SELECT count() FROM t"), "400000");
	buf_release(&body);
	buf_release(&wire);
}

/* --- crashes ------------------------------------------------------------------------ */

static void kill_engine(pid_t pid)
{
	struct error err;
	kill(pid, SIGKILL);
	for (int i = 0; i < 500 && harness_pid(&h) == pid; i++)
		usleep(10000);
	if (supervisor_wait_ready(h.supervisor, 30000, &err))
		fail_msg("%s", err.message);
}

static void survives_a_kill_amid_an_insert(void **state)
{
	new_table();
	struct store_insert *insert = begin("cut-kill");
	assert_int_equal(write_blocks(insert, 5, 10000), 0);
	int64_t start = clock_monotonic_ns();
	kill_engine(harness_pid(&h));
	print_message("ready %.0f ms after kill -9\n",
		      (double)(clock_monotonic_ns() - start) / 1e6);
	/* The end was never sent, so certainly nothing is there. */
	expect_outcome(insert, STORE_NOT_STORED);
	assert_string_equal(harness_scalar(&h, "SELECT count() FROM t"), "0");
	struct supervisor_status status;
	supervisor_get_status(h.supervisor, &status);
	assert_int_equal(status.restarts, 1);
	assert_non_null(strstr(status.last_error, "signal 9"));
	/* A kept connection of before does no harm. */
	insert = begin("cut-again");
	assert_int_equal(write_blocks(insert, 1, 10), 0);
	expect_outcome(insert, STORE_STORED);
}

struct killer {
	pid_t pid;
	int delay_ms;
};

static void *kill_later(void *arg)
{
	struct killer *k = arg;
	usleep((unsigned)k->delay_ms * 1000);
	kill(k->pid, SIGKILL);
	return NULL;
}

static void does_not_know_after_the_end_was_sent(void **state)
{
	new_table();
	struct store_insert *insert = begin("cut-late");
	struct killer k = {harness_pid(&h), 50};
	struct error err;
	pthread_t thread;
	/* Stopped, it takes the body into its socket but never answers. */
	kill(k.pid, SIGSTOP);
	assert_int_equal(write_blocks(insert, 1, 100), 0);
	pthread_create(&thread, NULL, kill_later, &k);
	expect_outcome(insert, STORE_UNKNOWN);
	pthread_join(thread, NULL);
	kill_engine(k.pid);

	insert = begin("cut-slow");
	k.pid = harness_pid(&h);
	kill(k.pid, SIGSTOP);
	assert_int_equal(write_blocks(insert, 1, 100), 0);
	assert_int_equal(store_insert_finish(insert, 300, &err), STORE_UNKNOWN);
	assert_int_equal(err.status, STATUS_TIMEOUT);
	kill(k.pid, SIGCONT);
}

#define KILL_ROUNDS 10
#define KILL_ROWS 200000

/* Whatever the moment of the crash: what an outcome says is what the table holds. */
static void outcomes_hold_whenever_it_is_killed(void **state)
{
	unsigned seen[4] = {0};
	new_table();
	for (int round = 0; round < KILL_ROUNDS; round++) {
		char sql[128], all[32];
		struct error err;
		struct killer k = {harness_pid(&h), 1 + round * 12};
		pthread_t thread;
		struct store_insert *insert = begin(NULL);
		struct buf block = BUF_INIT;
		pthread_create(&thread, NULL, kill_later, &k);
		for (int i = 0; i < 20; i++) {
			buf_clear(&block);
			native_block(&block, (uint64_t)round * 1000000, KILL_ROWS / 20);
			store_insert_write(insert, buf_slice(&block), &err);
		}
		buf_release(&block);
		enum store_outcome outcome = store_insert_finish(insert, 20000, &err);
		pthread_join(thread, NULL);
		kill_engine(k.pid);
		seen[outcome]++;
		snprintf(sql, sizeof(sql), "SELECT count() FROM t WHERE intDiv(n, 1000000) = %d",
			 round);
		snprintf(all, sizeof(all), "%d", KILL_ROWS);
		const char *there = harness_scalar(&h, sql);
		bool is_all = strcmp(there, all) == 0, is_none = strcmp(there, "0") == 0;
		if (outcome == STORE_REFUSED || (outcome == STORE_STORED && !is_all) ||
		    (outcome == STORE_NOT_STORED && !is_none) || (!is_all && !is_none))
			fail_msg("round %d: outcome %d (%s), and %s rows are there", round, outcome,
				 err.message, there);
	}
	print_message("killed %d times: %u stored, %u not stored, %u unknown\n", KILL_ROUNDS,
		      seen[STORE_STORED], seen[STORE_NOT_STORED], seen[STORE_UNKNOWN]);
}

static void knows_when_nobody_is_there(void **state)
{
	struct store_client *client;
	struct store_endpoint nowhere = {.url = "unix:/tmp/tripod-no-such-socket"};
	struct error err;
	struct store_insert *insert;
	assert_int_equal(store_client_new(&client, &nowhere, &err), 0);
	assert_int_equal(store_query(client, "SELECT 1", NULL, 0, 1000, NULL, &err), STATUS_AGAIN);
	assert_int_equal(store_insert_begin(&insert, client, "INSERT INTO t FORMAT Native", "x",
					    NULL, 0, &err),
			 0);
	assert_int_not_equal(write_blocks(insert, 1, 10), 0);
	expect_outcome(insert, STORE_NOT_STORED);
	store_client_free(client);
}

static void refuses_a_second_engine(void **state)
{
	char other[160];
	snprintf(other, sizeof(other), "unix:%s/second", h.dir);
	char command[512], text[1024] = "";
	snprintf(command, sizeof(command), "timeout 20 %s --data %s --listen %s 2>&1",
		 getenv("TRIPOD_TEST_ENGINE"), h.data, other);
	FILE *out = popen(command, "r");
	assert_non_null(out);
	size_t n = fread(text, 1, sizeof(text) - 1, out);
	text[n] = '\0';
	assert_int_not_equal(pclose(out), 0);
	assert_non_null(strstr(text, "another engine (pid "));
}

static bool is_running(pid_t pid)
{
	char path[64], state = 'X';
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "r");
	if (!file)
		return false;
	if (fscanf(file, "%*d %*s %c", &state) != 1)
		state = 'X';
	fclose(file);
	/* A zombie whose new parent takes its time is gone. */
	return state != 'X' && state != 'Z';
}

/* A process that supervises an engine and is then killed. Returns the engine's pid. */
static pid_t orphan(const char *data, const char *address, bool stop_engine)
{
	int fds[2];
	pid_t engine = 0, child;
	assert_int_equal(pipe(fds), 0);
	child = fork();
	if (child == 0) {
		struct supervisor *s;
		struct supervisor_status status = {0};
		struct supervisor_options o = {
			.program = getenv("TRIPOD_TEST_ENGINE"), .data = data, .listen = address};
		if (supervisor_start(&s, &o, NULL) == 0 &&
		    supervisor_wait_ready(s, 30000, NULL) == 0)
			supervisor_get_status(s, &status);
		if (stop_engine)
			kill(status.pid, SIGSTOP);
		ssize_t n = write(fds[1], &status.pid, sizeof(pid_t));
		(void)n;
		pause();
		_exit(0);
	}
	assert_int_equal(read(fds[0], &engine, sizeof(engine)), sizeof(engine));
	close(fds[0]);
	close(fds[1]);
	assert_true(engine > 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return engine;
}

static void leaves_no_orphan(void **state)
{
	char data[96], address[128];
	snprintf(data, sizeof(data), "%s/orphan", h.dir);
	snprintf(address, sizeof(address), "unix:%s/orphan.sock", h.dir);
	pid_t engine = orphan(data, address, false);
	for (int i = 0; i < 500 && is_running(engine); i++)
		usleep(20000);
	assert_false(is_running(engine));

	/* One that does not hear its parent's death is stopped by the next supervisor. */
	engine = orphan(data, address, true);
	assert_true(is_running(engine));
	struct supervisor *s;
	struct error err;
	struct supervisor_options o = {.program = getenv("TRIPOD_TEST_ENGINE"),
				       .data = data,
				       .listen = address,
				       .grace_ms = 500};
	assert_int_equal(supervisor_start(&s, &o, &err), 0);
	if (supervisor_wait_ready(s, 30000, &err))
		fail_msg("%s", err.message);
	assert_false(is_running(engine));
	supervisor_stop(s);
}

static void says_why_it_does_not_start(void **state)
{
	struct supervisor *s;
	struct error err;
	char data[96], address[128];
	snprintf(data, sizeof(data), "%s/other", h.dir);
	snprintf(address, sizeof(address), "unix:%s/other.sock", h.dir);
	struct supervisor_options o = {.program = getenv("TRIPOD_TEST_ENGINE"),
				       .data = data,
				       .listen = address,
				       .libchdb = "/nowhere/libchdb.so"};
	assert_int_equal(supervisor_start(&s, &o, &err), 0);
	assert_int_equal(supervisor_wait_ready(s, 1000, &err), STATUS_TIMEOUT);
	assert_non_null(strstr(err.message, "/nowhere/libchdb.so"));
	supervisor_stop(s);
}

static void serves_tcp_with_restrictions(void **state)
{
	struct supervisor *s;
	struct supervisor_status status;
	struct store_client *client;
	struct error err;
	struct buf out = BUF_INIT;
	char data[96], url[160];
	snprintf(data, sizeof(data), "%s/tcp", h.dir);
	struct supervisor_options o = {
		.program = getenv("TRIPOD_TEST_ENGINE"), .data = data, .listen = "127.0.0.1:0"};
	assert_int_equal(supervisor_start(&s, &o, &err), 0);
	assert_int_equal(supervisor_wait_ready(s, 30000, &err), 0);
	supervisor_get_status(s, &status);
	snprintf(url, sizeof(url), "http://%s", status.address);
	struct store_endpoint endpoint = {.url = url, .user = "u", .password = "p"};
	assert_int_equal(store_client_new(&client, &endpoint, &err), 0);
	assert_int_equal(store_query(client, "SELECT 1", NULL, 0, 10000, &out, &err), 0);
	assert_string_equal(buf_cstr(&out), "1\n");
	assert_int_equal(store_query(client, "CREATE TABLE t (n UInt8) ENGINE = Memory", NULL, 0,
				     10000, NULL, &err),
			 0);
	static const char *const refused[] = {
		"SELECT * FROM file('/etc/passwd', 'LineAsString')",
		"SELECT * FROM `url`('http://127.0.0.1/')",
		"INSERT INTO FUNCTION file('x') SELECT 1",
		"COPY t TO '/tmp/x'",
	};
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_equal(store_query(client, refused[i], NULL, 0, 10000, NULL, &err),
				 STATUS_DENIED);
	/* VALUES are not evaluated, so no function in them is called. */
	assert_int_not_equal(store_query(client, "INSERT INTO t VALUES (length(file('x')))", NULL,
					 0, 10000, NULL, &err),
			     0);
	buf_release(&out);
	store_client_free(client);
	supervisor_stop(s);
}

static void *waits(void *arg)
{
	struct reply r;
	const char *sql = "SELECT sleep(1)";
	harness_http(&h, &r, "/?query_id=twice", sql, strlen(sql), NULL);
	long status = r.status;
	reply_release(&r);
	return (void *)(intptr_t)status;
}

static void runs_an_id_once_at_a_time(void **state)
{
	pthread_t thread;
	void *status;
	pthread_create(&thread, NULL, waits, NULL);
	wait_for("SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'twice'",
		 "1", 2000);
	struct buf body = get("/?query_id=twice&query=SELECT+1", 500);
	assert_non_null(strstr(buf_cstr(&body), "Code: 216."));
	buf_release(&body);
	pthread_join(thread, &status);
	assert_int_equal((intptr_t)status, 200);
	expect_get("/?query_id=twice&query=SELECT+1", 200, "1\n");
}

/* What a CREATE TABLE on a full disk leaves: libchdb alone would not open the directory. */
static void opens_with_an_empty_table_definition(void **state)
{
	struct supervisor_status status;
	char command[400];
	new_table();
	harness_run(&h, "INSERT INTO t VALUES (1, 'a')");
	harness_run(&h, "CREATE TABLE torn (a UInt8) ENGINE = MergeTree ORDER BY a");
	snprintf(command, sizeof(command),
		 "f=$(find -L %s/metadata -name torn.sql); test -n \"$f\" && : > $f", h.data);
	assert_int_equal(system(command), 0);
	kill_engine(harness_pid(&h));
	supervisor_get_status(h.supervisor, &status);
	assert_int_equal(status.state, SUPERVISOR_READY);
	assert_string_equal(harness_scalar(&h, "SELECT n FROM t"), "1");
	assert_string_equal(harness_scalar(&h, "EXISTS TABLE torn"), "0");
}

static int begin_all(void **state)
{
	harness_begin(&h);
	return 0;
}

static int end_all(void **state)
{
	pid_t pid = harness_pid(&h);
	harness_end(&h);
	/* Nothing may be left. */
	return kill(pid, 0) == 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_formats),
		cmocka_unit_test(tells_what_it_did),
		cmocka_unit_test(binds_parameters_and_settings),
		cmocka_unit_test(fails_as_clickhouse_does),
		cmocka_unit_test(breaks_off_when_it_fails_late),
		cmocka_unit_test(streams_a_gigabyte),
		cmocka_unit_test(frees_what_a_client_left),
		cmocka_unit_test(serves_a_hundred_at_once),
		cmocka_unit_test(takes_and_gives_compressed),
		cmocka_unit_test(runs_an_id_once_at_a_time),
		cmocka_unit_test(makes_one_part_of_many_blocks),
		cmocka_unit_test(stores_nothing_of_an_aborted_insert),
		cmocka_unit_test(tells_data_from_circumstances),
		cmocka_unit_test(takes_inserts_of_any_client),
		cmocka_unit_test(takes_large_and_compressed_bodies),
		cmocka_unit_test(survives_a_kill_amid_an_insert),
		cmocka_unit_test(does_not_know_after_the_end_was_sent),
		cmocka_unit_test(outcomes_hold_whenever_it_is_killed),
		cmocka_unit_test(knows_when_nobody_is_there),
		cmocka_unit_test(serves_tcp_with_restrictions),
		cmocka_unit_test(leaves_no_orphan),
		cmocka_unit_test(says_why_it_does_not_start),
		cmocka_unit_test(opens_with_an_empty_table_definition),
		cmocka_unit_test(refuses_a_second_engine),
	};
	harness_need_libchdb();
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, begin_all, end_all);
}
