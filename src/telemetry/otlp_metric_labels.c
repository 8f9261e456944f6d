/* The labels of Prometheus series, from resources, scopes and attributes. */
#include <stdlib.h>

#include "telemetry/otlp_metrics_int.h"
#include "telemetry/prometheus_name.h"
#include "telemetry/value_text.h"

static int compare(struct slice a, struct slice b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len ? memcmp(a.ptr, b.ptr, len) : 0;
	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_pending(const void *a, const void *b)
{
	const struct pending_label *p = a, *q = b;
	int order = compare(p->name, q->name);
	return order ? order : compare(p->key, q->key);
}

/* Few labels, often in order already: insertion is the fastest. Many: what is safe. */
static void sort_pending(struct pending_label *labels, uint32_t count)
{
	if (count > 32) {
		qsort(labels, count, sizeof(*labels), compare_pending);
		return;
	}
	for (uint32_t i = 1; i < count; i++) {
		struct pending_label label = labels[i];
		uint32_t at = i;
		for (; at > 0 && compare_pending(&labels[at - 1], &label) > 0; at--)
			labels[at] = labels[at - 1];
		labels[at] = label;
	}
}

/* The label's name for an attribute's key; one with ptr NULL when nothing is left of it. */
static bool label_name(struct metrics_decoder *m, uint32_t key, struct slice *out)
{
	while (key >= m->label_name_capacity) {
		uint32_t used = m->label_name_capacity;
		if (!otlp_metrics_grow(m, &m->label_names, sizeof(*m->label_names), used,
				       &m->label_name_capacity))
			return false;
		for (uint32_t i = used; i < m->label_name_capacity; i++)
			m->label_names[i] = (struct slice){"", 0};
	}
	struct slice *name = &m->label_names[key];
	if (name->ptr && name->len == 0) {
		struct slice text = m->d.common->keys[key];
		buf_clear(&m->text);
		if (prometheus_label_is_plain(text))
			*name = text;
		else if (!prometheus_label_name(&m->text, text))
			*name = (struct slice){NULL, 0};
		else
			*name = otlp_metrics_keep(m, buf_slice(&m->text));
		if (m->d.status)
			return false;
	}
	*out = *name;
	return true;
}

static bool text_of(struct metrics_decoder *m, struct value value, struct slice *out)
{
	if (value.type == VALUE_STRING) {
		*out = value_bytes(value);
		return true;
	}
	buf_clear(&m->text);
	value_text(&m->text, value);
	if (m->text.failed)
		return otlp_no_memory(&m->d);
	*out = m->text.len ? otlp_metrics_keep(m, buf_slice(&m->text)) : SLICE("");
	return out->ptr != NULL;
}

static bool add_pending(struct metrics_decoder *m, struct pending_label label)
{
	if (m->pending_count == m->pending_capacity &&
	    !otlp_metrics_grow(m, &m->pending, sizeof(*m->pending), m->pending_count,
			       &m->pending_capacity))
		return false;
	m->pending[m->pending_count++] = label;
	return true;
}

/* `a` ";" `b` */
static bool join(struct metrics_decoder *m, struct slice *a, struct slice b)
{
	char *p = arena_alloc(&m->batch->arena, a->len + 1 + b.len);
	if (!p)
		return otlp_no_memory(&m->d);
	if (a->len)
		memcpy(p, a->ptr, a->len);
	p[a->len] = ';';
	if (b.len)
		memcpy(p + a->len + 1, b.ptr, b.len);
	*a = (struct slice){p, a->len + 1 + b.len};
	return true;
}

/* Joins the values of labels with the same name; the labels are sorted. */
static bool join_equal(struct metrics_decoder *m)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < m->pending_count; i++) {
		struct pending_label *last = kept ? &m->pending[kept - 1] : NULL;
		if (last && slice_eq(last->name, m->pending[i].name)) {
			if (!join(m, &last->value, m->pending[i].value))
				return false;
			continue;
		}
		m->pending[kept++] = m->pending[i];
	}
	m->pending_count = kept;
	return true;
}

