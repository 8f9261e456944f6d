#include "exporters/clickhouse.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "exporters/clickhouse/cut_writer.h"
#include "exporters/clickhouse_options.h"

/*
 * Bytes of a block that is sent, and of all blocks that wait in one cut. The store merges the
 * blocks of a part before it writes them: of 2 MiB they cost it a third more than of 6, larger
 * ones hardly less.
 */
#define BLOCK_BYTES ((size_t)6 << 20)
#define CUT_MEMORY ((size_t)40 << 20)

/* Of one part: the store holds it in memory until it is whole, and reserves disk for it. */
#define MAX_PART_BYTES ((uint64_t)320 << 20)
#define PART_OF_MEMORY 16
#define PART_OF_FREE_DISK 3

struct clickhouse_exporter {
	struct exporter exporter;
	struct cut_writer *writers[SIGNAL_COUNT];
};

static void stop(struct exporter *exporter)
{
	struct clickhouse_exporter *self = (struct clickhouse_exporter *)exporter;
	for (int signal = 0; signal < SIGNAL_COUNT; signal++)
		cut_writer_stop(self->writers[signal]);
	free(self);
}

static uint64_t max_part_bytes(const struct exporter_context *context)
{
	struct wal_stats stats;
	wal_stats(context->wal, &stats);
	uint64_t most = MAX_PART_BYTES;
	if (most > context->store_memory / PART_OF_MEMORY)
		most = context->store_memory / PART_OF_MEMORY;
	if (most > stats.min_free / PART_OF_FREE_DISK)
		most = stats.min_free / PART_OF_FREE_DISK;
	return most;
}

static int start(struct exporter **out, const struct exporter_context *context, const void *options,
		 struct error *err)
{
	struct clickhouse_exporter *self = calloc(1, sizeof(*self));
	if (!self)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	self->exporter.type = &clickhouse_exporter;
	if (!context->store) {
		free(self);
		return error_set(err, STATUS_INVALID,
				 "exporter %s: an agent has no store; send to a server with the "
				 "exporter otlp",
				 context->id);
	}
	int rc = 0;
	for (int signal = 0; rc == 0 && signal < SIGNAL_COUNT; signal++) {
		if (!(context->signals & SIGNAL_BIT(signal)))
			continue;
		char name[PROGRESS_NAME_SIZE];
		int len = snprintf(name, sizeof(name), "%s/%s", context->id,
				   signal_name((enum signal)signal));
		if (len < 0 || (size_t)len >= sizeof(name)) {
			rc = error_set(err, STATUS_INVALID,
				       "exporter %.100s: its name may have at most %d bytes",
				       context->id, PROGRESS_NAME_SIZE - 10);
			break;
		}
		struct cut_writer_options writer = {.name = name,
						    .filter = context->filter[signal],
						    .cut = {.client = context->store,
							    .database = context->database,
							    .block_bytes = BLOCK_BYTES,
							    .memory = CUT_MEMORY},
						    .max_part_bytes = max_part_bytes(context),
						    .wal = context->wal,
						    .progress = context->progress,
						    .quarantine = context->quarantine,
						    .ledger = context->ledger[signal]};
		rc = cut_writer_start(&self->writers[signal], &writer, err);
	}
	if (rc < 0) {
		stop(&self->exporter);
		return rc;
	}
	*out = &self->exporter;
	return 0;
}

static int flush(struct exporter *exporter, uint64_t position, unsigned timeout_ms,
		 struct error *err)
{
	struct clickhouse_exporter *self = (struct clickhouse_exporter *)exporter;
	int64_t until = clock_monotonic_ns() + (int64_t)timeout_ms * NS_PER_MS;
	for (int signal = 0; signal < SIGNAL_COUNT; signal++) {
		int64_t left = (until - clock_monotonic_ns()) / NS_PER_MS;
		if (!self->writers[signal])
			continue;
		int rc = cut_writer_flush(self->writers[signal], position,
					  left > 0 ? (unsigned)left : 0, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

const struct exporter_type clickhouse_exporter = {
	.type = {.name = "clickhouse",
		 .signals = SIGNALS_ALL,
		 .stability = STABILITY_ALPHA,
		 .summary = "Stores in ClickHouse: the embedded engine, or the one that "
			    "storage.endpoint names.",
		 .options = &clickhouse_exporter_option_table},
	.start = start,
	.stop = stop,
	.flush = flush,
};
