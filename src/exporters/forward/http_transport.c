/* libcurl's multi interface on a loop: it says which sockets to watch and when to call it. */
#include "exporters/forward/http_transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <uv.h>

#include "base/buf.h"
#include "base/clock.h"
#include "exporters/forward/answer.h"
#include "net/loop.h"
#include "pipeline/component.h"
#include "wire/protobuf.h"

#define MAX_ANSWER ((size_t)1 << 20)
#define CONNECT_TIMEOUT_MS 10000L

struct http_transport {
	struct forward_transport transport;
	const struct otlphttp_exporter_options *options;
	struct loop *loop;
	char *urls[SIGNAL_COUNT];
	struct curl_slist *headers[COMPRESS_ZSTD + 1]; /* by coding */
	CURLM *multi;
	uv_timer_t timer;
	bool has_timer, closing;
	struct exchange *exchanges;
	unsigned sockets; /* watched, or being closed */
};

struct exchange {
	struct exchange *prev, *next;
	struct http_transport *transport;
	struct forward_request *request;
	CURL *easy;
	struct buf answer;
	char error[CURL_ERROR_SIZE];
};

struct watched {
	uv_poll_t poll;
	struct http_transport *transport;
	curl_socket_t fd;
};

/* --- answers ---------------------------------------------------------------------- */

/* OTLP specification, "OTLP/HTTP Response", "Retryable Response Codes". */
static enum forward_outcome outcome_of(long code)
{
	if (code >= 200 && code < 300)
		return FORWARD_DELIVERED;
	switch (code) {
	case 429:
	case 502:
	case 503:
	case 504:
		return FORWARD_RETRY;
	case 400:
	case 413:
	case 422:
		return FORWARD_REFUSED;
	default:
		return FORWARD_REFUSED_ALL;
	}
}

static bool is_type(CURL *easy, const char *type)
{
	const char *found = NULL;
	curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &found);
	return found && strncasecmp(found, type, strlen(type)) == 0;
}

/* The message of a google.rpc.Status, or the body as it is. */
static struct slice error_text(CURL *easy, struct buf *body)
{
	static const char padding[PROTOBUF_PADDING];
	struct slice whole = buf_slice(body), text = whole, found;
	uint32_t tag;
	if (!is_type(easy, "application/x-protobuf"))
		return text;
	buf_append(body, padding, sizeof(padding));
	if (body->failed)
		return SLICE("");
	text = SLICE("");
	struct pb_reader r = pb_reader_of((struct slice){body->data, whole.len});
	while (pb_more(&r) && pb_tag(&r, &tag)) {
		if (tag == PB_TAG(2, PB_LEN) ? !pb_bytes(&r, &found) : !pb_skip(&r, tag))
			break;
		if (tag == PB_TAG(2, PB_LEN))
			text = found;
	}
	return text;
}

static void read_answer(struct exchange *exchange, CURLcode result, struct forward_answer *answer)
{
	CURL *easy = exchange->easy;
	long code = 0;
	curl_off_t retry_after = 0;
	if (result != CURLE_OK) {
		answer->outcome = FORWARD_RETRY;
		answer_say(answer, "",
			   slice_of(exchange->error[0] ? exchange->error
						       : curl_easy_strerror(result)));
		return;
	}
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code);
	curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
	answer->outcome = outcome_of(code);
	if (retry_after > 0)
		answer->retry_after_ms = (int64_t)retry_after * 1000;
	if (answer->outcome != FORWARD_DELIVERED) {
		char prefix[32];
		snprintf(prefix, sizeof(prefix), "HTTP %ld: ", code);
		answer_say(answer, prefix, error_text(easy, &exchange->answer));
	} else if (is_type(easy, "application/json")) {
		answer_read_json(answer, exchange->request->signal, buf_slice(&exchange->answer));
	} else if (is_type(easy, "application/x-protobuf")) {
		answer_read_protobuf(answer, buf_slice(&exchange->answer));
	}
}

static void end_exchange(struct exchange *exchange, const struct forward_answer *answer)
{
	struct http_transport *self = exchange->transport;
	struct forward_request *request = exchange->request;
	curl_multi_remove_handle(self->multi, exchange->easy);
	curl_easy_cleanup(exchange->easy);
	buf_release(&exchange->answer);
	if (exchange->prev)
		exchange->prev->next = exchange->next;
	else
		self->exchanges = exchange->next;
	if (exchange->next)
		exchange->next->prev = exchange->prev;
	free(exchange);
	request->done(request, answer);
}

static void take_finished(struct http_transport *self)
{
	CURLMsg *message;
	int left;
	while ((message = curl_multi_info_read(self->multi, &left))) {
		struct exchange *exchange;
		struct forward_answer answer = {.retry_after_ms = -1};
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&exchange);
		read_answer(exchange, message->data.result, &answer);
		end_exchange(exchange, &answer);
	}
}

/* --- libcurl on the loop ---------------------------------------------------------- */

