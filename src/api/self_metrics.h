/* GET /metrics: the program's own metrics (api/self_metrics_table.h). */
#ifndef TRIPOD_API_SELF_METRICS_H
#define TRIPOD_API_SELF_METRICS_H

#include "api/status.h"

struct background;
struct chunk_pool;
struct clickhouse_api;
struct engine_metrics;
struct query_queue;

/* All borrowed; what is NULL is left out, but for `status`. */
struct self_metrics_source {
	const struct status_source *status;
	struct chunk_pool *chunks;
	struct query_queue *queries;
	struct clickhouse_api *clickhouse;
	struct engine_metrics *engine;
};

/* The context of the route. */
struct self_metrics_api {
	const struct self_metrics_source *source;
	struct background *background;
};

#define SELF_METRICS_ROUTE_COUNT 1
/* Asks for ACCESS_READ. */
void self_metrics_routes(struct http_route routes[SELF_METRICS_ROUTE_COUNT],
			 struct self_metrics_api *api);

/* The text itself. May block. */
void self_metrics_append(const struct self_metrics_source *source, bool openmetrics,
			 struct buf *out);

#endif
