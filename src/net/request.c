#include <stdlib.h>
#include <string.h>

#include "net/form.h"
#include "net/http_int.h"

/* Kept for reuse by each worker, if they have not grown beyond the usual. */
#define SPARE_REQUESTS 64
#define SPARE_ARENA ((size_t)64 << 10)
#define SPARE_HEAD ((size_t)16 << 10)
/* What handlers may take from the arena beside what the head needs. */
#define ARENA_BUDGET ((size_t)4 << 20)

struct http_request *request_new(struct http_conn *conn)
{
	struct http_worker *worker = conn->worker;
	struct http_request *req = worker->spare;
	if (req) {
		worker->spare = req->next;
		worker->spare_count--;
		struct arena arena = req->arena;
		struct request_head head = req->head;
		*req = (struct http_request){.arena = arena, .head = head};
	} else {
		req = calloc(1, sizeof(*req));
		if (!req)
			return NULL;
		arena_init(&req->arena, worker->options->max_header * 4 + ARENA_BUDGET);
		head_init(&req->head, worker->options->max_header);
	}
	req->conn = conn;
	req->content_length = -1;
	req->fields_end = &req->fields;
	req->since_ms = req->last_read_ms = req->last_write_ms = http_now_ms();
	outq_init(&req->send.out, worker->options->pool);
	req->next = conn->requests;
	if (req->next)
		req->next->prev = req;
	conn->requests = req;
	conn->request_count++;
	return req;
}

void request_free(struct http_request *req)
{
	struct http_conn *conn = req->conn;
	struct http_worker *worker = conn->worker;
	if (req->prev)
		req->prev->next = req->next;
	else
		conn->requests = req->next;
	if (req->next)
		req->next->prev = req->prev;
	conn->request_count--;
	chunk_unref(req->body);
	outq_release(&req->send.out);
	arena_clear(&req->arena);
	head_clear(&req->head);
	if (req->arena.used > SPARE_ARENA)
		arena_release(&req->arena);
	if (req->head.bytes.capacity > SPARE_HEAD)
		head_release(&req->head);
	if (worker->spare_count < SPARE_REQUESTS) {
		req->next = worker->spare;
		worker->spare = req;
		worker->spare_count++;
	} else {
		arena_release(&req->arena);
		head_release(&req->head);
		free(req);
	}
	if (conn->mode == CONN_CLOSED)
		conn_kick(conn);
}

void request_tell_gone(struct http_request *req)
{
	if (req->gone_told || req->finished || !req->handed)
		return;
	req->gone_told = true;
	if (req->gone)
		req->gone(req, req->gone_arg);
}

void request_lost(struct http_request *req)
{
	req->is_gone = true;
	outq_release(&req->send.out);
	if (!req->handed || req->finished) {
		request_free(req);
		return;
	}
	chunk_unref(req->route->body == HTTP_BODY_STREAM ? req->body : NULL);
	if (req->route->body == HTTP_BODY_STREAM)
		req->body = NULL;
	request_tell_gone(req);
}

