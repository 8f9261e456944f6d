#include "pipeline/record.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "telemetry/otlp_check.h"

/*
 * How much later than its request a record may be, ns. A time in the future is a wrong clock or a
 * wrong unit; a week lets a clock that is off by days, and any time zone mistaken for UTC, pass,
 * and bounds the partitions that nothing would expire for decades.
 */
#define FUTURE_LIMIT (7 * NS_PER_DAY)

struct record_pool {
	struct chunk_pool *chunks;
	pthread_mutex_t lock;
	struct record *free[SIGNAL_COUNT]; /* linked by `next`; their batches keep their memory */
	size_t free_bytes[SIGNAL_COUNT];
	size_t keep;
};

struct record_pool *record_pool_new(struct chunk_pool *chunks, size_t keep)
{
	struct record_pool *pool = calloc(1, sizeof(*pool));
	if (!pool)
		return NULL;
	pool->chunks = chunks;
	pool->keep = keep;
	pthread_mutex_init(&pool->lock, NULL);
	return pool;
}

/* About the bytes that the record has without its chunks, which is what the pool keeps of it. */
static size_t batch_memory(const struct record *record)
{
	switch (record->signal) {
	case SIGNAL_LOGS:
		return sizeof(*record) + record->logs.common.arena.used;
	case SIGNAL_TRACES:
		return sizeof(*record) + record->spans.common.arena.used;
	case SIGNAL_METRICS:
		return sizeof(*record) + record->metrics.arena.used;
	}
	return sizeof(*record);
}

static void release_batch(struct record *record)
{
	switch (record->signal) {
	case SIGNAL_LOGS:
		log_batch_release(&record->logs);
		break;
	case SIGNAL_TRACES:
		span_batch_release(&record->spans);
		break;
	case SIGNAL_METRICS:
		metric_batch_release(&record->metrics);
		break;
	}
}

void record_pool_free(struct record_pool *pool)
{
	if (!pool)
		return;
	for (int signal = 0; signal < SIGNAL_COUNT; signal++) {
		while (pool->free[signal]) {
			struct record *record = pool->free[signal];
			pool->free[signal] = record->next;
			release_batch(record);
			free(record);
		}
	}
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

struct chunk_pool *record_pool_chunks(struct record_pool *pool)
{
	return pool->chunks;
}

struct record *record_new(struct record_pool *pool, enum signal signal)
{
	pthread_mutex_lock(&pool->lock);
	struct record *record = pool->free[signal];
	if (record) {
		pool->free[signal] = record->next;
		pool->free_bytes[signal] -= batch_memory(record);
		record->next = NULL;
	}
	pthread_mutex_unlock(&pool->lock);
	if (!record)
		record = calloc(1, sizeof(*record));
	if (!record)
		return NULL;
	atomic_init(&record->refs, 1);
	record->pool = pool;
	record->signal = signal;
	return record;
}

struct record *record_ref(struct record *record)
{
	atomic_fetch_add_explicit(&record->refs, 1, memory_order_relaxed);
	return record;
}

/* Forgets everything but the batch's memory. */
static void reset(struct record *record)
{
	chunk_unref(record->wire);
	chunk_unref(record->plain);
	memset(record, 0, offsetof(struct record, logs));
}

void record_unref(struct record *record)
{
	if (!record || atomic_fetch_sub_explicit(&record->refs, 1, memory_order_acq_rel) != 1)
		return;
	struct record_pool *pool = record->pool;
	enum signal signal = record->signal;
	reset(record);
	record->signal = signal;
	size_t bytes = batch_memory(record);
	pthread_mutex_lock(&pool->lock);
	bool kept = pool->free_bytes[signal] + bytes <= pool->keep;
	if (kept) {
		record->next = pool->free[signal];
		pool->free[signal] = record;
		pool->free_bytes[signal] += bytes;
	}
	pthread_mutex_unlock(&pool->lock);
	if (!kept) {
		release_batch(record);
		free(record);
	}
}

static int decode_batch(struct record *record, struct rejects *rejects, struct error *err)
{
	struct otlp_decode_options options = {.received_time = record->received_time,
					      .expire_before = record->expire_before,
					      .reject_after = record->received_time + FUTURE_LIMIT};
	int rc;
	switch (record->signal) {
	case SIGNAL_LOGS:
		rc = otlp_decode_logs(&record->logs, record->plain_bytes, &options, rejects, err);
		record->rows = record->logs.rows;
		return rc;
	case SIGNAL_TRACES:
		rc = otlp_decode_traces(&record->spans, record->plain_bytes, &options, rejects,
					err);
		record->rows = record->spans.rows;
		return rc;
	case SIGNAL_METRICS:
		rc = otlp_decode_metrics(&record->metrics, record->plain_bytes,
					 &(struct otlp_metrics_options){.decode = options}, rejects,
					 err);
		record->rows = record->metrics.points;
		return rc;
	}
	return error_set(err, STATUS_UNSUPPORTED, "an unknown signal");
}

void record_set_wire(struct record *record, struct chunk *wire, struct slice bytes,
		     enum compress_encoding coding)
{
	record->coding = coding;
	record->wire = chunk_ref(wire);
	record->wire_bytes = bytes;
}

static int decompress(struct record *record, size_t max_plain, struct error *err)
{
	if (record->coding == COMPRESS_IDENTITY) {
		record->plain = chunk_ref(record->wire);
		record->plain_bytes = record->wire_bytes;
		return 0;
	}
	int rc = compress_decode(&record->plain, record->pool->chunks, record->coding,
				 record->wire_bytes, max_plain, err);
	if (rc == 0)
		record->plain_bytes = (struct slice){record->plain->data, record->plain->len};
	return rc;
}

int record_decode(struct record *record, struct chunk *wire, struct slice bytes,
		  enum compress_encoding coding, size_t max_plain, struct rejects *rejects,
		  struct error *err)
{
	record_set_wire(record, wire, bytes, coding);
	int rc = decompress(record, max_plain, err);
	if (rc == 0)
		rc = decode_batch(record, rejects, err);
	if (rc < 0)
		return rc;
	record->rejected = (uint32_t)rejects->total;
	record->decoded = true;
	return 0;
}

int record_check(struct record *record, struct chunk *wire, struct slice bytes,
		 enum compress_encoding coding, size_t max_plain, struct error *err)
{
	record_set_wire(record, wire, bytes, coding);
	int rc = decompress(record, max_plain, err);
	if (rc == 0)
		rc = otlp_check(record->signal, record->plain_bytes, &record->rows, err);
	/* What came compressed is small so, and often goes out so. */
	if (rc == 0 && coding != COMPRESS_IDENTITY) {
		chunk_unref(record->plain);
		record->plain = NULL;
		record->plain_bytes = (struct slice){NULL, 0};
	}
	return rc;
}

size_t record_memory(const struct record *record)
{
	size_t bytes = batch_memory(record);
	if (record->wire)
		bytes += record->wire->capacity;
	if (record->plain && record->plain != record->wire)
		bytes += record->plain->capacity;
	return bytes;
}
