/*
 * What the files of the HTTP server share. A server has one worker a loop; a worker has
 * connections; a connection has a protocol (h1.c, h2.c) that turns its bytes into
 * requests; dispatch.c decides what becomes of a request, respond.c is its answer.
 *
 * Life: a request is linked to its connection until its answer is complete and, when a
 * handler holds it, until that handler has finished it. A connection is freed by
 * conn_run or the transport's close, once it is closed and has no requests left.
 */
#ifndef TRIPOD_NET_HTTP_INT_H
#define TRIPOD_NET_HTTP_INT_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/buf.h"
#include "net/h2_io.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/outq.h"
#include "net/transport.h"

struct http_conn;
struct http_worker;
struct h1;
struct h2;

/* --- the head of a request, as it arrives (head.c) ------------------------------------ */

struct head_span {
	size_t at, len;
};

struct head_field {
	struct head_span name, value;
};

/* All text is in `bytes`, bounded by max_header; spans are resolved when it is complete. */
struct request_head {
	struct buf bytes;
	struct head_span method, target, authority;
	struct head_field *fields;
	size_t count, capacity;
	size_t overhead; /* counted beside the bytes: fields are not free either */
	bool too_large;
};

void head_init(struct request_head *head, size_t max);
void head_release(struct request_head *head);
void head_clear(struct request_head *head);
/* Appends to a span that is either empty or at the end of `bytes`. */
void head_append(struct request_head *head, struct head_span *span, const char *at, size_t len);
/* Begins a field; its name and value are then appended. NULL when the head is too large. */
struct head_field *head_add(struct request_head *head);
struct slice head_text(const struct request_head *head, struct head_span span);

/* --- a request ------------------------------------------------------------------------ */

struct response_field {
	struct response_field *next;
	const char *name, *value;
};

struct http_request {
	struct http_conn *conn;
	struct http_request *prev, *next; /* in conn->requests, or `next` in worker->spare */
	const struct http_route *route;
	struct arena arena;
	struct request_head head;

	struct slice method, path, query, authority;
	struct http_header *headers;
	size_t header_count;
	enum access_role role;
	bool is_head, is_grpc, minor_zero; /* minor_zero: HTTP/1.0 */
	bool has_body; /* a body was announced */
	int64_t content_length; /* -1: not said */
	int64_t since_ms, last_read_ms, last_write_ms;

	struct chunk *body;
	bool body_done, paused;
	bool handed; /* a handler has it, and must finish it */
	bool finished; /* the answer is complete */
	bool is_gone; /* nobody is there to take an answer */
	bool gone_told;

	void (*on_data)(struct http_request *req, struct slice data, void *arg);
	void (*on_end)(struct http_request *req, void *arg);
	void *body_arg;
	void (*gone)(struct http_request *req, void *arg);
	void *gone_arg;
	void (*drained)(struct http_request *req, void *arg);
	void *drained_arg;

	struct response_field *fields, **fields_end;
	bool started;
	bool broken; /* out of memory while answering: to be broken off, not ended */
	bool chunked; /* HTTP/1.1: the answer's framing */
	bool close_delimited; /* HTTP/1.0 without a length */

	/* HTTP/2 only. */
	int32_t stream_id;
	struct h2_body send;
	size_t held; /* bytes in `body` that came while paused; the peer gets no new window for them */
	bool end_held; /* the end, too, came while paused */
};

struct http_request *request_new(struct http_conn *conn);
void request_free(struct http_request *req);
/* The connection is over, or the stream: tells the handler, or frees the request when none has it. */
void request_lost(struct http_request *req);
/* Calls on_gone once. */
void request_tell_gone(struct http_request *req);
/* Resolves the head: method, target, headers. False: malformed (400 and the reason in `why`). */
bool request_parse_head(struct http_request *req, const char **why);

/* --- what a protocol reports (dispatch.c) ---------------------------------------------- */

