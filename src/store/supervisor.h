/*
 * Keeps an engine process (store/engine.h) running as a child: starts it, waits until it
 * is ready, starts it again when it ends, and stops it. Its log lines go into this
 * process's log, behind "engine: ".
 *
 * The child dies with this process (PR_SET_PDEATHSIG); one that is left over from a killed
 * server all the same is stopped before a new one is started on its directory.
 */
#ifndef TRIPOD_STORE_SUPERVISOR_H
#define TRIPOD_STORE_SUPERVISOR_H

#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"

struct supervisor;

struct supervisor_options {
	const char *program; /* NULL: this program (/proc/self/exe). Run as `program engine …`. */
	const char *data, *listen; /* as in struct engine_options */
	const char *libchdb, *config_file; /* or NULL */
	uint64_t memory_limit;
	unsigned grace_ms; /* between SIGTERM and SIGKILL; 0: 10 s */
};

enum supervisor_state {
	SUPERVISOR_STARTING, /* runs, and is not ready yet */
	SUPERVISOR_READY,
	SUPERVISOR_WAITING, /* ended; will be started again when the back-off is over */
	SUPERVISOR_STOPPED,
};

struct supervisor_status {
	enum supervisor_state state;
	pid_t pid; /* 0 when none runs */
	unsigned restarts; /* starts after the first one */
	uint64_t rss; /* bytes */
	int64_t since_ns; /* clock_monotonic_ns of the last change of state */
	char address[128]; /* "" until it was ready once */
	char last_error[500]; /* why it ended last; "" when it never did */
};

/* Starts the thread that does it all; returns before the engine is ready. */
int supervisor_start(struct supervisor **out, const struct supervisor_options *options,
		     struct error *err);
/* 0 once the engine is ready; TIMEOUT with the engine's last words when it is not in time. */
int supervisor_wait_ready(struct supervisor *supervisor, unsigned timeout_ms, struct error *err);
void supervisor_get_status(struct supervisor *supervisor, struct supervisor_status *out);
/* Stops the engine, orderly if it lets itself, and waits until it is gone. Accepts NULL. */
void supervisor_stop(struct supervisor *supervisor);

/* "starting", "ready", … */
const char *supervisor_state_name(enum supervisor_state state);

#endif
