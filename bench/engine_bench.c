/*
 * What the way through the engine process costs against libchdb in this process: ready-made
 * Native blocks of log rows inserted, SELECT 1, a large read. CPU is of both processes.
 *
 *   bench_engine ENGINE-PROGRAM [ROWS [ROUNDS]]      (TRIPOD_LIBCHDB names the library)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/chdb.h"
#include "store/client.h"
#include "store/supervisor.h"

#define SELECTS 2000
#define INSERT "INSERT INTO logs"

static const char create[] =
	"CREATE TABLE logs (Timestamp DateTime64(9) CODEC(Delta, ZSTD(1)), "
	"TraceId String CODEC(ZSTD(1)), SpanId String CODEC(ZSTD(1)), "
	"SeverityText LowCardinality(String), ServiceName LowCardinality(String), "
	"Body String CODEC(ZSTD(1)), "
	"ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)), "
	"LogAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)), "
	"INDEX t TraceId TYPE bloom_filter(0.01) GRANULARITY 1) "
	"ENGINE = MergeTree PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, Timestamp)";

/* Bodies of about `%u` bytes, 5 resource and 8 log attributes. */
static const char rows_sql[] =
	"SELECT toDateTime64('2024-05-01 00:00:00', 9) + number / 100000 AS Timestamp, "
	"toString(generateUUIDv4(number)) AS TraceId, "
	"substring(hex(cityHash64(number)), 1, 16) AS SpanId, "
	"toLowCardinality(['INFO', 'WARN', 'ERROR'][1 + number %% 3]) AS SeverityText, "
	"toLowCardinality(concat('svc', toString(number %% 20))) AS ServiceName, "
	"substring(repeat(hex(cityHash64(number)), 30), 1, %u) AS Body, "
	"CAST(map('k8s.pod', concat('pod', toString(number %% 200)), 'host', "
	"concat('h', toString(number %% 50)), 'region', 'eu', 'env', 'prod', 'v', '1.2.3'), "
	"'Map(LowCardinality(String), String)') AS ResourceAttributes, "
	"CAST(map('http.method', 'GET', 'http.status', '200', 'user', "
	"toString(number %% 10000), 'path', concat('/a/', toString(number %% 500)), 'd', "
	"toString(number), 'e', 'x', 'f', 'y', 'g', 'z'), "
	"'Map(LowCardinality(String), String)') AS LogAttributes "
	"FROM numbers(%u) SETTINGS max_block_size = %u, max_threads = 1 FORMAT Native";

struct bench {
	struct supervisor *supervisor;
	struct store_client *client;
	struct chdb_api api;
	struct chdb *chdb;
	struct chdb_session *session;
	pid_t engine;
	unsigned rows, rounds;
};

static void die(const char *what, const struct error *err)
{
	fprintf(stderr, "%s: %s\n", what, err->message);
	exit(1);
}

static double now(void)
{
	return (double)clock_monotonic_ns() / 1e9;
}