static void on_time(uv_timer_t *timer)
{
	struct http_transport *self = timer->data;
	int running;
	curl_multi_socket_action(self->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	take_finished(self);
}

static int set_timer(CURLM *multi, long ms, void *arg)
{
	struct http_transport *self = arg;
	if (!self->has_timer || self->closing)
		return 0;
	if (ms < 0)
		uv_timer_stop(&self->timer);
	else
		uv_timer_start(&self->timer, on_time, (uint64_t)ms, 0);
	return 0;
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct watched *watched = poll->data;
	struct http_transport *self = watched->transport;
	int flags = 0, running;
	if (status < 0)
		flags = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(self->multi, watched->fd, flags, &running);
	take_finished(self);
}

static void free_if_over(struct http_transport *self)
{
	if (!self->closing || self->sockets || self->has_timer)
		return;
	for (int signal = 0; signal < SIGNAL_COUNT; signal++)
		free(self->urls[signal]);
	for (size_t i = 0; i <= COMPRESS_ZSTD; i++)
		curl_slist_free_all(self->headers[i]);
	if (self->multi)
		curl_multi_cleanup(self->multi);
	free(self);
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct watched *watched = handle->data;
	struct http_transport *self = watched->transport;
	free(watched);
	self->sockets--;
	free_if_over(self);
}

static struct watched *watch(struct http_transport *self, curl_socket_t fd)
{
	struct watched *watched = calloc(1, sizeof(*watched));
	if (!watched || uv_poll_init_socket(loop_uv(self->loop), &watched->poll, fd) < 0) {
		free(watched);
		return NULL;
	}
	watched->poll.data = watched;
	watched->transport = self;
	watched->fd = fd;
	self->sockets++;
	curl_multi_assign(self->multi, fd, watched);
	return watched;
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct http_transport *self = arg;
	struct watched *watched = socket_arg;
	if (what == CURL_POLL_REMOVE) {
		if (watched) {
			curl_multi_assign(self->multi, fd, NULL);
			uv_close((uv_handle_t *)&watched->poll, on_poll_closed);
		}
		return 0;
	}
	if (!watched && !(watched = watch(self, fd)))
		return -1;
	int events =
		(what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	return uv_poll_start(&watched->poll, events, on_socket) < 0 ? -1 : 0;
}

/* --- sending ---------------------------------------------------------------------- */

static size_t take_answer(char *data, size_t size, size_t count, void *arg)
{
	struct exchange *exchange = arg;
	buf_append(&exchange->answer, data, size * count);
	return exchange->answer.failed ? 0 : size * count;
}

static void set_tls(CURL *easy, const struct tls_connect_options *tls)
{
	if (tls->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, tls->ca_file);
	if (tls->ca_file && !tls->include_system_ca_certs_pool)
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	if (tls->cert_file) {
		curl_easy_setopt(easy, CURLOPT_SSLCERT, tls->cert_file);
		curl_easy_setopt(easy, CURLOPT_SSLKEY, tls->key_file);
	}
	if (tls->insecure_skip_verify) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	long least = tls->min_version == TLS_VERSION_1_3 ? CURL_SSLVERSION_TLSv1_3
							 : CURL_SSLVERSION_TLSv1_2;
	long most = tls->max_version == TLS_VERSION_1_2 ? CURL_SSLVERSION_MAX_TLSv1_2
							: CURL_SSLVERSION_MAX_DEFAULT;
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, least | most);
}

static void set_up(struct exchange *exchange)
{
	const struct http_transport *self = exchange->transport;
	const struct forward_request *request = exchange->request;
	CURL *easy = exchange->easy;
	curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->error);
	curl_easy_setopt(easy, CURLOPT_URL, self->urls[request->signal]);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->bytes.ptr);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->bytes.len);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, self->headers[request->coding]);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(self->options->timeout / NS_PER_MS));
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
	if (self->options->proxy_url)
		curl_easy_setopt(easy, CURLOPT_PROXY, self->options->proxy_url);
	set_tls(easy, &self->options->tls);
}

static void begin(struct forward_transport *transport, struct forward_request *request)
{
	struct http_transport *self = (struct http_transport *)transport;
	struct forward_answer failed = {
		.outcome = FORWARD_RETRY, .retry_after_ms = -1, .message = "out of memory"};
	struct exchange *exchange = calloc(1, sizeof(*exchange));
	if (exchange)
		exchange->easy = curl_easy_init();
	if (!exchange || !exchange->easy) {
		free(exchange);
		request->done(request, &failed);
		return;
	}
	buf_init_limited(&exchange->answer, MAX_ANSWER);
	exchange->transport = self;
	exchange->request = request;
	exchange->next = self->exchanges;
	if (exchange->next)
		exchange->next->prev = exchange;
	self->exchanges = exchange;
	set_up(exchange);
	if (curl_multi_add_handle(self->multi, exchange->easy) != CURLM_OK)
		end_exchange(exchange, &failed);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct http_transport *self = handle->data;
	self->has_timer = false;
	free_if_over(self);
}

