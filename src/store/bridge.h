/*
 * Between the loop, on which a request lives, and the worker thread that answers it with
 * calls that block: the body goes one way and the answer the other, each through a bounded
 * queue. A full queue holds up its writer: the sender by http_request_pause, the worker by
 * waiting.
 */
#ifndef TRIPOD_STORE_BRIDGE_H
#define TRIPOD_STORE_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/chunk.h"
#include "base/slice.h"
#include "base/status.h"

struct http_request;
struct bridge;

/* --- on the loop ------------------------------------------------------------------ */

/*
 * Two references: the loop's, which goes when the answer is complete, and the worker's
 * (bridge_unref). `pool` is where the pieces' memory comes from. NULL: no memory.
 */
struct bridge *bridge_new(struct http_request *req, struct chunk_pool *pool);
/* A piece of the body. Returns the bytes that wait for the worker. */
size_t bridge_put(struct bridge *b, struct slice data);
/* The body is whole. */
void bridge_put_end(struct bridge *b);
/* The client has gone, or its body broke off: the worker's calls return CANCELLED. */
void bridge_put_gone(struct bridge *b);

/* --- on the worker ---------------------------------------------------------------- */

void bridge_unref(struct bridge *b);
bool bridge_is_gone(struct bridge *b);
/*
 * Waits for the next piece of the body: 1 and a reference the caller owns; 0 when the
 * body ended whole; CANCELLED.
 */
int bridge_read(struct bridge *b, struct chunk **out, struct error *err);

/* A header of the answer; before its first byte. Copied. */
void bridge_header(struct bridge *b, const char *name, const char *value);
/* A whole answer. The bytes are copied. */
void bridge_respond(struct bridge *b, int code, const char *content_type, struct slice body);
/* An answer in pieces: start, write…, then end or break. */
void bridge_start(struct bridge *b, int code, const char *content_type);
/* Copies; waits while the client is slow. 0, CANCELLED or NO_MEMORY. */
int bridge_write(struct bridge *b, struct slice data, struct error *err);
void bridge_end(struct bridge *b);
/* Sends what was written, then breaks the connection. */
void bridge_break(struct bridge *b);

#endif
