#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "net/grpc_frame.h"
#include "net/http_int.h"

/* A first guess at a body, however long it claims to be: memory follows what arrives. */
#define ALWAYS_ALLOWED ((size_t)64 << 10) /* bytes of a body, whatever others use */
#define FIRST_BODY ((size_t)16 << 10)

/* --- what becomes of a request, once its head is known --------------------------------- */

void request_refuse(struct http_request *req, int code, const char *fmt, ...)
{
	char text[600];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text) - 1, fmt, ap);
	va_end(ap);
	size_t len = n < 0 ? 0 : (size_t)n < sizeof(text) - 1 ? (size_t)n : sizeof(text) - 2;
	if (req->is_grpc) {
		grpc_refuse(req, code, (struct slice){text, len});
		return;
	}
	text[len++] = '\n';
	http_respond(req, code, "text/plain; charset=utf-8", (struct slice){text, len});
}

static bool path_matches(const struct http_route *route, struct slice path)
{
	struct slice pattern = slice_of(route->path);
	if (pattern.len && pattern.ptr[pattern.len - 1] == '*') {
		pattern.len--;
		return slice_starts_with(path, pattern);
	}
	return slice_eq(path, pattern);
}

static bool method_matches(const struct http_route *route, const struct http_request *req)
{
	if (!route->method || slice_eq_cstr(req->method, route->method))
		return true;
	return req->is_head && strcmp(route->method, "GET") == 0;
}

static void refuse_method(struct http_request *req, const struct http_server_options *options)
{
	char allow[200] = "";
	size_t len = 0;
	for (size_t i = 0; i < options->route_count && len < sizeof(allow); i++) {
		const struct http_route *route = &options->routes[i];
		if (path_matches(route, req->path))
			len += (size_t)snprintf(allow + len, sizeof(allow) - len, "%s%s%s",
						len ? ", " : "", route->method,
						strcmp(route->method, "GET") == 0 ? ", HEAD" : "");
	}
	http_respond_header(req, "allow", allow);
	request_refuse(req, 405, "method " SLICE_FMT " is not allowed here; use %s",
		       SLICE_ARG(req->method), allow);
}

static bool find_route(struct http_request *req, const struct http_server_options *options)
{
	bool path_known = false;
	for (size_t i = 0; i < options->route_count && !req->route; i++) {
		const struct http_route *route = &options->routes[i];
		if (!path_matches(route, req->path))
			continue;
		path_known = true;
		if (method_matches(route, req))
			req->route = route;
	}
	if (req->route)
		return true;
	if (path_known) {
		refuse_method(req, options);
	} else {
		struct slice path = req->path;
		if (path.len > 300)
			path.len = 300;
		request_refuse(req, 404, "nothing is served at " SLICE_FMT, SLICE_ARG(path));
	}
	return false;
}

static bool check_origin(struct http_request *req, const struct http_server_options *options)
{
	if (!options->check_host)
		return true;
	struct slice host = req->authority;
	struct slice origin = http_request_header(req, "origin");
	if (host.ptr && !host_is_allowed(options, host)) {
		host.len = host.len < 200 ? host.len : 200;
		request_refuse(
			req, 403,
			"this address answers only under a loopback name, and the request is "
			"for host '" SLICE_FMT "'; use localhost or 127.0.0.1, or add the "
			"name to the allowed hosts",
			SLICE_ARG(host));
		return false;
	}
	if (origin.ptr && !origin_is_allowed(options, origin)) {
		origin.len = origin.len < 200 ? origin.len : 200;
		request_refuse(req, 403,
			       "requests from web pages of '" SLICE_FMT
			       "' are not taken here; open "
			       "the page under localhost or 127.0.0.1, or add its host to the "
			       "allowed hosts",
			       SLICE_ARG(origin));
		return false;
	}
	return true;
}

static void refuse_unauthenticated(struct http_request *req, const char *message)
{
	http_respond_header(req, "www-authenticate",
			    "Bearer realm=\"tripod\", Basic realm=\"tripod\", charset=\"UTF-8\"");
	request_refuse(req, 401, "%s", message);
}

static bool check_role(struct http_request *req, const struct http_server_options *options)
{
	enum access_role needed = req->route->role;
	req->role = ACCESS_ADMIN;
	if (options->authorize) {
		struct error err = {0};
		int role = options->authorize(req, options->authorize_ctx, &err);
		if (role < 0 && needed != ACCESS_OPEN) {
			if (role == STATUS_DENIED)
				request_refuse(req, 403, "%s", err.message);
			else
				refuse_unauthenticated(req, err.message);
			return false;
		}
		req->role = role < 0 ? ACCESS_OPEN : (enum access_role)role;
	}
	if (req->role >= needed)
		return true;
	if (req->role == ACCESS_OPEN)
		refuse_unauthenticated(req,
				       "this needs a token: send 'Authorization: Bearer TOKEN', "
				       "or Basic with the token as password");
	else
		request_refuse(req, 403, "this caller's role does not allow it");
	return false;
}

