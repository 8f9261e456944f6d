/*
 * OpenTelemetry's names as Prometheus' names: with underscores for what a classic name may
 * not have, and with the suffixes for units and types.
 *
 * Source: OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility", OTLP
 * metric points to Prometheus. Where that leaves room it is done as Prometheus 3 does it by
 * default (translation strategy UnderscoreEscapingWithSuffixes), so that the same
 * dashboards work.
 */
#ifndef TRIPOD_TELEMETRY_PROMETHEUS_NAME_H
#define TRIPOD_TELEMETRY_PROMETHEUS_NAME_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

/* What a name's suffix depends on. */
enum name_suffix {
	NAME_PLAIN,
	NAME_COUNTER, /* a monotonic sum: _total */
	NAME_GAUGE, /* with unit "1": _ratio */
};

/*
 * Appends the name of a metric:
 *   http.server.duration, s          http_server_duration_seconds
 *   system.io, By, NAME_COUNTER      system_io_bytes_total
 *   cpu.utilization, 1, NAME_GAUGE   cpu_utilization_ratio
 * False, with nothing appended, when no letter or digit is left of it.
 */
bool prometheus_metric_name(struct buf *out, struct slice name, struct slice unit,
			    enum name_suffix suffix);

/* Appends the unit in words: "s" is "seconds", "By/s" is "bytes_per_second", "{packet}" nothing. */
void prometheus_unit(struct buf *out, struct slice unit);

/*
 * Appends the name of a label: http.method is http_method, 1st is key_1st, __x.y__ is
 * __x_y__. False, with nothing appended, when no letter or digit is left of it.
 */
bool prometheus_label_name(struct buf *out, struct slice name);

/* True when the name of the label is `name` itself, as for most. */
bool prometheus_label_is_plain(struct slice name);

#endif
