#include "app/server_routes.h"

#include <stdlib.h>
#include <string.h>

#include "api/background.h"
#include "api/clickhouse.h"
#include "api/engine_metrics.h"
#include "api/query_queue.h"
#include "api/self_metrics.h"
#include "api/ui.h"
#include "app/config.h"
#include "app/graph.h"
#include "base/clock.h"
#include "net/listeners.h"
#include "receivers/otlp_http.h"

#define MAX_ROUTES 48

struct server_routes {
	struct server_routes_context context;
	struct background *background;
	struct query_queue *queries;
	struct status_api status;
	struct clickhouse_api clickhouse;
	struct engine_metrics *engine_metrics; /* NULL in an agent */
	struct self_metrics_source metrics_source;
	struct self_metrics_api metrics;
	struct http_route ui[MAX_ROUTES], sql[CLICKHOUSE_MAX_ROUTES];
	size_t ui_count, sql_count;
};

/* OTLP is taken on the UI's port as well, so that one address is enough. */
static void add_otlp(struct server_routes *routes)
{
	static const char *const paths[SIGNAL_COUNT] = {"/v1/logs", "/v1/traces", "/v1/metrics"};
	for (int signal = 0; signal < SIGNAL_COUNT; signal++) {
		const struct intake *intake =
			graph_otlp_intake(routes->context.graph, (enum signal)signal);
		if (intake)
			routes->ui[routes->ui_count++] = (struct http_route){
				"POST",        paths[signal],    HTTP_BODY_WHOLE,
				ACCESS_INGEST, otlp_http_export, (void *)intake};
	}
}

static void add_clickhouse(struct server_routes *routes)
{
	const struct config *config = routes->context.config;
	const struct query_limits *limits = &config->query.limits;
	routes->clickhouse = (struct clickhouse_api){
		.store = routes->context.store,
		.queue = routes->queries,
		.pool = routes->context.chunks,
		.counts = routes->context.query_counts,
		.database = routes->context.database,
		.limits = {.max_execution_ms = (uint64_t)(limits->max_execution_time / NS_PER_MS),
			   .max_memory = limits->max_memory_usage,
			   .max_result_rows = (uint64_t)limits->max_result_rows}};
	routes->ui_count += clickhouse_routes(routes->ui + routes->ui_count, "/clickhouse",
					      &routes->clickhouse);
	routes->sql_count = clickhouse_routes(routes->sql, "", &routes->clickhouse);
}

static void add_metrics(struct server_routes *routes)
{
	bool has_store = routes->context.store != NULL;
	routes->metrics_source = (struct self_metrics_source){
		.status = routes->context.status,
		.chunks = routes->context.chunks,
		.queries = has_store ? routes->queries : NULL,
		.clickhouse = has_store ? &routes->clickhouse : NULL,
		.engine = routes->engine_metrics,
	};
	routes->metrics = (struct self_metrics_api){&routes->metrics_source, routes->background};
	self_metrics_routes(routes->ui + routes->ui_count, &routes->metrics);
	routes->ui_count += SELF_METRICS_ROUTE_COUNT;
}

static int open_queues(struct server_routes *routes, struct error *err)
{
	struct query_queue_options queries = {
		.max_running = (unsigned)routes->context.config->query.limits.max_concurrent};
	routes->background = background_new(routes->context.chunks);
	routes->queries = query_queue_new(&queries);
	if (routes->context.store)
		routes->engine_metrics =
			engine_metrics_new(routes->context.store, routes->context.database);
	if (!routes->background || !routes->queries ||
	    (routes->context.store && !routes->engine_metrics))
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	return 0;
}

static void listen(struct server_routes *routes)
{
	const struct ui_options *ui = &routes->context.config->ui;
	const struct query_options *query = &routes->context.config->query;
	struct http_server_options page = {.name = "ui",
					   .address = ui->endpoint,
					   .http2 = true,
					   .routes = routes->ui,
					   .route_count = routes->ui_count};
	struct http_server_options sql = {.name = "clickhouse",
					  .address = query->endpoint,
					  .http2 = true,
					  .routes = routes->sql,
					  .route_count = routes->sql_count};
	if (ui->endpoint)
		listeners_add(routes->context.listeners, &page, ui->has_tls ? &ui->tls : NULL,
			      "ui.endpoint");
	if (query->endpoint && routes->context.store)
		listeners_add(routes->context.listeners, &sql, query->has_tls ? &query->tls : NULL,
			      "query.endpoint");
}

int server_routes_start(struct server_routes **out, const struct server_routes_context *context,
			struct error *err)
{
	struct server_routes *routes = calloc(1, sizeof(*routes));
	if (!routes)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	routes->context = *context;
	int rc = open_queues(routes, err);
	if (rc < 0) {
		server_routes_stop(routes);
		return rc;
	}
	routes->status = (struct status_api){context->status, routes->background};
	status_routes(routes->ui, &routes->status);
	routes->ui_count = STATUS_ROUTE_COUNT;
	add_otlp(routes);
	if (context->store)
		add_clickhouse(routes);
	add_metrics(routes);
	if (context->store) {
		/* Last, as it answers every path that no other route has. */
		memcpy(routes->ui + routes->ui_count, ui_routes, sizeof(ui_routes));
		routes->ui_count += UI_ROUTE_COUNT;
	}
	listen(routes);
	*out = routes;
	return 0;
}

void server_routes_cancel(struct server_routes *routes)
{
	query_queue_cancel(routes->queries);
}

void server_routes_stop(struct server_routes *routes)
{
	if (!routes)
		return;
	background_free(routes->background);
	query_queue_free(routes->queries);
	engine_metrics_free(routes->engine_metrics);
	free(routes);
}
