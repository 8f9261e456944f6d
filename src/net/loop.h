/*
 * An event loop on a thread of its own: a uv_loop_t and a queue through which other
 * threads hand work to it.
 */
#ifndef TRIPOD_NET_LOOP_H
#define TRIPOD_NET_LOOP_H

#include <stdint.h>
#include <uv.h>

#include "base/status.h"

struct loop;

/* A piece of work in memory that its poster owns; it may be reused or freed once `fn` was called. */
struct loop_task {
	struct loop_task *next;
	void (*fn)(void *arg);
	void *arg;
};

/* Starts the thread. `name` shows in stack traces and `top -H`, at most 15 characters. */
int loop_new(struct loop **out, const char *name, struct error *err);
/*
 * Stops the loop once its handles are closed, joins the thread, frees it. Not on its own
 * thread. Work posted until then is run; nobody may post during the call but the loop itself.
 */
void loop_free(struct loop *loop);
/* For use on the loop's own thread only. */
uv_loop_t *loop_uv(struct loop *loop);
/*
 * Runs fn(arg) on the loop's thread, soon, in the order of the calls. From any thread.
 * Returns 0 or STATUS_NO_MEMORY.
 */
int loop_post(struct loop *loop, void (*fn)(void *arg), void *arg);
/* The same, in memory of the caller's: cannot fail. The task must not be posted already. */
void loop_post_task(struct loop *loop, struct loop_task *task);
/* True on the loop's own thread. */
int loop_is_current(const struct loop *loop);
/*
 * When the loop last went round (clock_monotonic_ns), to notice one that is stuck; a healthy
 * loop goes round once a second at least. From any thread.
 */
int64_t loop_last_turn(const struct loop *loop);

#endif
