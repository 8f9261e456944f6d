/*
 * The frame of a metrics request. Protobuf leaves the order of fields to the sender, and a
 * series' labels need the resource, the scope and the metric's name; so each message is
 * gone through twice, first for what describes, then for what is described. Stepping over a
 * field costs next to nothing.
 */
#include <stdio.h>

#include "telemetry/otlp_metrics_int.h"
#include "telemetry/prometheus_name.h"

bool otlp_metrics_grow(struct metrics_decoder *m, void *array, size_t size, uint32_t used,
		       uint32_t *capacity)
{
	const struct growing_column column = {array, size};
	return columns_grow(&m->d.common->arena, &column, 1, used, capacity) ||
	       otlp_no_memory(&m->d);
}

struct slice otlp_metrics_keep(struct metrics_decoder *m, struct slice text)
{
	char *copy = m->text.failed ? NULL : arena_strdup(&m->batch->arena, text);
	if (!copy) {
		otlp_no_memory(&m->d);
		return (struct slice){NULL, 0};
	}
	return (struct slice){copy, text.len};
}

/* The reason of a resource or scope becomes that of everything in it. */
static void keep_reject(struct metrics_decoder *m, int *reject, const char **what)
{
	if (*reject == NOT_REJECTED && m->d.reject != NOT_REJECTED) {
		*reject = m->d.reject;
		*what = m->d.reject_what;
	}
	m->d.reject = NOT_REJECTED;
}

/* --- metrics ------------------------------------------------------------------------------ */

/* What the first look at a Metric finds. */
struct metric_head {
	struct slice name, unit, help;
	struct attr_run metadata;
	enum otlp_data data; /* 0: none */
};

static bool is_data(uint32_t tag)
{
	return tag == PB_TAG(DATA_GAUGE, PB_LEN) || tag == PB_TAG(DATA_SUM, PB_LEN) ||
	       tag == PB_TAG(DATA_HISTOGRAM, PB_LEN) || tag == PB_TAG(DATA_EXPONENTIAL, PB_LEN) ||
	       tag == PB_TAG(DATA_SUMMARY, PB_LEN);
}

static bool read_head(struct metrics_decoder *m, struct pb_reader r, struct metric_head *head)
{
	struct otlp_decoder *d = &m->d;
	*head = (struct metric_head){SLICE(""), SLICE(""), SLICE(""),
				     otlp_begin_run(d, KEY_START_EVENT), 0};
	while (pb_more(&r)) {
		uint32_t tag;
		bool ok;
		if (!pb_tag(&r, &tag))
			return otlp_malformed(d, &r);
		switch (tag) {
		case PB_TAG(1, PB_LEN):
			ok = otlp_text(d, &r, &head->name, "metric's name");
			break;
		case PB_TAG(2, PB_LEN):
			ok = otlp_text(d, &r, &head->help, "metric's description");
			break;
		case PB_TAG(3, PB_LEN):
			ok = otlp_text(d, &r, &head->unit, "metric's unit");
			break;
		case PB_TAG(12, PB_LEN):
			if (!otlp_attribute(d, &r, &head->metadata))
				return false;
			continue;
		default:
			if (is_data(tag))
				head->data = (enum otlp_data)(tag >> 3);
			ok = pb_skip(&r, tag);
		}
		if (!ok)
			return otlp_malformed(d, &r);
	}
	return true;
}

/* A Gauge, Sum, …: what it says besides its data points. */
static bool read_sum_head(struct metrics_decoder *m, struct pb_reader r, uint32_t *temporality,
			  bool *monotonic)
{
	while (pb_more(&r)) {
		uint32_t tag;
		uint64_t flag;
		bool ok;
		if (!pb_tag(&r, &tag))
			return otlp_malformed(&m->d, &r);
		if (tag == PB_TAG(2, PB_VARINT)) {
			ok = pb_uint32(&r, temporality);
		} else if (tag == PB_TAG(3, PB_VARINT)) {
			ok = pb_varint(&r, &flag);
			*monotonic = ok && flag;
		} else {
			ok = pb_skip(&r, tag);
		}
		if (!ok)
			return otlp_malformed(&m->d, &r);
	}
	return true;
}

