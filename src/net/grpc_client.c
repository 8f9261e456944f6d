#include "net/grpc_client.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "net/dial.h"
#include "net/grpc_frame.h"
#include "net/h2_io.h"
#include "net/loop.h"
#include "net/tls_int.h"

#define CONNECT_TIMEOUT_MS 10000
#define MAX_ANSWER ((size_t)4 << 20)
#define READ_BUFFER ((size_t)64 << 10)
#define CALL_MEMORY ((size_t)256 << 10)
/* Most bytes of one header that is kept of an answer. */
#define MAX_VALUE ((size_t)8 << 10)

struct grpc_call {
	struct grpc_client *client;
	struct grpc_call *prev, *next; /* in client->calls or ->lingering, or `next` in ->ended */
	int32_t stream_id;
	struct arena arena;
	struct h2_body send;
	int64_t deadline_ns; /* 0: none */
	void (*done)(struct grpc_call *call, const struct grpc_result *result, void *arg);
	void *arg;

	/* The answer. */
	int http_status, grpc_status; /* -1: not seen */
	struct slice text, details;
	struct chunk *body;
	bool too_large;

	bool in_session; /* which may still read `send`; over when the stream is closed */
	bool has_ended; /* `result` is known */
	bool is_delivered;
	struct grpc_result result;
};

struct grpc_client {
	struct h2_io io; /* first: see h2_io_init */
	struct transport transport;
	struct loop *loop;
	struct grpc_client_options options;
	char *host;
	struct dial *dial; /* while connecting */
	bool connected, is_transport_open, handshaken;
	bool refuses; /* no new calls */
	bool told, closing;
	struct error err; /* why it refuses */
	struct grpc_call *calls, *ended, **ended_end;
	struct grpc_call *lingering; /* delivered, and still in the session */
	uv_timer_t timer;
	uv_idle_t soon;
	unsigned open_handles;
	int64_t connect_until_ns;
	char *buffer;
};

static struct grpc_client *client_of(struct transport *t)
{
	return (struct grpc_client *)((char *)t - offsetof(struct grpc_client, transport));
}

static void run(struct grpc_client *client);

static void on_soon(uv_idle_t *idle)
{
	uv_idle_stop(idle);
	run(idle->data);
}

static void kick(struct grpc_client *client)
{
	if (!client->closing)
		uv_idle_start(&client->soon, on_soon);
}

/* --- the end of a call --------------------------------------------------------------------- */

static void free_call(struct grpc_call *call)
{
	chunk_unref(call->body);
	outq_release(&call->send.out);
	arena_release(&call->arena);
	free(call);
}

static void link_call(struct grpc_call **list, struct grpc_call *call)
{
	call->prev = NULL;
	call->next = *list;
	if (call->next)
		call->next->prev = call;
	*list = call;
}

static void unlink_call(struct grpc_call **list, struct grpc_call *call)
{
	if (call->prev)
		call->prev->next = call->next;
	else
		*list = call->next;
	if (call->next)
		call->next->prev = call->prev;
}

/* The result is known; `done` is called later, by deliver(). */
static void end_call(struct grpc_call *call, enum grpc_code code, struct slice text)
{
	struct grpc_client *client = call->client;
	if (call->has_ended)
		return;
	call->has_ended = true;
	call->result.code = code;
	call->result.text = text;
	unlink_call(&client->calls, call);
	call->next = NULL;
	*client->ended_end = call;
	client->ended_end = &call->next;
	kick(client);
}

static void deliver(struct grpc_client *client)
{
	struct grpc_call *call;
	while ((call = client->ended)) {
		client->ended = call->next;
		if (!client->ended)
			client->ended_end = &client->ended;
		call->done(call, &call->result, call->arg);
		call->is_delivered = true;
		if (call->in_session)
			link_call(&client->lingering, call);
		else
			free_call(call);
	}
}

/* The stream is closed, or the session will not be used any more. */
static void leave_session(struct grpc_call *call)
{
	call->in_session = false;
	if (call->is_delivered) {
		unlink_call(&call->client->lingering, call);
		free_call(call);
	}
}

static enum grpc_code code_of_http(int status)
{
	/* grpc/doc/http-grpc-status-mapping.md */
	switch (status) {
	case 400:
		return GRPC_INTERNAL;
	case 401:
		return GRPC_UNAUTHENTICATED;
	case 403:
		return GRPC_PERMISSION_DENIED;
	case 404:
		return GRPC_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504:
		return GRPC_UNAVAILABLE;
	}
	return GRPC_UNKNOWN;
}

