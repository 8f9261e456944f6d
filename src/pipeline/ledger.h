/*
 * What became of every record. For each receiver and signal
 *   received = accepted + rejected (by reason)
 * and for each exporter and signal
 *   accepted = delivered + queued + filtered + quarantined
 * at every moment but inside an update. Counters are of log records, spans and data points,
 * and go on where they were after a restart (receivers' since the last orderly stop).
 * Thread-safe; entries live as long as the ledger.
 */
#ifndef TRIPOD_PIPELINE_LEDGER_H
#define TRIPOD_PIPELINE_LEDGER_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/buf.h"
#include "telemetry/delta_sums.h"
#include "telemetry/otlp_decode.h"
#include "telemetry/signal.h"

/* Why a receiver did not take whole requests. Their senders were told to try again. */
enum refuse_reason {
	REFUSE_MEMORY, /* memory_limiter */
	REFUSE_LOG_FULL, /* the durable log, or the disk under it, is full */
	REFUSE_LOG_FAILED, /* the durable log could not be written */
	REFUSE_SHUTDOWN,
	REFUSE_REASON_COUNT
};
const char *refuse_reason_name(enum refuse_reason reason);

struct receiver_ledger {
	char name[64];
	enum signal signal;
	atomic_ullong received, accepted;
	atomic_ullong rejected[REJECT_REASON_COUNT];
	atomic_ullong refused[REFUSE_REASON_COUNT]; /* part of received, as rejected is */
	atomic_ullong requests, malformed_requests; /* the latter had no countable records */
	atomic_ullong bytes; /* of request bodies, as they came */
};

struct exporter_ledger {
	char name[64];
	enum signal signal;
	atomic_ullong accepted, delivered, filtered, quarantined;
	atomic_ullong filtered_deltas[DELTA_DROP_COUNT]; /* part of filtered, since the start */
	atomic_llong queued;
	atomic_ullong peer_rejected; /* of delivered: what the peer said it left out */
	atomic_ullong attempts_failed; /* sendings that will be tried again */
	atomic_llong
		watermark; /* ns: everything received before it was delivered; INT64_MAX: nothing waits */
};

struct ledger;

struct ledger *ledger_new(void);
void ledger_free(struct ledger *ledger);

/* The entry of that name and signal, made at the first call; NULL when out of memory. */
struct receiver_ledger *ledger_receiver(struct ledger *ledger, const char *name,
					enum signal signal);
struct exporter_ledger *ledger_exporter(struct ledger *ledger, const char *name,
					enum signal signal);

/* Calls `visit` for each entry, receivers first; the one of the two that it is not is NULL. */
void ledger_each(struct ledger *ledger,
		 void (*visit)(const struct receiver_ledger *receiver,
			       const struct exporter_ledger *exporter, void *arg),
		 void *arg);

#endif
