#include "store/bridge.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "net/http.h"
#include "net/loop.h"

/* The body: the sender is paused above HIGH, and let go on below LOW. Small, to stay cached. */
#define BODY_HIGH ((size_t)1 << 20)
#define BODY_LOW ((size_t)512 << 10)
/* Pieces of the body are gathered in chunks of this size: the engine's calls cost less. */
#define BODY_CHUNK ((size_t)256 << 10)
/* The answer: the worker waits while more than this is on its way. */
#define ANSWER_HIGH ((size_t)4 << 20)

/* A queue of chunks. */
struct fifo {
	struct chunk **items;
	size_t first, count, capacity; /* capacity is a power of two */
	size_t bytes;
};

enum answer_end { ANSWER_OPEN, ANSWER_END, ANSWER_BREAK };

struct bridge {
	atomic_uint refs;
	struct chunk_pool *pool;
	struct loop *loop;
	struct http_request *req; /* the loop's alone; NULL when the answer is complete */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct fifo body, answer;
	bool body_ended, gone, paused, resume_posted;
	/* What the loop has been given of the answer, and has still to send. */
	size_t unsent;
	bool pump_posted, started, start_wanted, whole;
	enum answer_end end;
	int code;
	const char *content_type;
	struct buf headers; /* name, 0, value, 0, … */
};

/* --- the queue -------------------------------------------------------------------- */

static bool fifo_push(struct fifo *f, struct chunk *chunk)
{
	if (f->count == f->capacity) {
		size_t capacity = f->capacity ? f->capacity * 2 : 16;
		struct chunk **items = malloc(capacity * sizeof(struct chunk *));
		if (!items)
			return false;
		for (size_t i = 0; i < f->count; i++)
			items[i] = f->items[(f->first + i) & (f->capacity - 1)];
		free(f->items);
		f->items = items;
		f->first = 0;
		f->capacity = capacity;
	}
	f->items[(f->first + f->count++) & (f->capacity - 1)] = chunk;
	f->bytes += chunk->len;
	return true;
}

static struct chunk *fifo_pop(struct fifo *f)
{
	if (f->count == 0)
		return NULL;
	struct chunk *chunk = f->items[f->first];
	f->first = (f->first + 1) & (f->capacity - 1);
	f->count--;
	f->bytes -= chunk->len;
	return chunk;
}

static struct chunk *fifo_last(struct fifo *f)
{
	return f->count ? f->items[(f->first + f->count - 1) & (f->capacity - 1)] : NULL;
}

static void fifo_clear(struct fifo *f)
{
	for (struct chunk *c; (c = fifo_pop(f));)
		chunk_unref(c);
	free(f->items);
	*f = (struct fifo){0};
}

/* --- life ------------------------------------------------------------------------- */

struct bridge *bridge_new(struct http_request *req, struct chunk_pool *pool)
{
	struct bridge *b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	atomic_init(&b->refs, 2);
	b->pool = pool;
	b->req = req;
	b->loop = http_request_loop(req);
	buf_init(&b->headers);
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->changed, NULL);
	return b;
}

