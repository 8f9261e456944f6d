/* What the parts of decoding OTLP metrics share. Private to otlp_metric*.c. */
#ifndef TRIPOD_TELEMETRY_OTLP_METRICS_INT_H
#define TRIPOD_TELEMETRY_OTLP_METRICS_INT_H

#include "telemetry/otlp_decode_int.h"
#include "telemetry/otlp_metrics.h"

/* A label on its way: `key` is the attribute's own name, by which equal names are ordered. */
struct pending_label {
	struct slice name, key, value;
};

/* The metric whose data points are being decoded. */
struct otlp_metric {
	struct slice name; /* Prometheus' name of the family */
	struct slice bucket, sum, count; /* the same with its suffix; made when needed */
	uint8_t sample_flags; /* SAMPLE_DELTA */
	bool keeps_exemplars;
	int reject; /* why all its data points are rejected, or NOT_REJECTED */
	const char *reject_what;
};

struct otlp_exemplar {
	uint64_t time;
	double value;
	uint8_t trace_id[16], span_id[8];
	struct attr_run attrs;
};

/* A data point of any type, as it was sent. */
struct otlp_point {
	uint64_t time, start;
	uint32_t flags;
	struct attr_run attrs;
	bool has_value, has_sum, has_min, has_max;
	double value, sum, min, max, zero_threshold;
	uint64_t count, zero_count;
	int64_t scale;
	int64_t offset[2]; /* positive, negative */
	uint32_t bucket_first[2], bucket_count[2]; /* among `counts` */
};

struct metrics_decoder {
	struct otlp_decoder d;
	struct metric_batch *batch;
	const struct otlp_metrics_options *options;
	struct buf text; /* for short texts in between */

	struct slice *label_names; /* by key; len 0: not made yet; ptr NULL: there is none */
	uint32_t label_name_capacity;
	struct pending_label *pending;
	uint32_t pending_count, pending_capacity;

	/* of the resource */
	struct attr_run resource_attrs;
	struct label job, instance; /* an empty value: none */
	uint64_t earliest, latest; /* of its data points */
	int resource_reject;
	const char *resource_reject_what;

	/* of the scope */
	struct label *base; /* what its points have besides their attributes, sorted */
	uint32_t base_count;
	int scope_reject;
	const char *scope_reject_what;

	struct otlp_metric metric;

	/* of the data point; the arrays are used again */
	struct otlp_point point;
	uint64_t *counts;
	uint32_t count_count, count_capacity;
	double *bounds;
	uint32_t bound_count, bound_capacity;
	struct otlp_exemplar *exemplars;
	uint32_t exemplar_count, exemplar_capacity;

	/* The bounds seen last, and the values of le they make: nearly always the same again. */
	double *le_bounds;
	struct slice *le_texts;
	uint32_t le_count;
};

/* Room for one more element of an array in the request's arena. */
bool otlp_metrics_grow(struct metrics_decoder *m, void *array, size_t size, uint32_t used,
		       uint32_t *capacity);

/* `text` in the batch's arena; ptr NULL (and the status is set) when there is no room. */
struct slice otlp_metrics_keep(struct metrics_decoder *m, struct slice text);

/* --- labels (otlp_metric_labels.c) --- */

/* Finds job and instance of the resource. */
bool otlp_resource_labels(struct metrics_decoder *m);
/* Makes `base` for the scope. */
bool otlp_scope_labels(struct metrics_decoder *m, struct slice name, struct slice version,
		       struct slice schema_url, struct attr_run attrs);
/*
 * Appends the labels of attributes `attrs`, with `base` when `with_base`, sorted, to the batch's;
 * `*first` and `*count` say where. An attribute that becomes `without` is left out. May reject.
 */
bool otlp_point_labels(struct metrics_decoder *m, struct attr_run attrs, bool with_base,
		       const char *without, uint32_t *first, uint32_t *count);
/* The sample or samples of target_info for the resource. */
bool otlp_target_info(struct metrics_decoder *m);

/* --- data points (otlp_metric_points.c) --- */

enum otlp_data {
	DATA_GAUGE = 5,
	DATA_SUM = 7,
	DATA_HISTOGRAM = 9,
	DATA_EXPONENTIAL = 10,
	DATA_SUMMARY = 11
};

/* A data point, the next field of `r`: counted, and added to the batch unless it is rejected. */
bool otlp_data_point(struct metrics_decoder *m, struct pb_reader *r, enum otlp_data data);

#endif
