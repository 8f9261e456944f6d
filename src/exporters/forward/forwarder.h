/*
 * Sends one signal of the durable log on to a peer, as the bytes that came in.
 *
 * A thread reads the log and gathers requests: OTLP's Export…Request is a message of
 * repeated fields only, so several of them one behind the other are one. A transport has up
 * to `calls` requests under way. They may be answered in any order; the position in the
 * progress file moves over what is delivered without a gap, some times a second: what was
 * answered and not saved when the program is killed is sent again.
 *
 * What the peer refuses for good is halved, until what it refuses is alone; that, and what
 * could not be delivered within max_elapsed_time, goes to the quarantine.
 */
#ifndef TRIPOD_EXPORTERS_FORWARD_FORWARDER_H
#define TRIPOD_EXPORTERS_FORWARD_FORWARDER_H

#include <stdbool.h>
#include <stdint.h>

#include "exporters/forward/transport.h"
#include "pipeline/component.h"
#include "pipeline/ledger.h"
#include "pipeline/progress.h"
#include "pipeline/quarantine.h"
#include "pipeline/sending_options.h"

struct forwarder;
struct loop;

/* When a request is whole. */
struct gather_limits {
	int64_t timeout; /* ns that it waits to reach `least`; 0: sent as soon as nothing more is there */
	uint64_t least, most; /* in records, or bytes; `most` 0: no bound but MAX_BYTES */
	bool in_bytes;
};

/* What the collector's `batch` and `sending_queue` say; the latter goes before. */
struct gather_limits gather_limits_of(const struct batch_limits *batch,
				      const struct queue_options *queue);

struct forwarder_options {
	const char *exporter; /* "otlp/backend" */
	const char *target; /* where to, for the quarantine and messages */
	struct wal_filter filter;
	struct gather_limits gather;
	unsigned calls; /* requests under way at once */
	const struct retry_options *retry;
	enum compress_encoding coding;
	int level; /* 0: the codec's default */
	bool json;
	struct loop *loop; /* the transport's */
	struct forward_transport *transport;
	struct chunk_pool *chunks;
	struct wal *wal;
	struct progress *progress;
	struct quarantine *quarantine;
	struct exporter_ledger *ledger;
};

/* Goes on where the progress file says. `options` is copied; what it points to is borrowed. */
int forwarder_start(struct forwarder **out, const struct forwarder_options *options,
		    struct error *err);
/*
 * Reads no more, waits a little for requests that are under way, saves how far it is, and
 * ends the thread. Then the transport is closed, and then the forwarder freed. Both accept
 * NULL.
 */
void forwarder_stop(struct forwarder *forwarder);
void forwarder_free(struct forwarder *forwarder);
/* Waits until everything before `position` of the log is settled. TIMEOUT says what is in the way. */
int forwarder_flush(struct forwarder *forwarder, uint64_t position, unsigned timeout_ms,
		    struct error *err);

#endif
