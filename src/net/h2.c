/* The server's side of HTTP/2 (RFC 9113). */
#include <stdlib.h>
#include <string.h>

#include "net/http_int.h"

#define MOST_STREAMS 128
/* Requests whose stream was reset live on while their handlers work; they are bounded as well. */
#define MOST_REQUESTS (2 * MOST_STREAMS)

struct h2 {
	struct h2_io io; /* first: see h2_io_init */
	struct http_conn *conn;
	bool going_away;
};

/* --- what the session reports ---------------------------------------------------------- */

static struct http_request *request_of(nghttp2_session *session, int32_t stream_id)
{
	return nghttp2_session_get_stream_user_data(session, stream_id);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2 *h2 = user;
	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	struct http_request *req =
		h2->conn->request_count < MOST_REQUESTS ? request_new(h2->conn) : NULL;
	if (!req) {
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
					  NGHTTP2_REFUSED_STREAM);
		return 0;
	}
	req->stream_id = frame->hd.stream_id;
	nghttp2_session_set_stream_user_data(session, req->stream_id, req);
	return 0;
}

static int64_t parse_length(struct slice value)
{
	int64_t length = 0;
	for (size_t i = 0; i < value.len; i++) {
		int digit = value.ptr[i] - '0';
		if (digit < 0 || digit > 9 || length > (INT64_MAX - 9) / 10)
			return -1;
		length = length * 10 + digit;
	}
	return value.len ? length : -1;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
		     void *user)
{
	struct http_request *req = request_of(session, frame->hd.stream_id);
	if (!req || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0; /* refused, or trailers, which nothing here has a use for */
	struct request_head *head = &req->head;
	struct slice n = {(const char *)name, name_len}, v = {(const char *)value, value_len};
	if (slice_eq_cstr(n, ":method")) {
		head_append(head, &head->method, v.ptr, v.len);
	} else if (slice_eq_cstr(n, ":path")) {
		head_append(head, &head->target, v.ptr, v.len);
	} else if (slice_eq_cstr(n, ":authority")) {
		head_append(head, &head->authority, v.ptr, v.len);
	} else if (n.len && n.ptr[0] != ':') {
		struct head_field *field = head_add(head);
		if (!field)
			return 0;
		head_append(head, &field->name, n.ptr, n.len);
		head_append(head, &field->value, v.ptr, v.len);
		if (slice_eq_cstr(n, "content-length"))
			req->content_length = parse_length(v);
	}
	return 0;
}

static void end_of_stream(struct http_request *req)
{
	if (req->held || req->paused)
		req->end_held = true;
	else
		request_end(req);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	struct http_request *req = request_of(session, frame->hd.stream_id);
	if (!req)
		return 0;
	bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
		req->has_body = !end;
		request_head_done(req);
	}
	if (end)
		end_of_stream(req);
	return 0;
}

static bool hold(struct http_request *req, const char *data, size_t len)
{
	struct chunk_pool *pool = req->conn->worker->options->pool;
	size_t have = req->body ? req->body->len : 0;
	size_t room = have + len > 2 * have ? have + len : 2 * have;
	struct chunk *body = NULL;
	if (!req->body)
		body = chunk_new(pool, len);
	else if (have + len <= req->body->capacity)
		body = req->body;
	else
		body = chunk_grow(req->body, room);
	if (!body)
		return false;
	memcpy(body->data + have, data, len);
	body->len = have + len;
	req->body = body;
	req->held += len;
	return true;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t stream_id,
			 const uint8_t *data, size_t len, void *user)
{
	struct http_request *req = request_of(session, stream_id);
	bool withhold = req && !req->finished && (req->paused || req->held);
	if (withhold) {
		req->last_read_ms = http_now_ms();
		return hold(req, (const char *)data, len) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
	}
	/*
	 * Answered early: what still comes is dropped and opens no window. A reset at once would be
	 * allowed too (RFC 9113 §8.1), but curl 7.88 for one then loses the answer.
	 */
	if (req && req->finished) {
		nghttp2_session_consume_connection(session, len);
		return 0;
	}
	if (req)
		request_data(req, (const char *)data, len);
	nghttp2_session_consume(session, stream_id, len);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t code, void *user)
{
	struct http_request *req = request_of(session, stream_id);
	if (!req)
		return 0;
	if (req->held)
		nghttp2_session_consume_connection(session, req->held);
	nghttp2_session_set_stream_user_data(session, stream_id, NULL);
	request_lost(req);
	return 0;
}

