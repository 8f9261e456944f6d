#include "api/clickhouse.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <xxhash.h>

#include "api/query_queue.h"
#include "base/buf.h"
#include "base/chunk.h"
#include "base/clock.h"
#include "store/bridge.h"
#include "store/exception.h"
#include "wire/compress.h"

#define TEXT_PLAIN "text/plain; charset=UTF-8"
#define DEFAULT_MAX_STATEMENT ((size_t)4 << 20)
#define DEFAULT_MAX_WAIT_MS 30000u
/* Parameters, settings and headers of one request. */
#define QUERY_ARENA ((size_t)4 << 20)
/* An answer whose length is known and small goes whole; a larger one in pieces. */
#define SMALL_ANSWER ((size_t)64 << 10)
/* Beyond max_execution_time, for the store to say so and for what is on its way. */
#define GRACE_MS 30000u

struct query;

/*
 * The loop's side, in the request's arena. The worker takes `query` away before it ends the
 * answer, for then the request, and this, may be gone.
 */
struct listener {
	pthread_mutex_t lock;
	struct bridge *bridge;
	struct query *query;
};

struct query {
	struct query_ticket ticket;
	struct clickhouse_api *api;
	struct listener *listener;
	struct bridge *bridge;
	struct store_interrupt *interrupt;
	struct arena arena;
	/* Copies made on the loop. */
	const char *raw_query, *accept_encoding, *content_encoding, *content_type;
	const char *header_database, *header_format;
	struct chunk *body;
	bool is_get;
	/* The worker's. */
	struct query_request want;
	struct buf text; /* the statement, when it is not `body` as it came */
	atomic_bool stopped; /* by us, not by the client */
	bool started; /* the head of the answer is on its way */
	int code; /* of the answer */
	bool holds; /* it is held back until it is whole */
	struct buf held;
};

static void count(atomic_ullong *counter, unsigned long long n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static void query_free(struct query *q)
{
	store_interrupt_free(q->interrupt);
	chunk_unref(q->body);
	buf_release(&q->text);
	buf_release(&q->held);
	bridge_unref(q->bridge);
	arena_release(&q->arena);
	free(q);
}

/* --- answers, on the worker --------------------------------------------------------- */

/* From here on the client's leaving concerns the bridge alone. */
static void detach(struct query *q)
{
	pthread_mutex_lock(&q->listener->lock);
	q->listener->query = NULL;
	pthread_mutex_unlock(&q->listener->lock);
}

static void fail(struct query *q, const char *message)
{
	char number[16];
	struct buf body = BUF_INIT;
	int code = exception_code_of(slice_of(message));
	int http = exception_http_status(code);
	if (code == EXCEPTION_READONLY)
		http = 403;
	if (code == EXCEPTION_TOO_MANY_QUERIES || code == EXCEPTION_QUERY_WAS_CANCELLED) {
		http = 503;
		bridge_header(q->bridge, "Retry-After", "1");
	}
	snprintf(number, sizeof(number), "%d", code);
	bridge_header(q->bridge, "X-ClickHouse-Exception-Code", number);
	if (q->want.query_id)
		bridge_header(q->bridge, "X-ClickHouse-Query-Id", q->want.query_id);
	buf_append_cstr(&body, message);
	buf_append_byte(&body, '\n');
	detach(q);
	bridge_respond(q->bridge, http, TEXT_PLAIN, buf_slice(&body));
	buf_release(&body);
}

/* Headers of the store's that make sense for the client; framing is our own. */
static bool is_passed_on(const char *name)
{
	static const char *const names[] = {"Content-Type", "Content-Encoding",
					    "Content-Disposition", "Vary", "Retry-After"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcasecmp(name, names[i]) == 0)
			return true;
	}
	return strncasecmp(name, "X-ClickHouse-", 13) == 0;
}

static int on_head(void *ctx, int code, const struct store_header *headers, size_t header_count)
{
	struct query *q = ctx;
	for (size_t i = 0; i < header_count; i++) {
		const struct store_header *h = &headers[i];
		if (strcasecmp(h->name, "Content-Length") == 0)
			q->holds = strtoull(h->value, NULL, 10) <= SMALL_ANSWER;
		else if (strcasecmp(h->name, "X-ClickHouse-Query-Id") == 0)
			bridge_header(q->bridge, h->name,
				      q->want.query_id ? q->want.query_id : h->value);
		else if (is_passed_on(h->name))
			bridge_header(q->bridge, h->name, h->value);
	}
	q->code = code;
	q->started = true;
	if (!q->holds)
		bridge_start(q->bridge, code, NULL);
	return 0;
}