/* Gauges, and sums that go up and down, may say in the metadata what Prometheus' type they had. */
static enum metric_type gauge_type(struct metrics_decoder *m, struct attr_run metadata)
{
	static const enum metric_type hints[] = {METRIC_UNKNOWN, METRIC_INFO, METRIC_STATESET};
	for (uint32_t i = 0; i < metadata.count; i++) {
		const struct attr *attr = &m->d.common->attrs[metadata.first + i];
		if (attr->value.type != VALUE_STRING ||
		    !slice_eq(m->d.common->keys[attr->key], SLICE("prometheus.type")))
			continue;
		for (size_t h = 0; h < sizeof(hints) / sizeof(hints[0]); h++) {
			if (slice_eq_cstr(value_bytes(attr->value), metric_type_name(hints[h])))
				return hints[h];
		}
	}
	return METRIC_GAUGE;
}

static enum metric_type type_of(struct metrics_decoder *m, const struct metric_head *head,
				bool monotonic)
{
	switch (head->data) {
	case DATA_SUM:
		return monotonic ? METRIC_COUNTER : gauge_type(m, head->metadata);
	case DATA_HISTOGRAM:
	case DATA_EXPONENTIAL:
		return METRIC_HISTOGRAM;
	case DATA_SUMMARY:
		return METRIC_SUMMARY;
	case DATA_GAUGE:
		break;
	}
	return gauge_type(m, head->metadata);
}

/* Makes m->metric, and the family. */
static bool begin_metric(struct metrics_decoder *m, const struct metric_head *head,
			 uint32_t temporality, bool monotonic)
{
	struct otlp_metric *metric = &m->metric;
	enum name_suffix suffix = head->data == DATA_GAUGE ? NAME_GAUGE : NAME_PLAIN;
	if (head->data == DATA_SUM && monotonic)
		suffix = NAME_COUNTER;
	if (temporality == 1)
		metric->sample_flags = SAMPLE_DELTA;
	metric->keeps_exemplars = head->data != DATA_GAUGE;
	buf_clear(&m->text);
	if (!prometheus_metric_name(&m->text, head->name, head->unit, suffix))
		otlp_reject(&m->d, REJECT_INVALID_NAME, "metric's name");
	metric->name = otlp_metrics_keep(m, buf_slice(&m->text));
	if (!metric->name.ptr)
		return false;
	struct metric_family family = {.name = metric->name, .help = head->help};
	buf_clear(&m->text);
	prometheus_unit(&m->text, head->unit);
	family.unit = otlp_metrics_keep(m, buf_slice(&m->text));
	if (!family.unit.ptr)
		return false;
	family.type = type_of(m, head, monotonic);
	if (m->d.reject != NOT_REJECTED)
		return true; /* there will be no series of it */
	return metric_batch_add_family(m->batch, family) || otlp_no_memory(&m->d);
}

static bool data_points(struct metrics_decoder *m, struct pb_reader r, enum otlp_data data)
{
	while (pb_more(&r)) {
		uint32_t tag;
		if (!pb_tag(&r, &tag))
			return otlp_malformed(&m->d, &r);
		if (tag == PB_TAG(1, PB_LEN)) {
			if (!otlp_data_point(m, &r, data))
				return false;
		} else if (!pb_skip(&r, tag)) {
			return otlp_malformed(&m->d, &r);
		}
	}
	return true;
}

/* Calls `look` (or data_points) for each message of the oneof's last kind: they merge. */
static bool look_at_data(struct metrics_decoder *m, struct pb_reader r, enum otlp_data data,
			 uint32_t *temporality, bool *monotonic)
{
	while (pb_more(&r)) {
		uint32_t tag;
		struct pb_reader message;
		if (!pb_tag(&r, &tag))
			return otlp_malformed(&m->d, &r);
		if (tag != PB_TAG(data, PB_LEN)) {
			if (!pb_skip(&r, tag))
				return otlp_malformed(&m->d, &r);
			continue;
		}
		if (!pb_message(&r, &message))
			return otlp_malformed(&m->d, &r);
		if (temporality ? !read_sum_head(m, message, temporality, monotonic)
				: !data_points(m, message, data))
			return false;
	}
	return true;
}