/* --- the head ------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Undoes percent-encoding. Returns the length, or -1 where it is not one (with `strict`). */
static ssize_t percent_decode(char *to, struct slice from, bool plus_is_space, bool strict)
{
	size_t n = 0;
	for (size_t i = 0; i < from.len; i++) {
		char c = from.ptr[i];
		if (c == '%') {
			int high = i + 2 < from.len ? hex_digit(from.ptr[i + 1]) : -1;
			int low = i + 2 < from.len ? hex_digit(from.ptr[i + 2]) : -1;
			if (high >= 0 && low >= 0) {
				c = (char)(high << 4 | low);
				i += 2;
			} else if (strict) {
				return -1;
			}
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		if (!c && strict)
			return -1;
		to[n++] = c;
	}
	return (ssize_t)n;
}

/* The target's absolute form names the authority, which then counts (RFC 9112 §3.2.2). */
static bool split_absolute(struct http_request *req, struct slice *target)
{
	static const struct slice schemes[] = {{"http://", 7}, {"https://", 8}};
	for (size_t i = 0; i < 2; i++) {
		struct slice scheme = schemes[i];
		if (target->len < scheme.len ||
		    strncasecmp(target->ptr, scheme.ptr, scheme.len) != 0)
			continue;
		target->ptr += scheme.len;
		target->len -= scheme.len;
		size_t end = 0;
		while (end < target->len && target->ptr[end] != '/' && target->ptr[end] != '?')
			end++;
		req->authority = (struct slice){target->ptr, end};
		target->ptr += end;
		target->len -= end;
		return true;
	}
	return false;
}

static bool parse_target(struct http_request *req, const char **why)
{
	struct slice target = head_text(&req->head, req->head.target);
	bool absolute = split_absolute(req, &target);
	const char *mark = target.len ? memchr(target.ptr, '?', target.len) : NULL;
	struct slice path = {target.ptr, mark ? (size_t)(mark - target.ptr) : target.len};
	if (mark)
		req->query = (struct slice){mark + 1, target.len - path.len - 1};
	if (!path.len && absolute)
		path = SLICE("/");
	bool asterisk = slice_eq_cstr(path, "*") && slice_eq_cstr(req->method, "OPTIONS");
	if (!path.len || (path.ptr[0] != '/' && !asterisk)) {
		*why = "the request target must be a path that begins with '/'";
		return false;
	}
	char *decoded = arena_alloc(&req->arena, path.len);
	ssize_t n = decoded ? percent_decode(decoded, path, false, true) : -1;
	if (n < 0) {
		*why = "the path holds a '%' that is not followed by two hexadecimal digits, or "
		       "a zero byte";
		return false;
	}
	req->path = (struct slice){decoded, (size_t)n};
	return true;
}

static bool parse_host(struct http_request *req, const char **why)
{
	struct slice host = {0};
	size_t hosts = 0;
	for (size_t i = 0; i < req->header_count; i++) {
		if (!slice_eq_cstr(req->headers[i].name, "host"))
			continue;
		host = req->headers[i].value;
		hosts++;
	}
	if (hosts > 1) {
		*why = "there is more than one Host header";
		return false;
	}
	if (!hosts && !http_request_is_http2(req) && !req->minor_zero) {
		*why = "the Host header is missing, which HTTP/1.1 asks for";
		return false;
	}
	if (!req->authority.ptr)
		req->authority = host;
	return true;
}

bool request_parse_head(struct http_request *req, const char **why)
{
	struct request_head *head = &req->head;
	req->headers = arena_array(&req->arena, head->count, sizeof(*req->headers));
	if (!req->headers) {
		*why = "out of memory";
		return false;
	}
	for (size_t i = 0; i < head->count; i++) {
		struct slice name = head_text(head, head->fields[i].name);
		for (size_t k = 0; k < name.len; k++) {
			char *c = (char *)name.ptr + k;
			if (*c >= 'A' && *c <= 'Z')
				*c = (char)(*c | 0x20);
		}
		req->headers[i] =
			(struct http_header){name, head_text(head, head->fields[i].value)};
	}
	req->header_count = head->count;
	if (!req->method.ptr)
		req->method = head_text(head, head->method);
	req->is_head = slice_eq_cstr(req->method, "HEAD");
	if (head->authority.len)
		req->authority = head_text(head, head->authority);
	struct slice type = http_request_header(req, "content-type");
	req->is_grpc = http_request_is_http2(req) && type.ptr &&
		       slice_starts_with(type, SLICE("application/grpc"));
	return parse_target(req, why) && parse_host(req, why);
}

/* --- accessors ------------------------------------------------------------------------ */

struct slice http_request_method(const struct http_request *req)
{
	return req->method;
}

struct slice http_request_path(const struct http_request *req)
{
	return req->path;
}

struct slice http_request_query(const struct http_request *req)
{
	return req->query;
}

const struct http_header *http_request_headers(const struct http_request *req, size_t *count)
{
	*count = req->header_count;
	return req->headers;
}

struct slice http_request_header(const struct http_request *req, const char *name)
{
	struct slice wanted = slice_of(name);
	for (size_t i = 0; i < req->header_count; i++) {
		if (slice_eq(req->headers[i].name, wanted))
			return req->headers[i].value;
	}
	return (struct slice){0};
}

/* Parameter names are short words; a longer key is none of them. */
static bool key_is(struct slice key, struct slice name)
{
	char decoded[256];
	if (key.len > sizeof(decoded))
		return false;
	ssize_t n = percent_decode(decoded, key, true, false);
	return slice_eq((struct slice){decoded, (size_t)n}, name);
}

struct slice form_decode(struct slice text, struct arena *arena)
{
	char *to = arena_alloc(arena, text.len + 1);
	if (!to)
		return (struct slice){0};
	ssize_t n = percent_decode(to, text, true, false);
	to[n] = '\0';
	return (struct slice){to, (size_t)n};
}

struct slice form_value(struct slice form, const char *name, size_t index, struct arena *arena)
{
	while (form.len) {
		const char *amp = memchr(form.ptr, '&', form.len);
		struct slice pair = {form.ptr, amp ? (size_t)(amp - form.ptr) : form.len};
		size_t step = pair.len + (amp ? 1 : 0);
		form = (struct slice){form.ptr + step, form.len - step};
		const char *equals = pair.len ? memchr(pair.ptr, '=', pair.len) : NULL;
		struct slice key = {pair.ptr, equals ? (size_t)(equals - pair.ptr) : pair.len};
		if (!key_is(key, slice_of(name)) || index-- > 0)
			continue;
		struct slice value = SLICE("");
		if (equals)
			value = (struct slice){equals + 1, pair.len - key.len - 1};
		return form_decode(value, arena);
	}
	return (struct slice){0};
}

struct slice http_request_param(struct http_request *req, const char *name)
{
	return form_value(req->query, name, 0, &req->arena);
}

struct slice http_request_param_at(struct http_request *req, const char *name, size_t index)
{
	return form_value(req->query, name, index, &req->arena);
}

const char *http_request_peer(const struct http_request *req)
{
	return req->conn->peer;
}

bool http_request_is_http2(const struct http_request *req)
{
	return req->conn->protocol == &h2_protocol;
}

enum access_role http_request_role(const struct http_request *req)
{
	return req->role;
}

struct loop *http_request_loop(const struct http_request *req)
{
	return req->conn->worker->loop;
}

struct arena *http_request_arena(struct http_request *req)
{
	return &req->arena;
}

struct chunk *http_request_body(struct http_request *req)
{
	return req->body;
}

void http_request_on_body(struct http_request *req,
			  void (*on_data)(struct http_request *req, struct slice data, void *arg),
			  void (*on_end)(struct http_request *req, void *arg), void *arg)
{
	req->on_data = on_data;
	req->on_end = on_end;
	req->body_arg = arg;
}

void http_request_on_gone(struct http_request *req,
			  void (*gone)(struct http_request *req, void *arg), void *arg)
{
	req->gone = gone;
	req->gone_arg = arg;
}
