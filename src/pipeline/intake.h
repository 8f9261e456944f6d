/*
 * Where a receiver hands in its requests, for one signal: counted, decoded, appended to
 * the durable log, and then known to every exporter of its pipelines.
 */
#ifndef TRIPOD_PIPELINE_INTAKE_H
#define TRIPOD_PIPELINE_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "pipeline/ledger.h"
#include "pipeline/record.h"
#include "pipeline/wal.h"

#define INTAKE_MAX_EXPORTERS 16

struct intake {
	enum signal signal;
	uint64_t receiver; /* component_hash of its id */
	struct wal *wal;
	struct record_pool *records;
	struct receiver_ledger *ledger;
	struct exporter_ledger *exporters[INTAKE_MAX_EXPORTERS]; /* who will get what is accepted */
	unsigned exporter_count;
	bool raw; /* no exporter of it reads columns: requests are checked and counted only */
	uint64_t retention; /* ns; older records are rejected as expired. 0: none are */
	size_t max_plain; /* bytes of a request once decompressed */
	/* Says whether memory allows one more request (memory_limiter); NULL: always. Any thread. */
	int (*admit)(void *ctx, struct error *err);
	void *admit_ctx;
};

/* A name for a receiver in the log that outlives the configuration's order. */
uint64_t component_hash(const char *id);

struct submission {
	struct chunk *body; /* holds `bytes`; the intake takes its own reference */
	struct slice bytes;
	enum compress_encoding coding;
	uint64_t received_time; /* ns */
	/*
	 * Called once the answer is known, with err NULL when the accepted records are durable:
	 * on the log's thread, or before intake_submit returns.
	 */
	void (*done)(struct submission *submission, const struct error *err);

	/* Filled by then. */
	uint32_t accepted;
	struct rejects rejects;
	const struct intake *intake;
};

/*
 * 0: `done` was called or will be. Negative: the request was refused as a whole, `done` is
 * not called, `err` says why: INVALID (malformed), LIMIT, AGAIN or NO_SPACE (try later), IO.
 * `submission` must live until `done`.
 */
int intake_submit(const struct intake *intake, struct submission *submission, struct error *err);

#endif
