#include "store/client.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "store/client_int.h"
#include "store/exception.h"
#include "store/statement.h"

#define DEFAULT_CONNECT_TIMEOUT_MS 5000
/* Of an error's text, as much as is kept. */
#define REFUSAL_LIMIT ((size_t)16 << 10)
#define TAIL_SIZE ((size_t)4 << 10)
/* Idle connections; more than the threads that use a client at once is of no use. */
#define IDLE_SESSIONS 16
/* Larger means fewer turns through curl's state machine, but has to stay cached. */
#define UPLOAD_BUFFER (256L << 10)
#define READ_BUFFER (512L << 10)

struct client_session {
	CURLM *multi;
	CURL *easy;
	struct client_session *next;
};

struct store_client {
	struct buf base; /* "http://host:port/?database=x" */
	char *unix_path, *user_header, *key_header, *ca_file;
	long connect_timeout_ms;
	pthread_mutex_t lock;
	struct client_session *idle;
	unsigned idle_count;
};

/* --- the client ------------------------------------------------------------------- */

static void append_escaped(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~')
			buf_append_byte(out, c);
		else
			buf_appendf(out, "%%%02X", c);
	}
}

static void append_option(struct buf *url, const char *name, const char *value)
{
	buf_append_byte(url, '&');
	append_escaped(url, slice_of(name));
	buf_append_byte(url, '=');
	append_escaped(url, slice_of(value));
}

static char *header_line(const char *name, const char *value)
{
	char *line = NULL;
	if (!value || strpbrk(value, "\r\n") || asprintf(&line, "%s: %s", name, value) < 0)
		return NULL;
	return line;
}

static int set_endpoint(struct store_client *client, const struct store_endpoint *endpoint,
			struct error *err)
{
	const char *url = endpoint->url;
	if (strncmp(url, "unix:", 5) == 0) {
		client->unix_path = strdup(url + 5);
		buf_append_cstr(&client->base, "http://localhost");
	} else if (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0) {
		size_t len = strlen(url);
		while (len && url[len - 1] == '/')
			len--;
		buf_append(&client->base, url, len);
	} else {
		return error_set(err, STATUS_INVALID,
				 "storage endpoint %s: must begin with unix:, http:// or https://",
				 url);
	}
	buf_append_cstr(&client->base, "/?");
	buf_append_cstr(&client->base, "database=");
	append_escaped(&client->base,
		       slice_of(endpoint->database ? endpoint->database : "default"));
	if (endpoint->user)
		client->user_header = header_line("X-ClickHouse-User", endpoint->user);
	if (endpoint->password)
		client->key_header = header_line("X-ClickHouse-Key", endpoint->password);
	if ((endpoint->user && !client->user_header) || (endpoint->password && !client->key_header))
		return error_set(err, STATUS_INVALID,
				 "storage endpoint: user and password must not hold line ends");
	if (endpoint->ca_file)
		client->ca_file = strdup(endpoint->ca_file);
	client->connect_timeout_ms = endpoint->connect_timeout_ms ? endpoint->connect_timeout_ms
								  : DEFAULT_CONNECT_TIMEOUT_MS;
	return client->base.failed ? error_set(err, STATUS_NO_MEMORY, "no memory for a client") : 0;
}

static void init_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

int store_client_new(struct store_client **out, const struct store_endpoint *endpoint,
		     struct error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, init_curl);
	struct store_client *client = calloc(1, sizeof(*client));
	if (!client)
		return error_set(err, STATUS_NO_MEMORY, "no memory for a client");
	buf_init(&client->base);
	pthread_mutex_init(&client->lock, NULL);
	int rc = set_endpoint(client, endpoint, err);
	if (rc) {
		store_client_free(client);
		return rc;
	}
	*out = client;
	return 0;
}

static void session_free(struct client_session *s)
{
	curl_easy_cleanup(s->easy);
	curl_multi_cleanup(s->multi);
	free(s);
}

