/*
 * Log streams as Loki has them: the set of labels that a log record's resource gives.
 *
 * Which attributes are labels: Loki's defaults, distributor.otlp_config's
 * default_resource_attributes_as_index_labels (Grafana Loki's documentation, "Ingesting logs to
 * Loki using OpenTelemetry Collector"). A label's name is the attribute's with "_" for ".";
 * without service.name it is service_name="unknown_service", as in Loki.
 */
#ifndef TRIPOD_TELEMETRY_LOG_STREAM_H
#define TRIPOD_TELEMETRY_LOG_STREAM_H

#include <stdint.h>

#include "base/buf.h"
#include "telemetry/batch.h"

/* There are no more labels than this. */
#define LOG_STREAM_LABELS 18

struct log_stream_label {
	struct slice name; /* static */
	struct value value;
};

/* The labels of `resource`, sorted by name; returns their number, at least 1. */
unsigned log_stream_labels(const struct batch_common *batch, const struct resource *resource,
			   struct log_stream_label labels[LOG_STREAM_LABELS]);

/*
 * The stream's id: XXH3 (64 bits, seed 0) of the labels in that order, for each its name and its
 * value's text, each after its length as a varint. It is stored, so it must never change.
 * `scratch` is overwritten.
 */
uint64_t log_stream_id(const struct log_stream_label *labels, unsigned count, struct buf *scratch);

#endif
