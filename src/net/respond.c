#include <string.h>

#include "net/http_int.h"

/* Beside those a handler adds. */
#define OWN_HEADERS 4

/* A header cannot hold a line end: it would begin another header. */
static const char *copy_clean(struct arena *arena, const char *text)
{
	char *copy = arena_strdup(arena, slice_of(text));
	for (char *c = copy; c && *c; c++) {
		if (*c == '\r' || *c == '\n')
			*c = ' ';
	}
	return copy;
}

void http_respond_header(struct http_request *req, const char *name, const char *value)
{
	struct response_field *field = arena_alloc(&req->arena, sizeof(*field));
	if (!field)
		return;
	*field = (struct response_field){.name = copy_clean(&req->arena, name),
					 .value = copy_clean(&req->arena, value)};
	if (!field->name || !field->value)
		return;
	*req->fields_end = field;
	req->fields_end = &field->next;
}

static void send_head(struct http_request *req, int code, const char *content_type, int64_t length)
{
	size_t count = 0, max = OWN_HEADERS;
	for (struct response_field *f = req->fields; f; f = f->next)
		max++;
	struct http_header *headers = arena_array(&req->arena, max, sizeof(*headers));
	if (!headers) {
		req->broken = true;
		return;
	}
	if (content_type)
		headers[count++] =
			(struct http_header){SLICE("content-type"), slice_of(content_type)};
	headers[count++] =
		(struct http_header){SLICE("date"), slice_of(worker_date(req->conn->worker))};
	for (struct response_field *f = req->fields; f; f = f->next)
		headers[count++] = (struct http_header){slice_of(f->name), slice_of(f->value)};
	req->started = true;
	req->last_write_ms = http_now_ms();
	req->conn->protocol->send_head(req, code, headers, count, length);
}

static bool code_has_body(int code)
{
	return code >= 200 && code != 204 && code != 304;
}

static void finish(struct http_request *req, const struct http_header *trailers, size_t count)
{
	struct http_conn *conn = req->conn;
	if (req->is_gone) {
		request_free(req);
		return;
	}
	req->finished = true;
	if (req->broken)
		conn->protocol->send_break(req);
	else
		conn->protocol->send_end(req, trailers, count);
	conn_kick(conn);
}

static void respond_whole(struct http_request *req, int code, const char *content_type,
			  struct slice body, struct chunk *owner)
{
	if (!req->is_gone) {
		if (!code_has_body(code))
			body.len = 0;
		send_head(req, code, content_type, (int64_t)body.len);
		if (body.len && !req->is_head && !req->broken)
			req->conn->protocol->send_data(req, body, owner);
	}
	finish(req, NULL, 0);
}

void http_respond(struct http_request *req, int code, const char *content_type, struct slice body)
{
	respond_whole(req, code, content_type, body, NULL);
}

void http_respond_chunk(struct http_request *req, int code, const char *content_type,
			struct chunk *body)
{
	respond_whole(req, code, content_type, (struct slice){body->data, body->len}, body);
	chunk_unref(body);
}

void http_respond_error(struct http_request *req, const struct error *err)
{
	request_refuse(req, http_code_of_status(err->status), "%s", err->message);
}

void http_respond_start(struct http_request *req, int code, const char *content_type)
{
	if (!req->is_gone)
		send_head(req, code, content_type, -1);
}

size_t http_respond_write(struct http_request *req, struct slice data)
{
	if (req->is_gone || req->broken)
		return 0;
	if (data.len && !req->is_head) {
		req->conn->protocol->send_data(req, data, NULL);
		conn_kick(req->conn);
	}
	return req->conn->protocol->waiting(req);
}

void http_respond_on_drained(struct http_request *req,
			     void (*drained)(struct http_request *req, void *arg), void *arg)
{
	req->drained = drained;
	req->drained_arg = arg;
}

void http_respond_end(struct http_request *req, const struct http_header *trailers, size_t count)
{
	finish(req, trailers, count);
}

void http_respond_break(struct http_request *req)
{
	struct http_conn *conn = req->conn;
	if (req->is_gone) {
		request_free(req);
		return;
	}
	req->finished = true;
	conn->protocol->send_break(req);
	conn_kick(conn);
}

int http_code_of_status(enum status status)
{
	switch (status) {
	case STATUS_OK:
		return 200;
	case STATUS_INVALID:
		return 400;
	case STATUS_LIMIT:
		return 413;
	case STATUS_AGAIN:
		return 503;
	case STATUS_UNSUPPORTED:
		return 501;
	case STATUS_NOT_FOUND:
		return 404;
	case STATUS_DENIED:
		return 403;
	case STATUS_UNAUTHENTICATED:
		return 401;
	case STATUS_CANCELLED:
		return 499; /* nobody reads it; nginx's "client closed request" */
	case STATUS_TIMEOUT:
		return 504;
	case STATUS_NO_MEMORY:
		return 503;
	case STATUS_NO_SPACE:
		return 507;
	case STATUS_CONFLICT:
		return 409;
	case STATUS_IO:
	case STATUS_CORRUPT:
		return 500;
	}
	return 500;
}

static const struct {
	int code;
	const char *text;
} reasons[] = {
	{200, "OK"},
	{201, "Created"},
	{202, "Accepted"},
	{204, "No Content"},
	{206, "Partial Content"},
	{301, "Moved Permanently"},
	{302, "Found"},
	{303, "See Other"},
	{304, "Not Modified"},
	{307, "Temporary Redirect"},
	{308, "Permanent Redirect"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{406, "Not Acceptable"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{411, "Length Required"},
	{413, "Content Too Large"},
	{415, "Unsupported Media Type"},
	{417, "Expectation Failed"},
	{422, "Unprocessable Content"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{499, "Client Closed Request"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{504, "Gateway Timeout"},
	{505, "HTTP Version Not Supported"},
	{507, "Insufficient Storage"},
};

const char *http_reason(int code)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].code == code)
			return reasons[i].text;
	}
	return "Status";
}
