/*
 * Unary gRPC calls over one HTTP/2 connection. A client is one connection: it is made
 * with the connection, takes any number of calls at once, and when the connection fails
 * or the server asks it to leave (GOAWAY) it takes no new ones; then the caller makes
 * another, when it sees fit. Everything happens on the loop's thread.
 */
#ifndef TRIPOD_NET_GRPC_CLIENT_H
#define TRIPOD_NET_GRPC_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/chunk.h"
#include "base/slice.h"
#include "net/grpc.h"
#include "net/http.h"

struct grpc_client;
struct grpc_call;
struct loop;
struct tls_client; /* net/tls.h */

struct grpc_client_options {
	const char *address; /* "collector:4317", "[::1]:4317", "unix:/path" */
	const char *authority; /* of the :authority header; NULL: the address. Borrowed. */
	struct tls_client *tls; /* NULL: cleartext. Borrowed. */
	struct chunk_pool *pool; /* for what is sent and received. Borrowed. */
	unsigned connect_timeout_ms; /* with TLS's handshake; 0: 10 s */
	size_t max_answer; /* bytes of one answer; 0: 4 MiB */
	/*
	 * Called once when no new calls are taken any more, and why: the connection failed, or
	 * GOAWAY. Open calls are told by themselves. May be NULL; may close the client.
	 */
	void (*on_closed)(struct grpc_client *client, const struct error *err, void *arg);
	void *arg;
};

/* Begins to connect. Calls may be made at once; they are sent when it is done. */
int grpc_client_open(struct grpc_client **out, struct loop *loop,
		     const struct grpc_client_options *options, struct error *err);
/* Open calls end as CANCELLED before this returns. The client must not be used afterwards. */
void grpc_client_close(struct grpc_client *client);
/* Whether new calls are taken. */
bool grpc_client_is_open(const struct grpc_client *client);

struct grpc_result {
	enum grpc_code code;
	struct slice text; /* what the server, or we, say about a failure; UTF-8 is not checked */
	struct slice message; /* of an OK answer, not compressed */
	int64_t retry_after_ms; /* google.rpc.RetryInfo; -1: none was sent */
	bool not_processed; /* the server has certainly not looked at it */
};

struct grpc_call_options {
	const char *path; /* "/package.Service/Method" */
	struct slice message;
	struct chunk
		*owner; /* what `message` lies in (a reference is taken), or NULL: it is copied */
	const char *encoding; /* `message` is compressed so: "gzip"; NULL: it is not */
	const struct http_header *headers; /* further ones, names in lower case; copied */
	size_t header_count;
	unsigned timeout_ms; /* also sent as grpc-timeout; 0: none */
	/* Called exactly once, never from within grpc_client_call. The result is valid during the call. */
	void (*done)(struct grpc_call *call, const struct grpc_result *result, void *arg);
	void *arg;
};

/* Returns the call, or NULL (and then `done` is not called) with AGAIN when the client is not open. */
struct grpc_call *grpc_client_call(struct grpc_client *client,
				   const struct grpc_call_options *options, struct error *err);
/* Ends the call as CANCELLED, soon; before its `done` was called. */
void grpc_call_cancel(struct grpc_call *call);

#endif