void bridge_unref(struct bridge *b)
{
	if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
		return;
	fifo_clear(&b->body);
	fifo_clear(&b->answer);
	buf_release(&b->headers);
	pthread_cond_destroy(&b->changed);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

/* Runs `fn` on the loop with a reference of its own. Short of memory it is tried again. */
static void post(struct bridge *b, void (*fn)(void *arg))
{
	atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	while (loop_post(b->loop, fn, b))
		usleep(1000);
}

/* --- the body --------------------------------------------------------------------- */

/* Appends as much as fits the last chunk that waits. */
static size_t fill_last(struct bridge *b, struct slice data)
{
	struct chunk *last = fifo_last(&b->body);
	size_t room = last ? last->capacity - last->len : 0;
	size_t n = data.len < room ? data.len : room;
	if (n) {
		memcpy(last->data + last->len, data.ptr, n);
		last->len += n;
		b->body.bytes += n;
	}
	return n;
}

size_t bridge_put(struct bridge *b, struct slice data)
{
	pthread_mutex_lock(&b->lock);
	while (data.len && !b->gone) {
		size_t n = fill_last(b, data);
		data.ptr += n;
		data.len -= n;
		if (data.len == 0)
			break;
		struct chunk *chunk =
			chunk_new(b->pool, data.len < BODY_CHUNK ? BODY_CHUNK : data.len);
		if (!chunk || !fifo_push(&b->body, chunk)) {
			/* A body with a hole must not be taken for one: as if the client had gone. */
			chunk_unref(chunk);
			b->gone = true;
		}
	}
	if (b->body.bytes > BODY_HIGH && !b->paused && b->req) {
		b->paused = true;
		http_request_pause(b->req);
	}
	size_t waiting = b->body.bytes;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
	return waiting;
}

void bridge_put_end(struct bridge *b)
{
	pthread_mutex_lock(&b->lock);
	b->body_ended = true;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
}

bool bridge_is_gone(struct bridge *b)
{
	pthread_mutex_lock(&b->lock);
	bool gone = b->gone;
	pthread_mutex_unlock(&b->lock);
	return gone;
}

static void resume_on_loop(void *arg)
{
	struct bridge *b = arg;
	pthread_mutex_lock(&b->lock);
	bool resume = b->paused && b->req;
	b->paused = b->resume_posted = false;
	pthread_mutex_unlock(&b->lock);
	if (resume)
		http_request_resume(b->req);
	bridge_unref(b);
}

static int cancelled(struct error *err)
{
	return error_set(err, STATUS_CANCELLED, "the client has gone");
}

int bridge_read(struct bridge *b, struct chunk **out, struct error *err)
{
	pthread_mutex_lock(&b->lock);
	while (!b->gone && !b->body.count && !b->body_ended)
		pthread_cond_wait(&b->changed, &b->lock);
	struct chunk *chunk = b->gone ? NULL : fifo_pop(&b->body);
	bool gone = b->gone;
	bool resume = b->paused && !b->resume_posted && b->body.bytes < BODY_LOW;
	b->resume_posted |= resume;
	pthread_mutex_unlock(&b->lock);
	if (resume)
		post(b, resume_on_loop);
	if (gone)
		return cancelled(err);
	if (!chunk)
		return 0;
	*out = chunk;
	return 1;
}

/* --- the answer ------------------------------------------------------------------- */

static void add_headers(struct bridge *b)
{
	const char *at = b->headers.data, *end = at + b->headers.len;
	while (at < end) {
		const char *value = at + strlen(at) + 1;
		http_respond_header(b->req, at, value);
		at = value + strlen(value) + 1;
	}
}

/* The answer is complete: the request is no longer ours. */
static void finish_on_loop(struct bridge *b, enum answer_end end)
{
	struct http_request *req = b->req;
	b->req = NULL;
	if (end == ANSWER_BREAK)
		http_respond_break(req);
	else if (end == ANSWER_END)
		http_respond_end(req, NULL, 0);
	bridge_unref(b);
}

static void drained_on_loop(struct http_request *req, void *arg)
{
	struct bridge *b = arg;
	pthread_mutex_lock(&b->lock);
	b->unsent = 0;
	bool finish = b->end == ANSWER_BREAK && !b->answer.count && !b->pump_posted;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
	if (finish && b->req)
		finish_on_loop(b, ANSWER_BREAK);
}

static void respond_whole(struct bridge *b, struct chunk *body)
{
	struct http_request *req = b->req;
	b->req = NULL;
	if (body)
		http_respond_chunk(req, b->code, b->content_type, body);
	else
		http_respond(req, b->code, b->content_type, SLICE(""));
	bridge_unref(b);
}

/* Hands on what the worker has written since the last time. */
static void pump(struct bridge *b)
{
	pthread_mutex_lock(&b->lock);
	b->pump_posted = false;
	struct fifo answer = b->answer;
	b->answer = (struct fifo){0};
	b->unsent += answer.bytes;
	bool start = b->start_wanted && !b->started, whole = b->whole, gone = b->gone;
	b->started |= b->start_wanted;
	enum answer_end end = b->end;
	size_t waiting = b->unsent;
	pthread_mutex_unlock(&b->lock);

	if (!b->req) {
		fifo_clear(&answer);
		return;
	}
	if (start) {
		add_headers(b);
		if (whole) {
			respond_whole(b, fifo_pop(&answer));
			fifo_clear(&answer);
			return;
		}
		http_respond_on_drained(b->req, drained_on_loop, b);
		http_respond_start(b->req, b->code, b->content_type);
	}
	for (struct chunk *c; (c = fifo_pop(&answer));) {
		waiting = http_respond_write(b->req, (struct slice){c->data, c->len});
		chunk_unref(c);
	}
	fifo_clear(&answer);
	pthread_mutex_lock(&b->lock);
	b->unsent = waiting;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
	/* Breaking would throw away what waits: then drained_on_loop breaks. */
	if (end == ANSWER_END || (end == ANSWER_BREAK && (waiting == 0 || gone)))
		finish_on_loop(b, end);
}

static void pump_on_loop(void *arg)
{
	struct bridge *b = arg;
	pump(b);
	bridge_unref(b);
}

/* Called with the lock held; releases it. */
static void unlock_and_pump(struct bridge *b)
{
	bool wanted = !b->pump_posted;
	b->pump_posted = true;
	pthread_mutex_unlock(&b->lock);
	if (wanted)
		post(b, pump_on_loop);
}

void bridge_put_gone(struct bridge *b)
{
	pthread_mutex_lock(&b->lock);
	b->gone = true;
	pthread_cond_broadcast(&b->changed);
	/* An answer that waits to be sent before it is broken off never will be. */
	if (b->end == ANSWER_BREAK)
		unlock_and_pump(b);
	else
		pthread_mutex_unlock(&b->lock);
}

void bridge_header(struct bridge *b, const char *name, const char *value)
{
	buf_append(&b->headers, name, strlen(name) + 1);
	buf_append(&b->headers, value, strlen(value) + 1);
}

static struct chunk *copy(struct bridge *b, struct slice data)
{
	struct chunk *chunk = chunk_new(b->pool, data.len);
	if (chunk) {
		memcpy(chunk->data, data.ptr, data.len);
		chunk->len = data.len;
	}
	return chunk;
}

void bridge_respond(struct bridge *b, int code, const char *content_type, struct slice body)
{
	struct chunk *chunk = body.len ? copy(b, body) : NULL;
	pthread_mutex_lock(&b->lock);
	b->code = body.len && !chunk ? 503 : code;
	b->content_type = content_type;
	b->start_wanted = b->whole = true;
	if (chunk && !fifo_push(&b->answer, chunk)) {
		chunk_unref(chunk);
		b->code = 503;
	}
	unlock_and_pump(b);
}

void bridge_start(struct bridge *b, int code, const char *content_type)
{
	pthread_mutex_lock(&b->lock);
	b->code = code;
	b->content_type = content_type;
	b->start_wanted = true;
	unlock_and_pump(b);
}

int bridge_write(struct bridge *b, struct slice data, struct error *err)
{
	if (data.len == 0)
		return 0;
	struct chunk *chunk = copy(b, data);
	if (!chunk)
		return error_set(err, STATUS_NO_MEMORY, "no memory for the answer");
	pthread_mutex_lock(&b->lock);
	while (!b->gone && b->answer.bytes + b->unsent > ANSWER_HIGH)
		pthread_cond_wait(&b->changed, &b->lock);
	if (b->gone) {
		pthread_mutex_unlock(&b->lock);
		chunk_unref(chunk);
		return cancelled(err);
	}
	if (!fifo_push(&b->answer, chunk)) {
		pthread_mutex_unlock(&b->lock);
		chunk_unref(chunk);
		return error_set(err, STATUS_NO_MEMORY, "no memory for the answer");
	}
	unlock_and_pump(b);
	return 0;
}

static void end_answer(struct bridge *b, enum answer_end end)
{
	pthread_mutex_lock(&b->lock);
	b->end = end;
	unlock_and_pump(b);
}

void bridge_end(struct bridge *b)
{
	end_answer(b, ANSWER_END);
}

void bridge_break(struct bridge *b)
{
	end_answer(b, ANSWER_BREAK);
}
