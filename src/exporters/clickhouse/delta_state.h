/*
 * The running sums of deltas (telemetry/delta_sums.h) of one writer, and how they survive: a
 * checkpoint file, and the durable log behind it. See ARCHITECTURE.md, "Deltas: added up, once".
 *
 * The file, "<progress file>.<consumer>", has the sums as of one position of the log. An entry
 * of its own in the progress file keeps the log from there on.
 */
#ifndef TRIPOD_EXPORTERS_CLICKHOUSE_DELTA_STATE_H
#define TRIPOD_EXPORTERS_CLICKHOUSE_DELTA_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "pipeline/progress.h"
#include "pipeline/wal.h"
#include "telemetry/delta_sums.h"

struct delta_state;

struct delta_state_options {
	const char *consumer; /* the writer's name in the progress file */
	uint64_t position; /* the writer's; where a state that is not there yet begins */
	struct wal *wal;
	struct wal_filter filter;
	struct progress *progress;
	uint32_t max_series; /* 0: DELTA_MAX_SERIES */
	int64_t max_stale_ms; /* 0: DELTA_MAX_STALE_MS */
};

int delta_state_open(struct delta_state **out, const struct delta_state_options *options,
		     struct error *err);
void delta_state_close(struct delta_state *state); /* accepts NULL */

/*
 * Sums of the state's limits as of `position`: the checkpoint's, and what the log has between it and
 * there. Calls `go_on` now and then; CANCELLED when that says no. From any thread.
 */
int delta_state_at(struct delta_state *state, uint64_t position, bool (*go_on)(void *arg),
		   void *arg, struct delta_sums **out, struct error *err);

/* Whether it is time for a checkpoint at `position`, and none waits to take effect. */
bool delta_state_is_due(const struct delta_state *state, uint64_t position);
/* Writes a checkpoint, which takes effect with delta_state_settle. Replaces one that waits for that. */
int delta_state_save(struct delta_state *state, struct delta_sums *sums, uint64_t position,
		     struct error *err);
/* Everything before `settled` is stored: a checkpoint that waits for that takes effect. */
int delta_state_settle(struct delta_state *state, uint64_t settled, struct error *err);

#endif
