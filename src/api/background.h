/*
 * Handlers that may block: they run on a thread of a few, with a copy of the request, and
 * answer through a bridge, so that a disk or an engine that hangs never holds up a loop.
 */
#ifndef TRIPOD_API_BACKGROUND_H
#define TRIPOD_API_BACKGROUND_H

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"

struct background;
struct bridge;
struct chunk_pool;
struct http_request;

/* `pool` is borrowed. NULL when out of memory. */
struct background *background_new(struct chunk_pool *pool);
/* Waits for what runs. */
void background_free(struct background *background);

/* A request on its thread. All strings live as long as it. */
struct background_call {
	struct bridge *answer; /* to be answered exactly once, by bridge_respond */
	struct slice path, query; /* decoded; raw */
	struct slice accept; /* the header; "" when there is none */
	struct arena arena;
	void *ctx;
	void (*run)(struct background_call *call);
};

/*
 * For a route's handler: calls run(call) on a thread, with call->ctx = ctx. When too many
 * wait, or memory is short, 503 is answered here.
 */
void background_run(struct background *background, struct http_request *req,
		    void (*run)(struct background_call *call), void *ctx);

/* A text as answer, a line end added; or the message of `err` with its status' HTTP code. */
void background_respond_text(struct background_call *call, int code, const char *text);
void background_respond_error(struct background_call *call, const struct error *err);

#endif