void store_client_free(struct store_client *client)
{
	if (!client)
		return;
	while (client->idle) {
		struct client_session *s = client->idle;
		client->idle = s->next;
		session_free(s);
	}
	buf_release(&client->base);
	free(client->unix_path);
	free(client->user_header);
	free(client->key_header);
	free(client->ca_file);
	pthread_mutex_destroy(&client->lock);
	free(client);
}

static struct client_session *session_take(struct store_client *client)
{
	pthread_mutex_lock(&client->lock);
	struct client_session *s = client->idle;
	if (s) {
		client->idle = s->next;
		client->idle_count--;
	}
	pthread_mutex_unlock(&client->lock);
	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->multi = curl_multi_init();
	s->easy = curl_easy_init();
	if (!s->multi || !s->easy) {
		session_free(s);
		return NULL;
	}
	curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, 1L);
	return s;
}

static void session_give(struct store_client *client, struct client_session *s)
{
	pthread_mutex_lock(&client->lock);
	bool keep = client->idle_count < IDLE_SESSIONS;
	if (keep) {
		s->next = client->idle;
		client->idle = s;
		client->idle_count++;
	}
	pthread_mutex_unlock(&client->lock);
	if (!keep)
		session_free(s);
}

/* --- an exchange ------------------------------------------------------------------ */

static bool header_is(const char *line, size_t len, const char *name, struct slice *value)
{
	size_t n = strlen(name);
	if (len <= n || line[n] != ':' || strncasecmp(line, name, n) != 0)
		return false;
	*value = (struct slice){line + n + 1, len - n - 1};
	return true;
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
	struct exchange *x = arg;
	struct slice value;
	/* A blank line ends the head; behind that of an interim answer (1xx) another begins. */
	if (size * count == 2 && line[0] == '\r')
		x->head_whole = true;
	else if (size * count > 5 && memcmp(line, "HTTP/", 5) == 0)
		x->head_whole = false;
	if (header_is(line, size * count, "X-ClickHouse-Exception-Code", &value)) {
		x->exception_code = 0;
		for (size_t i = 0; i < value.len && x->exception_code < 100000; i++)
			if (isdigit((unsigned char)value.ptr[i]))
				x->exception_code = x->exception_code * 10 + (value.ptr[i] - '0');
	}
	return size * count;
}

static void keep_tail(struct buf *tail, struct slice data)
{
	if (data.len >= TAIL_SIZE) {
		buf_clear(tail);
		data.ptr += data.len - TAIL_SIZE;
		data.len = TAIL_SIZE;
	} else if (tail->len + data.len > TAIL_SIZE) {
		size_t drop = tail->len + data.len - TAIL_SIZE;
		memmove(tail->data, tail->data + drop, tail->len - drop);
		tail->len -= drop;
	}
	buf_append_slice(tail, data);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct exchange *x = arg;
	struct slice data = {bytes, size * count};
	if (x->http_status == 0)
		curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &x->http_status);
	if (x->http_status != 200) {
		size_t room = REFUSAL_LIMIT - x->refusal.len;
		buf_append(&x->refusal, data.ptr, data.len < room ? data.len : room);
		return data.len;
	}
	keep_tail(&x->tail, data);
	x->on_data_rc = x->on_data ? x->on_data(x->on_data_ctx, data) : 0;
	return x->on_data_rc < 0 ? 0 : data.len;
}

static int no_memory(struct error *err)
{
	return error_set(err, STATUS_NO_MEMORY, "no memory for a request to the store");
}

static void set_options(struct exchange *x)
{
	CURL *easy = x->easy;
	const struct store_client *client = x->client;
	curl_easy_setopt(easy, CURLOPT_URL, buf_cstr(&x->url));
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, x->headers);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, client->connect_timeout_ms);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, READ_BUFFER);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x->curl_error);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	if (client->unix_path)
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, client->unix_path);
	if (client->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, client->ca_file);
}

static bool add_header(struct exchange *x, const char *line)
{
	struct curl_slist *list = curl_slist_append(x->headers, line);
	if (list)
		x->headers = list;
	return list != NULL;
}