static int on_data(void *ctx, struct slice data)
{
	struct query *q = ctx;
	count(&q->api->counts->bytes, data.len);
	if (!q->holds)
		return bridge_write(q->bridge, data, NULL);
	buf_append_slice(&q->held, data);
	return q->held.failed ? STATUS_NO_MEMORY : 0;
}

static void fail_stopped(struct query *q)
{
	struct error said;
	exception_set(&said, EXCEPTION_QUERY_WAS_CANCELLED,
		      "Query was cancelled: the server stops, or takes up a new configuration");
	fail(q, said.message);
}

static void finish(struct query *q, int rc, const struct error *err)
{
	struct clickhouse_counts *counts = q->api->counts;
	if (rc == 0)
		count(q->code == 200 ? &counts->answered : &counts->failed, 1);
	else
		count(rc == STATUS_CANCELLED ? &counts->cancelled : &counts->failed, 1);
	if (rc == 0 && q->holds) {
		detach(q);
		bridge_respond(q->bridge, q->code, NULL, buf_slice(&q->held));
	} else if (rc == 0) {
		detach(q);
		bridge_end(q->bridge);
	} else if (rc == STATUS_CANCELLED && atomic_load(&q->stopped) &&
		   (!q->started || q->holds)) {
		fail_stopped(q);
	} else if (rc == STATUS_CANCELLED || (q->started && !q->holds)) {
		detach(q);
		bridge_break(q->bridge);
	} else {
		struct error said;
		exception_set(&said, rc == STATUS_TIMEOUT ? EXCEPTION_TIMEOUT_EXCEEDED : 209, "%s",
			      err->message);
		fail(q, said.message);
	}
}

/* --- the statement, on the worker --------------------------------------------------- */

static int too_large(struct query *q, struct error *err)
{
	return exception_set(err, EXCEPTION_QUERY_IS_TOO_LARGE,
			     "The statement is larger than %zu bytes", q->text.limit);
}

/* The statement is in the URL, in the body, or begins in one and goes on in the other. */
static int compose(struct query *q, struct slice *out, struct error *err)
{
	enum compress_encoding encoding;
	struct chunk *plain = NULL;
	struct error why;
	struct slice body = {0};
	if (q->body)
		body = (struct slice){q->body->data, q->body->len};
	if (compress_encoding_parse(&encoding, slice_of(q->content_encoding), &why))
		return exception_set(err, EXCEPTION_NOT_IMPLEMENTED, "%s", why.message);
	if (strncasecmp(q->content_type, "multipart/", 10) == 0)
		return exception_set(err, EXCEPTION_NOT_IMPLEMENTED,
				     "multipart bodies (external tables) are not supported");
	if (encoding != COMPRESS_IDENTITY && body.len) {
		int rc = compress_decode(&plain, q->api->pool, encoding, body, q->text.limit, &why);
		if (rc)
			return rc == STATUS_LIMIT ? too_large(q, err)
						  : exception_set(err, EXCEPTION_INCORRECT_DATA,
								  "%s", why.message);
		body = (struct slice){plain->data, plain->len};
	}
	buf_append_slice(&q->text, q->want.query);
	if (q->want.query.len && body.len)
		buf_append_byte(&q->text, '\n');
	buf_append_slice(&q->text, body);
	chunk_unref(plain);
	if (q->text.failed)
		return too_large(q, err);
	*out = buf_slice(&q->text);
	return 0;
}

/*
 * An id of a user's must not be that of one of Tripod's own statements, which would then be
 * refused as running already; the answer carries it as it was given.
 */
static int add_query_id(struct query *q, struct error *err)
{
	if (!q->want.query_id)
		return 0;
	struct buf id = BUF_INIT;
	buf_appendf(&id, "user-%s", q->want.query_id);
	char *own = id.failed ? NULL : arena_strdup(&q->arena, buf_slice(&id));
	buf_release(&id);
	if (!own)
		return exception_set(err, EXCEPTION_QUERY_IS_TOO_LARGE, "The request is too large");
	q->want.options[q->want.option_count++] = (struct store_option){"query_id", own};
	return 0;
}

static int check_header_database(struct query *q, struct error *err)
{
	struct slice name = slice_of(q->header_database);
	if (!name.len || slice_eq_cstr(name, q->api->database) || slice_eq_cstr(name, "default"))
		return 0;
	return exception_set(err, EXCEPTION_UNKNOWN_DATABASE,
			     "The database of X-ClickHouse-Database does not exist for users; the "
			     "telemetry is in %s",
			     q->api->database);
}

