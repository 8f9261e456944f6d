/* HTTP/1.0 and 1.1 (RFC 9112), parsed by llhttp; one request at a time is taken. */
#include <llhttp/llhttp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/http_int.h"

/* An answer sent before a body of at most this has arrived keeps the connection; the body is skipped. */
#define SKIPPED_BODY ((int64_t)64 << 10)

enum h1_event { H1_NOTHING, H1_HEAD, H1_END };

struct h1 {
	llhttp_t parser;
	struct http_conn *conn;
	/* The request being read or answered; NULL between two, and while skipping the body of one answered. */
	struct http_request *req;
	enum h1_event event; /* why the parser paused */
	bool in_name; /* of a header */
	bool parser_paused; /* it may have more to tell without more input */
	bool head_done;
	bool answering; /* the request is complete, its answer is not */
	bool keep_alive;
	bool eof;
	size_t trailer_bytes;
};

static struct h1 *h1_of(llhttp_t *parser)
{
	return parser->data;
}

/* --- the parser's callbacks ------------------------------------------------------------ */

static int on_message_begin(llhttp_t *parser)
{
	struct h1 *h1 = h1_of(parser);
	h1->req = request_new(h1->conn);
	if (!h1->req)
		return HPE_USER;
	h1->in_name = h1->head_done = h1->answering = false;
	h1->keep_alive = false;
	h1->trailer_bytes = 0;
	return 0;
}

static int too_large(const struct h1 *h1)
{
	return h1->req->head.too_large ? HPE_USER : 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
	struct h1 *h1 = h1_of(parser);
	head_append(&h1->req->head, &h1->req->head.target, at, len);
	return too_large(h1);
}

/* Trailers are read and dropped: nothing here has a use for them. */
static int count_trailer(struct h1 *h1, size_t len)
{
	h1->trailer_bytes += len + 1;
	return h1->trailer_bytes > h1->conn->worker->options->max_header ? HPE_USER : 0;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
	struct h1 *h1 = h1_of(parser);
	if (h1->head_done)
		return count_trailer(h1, len);
	struct request_head *head = &h1->req->head;
	if (!h1->in_name && !head_add(head))
		return HPE_USER;
	h1->in_name = true;
	head_append(head, &head->fields[head->count - 1].name, at, len);
	return too_large(h1);
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
	struct h1 *h1 = h1_of(parser);
	if (h1->head_done)
		return count_trailer(h1, len);
	struct request_head *head = &h1->req->head;
	h1->in_name = false;
	head_append(head, &head->fields[head->count - 1].value, at, len);
	return too_large(h1);
}

static int on_header_value_complete(llhttp_t *parser)
{
	h1_of(parser)->in_name = false;
	return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
	struct h1 *h1 = h1_of(parser);
	struct http_request *req = h1->req;
	/* Upgrades are ignored, as RFC 9110 §7.8 allows; what follows is HTTP. */
	parser->upgrade = 0;
	req->method = slice_of(llhttp_method_name((llhttp_method_t)parser->method));
	req->minor_zero = parser->http_minor == 0;
	if (parser->flags & F_CONTENT_LENGTH) {
		req->content_length = parser->content_length > INT64_MAX
					      ? INT64_MAX
					      : (int64_t)parser->content_length;
		req->has_body = req->content_length > 0;
	}
	if (parser->flags & F_CHUNKED)
		req->has_body = true;
	h1->keep_alive = llhttp_should_keep_alive(parser);
	h1->head_done = true;
	h1->event = H1_HEAD;
	return HPE_PAUSED;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
	struct h1 *h1 = h1_of(parser);
	if (h1->req)
		request_data(h1->req, at, len);
	if (h1->conn->mode != CONN_OPEN)
		return HPE_USER;
	return h1->req && h1->req->paused ? HPE_PAUSED : 0;
}

