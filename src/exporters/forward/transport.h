/*
 * How a forwarder's requests get to the peer: OTLP over gRPC or over HTTP. A transport
 * lives on one loop, and one serves all signals of its exporter.
 */
#ifndef TRIPOD_EXPORTERS_FORWARD_TRANSPORT_H
#define TRIPOD_EXPORTERS_FORWARD_TRANSPORT_H

#include <stdint.h>

#include "base/chunk.h"
#include "base/slice.h"
#include "base/status.h"
#include "telemetry/signal.h"
#include "wire/compress.h"

/* OTLP specification, "Failures" of OTLP/gRPC and OTLP/HTTP. */
enum forward_outcome {
	FORWARD_DELIVERED,
	FORWARD_RETRY, /* the same may be taken later */
	FORWARD_REFUSED, /* this content is not taken: too large, malformed */
	FORWARD_REFUSED_ALL, /* no content would be: not allowed, nobody there who takes it */
};

struct forward_answer {
	enum forward_outcome outcome;
	int64_t retry_after_ms; /* the peer says when to come again; -1: it does not */
	uint64_t rejected; /* partial success: records that the peer left out */
	char message[400]; /* what the peer, or we, say about it; may hold anything */
};

struct forward_request {
	enum signal signal;
	struct slice bytes; /* in the transport's encoding, compressed by `coding` */
	struct chunk *owner; /* holds `bytes` until `done` */
	enum compress_encoding coding;
	/* Called exactly once, on the loop's thread, also from within `send` and `close`. */
	void (*done)(struct forward_request *request, const struct forward_answer *answer);
	void *call; /* the transport's own */
};

struct forward_transport {
	const struct forward_transport_type *type;
};

/* All on the loop's thread. */
struct forward_transport_type {
	void (*send)(struct forward_transport *transport, struct forward_request *request);
	/* Requests under way are done before it returns, as RETRY. Frees the transport, soon. */
	void (*close)(struct forward_transport *transport);
};

#endif
