#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_int.h"
#include "net/tls_int.h"

/* One connection reads at most this before others get their turn. */
#define READ_TURN ((size_t)1 << 20)
/* More input is taken only while less than this waits to be sent: who does not read is not read from. */
#define OUTPUT_BOUND ((size_t)4 << 20)
/* How long, after an early answer, input is read and dropped so that the peer can read it. */
#define LINGER_MS 3000
#define FLUSH_ROUNDS 8

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
#define PREFACE_LEN (sizeof(preface) - 1)

static struct http_conn *conn_of(struct transport *t)
{
	return (struct http_conn *)((char *)t - offsetof(struct http_conn, transport));
}

/* --- life ------------------------------------------------------------------------------ */

static void free_if_over(struct http_conn *conn)
{
	if (conn->mode != CONN_CLOSED || !conn->transport_closed || conn->requests || conn->kicked)
		return;
	if (conn->protocol)
		conn->protocol->release(conn);
	buf_release(&conn->pending);
	worker_remove(conn->worker, conn);
	free(conn);
}

void conn_kick(struct http_conn *conn)
{
	struct http_worker *worker = conn->worker;
	if (conn->kicked)
		return;
	conn->kicked = true;
	conn->next_kicked = NULL;
	*worker->kicked_end = conn;
	worker->kicked_end = &conn->next_kicked;
	worker_wake(worker);
}

void conn_finish(struct http_conn *conn, bool linger)
{
	if (conn->mode != CONN_OPEN)
		return;
	conn->mode = CONN_FLUSH;
	conn->linger = linger;
	conn->last_write_ms = http_now_ms();
	conn_kick(conn);
}

void conn_close(struct http_conn *conn)
{
	if (conn->mode == CONN_CLOSED)
		return;
	conn->mode = CONN_CLOSED;
	/* Handlers are called, and may finish any request: look anew each time. */
	for (struct http_request *req = conn->requests; req;) {
		if (req->is_gone) {
			req = req->next;
			continue;
		}
		request_lost(req);
		req = conn->requests;
	}
	if (conn->reset)
		transport_reset(&conn->transport);
	transport_close(&conn->transport);
	if (conn->transport.fd < 0)
		conn->transport_closed = true;
	conn_kick(conn);
}

static void on_closed(struct transport *t)
{
	struct http_conn *conn = conn_of(t);
	conn->transport_closed = true;
	free_if_over(conn);
}

/* --- output ---------------------------------------------------------------------------- */

static void all_sent(struct http_conn *conn)
{
	if (conn->reset || !conn->linger) {
		conn_close(conn);
		return;
	}
	transport_shutdown(&conn->transport);
	conn->mode = CONN_LINGER;
	conn->linger_until_ms = http_now_ms() + LINGER_MS;
}

static void flush(struct http_conn *conn)
{
	for (int round = 0; round < FLUSH_ROUNDS; round++) {
		ssize_t n = transport_flush(&conn->transport);
		if (n == TRANSPORT_BROKEN) {
			conn_close(conn);
			return;
		}
		if (n > 0)
			conn->last_write_ms = http_now_ms();
		if (conn->transport.blocked || conn->mode != CONN_OPEN || !conn->protocol)
			break;
		conn->protocol->drained(conn);
		if (!conn->transport.out.bytes)
			break;
	}
	if (conn->transport.out.bytes && !conn->transport.blocked)
		conn_kick(conn);
	if (!conn->transport.out.bytes && conn->mode == CONN_FLUSH)
		all_sent(conn);
}

/* --- input ----------------------------------------------------------------------------- */

static bool wants_read(const struct http_conn *conn)
{
	if (conn->mode == CONN_LINGER)
		return true;
	if (conn->mode != CONN_OPEN || conn->transport.out.bytes > OUTPUT_BOUND)
		return false;
	return !conn->protocol || conn->protocol->wants_read(conn);
}

static void watch(struct http_conn *conn)
{
	if (conn->mode == CONN_CLOSED)
		return;
	bool read = wants_read(conn);
	bool body_paused = conn->requests && conn->requests->paused;
	transport_watch(&conn->transport, read,
			!read && conn->mode == CONN_OPEN && !conn->hangup_seen && !body_paused);
}

