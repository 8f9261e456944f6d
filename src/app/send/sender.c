#include "app/send/sender.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/buf.h"
#include "base/clock.h"
#include "exporters/forward/grpc_transport.h"
#include "exporters/forward/http_transport.h"
#include "net/loop.h"
#include "pipeline/component.h"
#include "telemetry/otlp_check.h"
#include "telemetry/otlp_json.h"

#define MAX_LOOPS 2
#define POOL_KEEP ((size_t)32 << 20)
#define REQUEST_TIMEOUT (30 * NS_PER_SECOND)
#define RETRY_PAUSE_MS 200
#define NOBODY_THERE (5 * NS_PER_SECOND)

enum slot_state { SLOT_FREE, SLOT_SENT, SLOT_WAITS };

struct connection {
	struct loop *loop;
	struct forward_transport *transport;
};

struct slot {
	struct sender *sender;
	struct connection *connection;
	struct forward_request request;
	struct loop_task task;
	enum slot_state state; /* sender->lock */
	int64_t began, send_at;
	uint64_t records;
};

struct sender {
	struct sender_options options;
	struct otlp_exporter_options grpc;
	struct otlphttp_exporter_options http;
	struct chunk_pool *chunks;
	struct loop *loops[MAX_LOOPS];
	unsigned loop_count, connection_count, slot_count;
	struct connection *connections;
	struct slot *slots;
	int64_t started; /* clock_monotonic_ns */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct sender_stats stats;
};

/* --- answers, on the loops' threads ------------------------------------------------- */

static unsigned bucket_of(uint64_t us)
{
	if (us < 32)
		return (unsigned)us;
	unsigned power = 63 - (unsigned)__builtin_clzll(us);
	return (power - 4) * 32 + (unsigned)(us >> (power - 5)) % 32;
}

static uint64_t bucket_end(unsigned bucket)
{
	if (bucket < 32)
		return bucket;
	unsigned power = bucket / 32 + 4;
	return ((uint64_t)(32 + bucket % 32 + 1) << (power - 5)) - 1;
}

static void count_success(struct slot *slot, const struct forward_answer *answer)
{
	struct sender_stats *stats = &slot->sender->stats;
	uint64_t us = (uint64_t)(clock_monotonic_ns() - slot->began) / 1000;
	stats->requests++;
	stats->records += slot->records;
	stats->bytes += slot->request.bytes.len;
	stats->left_out_records += answer->rejected;
	stats->times[bucket_of(us)]++;
	if (us > stats->longest_us)
		stats->longest_us = us;
}

static void on_done(struct forward_request *request, const struct forward_answer *answer)
{
	struct slot *slot = (struct slot *)((char *)request - offsetof(struct slot, request));
	struct sender *sender = slot->sender;
	pthread_mutex_lock(&sender->lock);
	if (answer->message[0])
		memcpy(sender->stats.problem, answer->message, sizeof(sender->stats.problem));
	if (answer->outcome == FORWARD_RETRY) {
		int64_t pause =
			answer->retry_after_ms > 0 ? answer->retry_after_ms : RETRY_PAUSE_MS;
		sender->stats.retries++;
		slot->send_at = clock_monotonic_ns() + pause * NS_PER_MS;
		slot->state = SLOT_WAITS;
	} else {
		if (answer->outcome == FORWARD_DELIVERED) {
			count_success(slot, answer);
		} else {
			sender->stats.failed_requests++;
			sender->stats.failed_records += slot->records;
		}
		chunk_unref(request->owner);
		request->owner = NULL;
		slot->state = SLOT_FREE;
	}
	pthread_cond_broadcast(&sender->changed);
	pthread_mutex_unlock(&sender->lock);
}

static void send_on_loop(void *arg)
{
	struct slot *slot = arg;
	slot->connection->transport->type->send(slot->connection->transport, &slot->request);
}

static void post(struct slot *slot)
{
	slot->task = (struct loop_task){.fn = send_on_loop, .arg = slot};
	loop_post_task(slot->connection->loop, &slot->task);
}

/* --- sending ------------------------------------------------------------------------ */