/* The attributes as sorted labels in m->pending. */
static bool collect(struct metrics_decoder *m, struct attr_run attrs, const char *without)
{
	m->pending_count = 0;
	for (uint32_t i = 0; i < attrs.count; i++) {
		const struct attr *attr = &m->d.common->attrs[attrs.first + i];
		struct pending_label label = {.key = m->d.common->keys[attr->key]};
		if (!label_name(m, attr->key, &label.name))
			return false;
		if (!label.name.ptr) {
			otlp_reject(&m->d, REJECT_INVALID_NAME, "attribute key");
			continue;
		}
		if (slice_eq(label.name, SLICE("__name__")) ||
		    (without && slice_eq_cstr(label.name, without)))
			continue;
		if (!text_of(m, attr->value, &label.value) || !add_pending(m, label))
			return false;
	}
	sort_pending(m->pending, m->pending_count);
	return join_equal(m);
}

bool otlp_point_labels(struct metrics_decoder *m, struct attr_run attrs, bool with_base,
		       const char *without, uint32_t *first, uint32_t *count)
{
	if (!collect(m, attrs, without))
		return false;
	uint32_t bases = with_base ? m->base_count : 0;
	struct label *out = metric_batch_reserve_labels(m->batch, bases + m->pending_count);
	if (!out && bases + m->pending_count)
		return otlp_no_memory(&m->d);
	uint32_t b = 0, p = 0, n = 0;
	while (b < bases || p < m->pending_count) {
		int order = b == bases              ? 1
			    : p == m->pending_count ? -1
						    : compare(m->base[b].name, m->pending[p].name);
		struct label label = {.name = SLICE("")};
		if (order > 0)
			label = (struct label){m->pending[p].name, m->pending[p].value};
		else
			label = m->base[b++];
		if (order >= 0)
			p++;
		if (label.value.len)
			out[n++] = label;
	}
	*first = m->batch->label_count;
	*count = n;
	m->batch->label_count += n;
	return true;
}

/* The text of the resource's attribute `key`; "" when there is none. */
static bool resource_text(struct metrics_decoder *m, const char *key, struct slice *out)
{
	*out = SLICE("");
	for (uint32_t i = 0; i < m->resource_attrs.count; i++) {
		const struct attr *attr = &m->d.common->attrs[m->resource_attrs.first + i];
		if (slice_eq_cstr(m->d.common->keys[attr->key], key))
			return text_of(m, attr->value, out);
	}
	return true;
}

bool otlp_resource_labels(struct metrics_decoder *m)
{
	struct slice name, space, instance;
	if (!resource_text(m, "service.name", &name) ||
	    !resource_text(m, "service.namespace", &space) ||
	    !resource_text(m, "service.instance.id", &instance))
		return false;
	if (name.len && space.len) {
		buf_clear(&m->text);
		buf_append_slice(&m->text, space);
		buf_append_byte(&m->text, '/');
		buf_append_slice(&m->text, name);
		name = otlp_metrics_keep(m, buf_slice(&m->text));
		if (!name.ptr)
			return false;
	}
	m->job = (struct label){SLICE("job"), name};
	m->instance = (struct label){SLICE("instance"), instance};
	return true;
}

/* The scope's attributes, named otel_scope_…, behind what is pending. */
static bool scope_attributes(struct metrics_decoder *m, struct attr_run attrs)
{
	for (uint32_t i = 0; i < attrs.count; i++) {
		const struct attr *attr = &m->d.common->attrs[attrs.first + i];
		struct slice key = m->d.common->keys[attr->key];
		struct pending_label label = {.key = key};
		struct buf name = BUF_INIT;
		buf_append_cstr(&name, "otel_scope_");
		buf_append_slice(&name, key);
		buf_clear(&m->text);
		prometheus_label_name(&m->text, buf_slice(&name));
		buf_release(&name);
		label.name = otlp_metrics_keep(m, buf_slice(&m->text));
		if (!label.name.ptr)
			return false;
		if (slice_eq(label.name, SLICE("otel_scope_name")) ||
		    slice_eq(label.name, SLICE("otel_scope_version")) ||
		    slice_eq(label.name, SLICE("otel_scope_schema_url")))
			continue;
		if (!text_of(m, attr->value, &label.value) || !add_pending(m, label))
			return false;
	}
	return true;
}

