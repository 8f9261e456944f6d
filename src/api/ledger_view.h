/* The ledger's entries as plain numbers that belong together, for status and metrics. */
#ifndef TRIPOD_API_LEDGER_VIEW_H
#define TRIPOD_API_LEDGER_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/ledger.h"

struct receiver_view {
	const char *name; /* the ledger's */
	enum signal signal;
	uint64_t received, accepted;
	uint64_t rejected[REJECT_REASON_COUNT], refused[REFUSE_REASON_COUNT];
	uint64_t requests, malformed_requests, bytes;
	bool balanced; /* received = accepted + rejected + refused */
};

struct exporter_view {
	const char *name;
	enum signal signal;
	uint64_t accepted, delivered, filtered, quarantined, attempts_failed, peer_rejected;
	uint64_t filtered_deltas[DELTA_DROP_COUNT]; /* part of filtered, since the start */
	int64_t queued;
	bool waits; /* something does; then `watermark` counts */
	int64_t watermark; /* ns since the epoch */
	bool balanced; /* accepted = delivered + queued + filtered + quarantined */
};

/*
 * Reads an entry; again, for a moment, when it does not balance, because it may be inside
 * an update.
 */
void receiver_view_read(struct receiver_view *view, const struct receiver_ledger *entry);
void exporter_view_read(struct exporter_view *view, const struct exporter_ledger *entry);

/* ns that what waits longest has waited; 0 when nothing does. */
int64_t exporter_view_lag(const struct exporter_view *view, int64_t now_ns);

#endif
