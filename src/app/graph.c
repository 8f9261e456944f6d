#include "app/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "pipeline/progress.h"
#include "processors/batch.h"
#include "processors/batch_options.h"

/* Bytes of one request once it is decompressed; as the collector's default for HTTP bodies. */
#define MAX_PLAIN ((size_t)128 << 20)

struct running_receiver {
	const struct component_config *component;
	struct intake intakes[SIGNAL_COUNT];
	bool has[SIGNAL_COUNT];
	struct receiver *receiver;
};

struct running_exporter {
	const struct component_config *component;
	unsigned signals;
	struct exporter_ledger *ledger[SIGNAL_COUNT];
	struct batch_limits batch[SIGNAL_COUNT];
	uint64_t *excluded[SIGNAL_COUNT]; /* receivers that do not feed it */
	unsigned excluded_count[SIGNAL_COUNT];
	struct exporter *exporter;
};

struct running_processor {
	const struct component_config *component;
	struct processor *processor;
};

struct graph {
	const struct config *config;
	struct graph_context context;
	struct running_receiver *receivers;
	size_t receiver_count;
	struct running_exporter *exporters;
	size_t exporter_count;
	struct running_processor *processors;
	size_t processor_count;
};

/* --- finding parts ---------------------------------------------------------------- */

static struct running_receiver *find_receiver(struct graph *graph,
					      const struct component_config *component)
{
	for (size_t i = 0; i < graph->receiver_count; i++) {
		if (graph->receivers[i].component == component)
			return &graph->receivers[i];
	}
	return NULL;
}

static struct running_exporter *find_exporter(struct graph *graph,
					      const struct component_config *component)
{
	for (size_t i = 0; i < graph->exporter_count; i++) {
		if (graph->exporters[i].component == component)
			return &graph->exporters[i];
	}
	return NULL;
}

static struct running_processor *find_processor(struct graph *graph,
						const struct component_config *component)
{
	for (size_t i = 0; i < graph->processor_count; i++) {
		if (graph->processors[i].component == component)
			return &graph->processors[i];
	}
	return NULL;
}

/* --- making it -------------------------------------------------------------------- */

static int allocate(struct graph *graph, struct error *err)
{
	const struct component_list *lists = graph->config->components;
	graph->receivers = calloc(lists[COMPONENT_RECEIVER].count + 1, sizeof(*graph->receivers));
	graph->exporters = calloc(lists[COMPONENT_EXPORTER].count + 1, sizeof(*graph->exporters));
	graph->processors =
		calloc(lists[COMPONENT_PROCESSOR].count + 1, sizeof(*graph->processors));
	if (!graph->receivers || !graph->exporters || !graph->processors)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < lists[COMPONENT_RECEIVER].count; i++) {
		if (lists[COMPONENT_RECEIVER].items[i].used)
			graph->receivers[graph->receiver_count++].component =
				&lists[COMPONENT_RECEIVER].items[i];
	}
	for (size_t i = 0; i < lists[COMPONENT_EXPORTER].count; i++) {
		if (lists[COMPONENT_EXPORTER].items[i].used)
			graph->exporters[graph->exporter_count++].component =
				&lists[COMPONENT_EXPORTER].items[i];
	}
	for (size_t i = 0; i < lists[COMPONENT_PROCESSOR].count; i++) {
		if (lists[COMPONENT_PROCESSOR].items[i].used)
			graph->processors[graph->processor_count++].component =
				&lists[COMPONENT_PROCESSOR].items[i];
	}
	return 0;
}

static uint64_t retention_of(const struct storage_options *storage, enum signal signal)
{
	const struct retention_options *retention = &storage->retention;
	int64_t ns = signal == SIGNAL_LOGS     ? retention->logs
		     : signal == SIGNAL_TRACES ? retention->traces
					       : retention->metrics;
	return (uint64_t)ns;
}

static int make_intake(struct graph *graph, struct running_receiver *receiver, enum signal signal,
		       struct error *err)
{
	const char *id = receiver->component->id;
	struct intake *intake = &receiver->intakes[signal];
	if (receiver->has[signal])
		return 0;
	*intake = (struct intake){.signal = signal,
				  .receiver = component_hash(id),
				  .wal = graph->context.wal,
				  .records = graph->context.records,
				  .ledger = ledger_receiver(graph->context.ledger, id, signal),
				  .raw = true,
				  .max_plain = MAX_PLAIN};
	if (!intake->ledger)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	receiver->has[signal] = true;
	return 0;
}

