/*
 * What the program's own ports answer: the UI's (3000) and ClickHouse's (8123). Made anew
 * at each reload.
 */
#ifndef TRIPOD_APP_SERVER_ROUTES_H
#define TRIPOD_APP_SERVER_ROUTES_H

#include "api/status.h"

struct access;
struct clickhouse_counts;
struct config;
struct graph;
struct listeners;
struct server_routes;
struct store_client;

/* Everything is borrowed. */
struct server_routes_context {
	const struct config *config;
	const char *database; /* the store's, whatever the configuration says */
	const struct graph *graph;
	const struct status_source *status;
	struct store_client *store; /* NULL in an agent */
	struct listeners *listeners;
	struct chunk_pool *chunks;
	struct clickhouse_counts *query_counts;
};

/* Starts the listeners. */
int server_routes_start(struct server_routes **out, const struct server_routes_context *context,
			struct error *err);
/* Ends the users' queries, with an error that says why; more of them get it at once. */
void server_routes_cancel(struct server_routes *routes);
/* After the listeners were stopped. Accepts NULL. */
void server_routes_stop(struct server_routes *routes);

#endif
