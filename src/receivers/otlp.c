#include "receivers/otlp.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/listeners.h"
#include "receivers/otlp_grpc.h"
#include "receivers/otlp_http.h"
#include "receivers/otlp_options.h"

struct otlp_receiver {
	struct receiver receiver;
	struct http_route grpc_routes[SIGNAL_COUNT], http_routes[SIGNAL_COUNT];
};

/* Adds the route of a signal that some pipeline takes. Returns the number of routes now. */
static size_t add_route(struct http_route *routes, size_t count, const char *path,
			void (*handle)(struct http_request *req, void *ctx),
			const struct intake *intake)
{
	if (!intake)
		return count;
	routes[count] = (struct http_route){.method = "POST",
					    .path = path,
					    .body = HTTP_BODY_WHOLE,
					    .role = ACCESS_INGEST,
					    .handle = handle,
					    .ctx = (void *)intake};
	return count + 1;
}

static unsigned to_ms(int64_t ns)
{
	return (unsigned)(ns / NS_PER_MS);
}

static void listen_http(struct otlp_receiver *self, const struct receiver_context *context,
			const struct otlp_http_options *http)
{
	char name[80], setting[160];
	snprintf(name, sizeof(name), "%s/http", context->id);
	snprintf(setting, sizeof(setting), "receivers.%s.protocols.http.endpoint", context->id);
	const char *const paths[SIGNAL_COUNT] = {[SIGNAL_LOGS] = http->logs_url_path,
						 [SIGNAL_TRACES] = http->traces_url_path,
						 [SIGNAL_METRICS] = http->metrics_url_path};
	size_t count = 0;
	for (int signal = 0; signal < SIGNAL_COUNT; signal++)
		count = add_route(self->http_routes, count, paths[signal], otlp_http_export,
				  context->intakes[signal]);
	struct http_server_options options = {.name = name,
					      .address = http->endpoint,
					      .max_body = http->max_request_body_size,
					      .idle_timeout_ms = to_ms(http->idle_timeout),
					      .read_timeout_ms = to_ms(http->read_timeout),
					      .http2 = true,
					      .routes = self->http_routes,
					      .route_count = count};
	listeners_add(context->listeners, &options, http->has_tls ? &http->tls : NULL, setting);
}

static void listen_grpc(struct otlp_receiver *self, const struct receiver_context *context,
			const struct otlp_grpc_options *grpc)
{
	char name[80], setting[160];
	snprintf(name, sizeof(name), "%s/grpc", context->id);
	snprintf(setting, sizeof(setting), "receivers.%s.protocols.grpc.endpoint", context->id);
	size_t count = 0;
	for (int signal = 0; signal < SIGNAL_COUNT; signal++)
		count = add_route(self->grpc_routes, count, otlp_grpc_path((enum signal)signal),
				  otlp_grpc_export, context->intakes[signal]);
	struct http_server_options options = {.name = name,
					      .address = grpc->endpoint,
					      .max_body = grpc->max_message,
					      .http2 = true,
					      .routes = self->grpc_routes,
					      .route_count = count};
	listeners_add(context->listeners, &options, grpc->has_tls ? &grpc->tls : NULL, setting);
}

static int start(struct receiver **out, const struct receiver_context *context, const void *options,
		 struct error *err)
{
	const struct otlp_receiver_options *otlp = options;
	struct otlp_receiver *self = calloc(1, sizeof(*self));
	if (!self)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	self->receiver.type = &otlp_receiver;
	if (otlp->protocols.has_grpc)
		listen_grpc(self, context, &otlp->protocols.grpc);
	if (otlp->protocols.has_http)
		listen_http(self, context, &otlp->protocols.http);
	*out = &self->receiver;
	return 0;
}

static void stop(struct receiver *receiver)
{
	free(receiver);
}

const struct receiver_type otlp_receiver = {
	.type = {.name = "otlp",
		 .signals = SIGNALS_ALL,
		 .stability = STABILITY_ALPHA,
		 .summary = "Receives OpenTelemetry's own protocol, over gRPC and HTTP.",
		 .options = &otlp_receiver_option_table},
	.start = start,
	.stop = stop,
};
