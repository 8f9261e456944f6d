#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "store/client_int.h"

#define MAX_HEADERS 64
#define HEADERS_LIMIT ((size_t)256 << 10)

struct store_interrupt {
	pthread_mutex_t lock;
	CURLM *multi; /* of the exchange under way */
	bool wanted;
};

struct forwarding {
	struct exchange x;
	const struct store_forward *forward;
	struct arena arena;
	struct store_header headers[MAX_HEADERS];
	size_t header_count;
	bool head_done;
	int rc; /* of a callback that stopped it */
};

/* --- interrupting ------------------------------------------------------------------- */

struct store_interrupt *store_interrupt_new(void)
{
	struct store_interrupt *i = calloc(1, sizeof(*i));
	if (i)
		pthread_mutex_init(&i->lock, NULL);
	return i;
}

void store_interrupt_free(struct store_interrupt *i)
{
	if (!i)
		return;
	pthread_mutex_destroy(&i->lock);
	free(i);
}

void store_interrupt_now(struct store_interrupt *i)
{
	pthread_mutex_lock(&i->lock);
	i->wanted = true;
	if (i->multi)
		curl_multi_wakeup(i->multi);
	pthread_mutex_unlock(&i->lock);
}

static void interrupt_watch(struct store_interrupt *i, CURLM *multi)
{
	if (!i)
		return;
	pthread_mutex_lock(&i->lock);
	i->multi = multi;
	pthread_mutex_unlock(&i->lock);
}

static bool interrupt_wanted(void *ctx)
{
	const struct forwarding *f = ctx;
	struct store_interrupt *i = f->forward->interrupt;
	if (!i)
		return false;
	pthread_mutex_lock(&i->lock);
	bool wanted = i->wanted;
	pthread_mutex_unlock(&i->lock);
	return wanted;
}

/* --- the answer --------------------------------------------------------------------- */

static struct slice trim(struct slice s)
{
	while (s.len && (*s.ptr == ' ' || *s.ptr == '\t')) {
		s.ptr++;
		s.len--;
	}
	while (s.len && strchr(" \t\r\n", s.ptr[s.len - 1]))
		s.len--;
	return s;
}

/* False: more than is taken. */
static bool keep_header(struct forwarding *f, struct slice line)
{
	const char *colon = memchr(line.ptr, ':', line.len);
	if (!colon)
		return true;
	struct slice name = {line.ptr, (size_t)(colon - line.ptr)};
	struct slice value = trim((struct slice){colon + 1, line.len - name.len - 1});
	if (f->header_count == MAX_HEADERS)
		return false;
	struct store_header *header = &f->headers[f->header_count++];
	header->name = arena_strdup(&f->arena, name);
	header->value = arena_strdup(&f->arena, value);
	return header->name && header->value;
}

static size_t take_header(char *bytes, size_t size, size_t count, void *arg)
{
	struct forwarding *f = arg;
	struct slice line = trim((struct slice){bytes, size * count});
	if (f->head_done)
		return size * count; /* a trailer */
	if (line.len)
		return keep_header(f, line) ? size * count : 0;
	curl_easy_getinfo(f->x.easy, CURLINFO_RESPONSE_CODE, &f->x.http_status);
	if (f->x.http_status < 200) {
		f->header_count = 0;
		return size * count;
	}
	f->head_done = true;
	f->rc = f->forward->on_head(f->forward->ctx, (int)f->x.http_status, f->headers,
				    f->header_count);
	return f->rc < 0 ? 0 : size * count;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct forwarding *f = arg;
	f->rc = f->forward->on_data(f->forward->ctx, (struct slice){bytes, size * count});
	return f->rc < 0 ? 0 : size * count;
}

/* --- the request -------------------------------------------------------------------- */

static int begin(struct forwarding *f, struct store_client *client, struct error *err)
{
	const struct store_forward *forward = f->forward;
	struct exchange *x = &f->x;
	int rc =
		exchange_begin(x, client, NULL, NULL, forward->options, forward->option_count, err);
	if (rc)
		return rc;
	curl_easy_setopt(x->easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(x->easy, CURLOPT_HEADERDATA, f);
	curl_easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(x->easy, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, forward->sql.ptr);
	curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)forward->sql.len);
	if (forward->accept_encoding) {
		struct buf line = BUF_INIT;
		buf_appendf(&line, "Accept-Encoding: %s", forward->accept_encoding);
		struct curl_slist *list =
			line.failed ? NULL : curl_slist_append(x->headers, buf_cstr(&line));
		buf_release(&line);
		if (!list)
			return error_set(err, STATUS_NO_MEMORY, "no memory for a query");
		x->headers = list;
	}
	return exchange_start(x, err);
}

static int outcome(struct forwarding *f, struct error *err)
{
	struct exchange *x = &f->x;
	if (f->rc < 0)
		return f->rc;
	if (!x->done)
		return error_set(err, STATUS_CANCELLED, "the query was cancelled");
	if (x->result == CURLE_OK)
		return 0;
	const char *why = x->curl_error[0] ? x->curl_error : curl_easy_strerror(x->result);
	if (f->head_done)
		return error_set(err, STATUS_AGAIN, "the store's answer broke off: %s", why);
	return error_set(err, STATUS_AGAIN, "the store cannot be reached: %s", why);
}

int store_forward(struct store_client *client, const struct store_forward *forward,
		  struct error *err)
{
	struct forwarding *f = calloc(1, sizeof(*f));
	if (!f)
		return error_set(err, STATUS_NO_MEMORY, "no memory for a query");
	f->forward = forward;
	arena_init(&f->arena, HEADERS_LIMIT);
	int rc = begin(f, client, err);
	if (rc == 0) {
		int64_t timeout = (int64_t)forward->timeout_ms * NS_PER_MS;
		int64_t deadline = timeout ? clock_monotonic_ns() + timeout : 0;
		interrupt_watch(forward->interrupt, f->x.multi);
		bool in_time = exchange_drive(&f->x, interrupt_wanted, f, deadline);
		interrupt_watch(forward->interrupt, NULL);
		rc = in_time ? outcome(f, err)
			     : error_set(err, STATUS_TIMEOUT, "no answer from the store in %u ms",
					 forward->timeout_ms);
	}
	exchange_release(&f->x);
	arena_release(&f->arena);
	free(f);
	return rc;
}
