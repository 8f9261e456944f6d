/*
 * OTLP metrics to Prometheus series. Pure: bytes in, columns or an error out.
 *
 * Source: opentelemetry-proto 1.9, metrics/v1, and OpenTelemetry's "Prometheus and
 * OpenMetrics Compatibility", OTLP metric points to Prometheus; where that leaves room, as
 * Prometheus 3's own OTLP receiver does it by default.
 *
 * gauge, sum       one series. A sum's exemplars are kept, a gauge's dropped (as the source says)
 * histogram        NAME_bucket with le (cumulative, and +Inf), NAME_count, NAME_sum when there is
 *                  one; min and max are dropped; an exemplar belongs to the first bucket that
 *                  holds its value
 * exponential      one series NAME of exponential points, kept as they came
 * summary          NAME with quantile, NAME_count, NAME_sum
 *
 * Names: telemetry/prometheus_name.h. Labels of a series, where one name comes from several the
 * first of these wins: le or quantile; job (service.namespace "/" service.name) and instance
 * (service.instance.id) of the resource; otel_scope_name, _version, _schema_url and
 * otel_scope_ATTRIBUTE of a scope that has a name; the data point's attributes as text
 * (telemetry/value_text.h), values of attributes whose names become the same joined by ";"
 * in the order of the original names. A label with an empty value is no label.
 *
 * Each resource with other attributes than the three above and with a job or an instance
 * gives target_info, value 1, labels job, instance and those attributes: at the earliest time of
 * its data points, then every 2.5 minutes (half of PromQL's look-back; further apart where
 * that would be more than 1,000) on days of which the request has data points, and at the latest.
 *
 * Times are cut to milliseconds; a data point without one gets the time when the request
 * came. Integers become doubles, and lose digits beyond 2^53. A data point with the flag 'no
 * recorded value' is a stale marker in each of its series.
 */
#ifndef TRIPOD_TELEMETRY_OTLP_METRICS_H
#define TRIPOD_TELEMETRY_OTLP_METRICS_H

#include <stdbool.h>

#include "telemetry/metric_batch.h"
#include "telemetry/otlp_decode.h"

struct otlp_metrics_options {
	struct otlp_decode_options decode;
	bool no_scope_labels;
	bool no_target_info;
};

/*
 * As otlp_decode_logs: `bytes` are followed by CHUNK_PADDING readable bytes, and outlive the
 * batch; `batch` is zeroed or was used before, and empty after an error. What is rejected is
 * a data point, which is what `rejects` counts; a metric without any is none.
 */
int otlp_decode_metrics(struct metric_batch *batch, struct slice bytes,
			const struct otlp_metrics_options *options, struct rejects *rejects,
			struct error *err);

#endif
