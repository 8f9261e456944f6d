#include "api/ledger_view.h"

#include <sched.h>

/* An update is some additions: a reader that loses this often is not inside one. */
#define TRIES 200

static uint64_t load(const atomic_ullong *counter)
{
	return atomic_load_explicit(counter, memory_order_acquire);
}

static void read_receiver(struct receiver_view *view, const struct receiver_ledger *entry)
{
	*view = (struct receiver_view){.name = entry->name, .signal = entry->signal};
	uint64_t sum = view->accepted = load(&entry->accepted);
	for (int i = 0; i < REJECT_REASON_COUNT; i++)
		sum += view->rejected[i] = load(&entry->rejected[i]);
	for (int i = 0; i < REFUSE_REASON_COUNT; i++)
		sum += view->refused[i] = load(&entry->refused[i]);
	view->requests = load(&entry->requests);
	view->malformed_requests = load(&entry->malformed_requests);
	view->bytes = load(&entry->bytes);
	view->received = load(&entry->received);
	view->balanced = view->received == sum;
}

void receiver_view_read(struct receiver_view *view, const struct receiver_ledger *entry)
{
	for (int i = 0; i < TRIES; i++) {
		read_receiver(view, entry);
		if (view->balanced)
			return;
		sched_yield();
	}
}

static void read_exporter(struct exporter_view *view, const struct exporter_ledger *entry)
{
	*view = (struct exporter_view){.name = entry->name, .signal = entry->signal};
	view->delivered = load(&entry->delivered);
	view->filtered = load(&entry->filtered);
	for (int i = 0; i < DELTA_DROP_COUNT; i++)
		view->filtered_deltas[i] = load(&entry->filtered_deltas[i]);
	view->quarantined = load(&entry->quarantined);
	view->attempts_failed = load(&entry->attempts_failed);
	view->peer_rejected = load(&entry->peer_rejected);
	view->queued = atomic_load_explicit(&entry->queued, memory_order_acquire);
	view->accepted = load(&entry->accepted);
	view->watermark = atomic_load_explicit(&entry->watermark, memory_order_acquire);
	view->waits = view->watermark != INT64_MAX;
	view->balanced = view->accepted == view->delivered + view->filtered + view->quarantined +
						   (uint64_t)view->queued;
}

void exporter_view_read(struct exporter_view *view, const struct exporter_ledger *entry)
{
	for (int i = 0; i < TRIES; i++) {
		read_exporter(view, entry);
		if (view->balanced)
			return;
		sched_yield();
	}
}

int64_t exporter_view_lag(const struct exporter_view *view, int64_t now_ns)
{
	return view->waits && now_ns > view->watermark ? now_ns - view->watermark : 0;
}