static int prepare(struct query *q, struct slice *sql, bool *empty, struct error *err)
{
	int rc = query_request_read(&q->want, slice_of(q->raw_query), q->header_format,
				    q->api->database, &q->api->limits, &q->arena, err);
	if (rc == 0)
		rc = check_header_database(q, err);
	if (rc == 0)
		rc = compose(q, sql, err);
	if (rc == 0)
		rc = query_request_take_clause(&q->want, q->text.data, q->text.len, err);
	if (rc == 0)
		rc = query_request_finish(&q->want, err);
	if (rc == 0)
		rc = sql_access_check(*sql, q->api->database, q->want.params, q->want.param_count,
				      empty, err);
	return rc ? rc : add_query_id(q, err);
}

static void forward(struct query *q, struct slice sql)
{
	struct error err;
	uint64_t limit = q->want.limits.max_execution_ms;
	struct store_forward forward = {
		.sql = sql,
		.options = q->want.options,
		.option_count = q->want.option_count,
		.accept_encoding =
			q->want.compress && *q->accept_encoding ? q->accept_encoding : NULL,
		.timeout_ms = limit ? (unsigned)(limit < UINT32_MAX - GRACE_MS ? limit + GRACE_MS
									       : UINT32_MAX)
				    : 0,
		.interrupt = q->interrupt,
		.on_head = on_head,
		.on_data = on_data,
		.ctx = q,
	};
	int rc = store_forward(q->api->store, &forward, &err);
	finish(q, rc, &err);
}

static void run(struct query_ticket *ticket)
{
	struct query *q = (struct query *)ticket;
	struct clickhouse_api *api = q->api;
	unsigned max_wait = api->max_wait_ms ? api->max_wait_ms : DEFAULT_MAX_WAIT_MS;
	struct error err;
	struct slice sql;
	bool empty = false;
	if (atomic_load(&q->stopped) || bridge_is_gone(q->bridge)) {
		finish(q, STATUS_CANCELLED, NULL);
	} else if (clock_monotonic_ns() - ticket->queued_ns > max_wait * NS_PER_MS) {
		count(&api->counts->refused, 1);
		exception_set(&err, EXCEPTION_TOO_MANY_QUERIES,
			      "Other queries kept this one waiting for %u seconds",
			      max_wait / 1000);
		fail(q, err.message);
	} else if (prepare(q, &sql, &empty, &err)) {
		count(&api->counts->denied, 1);
		fail(q, err.message);
	} else if (empty && q->is_get) {
		detach(q);
		bridge_respond(q->bridge, 200, "text/html; charset=UTF-8", SLICE("Ok.\n"));
	} else if (empty) {
		count(&api->counts->denied, 1);
		fail(q, "Code: 62. DB::Exception: Syntax error: Empty query. (SYNTAX_ERROR)");
	} else {
		forward(q, sql);
	}
}

static void cancel(struct query_ticket *ticket)
{
	struct query *q = (struct query *)ticket;
	atomic_store(&q->stopped, true);
	/* A client that reads slowly must not hold it up; an answer not begun gets an error still. */
	bridge_put_gone(q->bridge);
	store_interrupt_now(q->interrupt);
}

static void release(struct query_ticket *ticket)
{
	query_free((struct query *)ticket);
}

/* --- requests, on the loop ---------------------------------------------------------- */

static void on_gone(struct http_request *req, void *arg)
{
	struct listener *l = arg;
	bridge_put_gone(l->bridge);
	pthread_mutex_lock(&l->lock);
	struct query *q = l->query;
	bool ours = q && query_queue_remove(q->api->queue, &q->ticket);
	if (q && !ours)
		store_interrupt_now(q->interrupt);
	pthread_mutex_unlock(&l->lock);
	if (ours) {
		count(&q->api->counts->cancelled, 1);
		bridge_break(q->bridge);
		query_free(q);
	}
}

static const char *copy_header(struct query *q, struct http_request *req, const char *name)
{
	struct slice value = http_request_header(req, name);
	return arena_strdup(&q->arena, value.ptr ? value : SLICE(""));
}

/*
 * Whose turn it is. Programs on one machine, as on loopback, are told apart by the name
 * they give themselves.
 */
