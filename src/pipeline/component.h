/*
 * What a component says about itself: its name in the configuration, the signals it works
 * on, its options. app/components.c lists them all; from there come the checks of a
 * configuration, `tripod components` and docs/components.md.
 */
#ifndef TRIPOD_PIPELINE_COMPONENT_H
#define TRIPOD_PIPELINE_COMPONENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/options.h"
#include "base/status.h"
#include "pipeline/wal.h"
#include "telemetry/signal.h"

struct chunk_pool;
struct error;
struct exporter_ledger;
struct intake;
struct listeners;
struct loop;
struct progress;
struct quarantine;
struct store_client;

/* As in the collector: how far one may rely on it. */
enum stability { STABILITY_DEVELOPMENT, STABILITY_ALPHA, STABILITY_BETA, STABILITY_STABLE };

#define SIGNAL_BIT(signal) (1u << (signal))
#define SIGNALS_ALL                                                                                \
	(SIGNAL_BIT(SIGNAL_LOGS) | SIGNAL_BIT(SIGNAL_TRACES) | SIGNAL_BIT(SIGNAL_METRICS))

/* What all kinds have; the first member of each. */
struct component_type {
	const char *name; /* "memory_limiter" */
	const char *alias; /* another name it goes by in the collector, or NULL */
	unsigned signals; /* SIGNAL_BIT()s of the pipelines it may stand in */
	enum stability stability;
	const char *summary; /* one line */
	const struct option_table *options;
};

/* What a receiver is given. Everything is borrowed and outlives it. */
struct receiver_context {
	const char *id; /* "otlp/internal" */
	const struct intake
		*intakes[SIGNAL_COUNT]; /* NULL: no pipeline takes that signal from it */
	struct loop *const *loops;
	size_t loop_count;
	struct chunk_pool *chunks;
	/*
	 * Fills what is the same for all of the program's listeners (access, limits, loops) and
	 * starts one. A listener that cannot be had is reported by status and does not keep the
	 * receiver from starting.
	 */
	struct listeners *listeners;
};

/* A running receiver; each type embeds it as the first member of its own struct. */
struct receiver {
	const struct receiver_type *type;
};

struct receiver_type {
	struct component_type type;
	int (*start)(struct receiver **out, const struct receiver_context *context,
		     const void *options, struct error *err);
	/* Frees it. Its listeners have been stopped before. */
	void (*stop)(struct receiver *receiver);
};

/* A running processor; each type embeds it as the first member of its own struct. */
struct processor {
	const struct processor_type *type;
};

struct processor_type {
	struct component_type type;
	/* NULL when there is nothing to run: the options are read by others. */
	int (*start)(struct processor **out, const void *options, struct error *err);
	void (*stop)(struct processor *processor);
	/*
	 * Whether a request may enter, before it is decoded and logged: 0, or AGAIN with a message.
	 * From any thread. NULL: it always may.
	 */
	int (*admit)(struct processor *processor, struct error *err);
};

/* How records are gathered into requests: the batch processor's options. */
struct batch_limits {
	bool set; /* a batch processor stands before the exporter */
	int64_t timeout; /* ns */
	uint64_t size, max_size; /* records; 0: whatever is there, no bound */
};

/* What an exporter is given. Everything is borrowed and outlives it. */
struct exporter_context {
	const char *id; /* "otlp/backend" */
	unsigned signals; /* SIGNAL_BIT()s of the pipelines that end in it */
	struct wal_filter filter[SIGNAL_COUNT]; /* of `signals`: what it reads of the log */
	struct batch_limits batch[SIGNAL_COUNT];
	struct chunk_pool *chunks;
	struct wal *wal;
	struct progress *progress;
	struct quarantine *quarantine;
	struct exporter_ledger *ledger[SIGNAL_COUNT]; /* of `signals` */
	struct store_client *store; /* NULL in an agent */
	const char *database;
	uint64_t store_memory; /* bytes that the store may use */
};

/* A running exporter; each type embeds it as the first member of its own struct. */
struct exporter {
	const struct exporter_type *type;
};

struct exporter_type {
	struct component_type type;
	bool raw; /* reads records as bytes: no columns are decoded for its sake */
	/* It reads the log from where the progress file says, one consumer a signal. */
	int (*start)(struct exporter **out, const struct exporter_context *context,
		     const void *options, struct error *err);
	/* Leaves what is not delivered to the next start; frees it. */
	void (*stop)(struct exporter *exporter);
	/* Waits until everything before `position` of the log is delivered; TIMEOUT says why not. */
	int (*flush)(struct exporter *exporter, uint64_t position, unsigned timeout_ms,
		     struct error *err);
};

/* Stands at the end of pipelines as an exporter and at the start of others as a receiver. */
struct connector_type {
	struct component_type type; /* .signals: of the pipelines that end in it */
	unsigned gives[SIGNAL_COUNT]; /* SIGNAL_BIT()s it makes of each signal it is given */
};

/* Runs beside the pipelines. */
struct extension_type {
	struct component_type type;
};

enum component_kind {
	COMPONENT_RECEIVER,
	COMPONENT_PROCESSOR,
	COMPONENT_EXPORTER,
	COMPONENT_CONNECTOR,
	COMPONENT_EXTENSION,
};
#define COMPONENT_KIND_COUNT 5

#endif
