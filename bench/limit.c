/*
 * The engine's limit: what it costs libchdb, alone in a process, to take the rows of a workload
 * as ready-made Native blocks, merges included.
 *
 *   bench_limit SIGNAL ROWS BATCH START_TIME PART_ROWS BLOCK_BYTES [FOREIGN_DDL FOREIGN_SELECT]
 *
 * The blocks are made beforehand, in another process, from the requests that bench_load
 * sends, by the row builders and for the tables of the product; an INSERT has PART_ROWS rows in
 * its largest table, in blocks of BLOCK_BYTES. CPU is of everything from the first INSERT until
 * no merge has run for SETTLE_SECONDS, but for reading the blocks' files. With the last two,
 * the rows of the first table are then copied into a table `foreign` as well, to compare the
 * bytes on disk. The result is one line of JSON. TRIPOD_LIBCHDB names the library.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/chunk.h"
#include "base/clock.h"
#include "store/chdb.h"
#include "store/rows.h"
#include "store/series_seen.h"
#include "telemetry/otlp_decode.h"
#include "telemetry/otlp_metrics.h"
#include "wire/native.h"
#include "workload.h"

#define SETTLE_SECONDS 5
#define APPEND ((size_t)1 << 20)
#define DATABASE "bench"

struct limit {
	struct workload workload;
	uint64_t part_rows, block_bytes;
	char dir[64];
	struct chdb_api api;
	struct chdb *chdb;
	struct chdb_session *session;
	int64_t reading; /* ns of CPU */
	unsigned inserts;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench_limit: %s: %s\n", what, why);
	exit(1);
}

static enum table main_table(enum signal signal)
{
	static const enum table tables[SIGNAL_COUNT] = {[SIGNAL_LOGS] = TABLE_LOGS,
							[SIGNAL_TRACES] = TABLE_TRACES,
							[SIGNAL_METRICS] = TABLE_METRIC_SAMPLES};
	return tables[signal];
}

static void block_path(const struct limit *limit, unsigned cut, int table, char *out, size_t size)
{
	snprintf(out, size, "%s/cut-%u-%d", limit->dir, cut, table);
}

/* --- making the blocks, in a process of its own ---------------------------------------- */

struct maker {
	struct limit *limit;
	struct native_block *blocks[TABLE_COUNT];
	uint64_t rows[TABLE_COUNT];
	struct buf out;
	unsigned cut;
	bool any; /* rows in the cut */
};

static struct native_block *get_block(void *ctx, enum table table, uint32_t day)
{
	struct maker *maker = ctx;
	return maker->blocks[table];
}

static void write_block(struct maker *maker, int table)
{
	char path[128];
	block_path(maker->limit, maker->cut, table, path, sizeof(path));
	native_block_set_cut_id(maker->blocks[table], maker->cut + 1);
	maker->rows[table] += native_block_rows(maker->blocks[table]);
	buf_clear(&maker->out);
	native_block_write(maker->blocks[table], &maker->out);
	native_block_clear(maker->blocks[table]);
	if (!maker->out.len)
		return;
	FILE *file = fopen(path, "a");
	if (!file || fwrite(maker->out.data, 1, maker->out.len, file) != maker->out.len)
		die(path, "cannot be written");
	fclose(file);
	maker->any = true;
}

static void end_cut(struct maker *maker)
{
	for (int table = 0; table < TABLE_COUNT; table++) {
		if (maker->blocks[table])
			write_block(maker, table);
		maker->rows[table] = 0;
	}
	maker->cut += maker->any;
	maker->any = false;
}

static void add_request(struct maker *maker, struct slice request, struct series_seen *seen)
{
	static struct log_batch logs;
	static struct span_batch spans;
	static struct metric_batch metrics;
	const struct otlp_decode_options options = {.received_time = 1};
	const struct row_blocks blocks = {get_block, maker};
	struct rejects rejects = {0};
	struct error err;
	int rc = 0;
	switch (maker->limit->workload.signal) {
	case SIGNAL_LOGS:
		rc = otlp_decode_logs(&logs, request, &options, &rejects, &err);
		if (rc == 0)
			rc = log_rows_append(&logs, &blocks, &err);
		break;
	case SIGNAL_TRACES:
		rc = otlp_decode_traces(&spans, request, &options, &rejects, &err);
		if (rc == 0)
			rc = span_rows_append(&spans, &blocks, &err);
		break;
	case SIGNAL_METRICS:
		rc = otlp_decode_metrics(&metrics, request,
					 &(struct otlp_metrics_options){.decode = options},
					 &rejects, &err);
		if (rc == 0)
			rc = metric_rows_append(&metrics, &blocks, seen, &err);
		break;
	}
	if (rc < 0 || rejects.total)
		die("rows", rc < 0 ? err.message : rejects.example);
}

