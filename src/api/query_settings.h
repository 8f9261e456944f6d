/*
 * What a user's request of ClickHouse's HTTP interface carries beside its statement, and
 * what of it goes to the store: a list of settings that users may give, limits that they
 * may lower, and what is Tripod's own business.
 */
#ifndef TRIPOD_API_QUERY_SETTINGS_H
#define TRIPOD_API_QUERY_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/sql_access.h"
#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"
#include "store/client.h"

/* Of one query; 0: no limit. */
struct sql_limits {
	uint64_t max_execution_ms;
	uint64_t max_memory; /* bytes */
	uint64_t max_result_rows, max_result_bytes; /* more is an error, not a shorter answer */
};

/* A request, taken apart. All strings live in the arena it was read into. */
struct query_request {
	struct slice query; /* the parameter; ptr NULL when there was none */
	const char *query_id; /* NULL: none */
	bool compress; /* enable_http_compression */
	struct sql_param *params;
	size_t param_count;
	struct store_option *options; /* for the store: settings, limits, readonly=1, param_… */
	size_t option_count;
	struct sql_limits limits; /* as they came out */
	struct arena *arena; /* borrowed */
	const char *database;
};

/*
 * Reads `raw` (a URL's query string). `database` is the telemetry database's name; it, and
 * "default" in its place, are the only ones a request may choose. `format` (may be NULL) is
 * the X-ClickHouse-Format header. Failures' messages have ClickHouse's form.
 */
int query_request_read(struct query_request *out, struct slice raw, const char *format,
		       const char *database, const struct sql_limits *limits, struct arena *arena,
		       struct error *err);
/*
 * Takes the settings of a SETTINGS clause at the end of `sql` as if they stood in the URL,
 * and overwrites the clause with blanks: with readonly=1 the store would refuse it. A clause
 * of another shape than name = literal, … is left as it is, for sql_access_check to refuse.
 */
int query_request_take_clause(struct query_request *request, char *sql, size_t len,
			      struct error *err);
/* Adds the limits, and readonly=1, behind all settings, so that they hold. */
int query_request_finish(struct query_request *request, struct error *err);

#endif
