/*
 * How fast OTLP becomes columns and columns become Native blocks, on one core.
 *
 *   decode_bench [SECONDS]   (a case; 1 by default)
 *
 * Several requests of about 1 MB are decoded in turn, so that neither the branch predictor
 * nor the cache sees one input only. Rows are appended to a block that is cleared at
 * 100,000; `write` is putting the block into one buffer. Times are the thread's CPU time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/chunk.h"
#include "base/clock.h"
#include "store/rows.h"
#include "support/otlp_sample.h"
#include "telemetry/otlp_decode.h"
#include "wire/native.h"

#define REQUESTS 8
#define BLOCK_ROWS 100000

struct bench {
	struct buf requests[REQUESTS];
	struct native_block *blocks[TABLE_COUNT];
	struct buf out;
	double seconds;
};

static struct native_block *get_block(void *ctx, enum table table, uint32_t day)
{
	struct bench *b = ctx;
	return b->blocks[table];
}

static void fail(const struct error *err)
{
	fprintf(stderr, "%s\n", err->message);
	exit(1);
}

static int64_t cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

struct timing {
	uint64_t rows, bytes, written;
	int64_t decode, append, write; /* ns */
	double best; /* ns a byte, of the fastest request */
};

static void write_blocks(struct bench *b, struct timing *t)
{
	int64_t start = cpu_ns();
	for (int i = 0; i < TABLE_COUNT; i++) {
		native_block_write(b->blocks[i], &b->out);
		native_block_clear(b->blocks[i]);
	}
	t->write += cpu_ns() - start;
	t->written += b->out.len;
	buf_clear(&b->out);
}

static void run(struct bench *b, bool spans, bool append, struct timing *t)
{
	static struct log_batch logs;
	static struct span_batch traces;
	const struct otlp_decode_options options = {.received_time = 1};
	const struct row_blocks blocks = {get_block, b};
	struct rejects rejects;
	struct error err;
	int64_t end = clock_monotonic_ns() + (int64_t)(b->seconds * 1e9);
	uint64_t in_block = 0;
	for (unsigned i = 0; clock_monotonic_ns() < end; i++) {
		struct slice request = buf_slice(&b->requests[i % REQUESTS]);
		int64_t start = cpu_ns();
		if (spans ? otlp_decode_traces(&traces, request, &options, &rejects, &err)
			  : otlp_decode_logs(&logs, request, &options, &rejects, &err))
			fail(&err);
		int64_t decoded = cpu_ns();
		uint32_t rows = spans ? traces.rows : logs.rows;
		if (append && (spans ? span_rows_append(&traces, &blocks, &err)
				     : log_rows_append(&logs, &blocks, &err)))
			fail(&err);
		t->append += cpu_ns() - decoded;
		t->decode += decoded - start;
		double per_byte = (double)(decoded - start) / (double)request.len;
		if (!t->best || per_byte < t->best)
			t->best = per_byte;
		t->rows += rows;
		t->bytes += request.len;
		in_block += rows;
		if (append && in_block >= BLOCK_ROWS) {
			write_blocks(b, t);
			in_block = 0;
		}
	}
}

static void run_case(struct bench *b, const char *name, bool spans, bool shuffle)
{
	struct sample_options options = {
		.start_time = UINT64_C(1760000000000000000), .resources = 4, .shuffle = shuffle};
	options.records = spans ? 2800 : 1800;
	for (unsigned i = 0; i < REQUESTS; i++) {
		options.seed = i + 1;
		buf_clear(&b->requests[i]);
		if (spans)
			sample_spans(&b->requests[i], &options);
		else
			sample_logs(&b->requests[i], &options);
		buf_reserve(&b->requests[i], CHUNK_PADDING);
	}
	struct timing alone = {0}, both = {0};
	run(b, spans, false, &alone);
	run(b, spans, true, &both);
	double rows = (double)alone.rows, bytes = (double)alone.bytes;
	printf("%-20s %3.0f B/record  decode %5.2f GB/s (best %5.2f) %5.2f M/s %4.0f ns  append "
	       "%4.0f "
	       "ns  write %4.0f ns  %4.0f B/row\n",
	       name, bytes / rows, bytes / (double)alone.decode, 1 / alone.best,
	       rows * 1e3 / (double)alone.decode, (double)alone.decode / rows,
	       (double)both.append / (double)both.rows, (double)both.write / (double)both.rows,
	       (double)both.written / (double)both.rows);
}

int main(int argc, char **argv)
{
	struct bench b = {.seconds = argc > 1 ? strtod(argv[1], NULL) : 1};
	buf_init(&b.out);
	for (unsigned i = 0; i < REQUESTS; i++)
		buf_init(&b.requests[i]);
	for (int i = 0; i < TABLE_COUNT; i++) {
		const struct table_info *info = table_info((enum table)i);
		b.blocks[i] = native_block_new(info->columns, info->column_count);
		if (!b.blocks[i])
			return 1;
	}
	run_case(&b, "logs", false, false);
	run_case(&b, "logs, random order", false, true);
	run_case(&b, "spans", true, false);
	run_case(&b, "spans, random order", true, true);
	for (int i = 0; i < TABLE_COUNT; i++)
		native_block_free(b.blocks[i]);
	for (unsigned i = 0; i < REQUESTS; i++)
		buf_release(&b.requests[i]);
	buf_release(&b.out);
	return 0;
}
