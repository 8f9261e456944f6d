/*
 * The engine process: ClickHouse's HTTP interface over libchdb. The server starts one as
 * a child (store/supervisor.h) and talks to it over a Unix socket as it would to any
 * ClickHouse; it can also run alone on a TCP address.
 *
 * Served: GET and POST /, /ping, /replicas_status. Parameters and headers as in
 * ClickHouse's documentation of its HTTP interface; what is not a known parameter is a
 * setting. Over TCP, and wherever the request carries `readonly`, statements that reach
 * files or the network are refused (store/statement.h).
 */
#ifndef TRIPOD_STORE_ENGINE_H
#define TRIPOD_STORE_ENGINE_H

#include <stdint.h>

#include "base/status.h"

struct chdb_api;

struct engine_options {
	const char *data; /* directory; created when it is not there */
	const char *listen; /* "unix:/path" (mode 0600) or "127.0.0.1:8123" */
	const char *libchdb; /* path of libchdb.so; NULL: looked for (store/chdb.h) */
	const char *config_file; /* ClickHouse XML; NULL: none */
	uint64_t memory_limit; /* bytes; 0: none */
	unsigned max_queries; /* at once; 0: 100 */
	unsigned max_inserts; /* at once; 0: 32 */
	/*
	 * A file descriptor on which "ready <address>\n" is written once requests are served;
	 * -1: none. It is closed then.
	 */
	int ready_fd;
	int die_with_parent; /* PR_SET_PDEATHSIG and a session of its own (setsid) */
};

struct engine;

/* Opens the data and listens. For tests, `api` stands for the library; NULL: it is loaded. */
int engine_start(struct engine **out, const struct engine_options *options,
		 const struct chdb_api *api, struct error *err);
/* As bound: "127.0.0.1:43817" or "unix:/path". */
const char *engine_address(const struct engine *engine);
/* Lets running requests finish for `grace_ms`, cancels the rest, closes the data. */
void engine_stop(struct engine *engine, unsigned grace_ms);

/* Start, serve until SIGTERM or SIGINT, stop: the body of `tripod engine`. 0 or the failure. */
int engine_run(const struct engine_options *options, struct error *err);

#endif
