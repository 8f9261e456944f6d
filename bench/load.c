/*
 * Sends a workload over OTLP/gRPC and says how long the answers took.
 *
 *   bench_load ADDRESS SIGNAL ROWS BATCH START_TIME IN_FLIGHT RATE ENCODING
 *
 * RATE 0: as fast as they are answered, with IN_FLIGHT requests open. Else that many rows a
 * second, each request at its own time however late the answers are (an open loop), and what
 * counts is the time from when it was to be sent. ENCODING: identity or gzip.
 *
 * All requests are made beforehand; then "ready" is printed, and sending begins with a line on
 * stdin. The result is one line of JSON; "acknowledged" are pairs of the time (ms since 1970)
 * and the rows acknowledged by then.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/chunk.h"
#include "base/clock.h"
#include "net/grpc_client.h"
#include "net/loop.h"
#include "wire/compress.h"
#include "workload.h"

#define NOTE_EVERY (10 * NS_PER_MS)

struct message {
	struct chunk *chunk;
	unsigned rows;
	int64_t due, latency; /* ns, of the monotonic clock */
	struct load *load;
};

struct note {
	int64_t time; /* ms since 1970 */
	uint64_t rows;
};

struct load {
	struct workload workload;
	const char *address, *path, *encoding;
	unsigned in_flight;
	double rate;

	struct loop *loop;
	struct chunk_pool *pool;
	struct grpc_client *client;
	uv_timer_t timer;
	struct message *messages;
	uint64_t count, sent, answered, failed, bytes, acknowledged;
	int64_t begin, last_note;
	struct note *notes;
	size_t note_count, note_capacity;
	atomic_bool finished;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench_load: %s: %s\n", what, why);
	exit(1);
}

static void note(struct load *load, int64_t now)
{
	load->last_note = now;
	if (load->note_count == load->note_capacity) {
		load->note_capacity = load->note_capacity * 2 + 1024;
		load->notes = realloc(load->notes, load->note_capacity * sizeof(*load->notes));
		if (!load->notes)
			die("notes", "out of memory");
	}
	load->notes[load->note_count++] =
		(struct note){clock_unix_ns() / NS_PER_MS, load->acknowledged};
}

/* --- sending, on the loop ------------------------------------------------------------ */

static void pump(struct load *load);

static void on_answer(struct grpc_call *call, const struct grpc_result *result, void *arg)
{
	struct message *message = arg;
	struct load *load = message->load;
	int64_t now = clock_monotonic_ns();
	message->latency = now - message->due;
	load->answered++;
	if (result->code == GRPC_OK) {
		load->acknowledged += message->rows;
	} else if (load->failed++ == 0) {
		fprintf(stderr, "bench_load: code %d: " SLICE_FMT "\n", (int)result->code,
			SLICE_ARG(result->text));
	}
	if (now - load->last_note >= NOTE_EVERY || load->answered == load->count)
		note(load, now);
	if (load->answered < load->count) {
		pump(load);
		return;
	}
	uv_close((uv_handle_t *)&load->timer, NULL);
	grpc_client_close(load->client);
	atomic_store(&load->finished, true);
}

static void send_message(struct load *load, struct message *message)
{
	struct error err;
	const struct grpc_call_options call = {
		.path = load->path,
		.message = {message->chunk->data, message->chunk->len},
		.owner = message->chunk,
		.encoding = strcmp(load->encoding, "identity") == 0 ? NULL : load->encoding,
		.done = on_answer,
		.arg = message};
	load->sent++;
	if (!grpc_client_call(load->client, &call, &err))
		die("call", err.message);
}

/* Sends what is due. */
static void pump(struct load *load)
{
	int64_t now = clock_monotonic_ns();
	while (load->sent < load->count) {
		struct message *message = &load->messages[load->sent];
		if (load->rate > 0) {
			message->due = load->begin + (int64_t)((double)load->sent * message->rows /
							       load->rate * 1e9);
			if (message->due > now)
				return;
		} else {
			if (load->sent - load->answered >= load->in_flight)
				return;
			message->due = now;
		}
		send_message(load, message);
	}
}

static void on_timer(uv_timer_t *timer)
{
	pump(timer->data);
}

static void on_closed(struct grpc_client *client, const struct error *err, void *arg)
{
	die("connection", err->message);
}

