/*
 * The routes for users in front of an engine, for tests of src/api without the whole server:
 *   api_server --store URL [--max-running N] [--max-rows N] [--max-seconds N]
 * Prints "ready ADDRESS" and serves until its standard input ends.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/clickhouse.h"
#include "api/query_queue.h"
#include "base/chunk.h"
#include "net/loop.h"
#include "store/client.h"

struct settings {
	const char *store;
	unsigned max_running;
	struct sql_limits limits;
};

static bool parse(struct settings *s, int argc, char **argv)
{
	static const struct option options[] = {
		{"store", required_argument, NULL, 's'},
		{"max-running", required_argument, NULL, 'q'},
		{"max-rows", required_argument, NULL, 'r'},
		{"max-seconds", required_argument, NULL, 't'},
		{0},
	};
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		unsigned long long number = c == 's' ? 0 : strtoull(optarg ? optarg : "", NULL, 10);
		switch (c) {
		case 's':
			s->store = optarg;
			break;
		case 'q':
			s->max_running = (unsigned)number;
			break;
		case 'r':
			s->limits.max_result_rows = number;
			break;
		case 't':
			s->limits.max_execution_ms = number * 1000;
			break;
		default:
			return false;
		}
	}
	return s->store != NULL;
}

static int serve(const struct settings *s, struct error *err)
{
	struct store_endpoint endpoint = {.url = s->store, .database = "default"};
	struct query_queue_options queue = {.max_running = s->max_running};
	struct clickhouse_api api = {.database = "default", .limits = s->limits};
	struct http_route routes[2 * CLICKHOUSE_MAX_ROUTES];
	struct loop *loop;
	struct http_server *server;
	int rc = store_client_new(&api.store, &endpoint, err);
	if (rc == 0)
		rc = loop_new(&loop, "test", err);
	if (rc)
		return rc;
	api.pool = chunk_pool_new((size_t)16 << 20);
	api.queue = query_queue_new(&queue);
	size_t count = clickhouse_routes(routes, "", &api);
	count += clickhouse_routes(routes + count, "/clickhouse", &api);
	struct http_server_options options = {.name = "test",
					      .address = "127.0.0.1:0",
					      .check_host = true,
					      .routes = routes,
					      .route_count = count,
					      .pool = api.pool};
	rc = http_server_start(&server, &loop, 1, &options, err);
	if (rc)
		return rc;
	printf("ready %s\n", http_server_address(server));
	fflush(stdout);
	char byte;
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	struct settings settings = {.store = NULL};
	struct error err = {0};
	if (!parse(&settings, argc, argv)) {
		fprintf(stderr, "usage: api_server --store URL …\n");
		return 2;
	}
	if (serve(&settings, &err)) {
		fprintf(stderr, "%s\n", err.message);
		return 1;
	}
	return 0;
}