static bool metric_message(struct metrics_decoder *m, struct pb_reader *r)
{
	struct pb_reader message;
	struct metric_head head;
	uint32_t temporality = 0, attrs = m->d.common->attr_count;
	bool monotonic = false;
	if (!pb_message(r, &message))
		return otlp_malformed(&m->d, r);
	m->metric = (struct otlp_metric){.reject = m->scope_reject,
					 .reject_what = m->scope_reject_what};
	m->d.reject = m->scope_reject;
	m->d.reject_what = m->scope_reject_what;
	if (!read_head(m, message, &head))
		return false;
	if (!head.data) {
		m->d.reject = NOT_REJECTED;
		return true; /* has no data points */
	}
	if (!look_at_data(m, message, head.data, &temporality, &monotonic))
		return false;
	bool has_temporality = head.data != DATA_GAUGE && head.data != DATA_SUMMARY;
	if (has_temporality && temporality != 1 && temporality != 2)
		otlp_reject(&m->d, REJECT_NO_TEMPORALITY, "metric");
	if (!begin_metric(m, &head, has_temporality ? temporality : 0, monotonic))
		return false;
	m->metric.reject = m->d.reject;
	m->metric.reject_what = m->d.reject_what;
	m->d.reject = NOT_REJECTED;
	m->d.common->attr_count = attrs;
	return look_at_data(m, message, head.data, NULL, NULL);
}

/* --- scopes and resources -------------------------------------------------------------------- */

struct scope_head {
	struct slice name, version, schema_url;
	struct attr_run attrs;
};

static bool scope_message(struct metrics_decoder *m, struct pb_reader *r, struct scope_head *head)
{
	struct pb_reader message;
	if (!pb_message(r, &message))
		return otlp_malformed(&m->d, r);
	while (pb_more(&message)) {
		uint32_t tag;
		bool ok;
		if (!pb_tag(&message, &tag))
			return otlp_malformed(&m->d, &message);
		if (tag == PB_TAG(1, PB_LEN)) {
			ok = otlp_text(&m->d, &message, &head->name, "scope name");
		} else if (tag == PB_TAG(2, PB_LEN)) {
			ok = otlp_text(&m->d, &message, &head->version, "scope version");
		} else if (tag == PB_TAG(3, PB_LEN)) {
			if (!otlp_attribute(&m->d, &message, &head->attrs))
				return false;
			continue;
		} else {
			ok = pb_skip(&message, tag);
		}
		if (!ok)
			return otlp_malformed(&m->d, &message);
	}
	return true;
}

/* The first look at a ScopeMetrics: 1 the scope, 3 the schema's URL. */
static bool scope_head(struct metrics_decoder *m, struct pb_reader r)
{
	struct scope_head head = {SLICE(""), SLICE(""), SLICE(""),
				  otlp_begin_run(&m->d, KEY_START_SCOPE)};
	while (pb_more(&r)) {
		uint32_t tag;
		bool ok;
		if (!pb_tag(&r, &tag))
			return otlp_malformed(&m->d, &r);
		if (tag == PB_TAG(1, PB_LEN)) {
			if (!scope_message(m, &r, &head))
				return false;
			continue;
		}
		if (tag == PB_TAG(3, PB_LEN))
			ok = otlp_text(&m->d, &r, &head.schema_url, "scope's schema URL");
		else
			ok = pb_skip(&r, tag);
		if (!ok)
			return otlp_malformed(&m->d, &r);
	}
	return otlp_scope_labels(m, head.name, head.version, head.schema_url, head.attrs);
}

static bool scope_metrics(struct metrics_decoder *m, struct pb_reader *r)
{
	struct pb_reader message;
	uint32_t attrs = m->d.common->attr_count;
	if (!pb_message(r, &message))
		return otlp_malformed(&m->d, r);
	m->scope_reject = m->resource_reject;
	m->scope_reject_what = m->resource_reject_what;
	if (!scope_head(m, message))
		return false;
	keep_reject(m, &m->scope_reject, &m->scope_reject_what);
	while (pb_more(&message)) {
		uint32_t tag;
		if (!pb_tag(&message, &tag))
			return otlp_malformed(&m->d, &message);
		if (tag == PB_TAG(2, PB_LEN)) {
			if (!metric_message(m, &message))
				return false;
		} else if (!pb_skip(&message, tag)) {
			return otlp_malformed(&m->d, &message);
		}
	}
	m->d.common->attr_count = attrs;
	return true;
}