static nghttp2_session_callbacks *make_callbacks(void)
{
	nghttp2_session_callbacks *callbacks;
	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		return NULL;
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	return callbacks;
}

/* --- what the connection asks for ------------------------------------------------------- */

static bool has_live_requests(const struct http_conn *conn)
{
	for (const struct http_request *req = conn->requests; req; req = req->next) {
		if (!req->is_gone)
			return true;
	}
	return false;
}

static void pull(struct http_conn *conn)
{
	struct h2 *h2 = conn->h2;
	h2_io_pull(&h2->io);
	if (conn->mode != CONN_OPEN)
		return;
	bool left = h2->going_away && !has_live_requests(conn) &&
		    !nghttp2_session_want_write(h2->io.session);
	if (h2->io.failed || left || h2_io_is_over(&h2->io))
		conn_finish(conn, h2->io.failed);
}

static void h2_input(struct http_conn *conn, const char *data, size_t len)
{
	h2_io_input(&conn->h2->io, data, len);
	if (conn->h2->io.failed)
		pull(conn);
}

static struct slice h2_room(struct http_conn *conn)
{
	return (struct slice){0};
}

static bool h2_wants_read(const struct http_conn *conn)
{
	return !h2_io_is_crowded(&conn->h2->io);
}

/* Gives a resumed request what came while it was paused. */
static void deliver_held(struct http_request *req)
{
	struct h2 *h2 = req->conn->h2;
	if (req->held) {
		struct chunk *body = req->body;
		size_t len = req->held;
		req->body = NULL;
		req->held = 0;
		request_data(req, body->data, body->len);
		chunk_unref(body);
		nghttp2_session_consume(h2->io.session, req->stream_id, len);
	}
	if (req->end_held && !req->paused) {
		req->end_held = false;
		request_end(req);
	}
}

/* Handlers may finish any request, so each look for one begins anew. */
static struct http_request *find_resumed(const struct http_conn *conn)
{
	struct http_request *req = conn->requests;
	while (req && (req->is_gone || req->paused || !(req->held || req->end_held)))
		req = req->next;
	return req;
}

static void h2_run(struct http_conn *conn)
{
	for (struct http_request *req; (req = find_resumed(conn));)
		deliver_held(req);
	pull(conn);
}

static struct http_request *find_drained(const struct http_conn *conn)
{
	struct http_request *req = conn->requests;
	while (req && (req->is_gone || req->finished || !req->send.drained))
		req = req->next;
	return req;
}

static void h2_drained(struct http_conn *conn)
{
	for (struct http_request *req; (req = find_drained(conn));) {
		req->send.drained = false;
		if (req->drained)
			req->drained(req, req->drained_arg);
	}
	pull(conn);
}

static void h2_hangup(struct http_conn *conn, bool eof)
{
	conn_close(conn);
}

static void h2_drain(struct http_conn *conn)
{
	struct h2 *h2 = conn->h2;
	if (h2->going_away)
		return;
	h2->going_away = true;
	nghttp2_session *session = h2->io.session;
	nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE,
			      nghttp2_session_get_last_proc_stream_id(session), NGHTTP2_NO_ERROR,
			      NULL, 0);
	pull(conn);
}

static void reset(struct http_request *req, uint32_t code)
{
	nghttp2_submit_rst_stream(req->conn->h2->io.session, NGHTTP2_FLAG_NONE, req->stream_id,
				  code);
}

static void h2_stalled(struct http_request *req)
{
	if (req->finished && !req->send.out.bytes)
		reset(req, NGHTTP2_NO_ERROR);
	else if (req->handed || req->started)
		reset(req, NGHTTP2_CANCEL);
	else
		request_refuse(req, 408, "the request did not arrive in time");
}

static void h2_release(struct http_conn *conn)
{
	h2_io_release(&conn->h2->io);
	free(conn->h2);
	conn->h2 = NULL;
}

/* --- answers ---------------------------------------------------------------------------- */