static int connect_exporter(struct graph *graph, struct intake *intake,
			    const struct component_config *component, struct error *err)
{
	struct running_exporter *exporter = find_exporter(graph, component);
	enum signal signal = intake->signal;
	exporter->signals |= SIGNAL_BIT(signal);
	if (!exporter->ledger[signal])
		exporter->ledger[signal] =
			ledger_exporter(graph->context.ledger, component->id, signal);
	if (!exporter->ledger[signal])
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	if (!((const struct exporter_type *)component->type)->raw)
		intake->raw = false;
	/* What the store keeps decides what is too old to be taken. */
	if (!strcmp(component->type->name, "clickhouse"))
		intake->retention = retention_of(graph->context.storage, signal);
	for (unsigned i = 0; i < intake->exporter_count; i++) {
		if (intake->exporters[i] == exporter->ledger[signal])
			return 0;
	}
	if (intake->exporter_count == INTAKE_MAX_EXPORTERS)
		return error_set(err, STATUS_LIMIT, "one receiver feeds more than %d exporters",
				 INTAKE_MAX_EXPORTERS);
	intake->exporters[intake->exporter_count++] = exporter->ledger[signal];
	return 0;
}

static int admit(void *ctx, struct error *err)
{
	struct processor *processor = ctx;
	return processor->type->admit(processor, err);
}

/* An exporter behind several pipelines gathers as the first of them with a batch says. */
static void set_batch(struct graph *graph, const struct pipeline_config *pipeline,
		      const struct component_config *component)
{
	struct batch_limits *limits = &find_exporter(graph, component)->batch[pipeline->signal];
	for (size_t p = 0; p < pipeline->processors.count && !limits->set; p++) {
		const struct component_config *processor = pipeline->processors.items[p].component;
		if (processor->type != &batch_processor.type)
			continue;
		const struct batch_options *options = processor->options;
		*limits = (struct batch_limits){.set = true,
						.timeout = options->timeout,
						.size = (uint64_t)options->send_batch_size,
						.max_size = (uint64_t)options->send_batch_max_size};
	}
}

static int connect_pipeline(struct graph *graph, const struct pipeline_config *pipeline,
			    struct error *err)
{
	for (size_t r = 0; r < pipeline->receivers.count; r++) {
		struct running_receiver *receiver =
			find_receiver(graph, pipeline->receivers.items[r].component);
		int rc = make_intake(graph, receiver, pipeline->signal, err);
		struct intake *intake = &receiver->intakes[pipeline->signal];
		for (size_t e = 0; rc == 0 && e < pipeline->exporters.count; e++)
			rc = connect_exporter(graph, intake, pipeline->exporters.items[e].component,
					      err);
		for (size_t e = 0; rc == 0 && e < pipeline->exporters.count; e++)
			set_batch(graph, pipeline, pipeline->exporters.items[e].component);
		if (rc < 0)
			return rc;
		for (size_t p = 0; p < pipeline->processors.count; p++) {
			struct processor *processor =
				find_processor(graph, pipeline->processors.items[p].component)
					->processor;
			if (processor && processor->type->admit) {
				intake->admit = admit;
				intake->admit_ctx = processor;
			}
		}
	}
	return 0;
}

/* Whether a pipeline of `signal` goes from the receiver to the exporter. */
static bool feeds(const struct graph *graph, const struct running_receiver *receiver,
		  const struct running_exporter *exporter, enum signal signal)
{
	const struct intake *intake = &receiver->intakes[signal];
	for (unsigned i = 0; receiver->has[signal] && i < intake->exporter_count; i++) {
		if (intake->exporters[i] == exporter->ledger[signal])
			return true;
	}
	return false;
}

static int list_excluded(struct graph *graph, struct running_exporter *exporter, enum signal signal,
			 struct error *err)
{
	uint64_t *excluded = calloc(graph->receiver_count + 1, sizeof(*excluded));
	if (!excluded)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	exporter->excluded[signal] = excluded;
	for (size_t i = 0; i < graph->receiver_count; i++) {
		const struct running_receiver *receiver = &graph->receivers[i];
		if (!feeds(graph, receiver, exporter, signal))
			excluded[exporter->excluded_count[signal]++] =
				component_hash(receiver->component->id);
	}
	return 0;
}

