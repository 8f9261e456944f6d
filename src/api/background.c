#include "api/background.h"

#include <stdlib.h>

#include "base/buf.h"
#include "net/http.h"
#include "store/bridge.h"
#include "store/workers.h"

#define TEXT_PLAIN "text/plain; charset=utf-8"
/* A flush may take its time; the others shall not wait for it. */
#define MAX_RUNNING 8
#define MAX_WAITING 64
#define CALL_ARENA ((size_t)1 << 20)

struct background {
	struct workers *workers;
	struct chunk_pool *pool;
};

struct background *background_new(struct chunk_pool *pool)
{
	static const unsigned limits[WORKER_KINDS] = {[WORKER_QUERY] = MAX_RUNNING};
	struct background *b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	b->pool = pool;
	b->workers = workers_new(limits, MAX_WAITING);
	if (!b->workers) {
		free(b);
		return NULL;
	}
	return b;
}

void background_free(struct background *b)
{
	if (!b)
		return;
	workers_free(b->workers);
	free(b);
}

static void call_free(struct background_call *call)
{
	bridge_unref(call->answer);
	arena_release(&call->arena);
	free(call);
}

static void run_call(void *arg)
{
	struct background_call *call = arg;
	call->run(call);
	call_free(call);
}

/* In the request's arena: what tells the bridge that nobody waits. */
static void on_gone(struct http_request *req, void *arg)
{
	bridge_put_gone(arg);
}

static bool copy(struct background_call *call, struct slice from, struct slice *to)
{
	const char *text = arena_strdup(&call->arena, from.ptr ? from : SLICE(""));
	*to = (struct slice){text, from.ptr ? from.len : 0};
	return text != NULL;
}

void background_run(struct background *b, struct http_request *req,
		    void (*run)(struct background_call *call), void *ctx)
{
	struct error err;
	struct background_call *call = calloc(1, sizeof(*call));
	if (call) {
		arena_init(&call->arena, CALL_ARENA);
		call->run = run;
		call->ctx = ctx;
		if (copy(call, http_request_path(req), &call->path) &&
		    copy(call, http_request_query(req), &call->query) &&
		    copy(call, http_request_header(req, "accept"), &call->accept))
			call->answer = bridge_new(req, b->pool);
	}
	if (!call || !call->answer) {
		if (call)
			arena_release(&call->arena);
		free(call);
		http_respond(req, 503, TEXT_PLAIN, SLICE("no memory for the request\n"));
		return;
	}
	http_request_on_gone(req, on_gone, call->answer);
	if (workers_submit(b->workers, WORKER_QUERY, run_call, call, &err)) {
		background_respond_text(call, 503, "too many requests of this kind are waiting");
		call_free(call);
	}
}

void background_respond_text(struct background_call *call, int code, const char *text)
{
	struct buf body = BUF_INIT;
	size_t len = strlen(text);
	buf_append(&body, text, len);
	if (!len || text[len - 1] != '\n')
		buf_append_byte(&body, '\n');
	bridge_respond(call->answer, code, TEXT_PLAIN, buf_slice(&body));
	buf_release(&body);
}

void background_respond_error(struct background_call *call, const struct error *err)
{
	background_respond_text(call, http_code_of_status(err->status), err->message);
}