static struct slice say(struct grpc_call *call, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static struct slice say(struct grpc_call *call, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	char *copy = arena_strdup(&call->arena, slice_of(text));
	return copy ? slice_of(copy) : SLICE("");
}

static void end_by_answer(struct grpc_call *call)
{
	const char *wrong = NULL;
	bool compressed = false;
	if (call->grpc_status != GRPC_OK) {
		struct buf text = BUF_INIT;
		grpc_decode_message(&text, call->text);
		char *copy = arena_strdup(&call->arena, buf_slice(&text));
		buf_release(&text);
		call->result.retry_after_ms = grpc_decode_retry(call->details);
		end_call(call, (enum grpc_code)call->grpc_status,
			 copy ? slice_of(copy) : SLICE(""));
		return;
	}
	struct slice body = {0};
	if (call->body) {
		chunk_seal(call->body);
		body = (struct slice){call->body->data, call->body->len};
	}
	wrong = grpc_unframe(body, &call->result.message, &compressed);
	if (wrong || compressed)
		end_call(call, GRPC_INTERNAL,
			 say(call, "the answer cannot be read: %s",
			     wrong ? wrong : "it is compressed, which was not asked for"));
	else
		end_call(call, GRPC_OK, SLICE(""));
}

static void end_by_reset(struct grpc_call *call, uint32_t error_code)
{
	enum grpc_code code = GRPC_INTERNAL;
	switch (error_code) {
	case NGHTTP2_REFUSED_STREAM:
		call->result.not_processed = true;
		code = GRPC_UNAVAILABLE;
		break;
	case NGHTTP2_NO_ERROR:
		break;
	case NGHTTP2_CANCEL:
		code = GRPC_CANCELLED;
		break;
	case NGHTTP2_ENHANCE_YOUR_CALM:
		code = GRPC_RESOURCE_EXHAUSTED;
		break;
	case NGHTTP2_INADEQUATE_SECURITY:
		code = GRPC_PERMISSION_DENIED;
		break;
	}
	end_call(call, code,
		 say(call, "the server ended the call without an answer (%s)",
		     nghttp2_http2_strerror(error_code)));
}

/* --- what the session reports --------------------------------------------------------------- */

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
		     void *user)
{
	struct grpc_call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	struct slice n = {(const char *)name, name_len}, v = {(const char *)value, value_len};
	if (!call || call->has_ended || value_len > MAX_VALUE)
		return 0;
	bool is_text = slice_eq_cstr(n, "grpc-message");
	if (is_text || slice_eq_cstr(n, "grpc-status-details-bin")) {
		char *copy = arena_strdup(&call->arena, v);
		struct slice kept = {copy, copy ? v.len : 0};
		*(is_text ? &call->text : &call->details) = kept;
	} else if (slice_eq_cstr(n, ":status") || slice_eq_cstr(n, "grpc-status")) {
		int number = 0;
		for (size_t i = 0; i < v.len && i < 4 && v.ptr[i] >= '0' && v.ptr[i] <= '9'; i++)
			number = number * 10 + (v.ptr[i] - '0');
		*(n.ptr[0] == ':' ? &call->http_status : &call->grpc_status) = number;
	}
	return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t stream_id,
			 const uint8_t *data, size_t len, void *user)
{
	struct grpc_client *client = user;
	struct grpc_call *call = nghttp2_session_get_stream_user_data(session, stream_id);
	nghttp2_session_consume(session, stream_id, len);
	if (!call || call->too_large || call->has_ended)
		return 0;
	size_t have = call->body ? call->body->len : 0;
	if (len > client->options.max_answer + GRPC_PREFIX - have) {
		call->too_large = true;
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream_id, NGHTTP2_CANCEL);
		return 0;
	}
	struct chunk *body = NULL;
	if (!call->body)
		body = chunk_new(client->options.pool, len);
	else if (have + len <= call->body->capacity)
		body = call->body;
	else
		body = chunk_grow(call->body, 2 * (have + len));
	if (!body)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	memcpy(body->data + have, data, len);
	body->len = have + len;
	call->body = body;
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error_code,
			   void *user)
{
	struct grpc_client *client = user;
	struct grpc_call *call = nghttp2_session_get_stream_user_data(session, stream_id);
	if (!call)
		return 0;
	nghttp2_session_set_stream_user_data(session, stream_id, NULL);
	if (call->has_ended) {
		leave_session(call);
		return 0;
	}
	call->in_session = false;
	if (call->too_large)
		end_call(call, GRPC_RESOURCE_EXHAUSTED,
			 say(call, "the answer is larger than %zu bytes",
			     client->options.max_answer));
	else if (call->grpc_status >= 0)
		end_by_answer(call);
	else if (call->http_status > 0 && call->http_status != 200)
		end_call(call, code_of_http(call->http_status),
			 say(call, "the server answered with HTTP status %d and not as gRPC does",
			     call->http_status));
	else
		end_by_reset(call, error_code);
	return 0;
}