/* Decides between HTTP/1 and the preface of HTTP/2. False: more bytes are needed. */
static bool choose_protocol(struct http_conn *conn, const char *data, size_t len)
{
	int rc;
	size_t n = len < PREFACE_LEN ? len : PREFACE_LEN;
	bool may_be_http2 = conn->worker->options->http2 && memcmp(data, preface, n) == 0;
	if (may_be_http2 && n < PREFACE_LEN)
		return false;
	rc = may_be_http2 ? h2_new(conn) : h1_new(conn);
	if (rc < 0)
		conn_close(conn);
	return rc == 0;
}

static void input(struct http_conn *conn, const char *data, size_t len)
{
	conn->last_read_ms = http_now_ms();
	if (conn->mode != CONN_OPEN)
		return;
	if (conn->protocol) {
		conn->protocol->input(conn, data, len);
		return;
	}
	if (!conn->pending.len) {
		if (choose_protocol(conn, data, len))
			conn->protocol->input(conn, data, len);
		else
			buf_append(&conn->pending, data, len);
		return;
	}
	/* The first bytes came one by one. */
	buf_append(&conn->pending, data, len);
	if (conn->pending.failed || !choose_protocol(conn, conn->pending.data, conn->pending.len))
		return;
	struct buf first = conn->pending;
	buf_init(&conn->pending);
	conn->protocol->input(conn, first.data, first.len);
	buf_release(&first);
}

static void end_of_input(struct http_conn *conn)
{
	if (conn->mode == CONN_OPEN && conn->protocol)
		conn->protocol->hangup(conn, true);
	else
		conn_close(conn);
}

static void read_some(struct http_conn *conn)
{
	size_t taken = 0;
	while (wants_read(conn)) {
		if (taken >= READ_TURN) {
			conn->read_again = true;
			conn_kick(conn);
			return;
		}
		struct slice room = {0};
		if (conn->protocol && conn->mode == CONN_OPEN)
			room = conn->protocol->room(conn);
		if (!room.len)
			room = (struct slice){conn->worker->buffer, WORKER_BUFFER};
		ssize_t n = transport_read(&conn->transport, (char *)room.ptr, room.len);
		if (n == TRANSPORT_AGAIN)
			return;
		if (n == TRANSPORT_BROKEN) {
			conn_close(conn);
			return;
		}
		if (n == 0) {
			end_of_input(conn);
			return;
		}
		taken += (size_t)n;
		input(conn, room.ptr, (size_t)n);
	}
	conn->read_again = true;
}

void conn_read(struct http_conn *conn)
{
	conn->read_again = false;
	read_some(conn);
	conn_run(conn);
}

void conn_run(struct http_conn *conn)
{
	if (conn->mode == CONN_OPEN && conn->protocol)
		conn->protocol->run(conn);
	if (conn->read_again && wants_read(conn)) {
		conn->read_again = false;
		read_some(conn);
		if (conn->mode == CONN_OPEN && conn->protocol)
			conn->protocol->run(conn);
	}
	if (conn->mode == CONN_OPEN || conn->mode == CONN_FLUSH)
		flush(conn);
	watch(conn);
	free_if_over(conn);
}

static void on_readable(struct transport *t)
{
	conn_read(conn_of(t));
}

static void on_writable(struct transport *t)
{
	conn_run(conn_of(t));
}

static void on_hangup(struct transport *t)
{
	struct http_conn *conn = conn_of(t);
	conn->hangup_seen = true;
	if (conn->mode == CONN_OPEN && conn->protocol)
		conn->protocol->hangup(conn, false);
	else
		conn_close(conn);
	conn_run(conn);
}

static const struct transport_owner owner = {.on_readable = on_readable,
					     .on_writable = on_writable,
					     .on_hangup = on_hangup,
					     .on_closed = on_closed};

/* --- the beginning --------------------------------------------------------------------- */

static void name_peer(struct http_conn *conn, int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	char text[INET6_ADDRSTRLEN] = "?";
	unsigned port = 0;
	snprintf(conn->peer, sizeof(conn->peer), "unix");
	if (getpeername(fd, (struct sockaddr *)&address, &len) != 0)
		return;
	if (address.ss_family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)&address;
		inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
		port = ntohs(in->sin_port);
		snprintf(conn->peer, sizeof(conn->peer), "%s:%u", text, port);
	} else if (address.ss_family == AF_INET6) {
		struct sockaddr_in6 *in = (struct sockaddr_in6 *)&address;
		inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof(text));
		port = ntohs(in->sin6_port);
		snprintf(conn->peer, sizeof(conn->peer), "[%s]:%u", text, port);
	}
}

