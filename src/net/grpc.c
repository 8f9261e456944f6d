#include "net/grpc.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "net/grpc_frame.h"
#include "net/http_int.h"

/* --- codes ------------------------------------------------------------------------------ */

static const struct {
	enum status status;
	enum grpc_code code;
} codes[] = {
	{STATUS_OK, GRPC_OK},
	{STATUS_INVALID, GRPC_INVALID_ARGUMENT},
	{STATUS_LIMIT, GRPC_RESOURCE_EXHAUSTED},
	{STATUS_AGAIN, GRPC_UNAVAILABLE},
	{STATUS_IO, GRPC_INTERNAL},
	{STATUS_UNSUPPORTED, GRPC_UNIMPLEMENTED},
	{STATUS_NOT_FOUND, GRPC_NOT_FOUND},
	{STATUS_DENIED, GRPC_PERMISSION_DENIED},
	{STATUS_UNAUTHENTICATED, GRPC_UNAUTHENTICATED},
	{STATUS_CANCELLED, GRPC_CANCELLED},
	{STATUS_TIMEOUT, GRPC_DEADLINE_EXCEEDED},
	{STATUS_CORRUPT, GRPC_DATA_LOSS},
	{STATUS_NO_MEMORY, GRPC_RESOURCE_EXHAUSTED},
	{STATUS_NO_SPACE, GRPC_RESOURCE_EXHAUSTED},
	{STATUS_CONFLICT, GRPC_ABORTED},
	/* Only ever received. */
	{STATUS_INVALID, GRPC_OUT_OF_RANGE},
	{STATUS_INVALID, GRPC_FAILED_PRECONDITION},
	{STATUS_CONFLICT, GRPC_ALREADY_EXISTS},
};

enum grpc_code grpc_code_of_status(enum status status)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (codes[i].status == status)
			return codes[i].code;
	}
	return GRPC_UNKNOWN;
}

enum status grpc_status_of_code(enum grpc_code code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (codes[i].code == code)
			return codes[i].status;
	}
	return STATUS_IO;
}

const char *grpc_code_name(enum grpc_code code)
{
	static const char *const names[] = {
		"OK",
		"CANCELLED",
		"UNKNOWN",
		"INVALID_ARGUMENT",
		"DEADLINE_EXCEEDED",
		"NOT_FOUND",
		"ALREADY_EXISTS",
		"PERMISSION_DENIED",
		"RESOURCE_EXHAUSTED",
		"FAILED_PRECONDITION",
		"ABORTED",
		"OUT_OF_RANGE",
		"UNIMPLEMENTED",
		"INTERNAL",
		"UNAVAILABLE",
		"DATA_LOSS",
		"UNAUTHENTICATED",
	};
	return (size_t)code < sizeof(names) / sizeof(names[0]) ? names[code] : "UNKNOWN";
}

void grpc_refuse(struct http_request *req, int http_code, struct slice message)
{
	enum grpc_code code = GRPC_UNKNOWN;
	switch (http_code) {
	case 400:
	case 417:
		code = GRPC_INVALID_ARGUMENT;
		break;
	case 401:
		code = GRPC_UNAUTHENTICATED;
		break;
	case 403:
		code = GRPC_PERMISSION_DENIED;
		break;
	case 404:
	case 405:
		code = GRPC_UNIMPLEMENTED;
		break;
	case 408:
		code = GRPC_DEADLINE_EXCEEDED;
		break;
	case 413:
		code = GRPC_RESOURCE_EXHAUSTED;
		break;
	case 503:
		code = GRPC_UNAVAILABLE;
		break;
	}
	grpc_respond_code(req, code, message, 0);
}

/* --- requests --------------------------------------------------------------------------- */

static int fail(struct http_request *req, enum grpc_code code, const char *message)
{
	grpc_respond_code(req, code, slice_of(message), 0);
	return grpc_status_of_code(code);
}

int grpc_request_read(struct http_request *req, struct grpc_request *out)
{
	struct slice type = http_request_header(req, "content-type");
	if (!http_request_is_http2(req) || !type.ptr ||
	    !slice_starts_with(type, SLICE("application/grpc"))) {
		http_respond(
			req, 415, "text/plain; charset=utf-8",
			SLICE("this is a gRPC method: it takes application/grpc over HTTP/2\n"));
		return STATUS_UNSUPPORTED;
	}
	if (!slice_eq_cstr(type, "application/grpc") &&
	    !slice_eq_cstr(type, "application/grpc+proto"))
		return fail(req, GRPC_UNIMPLEMENTED, "only messages in protobuf are taken");
	struct chunk *body = http_request_body(req);
	struct grpc_request read = {0};
	bool compressed;
	struct slice frame = {body->data, body->len};
	const char *wrong = grpc_unframe(frame, &read.message, &compressed);
	if (wrong)
		return fail(req, GRPC_INVALID_ARGUMENT, wrong);
	if (compressed) {
		read.encoding = http_request_header(req, "grpc-encoding");
		if (!read.encoding.len || slice_eq_cstr(read.encoding, "identity"))
			return fail(req, GRPC_INTERNAL,
				    "the message is marked as compressed, and grpc-encoding does "
				    "not say how");
	}
	struct slice timeout = http_request_header(req, "grpc-timeout");
	if (timeout.ptr) {
		int64_t ns;
		if (!grpc_parse_timeout(timeout, &ns))
			return fail(req, GRPC_INVALID_ARGUMENT,
				    "grpc-timeout must be up to 8 digits and one of H M S m u n");
		read.deadline_ns = clock_monotonic_ns() + ns;
	}
	*out = read;
	return 0;
}

/* --- answers ---------------------------------------------------------------------------- */

void grpc_respond(struct http_request *req, struct slice message)
{
	static const struct http_header ok[] = {{{"grpc-status", 11}, {"0", 1}}};
	char prefix[GRPC_PREFIX];
	grpc_prefix(prefix, message.len, false);
	http_respond_start(req, 200, "application/grpc");
	http_respond_write(req, (struct slice){prefix, sizeof(prefix)});
	http_respond_write(req, message);
	http_respond_end(req, ok, 1);
}

void grpc_respond_code(struct http_request *req, enum grpc_code code, struct slice message,
		       unsigned retry_after_ms)
{
	struct buf text = BUF_INIT;
	char number[8];
	snprintf(number, sizeof(number), "%d", (int)code);
	http_respond_header(req, "grpc-status", number);
	grpc_encode_message(&text, message);
	http_respond_header(req, "grpc-message", buf_cstr(&text));
	if (retry_after_ms) {
		buf_clear(&text);
		grpc_encode_retry(&text, code, message, retry_after_ms);
		http_respond_header(req, "grpc-status-details-bin", buf_cstr(&text));
	}
	if (code == GRPC_UNIMPLEMENTED)
		http_respond_header(req, "grpc-accept-encoding", "identity,gzip,zstd");
	buf_release(&text);
	/* No body: the headers are the trailers ("Trailers-Only"). */
	http_respond(req, 200, "application/grpc", (struct slice){0});
}

void grpc_respond_error(struct http_request *req, const struct error *err, unsigned retry_after_ms)
{
	grpc_respond_code(req, grpc_code_of_status(err->status), slice_of(err->message),
			  retry_after_ms);
}