/* Sends again what has waited; returns when something will have, at latest in a second. Lock held. */
static int64_t resend(struct sender *sender)
{
	int64_t now = clock_monotonic_ns(), next = now + NS_PER_SECOND;
	for (unsigned i = 0; i < sender->slot_count; i++) {
		struct slot *slot = &sender->slots[i];
		if (slot->state != SLOT_WAITS)
			continue;
		if (slot->send_at <= now) {
			slot->state = SLOT_SENT;
			post(slot);
		} else if (slot->send_at < next) {
			next = slot->send_at;
		}
	}
	return next;
}

static void wait_until(struct sender *sender, int64_t until)
{
	struct timespec deadline = {until / NS_PER_SECOND, until % NS_PER_SECOND};
	pthread_cond_timedwait(&sender->changed, &sender->lock, &deadline);
}

/* NULL when nobody has ever taken anything. */
static struct slot *take_slot(struct sender *sender, struct error *err)
{
	struct slot *found = NULL;
	pthread_mutex_lock(&sender->lock);
	while (!found) {
		if (!sender->stats.requests && sender->stats.retries &&
		    clock_monotonic_ns() - sender->started > NOBODY_THERE) {
			error_set(err, STATUS_TIMEOUT, "%s", sender->stats.problem);
			break;
		}
		int64_t until = resend(sender);
		for (unsigned i = 0; i < sender->slot_count && !found; i++) {
			if (sender->slots[i].state == SLOT_FREE)
				found = &sender->slots[i];
		}
		if (found)
			found->state = SLOT_SENT;
		else
			wait_until(sender, until);
	}
	pthread_mutex_unlock(&sender->lock);
	return found;
}

static struct chunk *copy(struct sender *sender, enum signal signal, struct slice protobuf,
			  struct error *err)
{
	struct buf json = BUF_INIT;
	int rc = 0;
	struct chunk *chunk = chunk_new(sender->chunks, protobuf.len);
	if (chunk) {
		memcpy(chunk->data, protobuf.ptr, protobuf.len);
		chunk->len = protobuf.len;
		chunk_seal(chunk);
	}
	if (chunk && sender->options.protocol == SEND_HTTP_JSON) {
		struct slice sealed = {chunk->data, chunk->len};
		rc = otlp_protobuf_to_json(otlp_request_message(signal), sealed, &json, err);
		chunk_unref(chunk);
		chunk = rc == 0 && !json.failed ? chunk_new(sender->chunks, json.len) : NULL;
		if (chunk) {
			memcpy(chunk->data, json.data, json.len);
			chunk->len = json.len;
		}
	}
	buf_release(&json);
	if (!chunk && rc == 0)
		error_set(err, STATUS_NO_MEMORY, "out of memory");
	return chunk;
}

int sender_send(struct sender *sender, enum signal signal, struct slice protobuf, uint64_t records,
		int64_t since, struct error *err)
{
	struct chunk *chunk = copy(sender, signal, protobuf, err);
	if (!chunk)
		return err->status;
	struct slot *slot = take_slot(sender, err);
	if (!slot) {
		chunk_unref(chunk);
		return STATUS_TIMEOUT;
	}
	slot->records = records;
	slot->began = since ? since : clock_monotonic_ns();
	slot->request = (struct forward_request){.signal = signal,
						 .bytes = {chunk->data, chunk->len},
						 .owner = chunk,
						 .done = on_done};
	post(slot);
	return 0;
}

bool sender_wait(struct sender *sender, unsigned timeout_ms)
{
	int64_t end = clock_monotonic_ns() + (int64_t)timeout_ms * NS_PER_MS;
	bool busy = true;
	pthread_mutex_lock(&sender->lock);
	while (busy && clock_monotonic_ns() < end) {
		int64_t until = resend(sender);
		busy = false;
		for (unsigned i = 0; i < sender->slot_count; i++)
			busy |= sender->slots[i].state != SLOT_FREE;
		if (busy)
			wait_until(sender, until < end ? until : end);
	}
	pthread_mutex_unlock(&sender->lock);
	return !busy;
}

void sender_stats(struct sender *sender, struct sender_stats *out)
{
	pthread_mutex_lock(&sender->lock);
	*out = sender->stats;
	pthread_mutex_unlock(&sender->lock);
}

