/*
 * Writes one signal of the durable log into the store: fills cuts, commits them, and after
 * any failure finds out what the store has before it sends again. Two threads: one fills
 * the next cut while the other commits the last.
 */
#ifndef TRIPOD_EXPORTERS_CLICKHOUSE_CUT_WRITER_H
#define TRIPOD_EXPORTERS_CLICKHOUSE_CUT_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "exporters/clickhouse/open_cut.h"
#include "pipeline/ledger.h"
#include "pipeline/progress.h"
#include "pipeline/quarantine.h"
#include "pipeline/wal.h"

struct cut_writer;

struct cut_writer_options {
	const char *name; /* "clickhouse/logs": its name in the progress file */
	struct wal_filter filter; /* the signal, and whose records */
	struct open_cut_options cut;
	struct wal *wal;
	struct progress *progress;
	struct quarantine *quarantine;
	struct exporter_ledger *ledger;
	unsigned flush_interval_ms; /* a cut is committed at that age; 0: 1000 */
	uint64_t max_rows; /* or when one part has that many rows; 0: 500,000 */
	uint64_t max_part_bytes; /* or about that many bytes */
	/* Metrics: as delta_state_options has them. */
	uint32_t max_delta_series;
	int64_t max_delta_stale_ms;
};

/* Goes on where the progress file says. `options` is copied; what it points to is borrowed. */
int cut_writer_start(struct cut_writer **out, const struct cut_writer_options *options,
		     struct error *err);
/*
 * Commits what is filled if the store answers at once, else leaves it to the next start.
 * Then ends the threads and frees.
 */
void cut_writer_stop(struct cut_writer *writer);

/* Waits until everything before `position` of the log is settled. TIMEOUT says what is in the way. */
int cut_writer_flush(struct cut_writer *writer, uint64_t position, unsigned timeout_ms,
		     struct error *err);

#endif