static void refuse_more(struct grpc_client *client, int status, const char *why)
{
	if (client->refuses)
		return;
	client->refuses = true;
	error_set(&client->err, status, "%s: %s", client->options.address, why);
	kick(client);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	/* The session itself ends the streams that the server will not look at. */
	if (frame->hd.type == NGHTTP2_GOAWAY)
		refuse_more(user, STATUS_AGAIN, "the server is going away");
	return 0;
}

static int start_session(struct grpc_client *client)
{
	static const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_STREAM_WINDOW},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 64 << 10},
	};
	nghttp2_session_callbacks *callbacks;
	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		return STATUS_NO_MEMORY;
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
	return h2_io_init(&client->io, &client->transport, false, callbacks, client, settings,
			  sizeof(settings) / sizeof(settings[0]));
}

/* --- the connection -------------------------------------------------------------------------- */

static void free_if_over(struct grpc_client *client)
{
	if (!client->closing || client->open_handles || client->is_transport_open)
		return;
	h2_io_release(&client->io);
	free((char *)client->options.address);
	free(client->host);
	free(client->buffer);
	free(client);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct grpc_client *client = handle->data;
	client->open_handles--;
	free_if_over(client);
}

static void on_transport_closed(struct transport *t)
{
	struct grpc_client *client = client_of(t);
	client->is_transport_open = false;
	free_if_over(client);
}

/* No more is heard or said: the session is not used from here on. */
static void fail_calls(struct grpc_client *client, enum grpc_code code, const char *text)
{
	while (client->lingering)
		leave_session(client->lingering);
	for (struct grpc_call *call = client->ended; call; call = call->next)
		call->in_session = false;
	while (client->calls) {
		struct grpc_call *call = client->calls;
		call->in_session = false;
		if (!client->connected)
			call->result.not_processed = true;
		end_call(call, code, say(call, "%s", text));
	}
}

static void fail(struct grpc_client *client, const char *why)
{
	refuse_more(client, STATUS_IO, why);
	if (client->is_transport_open)
		transport_close(&client->transport);
	if (client->dial)
		dial_cancel(client->dial);
	client->dial = NULL;
	char text[600];
	snprintf(text, sizeof(text), "%s: %s", client->options.address, why);
	fail_calls(client, GRPC_UNAVAILABLE, text);
}

static void fail_transport(struct grpc_client *client)
{
	char why[300];
	transport_tls_error(&client->transport, why, sizeof(why));
	fail(client, why[0] ? why : "the connection broke");
}

static bool check_handshake(struct grpc_client *client)
{
	if (client->handshaken || transport_is_handshaking(&client->transport))
		return true;
	client->handshaken = true;
	if (!client->options.tls || slice_eq_cstr(transport_alpn(&client->transport), "h2"))
		return true;
	fail(client, "the server does not offer HTTP/2 (ALPN h2)");
	return false;
}

static void read_some(struct grpc_client *client)
{
	struct transport *t = &client->transport;
	while (!t->closing) {
		ssize_t n = transport_read(t, client->buffer, READ_BUFFER);
		if (n == TRANSPORT_AGAIN)
			return;
		if (n == 0)
			fail(client, "the server closed the connection");
		else if (n < 0)
			fail_transport(client);
		else if (check_handshake(client))
			h2_io_input(&client->io, client->buffer, (size_t)n);
	}
}

static void send_some(struct grpc_client *client)
{
	struct transport *t = &client->transport;
	bool any = true;
	while (any && !t->blocked) {
		h2_io_pull(&client->io);
		if (client->io.failed) {
			fail(client, "the server breaks the HTTP/2 protocol");
			return;
		}
		any = t->out.bytes > 0;
		if (transport_flush(t) == TRANSPORT_BROKEN) {
			/* It may have said why before it closed. */
			read_some(client);
			if (!t->closing)
				fail_transport(client);
			return;
		}
		if (!check_handshake(client))
			return;
	}
	transport_watch(t, true, false);
}

/* Everything that may have become possible: sending, telling ends. */
static void run(struct grpc_client *client)
{
	if (client->connected && !client->transport.closing)
		send_some(client);
	deliver(client);
	if (client->refuses && !client->told && !client->closing) {
		client->told = true;
		if (client->options.on_closed)
			client->options.on_closed(client, &client->err, client->options.arg);
	}
}