static void begin(void *arg)
{
	struct load *load = arg;
	struct error err;
	const struct grpc_client_options options = {
		.address = load->address, .pool = load->pool, .on_closed = on_closed};
	if (grpc_client_open(&load->client, load->loop, &options, &err) < 0)
		die(load->address, err.message);
	load->timer.data = load;
	uv_timer_init(loop_uv(load->loop), &load->timer);
	uv_timer_start(&load->timer, on_timer, 1, 1);
	load->begin = clock_monotonic_ns();
	note(load, load->begin);
	pump(load);
}

/* --- before and after --------------------------------------------------------------- */

static void make_messages(struct load *load)
{
	struct buf plain = BUF_INIT, coded = BUF_INIT;
	struct compressor *gzip;
	struct error err;
	if (compressor_new(&gzip, COMPRESS_GZIP, 0, &err) < 0)
		die("gzip", err.message);
	load->count = workload_requests(&load->workload);
	load->messages = calloc(load->count, sizeof(*load->messages));
	for (uint64_t i = 0; load->messages && i < load->count; i++) {
		struct message *message = &load->messages[i];
		struct buf *bytes = &plain;
		buf_clear(&plain);
		buf_clear(&coded);
		workload_request(&load->workload, i, &plain);
		if (strcmp(load->encoding, "gzip") == 0) {
			compressor_append(gzip, buf_slice(&plain), &coded, NULL);
			bytes = &coded;
		}
		message->chunk = chunk_new(load->pool, bytes->len);
		if (!message->chunk || bytes->failed)
			die("requests", "out of memory");
		memcpy(message->chunk->data, bytes->data, bytes->len);
		message->chunk->len = bytes->len;
		message->rows = workload_request_rows(&load->workload, i);
		message->load = load;
		load->bytes += bytes->len;
	}
	compressor_free(gzip);
	buf_release(&plain);
	buf_release(&coded);
}

static int by_latency(const void *a, const void *b)
{
	const struct message *x = a, *y = b;
	return (x->latency > y->latency) - (x->latency < y->latency);
}

static double latency_ms(const struct load *load, double part)
{
	uint64_t at = (uint64_t)((double)load->count * part);
	return (double)load->messages[at < load->count ? at : load->count - 1].latency / 1e6;
}

static void print_result(struct load *load, double seconds)
{
	qsort(load->messages, load->count, sizeof(*load->messages), by_latency);
	printf("{\"rows\": %llu, \"requests\": %llu, \"failed\": %llu, \"bytes\": %llu, "
	       "\"seconds\": %.3f, \"p50\": %.3f, \"p99\": %.3f, \"max\": %.3f, "
	       "\"acknowledged\": [",
	       (unsigned long long)load->acknowledged, (unsigned long long)load->count,
	       (unsigned long long)load->failed, (unsigned long long)load->bytes, seconds,
	       latency_ms(load, 0.5), latency_ms(load, 0.99), latency_ms(load, 1));
	for (size_t i = 0; i < load->note_count; i++)
		printf("%s[%lld, %llu]", i ? ", " : "", (long long)load->notes[i].time,
		       (unsigned long long)load->notes[i].rows);
	printf("]}\n");
}

int main(int argc, char **argv)
{
	static const char *const paths[SIGNAL_COUNT] = {
		[SIGNAL_LOGS] = "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
		[SIGNAL_TRACES] = "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
		[SIGNAL_METRICS] =
			"/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"};
	static struct load load;
	struct error err;
	char line[16];
	if (argc != 9 || !workload_signal(&load.workload.signal, argv[2]))
		die("usage", "see the head of its source");
	load.address = argv[1];
	load.workload.rows = strtoull(argv[3], NULL, 10);
	load.workload.batch = (unsigned)strtoul(argv[4], NULL, 10);
	load.workload.start_time = strtoull(argv[5], NULL, 10);
	load.in_flight = (unsigned)strtoul(argv[6], NULL, 10);
	load.rate = strtod(argv[7], NULL);
	load.encoding = argv[8];
	load.path = paths[load.workload.signal];
	load.pool = chunk_pool_new(0);
	if (!load.pool || loop_new(&load.loop, "load", &err) < 0)
		die("loop", "out of memory");
	make_messages(&load);
	printf("ready\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	int64_t start = clock_monotonic_ns();
	loop_post(load.loop, begin, &load);
	while (!atomic_load(&load.finished))
		usleep(1000);
	double seconds = (double)(clock_monotonic_ns() - start) / 1e9;
	loop_free(load.loop);
	print_result(&load, seconds);
	for (uint64_t i = 0; i < load.count; i++)
		chunk_unref(load.messages[i].chunk);
	chunk_pool_free(load.pool);
	free(load.messages);
	free(load.notes);
	return load.failed != 0;
}
