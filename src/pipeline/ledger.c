#include "pipeline/ledger.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	struct entry *next;
	bool is_receiver;
	union {
		struct receiver_ledger receiver;
		struct exporter_ledger exporter;
	};
};

struct ledger {
	pthread_mutex_t lock;
	struct entry *first, **tail;
};

const char *refuse_reason_name(enum refuse_reason reason)
{
	static const char *const names[REFUSE_REASON_COUNT] = {
		[REFUSE_MEMORY] = "memory_limiter",
		[REFUSE_LOG_FULL] = "log_full",
		[REFUSE_LOG_FAILED] = "log_failed",
		[REFUSE_SHUTDOWN] = "shutdown",
	};
	return names[reason];
}

struct ledger *ledger_new(void)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));
	if (!ledger)
		return NULL;
	pthread_mutex_init(&ledger->lock, NULL);
	ledger->tail = &ledger->first;
	return ledger;
}

void ledger_free(struct ledger *ledger)
{
	if (!ledger)
		return;
	while (ledger->first) {
		struct entry *entry = ledger->first;
		ledger->first = entry->next;
		free(entry);
	}
	pthread_mutex_destroy(&ledger->lock);
	free(ledger);
}

static struct entry *find_or_add(struct ledger *ledger, bool is_receiver, const char *name,
				 enum signal signal)
{
	pthread_mutex_lock(&ledger->lock);
	struct entry *entry = ledger->first;
	for (; entry; entry = entry->next) {
		if (entry->is_receiver != is_receiver)
			continue;
		const char *known = is_receiver ? entry->receiver.name : entry->exporter.name;
		enum signal of = is_receiver ? entry->receiver.signal : entry->exporter.signal;
		if (of == signal && strcmp(known, name) == 0)
			break;
	}
	if (!entry && (entry = calloc(1, sizeof(*entry)))) {
		entry->is_receiver = is_receiver;
		if (is_receiver) {
			snprintf(entry->receiver.name, sizeof(entry->receiver.name), "%s", name);
			entry->receiver.signal = signal;
		} else {
			snprintf(entry->exporter.name, sizeof(entry->exporter.name), "%s", name);
			entry->exporter.signal = signal;
			atomic_init(&entry->exporter.watermark, INT64_MAX);
		}
		*ledger->tail = entry;
		ledger->tail = &entry->next;
	}
	pthread_mutex_unlock(&ledger->lock);
	return entry;
}

struct receiver_ledger *ledger_receiver(struct ledger *ledger, const char *name, enum signal signal)
{
	struct entry *entry = find_or_add(ledger, true, name, signal);
	return entry ? &entry->receiver : NULL;
}

struct exporter_ledger *ledger_exporter(struct ledger *ledger, const char *name, enum signal signal)
{
	struct entry *entry = find_or_add(ledger, false, name, signal);
	return entry ? &entry->exporter : NULL;
}

void ledger_each(struct ledger *ledger,
		 void (*visit)(const struct receiver_ledger *receiver,
			       const struct exporter_ledger *exporter, void *arg),
		 void *arg)
{
	pthread_mutex_lock(&ledger->lock);
	for (int receivers = 1; receivers >= 0; receivers--) {
		for (struct entry *entry = ledger->first; entry; entry = entry->next) {
			if (entry->is_receiver == (bool)receivers)
				visit(receivers ? &entry->receiver : NULL,
				      receivers ? NULL : &entry->exporter, arg);
		}
	}
	pthread_mutex_unlock(&ledger->lock);
}