static int on_message_complete(llhttp_t *parser)
{
	h1_of(parser)->event = H1_END;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_message_begin = on_message_begin,
	.on_url = on_url,
	.on_header_field = on_header_field,
	.on_header_value = on_header_value,
	.on_header_value_complete = on_header_value_complete,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

/* --- input ----------------------------------------------------------------------------- */

static void out(struct http_conn *conn, const char *text, size_t len)
{
	outq_append(&conn->transport.out, (struct slice){text, len});
}

static void head_event(struct h1 *h1)
{
	struct http_request *req = h1->req;
	request_head_done(req);
	if (h1->req != req || h1->conn->mode != CONN_OPEN || req->started || req->minor_zero ||
	    !req->has_body || !http_request_header(req, "expect").ptr)
		return;
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	out(h1->conn, go_on, sizeof(go_on) - 1);
}

static void malformed(struct h1 *h1, llhttp_errno_t rc)
{
	struct http_request *req = h1->req;
	struct http_conn *conn = h1->conn;
	h1->keep_alive = false;
	if (!req || req->handed || req->started) {
		conn_close(conn);
		return;
	}
	req->has_body = true; /* what follows is unreadable, and unread */
	if (req->head.too_large && req->head.count == 0)
		request_refuse(req, 414, "the request target is larger than %zu bytes",
			       conn->worker->options->max_header);
	else if (req->head.too_large || h1->trailer_bytes > conn->worker->options->max_header)
		request_refuse(req, 431, "the request's headers are larger than %zu bytes",
			       conn->worker->options->max_header);
	else if (rc == HPE_PAUSED_H2_UPGRADE)
		request_refuse(req, 505, "HTTP/2 is not served on this address");
	else if (rc == HPE_INVALID_VERSION)
		request_refuse(req, 505, "only HTTP/1.0, HTTP/1.1 and HTTP/2 are known");
	else
		request_refuse(req, 400, "malformed HTTP: %s",
			       llhttp_get_error_reason(&h1->parser));
}

static bool is_blocked(const struct h1 *h1)
{
	return h1->answering || (h1->req && h1->req->paused);
}

/* Keeps input for later; it may be the tail of what was kept before. */
static void keep(struct http_conn *conn, const char *data, size_t len)
{
	struct buf *pending = &conn->pending;
	if (pending->len && data >= pending->data && data <= pending->data + pending->len) {
		conn->pending_at = (size_t)(data - pending->data);
		return;
	}
	buf_append(pending, data, len);
	if (pending->failed)
		conn_close(conn);
}

static void end_event(struct h1 *h1)
{
	if (!h1->req)
		return; /* answered before its body was there, and skipped since */
	h1->answering = true;
	request_end(h1->req);
}

static void h1_input(struct http_conn *conn, const char *data, size_t len)
{
	struct h1 *h1 = conn->h1;
	while ((len || h1->parser_paused) && conn->mode == CONN_OPEN) {
		if (is_blocked(h1)) {
			if (len)
				keep(conn, data, len);
			return;
		}
		h1->event = H1_NOTHING;
		llhttp_errno_t rc = llhttp_execute(&h1->parser, data, len);
		if (conn->mode != CONN_OPEN)
			return;
		size_t used = len;
		h1->parser_paused = rc == HPE_PAUSED;
		if (rc == HPE_PAUSED) {
			used = (size_t)(llhttp_get_error_pos(&h1->parser) - data);
			llhttp_resume(&h1->parser);
		} else if (rc != HPE_OK) {
			malformed(h1, rc);
			return;
		}
		data += used;
		len -= used;
		if (h1->event == H1_HEAD)
			head_event(h1);
		else if (h1->event == H1_END)
			end_event(h1);
	}
}

static struct slice h1_room(struct http_conn *conn)
{
	struct http_request *req = conn->h1->req;
	if (!req || req->handed || !req->route)
		return (struct slice){0};
	return request_body_room(req);
}

static bool h1_wants_read(const struct http_conn *conn)
{
	return !is_blocked(conn->h1) && !conn->h1->eof && !conn->pending.len;
}

static void h1_run(struct http_conn *conn)
{
	struct h1 *h1 = conn->h1;
	if (conn->pending.len && !is_blocked(h1)) {
		size_t at = conn->pending_at;
		conn->pending_at = conn->pending.len;
		h1_input(conn, conn->pending.data + at, conn->pending.len - at);
		if (conn->pending_at == conn->pending.len) {
			buf_release(&conn->pending);
			conn->pending_at = 0;
		}
	} else if (h1->parser_paused) {
		h1_input(conn, "", 0);
	}
	if (h1->eof && !h1->req && !conn->pending.len && conn->mode == CONN_OPEN)
		conn_finish(conn, false);
}

static void h1_drained(struct http_conn *conn)
{
	struct http_request *req = conn->h1->req;
	if (req && req->started && req->drained)
		req->drained(req, req->drained_arg);
}

/*
 * A peer that closed only its sending side can still take the answer, and looks the same
 * as one that is gone: the handler is told, and may answer nevertheless.
 */
static void h1_hangup(struct http_conn *conn, bool eof)
{
	struct h1 *h1 = conn->h1;
	if (eof && !h1->answering && h1->req) {
		conn_close(conn);
		return;
	}
	h1->eof |= eof;
	if (h1->answering && h1->req)
		request_tell_gone(h1->req);
	conn_kick(conn);
}

static void h1_drain(struct http_conn *conn)
{
	conn->h1->keep_alive = false;
	if (!conn->h1->req)
		conn_finish(conn, false);
}

static void h1_stalled(struct http_request *req)
{
	struct h1 *h1 = req->conn->h1;
	if (req != h1->req || req->handed || req->started) {
		conn_close(req->conn);
		return;
	}
	h1->keep_alive = false;
	req->has_body = true;
	request_refuse(req, 408, "the request did not arrive in time");
}

static void h1_release(struct http_conn *conn)
{
	free(conn->h1);
	conn->h1 = NULL;
}

/* --- answers --------------------------------------------------------------------------- */

static bool keeps_connection(const struct h1 *h1, const struct http_request *req)
{
	if (!h1->keep_alive || h1->conn->worker->draining)
		return false;
	if (req->body_done || !req->has_body)
		return true;
	/* A client that waits for "100 Continue" may send the body or not: no telling. */
	return req->content_length >= 0 && req->content_length <= SKIPPED_BODY &&
	       !http_request_header(req, "expect").ptr;
}

static void add_header(struct buf *to, struct slice name, struct slice value)
{
	buf_append_slice(to, name);
	buf_append(to, ": ", 2);
	buf_append_slice(to, value);
	buf_append(to, "\r\n", 2);
}

static void h1_send_head(struct http_request *req, int code, const struct http_header *headers,
			 size_t count, int64_t length)
{
	struct h1 *h1 = req->conn->h1;
	struct buf head = BUF_INIT;
	h1->keep_alive = keeps_connection(h1, req);
	buf_appendf(&head, "HTTP/1.1 %d %s\r\n", code, http_reason(code));
	for (size_t i = 0; i < count; i++)
		add_header(&head, headers[i].name, headers[i].value);
	if (code >= 200 && code != 204 && code != 304) {
		if (length >= 0)
			buf_appendf(&head, "content-length: %lld\r\n", (long long)length);
		else if (req->minor_zero)
			req->close_delimited = !req->is_head;
		else
			req->chunked = true;
	}
	if (req->chunked)
		buf_append_cstr(&head, "transfer-encoding: chunked\r\n");
	if (req->close_delimited)
		h1->keep_alive = false;
	if (!h1->keep_alive)
		buf_append_cstr(&head, "connection: close\r\n");
	else if (req->minor_zero)
		buf_append_cstr(&head, "connection: keep-alive\r\n");
	buf_append(&head, "\r\n", 2);
	if (head.failed)
		req->conn->transport.out.failed = true;
	else
		out(req->conn, head.data, head.len);
	buf_release(&head);
}

static void h1_send_data(struct http_request *req, struct slice data, struct chunk *owner)
{
	struct outq *q = &req->conn->transport.out;
	if (req->chunked) {
		char size[24];
		int n = snprintf(size, sizeof(size), "%zx\r\n", data.len);
		out(req->conn, size, (size_t)n);
	}
	if (owner)
		outq_append_chunk(q, owner, data);
	else
		outq_append(q, data);
	if (req->chunked)
		out(req->conn, "\r\n", 2);
	if (q->bytes == data.len)
		req->conn->last_write_ms = http_now_ms();
}

static void request_over(struct http_request *req)
{
	struct http_conn *conn = req->conn;
	struct h1 *h1 = conn->h1;
	bool unread = req->has_body && !req->body_done;
	h1->req = NULL;
	h1->answering = false;
	request_free(req);
	if (!h1->keep_alive || conn->worker->draining)
		conn_finish(conn, unread);
}

static void h1_send_end(struct http_request *req, const struct http_header *trailers, size_t count)
{
	if (req->chunked && !req->is_head) {
		struct buf end = BUF_INIT;
		buf_append_cstr(&end, "0\r\n");
		for (size_t i = 0; i < count; i++)
			add_header(&end, trailers[i].name, trailers[i].value);
		buf_append(&end, "\r\n", 2);
		if (end.failed)
			req->conn->transport.out.failed = true;
		else
			out(req->conn, end.data, end.len);
		buf_release(&end);
	}
	request_over(req);
}

static void h1_send_break(struct http_request *req)
{
	struct http_conn *conn = req->conn;
	/* Without framing, the end of the connection is the end of the answer: make it an error. */
	if (req->close_delimited)
		conn->reset = true;
	conn->h1->keep_alive = false;
	request_over(req);
}

static size_t h1_waiting(const struct http_request *req)
{
	return req->conn->transport.out.bytes;
}

const struct http_protocol h1_protocol = {
	.input = h1_input,
	.room = h1_room,
	.wants_read = h1_wants_read,
	.run = h1_run,
	.drained = h1_drained,
	.hangup = h1_hangup,
	.drain = h1_drain,
	.stalled = h1_stalled,
	.release = h1_release,
	.send_head = h1_send_head,
	.send_data = h1_send_data,
	.send_end = h1_send_end,
	.send_break = h1_send_break,
	.waiting = h1_waiting,
};

int h1_new(struct http_conn *conn)
{
	struct h1 *h1 = calloc(1, sizeof(*h1));
	if (!h1)
		return STATUS_NO_MEMORY;
	llhttp_init(&h1->parser, HTTP_REQUEST, &settings);
	h1->parser.data = h1;
	h1->conn = conn;
	conn->h1 = h1;
	conn->protocol = &h1_protocol;
	return 0;
}
