/* Source: OTLP specification 1.x, "OTLP/HTTP Request" and "OTLP/HTTP Response". */
#include "receivers/otlp_http.h"

#include <stdio.h>
#include <strings.h>

#include "net/http.h"
#include "receivers/otlp_export.h"

static const char PROTOBUF[] = "application/x-protobuf";
static const char JSON[] = "application/json";

/* google.rpc.Code of what is answered, for the body's google.rpc.Status. */
static int rpc_code(int http_code)
{
	switch (http_code) {
	case 400:
	case 415:
		return 3; /* INVALID_ARGUMENT */
	case 413:
		return 8; /* RESOURCE_EXHAUSTED */
	case 501:
		return 12; /* UNIMPLEMENTED */
	default:
		return 14; /* UNAVAILABLE */
	}
}

/* Of the codes that an OTLP sender knows: only 429, 502, 503 and 504 mean 'try again'. */
static int http_code(enum status status)
{
	if (otlp_is_retryable(status))
		return 503;
	switch (status) {
	case STATUS_LIMIT:
		return 413;
	case STATUS_UNSUPPORTED:
		return 501;
	default:
		return 400;
	}
}

static void respond_error(struct http_request *req, int code, bool json, const struct error *err)
{
	struct buf body = BUF_INIT;
	otlp_status(err, rpc_code(code), json, &body);
	if (code == 503) {
		char seconds[16];
		snprintf(seconds, sizeof(seconds), "%d", OTLP_RETRY_SECONDS);
		http_respond_header(req, "retry-after", seconds);
	}
	http_respond(req, code, json ? JSON : PROTOBUF, buf_slice(&body));
	buf_release(&body);
}

static void answer(struct otlp_export *export)
{
	struct http_request *req = export->request;
	if (export->failed) {
		respond_error(req, http_code(export->error.status), export->json, &export->error);
	} else {
		struct buf body = BUF_INIT;
		otlp_export_response(export, &body);
		http_respond(req, 200, export->json ? JSON : PROTOBUF, buf_slice(&body));
		buf_release(&body);
	}
	otlp_export_free(export);
}

/* True when `value` is media type `type`, perhaps with parameters. */
static bool is_type(struct slice value, const char *type)
{
	size_t len = strlen(type);
	return value.len >= len && strncasecmp(value.ptr, type, len) == 0 &&
	       (value.len == len || value.ptr[len] == ';' || value.ptr[len] == ' ');
}

void otlp_http_export(struct http_request *req, void *ctx)
{
	const struct intake *intake = ctx;
	struct slice type = http_request_header(req, "content-type");
	struct slice encoding = http_request_header(req, "content-encoding");
	struct error err;
	enum compress_encoding coding;
	bool json = is_type(type, JSON);
	if (!json && !is_type(type, PROTOBUF)) {
		error_set(
			&err, STATUS_INVALID,
			"Content-Type is \"%.*s\"; send application/x-protobuf or application/json",
			(int)(type.len < 100 ? type.len : 100), type.ptr ? type.ptr : "");
		respond_error(req, 415, false, &err);
		return;
	}
	if (compress_encoding_parse(&coding, encoding, &err) < 0) {
		respond_error(req, 415, json, &err);
		return;
	}
	struct chunk *body = http_request_body(req);
	struct slice bytes = {body ? body->data : "", body ? body->len : 0};
	if (otlp_export_begin(intake, http_request_loop(req), body, bytes, coding, json, req,
			      answer) < 0) {
		error_set(&err, STATUS_AGAIN, "out of memory");
		respond_error(req, 503, json, &err);
	}
}
