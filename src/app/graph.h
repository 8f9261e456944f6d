/*
 * The configured pipelines as running parts: for each receiver and signal an intake that
 * knows the exporters its records go to, and every exporter as a consumer of the log.
 */
#ifndef TRIPOD_APP_GRAPH_H
#define TRIPOD_APP_GRAPH_H

#include "app/config.h"
#include "pipeline/intake.h"

struct graph;
struct listeners;

/* What the parts are made on; everything is borrowed. */
struct graph_context {
	const struct storage_options
		*storage; /* as it is in use, whatever the configuration says */
	struct wal *wal;
	struct record_pool *records;
	struct chunk_pool *chunks;
	struct progress *progress;
	struct quarantine *quarantine;
	struct ledger *ledger;
	struct store_client *store; /* NULL in an agent */
	struct listeners *listeners;
	struct loop *const *loops;
	size_t loop_count;
};

/* Starts processors and exporters. The log is consumed from here on; nothing is received yet. */
int graph_start(struct graph **out, const struct config *config,
		const struct graph_context *context, struct error *err);
/* Starts the receivers; then gives up what waits for exporters that are not there any more. */
int graph_receive(struct graph *graph, struct error *err);
/* Stops what is left of it, receivers (whose listeners are closed) first. Accepts NULL. */
void graph_stop(struct graph *graph);

/* The intake of `signal` of the first otlp receiver, for the routes of the UI's port; or NULL. */
const struct intake *graph_otlp_intake(const struct graph *graph, enum signal signal);

/* Waits until all exporters have delivered what is in the log before `position`. */
int graph_flush(struct graph *graph, uint64_t position, unsigned timeout_ms, struct error *err);

#endif
