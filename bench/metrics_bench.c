/*
 * Metrics: how fast OTLP becomes series and samples, and those become Native blocks, on one
 * core; and what a sample takes on disk.
 *
 *   metrics_bench [HOSTS [POINTS [STEPS]]]
 *
 * HOSTS send 25 series for each of POINTS (and target_info) every 15 seconds, STEPS times;
 * requests of 10 hosts. Blocks of about 200,000 samples are written. When TRIPOD_LIBCHDB
 * names the engine, they are inserted and merged, and the bytes of each column are shown.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/chunk.h"
#include "base/clock.h"
#include "store/rows.h"
#include "store/series_seen.h"
#include "support/engine.h"
#include "support/metrics_sample.h"
#include "telemetry/otlp_metrics.h"
#include "wire/native.h"

#define START UINT64_C(1760000000000000000)
#define STEP UINT64_C(15000000000)
#define BLOCK_ROWS 200000

struct bench {
	struct native_block *blocks[TABLE_COUNT];
	struct series_seen *seen;
	struct metric_batch batch;
	struct buf request, out;
	bool engine;
	uint64_t samples, bytes, written, inserted;
	int64_t decode, append, write, insert; /* CPU time of all threads, ns */
};

static struct native_block *get_block(void *ctx, enum table table, uint32_t day)
{
	struct bench *b = ctx;
	return b->blocks[table];
}

static int64_t cpu_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * NS_PER_SECOND + ts.tv_nsec;
}

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s failed\n", what);
	exit(1);
}

static void flush(struct bench *b)
{
	for (int i = 0; i < TABLE_COUNT; i++) {
		if (!b->blocks[i])
			continue;
		int64_t start = cpu_ns();
		buf_clear(&b->out);
		native_block_write(b->blocks[i], &b->out);
		native_block_clear(b->blocks[i]);
		b->write += cpu_ns() - start;
		b->written += b->out.len;
		if (!b->engine || !b->out.len)
			continue;
		start = cpu_ns();
		char table[64];
		snprintf(table, sizeof(table), "b.%s", table_info((enum table)i)->name);
		check(engine_insert(table, buf_slice(&b->out)), "insert");
		b->insert += cpu_ns() - start;
	}
}

static void one_request(struct bench *b, const struct metrics_sample_options *sample)
{
	const struct otlp_metrics_options options = {.decode = {.received_time = sample->time}};
	const struct row_blocks blocks = {get_block, b};
	struct rejects rejects;
	struct error err;
	buf_clear(&b->request);
	sample_metrics(&b->request, sample);
	check(buf_reserve(&b->request, CHUNK_PADDING), "memory");
	int64_t start = cpu_ns();
	check(otlp_decode_metrics(&b->batch, buf_slice(&b->request), &options, &rejects, &err) ==
			      0 &&
		      rejects.total == 0,
	      "decoding");
	int64_t decoded = cpu_ns();
	check(metric_rows_append(&b->batch, &blocks, b->seen, &err) == 0, "making rows");
	b->append += cpu_ns() - decoded;
	b->decode += decoded - start;
	b->samples += b->batch.sample_count;
	b->bytes += b->request.len;
	if (native_block_rows(b->blocks[TABLE_METRIC_SAMPLES]) >= BLOCK_ROWS)
		flush(b);
}

static void begin(struct bench *b)
{
	buf_init(&b->request);
	buf_init(&b->out);
	b->engine = getenv("TRIPOD_LIBCHDB") && engine_open();
	if (b->engine)
		check(engine_query("CREATE DATABASE b", "Null", NULL), "CREATE DATABASE");
	for (int i = 0; i < TABLE_COUNT; i++) {
		const struct table_info *info = table_info((enum table)i);
		struct buf ddl = BUF_INIT;
		if (info->signal != SIGNAL_METRICS)
			continue;
		b->blocks[i] = native_block_new(info->columns, info->column_count);
		check(b->blocks[i] && table_ddl((enum table)i, "b", 0, &ddl) == 0, "memory");
		if (b->engine)
			check(engine_query(buf_cstr(&ddl), "Null", NULL), "CREATE TABLE");
		buf_release(&ddl);
	}
	b->seen = series_seen_new(1 << 20);
	check(b->seen != NULL, "memory");
}

static void show_disk(void)
{
	struct buf out = BUF_INIT;
	int64_t start = cpu_ns();
	check(engine_query("OPTIMIZE TABLE b.otel_metrics_samples FINAL", "Null", NULL), "merging");
	printf("merging into one part: %.2f s of CPU\n", (double)(cpu_ns() - start) / 1e9);
	check(engine_query("SELECT table, column, sum(column_data_compressed_bytes) AS bytes, "
			   "round(bytes / any(r), 3) AS per_row FROM system.parts_columns JOIN "
			   "(SELECT table, sum(rows) AS r FROM system.parts WHERE active AND "
			   "database = 'b' GROUP BY table) t USING table WHERE active AND database "
			   "= 'b' GROUP BY table, column ORDER BY table, bytes DESC",
			   "PrettyCompactMonoBlock", &out),
	      "query");
	buf_appendf(&out, "\n");
	check(engine_query("SELECT table, sum(rows), sum(bytes_on_disk), "
			   "round(sum(bytes_on_disk) / sum(rows), 3) AS per_row FROM system.parts "
			   "WHERE active AND database = 'b' GROUP BY table ORDER BY table",
			   "PrettyCompactMonoBlock", &out),
	      "query");
	check(engine_query("SELECT MetricName, count(), round(avg(Exponent), 1), "
			   "countIf(Exponent = -128) AS raw FROM b.otel_metrics_samples GROUP BY "
			   "MetricName ORDER BY MetricName",
			   "PrettyCompactMonoBlock", &out),
	      "query");
	printf("%s\n", buf_cstr(&out));
	buf_release(&out);
}

int main(int argc, char **argv)
{
	static struct bench b;
	unsigned hosts = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 20;
	unsigned points = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 10;
	unsigned steps = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 240;
	begin(&b);
	for (unsigned step = 1; step <= steps; step++) {
		for (unsigned host = 0; host < hosts; host += 10) {
			const struct metrics_sample_options sample = {
				.first_host = host,
				.hosts = hosts - host < 10 ? hosts - host : 10,
				.points = points,
				.start_time = START,
				.time = START + step * STEP};
			one_request(&b, &sample);
		}
	}
	flush(&b);
	double n = (double)b.samples;
	printf("%.0f samples, %.0f bytes of OTLP each\n", n, (double)b.bytes / n);
	printf("decode %.0f ns, append %.0f ns, write %.0f ns a sample; %.1f M samples/s; OTLP at "
	       "%.0f MB/s\n",
	       (double)b.decode / n, (double)b.append / n, (double)b.write / n,
	       n * 1e3 / (double)(b.decode + b.append + b.write),
	       (double)b.bytes * 1e3 / (double)b.decode);
	if (b.engine) {
		printf("insert %.0f ns of CPU a sample\n", (double)b.insert / n);
		show_disk();
		engine_close();
	}
	return 0;
}