static void h2_send_head(struct http_request *req, int code, const struct http_header *headers,
			 size_t count, int64_t length)
{
	nghttp2_session *session = req->conn->h2->io.session;
	nghttp2_nv *nv = arena_array(&req->arena, count + 2, sizeof(*nv));
	char *numbers = arena_alloc(&req->arena, 64);
	if (!nv || !numbers) {
		req->broken = true;
		return;
	}
	size_t n = 0;
	int len = snprintf(numbers, 16, "%d", code);
	nv[n++] = h2_nv(SLICE(":status"), (struct slice){numbers, (size_t)len});
	for (size_t i = 0; i < count; i++)
		nv[n++] = h2_nv(headers[i].name, headers[i].value);
	bool has_body = code >= 200 && code != 204 && code != 304;
	if (has_body && (length > 0 || (length == 0 && !req->is_grpc))) {
		len = snprintf(numbers + 16, 32, "%lld", (long long)length);
		nv[n++] = h2_nv(SLICE("content-length"), (struct slice){numbers + 16, (size_t)len});
	}
	nghttp2_data_provider source = h2_io_body_source(&req->send);
	bool has_data = has_body && length != 0 && !req->is_head;
	if (nghttp2_submit_response(session, req->stream_id, nv, n, has_data ? &source : NULL) != 0)
		req->broken = true;
}

static void h2_send_data(struct http_request *req, struct slice data, struct chunk *owner)
{
	if (!req->send.out.bytes)
		req->last_write_ms = http_now_ms();
	if (owner)
		outq_append_chunk(&req->send.out, owner, data);
	else
		outq_append(&req->send.out, data);
	req->send.drained = false;
	if (req->send.out.failed)
		req->broken = true;
	h2_io_body_changed(&req->conn->h2->io, req->stream_id, &req->send);
}

static bool copy_trailers(struct http_request *req, const struct http_header *trailers,
			  size_t count)
{
	nghttp2_nv *nv = arena_array(&req->arena, count, sizeof(*nv));
	if (!nv)
		return false;
	for (size_t i = 0; i < count; i++) {
		const char *name = arena_strdup(&req->arena, trailers[i].name);
		const char *value = arena_strdup(&req->arena, trailers[i].value);
		if (!name || !value)
			return false;
		nv[i] = h2_nv(slice_of(name), slice_of(value));
	}
	req->send.trailers = nv;
	req->send.trailer_count = count;
	return true;
}

static void h2_send_break(struct http_request *req)
{
	if (req->send.out.bytes && !req->broken) {
		req->send.broken = true;
		h2_io_body_changed(&req->conn->h2->io, req->stream_id, &req->send);
	} else {
		reset(req, NGHTTP2_INTERNAL_ERROR);
	}
}

static void h2_send_end(struct http_request *req, const struct http_header *trailers, size_t count)
{
	if (count && !copy_trailers(req, trailers, count)) {
		h2_send_break(req);
		return;
	}
	req->send.ended = true;
	h2_io_body_changed(&req->conn->h2->io, req->stream_id, &req->send);
}

static size_t h2_waiting(const struct http_request *req)
{
	return req->send.out.bytes;
}

const struct http_protocol h2_protocol = {
	.input = h2_input,
	.room = h2_room,
	.wants_read = h2_wants_read,
	.run = h2_run,
	.drained = h2_drained,
	.hangup = h2_hangup,
	.drain = h2_drain,
	.stalled = h2_stalled,
	.release = h2_release,
	.send_head = h2_send_head,
	.send_data = h2_send_data,
	.send_end = h2_send_end,
	.send_break = h2_send_break,
	.waiting = h2_waiting,
};

int h2_new(struct http_conn *conn)
{
	const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, MOST_STREAMS},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_STREAM_WINDOW},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
		 (uint32_t)conn->worker->options->max_header},
	};
	struct h2 *h2 = calloc(1, sizeof(*h2));
	nghttp2_session_callbacks *callbacks = h2 ? make_callbacks() : NULL;
	if (!callbacks || h2_io_init(&h2->io, &conn->transport, true, callbacks, h2, settings,
				     sizeof(settings) / sizeof(settings[0])) < 0) {
		free(h2);
		return STATUS_NO_MEMORY;
	}
	h2->conn = conn;
	conn->h2 = h2;
	conn->protocol = &h2_protocol;
	return 0;
}
