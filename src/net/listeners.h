/*
 * All listeners of the program: started with what is common to them, listed for the
 * status page, stopped together. One whose address is taken is reported; the rest works.
 * Used by the thread that starts and stops the program; listeners_get by any.
 */
#ifndef TRIPOD_NET_LISTENERS_H
#define TRIPOD_NET_LISTENERS_H

#include "net/http.h"
#include "net/tls_options.h"

struct access; /* api/access.h; only handed through */
struct listeners;

struct listeners_options {
	struct loop *const *loops; /* borrowed */
	size_t loop_count;
	struct chunk_pool *chunks;
	size_t max_pool_use; /* see struct http_server_options */
	/* Sets authorize and check_host by the listener's address; NULL: all are open. */
	void (*guard)(const struct access *access, struct http_server_options *listener);
	const struct access *access;
	const char *const *allowed_hosts; /* names beside loopback's in Host headers */
	size_t allowed_host_count;
};

int listeners_new(struct listeners **out, const struct listeners_options *options,
		  struct error *err);
/* Stops every listener, letting requests finish for `grace_ms`; returns when all are closed. */
void listeners_stop(struct listeners *listeners, unsigned grace_ms);
/* After listeners_stop. */
void listeners_free(struct listeners *listeners);

/*
 * Starts one. Of `options`, loops, pool, TLS, authorize, check_host and allowed hosts are filled
 * in here. `tls` NULL: cleartext. `setting` is the option that moves it ("receivers.otlp.protocols.grpc.endpoint"),
 * for the message. A failure is logged and listed; the status is returned.
 */
int listeners_add(struct listeners *listeners, const struct http_server_options *options,
		  const struct tls_listen_options *tls, const char *setting);

/*
 * Whether `address` could be listened on once what `listeners` has is closed; a port that
 * they have counts as free, at whatever address.
 */
int listeners_probe(struct listeners *listeners, const char *address, struct error *err);

/* A listener; strings live as long as `listeners`. */
struct listener_info {
	const char *name;
	const char *address; /* as bound; as asked for when there is an error */
	const char *error; /* NULL: it listens */
	bool tls;
};
/* The `index`th listener; false behind the last. */
bool listeners_get(struct listeners *listeners, size_t index, struct listener_info *out);

#endif
