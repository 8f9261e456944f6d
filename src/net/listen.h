/* A listening socket, by its address as text. Private to net/. */
#ifndef TRIPOD_NET_LISTEN_H
#define TRIPOD_NET_LISTEN_H

#include "base/status.h"

struct listener {
	int fd; /* -1: closed */
	char address[160]; /* as bound, with the real port; "unix:/path" */
	char unix_path[108]; /* removed when closed; "" for TCP */
};

void listener_init(struct listener *listener);
/*
 * "127.0.0.1:4317", "[::1]:0", "localhost:80", ":80" (every address), "unix:/path". A Unix
 * socket that nobody serves any more is replaced; the new one is for its owner alone (mode 0600).
 */
int listener_open(struct listener *listener, const char *address, struct error *err);
void listener_close(struct listener *listener);
void listener_release(struct listener *listener);

#endif
