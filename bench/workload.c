#include "workload.h"

#include <string.h>

#include "base/chunk.h"
#include "base/clock.h"
#include "support/metrics_sample.h"
#include "support/otlp_sample.h"

#define RECORD_SPACING 10000 /* ns, as the samples have it */
#define RESOURCES 4

/* Every 15 s a sample of each series; a host has 25 of them for each point, and target_info. */
#define HOSTS 100
#define POINTS 10
#define SAMPLES_OF_HOST (25 * POINTS + 1)
#define STEP (15 * NS_PER_SECOND)

bool workload_signal(enum signal *out, const char *name)
{
	for (int signal = 0; signal < SIGNAL_COUNT; signal++) {
		if (strcmp(name, signal_name((enum signal)signal)) != 0)
			continue;
		*out = (enum signal)signal;
		return true;
	}
	return false;
}

static unsigned hosts_of_request(const struct workload *workload)
{
	unsigned hosts = workload->batch / SAMPLES_OF_HOST;
	return hosts < 1 ? 1 : hosts > HOSTS ? HOSTS : hosts;
}

static uint64_t full_request(const struct workload *workload)
{
	return workload->signal == SIGNAL_METRICS ? hosts_of_request(workload) * SAMPLES_OF_HOST
						  : workload->batch;
}

uint64_t workload_requests(const struct workload *workload)
{
	uint64_t full = full_request(workload);
	return (workload->rows + full - 1) / full;
}

unsigned workload_request_rows(const struct workload *workload, uint64_t index)
{
	uint64_t full = full_request(workload), left = workload->rows - index * full;
	return (unsigned)(left < full && workload->signal != SIGNAL_METRICS ? left : full);
}

static void metrics_request(const struct workload *workload, uint64_t index, struct buf *out)
{
	unsigned hosts = hosts_of_request(workload);
	uint64_t groups = HOSTS / hosts;
	const struct metrics_sample_options sample = {
		.first_host = (unsigned)(index % groups) * hosts,
		.hosts = hosts,
		.points = POINTS,
		.start_time = workload->start_time,
		.time = workload->start_time + (index / groups + 1) * STEP};
	sample_metrics(out, &sample);
}

void workload_request(const struct workload *workload, uint64_t index, struct buf *out)
{
	if (workload->signal == SIGNAL_METRICS) {
		metrics_request(workload, index, out);
	} else {
		const struct sample_options sample = {
			.seed = index + 1,
			.start_time =
				workload->start_time + index * workload->batch * RECORD_SPACING,
			.records = workload_request_rows(workload, index),
			.resources = RESOURCES};
		if (workload->signal == SIGNAL_LOGS)
			sample_logs(out, &sample);
		else
			sample_spans(out, &sample);
	}
	buf_reserve(out, CHUNK_PADDING);
}