static uint64_t caller_of(struct http_request *req)
{
	static const char *const headers[] = {"authorization", "x-clickhouse-key", "user-agent"};
	const char *peer = http_request_peer(req), *port = strrchr(peer, ':');
	uint64_t hash = XXH3_64bits(peer, port ? (size_t)(port - peer) : strlen(peer));
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct slice value = http_request_header(req, headers[i]);
		if (value.len)
			hash = XXH3_64bits_withSeed(value.ptr, value.len, hash);
	}
	return hash;
}

/* NULL: out of memory. */
static struct query *query_new(struct clickhouse_api *api, struct http_request *req)
{
	struct query *q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	q->api = api;
	arena_init(&q->arena, QUERY_ARENA);
	buf_init_limited(&q->text, api->max_statement ? api->max_statement : DEFAULT_MAX_STATEMENT);
	buf_init_limited(&q->held, SMALL_ANSWER);
	struct slice raw = http_request_query(req);
	q->raw_query = arena_strdup(&q->arena, raw.ptr ? raw : SLICE(""));
	q->accept_encoding = copy_header(q, req, "accept-encoding");
	q->content_encoding = copy_header(q, req, "content-encoding");
	q->content_type = copy_header(q, req, "content-type");
	q->header_database = copy_header(q, req, "x-clickhouse-database");
	q->header_format = copy_header(q, req, "x-clickhouse-format");
	q->is_get = !slice_eq_cstr(http_request_method(req), "POST");
	q->interrupt = store_interrupt_new();
	if (q->raw_query && q->accept_encoding && q->content_encoding && q->content_type &&
	    q->header_database && q->header_format && q->interrupt)
		q->bridge = bridge_new(req, api->pool);
	if (!q->bridge) {
		store_interrupt_free(q->interrupt);
		arena_release(&q->arena);
		free(q);
		return NULL;
	}
	struct chunk *body = http_request_body(req);
	if (body)
		q->body = chunk_ref(body);
	q->ticket.caller = caller_of(req);
	q->ticket.run = run;
	q->ticket.cancel = cancel;
	q->ticket.release = release;
	return q;
}

static void handle_query(struct http_request *req, void *ctx)
{
	struct clickhouse_api *api = ctx;
	struct listener *l = arena_alloc(http_request_arena(req), sizeof(*l));
	struct query *q = l ? query_new(api, req) : NULL;
	struct error err, said;
	if (!q) {
		http_respond(req, 503, TEXT_PLAIN,
			     SLICE("Code: 173. DB::Exception: No memory for the query. "
				   "(CANNOT_ALLOCATE_MEMORY)\n"));
		return;
	}
	*l = (struct listener){PTHREAD_MUTEX_INITIALIZER, q->bridge, q};
	q->listener = l;
	http_request_on_gone(req, on_gone, l);
	if (query_queue_submit(api->queue, &q->ticket, &err)) {
		count(&api->counts->refused, 1);
		exception_set(&said, EXCEPTION_TOO_MANY_QUERIES, "Too many queries: %s",
			      err.message);
		fail(q, said.message);
		query_free(q);
	}
}

static void handle_ping(struct http_request *req, void *ctx)
{
	http_respond(req, 200, "text/html; charset=UTF-8", SLICE("Ok.\n"));
}

size_t clickhouse_routes(struct http_route routes[CLICKHOUSE_MAX_ROUTES], const char *prefix,
			 struct clickhouse_api *api)
{
	static const struct {
		const char *plain, *prefixed; /* NULL: not there */
		const char *method;
		enum access_role role;
		void (*handle)(struct http_request *req, void *ctx);
	} table[CLICKHOUSE_MAX_ROUTES] = {
		{"/ping", "/clickhouse/ping", "GET", ACCESS_OPEN, handle_ping},
		{"/replicas_status", "/clickhouse/replicas_status", "GET", ACCESS_OPEN,
		 handle_ping},
		{"/", "/clickhouse/", "GET", ACCESS_READ, handle_query},
		{"/", "/clickhouse/", "POST", ACCESS_READ, handle_query},
		{NULL, "/clickhouse", "GET", ACCESS_READ, handle_query},
		{NULL, "/clickhouse", "POST", ACCESS_READ, handle_query},
	};
	size_t n = 0;
	for (size_t i = 0; i < CLICKHOUSE_MAX_ROUTES; i++) {
		const char *path = *prefix ? table[i].prefixed : table[i].plain;
		if (path)
			routes[n++] = (struct http_route){table[i].method, path,
							  HTTP_BODY_WHOLE, table[i].role,
							  table[i].handle, api};
	}
	return n;
}