static void make_blocks(struct limit *limit)
{
	struct maker maker = {.limit = limit, .out = BUF_INIT};
	struct buf request = BUF_INIT;
	struct series_seen *seen = series_seen_new(100000);
	enum table counted = main_table(limit->workload.signal);
	for (int table = 0; table < TABLE_COUNT; table++) {
		const struct table_info *info = table_info((enum table)table);
		if (info->signal == limit->workload.signal)
			maker.blocks[table] = native_block_new(info->columns, info->column_count);
	}
	uint64_t requests = workload_requests(&limit->workload);
	for (uint64_t i = 0; i < requests; i++) {
		buf_clear(&request);
		workload_request(&limit->workload, i, &request);
		add_request(&maker, buf_slice(&request), seen);
		for (int table = 0; table < TABLE_COUNT; table++) {
			if (maker.blocks[table] &&
			    native_block_bytes(maker.blocks[table]) >= limit->block_bytes)
				write_block(&maker, table);
		}
		if (maker.rows[counted] + native_block_rows(maker.blocks[counted]) >=
		    limit->part_rows)
			end_cut(&maker);
	}
	end_cut(&maker);
}

/* --- storing them ---------------------------------------------------------------------- */

static double cpu_seconds(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int64_t thread_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

static void run(struct limit *limit, const char *sql)
{
	struct error err;
	if (chdb_session_run(limit->session, slice_of(sql), &err) < 0)
		die(sql, err.message);
}

static double number(struct limit *limit, const char *sql)
{
	const struct chdb_api *api = &limit->api;
	char text[64] = "";
	struct chdb_result *r =
		api->query(chdb_session_connection(limit->session), sql, strlen(sql),
			   "TabSeparated", 12, NULL, NULL, NULL, NULL, 0);
	if (api->result_error(r))
		die(sql, api->result_error(r));
	snprintf(text, sizeof(text), "%.*s", (int)api->result_length(r), api->result_buffer(r));
	api->result_destroy(r);
	return strtod(text, NULL);
}

static void open_engine(struct limit *limit)
{
	/* As the exporter's INSERTs have them: one INSERT becomes one part. */
	static const char setup[] = "SET async_insert=0, insert_deduplicate=0, "
				    "input_format_parallel_parsing=0, max_insert_threads=1, "
				    "max_insert_block_size=1000000000, "
				    "min_insert_block_size_rows=1000000000, "
				    "min_insert_block_size_bytes=0\n";
	char path[4096], data[80];
	struct error err;
	snprintf(data, sizeof(data), "%s/data", limit->dir);
	struct chdb_options options = {.data = data, .memory_limit = (uint64_t)4 << 30};
	if (chdb_find(path, sizeof(path), NULL, &err) < 0 ||
	    chdb_load(&limit->api, path, &err) < 0 ||
	    chdb_open(&limit->chdb, &limit->api, &options, &err) < 0 ||
	    chdb_session_open(&limit->session, limit->chdb, slice_of(setup), &err) < 0)
		die("libchdb", err.message);
	run(limit, "CREATE DATABASE " DATABASE);
	for (int table = 0; table < TABLE_COUNT; table++) {
		struct buf ddl = BUF_INIT;
		if (table_info((enum table)table)->signal != limit->workload.signal)
			continue;
		table_ddl((enum table)table, DATABASE, 0, &ddl);
		run(limit, buf_cstr(&ddl));
		buf_release(&ddl);
	}
}

static bool read_blocks(struct limit *limit, unsigned cut, int table, struct buf *out)
{
	char path[128];
	struct stat info;
	int64_t start = thread_ns();
	block_path(limit, cut, table, path, sizeof(path));
	buf_clear(out);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (fstat(fd, &info) < 0 || !buf_reserve(out, (size_t)info.st_size))
		die(path, "cannot be read");
	for (ssize_t n; (n = read(fd, out->data + out->len, (size_t)info.st_size - out->len)) > 0;)
		out->len += (size_t)n;
	close(fd);
	limit->reading += thread_ns() - start;
	return true;
}

static void insert_blocks(struct limit *limit, int table, struct slice native)
{
	const struct chdb_api *api = &limit->api;
	char sql[128];
	snprintf(sql, sizeof(sql), "INSERT INTO " DATABASE ".%s",
		 table_info((enum table)table)->name);
	struct chdb_insert *insert =
		api->insert(chdb_session_connection(limit->session), sql, strlen(sql), "Native", 6,
			    NULL, NULL, NULL, NULL, 0);
	for (size_t at = 0; at < native.len; at += APPEND) {
		size_t n = native.len - at < APPEND ? native.len - at : APPEND;
		if (api->insert_append(insert, native.ptr + at, n))
			break;
	}
	struct chdb_result *r = api->insert_done(insert);
	if (api->result_error(r))
		die(sql, api->result_error(r));
	api->result_destroy(r);
	api->insert_destroy(insert);
	limit->inserts++;
}

static void insert_all(struct limit *limit)
{
	struct buf native = BUF_INIT;
	bool any = true;
	for (unsigned cut = 0; any; cut++) {
		any = false;
		for (int table = 0; table < TABLE_COUNT; table++) {
			if (!read_blocks(limit, cut, table, &native))
				continue;
			any = true;
			insert_blocks(limit, table, buf_slice(&native));
		}
	}
	buf_release(&native);
}

static void settle(struct limit *limit)
{
	for (int quiet = 0; quiet < SETTLE_SECONDS; quiet++) {
		if (number(limit, "SELECT count() FROM system.merges") > 0)
			quiet = -1;
		sleep(1);
	}
}

static double bytes_of(struct limit *limit, const char *table)
{
	char sql[256];
	snprintf(sql, sizeof(sql),
		 "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = "
		 "'" DATABASE "' AND table %s",
		 table);
	return number(limit, sql);
}

static void compare(struct limit *limit, const char *ddl, const char *select)
{
	char sql[4096];
	run(limit, "USE " DATABASE);
	for (int table = 0; table < TABLE_COUNT; table++) {
		const struct table_info *info = table_info((enum table)table);
		if (info->signal != limit->workload.signal)
			continue;
		snprintf(sql, sizeof(sql), "OPTIMIZE TABLE %s FINAL", info->name);
		run(limit, sql);
	}
	printf(", \"merged_bytes\": %.0f", bytes_of(limit, "!= 'foreign'"));
	if (!ddl)
		return;
	snprintf(sql, sizeof(sql), "= '%s'", table_info(main_table(limit->workload.signal))->name);
	printf(", \"main_bytes\": %.0f", bytes_of(limit, sql));
	run(limit, ddl);
	snprintf(sql, sizeof(sql), "INSERT INTO foreign %s", select);
	run(limit, sql);
	run(limit, "OPTIMIZE TABLE foreign FINAL");
	printf(", \"foreign_bytes\": %.0f", bytes_of(limit, "= 'foreign'"));
}

static void measure(struct limit *limit)
{
	char sql[256];
	open_engine(limit);
	double cpu = cpu_seconds();
	int64_t start = clock_monotonic_ns();
	insert_all(limit);
	double insert_wall = (double)(clock_monotonic_ns() - start) / 1e9;
	double insert_cpu = cpu_seconds() - cpu - (double)limit->reading / 1e9;
	settle(limit);
	cpu = cpu_seconds() - cpu - (double)limit->reading / 1e9;
	snprintf(sql, sizeof(sql), "SELECT count() FROM " DATABASE ".%s",
		 table_info(main_table(limit->workload.signal))->name);
	printf("{\"rows\": %.0f, \"cpu\": %.3f, \"insert_cpu\": %.3f, \"insert_seconds\": %.3f, "
	       "\"inserts\": %u, \"bytes\": %.0f",
	       number(limit, sql), cpu, insert_cpu, insert_wall, limit->inserts,
	       bytes_of(limit, "!= 'foreign'"));
}

int main(int argc, char **argv)
{
	static struct limit limit = {.dir = "/tmp/tripod-limit-XXXXXX"};
	if ((argc != 7 && argc != 9) || !workload_signal(&limit.workload.signal, argv[1]))
		die("usage", "see the head of its source");
	limit.workload.rows = strtoull(argv[2], NULL, 10);
	limit.workload.batch = (unsigned)strtoul(argv[3], NULL, 10);
	limit.workload.start_time = strtoull(argv[4], NULL, 10);
	limit.part_rows = strtoull(argv[5], NULL, 10);
	limit.block_bytes = strtoull(argv[6], NULL, 10);
	if (!mkdtemp(limit.dir))
		die(limit.dir, "cannot be made");
	pid_t maker = fork();
	int status = 1;
	if (maker == 0) {
		make_blocks(&limit);
		_exit(0);
	}
	waitpid(maker, &status, 0);
	if (status == 0) {
		measure(&limit);
		if (argc == 9)
			compare(&limit, argv[7], argv[8]);
		printf("}\n");
		chdb_session_close(limit.session, false);
		chdb_close(limit.chdb);
	}
	char command[80];
	snprintf(command, sizeof(command), "rm -rf %s", limit.dir);
	return system(command) != 0 || status != 0;
}