uint64_t sender_quantile(const struct sender_stats *stats, double quantile)
{
	uint64_t wanted = (uint64_t)((double)stats->requests * quantile), seen = 0;
	for (unsigned i = 0; i < TIME_BUCKETS; i++) {
		seen += stats->times[i];
		if (seen > wanted) {
			uint64_t end = bucket_end(i);
			return end < stats->longest_us ? end : stats->longest_us;
		}
	}
	return stats->longest_us;
}

/* --- starting and stopping ------------------------------------------------------------ */

static void set_options(struct sender *sender)
{
	const struct sender_options *options = &sender->options;
	struct tls_connect_options tls = {
		.insecure = true, .ca_file = options->ca_file, .max_version = TLS_VERSION_1_3};
	sender->grpc = (struct otlp_exporter_options){.endpoint = options->endpoint,
						      .tls = tls,
						      .headers = options->headers,
						      .headers_count = options->header_count,
						      .timeout = REQUEST_TIMEOUT};
	sender->http = (struct otlphttp_exporter_options){
		.endpoint = options->endpoint,
		.tls = tls,
		.encoding = options->protocol == SEND_HTTP_JSON ? OTLP_ENCODING_JSON
								: OTLP_ENCODING_PROTO,
		.headers = options->headers,
		.headers_count = options->header_count,
		.timeout = REQUEST_TIMEOUT};
}

static int connect_all(struct sender *sender, struct error *err)
{
	const struct sender_options *options = &sender->options;
	int rc = 0;
	while (rc == 0 && sender->loop_count < MAX_LOOPS &&
	       sender->loop_count < options->connections) {
		rc = loop_new(&sender->loops[sender->loop_count], "send", err);
		if (rc == 0)
			sender->loop_count++;
	}
	for (unsigned i = 0; rc == 0 && i < options->connections; i++) {
		struct connection *connection = &sender->connections[i];
		connection->loop = sender->loops[i % sender->loop_count];
		rc = options->protocol == SEND_GRPC
			     ? grpc_transport_new(&connection->transport, &sender->grpc,
						  connection->loop, sender->chunks, err)
			     : http_transport_new(&connection->transport, &sender->http,
						  SIGNALS_ALL, connection->loop, err);
		if (rc == 0)
			sender->connection_count++;
	}
	for (unsigned i = 0; rc == 0 && i < sender->slot_count; i++) {
		sender->slots[i].sender = sender;
		sender->slots[i].connection = &sender->connections[i % options->connections];
	}
	return rc;
}

int sender_start(struct sender **out, const struct sender_options *options, struct error *err)
{
	struct sender *sender = calloc(1, sizeof(*sender));
	if (!sender)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	sender->options = *options;
	sender->started = clock_monotonic_ns();
	set_options(sender);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&sender->lock, NULL);
	pthread_cond_init(&sender->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	sender->slot_count = options->connections * options->in_flight;
	sender->chunks = chunk_pool_new(POOL_KEEP);
	sender->connections = calloc(options->connections, sizeof(*sender->connections));
	sender->slots = calloc(sender->slot_count, sizeof(*sender->slots));
	int rc = sender->chunks && sender->connections && sender->slots
			 ? connect_all(sender, err)
			 : error_set(err, STATUS_NO_MEMORY, "out of memory");
	if (rc < 0) {
		sender_free(sender);
		return rc;
	}
	*out = sender;
	return 0;
}

static void close_on_loop(void *arg)
{
	struct forward_transport *transport = arg;
	transport->type->close(transport);
}

void sender_free(struct sender *sender)
{
	if (!sender)
		return;
	for (unsigned i = 0; i < sender->connection_count; i++)
		loop_post(sender->connections[i].loop, close_on_loop,
			  sender->connections[i].transport);
	while (sender->loop_count)
		loop_free(sender->loops[--sender->loop_count]);
	for (unsigned i = 0; sender->slots && i < sender->slot_count; i++)
		chunk_unref(sender->slots[i].request.owner);
	chunk_pool_free(sender->chunks);
	pthread_mutex_destroy(&sender->lock);
	pthread_cond_destroy(&sender->changed);
	free(sender->connections);
	free(sender->slots);
	free(sender);
}
