/* The running program: everything that `tripod server` (or agent) owns, brought up and down in order. */
#ifndef TRIPOD_APP_SERVER_H
#define TRIPOD_APP_SERVER_H

#include "app/config.h"

struct server;

enum server_role { SERVER_FULL, SERVER_AGENT /* no store, no UI */ };

/* What the program around it does for the server. */
struct server_hooks {
	/* POST /-/reload: 0 when a reload is under way, INVALID with the mistakes; from any thread. */
	int (*reload)(void *ctx, struct server *server, struct buf *messages);
	void *ctx;
};

/*
 * Starts everything; returns when receivers listen (the store may still come up behind
 * them). `config` is borrowed for the server's life, also when another one takes its place.
 */
int server_start(struct server **out, const struct config *config, enum server_role role,
		 const struct server_hooks *hooks, struct error *err);
/*
 * Whether the addresses that `config` listens on are free, or the server's own already; else
 * INVALID. From any thread that a stop of the server waits for.
 */
int server_check(struct server *server, const struct config *config, struct error *err);
/*
 * Goes on with another configuration, if server_check finds nothing. Receivers, exporters, listeners are made anew; what is
 * in `storage` stays as it was at the start. `config` is borrowed until the next one is in
 * use or the server stops. On failure the old configuration runs again
 * (IO: it does not, stop the server).
 */
int server_reload(struct server *server, const struct config *config, struct error *err);
/* Refuses new requests, finishes those that are there, leaves the rest to the durable log. */
void server_stop(struct server *server);

/* Prints where it listens and how to send the first data, for a person. */
void server_print_welcome(struct server *server, struct buf *out);
/* True when the store is ready; whether all listeners could be started is not looked at. */
bool server_is_ready(struct server *server, struct error *why);

#endif