static bool resource_message(struct metrics_decoder *m, struct pb_reader *r)
{
	struct pb_reader message;
	if (!pb_message(r, &message))
		return otlp_malformed(&m->d, r);
	while (pb_more(&message)) {
		uint32_t tag;
		if (!pb_tag(&message, &tag))
			return otlp_malformed(&m->d, &message);
		if (tag == PB_TAG(1, PB_LEN)) {
			if (!otlp_attribute(&m->d, &message, &m->resource_attrs))
				return false;
		} else if (!pb_skip(&message, tag)) {
			return otlp_malformed(&m->d, &message);
		}
	}
	return true;
}

/* The first look at a ResourceMetrics: 1 the resource. */
static bool resource_head(struct metrics_decoder *m, struct pb_reader r)
{
	m->resource_attrs = otlp_begin_run(&m->d, KEY_START_RESOURCE);
	while (pb_more(&r)) {
		uint32_t tag;
		if (!pb_tag(&r, &tag))
			return otlp_malformed(&m->d, &r);
		if (tag == PB_TAG(1, PB_LEN)) {
			if (!resource_message(m, &r))
				return false;
		} else if (!pb_skip(&r, tag)) {
			return otlp_malformed(&m->d, &r);
		}
	}
	return otlp_resource_labels(m);
}

static bool resource_metrics(struct metrics_decoder *m, struct pb_reader *r)
{
	struct pb_reader message;
	if (!pb_message(r, &message))
		return otlp_malformed(&m->d, r);
	m->d.common->attr_count = 0;
	m->earliest = UINT64_MAX;
	m->latest = 0;
	m->resource_reject = NOT_REJECTED;
	if (!resource_head(m, message))
		return false;
	keep_reject(m, &m->resource_reject, &m->resource_reject_what);
	while (pb_more(&message)) {
		uint32_t tag;
		if (!pb_tag(&message, &tag))
			return otlp_malformed(&m->d, &message);
		if (tag == PB_TAG(2, PB_LEN)) {
			if (!scope_metrics(m, &message))
				return false;
		} else if (!pb_skip(&message, tag)) {
			return otlp_malformed(&m->d, &message);
		}
	}
	return otlp_target_info(m);
}

static bool request(struct metrics_decoder *m, struct slice bytes)
{
	struct pb_reader r = pb_reader_of(bytes);
	while (pb_more(&r)) {
		uint32_t tag;
		if (!pb_tag(&r, &tag))
			return otlp_malformed(&m->d, &r);
		if (tag == PB_TAG(1, PB_LEN)) {
			if (!resource_metrics(m, &r))
				return false;
		} else if (!pb_skip(&r, tag)) {
			return otlp_malformed(&m->d, &r);
		}
	}
	return true;
}

int otlp_decode_metrics(struct metric_batch *batch, struct slice bytes,
			const struct otlp_metrics_options *options, struct rejects *rejects,
			struct error *err)
{
	static const struct otlp_kind kind = {.record_name = "data point"};
	size_t memory =
		options->decode.max_memory ? options->decode.max_memory : OTLP_DEFAULT_MEMORY;
	metric_batch_clear(batch, memory);
	struct metrics_decoder m = {
		.d = {.kind = &kind,
		      .common = &batch->otlp,
		      .options = &options->decode,
		      .rejects = rejects,
		      .err = err},
		.batch = batch,
		.options = options,
		.text = {.limit = memory},
	};
	bool ok = otlp_begin(&m.d, bytes) && request(&m, bytes);
	buf_release(&m.text);
	if (ok)
		return 0;
	metric_batch_clear(batch, memory);
	memset(rejects, 0, sizeof(*rejects));
	return m.d.status;
}