static struct http_conn *conn_new(struct http_worker *worker)
{
	struct http_conn *conn = calloc(1, sizeof(*conn));
	if (!conn)
		return NULL;
	conn->worker = worker;
	conn->last_read_ms = conn->last_write_ms = http_now_ms();
	buf_init(&conn->pending);
	worker_add(worker, conn);
	return conn;
}

void conn_accept(struct http_worker *worker, int fd)
{
	struct http_conn *conn = conn_new(worker);
	if (!conn) {
		close(fd);
		server_conn_closed(worker->server);
		return;
	}
	name_peer(conn, fd);
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* fails on Unix sockets */
	if (transport_open(&conn->transport, loop_uv(worker->loop), fd, worker->options->pool,
			   &owner) < 0) {
		conn->mode = CONN_CLOSED;
		conn->transport_closed = true;
		free_if_over(conn);
		return;
	}
	if (worker->options->tls &&
	    transport_start_tls_server(&conn->transport, worker->options->tls) < 0)
		conn_close(conn);
	conn->read_again = true;
	conn_run(conn);
}

struct http_conn *conn_open_memory(struct http_worker *worker, struct memory_transport *memory)
{
	struct http_conn *conn = conn_new(worker);
	if (!conn)
		return NULL;
	snprintf(conn->peer, sizeof(conn->peer), "memory");
	transport_open_memory(&conn->transport, memory, worker->options->pool, &owner);
	return conn;
}

void conn_drain(struct http_conn *conn)
{
	if (conn->mode != CONN_OPEN)
		return;
	if (conn->protocol)
		conn->protocol->drain(conn);
	else
		conn_finish(conn, false);
	conn_kick(conn);
}

/* --- time ------------------------------------------------------------------------------ */

static bool arrives_too_slowly(const struct http_request *req,
			       const struct http_server_options *options, int64_t now_ms)
{
	if (req->body_done || req->paused || req->finished)
		return false;
	if (now_ms - req->last_read_ms > options->read_timeout_ms)
		return true;
	/* How long a stream takes in all is its handler's business. */
	bool streams = req->route && req->route->body == HTTP_BODY_STREAM;
	return !streams && now_ms - req->since_ms > options->request_timeout_ms;
}

/* HTTP/2: each answer has a window of its own. */
static bool is_taken_too_slowly(struct http_request *req, const struct http_server_options *options,
				int64_t now_ms)
{
	if (req->send.moved || (!req->send.out.bytes && !req->finished))
		req->last_write_ms = now_ms;
	req->send.moved = false;
	int64_t stalled = now_ms - req->last_write_ms;
	if (req->send.out.bytes)
		return stalled > options->write_timeout_ms;
	/* The answer is taken, and still the body does not end. */
	return req->finished && !req->body_done && stalled > LINGER_MS;
}

static struct http_request *find_stalled(struct http_conn *conn, int64_t now_ms)
{
	const struct http_server_options *options = conn->worker->options;
	for (struct http_request *req = conn->requests; req; req = req->next) {
		if (req->is_gone)
			continue;
		if (arrives_too_slowly(req, options, now_ms) ||
		    is_taken_too_slowly(req, options, now_ms))
			return req;
	}
	return NULL;
}

void conn_check_time(struct http_conn *conn, int64_t now_ms)
{
	const struct http_server_options *options = conn->worker->options;
	if (conn->mode == CONN_CLOSED)
		return;
	if (conn->mode == CONN_LINGER) {
		if (now_ms > conn->linger_until_ms)
			conn_close(conn);
		return;
	}
	if (conn->transport.out.bytes) {
		if (now_ms - conn->last_write_ms > options->write_timeout_ms) {
			conn_close(conn);
			return;
		}
	} else if (!conn->requests) {
		bool half = conn->pending.len > 0 || transport_is_handshaking(&conn->transport);
		unsigned idle = half ? options->read_timeout_ms : options->idle_timeout_ms;
		if (now_ms - conn->last_read_ms > idle && now_ms - conn->last_write_ms > idle)
			conn_drain(conn);
	}
	struct http_request *req = conn->mode == CONN_OPEN ? find_stalled(conn, now_ms) : NULL;
	if (req) {
		conn->protocol->stalled(req);
		conn_kick(conn);
	}
}
