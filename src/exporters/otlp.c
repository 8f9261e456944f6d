#include "exporters/otlp.h"

#include <stdlib.h>
#include <uv.h>

#include "base/clock.h"
#include "exporters/forward/forwarder.h"
#include "exporters/forward/grpc_transport.h"
#include "exporters/forward/http_transport.h"
#include "exporters/otlp_options.h"
#include "net/loop.h"

/* A loop and a transport for all signals, and a forwarder for each. */
struct otlp_forwarding {
	struct exporter exporter;
	struct loop *loop;
	struct forward_transport *transport;
	struct forwarder *forwarders[SIGNAL_COUNT];
};

/* --- what both have in common ------------------------------------------------------ */

struct closing {
	struct forward_transport *transport;
	uv_sem_t closed;
};

static void close_transport(void *arg)
{
	struct closing *closing = arg;
	closing->transport->type->close(closing->transport);
	uv_sem_post(&closing->closed);
}

static void stop(struct exporter *exporter)
{
	struct otlp_forwarding *self = (struct otlp_forwarding *)exporter;
	for (int signal = 0; signal < SIGNAL_COUNT; signal++)
		forwarder_stop(self->forwarders[signal]);
	if (self->transport) {
		struct closing closing = {.transport = self->transport};
		struct loop_task task = {.fn = close_transport, .arg = &closing};
		uv_sem_init(&closing.closed, 0);
		loop_post_task(self->loop, &task);
		uv_sem_wait(&closing.closed);
		uv_sem_destroy(&closing.closed);
	}
	if (self->loop)
		loop_free(self->loop);
	for (int signal = 0; signal < SIGNAL_COUNT; signal++)
		forwarder_free(self->forwarders[signal]);
	free(self);
}

static int flush(struct exporter *exporter, uint64_t position, unsigned timeout_ms,
		 struct error *err)
{
	struct otlp_forwarding *self = (struct otlp_forwarding *)exporter;
	int64_t until = clock_monotonic_ns() + (int64_t)timeout_ms * NS_PER_MS;
	for (int signal = 0; signal < SIGNAL_COUNT; signal++) {
		int64_t left = (until - clock_monotonic_ns()) / NS_PER_MS;
		if (!self->forwarders[signal])
			continue;
		int rc = forwarder_flush(self->forwarders[signal], position,
					 left > 0 ? (unsigned)left : 0, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static enum compress_encoding coding_of(enum otlp_compression compression)
{
	switch (compression) {
	case OTLP_COMPRESSION_GZIP:
		return COMPRESS_GZIP;
	case OTLP_COMPRESSION_ZSTD:
		return COMPRESS_ZSTD;
	default:
		return COMPRESS_IDENTITY;
	}
}

/* What is sent is compressed once and soon undone: more effort saves little. */
#define USUAL_LEVEL 1

static int make(struct otlp_forwarding **out, const struct exporter_type *type, struct error *err)
{
	struct otlp_forwarding *self = calloc(1, sizeof(*self));
	if (!self)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	self->exporter.type = type;
	int rc = loop_new(&self->loop, "export", err);
	if (rc < 0) {
		free(self);
		return rc;
	}
	*out = self;
	return 0;
}

/* Starts a forwarder for each signal; `options` has what is the same for all. */
static int start_forwarders(struct otlp_forwarding *self, const struct exporter_context *context,
			    const struct queue_options *queue, struct forwarder_options *options,
			    struct error *err)
{
	options->exporter = context->id;
	options->calls = (unsigned)queue->num_consumers;
	options->loop = self->loop;
	options->transport = self->transport;
	options->chunks = context->chunks;
	options->wal = context->wal;
	options->progress = context->progress;
	options->quarantine = context->quarantine;
	for (int signal = 0; signal < SIGNAL_COUNT; signal++) {
		if (!(context->signals & SIGNAL_BIT(signal)))
			continue;
		options->filter = context->filter[signal];
		options->ledger = context->ledger[signal];
		options->gather = gather_limits_of(&context->batch[signal], queue);
		int rc = forwarder_start(&self->forwarders[signal], options, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Makes what was begun the exporter, or takes it down. */
static int finish(struct exporter **out, struct otlp_forwarding *self,
		  const struct exporter_context *context, int rc, struct error *err)
{
	if (rc < 0) {
		stop(&self->exporter);
		return error_prefix(err, "exporter %s", context->id);
	}
	*out = &self->exporter;
	return 0;
}

/* --- otlp -------------------------------------------------------------------------- */

static int start_otlp(struct exporter **out, const struct exporter_context *context,
		      const void *given, struct error *err)
{
	const struct otlp_exporter_options *options = given;
	struct otlp_forwarding *self = NULL;
	int rc = make(&self, &otlp_exporter, err);
	if (rc < 0)
		return rc;
	rc = grpc_transport_new(&self->transport, options, self->loop, context->chunks, err);
	struct forwarder_options forwarder = {.target = options->endpoint,
					      .retry = &options->retry_on_failure,
					      .coding = coding_of(options->compression),
					      .level = USUAL_LEVEL};
	if (rc == 0)
		rc = start_forwarders(self, context, &options->sending_queue, &forwarder, err);
	return finish(out, self, context, rc, err);
}

const struct exporter_type otlp_exporter = {
	.type = {.name = "otlp",
		 .alias = "otlp_grpc",
		 .signals = SIGNALS_ALL,
		 .stability = STABILITY_ALPHA,
		 .summary = "Sends OTLP over gRPC.",
		 .options = &otlp_exporter_option_table},
	.raw = true,
	.start = start_otlp,
	.stop = stop,
	.flush = flush,
};

/* --- otlphttp ---------------------------------------------------------------------- */

static const char *http_target(const struct otlphttp_exporter_options *options)
{
	const char *const urls[] = {options->endpoint, options->logs_endpoint,
				    options->traces_endpoint, options->metrics_endpoint};
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		if (urls[i])
			return urls[i];
	}
	return "";
}

static int start_otlphttp(struct exporter **out, const struct exporter_context *context,
			  const void *given, struct error *err)
{
	const struct otlphttp_exporter_options *options = given;
	struct otlp_forwarding *self = NULL;
	int rc = make(&self, &otlphttp_exporter, err);
	if (rc < 0)
		return rc;
	rc = http_transport_new(&self->transport, options, context->signals, self->loop, err);
	struct forwarder_options forwarder = {
		.target = http_target(options),
		.retry = &options->retry_on_failure,
		.coding = coding_of(options->compression),
		.level = options->compression_params.level > 0
				 ? (int)options->compression_params.level
				 : USUAL_LEVEL,
		.json = options->encoding == OTLP_ENCODING_JSON};
	if (rc == 0)
		rc = start_forwarders(self, context, &options->sending_queue, &forwarder, err);
	return finish(out, self, context, rc, err);
}

const struct exporter_type otlphttp_exporter = {
	.type = {.name = "otlphttp",
		 .alias = "otlp_http",
		 .signals = SIGNALS_ALL,
		 .stability = STABILITY_ALPHA,
		 .summary = "Sends OTLP over HTTP, as protobuf or JSON.",
		 .options = &otlphttp_exporter_option_table},
	.raw = true,
	.start = start_otlphttp,
	.stop = stop,
	.flush = flush,
};