static int start_processors(struct graph *graph, struct error *err)
{
	for (size_t i = 0; i < graph->processor_count; i++) {
		struct running_processor *running = &graph->processors[i];
		const struct processor_type *type =
			(const struct processor_type *)running->component->type;
		if (!type->start)
			continue;
		int rc = type->start(&running->processor, running->component->options, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int start_exporters(struct graph *graph, struct error *err)
{
	for (size_t i = 0; i < graph->exporter_count; i++) {
		struct running_exporter *running = &graph->exporters[i];
		const struct exporter_type *type =
			(const struct exporter_type *)running->component->type;
		struct exporter_context context = {
			.id = running->component->id,
			.signals = running->signals,
			.chunks = graph->context.chunks,
			.wal = graph->context.wal,
			.progress = graph->context.progress,
			.quarantine = graph->context.quarantine,
			.store = graph->context.store,
			.database = graph->context.storage->database,
			.store_memory = storage_memory_limit(graph->context.storage)};
		memcpy(context.ledger, running->ledger, sizeof(context.ledger));
		memcpy(context.batch, running->batch, sizeof(context.batch));
		for (int signal = 0; signal < SIGNAL_COUNT; signal++) {
			int rc = list_excluded(graph, running, (enum signal)signal, err);
			if (rc < 0)
				return rc;
			context.filter[signal] = (struct wal_filter){
				.signal = (enum signal)signal,
				.excluded = running->excluded[signal],
				.excluded_count = running->excluded_count[signal]};
		}
		if (!type->start)
			return error_set(err, STATUS_UNSUPPORTED,
					 "exporter %s: this program cannot run it yet",
					 running->component->id);
		int rc =
			type->start(&running->exporter, &context, running->component->options, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* What waited for an exporter that is gone will not be sent. `name` is "clickhouse/logs". */
static void report_retired(const char *name, uint64_t position, void *arg)
{
	struct graph *graph = arg;
	const char *slash = strrchr(name, '/');
	for (int signal = 0; slash && signal < SIGNAL_COUNT; signal++) {
		struct wal_filter filter = {.signal = (enum signal)signal};
		if (strcmp(slash + 1, signal_name(filter.signal)) != 0)
			continue;
		uint64_t rows = wal_count_rows(graph->context.wal, position, &filter);
		if (rows)
			log_error(
				"an exporter is not in the configuration any more; what waited for "
				"it is given up",
				LOG_STR("exporter", name), LOG_INT("records", rows));
	}
}

int graph_start(struct graph **out, const struct config *config,
		const struct graph_context *context, struct error *err)
{
	struct graph *graph = calloc(1, sizeof(*graph));
	if (!graph)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	graph->config = config;
	graph->context = *context;
	progress_begin_use(context->progress);
	int rc = allocate(graph, err);
	if (rc == 0)
		rc = start_processors(graph, err);
	for (size_t i = 0; rc == 0 && i < config->pipeline_count; i++)
		rc = connect_pipeline(graph, &config->pipelines[i], err);
	if (rc == 0)
		rc = start_exporters(graph, err);
	if (rc < 0) {
		graph_stop(graph);
		return rc;
	}
	*out = graph;
	return 0;
}

int graph_receive(struct graph *graph, struct error *err)
{
	for (size_t i = 0; i < graph->receiver_count; i++) {
		struct running_receiver *running = &graph->receivers[i];
		const struct receiver_type *type =
			(const struct receiver_type *)running->component->type;
		struct receiver_context context = {.id = running->component->id,
						   .loops = graph->context.loops,
						   .loop_count = graph->context.loop_count,
						   .chunks = graph->context.chunks,
						   .listeners = graph->context.listeners};
		for (int signal = 0; signal < SIGNAL_COUNT; signal++)
			context.intakes[signal] =
				running->has[signal] ? &running->intakes[signal] : NULL;
		int rc =
			type->start(&running->receiver, &context, running->component->options, err);
		if (rc < 0)
			return rc;
	}
	/* Not before everything runs: the configuration before this one may be gone back to. */
	return progress_retire_unused(graph->context.progress, report_retired, graph, err);
}

void graph_stop(struct graph *graph)
{
	if (!graph)
		return;
	for (size_t i = 0; i < graph->receiver_count; i++) {
		struct receiver *receiver = graph->receivers[i].receiver;
		if (receiver)
			receiver->type->stop(receiver);
	}
	for (size_t i = 0; i < graph->exporter_count; i++) {
		struct exporter *exporter = graph->exporters[i].exporter;
		if (exporter)
			exporter->type->stop(exporter);
		for (int signal = 0; signal < SIGNAL_COUNT; signal++)
			free(graph->exporters[i].excluded[signal]);
	}
	for (size_t i = 0; i < graph->processor_count; i++) {
		struct processor *processor = graph->processors[i].processor;
		if (processor)
			processor->type->stop(processor);
	}
	free(graph->receivers);
	free(graph->exporters);
	free(graph->processors);
	free(graph);
}

const struct intake *graph_otlp_intake(const struct graph *graph, enum signal signal)
{
	for (size_t i = 0; i < graph->receiver_count; i++) {
		const struct running_receiver *running = &graph->receivers[i];
		if (!strcmp(running->component->type->name, "otlp") && running->has[signal])
			return &running->intakes[signal];
	}
	return NULL;
}

int graph_flush(struct graph *graph, uint64_t position, unsigned timeout_ms, struct error *err)
{
	for (size_t i = 0; i < graph->exporter_count; i++) {
		struct exporter *exporter = graph->exporters[i].exporter;
		int rc = exporter->type->flush(exporter, position, timeout_ms, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}
