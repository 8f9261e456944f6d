/*
 * How the server is: /-/healthy, /-/ready, /-/status, and what an operator may do:
 * /-/flush, /-/reload, the quarantine.
 *
 * GET    /-/healthy                 200 while the program runs
 * GET    /-/ready                   200, or 503 with the reasons, one a line
 * GET    /-/status                  JSON, see below
 * POST   /-/flush[?timeout=30s]     200 when all that was accepted before can be queried;
 *                                   504 with what is in the way
 * POST   /-/reload                  200, or 400 with what is wrong in the configuration
 * GET    /-/quarantine              JSON: {"entries":[{id, exporter, target, reason, time,
 *                                   rows, cut_id}]}
 * POST   /-/quarantine/{id}/retry   200, or what is in the way
 * DELETE /-/quarantine/{id}         200
 *
 * /-/status: {"version", "ready", "reasons": […], "started" (RFC 3339), "uptime_seconds",
 * "pid", "balanced", "engine": {"state", "pid"?, "restarts", "rss_bytes"},
 * "listeners": [{"name", "address", "error"?}], "log": {…}, "receivers": [{"receiver",
 * "signal", "received", "accepted", "rejected": {reason: n}, "refused": {…}, "requests",
 * "malformed_requests", "bytes", "balanced"}], "exporters": [{"exporter", "signal",
 * "accepted", "delivered", "queued", "filtered", "quarantined", "failed_attempts",
 * "filtered_reasons": {reason: n} (since the start),
 * "watermark" (RFC 3339, or null: nothing waits), "lag_seconds", "balanced"}],
 * "quarantine": {"entries", "rows"}, "disk": {"path", "free_bytes", "size_bytes"}}
 */
#ifndef TRIPOD_API_STATUS_H
#define TRIPOD_API_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "net/http.h"

struct background;
struct ledger;
struct quarantine;
struct wal;

struct status_engine {
	const char *
		state; /* "ready", "starting", "waiting", "stopped"; "external": a server of the user's; "none" */
	int pid; /* 0: none of ours */
	unsigned restarts; /* since the server started, the first start apart */
	uint64_t rss; /* bytes; 0: not known */
};

struct status_listener {
	const char *name; /* "otlp/grpc" */
	const char *address; /* as bound; as wanted when that failed */
	const char *error; /* NULL: it listens */
};

/*
 * What app gives: borrowed, and the functions callable from any thread. Those of the first
 * group must not block; those of the second may, they are called on a thread for that.
 * What is NULL is left out of answers, or answered with 501.
 */
struct status_source {
	const char *version;
	int64_t started_ns; /* clock_unix_ns at the start */
	struct wal *wal;
	struct ledger *ledger;
	struct quarantine *quarantine;
	const char *data_dir; /* whose file system's space is shown */
	void *ctx; /* of all functions */

	/* True when ready; else appends the reasons to `why`, each a line. */
	bool (*ready)(void *ctx, struct buf *why);
	void (*engine)(void *ctx, struct status_engine *out);
	/* The `index`th listener; false behind the last. */
	bool (*listener)(void *ctx, size_t index, struct status_listener *out);

	/* 0 when all that was accepted before the call is delivered; TIMEOUT with what is in the way. */
	int (*flush)(void *ctx, unsigned timeout_ms, struct error *err);
	/* 0, or INVALID with the configuration's mistakes in `messages`. */
	int (*reload)(void *ctx, struct buf *messages);
	/* Sends a quarantined entry again; 0 when it was stored, and is gone from the quarantine. */
	int (*retry)(void *ctx, const char *id, struct error *err);
};

/* The context of the routes. */
struct status_api {
	const struct status_source *source;
	struct background *background;
};

#define STATUS_ROUTE_COUNT 8
/* health and readiness are open to all; status asks for ACCESS_READ, what acts for ACCESS_ADMIN. */
void status_routes(struct http_route routes[STATUS_ROUTE_COUNT], struct status_api *api);

/* The body of /-/status. May read files and so block. */
void status_append_json(const struct status_source *source, struct buf *out);

#endif