static void on_readable(struct transport *t)
{
	read_some(client_of(t));
	run(client_of(t));
}

static void on_writable(struct transport *t)
{
	t->blocked = false;
	run(client_of(t));
}

static const struct transport_owner owner = {.on_readable = on_readable,
					     .on_writable = on_writable,
					     .on_hangup = on_readable,
					     .on_closed = on_transport_closed};

static void on_dialled(void *arg, int fd, const struct error *err)
{
	struct grpc_client *client = arg;
	client->dial = NULL;
	if (fd < 0) {
		refuse_more(client, STATUS_IO, err->message);
		fail_calls(client, GRPC_UNAVAILABLE, err->message);
		return;
	}
	if (transport_open(&client->transport, loop_uv(client->loop), fd, client->options.pool,
			   &owner) < 0) {
		fail(client, "out of memory");
		return;
	}
	client->is_transport_open = true;
	if (client->options.tls &&
	    transport_start_tls_client(&client->transport, client->options.tls, client->host) < 0) {
		fail(client, "out of memory");
		return;
	}
	client->connected = true;
	run(client);
}

/* --- time -------------------------------------------------------------------------------------- */

static void reset_call(struct grpc_call *call, enum grpc_code code, const char *text)
{
	nghttp2_submit_rst_stream(call->client->io.session, NGHTTP2_FLAG_NONE, call->stream_id,
				  NGHTTP2_CANCEL);
	end_call(call, code, slice_of(text));
}

static void on_time(uv_timer_t *timer);

static void set_timer(struct grpc_client *client)
{
	bool connecting = !client->handshaken && !client->refuses;
	int64_t first = connecting ? client->connect_until_ns : 0;
	for (struct grpc_call *call = client->calls; call; call = call->next) {
		if (call->deadline_ns && (!first || call->deadline_ns < first))
			first = call->deadline_ns;
	}
	if (!first || client->closing) {
		uv_timer_stop(&client->timer);
		return;
	}
	int64_t left = first - clock_monotonic_ns();
	uv_timer_start(&client->timer, on_time, left > 0 ? (uint64_t)(left / NS_PER_MS) + 1 : 1, 0);
}

static void on_time(uv_timer_t *timer)
{
	struct grpc_client *client = timer->data;
	int64_t now = clock_monotonic_ns();
	if (!client->handshaken && !client->refuses && now >= client->connect_until_ns)
		fail(client, "cannot connect: there is no answer in time");
	for (struct grpc_call *call = client->calls, *next; call; call = next) {
		next = call->next;
		if (call->deadline_ns && now >= call->deadline_ns)
			reset_call(call, GRPC_DEADLINE_EXCEEDED, "there is no answer in time");
	}
	set_timer(client);
	kick(client);
}

/* --- the public side --------------------------------------------------------------------------- */

static int prepare(struct grpc_client *client, const struct grpc_client_options *options)
{
	client->options = *options;
	if (!client->options.connect_timeout_ms)
		client->options.connect_timeout_ms = CONNECT_TIMEOUT_MS;
	if (!client->options.max_answer)
		client->options.max_answer = MAX_ANSWER;
	client->options.address = strdup(options->address);
	client->host = calloc(1, strlen(options->address) + 1);
	client->buffer = malloc(READ_BUFFER);
	if (!client->options.address || !client->host || !client->buffer)
		return STATUS_NO_MEMORY;
	const char *port;
	bool is_unix = strncmp(options->address, "unix:", 5) == 0;
	if (is_unix || dial_split(options->address, client->host, strlen(options->address) + 1,
				  &port, NULL) < 0)
		snprintf(client->host, strlen(options->address) + 1, "unix");
	return start_session(client);
}

int grpc_client_open(struct grpc_client **out, struct loop *loop,
		     const struct grpc_client_options *options, struct error *err)
{
	struct grpc_client *client = calloc(1, sizeof(*client));
	if (!client)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	client->loop = loop;
	client->closing = true; /* until it has handles, so that it can be freed at once */
	client->ended_end = &client->ended;
	int rc = prepare(client, options);
	if (rc < 0)
		error_set(err, rc, "out of memory");
	else
		rc = dial_start(&client->dial, loop_uv(loop), options->address, on_dialled, client,
				err);
	if (rc < 0) {
		free_if_over(client);
		return rc;
	}
	client->closing = false;
	uv_timer_init(loop_uv(loop), &client->timer);
	uv_idle_init(loop_uv(loop), &client->soon);
	client->timer.data = client->soon.data = client;
	client->open_handles = 2;
	client->connect_until_ns =
		clock_monotonic_ns() + client->options.connect_timeout_ms * NS_PER_MS;
	set_timer(client);
	*out = client;
	return 0;
}

