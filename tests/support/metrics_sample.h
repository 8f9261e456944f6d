/* Realistic OTLP metrics, as hosts and services send them every so often. */
#ifndef TRIPOD_TESTS_METRICS_SAMPLE_H
#define TRIPOD_TESTS_METRICS_SAMPLE_H

#include <stdint.h>

#include "base/buf.h"

struct metrics_sample_options {
	unsigned first_host, hosts; /* a resource each */
	unsigned points; /* data points a metric and host */
	uint64_t start_time, time; /* ns; values are functions of host, metric, point and time */
};

/*
 * The request that the hosts send at `time`. Eight metrics of one series a point, among them
 * counters (of events, bytes, and seconds with two digits), gauges (bytes in pages, percents with
 * two digits, one constant, one of full precision); a histogram of ten bounds with an
 * exemplar; an exponential histogram; a summary.
 */
void sample_metrics(struct buf *out, const struct metrics_sample_options *options);

#endif
