/*
 * Prometheus' text formats: 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats)
 * and OpenMetrics 1.0, which differ in the names of counters, the content type and the end.
 */
#ifndef TRIPOD_API_METRIC_TEXT_H
#define TRIPOD_API_METRIC_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum metric_kind { SELF_COUNTER, SELF_GAUGE };

/* A family: its samples follow each other. */
struct metric_info {
	const char *name; /* a counter's without _total, which is put behind it */
	enum metric_kind kind;
	const char *labels; /* "receiver, signal": for the reference; "" for none */
	const char *help; /* one sentence, without a period */
};

struct metric_writer {
	struct buf *out;
	bool openmetrics;
	const struct metric_info *family; /* of the samples that come */
};

/* True when an Accept header's value asks for OpenMetrics. */
bool metric_wants_openmetrics(struct slice accept);
const char *metric_content_type(bool openmetrics);

/* Begins a family. */
void metric_begin(struct metric_writer *w, const struct metric_info *info);

struct metric_label {
	const char *name;
	const char *value; /* any bytes; escaped here */
};
/* A sample of it. Labels end with a name of NULL; `labels` may be NULL. */
void metric_sample(struct metric_writer *w, const struct metric_label *labels, uint64_t value);
void metric_sample_double(struct metric_writer *w, const struct metric_label *labels, double value);
/* The end of the text. */
void metric_end(struct metric_writer *w);

#endif
