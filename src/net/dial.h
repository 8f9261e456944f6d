/* Resolving a name and connecting to it, without blocking. Private to net/. */
#ifndef TRIPOD_NET_DIAL_H
#define TRIPOD_NET_DIAL_H

#include <uv.h>

#include "base/status.h"

struct dial;

/*
 * Connects to "host:port", "[v6]:port" or "unix:/path"; of a name's addresses the first
 * that answers. `done` gets the connected socket, its to close, or -1 and the reason; it
 * is never called from within dial_start, and then the dial is over. On the loop's thread.
 */
int dial_start(struct dial **out, uv_loop_t *uv, const char *address,
	       void (*done)(void *arg, int fd, const struct error *err), void *arg,
	       struct error *err);
/* Before `done` was called; it will not be. */
void dial_cancel(struct dial *dial);
/* The host alone, without brackets and port; at most `size` bytes. False: not an address. */
int dial_split(const char *address, char *host, size_t size, const char **port, struct error *err);

#endif
