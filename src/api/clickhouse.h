/*
 * ClickHouse's HTTP interface for users: what GET and POST carry goes to the store, checked
 * and with limits, and its answer comes back as the store gives it, exceptions and their
 * headers included (https://clickhouse.com/docs/interfaces/http).
 *
 * A statement is checked by api/sql_access.h, settings by api/query_settings.h; it waits in
 * the query queue, runs on one of its threads, and is streamed through a bridge that holds
 * some megabytes at most. When the client goes away, so does the query in the store.
 */
#ifndef TRIPOD_API_CLICKHOUSE_H
#define TRIPOD_API_CLICKHOUSE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "api/query_settings.h"
#include "net/http.h"

struct chunk_pool;
struct query_queue;
struct store_client;

/* For metrics; zero at first. */
struct clickhouse_counts {
	atomic_ullong answered; /* whole, with 200 */
	atomic_ullong failed; /* the store's exceptions, and answers that broke off */
	atomic_ullong denied; /* not allowed, or malformed: the store was not asked */
	atomic_ullong refused; /* too many at once */
	atomic_ullong cancelled; /* the client went away, or the server stopped them */
	atomic_ullong bytes; /* of bodies of answers */
};

/* What the routes need; all borrowed, for as long as they are served. */
struct clickhouse_api {
	struct store_client *store;
	struct query_queue *queue;
	struct chunk_pool *pool;
	const char *database; /* the telemetry database */
	struct sql_limits limits;
	size_t max_statement; /* bytes, decompressed; 0: 4 MiB */
	unsigned max_wait_ms; /* in the queue; 0: 30 s */
	struct clickhouse_counts *counts;
};

#define CLICKHOUSE_MAX_ROUTES 6
/*
 * Fills `routes` for a listener where `prefix` is "" (8123) or "/clickhouse" (3000), and
 * returns how many there are: queries at "<prefix>/" (and at the prefix itself),
 * "<prefix>/ping", "<prefix>/replicas_status". Queries ask for ACCESS_READ, the others for
 * nothing. `api` is their context.
 */
size_t clickhouse_routes(struct http_route routes[CLICKHOUSE_MAX_ROUTES], const char *prefix,
			 struct clickhouse_api *api);

#endif
