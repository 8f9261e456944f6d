/*
 * How far each consumer of the durable log is: a small file that is replaced atomically.
 *
 * For each consumer: the position before which everything is done, and the cuts behind it
 * that were begun. A cut is a range of the log whose rows go into the store under one id. It
 * is written here, durably, before the store may commit it, so that after any crash the store
 * can be asked for its id before anything is sent again.
 *
 * On disk: two slots of a fixed, allocated size, written in turn (sequence number and
 * checksum each); the newer valid one counts. So a write never needs space, and a torn one
 * leaves the state before it. Thread-safe.
 */
#ifndef TRIPOD_PIPELINE_PROGRESS_H
#define TRIPOD_PIPELINE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#define PROGRESS_NAME_SIZE 64
#define PROGRESS_MAX_CONSUMERS 64
#define PROGRESS_MAX_CUTS 8 /* begun and not finished, of one consumer */
#define PROGRESS_MAX_SPLITS 256 /* of all cuts of one consumer */

struct cut {
	uint64_t id;
	uint64_t from, to; /* positions in the log */
	uint64_t rows; /* accepted rows in it, for the ledger */
};

/*
 * A block that the store refused is cut up until the bad rows are found: rows
 * [row_from, row_to) of what cut `cut_id` puts into `table`, partition `day`, go in under an
 * id of their own.
 */
struct split {
	uint64_t cut_id;
	uint64_t id;
	uint32_t table, day;
	uint32_t row_from, row_to;
	uint32_t settled; /* 1: stored, or in the quarantine */
	uint32_t quarantined;
};

struct consumer_progress {
	char name[PROGRESS_NAME_SIZE]; /* "clickhouse/logs" */
	uint64_t position;
	uint64_t next_cut; /* the low 32 bits of the next id to give out */
	uint64_t delivered, filtered, quarantined; /* rows, ever */
	uint32_t cut_count, split_count;
	struct cut cuts[PROGRESS_MAX_CUTS];
	struct split splits[PROGRESS_MAX_SPLITS];
};

struct progress;

/* Opens or makes the file. `*fresh` says that no state was ever written to it. */
int progress_open(struct progress **out, const char *path, bool *fresh, struct error *err);
void progress_close(struct progress *progress);
/* As it was opened. */
const char *progress_path(const struct progress *progress);

/*
 * The consumer's place in the file: its index. A new one begins at `position`, durably.
 * LIMIT when there are too many.
 */
int progress_consumer(struct progress *progress, const char *name, uint64_t position,
		      struct error *err);
/* From here on it counts anew who is asked for: before the consumers of a new configuration start. */
void progress_begin_use(struct progress *progress);

/*
 * Consumers that were not asked for since then (their exporter is not in the configuration
 * any more) hold nothing of the log back from now on, durably. Calls `visit` for each, with the
 * position up to which it was done.
 */
int progress_retire_unused(struct progress *progress,
			   void (*visit)(const char *name, uint64_t position, void *arg), void *arg,
			   struct error *err);

/* A copy of the consumer's state. */
void progress_get(struct progress *progress, int consumer, struct consumer_progress *out);
/*
 * Replaces the consumer's state and makes it durable before returning. After an IO error
 * the state in memory is the new one, the one on disk the old one; the caller tries again.
 */
int progress_put(struct progress *progress, int consumer, const struct consumer_progress *state,
		 struct error *err);
/* The least durable position of all consumers; `none` when there is no consumer. */
uint64_t progress_least_position(struct progress *progress, uint64_t none);
/* The greatest position that a consumer, or a cut of one, has come to; 0 when there is none. */
uint64_t progress_greatest_position(struct progress *progress);

#endif
