/* Shared by cut_writer.c and cut_settle.c. */
#ifndef TRIPOD_EXPORTERS_CLICKHOUSE_CUT_WRITER_INT_H
#define TRIPOD_EXPORTERS_CLICKHOUSE_CUT_WRITER_INT_H

#include <pthread.h>

#include "exporters/clickhouse/cut_writer.h"
#include "exporters/clickhouse/delta_state.h"

#define INSERT_TIMEOUT_MS 300000
#define MAX_PENDING 2 /* cuts that wait to be committed, the one being committed included */

_Static_assert(MAX_PENDING < PROGRESS_MAX_CUTS, "a restart may find as many, and one more");

struct pending_cut {
	struct cut cut;
	struct open_cut *open; /* with its INSERTs open; NULL: to be made again from the log */
	uint64_t first_received;
};

struct cut_writer {
	struct cut_writer_options options;
	char name[PROGRESS_NAME_SIZE];
	int consumer; /* in the progress file */
	struct wal_reader *reader;
	uint64_t save_every;
	struct delta_state *delta; /* of metrics, else NULL */
	pthread_t filler, committer;
	/* The filler's last words, for a checkpoint when both threads have ended: see save_deltas. */
	struct delta_sums *sums;
	uint64_t sums_at; /* UINT64_MAX: not at the end of a cut */

	pthread_mutex_t lock;
	pthread_cond_t changed; /* anything below */
	bool stopping, filler_done;
	struct pending_cut pending[PROGRESS_MAX_CUTS];
	unsigned pending_count;
	struct consumer_progress state;
	uint64_t flush_to; /* greatest position that somebody waits for */
	uint64_t filled; /* the filler has taken everything before it into cuts */
	uint64_t filling_from; /* the open cut's start; UINT64_MAX: there is none */
	uint64_t filling_received;
	struct error last_error; /* why the oldest pending cut is not settled yet */
};

/* What became of a cut's rows. */
struct settlement {
	uint64_t delivered, quarantined;
	uint64_t dropped[DELTA_DROP_COUNT];
};

static inline uint64_t settlement_dropped(const struct settlement *settlement)
{
	uint64_t sum = 0;
	for (int i = 0; i < DELTA_DROP_COUNT; i++)
		sum += settlement->dropped[i];
	return sum;
}

/*
 * Gets every row of `pending` into the store or the quarantine, trying until it works. AGAIN
 * when the writer is stopping and the store does not answer.
 */
int cut_settle(struct cut_writer *writer, struct pending_cut *pending,
	       struct settlement *settlement, struct error *err);

/* Changes the durable state: calls `change` with the lock held, then writes it, until that works. */
int cut_writer_put(struct cut_writer *writer,
		   void (*change)(struct consumer_progress *state, void *arg), void *arg,
		   struct error *err);

/* Sleeps `ms`, or until the writer is stopping: then false. */
bool cut_writer_pause(struct cut_writer *writer, unsigned ms);
bool cut_writer_is_stopping(struct cut_writer *writer);
/* The same, for delta_state_at. */
bool cut_writer_goes_on(void *writer);
/* A new cut id. Becomes durable with the next cut_writer_put; ids are never given out twice. */
uint64_t cut_writer_next_id(struct cut_writer *writer);

#endif
