#include "exporters/forward/grpc_transport.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/clock.h"
#include "exporters/forward/answer.h"
#include "net/grpc_client.h"
#include "net/tls.h"

static const char *const methods[SIGNAL_COUNT] = {
	[SIGNAL_LOGS] = "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
	[SIGNAL_TRACES] = "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
	[SIGNAL_METRICS] = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
};

/* A connection. One that takes no more calls is closed once its last call has ended. */
struct link {
	struct link *next;
	struct grpc_client *client;
	unsigned calls;
	int64_t last_answer; /* clock_monotonic_ns */
};

struct grpc_transport {
	struct forward_transport transport;
	const struct otlp_exporter_options *options;
	struct loop *loop;
	struct chunk_pool *chunks;
	char *address;
	struct tls_client *tls;
	struct http_header *headers;
	size_t header_count;
	struct link *links; /* the first is in use, unless `reconnect` */
	bool reconnect;
};

struct sent {
	struct grpc_transport *transport;
	struct link *link;
	struct forward_request *request;
	int64_t time;
};

/* --- answers ---------------------------------------------------------------------- */

/* OTLP specification, "OTLP/gRPC Response", the table of codes that may be retried. */
static enum forward_outcome outcome_of(const struct grpc_result *result)
{
	switch (result->code) {
	case GRPC_OK:
		return FORWARD_DELIVERED;
	case GRPC_CANCELLED:
	case GRPC_DEADLINE_EXCEEDED:
	case GRPC_ABORTED:
	case GRPC_OUT_OF_RANGE:
	case GRPC_UNAVAILABLE:
	case GRPC_DATA_LOSS:
		return FORWARD_RETRY;
	case GRPC_RESOURCE_EXHAUSTED:
		/* With RetryInfo the peer is busy; without, the request is too large for it. */
		return result->retry_after_ms >= 0 ? FORWARD_RETRY : FORWARD_REFUSED;
	case GRPC_PERMISSION_DENIED:
	case GRPC_UNAUTHENTICATED:
	case GRPC_UNIMPLEMENTED:
		return FORWARD_REFUSED_ALL;
	default:
		return result->not_processed ? FORWARD_RETRY : FORWARD_REFUSED;
	}
}

static void on_done(struct grpc_call *call, const struct grpc_result *result, void *arg)
{
	struct sent *sent = arg;
	struct grpc_transport *self = sent->transport;
	struct forward_request *request = sent->request;
	struct forward_answer answer = {.outcome = outcome_of(result),
					.retry_after_ms = result->retry_after_ms};
	sent->link->calls--;
	if (result->code == GRPC_OK) {
		answer_read_protobuf(&answer, result->message);
	} else {
		char code[64];
		snprintf(code, sizeof(code), "%s: ", grpc_code_name(result->code));
		answer_say(&answer, code, result->text);
	}
	/* A connection on which nothing comes back any more may be dead without being closed. */
	if (result->code != GRPC_DEADLINE_EXCEEDED)
		sent->link->last_answer = clock_monotonic_ns();
	else if (sent->link->last_answer < sent->time && sent->link == self->links)
		self->reconnect = true;
	free(sent);
	request->done(request, &answer);
}

static void fail(struct forward_request *request, const char *why)
{
	struct forward_answer answer = {.outcome = FORWARD_RETRY, .retry_after_ms = -1};
	answer_say(&answer, "", slice_of(why));
	request->done(request, &answer);
}

/* --- connections ------------------------------------------------------------------ */

static void drop(struct link **at)
{
	struct link *link = *at;
	*at = link->next;
	grpc_client_close(link->client);
	free(link);
}

static struct link *connect(struct grpc_transport *self, struct error *err)
{
	struct grpc_client_options options = {.address = self->address,
					      .authority = self->options->authority,
					      .tls = self->tls,
					      .pool = self->chunks};
	struct link *link = calloc(1, sizeof(*link));
	int rc = link ? grpc_client_open(&link->client, self->loop, &options, err)
		      : error_set(err, STATUS_NO_MEMORY, "out of memory");
	if (rc < 0) {
		free(link);
		return NULL;
	}
	link->next = self->links;
	self->links = link;
	self->reconnect = false;
	return link;
}

static struct link *usable_link(struct grpc_transport *self, struct error *err)
{
	struct link *first = self->links;
	bool usable = first && !self->reconnect && grpc_client_is_open(first->client);
	struct link **at = usable ? &first->next : &self->links;
	while (*at) {
		if ((*at)->calls == 0)
			drop(at);
		else
			at = &(*at)->next;
	}
	return usable ? first : connect(self, err);
}

