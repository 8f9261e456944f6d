/*
 * Unary gRPC calls over net/http.h, as "gRPC over HTTP2" (grpc/doc/PROTOCOL-HTTP2.md)
 * describes them. A method is an http_route {"POST", "/package.Service/Method",
 * HTTP_BODY_WHOLE, …} whose handler calls grpc_request_read first. A path that no route
 * has is answered with UNIMPLEMENTED, a body over max_body with RESOURCE_EXHAUSTED.
 */
#ifndef TRIPOD_NET_GRPC_H
#define TRIPOD_NET_GRPC_H

#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

struct http_request;

enum grpc_code {
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_UNKNOWN = 2,
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_NOT_FOUND = 5,
	GRPC_ALREADY_EXISTS = 6,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_FAILED_PRECONDITION = 9,
	GRPC_ABORTED = 10,
	GRPC_OUT_OF_RANGE = 11,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_DATA_LOSS = 15,
	GRPC_UNAUTHENTICATED = 16,
};

struct grpc_request {
	/*
	 * The message, inside the chunk http_request_body() and at its end, so that
	 * CHUNK_PADDING zero bytes follow it. Still compressed if `encoding` says so.
	 */
	struct slice message;
	struct slice encoding; /* "gzip", …; empty: not compressed */
	int64_t deadline_ns; /* by clock_monotonic_ns; 0: none */
};

/* Takes a call apart. On failure the call has been answered. */
int grpc_request_read(struct http_request *req, struct grpc_request *out);

/* The answer with status OK; `message` is copied. */
void grpc_respond(struct http_request *req, struct slice message);
/*
 * The answer with an error. `retry_after_ms`, if not 0, is sent as google.rpc.RetryInfo,
 * which tells an OTLP client to send the same again after that time (OTLP specification,
 * "OTLP/gRPC Throttling").
 */
void grpc_respond_error(struct http_request *req, const struct error *err, unsigned retry_after_ms);
void grpc_respond_code(struct http_request *req, enum grpc_code code, struct slice message,
		       unsigned retry_after_ms);
/* For a call that failed before it reached a handler: the nearest to an HTTP code. */
void grpc_refuse(struct http_request *req, int http_code, struct slice message);

enum grpc_code grpc_code_of_status(enum status status);
/* The reverse, for clients: what a failed call means here. */
enum status grpc_status_of_code(enum grpc_code code);
/* "RESOURCE_EXHAUSTED" */
const char *grpc_code_name(enum grpc_code code);

#endif
