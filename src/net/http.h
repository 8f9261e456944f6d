/*
 * One request and one response type for HTTP/1.1 and HTTP/2, with or without TLS.
 * gRPC (net/grpc.h) is a thin layer on it.
 *
 * Threads: a request belongs to the loop its connection lives on, and every function
 * here is called on that loop's thread. A handler may finish later: it keeps the request
 * pointer, which stays valid until it has called http_respond, http_respond_end or
 * http_respond_break exactly once, also when the client has gone meanwhile (writes are
 * then discarded, and on_gone was called). Work on other threads comes back with
 * loop_post (net/loop.h).
 */
#ifndef TRIPOD_NET_HTTP_H
#define TRIPOD_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/chunk.h"
#include "base/slice.h"
#include "base/status.h"

struct loop;
struct http_request;
struct arena;

struct http_header {
	struct slice name; /* lower case */
	struct slice value;
};

/* The roles a route can ask for; a caller with a higher role may use it too. */
enum access_role { ACCESS_OPEN, ACCESS_INGEST, ACCESS_READ, ACCESS_ADMIN };

/*
 * How a route takes its body.
 * WHOLE: `handle` runs once the body is complete, contiguous in http_request_body(),
 *        sealed (CHUNK_PADDING zero bytes behind it), at most the listener's max_body
 *        (else 413 was answered already). It is as it came: Content-Encoding is not undone.
 * STREAM: `handle` runs as soon as the headers are there; it must call
 *        http_request_on_body, which then receives the pieces.
 */
enum http_body_mode { HTTP_BODY_WHOLE, HTTP_BODY_STREAM };

struct http_route {
	const char *method; /* "GET"; NULL for any. GET routes answer HEAD too. */
	const char *path; /* exact; or a prefix when it ends in '*' */
	enum http_body_mode body;
	enum access_role role;
	void (*handle)(struct http_request *req, void *ctx);
	void *ctx;
};

/* --- the request ------------------------------------------------------------------ */

struct slice http_request_method(const struct http_request *req);
struct slice http_request_path(const struct http_request *req); /* percent-decoded */
struct slice http_request_query(const struct http_request *req); /* raw, without '?' */
/* The value of header `name` (lower case), or a slice with ptr NULL. */
struct slice http_request_header(const struct http_request *req, const char *name);
/* All headers in the order they came. */
const struct http_header *http_request_headers(const struct http_request *req, size_t *count);
/* The decoded value of query parameter `name`; ptr NULL when absent. Lives in the request's arena. */
struct slice http_request_param(struct http_request *req, const char *name);
/* The same for its `index`th occurrence, from 0: match[]=a&match[]=b. (A form in a body: net/form.h.) */
struct slice http_request_param_at(struct http_request *req, const char *name, size_t index);
/* "127.0.0.1:51234", or "unix". */
const char *http_request_peer(const struct http_request *req);
bool http_request_is_http2(const struct http_request *req);
enum access_role http_request_role(const struct http_request *req);
struct loop *http_request_loop(const struct http_request *req);
/* Memory that lives as long as the request. */
struct arena *http_request_arena(struct http_request *req);
/* WHOLE routes: the body, owned by the request; take a reference to keep it longer. */
struct chunk *http_request_body(struct http_request *req);

/*
 * STREAM routes. `on_data` gets each piece (valid during the call); `on_end` once, when
 * the message's framing completed: only then may its content be taken as whole.
 * After http_request_pause no more pieces come until http_request_resume; the peer is
 * slowed down by TCP or the HTTP/2 window.
 */
void http_request_on_body(struct http_request *req,
			  void (*on_data)(struct http_request *req, struct slice data, void *arg),
			  void (*on_end)(struct http_request *req, void *arg), void *arg);
void http_request_pause(struct http_request *req);
void http_request_resume(struct http_request *req);

/*
 * Calls `gone` once if the client goes away (or the body breaks off) before the answer is
 * complete. An HTTP/1 client that closed only its sending side looks the same, and counts
 * as gone; an answer that is given nevertheless still reaches it.
 */
void http_request_on_gone(struct http_request *req,
			  void (*gone)(struct http_request *req, void *arg), void *arg);

/* --- the response ----------------------------------------------------------------- */