static void begin(struct forward_transport *transport, struct forward_request *request)
{
	struct grpc_transport *self = (struct grpc_transport *)transport;
	struct error err = {0};
	struct link *link = usable_link(self, &err);
	struct sent *sent = link ? malloc(sizeof(*sent)) : NULL;
	if (!sent) {
		fail(request, link ? "out of memory" : err.message);
		return;
	}
	*sent = (struct sent){self, link, request, clock_monotonic_ns()};
	struct grpc_call_options options = {
		.path = methods[request->signal],
		.message = request->bytes,
		.owner = request->owner,
		.encoding = request->coding == COMPRESS_IDENTITY
				    ? NULL
				    : compress_encoding_name(request->coding),
		.headers = self->headers,
		.header_count = self->header_count,
		.timeout_ms = (unsigned)(self->options->timeout / NS_PER_MS),
		.done = on_done,
		.arg = sent};
	link->calls++;
	if (!grpc_client_call(link->client, &options, &err)) {
		link->calls--;
		free(sent);
		fail(request, err.message);
	}
}

/* --- making and closing ----------------------------------------------------------- */

static void release(struct grpc_transport *self)
{
	for (size_t i = 0; i < self->header_count; i++) {
		free((char *)self->headers[i].name.ptr);
		free((char *)self->headers[i].value.ptr);
	}
	free(self->headers);
	free(self->address);
	tls_client_free(self->tls);
	free(self);
}

static void close_transport(struct forward_transport *transport)
{
	struct grpc_transport *self = (struct grpc_transport *)transport;
	while (self->links)
		drop(&self->links);
	release(self);
}

static const struct forward_transport_type grpc_transport_type = {begin, close_transport};

static bool add_header(struct grpc_transport *self, const char *name, const char *value)
{
	char *lower = strdup(name), *copy = strdup(value);
	if (!lower || !copy) {
		free(lower);
		free(copy);
		return false;
	}
	for (char *c = lower; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	self->headers[self->header_count++] = (struct http_header){slice_of(lower), slice_of(copy)};
	return true;
}

static int add_headers(struct grpc_transport *self, struct error *err)
{
	const struct otlp_exporter_options *options = self->options;
	const char *agent = options->user_agent ? options->user_agent : "Tripod/" TRIPOD_VERSION;
	self->headers = calloc(options->headers_count + 1, sizeof(*self->headers));
	bool ok = self->headers && add_header(self, "user-agent", agent);
	for (size_t i = 0; ok && i < options->headers_count; i++)
		ok = add_header(self, options->headers[i].key, options->headers[i].value);
	return ok ? 0 : error_set(err, STATUS_NO_MEMORY, "out of memory");
}

/* Takes the endpoint apart as the collector's config/configgrpc does. */
static int set_address(struct grpc_transport *self, bool *tls, struct error *err)
{
	static const struct {
		const char *scheme, *instead;
		int tls; /* -1: as tls.insecure says */
	} schemes[] = {{"http://", "", 0}, {"https://", "", 1},      {"dns:///", "", -1},
		       {"dns://", "", -1}, {"unix://", "unix:", -1}, {"", "", -1}};
	const char *endpoint = self->options->endpoint;
	size_t i = 0;
	while (strncmp(endpoint, schemes[i].scheme, strlen(schemes[i].scheme)) != 0)
		i++;
	*tls = schemes[i].tls < 0 ? !self->options->tls.insecure : schemes[i].tls == 1;
	struct buf address = BUF_INIT;
	buf_appendf(&address, "%s%s", schemes[i].instead, endpoint + strlen(schemes[i].scheme));
	self->address = address.failed ? NULL : strdup(buf_cstr(&address));
	buf_release(&address);
	return self->address ? 0 : error_set(err, STATUS_NO_MEMORY, "out of memory");
}

int grpc_transport_new(struct forward_transport **out, const struct otlp_exporter_options *options,
		       struct loop *loop, struct chunk_pool *chunks, struct error *err)
{
	struct grpc_transport *self = calloc(1, sizeof(*self));
	if (!self)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	self->transport.type = &grpc_transport_type;
	self->options = options;
	self->loop = loop;
	self->chunks = chunks;
	bool tls;
	int rc = set_address(self, &tls, err);
	if (rc == 0)
		rc = add_headers(self, err);
	if (rc == 0 && tls) {
		const struct tls_connect_options *given = &options->tls;
		bool modern = given->min_version == TLS_VERSION_1_3;
		bool old = given->max_version == TLS_VERSION_1_2;
		struct tls_client_options settings = {
			.ca_file = given->ca_file,
			.system_ca_too = given->include_system_ca_certs_pool,
			.min_version = modern ? TLS1_3_VERSION : TLS1_2_VERSION,
			.max_version = old ? TLS1_2_VERSION : TLS1_3_VERSION,
			.cert_file = given->cert_file,
			.key_file = given->key_file,
			.server_name = given->server_name_override,
			.skip_verify = given->insecure_skip_verify};
		rc = tls_client_new(&self->tls, &settings, err);
	}
	if (rc < 0) {
		release(self);
		return rc;
	}
	*out = &self->transport;
	return 0;
}