/* The head is complete. The request may be answered, and with HTTP/1 gone, on return. */
void request_head_done(struct http_request *req);
/* Room for at least one byte of the body, to be filled and then told by request_data. */
struct slice request_body_room(struct http_request *req);
/* A piece of the body (which may be in the room given above already). */
void request_data(struct http_request *req, const char *data, size_t len);
/* The body is complete. */
void request_end(struct http_request *req);
/* Answers `code` with a line of text; a gRPC call gets the status that comes nearest. */
void request_refuse(struct http_request *req, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
bool host_is_allowed(const struct http_server_options *options, struct slice host);
bool origin_is_allowed(const struct http_server_options *options, struct slice origin);

/* --- connections (conn.c) --------------------------------------------------------------- */

struct http_protocol {
	/* Takes all `len` bytes, or keeps in conn->pending what it cannot take yet. */
	void (*input)(struct http_conn *conn, const char *data, size_t len);
	/* Where the next bytes are best received; an empty slice: anywhere. */
	struct slice (*room)(struct http_conn *conn);
	bool (*wants_read)(const struct http_conn *conn);
	/* Goes on with what was held up: pending input, answers that have room again. */
	void (*run)(struct http_conn *conn);
	/* Everything queued was sent. */
	void (*drained)(struct http_conn *conn);
	/* No more input will come (eof), or the peer hung up while nothing was read. */
	void (*hangup)(struct http_conn *conn, bool eof);
	/* Finish what is open, take nothing new. */
	void (*drain)(struct http_conn *conn);
	/* A request took too long to arrive, or its answer to be taken. */
	void (*stalled)(struct http_request *req);
	void (*release)(struct http_conn *conn);

	/* `length` of the body to come; -1: not known yet. */
	void (*send_head)(struct http_request *req, int code, const struct http_header *headers,
			  size_t count, int64_t length);
	/* `owner` holds the bytes, or is NULL: then they are copied. */
	void (*send_data)(struct http_request *req, struct slice data, struct chunk *owner);
	void (*send_end)(struct http_request *req, const struct http_header *trailers,
			 size_t count);
	void (*send_break)(struct http_request *req);
	size_t (*waiting)(const struct http_request *req);
};

extern const struct http_protocol h1_protocol, h2_protocol;
int h1_new(struct http_conn *conn);
int h2_new(struct http_conn *conn);

enum conn_mode {
	CONN_OPEN,
	CONN_FLUSH, /* sends what is queued, then closes */
	CONN_LINGER, /* all sent; reads on so that the peer can read the answer before a reset */
	CONN_CLOSED,
};

struct http_conn {
	struct transport transport;
	struct http_worker *worker;
	struct http_conn *prev, *next;
	struct http_conn *next_kicked;
	bool kicked, transport_closed;
	enum conn_mode mode;
	bool linger; /* input may be unread when this closes */
	bool reset; /* close so that the peer notices an error */
	bool hangup_seen;
	bool read_again; /* bytes may wait above the socket (TLS) */
	const struct http_protocol *protocol;
	struct h1 *h1;
	struct h2 *h2;
	struct http_request *requests;
	unsigned request_count;
	struct buf pending; /* input that came while it could not be taken */
	size_t pending_at; /* how much of it was taken since */
	int64_t last_read_ms, last_write_ms, linger_until_ms;
	char peer[64];
};

/* On the worker's loop. Takes over the socket. */
void conn_accept(struct http_worker *worker, int fd);
/* As above without a socket; for fuzzers and tests. NULL when out of memory. */
struct http_conn *conn_open_memory(struct http_worker *worker, struct memory_transport *memory);
/* Input is there. */
void conn_read(struct http_conn *conn);
/* Has the connection run soon: pending input, output. */
void conn_kick(struct http_conn *conn);
void conn_run(struct http_conn *conn);
/* Closes once everything queued was sent. */
void conn_finish(struct http_conn *conn, bool linger);
/* Closes now; open requests are gone. */
void conn_close(struct http_conn *conn);
void conn_check_time(struct http_conn *conn, int64_t now_ms);
void conn_drain(struct http_conn *conn);

/* --- workers (worker.c) ------------------------------------------------------------------ */

#define WORKER_BUFFER ((size_t)256 << 10)

struct http_worker {
	struct http_server *server;
	const struct http_server_options *options; /* the server's, with defaults filled in */
	struct loop *loop; /* NULL: driven by a test */
	uv_timer_t tick;
	uv_idle_t idle;
	struct http_conn *conns;
	struct http_conn *kicked, **kicked_end;
	struct http_request *spare;
	unsigned spare_count;
	char *buffer; /* WORKER_BUFFER bytes that all connections read into */
	char date[32];
	int64_t date_second;
	bool draining, stopped;
	int64_t drain_until_ms;
	unsigned open_handles;
	struct loop_task start_task, drain_task, stopped_task;
};

int worker_init(struct http_worker *worker, const struct http_server_options *options);
void worker_release(struct http_worker *worker);
/* Starts its handles on the loop; called there. */
void worker_start(struct http_worker *worker);
void worker_drain(struct http_worker *worker, unsigned grace_ms);
/* There is a kicked connection: the loop must not sleep. */
void worker_wake(struct http_worker *worker);
void worker_run_kicked(struct http_worker *worker);
void worker_add(struct http_worker *worker, struct http_conn *conn);
void worker_remove(struct http_worker *worker, struct http_conn *conn);
/* The value of the Date header. */
const char *worker_date(struct http_worker *worker);
int64_t http_now_ms(void);

/* --- the server (server.c) --------------------------------------------------------------- */

void http_options_fill(struct http_server_options *options);
void server_conn_closed(struct http_server *server);
/* On the worker's loop, once it has no connection and no handle left. */
void server_worker_stopped(struct http_worker *worker);
const char *http_reason(int code);

#endif