void grpc_client_close(struct grpc_client *client)
{
	if (!client)
		return;
	client->refuses = client->told = true;
	fail_calls(client, GRPC_CANCELLED, "the client was closed");
	client->closing = true;
	if (client->dial)
		dial_cancel(client->dial);
	if (client->is_transport_open)
		transport_close(&client->transport);
	deliver(client);
	uv_close((uv_handle_t *)&client->timer, on_handle_closed);
	uv_close((uv_handle_t *)&client->soon, on_handle_closed);
}

bool grpc_client_is_open(const struct grpc_client *client)
{
	return !client->refuses;
}

static size_t fill_headers(struct grpc_call *call, const struct grpc_call_options *options,
			   nghttp2_nv *nv)
{
	struct grpc_client *client = call->client;
	size_t n = 0;
	nv[n++] = h2_nv(SLICE(":method"), SLICE("POST"));
	nv[n++] = h2_nv(SLICE(":scheme"), client->options.tls ? SLICE("https") : SLICE("http"));
	nv[n++] = h2_nv(SLICE(":path"), slice_of(options->path));
	bool is_unix = strncmp(client->options.address, "unix:", 5) == 0;
	const char *authority = client->options.authority;
	if (!authority)
		authority = is_unix ? "localhost" : client->options.address;
	nv[n++] = h2_nv(SLICE(":authority"), slice_of(authority));
	nv[n++] = h2_nv(SLICE("content-type"), SLICE("application/grpc"));
	nv[n++] = h2_nv(SLICE("te"), SLICE("trailers"));
	if (options->encoding)
		nv[n++] = h2_nv(SLICE("grpc-encoding"), slice_of(options->encoding));
	if (options->timeout_ms) {
		char *text = arena_alloc(&call->arena, 16);
		unsigned ms = options->timeout_ms;
		if (text && ms <= 99999999)
			nv[n++] =
				h2_nv(SLICE("grpc-timeout"),
				      (struct slice){text, (size_t)snprintf(text, 16, "%um", ms)});
	}
	for (size_t i = 0; i < options->header_count; i++)
		nv[n++] = h2_nv(options->headers[i].name, options->headers[i].value);
	return n;
}

/* Those above that are always or sometimes sent. */
#define OWN_HEADERS 8

struct grpc_call *grpc_client_call(struct grpc_client *client,
				   const struct grpc_call_options *options, struct error *err)
{
	if (client->refuses) {
		error_set(err, STATUS_AGAIN, "%s",
			  client->err.message[0] ? client->err.message : "the client is closed");
		return NULL;
	}
	struct grpc_call *call = calloc(1, sizeof(*call));
	if (!call)
		goto no_memory;
	call->client = client;
	call->http_status = call->grpc_status = -1;
	call->result.retry_after_ms = -1;
	call->done = options->done;
	call->arg = options->arg;
	arena_init(&call->arena, CALL_MEMORY);
	outq_init(&call->send.out, client->options.pool);
	char prefix[GRPC_PREFIX];
	grpc_prefix(prefix, options->message.len, options->encoding != NULL);
	outq_append(&call->send.out, (struct slice){prefix, sizeof(prefix)});
	if (options->owner)
		outq_append_chunk(&call->send.out, options->owner, options->message);
	else
		outq_append(&call->send.out, options->message);
	call->send.ended = true;
	nghttp2_nv *nv =
		arena_array(&call->arena, OWN_HEADERS + options->header_count, sizeof(*nv));
	if (!nv || call->send.out.failed)
		goto no_memory;
	nghttp2_data_provider source = h2_io_body_source(&call->send);
	call->stream_id = nghttp2_submit_request(client->io.session, NULL, nv,
						 fill_headers(call, options, nv), &source, call);
	if (call->stream_id < 0)
		goto no_memory;
	call->in_session = true;
	if (options->timeout_ms)
		call->deadline_ns = clock_monotonic_ns() + options->timeout_ms * NS_PER_MS;
	link_call(&client->calls, call);
	if (options->timeout_ms)
		set_timer(client);
	kick(client);
	return call;
no_memory:
	error_set(err, STATUS_NO_MEMORY, "out of memory");
	if (call)
		free_call(call);
	return NULL;
}

void grpc_call_cancel(struct grpc_call *call)
{
	if (!call->has_ended)
		reset_call(call, GRPC_CANCELLED, "the call was cancelled");
}
