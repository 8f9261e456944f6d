/*
 * page: serves the web page alone on a free port, for tests; writes "ready ADDRESS\n" to its
 * output, and ends when its input does.
 */
#include <stdio.h>
#include <unistd.h>

#include "api/ui.h"
#include "base/chunk.h"
#include "net/loop.h"

int main(void)
{
	struct error err = {0};
	struct loop *loop;
	struct http_server *server;
	struct http_server_options options = {
		.name = "ui",
		.address = "127.0.0.1:0",
		.check_host = true,
		.routes = ui_routes,
		.route_count = UI_ROUTE_COUNT,
		.pool = chunk_pool_new((size_t)16 << 20),
	};
	if (!options.pool || loop_new(&loop, "page", &err) ||
	    http_server_start(&server, &loop, 1, &options, &err)) {
		fprintf(stderr, "%s\n", err.message);
		return 1;
	}
	printf("ready %s\n", http_server_address(server));
	fflush(stdout);
	for (char byte; read(STDIN_FILENO, &byte, 1) > 0;)
		continue;
	return 0;
}