bool otlp_scope_labels(struct metrics_decoder *m, struct slice name, struct slice version,
		       struct slice schema_url, struct attr_run attrs)
{
	const struct label fixed[] = {m->job,
				      m->instance,
				      {SLICE("otel_scope_name"), name},
				      {SLICE("otel_scope_version"), version},
				      {SLICE("otel_scope_schema_url"), schema_url}};
	bool scope = name.len && !m->options->no_scope_labels;
	m->pending_count = 0;
	for (size_t i = 0; i < (scope ? 5 : 2); i++) {
		if (fixed[i].value.len &&
		    !add_pending(m, (struct pending_label){.name = fixed[i].name,
							   .value = fixed[i].value}))
			return false;
	}
	if (scope && !scope_attributes(m, attrs))
		return false;
	sort_pending(m->pending, m->pending_count);
	if (!join_equal(m))
		return false;
	m->base = arena_array(&m->batch->arena, m->pending_count, sizeof(*m->base));
	if (!m->base)
		return otlp_no_memory(&m->d);
	m->base_count = m->pending_count;
	for (uint32_t i = 0; i < m->base_count; i++)
		m->base[i] = (struct label){m->pending[i].name, m->pending[i].value};
	return true;
}

/* --- target_info ----------------------------------------------------------------------------- */

#define TARGET_INFO_INTERVAL (INT64_C(150) * 1000) /* ms: half of PromQL's look-back of 5 minutes */
#define TARGET_INFO_MAX 1000

static bool is_identifying(struct slice key)
{
	return slice_eq(key, SLICE("service.name")) || slice_eq(key, SLICE("service.namespace")) ||
	       slice_eq(key, SLICE("service.instance.id"));
}

/* The resource's attributes but the identifying ones, as a run at the end. */
static bool descriptive_attributes(struct metrics_decoder *m, struct attr_run *out)
{
	struct batch_common *common = m->d.common;
	*out = m->resource_attrs;
	if (!otlp_move_run(&m->d, out))
		return false;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < out->count; i++) {
		struct attr attr = common->attrs[out->first + i];
		if (!is_identifying(common->keys[attr.key]))
			common->attrs[out->first + kept++] = attr;
	}
	out->count = kept;
	return true;
}

static bool target_info_samples(struct metrics_decoder *m, uint32_t series)
{
	int64_t first = (int64_t)(m->earliest / 1000000), last = (int64_t)(m->latest / 1000000);
	int64_t step = TARGET_INFO_INTERVAL;
	if ((last - first) / step >= TARGET_INFO_MAX)
		step = (last - first) / TARGET_INFO_MAX + 1;
	for (int64_t time = first; time < last; time += step) {
		/* A day of target_info alone would be a partition more, and tell of nothing. */
		if (!otlp_has_day(&m->d, (uint64_t)time * 1000000))
			continue;
		if (!metric_batch_add_sample(m->batch, series, time, 0, 1, 0))
			return otlp_no_memory(&m->d);
	}
	return metric_batch_add_sample(m->batch, series, last, 0, 1, 0) || otlp_no_memory(&m->d);
}

bool otlp_target_info(struct metrics_decoder *m)
{
	if (m->options->no_target_info || m->earliest > m->latest ||
	    (!m->job.value.len && !m->instance.value.len))
		return true;
	struct attr_run attrs;
	if (!descriptive_attributes(m, &attrs))
		return false;
	if (attrs.count == 0)
		return true;
	uint32_t first, count;
	struct label identity[2];
	m->base = identity;
	m->base_count = 0;
	if (m->instance.value.len)
		identity[m->base_count++] = m->instance;
	if (m->job.value.len)
		identity[m->base_count++] = m->job;
	bool ok = otlp_point_labels(m, attrs, true, NULL, &first, &count);
	m->base = NULL;
	m->base_count = 0;
	/* An attribute whose name cannot be a label's is left out of target_info, that is all. */
	m->d.reject = NOT_REJECTED;
	if (!ok)
		return false;
	struct metric_family family = {SLICE("target_info"), SLICE(""), SLICE("Target metadata"),
				       METRIC_INFO};
	if (!metric_batch_add_family(m->batch, family) ||
	    !metric_batch_use_labels(m->batch, first, count))
		return otlp_no_memory(&m->d);
	uint32_t series = metric_batch_series(m->batch, family.name, NULL);
	if (series == NO_SERIES)
		return otlp_no_memory(&m->d);
	return target_info_samples(m, series);
}