static void close_transport(struct forward_transport *transport)
{
	struct http_transport *self = (struct http_transport *)transport;
	struct forward_answer answer = {
		.outcome = FORWARD_RETRY, .retry_after_ms = -1, .message = "shutting down"};
	self->closing = true;
	while (self->exchanges)
		end_exchange(self->exchanges, &answer);
	/* Closes the connections, which ends their watching. */
	curl_multi_cleanup(self->multi);
	self->multi = NULL;
	uv_close((uv_handle_t *)&self->timer, on_timer_closed);
}

static const struct forward_transport_type http_transport_type = {begin, close_transport};

/* --- making ----------------------------------------------------------------------- */

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
	struct buf line = BUF_INIT;
	/* libcurl takes a header without a value in this form only. */
	buf_appendf(&line, *value ? "%s: %s" : "%s;", name, value);
	struct curl_slist *longer = line.failed ? NULL : curl_slist_append(*list, buf_cstr(&line));
	buf_release(&line);
	if (longer)
		*list = longer;
	return longer != NULL;
}

static bool add_headers(struct http_transport *self, enum compress_encoding coding)
{
	const struct otlphttp_exporter_options *options = self->options;
	struct curl_slist **list = &self->headers[coding];
	bool json = options->encoding == OTLP_ENCODING_JSON;
	bool ok = add_header(list, "Content-Type",
			     json ? "application/json" : "application/x-protobuf") &&
		  add_header(list, "User-Agent", "Tripod/" TRIPOD_VERSION);
	struct curl_slist *longer = ok ? curl_slist_append(*list, "Expect:") : NULL;
	if (!longer)
		return false;
	*list = longer;
	if (coding != COMPRESS_IDENTITY)
		ok = add_header(list, "Content-Encoding", compress_encoding_name(coding));
	for (size_t i = 0; ok && i < options->headers_count; i++)
		ok = add_header(list, options->headers[i].key, options->headers[i].value);
	return ok;
}

static int set_urls(struct http_transport *self, unsigned signals, struct error *err)
{
	const struct otlphttp_exporter_options *options = self->options;
	const char *const own[SIGNAL_COUNT] = {[SIGNAL_LOGS] = options->logs_endpoint,
					       [SIGNAL_TRACES] = options->traces_endpoint,
					       [SIGNAL_METRICS] = options->metrics_endpoint};
	for (int signal = 0; signal < SIGNAL_COUNT; signal++) {
		const char *name = signal_name((enum signal)signal);
		struct buf url = BUF_INIT;
		if (!(signals & SIGNAL_BIT(signal)))
			continue;
		if (!own[signal] && !options->endpoint)
			return error_set(err, STATUS_INVALID,
					 "it is in a pipeline of %s: set endpoint or %s_endpoint",
					 name, name);
		buf_append_cstr(&url, own[signal] ? own[signal] : options->endpoint);
		while (!own[signal] && url.len && url.data[url.len - 1] == '/')
			url.len--;
		if (!own[signal])
			buf_appendf(&url, "/v1/%s", name);
		self->urls[signal] = url.failed ? NULL : strdup(buf_cstr(&url));
		buf_release(&url);
		if (!self->urls[signal])
			return error_set(err, STATUS_NO_MEMORY, "out of memory");
	}
	return 0;
}

struct starting {
	struct http_transport *transport;
	uv_sem_t started;
};

static void start_timer(void *arg)
{
	struct starting *starting = arg;
	struct http_transport *self = starting->transport;
	uv_timer_init(loop_uv(self->loop), &self->timer);
	self->timer.data = self;
	self->has_timer = true;
	uv_sem_post(&starting->started);
}

static int start_multi(struct http_transport *self, struct error *err)
{
	self->multi = curl_multi_init();
	if (!self->multi)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	curl_multi_setopt(self->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(self->multi, CURLMOPT_SOCKETDATA, self);
	curl_multi_setopt(self->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(self->multi, CURLMOPT_TIMERDATA, self);
	struct starting starting = {.transport = self};
	struct loop_task task = {.fn = start_timer, .arg = &starting};
	uv_sem_init(&starting.started, 0);
	loop_post_task(self->loop, &task);
	uv_sem_wait(&starting.started);
	uv_sem_destroy(&starting.started);
	return 0;
}

int http_transport_new(struct forward_transport **out,
		       const struct otlphttp_exporter_options *options, unsigned signals,
		       struct loop *loop, struct error *err)
{
	struct http_transport *self = calloc(1, sizeof(*self));
	if (!self)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	self->transport.type = &http_transport_type;
	self->options = options;
	self->loop = loop;
	int rc = options->tls.server_name_override
			 ? error_set(err, STATUS_UNSUPPORTED,
				     "tls.server_name_override is not done over HTTP: name the "
				     "server in endpoint as its certificate does")
			 : set_urls(self, signals, err);
	for (int coding = 0; rc == 0 && coding <= COMPRESS_ZSTD; coding++) {
		if (!add_headers(self, (enum compress_encoding)coding))
			rc = error_set(err, STATUS_NO_MEMORY, "out of memory");
	}
	if (rc == 0)
		rc = start_multi(self, err);
	if (rc < 0) {
		self->closing = true;
		free_if_over(self);
		return rc;
	}
	*out = &self->transport;
	return 0;
}