int exchange_begin(struct exchange *x, struct store_client *client, const char *sql_in_url,
		   const char *query_id, const struct store_option *options, size_t option_count,
		   struct error *err)
{
	*x = (struct exchange){.client = client};
	buf_init(&x->url);
	buf_init(&x->refusal);
	buf_init(&x->tail);
	x->session = session_take(client);
	if (!x->session)
		return no_memory(err);
	x->multi = x->session->multi;
	x->easy = x->session->easy;
	curl_easy_reset(x->easy);

	buf_append_slice(&x->url, buf_slice(&client->base));
	if (sql_in_url)
		append_option(&x->url, "query", sql_in_url);
	if (query_id)
		append_option(&x->url, "query_id", query_id);
	for (size_t i = 0; i < option_count; i++)
		append_option(&x->url, options[i].name, options[i].value);
	/* Without "Expect:" curl would wait for a 100 (Continue) before each large body. */
	bool ok = !x->url.failed && add_header(x, "Expect:") &&
		  add_header(x, "Content-Type: application/octet-stream");
	if (client->user_header)
		ok = ok && add_header(x, client->user_header);
	if (client->key_header)
		ok = ok && add_header(x, client->key_header);
	if (!ok)
		return no_memory(err);
	set_options(x);
	return 0;
}

int exchange_start(struct exchange *x, struct error *err)
{
	/* The list may have grown since it was set. */
	curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers);
	if (curl_multi_add_handle(x->multi, x->easy) != CURLM_OK)
		return no_memory(err);
	return 0;
}

static void take_result(struct exchange *x)
{
	int left;
	for (CURLMsg *m; (m = curl_multi_info_read(x->multi, &left));) {
		if (m->msg != CURLMSG_DONE)
			continue;
		x->done = true;
		x->result = m->data.result;
		curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &x->http_status);
	}
}

bool exchange_drive(struct exchange *x, bool (*stop)(void *ctx), void *ctx, int64_t deadline)
{
	while (!x->done) {
		int running;
		if (curl_multi_perform(x->multi, &running) != CURLM_OK)
			running = 0;
		take_result(x);
		if (x->done || (stop && stop(ctx)))
			break;
		int wait_ms = 1000;
		if (deadline) {
			int64_t left = deadline - clock_monotonic_ns();
			if (left <= 0)
				return false;
			if (left / NS_PER_MS < wait_ms)
				wait_ms = (int)(left / NS_PER_MS) + 1;
		}
		curl_multi_poll(x->multi, NULL, 0, wait_ms, NULL);
	}
	return true;
}

void exchange_release(struct exchange *x)
{
	if (x->session) {
		/* Of a transfer that is not done, or that failed, curl closes the connection. */
		curl_multi_remove_handle(x->multi, x->easy);
		curl_easy_reset(x->easy);
		session_give(x->client, x->session);
	}
	curl_slist_free_all(x->headers);
	buf_release(&x->url);
	buf_release(&x->refusal);
	buf_release(&x->tail);
	x->session = NULL;
}

/* The text of an exception behind data, or an empty slice: "__exception__", tag, message. */
static struct slice late_exception(const struct exchange *x)
{
	static const struct slice marker = {"__exception__", 13};
	struct slice tail = buf_slice(&x->tail);
	const char *at = tail.len ? memmem(tail.ptr, tail.len, marker.ptr, marker.len) : NULL;
	if (!at)
		return (struct slice){0};
	struct slice rest = {at, (size_t)(tail.ptr + tail.len - at)};
	const char *code = memmem(rest.ptr, rest.len, "Code: ", 6);
	if (!code)
		return (struct slice){0};
	return (struct slice){code, (size_t)(tail.ptr + tail.len - code)};
}

int exchange_exception(const struct exchange *x)
{
	if (x->exception_code)
		return x->exception_code;
	if (x->http_status != 200)
		return exception_code_of(buf_slice(&x->refusal));
	return exception_code_of(late_exception(x));
}