static double own_cpu(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double engine_cpu(pid_t pid)
{
	char path[64];
	unsigned long long user = 0, system = 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = pid ? fopen(path, "r") : NULL;
	if (!file)
		return 0;
	if (fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
		   &system) != 2)
		user = system = 0;
	fclose(file);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double cpu(const struct bench *b)
{
	return own_cpu() + engine_cpu(b->engine);
}

static void run(struct bench *b, const char *sql)
{
	struct error err;
	if (b->session ? chdb_session_run(b->session, slice_of(sql), &err)
		       : store_query(b->client, sql, NULL, 0, 600000, NULL, &err))
		die(sql, &err);
}

static void insert_by_client(struct bench *b, struct slice body)
{
	struct store_insert *insert;
	struct error err;
	if (store_insert_begin(&insert, b->client, INSERT " FORMAT Native", NULL, NULL, 0, &err))
		die("begin", &err);
	for (size_t at = 0; at < body.len; at += 1 << 20) {
		size_t n = body.len - at < 1 << 20 ? body.len - at : 1 << 20;
		if (store_insert_write(insert, (struct slice){body.ptr + at, n}, &err))
			break;
	}
	if (store_insert_finish(insert, 600000, &err) != STORE_STORED)
		die("insert", &err);
}

static void insert_directly(struct bench *b, struct slice body)
{
	const struct chdb_api *api = &b->api;
	struct chdb_insert *insert =
		api->insert(chdb_session_connection(b->session), INSERT, strlen(INSERT), "Native",
			    6, NULL, NULL, NULL, NULL, 0);
	for (size_t at = 0; at < body.len; at += 1 << 20) {
		size_t n = body.len - at < 1 << 20 ? body.len - at : 1 << 20;
		if (api->insert_append(insert, body.ptr + at, n))
			break;
	}
	struct chdb_result *r = api->insert_done(insert);
	if (api->result_error(r)) {
		fprintf(stderr, "insert: %s\n", api->result_error(r));
		exit(1);
	}
	api->result_destroy(r);
	api->insert_destroy(insert);
}

static void time_inserts(struct bench *b, const char *how, unsigned block, struct slice body,
			 void (*insert)(struct bench *b, struct slice body))
{
	double best_wall = 1e9, best_cpu = 1e9, best_engine = 1e9;
	for (unsigned i = 0; i < b->rounds; i++) {
		run(b, "TRUNCATE TABLE logs");
		double wall = now(), all = cpu(b), engine = engine_cpu(b->engine);
		insert(b, body);
		wall = now() - wall;
		all = cpu(b) - all;
		engine = engine_cpu(b->engine) - engine;
		best_wall = wall < best_wall ? wall : best_wall;
		best_cpu = all < best_cpu ? all : best_cpu;
		best_engine = engine < best_engine ? engine : best_engine;
	}
	printf("insert %-7s %u rows (%zu MB) in blocks of %6u: wall %.3f s, CPU %.2f s (engine "
	       "process %.2f)\n",
	       how, b->rows, body.len >> 20, block, best_wall, best_cpu, best_engine);
	fflush(stdout);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void time_selects(struct bench *b)
{
	static double times[SELECTS];
	struct error err;
	for (int i = 0; i < SELECTS; i++) {
		double start = now();
		if (b->session)
			run(b, "SELECT 1");
		else if (store_query(b->client, "SELECT 1", NULL, 0, 10000, NULL, &err))
			die("SELECT 1", &err);
		times[i] = now() - start;
	}
	qsort(times, SELECTS, sizeof(times[0]), by_value);
	printf("SELECT 1 %s: p50 %.3f ms, p99 %.3f ms\n", b->session ? "direct" : "socket",
	       times[SELECTS / 2] * 1e3, times[SELECTS * 99 / 100] * 1e3);
}

static int count(void *ctx, struct slice data)
{
	*(size_t *)ctx += data.len;
	return 0;
}

static const char read_sql[] = "SELECT number, number AS b FROM numbers(67108864) FORMAT Native";

static void time_read(struct bench *b)
{
	size_t bytes = 0;
	struct error err;
	double wall = now(), all = cpu(b);
	if (!b->session) {
		if (store_read(b->client, read_sql, NULL, 0, 600000, count, &bytes, &err))
			die("read", &err);
	} else {
		struct chdb_connection *conn = chdb_session_connection(b->session);
		struct chdb_result *stream = b->api.stream_query(
			conn, read_sql, strlen(read_sql), "Native", 6, NULL, NULL, NULL, NULL, 0);
		for (size_t n = 1; n;) {
			struct chdb_result *r = b->api.stream_fetch(conn, stream);
			n = b->api.result_length(r);
			bytes += n;
			b->api.result_destroy(r);
		}
		b->api.result_destroy(stream);
	}
	wall = now() - wall;
	printf("read %s: %.2f GB at %.2f GB/s, CPU %.2f s\n", b->session ? "direct" : "socket",
	       (double)bytes / 1e9, (double)bytes / 1e9 / wall, cpu(b) - all);
}

static void make_body(struct bench *b, struct buf *body, unsigned text, unsigned block)
{
	char sql[4096];
	struct error err;
	buf_init(body);
	snprintf(sql, sizeof(sql), rows_sql, text, b->rows, block);
	if (store_query(b->client, sql, NULL, 0, 600000, body, &err))
		die("rows", &err);
}

/* The engine's memory while an insert is open: all rows are held until the end. */
static void show_memory(struct bench *b, struct slice body)
{
	struct supervisor_status before, during;
	struct store_insert *insert;
	struct error err;
	run(b, "TRUNCATE TABLE logs");
	supervisor_get_status(b->supervisor, &before);
	if (store_insert_begin(&insert, b->client, INSERT " FORMAT Native", "memory", NULL, 0,
			       &err) ||
	    store_insert_write(insert, body, &err))
		die("insert", &err);
	sleep(1);
	supervisor_get_status(b->supervisor, &during);
	if (store_insert_finish(insert, 600000, &err) != STORE_STORED)
		die("insert", &err);
	printf("engine's RSS: %llu MB before, %llu MB with an insert of %u rows (%zu MB) open\n",
	       (unsigned long long)before.rss >> 20, (unsigned long long)during.rss >> 20, b->rows,
	       body.len >> 20);
}

static void open_directly(struct bench *b, const char *data)
{
	static const char setup[] =
		"SET async_insert=0, min_insert_block_size_rows=1000000000, "
		"min_insert_block_size_bytes=0, input_format_parallel_parsing=0\n";
	char path[4096];
	struct error err;
	struct chdb_options options = {.data = data, .memory_limit = (uint64_t)4 << 30};
	if (chdb_find(path, sizeof(path), NULL, &err) || chdb_load(&b->api, path, &err) ||
	    chdb_open(&b->chdb, &b->api, &options, &err) ||
	    chdb_session_open(&b->session, b->chdb, slice_of(setup), &err))
		die("libchdb", &err);
}

int main(int argc, char **argv)
{
	static const unsigned blocks[] = {16000, 100000, 500000};
	struct bench b = {.rows = 500000, .rounds = 5};
	char dir[] = "/tmp/tripod-bench-XXXXXX", data[64], url[64];
	struct buf bodies[3], large;
	struct error err;
	if (argc < 2 || !mkdtemp(dir))
		return 2;
	if (argc > 2)
		b.rows = (unsigned)strtoul(argv[2], NULL, 10);
	if (argc > 3)
		b.rounds = (unsigned)strtoul(argv[3], NULL, 10);
	snprintf(data, sizeof(data), "%s/data", dir);
	snprintf(url, sizeof(url), "unix:%s/sock", dir);
	log_configure(LOG_LEVEL_WARN, LOG_FORMAT_TEXT);
	struct supervisor_options options = {
		.program = argv[1], .data = data, .listen = url, .memory_limit = (uint64_t)4 << 30};
	struct store_endpoint endpoint = {.url = url};
	if (supervisor_start(&b.supervisor, &options, &err) ||
	    supervisor_wait_ready(b.supervisor, 60000, &err) ||
	    store_client_new(&b.client, &endpoint, &err))
		die("engine", &err);
	struct supervisor_status status;
	supervisor_get_status(b.supervisor, &status);
	b.engine = status.pid;

	run(&b, create);
	time_selects(&b);
	make_body(&b, &large, 400, 16000);
	show_memory(&b, buf_slice(&large));
	buf_release(&large);
	time_read(&b);
	for (int i = 0; i < 3; i++) {
		make_body(&b, &bodies[i], 250, blocks[i]);
		time_inserts(&b, "socket", blocks[i], buf_slice(&bodies[i]), insert_by_client);
	}
	store_client_free(b.client);
	supervisor_stop(b.supervisor);
	b.engine = 0;

	open_directly(&b, data);
	time_selects(&b);
	time_read(&b);
	for (int i = 0; i < 3; i++)
		time_inserts(&b, "direct", blocks[i], buf_slice(&bodies[i]), insert_directly);
	chdb_session_close(b.session, false);
	chdb_close(b.chdb);
	for (int i = 0; i < 3; i++)
		buf_release(&bodies[i]);
	char command[80];
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) != 0;
}
