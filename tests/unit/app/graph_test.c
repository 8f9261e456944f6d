/* What is given up of an exporter that is gone: nothing before all of the new configuration runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "app/graph.h"
#include "pipeline/progress.h"

static bool receiver_fails;
static struct receiver receiver;
static struct exporter exporter;

static int start_receiver(struct receiver **out, const struct receiver_context *context,
			  const void *options, struct error *err)
{
	if (receiver_fails)
		return error_set(err, STATUS_IO, "no such port");
	*out = &receiver;
	return 0;
}

static void stop_receiver(struct receiver *stopped)
{
}

static int start_exporter(struct exporter **out, const struct exporter_context *context,
			  const void *options, struct error *err)
{
	*out = &exporter;
	return 0;
}

static void stop_exporter(struct exporter *stopped)
{
}

static const struct receiver_type receiver_type = {
	.type = {.name = "fake"}, .start = start_receiver, .stop = stop_receiver};
static const struct exporter_type exporter_type = {
	.type = {.name = "fake"}, .start = start_exporter, .stop = stop_exporter};

/* Runs a pipeline without the exporter that `progress` knows; returns what graph_receive does. */
static int run_without_it(struct progress *progress)
{
	static const struct storage_options storage;
	struct component_config from = {.id = "fake", .type = &receiver_type.type, .used = true};
	struct component_config to = {.id = "fake", .type = &exporter_type.type, .used = true};
	struct pipeline_step first = {.component = &from}, last = {.component = &to};
	struct pipeline_config pipeline = {.id = "logs",
					   .signal = SIGNAL_LOGS,
					   .receivers = {&first, 1},
					   .exporters = {&last, 1}};
	struct config config = {
		.components = {[COMPONENT_RECEIVER] = {&from, 1}, [COMPONENT_EXPORTER] = {&to, 1}},
		.pipelines = &pipeline,
		.pipeline_count = 1};
	struct graph_context context = {
		.storage = &storage, .ledger = ledger_new(), .progress = progress};
	struct graph *graph;
	struct error err;
	receiver.type = &receiver_type;
	exporter.type = &exporter_type;
	assert_int_equal(graph_start(&graph, &config, &context, &err), 0);
	int rc = graph_receive(graph, &err);
	graph_stop(graph);
	ledger_free(context.ledger);
	return rc;
}

static void keeps_the_place_of_an_exporter_until_all_runs(void **state)
{
	char dir[] = "/tmp/tripod-graph-XXXXXX", path[64];
	struct progress *progress;
	struct error err;
	bool fresh;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/progress", dir);
	assert_int_equal(progress_open(&progress, path, &fresh, &err), 0);
	assert_int_equal(progress_consumer(progress, "gone", 4096, &err), 0);
	progress_close(progress);
	assert_int_equal(progress_open(&progress, path, &fresh, &err), 0);

	receiver_fails = true;
	assert_int_equal(run_without_it(progress), STATUS_IO);
	assert_int_equal(progress_least_position(progress, 1 << 20), 4096);
	receiver_fails = false;
	assert_int_equal(run_without_it(progress), 0);
	assert_int_equal(progress_least_position(progress, 1 << 20), 1 << 20);

	progress_close(progress);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_place_of_an_exporter_until_all_runs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