static struct slice first_line(struct slice s)
{
	const char *nl = s.len ? memchr(s.ptr, '\n', s.len) : NULL;
	if (nl)
		s.len = (size_t)(nl - s.ptr);
	return s;
}

int exchange_error(struct exchange *x, struct error *err)
{
	if (x->on_data_rc < 0)
		return x->on_data_rc;
	if (x->http_status && x->http_status != 200) {
		struct slice said = first_line(buf_slice(&x->refusal));
		int code = exchange_exception(x);
		enum status status =
			code ? exception_status(code)
			: x->http_status == 503 || x->http_status == 502 || x->http_status == 504
				? STATUS_AGAIN
				: STATUS_INVALID;
		if (!said.len)
			return error_set(err, status, "the store answered with status %ld",
					 x->http_status);
		return error_set(err, status, SLICE_FMT, SLICE_ARG(said));
	}
	struct slice late = first_line(late_exception(x));
	if (late.len && (x->result != CURLE_OK || x->exception_code))
		return error_set(err, exception_status(exception_code_of(late)), SLICE_FMT,
				 SLICE_ARG(late));
	/* To curl a connection that is closed amid the headers has ended well. */
	if (x->result == CURLE_OK && x->http_status == 200 && x->head_whole)
		return x->exception_code ? error_set(err, exception_status(x->exception_code),
						     "the store answered with exception code %d",
						     x->exception_code)
					 : 0;
	const char *why = x->curl_error[0] ? x->curl_error : curl_easy_strerror(x->result);
	if (x->http_status)
		return error_set(err, STATUS_AGAIN, "the store's answer broke off: %s", why);
	return error_set(err, STATUS_AGAIN, "the store cannot be reached: %s", why);
}

/* --- queries ---------------------------------------------------------------------- */

int store_read(struct store_client *client, const char *sql, const struct store_option *options,
	       size_t option_count, unsigned timeout_ms,
	       int (*on_data)(void *ctx, struct slice data), void *ctx, struct error *err)
{
	struct exchange x;
	struct error local;
	if (!err)
		err = &local;
	int rc = exchange_begin(&x, client, NULL, NULL, options, option_count, err);
	if (rc)
		goto out;
	x.on_data = on_data;
	x.on_data_ctx = ctx;
	curl_easy_setopt(x.easy, CURLOPT_POSTFIELDS, sql);
	curl_easy_setopt(x.easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(sql));
	/*
	 * On a reused connection that dies before the first byte of the answer curl sends the
	 * request again, which only a statement that changes nothing may suffer.
	 */
	struct statement statement;
	if (statement_parse(&statement, slice_of(sql), false, NULL) ||
	    statement.kind != STATEMENT_SELECT)
		curl_easy_setopt(x.easy, CURLOPT_FRESH_CONNECT, 1L);
	rc = exchange_start(&x, err);
	if (rc)
		goto out;
	int64_t deadline = timeout_ms ? clock_monotonic_ns() + (int64_t)timeout_ms * NS_PER_MS : 0;
	if (exchange_drive(&x, NULL, NULL, deadline))
		rc = exchange_error(&x, err);
	else
		rc = error_set(err, STATUS_TIMEOUT, "no answer from the store in %u ms",
			       timeout_ms);
out:
	exchange_release(&x);
	return rc;
}

struct collector {
	struct buf *out;
	struct error *err;
};

static int collect(void *ctx, struct slice data)
{
	struct collector *c = ctx;
	if (!c->out)
		return 0;
	buf_append_slice(c->out, data);
	if (c->out->failed)
		return error_set(c->err, STATUS_LIMIT,
				 "the store's answer is larger than %zu bytes", c->out->limit);
	return 0;
}

int store_query(struct store_client *client, const char *sql, const struct store_option *options,
		size_t option_count, unsigned timeout_ms, struct buf *out, struct error *err)
{
	struct error local;
	struct collector c = {out, err ? err : &local};
	return store_read(client, sql, options, option_count, timeout_ms, collect, &c, c.err);
}
