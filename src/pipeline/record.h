/*
 * One accepted request on its way through the pipeline: its bytes as they are in the
 * durable log, and its decoded columns. Reference-counted; read-only once it was appended.
 */
#ifndef TRIPOD_PIPELINE_RECORD_H
#define TRIPOD_PIPELINE_RECORD_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/chunk.h"
#include "base/slice.h"
#include "base/status.h"
#include "telemetry/batch.h"
#include "telemetry/otlp_decode.h"
#include "telemetry/otlp_metrics.h"
#include "telemetry/signal.h"
#include "wire/compress.h"

struct record_pool;

struct record {
	atomic_uint refs;
	struct record_pool *pool;
	enum signal signal;
	enum compress_encoding coding; /* of wire_bytes: what came compressed stays so */
	uint64_t position, end; /* in the log: [position, end); set when appended or read */
	uint64_t receiver; /* component_hash() of the receiver's id */
	uint64_t
		received_time; /* ns; with `expire_before` all that decoding depends on beside the bytes */
	uint64_t expire_before;
	uint32_t rows; /* accepted: log records, spans, data points */
	uint32_t rejected; /* left out by the decoder */
	struct chunk *wire; /* holds wire_bytes */
	struct slice wire_bytes;
	struct chunk *plain; /* holds plain_bytes; the same chunk as `wire` when it is IDENTITY */
	struct slice plain_bytes; /* an OTLP Export…ServiceRequest; ptr NULL: not decompressed */
	bool decoded; /* the batch is filled */

	/* While it is being appended (pipeline/wal.h). */
	struct record *next;
	void (*done)(struct record *record, const struct error *err, void *arg);
	void *done_arg;

	/* Last, as the memory of a batch outlives the record's use (record_pool). */
	union {
		struct log_batch logs;
		struct span_batch spans;
		struct metric_batch metrics;
	};
};

/* `keep`: bytes of memory for decoded columns that are held for reuse, of each signal. */
struct record_pool *record_pool_new(struct chunk_pool *chunks, size_t keep);
/* All records must have been released before. */
void record_pool_free(struct record_pool *pool);
struct chunk_pool *record_pool_chunks(struct record_pool *pool);

/* An empty record with one reference; NULL when out of memory. */
struct record *record_new(struct record_pool *pool, enum signal signal);
struct record *record_ref(struct record *record);
void record_unref(struct record *record); /* accepts NULL */

/*
 * Gives the record its bytes and decodes them: undoes `coding` (at most `max_plain` bytes,
 * else LIMIT), then fills the batch, `rows`, `rejected`. Takes its own references to
 * `wire`. INVALID when the bytes are not an OTLP request. received_time and expire_before
 * must be set before.
 */
int record_decode(struct record *record, struct chunk *wire, struct slice bytes,
		  enum compress_encoding coding, size_t max_plain, struct rejects *rejects,
		  struct error *err);

/*
 * The same for records whose columns nobody needs: the bytes are decompressed, checked
 * (telemetry/otlp_check.h) and counted, but not decoded.
 */
int record_check(struct record *record, struct chunk *wire, struct slice bytes,
		 enum compress_encoding coding, size_t max_plain, struct error *err);
/* Gives the record its bytes as they are, and nothing more. */
void record_set_wire(struct record *record, struct chunk *wire, struct slice bytes,
		     enum compress_encoding coding);
/* About the bytes of memory that it holds. */
size_t record_memory(const struct record *record);

#endif
