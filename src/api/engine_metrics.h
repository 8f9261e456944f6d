/*
 * A few numbers of the store, asked for at most every so often: scrapes come from several
 * places, and must not load it.
 */
#ifndef TRIPOD_API_ENGINE_METRICS_H
#define TRIPOD_API_ENGINE_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct engine_metrics;
struct store_client;

#define ENGINE_METRICS_MAX_TABLES 64

struct engine_table {
	char name[128];
	uint64_t parts, rows, bytes;
};

struct engine_numbers {
	bool known; /* the store answered */
	uint64_t queries, merges, memory;
	size_t table_count; /* of the telemetry database, the first so many by name */
	struct engine_table tables[ENGINE_METRICS_MAX_TABLES];
};

/* `client`, `database` are borrowed. NULL: out of memory. */
struct engine_metrics *engine_metrics_new(struct store_client *client, const char *database);
void engine_metrics_free(struct engine_metrics *metrics);
/* Numbers not older than some seconds. Blocks for some seconds at most. From any thread. */
void engine_metrics_get(struct engine_metrics *metrics, struct engine_numbers *out);

#endif