static bool check_body(struct http_request *req, const struct http_server_options *options)
{
	if (req->route->body == HTTP_BODY_WHOLE && req->content_length >= 0 &&
	    (uint64_t)req->content_length > options->max_body) {
		request_refuse(req, 413, "the body has %lld bytes, and at most %zu are taken",
			       (long long)req->content_length, options->max_body);
		return false;
	}
	struct slice expect = http_request_header(req, "expect");
	if (expect.ptr && (expect.len != 12 || strncasecmp(expect.ptr, "100-continue", 12) != 0)) {
		request_refuse(req, 417, "the only expectation known is 100-continue");
		return false;
	}
	return true;
}

void request_head_done(struct http_request *req)
{
	const struct http_server_options *options = req->conn->worker->options;
	const char *why = NULL;
	if (req->head.too_large) {
		request_refuse(req, 431, "the request's headers are larger than %zu bytes",
			       options->max_header);
		return;
	}
	if (!request_parse_head(req, &why)) {
		request_refuse(req, 400, "%s", why);
		return;
	}
	if (!check_origin(req, options) || !find_route(req, options) || !check_role(req, options) ||
	    !check_body(req, options))
		return;
	if (req->route->body == HTTP_BODY_STREAM) {
		req->handed = true;
		req->route->handle(req, req->route->ctx);
	}
}

/* --- its body --------------------------------------------------------------------------- */

/* How long the body says it will be: a hint for growing, never a size to allocate. */
static size_t expected_body(const struct http_request *req, size_t max)
{
	uint64_t expected = 0;
	if (req->content_length >= 0) {
		expected = (uint64_t)req->content_length;
	} else if (req->is_grpc && req->body && req->body->len >= GRPC_PREFIX) {
		const unsigned char *p = (const unsigned char *)req->body->data;
		expected = GRPC_PREFIX + ((uint64_t)p[1] << 24 | (uint64_t)p[2] << 16 |
					  (uint64_t)p[3] << 8 | p[4]);
	}
	return expected < max ? (size_t)expected : max;
}

/* Growing fourfold towards a known length copies a third of the body at most. */
static bool reserve_body(struct http_request *req, size_t extra, size_t max)
{
	size_t len = req->body ? req->body->len : 0;
	size_t need = len + extra;
	if (req->body && need <= req->body->capacity)
		return true;
	size_t expected = expected_body(req, max);
	size_t step = !req->body ? FIRST_BODY : expected >= need ? len * 4 : len * 2;
	size_t capacity = expected >= need && step > expected ? expected : step;
	if (capacity < need || (!req->body && expected < need))
		capacity = need;
	const struct http_server_options *options = req->conn->worker->options;
	if (options->max_pool_use && capacity > ALWAYS_ALLOWED &&
	    chunk_pool_in_use(options->pool) + capacity > options->max_pool_use)
		return false;
	struct chunk *body =
		req->body ? chunk_grow(req->body, capacity) : chunk_new(options->pool, capacity);
	if (body)
		req->body = body;
	return body != NULL;
}

struct slice request_body_room(struct http_request *req)
{
	size_t max = req->conn->worker->options->max_body;
	if (!req->body || req->content_length < 0 || req->route->body != HTTP_BODY_WHOLE)
		return (struct slice){0};
	size_t left = (size_t)req->content_length - req->body->len;
	if (!left || (req->body->len == req->body->capacity && !reserve_body(req, 1, max)))
		return (struct slice){0};
	size_t room = req->body->capacity - req->body->len;
	return (struct slice){req->body->data + req->body->len, room < left ? room : left};
}

static void append_body(struct http_request *req, const char *data, size_t len, size_t max)
{
	if (req->body && data == req->body->data + req->body->len) {
		req->body->len += len;
		return;
	}
	size_t have = req->body ? req->body->len : 0;
	if (len > max - have) {
		request_refuse(req, 413, "the body is larger than %zu bytes", max);
	} else if (!reserve_body(req, len, max)) {
		request_refuse(req, 503, "too much is being received at once; send it again later");
	} else {
		memcpy(req->body->data + have, data, len);
		req->body->len += len;
	}
}

void request_data(struct http_request *req, const char *data, size_t len)
{
	req->last_read_ms = http_now_ms();
	if (req->finished || req->is_gone || !req->route)
		return;
	if (req->route->body == HTTP_BODY_WHOLE)
		append_body(req, data, len, req->conn->worker->options->max_body);
	else if (req->on_data)
		req->on_data(req, (struct slice){data, len}, req->body_arg);
}

void request_end(struct http_request *req)
{
	req->body_done = true;
	if (req->finished || req->is_gone || !req->route)
		return;
	if (req->route->body == HTTP_BODY_STREAM) {
		if (req->on_end)
			req->on_end(req, req->body_arg);
		return;
	}
	if (!req->body) {
		req->body = chunk_new(req->conn->worker->options->pool, 0);
		if (!req->body) {
			request_refuse(req, 503, "out of memory");
			return;
		}
	}
	chunk_seal(req->body);
	req->handed = true;
	req->route->handle(req, req->route->ctx);
}

void http_request_pause(struct http_request *req)
{
	req->paused = true;
}

void http_request_resume(struct http_request *req)
{
	if (!req->paused)
		return;
	req->paused = false;
	req->last_read_ms = http_now_ms();
	conn_kick(req->conn);
}