/* Adds a header to the answer to come; both strings are copied. */
void http_respond_header(struct http_request *req, const char *name, const char *value);

/* A whole answer. `body` is copied. Content-Length, Date and framing are added. */
void http_respond(struct http_request *req, int code, const char *content_type, struct slice body);
/* As above without a copy: takes over the caller's reference. */
void http_respond_chunk(struct http_request *req, int code, const char *content_type,
			struct chunk *body);
/* {"error": {...}} is not this layer's business: a plain text message with the status' HTTP code. */
void http_respond_error(struct http_request *req, const struct error *err);

/* An answer in pieces: start, write…, end. */
void http_respond_start(struct http_request *req, int code, const char *content_type);
/*
 * Sends one piece (copied). Returns the bytes that wait to be sent; a writer stops above
 * some bound of its own and goes on when `drained` (see below) is called.
 */
size_t http_respond_write(struct http_request *req, struct slice data);
/* `drained` is called each time the bytes waiting fall to zero. */
void http_respond_on_drained(struct http_request *req,
			     void (*drained)(struct http_request *req, void *arg), void *arg);
/* Ends the answer. Trailers (may be NULL) are sent on HTTP/2, and with chunked coding on HTTP/1.1. */
void http_respond_end(struct http_request *req, const struct http_header *trailers, size_t count);
/*
 * Breaks the connection (HTTP/2: resets the stream), so that the answer cannot be taken for
 * whole. What was written before is sent first.
 */
void http_respond_break(struct http_request *req);

/* The HTTP code of a status: INVALID 400, LIMIT 413, AGAIN 503, NO_SPACE 507, … */
int http_code_of_status(enum status status);

/* --- the server ------------------------------------------------------------------- */

struct http_server;
struct tls_server; /* net/tls.h */

struct http_server_options {
	const char *name; /* for messages: "otlp/grpc" */
	const char *address; /* "127.0.0.1:4317", "[::1]:0", "unix:/path" */
	struct tls_server *tls; /* NULL: cleartext. Borrowed. */
	size_t max_body; /* bytes of one message as it comes; 0: 20 MiB */
	/*
	 * Bytes in use of `pool` from which a body may not grow beyond 64 KiB (503 is answered), so
	 * that senders who stop in the middle of large requests cannot take all memory; 0: none.
	 */
	size_t max_pool_use;
	size_t max_header; /* bytes of all headers; 0: 64 KiB */
	unsigned idle_timeout_ms; /* keep-alive without a request; 0: 75 s */
	unsigned read_timeout_ms; /* between two reads while a request is incomplete; 0: 30 s */
	unsigned
		request_timeout_ms; /* from the first byte of a request until it is whole (STREAM: its head); 0: 120 s */
	unsigned write_timeout_ms; /* without the peer taking a byte of its answer; 0: 60 s */
	unsigned max_connections; /* 0: 4096; further ones are closed at once */
	bool http2; /* accept HTTP/2: by ALPN, or by its preface in cleartext */
	bool check_host; /* loopback rule: Host and Origin must be a loopback name or `allowed_hosts` */
	const char *const *allowed_hosts;
	size_t allowed_host_count;
	/*
	 * Decides a caller's role. NULL: everyone has ACCESS_ADMIN. Returns a negative status with a
	 * message (401 or 403 is answered) or the role.
	 */
	int (*authorize)(struct http_request *req, void *ctx, struct error *err);
	void *authorize_ctx;
	const struct http_route *routes; /* first match wins; borrowed for the server's life */
	size_t route_count;
	struct chunk_pool *pool; /* where bodies come from */
};

/* Listens on every loop of `group`. On failure says which address, and why. */
int http_server_start(struct http_server **out, struct loop *const *loops, size_t loop_count,
		      const struct http_server_options *options, struct error *err);
/* Whether `address` could be listened on now; nothing stays open. */
int http_address_probe(const char *address, struct error *err);
/* The address as bound, with the real port: "127.0.0.1:43817". */
const char *http_server_address(const struct http_server *server);
/*
 * Stops accepting, tells HTTP/2 peers (GOAWAY) and lets open requests finish, at most
 * `grace_ms`; then closes, calls `done` on the first loop, and frees the server.
 */
void http_server_stop(struct http_server *server, unsigned grace_ms, void (*done)(void *arg),
		      void *arg);

#endif
