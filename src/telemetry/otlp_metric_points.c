/* The data points of OTLP metrics: from protobuf to samples. */
#include <math.h>

#include "telemetry/otlp_metrics_int.h"
#include "wire/double_text.h"

#define NS_PER_MILLISECOND 1000000
#define NO_RECORDED_VALUE 1u
#define SCALE_MIN (-4) /* the coarsest that a native histogram of Prometheus can be */
#define SCALE_MAX 127 /* one byte in the store; senders use 20 at most */

/* --- reading ---------------------------------------------------------------------------- */

static double double_of(uint64_t bits)
{
	double value;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static int64_t unzigzag(uint32_t value)
{
	return (int32_t)(value >> 1 ^ (0 - (value & 1)));
}

static bool read_double(struct pb_reader *r, double *out)
{
	uint64_t bits;
	if (!pb_fixed64(r, &bits))
		return false;
	*out = double_of(bits);
	return true;
}

/* An `optional` double. */
static bool read_optional(struct pb_reader *r, double *out, bool *has)
{
	*has = true;
	return read_double(r, out);
}

static bool add_count(struct metrics_decoder *m, uint64_t count)
{
	if (m->count_count == m->count_capacity &&
	    !otlp_metrics_grow(m, &m->counts, sizeof(*m->counts), m->count_count,
			       &m->count_capacity))
		return false;
	m->counts[m->count_count++] = count;
	return true;
}

static bool add_bound(struct metrics_decoder *m, double bound)
{
	if (m->bound_count == m->bound_capacity &&
	    !otlp_metrics_grow(m, &m->bounds, sizeof(*m->bounds), m->bound_count,
			       &m->bound_capacity))
		return false;
	m->bounds[m->bound_count++] = bound;
	return true;
}

/* Repeated fixed64, packed or not: bucket counts, or bounds. */
static bool read_fixed64s(struct metrics_decoder *m, struct pb_reader *r, uint32_t tag, bool bounds)
{
	struct pb_reader one = *r;
	struct pb_reader *from = r;
	if ((tag & 7) == PB_LEN) {
		if (!pb_message(r, &one))
			return otlp_malformed(&m->d, r);
		from = &one;
	}
	do {
		uint64_t bits;
		if (from == &one && !pb_more(from))
			return true;
		if (!pb_fixed64(from, &bits))
			return otlp_malformed(&m->d, from);
		if (bounds ? !add_bound(m, double_of(bits)) : !add_count(m, bits))
			return false;
	} while (from == &one);
	return true;
}

/* ExponentialHistogramDataPoint.Buckets. `side`: 0 positive, 1 negative. */
static bool read_buckets(struct metrics_decoder *m, struct pb_reader *r, int side)
{
	struct pb_reader message;
	uint32_t before = m->count_count;
	if (!pb_message(r, &message))
		return otlp_malformed(&m->d, r);
	while (pb_more(&message)) {
		uint32_t tag, offset;
		uint64_t count;
		struct pb_reader packed;
		if (!pb_tag(&message, &tag))
			return otlp_malformed(&m->d, &message);
		if (tag == PB_TAG(1, PB_VARINT)) {
			if (!pb_uint32(&message, &offset))
				return otlp_malformed(&m->d, &message);
			m->point.offset[side] = unzigzag(offset);
		} else if (tag == PB_TAG(2, PB_VARINT)) {
			if (!pb_varint(&message, &count))
				return otlp_malformed(&m->d, &message);
			if (!add_count(m, count))
				return false;
		} else if (tag == PB_TAG(2, PB_LEN)) {
			if (!pb_message(&message, &packed))
				return otlp_malformed(&m->d, &message);
			while (pb_more(&packed)) {
				if (!pb_varint(&packed, &count))
					return otlp_malformed(&m->d, &packed);
				if (!add_count(m, count))
					return false;
			}
		} else if (!pb_skip(&message, tag)) {
			return otlp_malformed(&m->d, &message);
		}
	}
	if (m->point.bucket_count[side])
		otlp_reject(&m->d, REJECT_INVALID_HISTOGRAM, "a histogram with buckets sent twice");
	m->point.bucket_first[side] = before;
	m->point.bucket_count[side] = m->count_count - before;
	return true;
}

/* SummaryDataPoint.ValueAtQuantile: the quantile among the bounds, its value's bits among the counts. */
static bool read_quantile(struct metrics_decoder *m, struct pb_reader *r)
{
	struct pb_reader message;
	uint64_t quantile = 0, value = 0;
	if (!pb_message(r, &message))
		return otlp_malformed(&m->d, r);
	while (pb_more(&message)) {
		uint32_t tag;
		if (!pb_tag(&message, &tag))
			return otlp_malformed(&m->d, &message);
		bool ok = tag == PB_TAG(1, PB_FIXED64)   ? pb_fixed64(&message, &quantile)
			  : tag == PB_TAG(2, PB_FIXED64) ? pb_fixed64(&message, &value)
							 : pb_skip(&message, tag);
		if (!ok)
			return otlp_malformed(&m->d, &message);
	}
	return add_bound(m, double_of(quantile)) && add_count(m, value);
}

static bool read_attribute(struct metrics_decoder *m, struct pb_reader *r, struct attr_run *run)
{
	return otlp_reopen_run(&m->d, run) && otlp_attribute(&m->d, r, run);
}

static bool exemplar_field(struct metrics_decoder *m, struct pb_reader *r, uint32_t tag,
			   struct otlp_exemplar *e, bool *has_value)
{
	uint64_t bits;
	bool ok;
	switch (tag) {
	case PB_TAG(2, PB_FIXED64):
		ok = pb_fixed64(r, &e->time);
		break;
	case PB_TAG(3, PB_FIXED64):
		ok = read_optional(r, &e->value, has_value);
		break;
	case PB_TAG(4, PB_LEN):
		ok = otlp_id(&m->d, r, e->span_id, 8, "exemplar's span id");
		break;
	case PB_TAG(5, PB_LEN):
		ok = otlp_id(&m->d, r, e->trace_id, 16, "exemplar's trace id");
		break;
	case PB_TAG(6, PB_FIXED64):
		ok = pb_fixed64(r, &bits);
		if (ok) {
			e->value = (double)(int64_t)bits;
			*has_value = true;
		}
		break;
	case PB_TAG(7, PB_LEN):
		return read_attribute(m, r, &e->attrs);
	default:
		ok = pb_skip(r, tag);
	}
	return ok || otlp_malformed(&m->d, r);
}

static bool read_exemplar(struct metrics_decoder *m, struct pb_reader *r)
{
	struct pb_reader message;
	struct otlp_exemplar e = {.attrs = {m->d.common->attr_count, 0}};
	bool has_value = false;
	if (!pb_message(r, &message))
		return otlp_malformed(&m->d, r);
	while (pb_more(&message)) {
		uint32_t tag;
		if (!pb_tag(&message, &tag))
			return otlp_malformed(&m->d, &message);
		if (!exemplar_field(m, &message, tag, &e, &has_value))
			return false;
	}
	if (!has_value)
		otlp_reject(&m->d, REJECT_NO_VALUE, "exemplar");
	otlp_check_time(&m->d, e.time, "exemplar's time");
	if (m->exemplar_count == m->exemplar_capacity &&
	    !otlp_metrics_grow(m, &m->exemplars, sizeof(*m->exemplars), m->exemplar_count,
			       &m->exemplar_capacity))
		return false;
	m->exemplars[m->exemplar_count++] = e;
	return true;
}

/* Fields that a type of data point has at a number of its own. */
static bool number_field(struct metrics_decoder *m, struct pb_reader *r, uint32_t tag)
{
	struct otlp_point *p = &m->point;
	uint64_t bits;
	switch (tag) {
	case PB_TAG(4, PB_FIXED64):
		return read_optional(r, &p->value, &p->has_value) || otlp_malformed(&m->d, r);
	case PB_TAG(5, PB_LEN):
		return read_exemplar(m, r);
	case PB_TAG(6, PB_FIXED64):
		if (!pb_fixed64(r, &bits))
			return otlp_malformed(&m->d, r);
		p->value = (double)(int64_t)bits;
		p->has_value = true;
		return true;
	case PB_TAG(7, PB_LEN):
		return read_attribute(m, r, &p->attrs);
	case PB_TAG(8, PB_VARINT):
		return pb_uint32(r, &p->flags) || otlp_malformed(&m->d, r);
	default:
		return pb_skip(r, tag) || otlp_malformed(&m->d, r);
	}
}

static bool histogram_field(struct metrics_decoder *m, struct pb_reader *r, uint32_t tag)
{
	struct otlp_point *p = &m->point;
	switch (tag) {
	case PB_TAG(4, PB_FIXED64):
		return pb_fixed64(r, &p->count) || otlp_malformed(&m->d, r);
	case PB_TAG(5, PB_FIXED64):
		return read_optional(r, &p->sum, &p->has_sum) || otlp_malformed(&m->d, r);
	case PB_TAG(6, PB_LEN):
	case PB_TAG(6, PB_FIXED64):
		return read_fixed64s(m, r, tag, false);
	case PB_TAG(7, PB_LEN):
	case PB_TAG(7, PB_FIXED64):
		return read_fixed64s(m, r, tag, true);
	case PB_TAG(8, PB_LEN):
		return read_exemplar(m, r);
	case PB_TAG(9, PB_LEN):
		return read_attribute(m, r, &p->attrs);
	case PB_TAG(10, PB_VARINT):
		return pb_uint32(r, &p->flags) || otlp_malformed(&m->d, r);
	default:
		return pb_skip(r, tag) || otlp_malformed(&m->d, r);
	}
}

static bool exponential_field(struct metrics_decoder *m, struct pb_reader *r, uint32_t tag)
{
	struct otlp_point *p = &m->point;
	uint32_t scale;
	bool ok;
	switch (tag) {
	case PB_TAG(1, PB_LEN):
		return read_attribute(m, r, &p->attrs);
	case PB_TAG(4, PB_FIXED64):
		ok = pb_fixed64(r, &p->count);
		break;
	case PB_TAG(5, PB_FIXED64):
		ok = read_optional(r, &p->sum, &p->has_sum);
		break;
	case PB_TAG(6, PB_VARINT):
		ok = pb_uint32(r, &scale);
		if (ok)
			p->scale = unzigzag(scale);
		break;
	case PB_TAG(7, PB_FIXED64):
		ok = pb_fixed64(r, &p->zero_count);
		break;
	case PB_TAG(8, PB_LEN):
	case PB_TAG(9, PB_LEN):
		return read_buckets(m, r, tag == PB_TAG(9, PB_LEN));
	case PB_TAG(10, PB_VARINT):
		ok = pb_uint32(r, &p->flags);
		break;
	case PB_TAG(11, PB_LEN):
		return read_exemplar(m, r);
	case PB_TAG(12, PB_FIXED64):
		ok = read_optional(r, &p->min, &p->has_min);
		break;
	case PB_TAG(13, PB_FIXED64):
		ok = read_optional(r, &p->max, &p->has_max);
		break;
	case PB_TAG(14, PB_FIXED64):
		ok = read_double(r, &p->zero_threshold);
		break;
	default:
		ok = pb_skip(r, tag);
	}
	return ok || otlp_malformed(&m->d, r);
}

static bool summary_field(struct metrics_decoder *m, struct pb_reader *r, uint32_t tag)
{
	struct otlp_point *p = &m->point;
	switch (tag) {
	case PB_TAG(4, PB_FIXED64):
		return pb_fixed64(r, &p->count) || otlp_malformed(&m->d, r);
	case PB_TAG(5, PB_FIXED64):
		return read_double(r, &p->sum) || otlp_malformed(&m->d, r);
	case PB_TAG(6, PB_LEN):
		return read_quantile(m, r);
	case PB_TAG(7, PB_LEN):
		return read_attribute(m, r, &p->attrs);
	case PB_TAG(8, PB_VARINT):
		return pb_uint32(r, &p->flags) || otlp_malformed(&m->d, r);
	default:
		return pb_skip(r, tag) || otlp_malformed(&m->d, r);
	}
}

static bool read_point(struct metrics_decoder *m, struct pb_reader *r, enum otlp_data data)
{
	m->point = (struct otlp_point){.attrs = otlp_begin_run(&m->d, KEY_START_RECORD)};
	m->count_count = m->bound_count = m->exemplar_count = 0;
	while (pb_more(r)) {
		uint32_t tag;
		bool ok;
		if (!pb_tag(r, &tag))
			return otlp_malformed(&m->d, r);
		if (tag == PB_TAG(2, PB_FIXED64) || tag == PB_TAG(3, PB_FIXED64)) {
			uint64_t *time =
				tag == PB_TAG(2, PB_FIXED64) ? &m->point.start : &m->point.time;
			ok = pb_fixed64(r, time) || otlp_malformed(&m->d, r);
		} else if (data == DATA_GAUGE || data == DATA_SUM) {
			ok = number_field(m, r, tag);
		} else if (data == DATA_HISTOGRAM) {
			ok = histogram_field(m, r, tag);
		} else if (data == DATA_EXPONENTIAL) {
			ok = exponential_field(m, r, tag);
		} else {
			ok = summary_field(m, r, tag);
		}
		if (!ok)
			return false;
	}
	return true;
}

/* --- checking ---------------------------------------------------------------------------- */

static void check_histogram(struct metrics_decoder *m)
{
	if (m->count_count && m->count_count != m->bound_count + 1)
		otlp_reject(&m->d, REJECT_INVALID_HISTOGRAM,
			    "a histogram whose bucket counts are not one more than its bounds");
	for (uint32_t i = 0; i < m->bound_count; i++) {
		if (isnan(m->bounds[i]) || (i && m->bounds[i] <= m->bounds[i - 1])) {
			otlp_reject(&m->d, REJECT_INVALID_HISTOGRAM,
				    "a histogram whose bounds do not increase");
			return;
		}
	}
}

static void check_exponential(struct metrics_decoder *m)
{
	const struct otlp_point *p = &m->point;
	if (p->scale < SCALE_MIN || p->scale > SCALE_MAX)
		otlp_reject(&m->d, REJECT_INVALID_HISTOGRAM,
			    "an exponential histogram with a scale not between -4 and 127");
	for (int side = 0; side < 2; side++) {
		if (p->offset[side] + (int64_t)p->bucket_count[side] > INT32_MAX)
			otlp_reject(&m->d, REJECT_INVALID_HISTOGRAM,
				    "an exponential histogram with buckets beyond 2^31");
	}
}

/* An exemplar is a row of its own time, in the partition of that. */
static bool check_exemplars(struct metrics_decoder *m)
{
	for (uint32_t i = 0; i < m->exemplar_count; i++) {
		uint64_t time = m->exemplars[i].time;
		if (time > m->d.reject_after)
			otlp_reject(&m->d, REJECT_TOO_FAR_IN_THE_FUTURE, "exemplar's time");
		if (time && !otlp_check_day(&m->d, time, "exemplar's time"))
			return false;
	}
	return true;
}

static bool check_point(struct metrics_decoder *m, enum otlp_data data)
{
	struct otlp_point *p = &m->point;
	if (p->time == 0)
		p->time = m->options->decode.received_time;
	otlp_check_time(&m->d, p->time, "data point's time");
	otlp_check_time(&m->d, p->start, "data point's start time");
	if (!otlp_check_stored_time(&m->d, p->time, "data point's time"))
		return false;
	if (data == DATA_HISTOGRAM)
		check_histogram(m);
	else if (data == DATA_EXPONENTIAL)
		check_exponential(m);
	else if (data != DATA_SUMMARY && !p->has_value && !(p->flags & NO_RECORDED_VALUE))
		otlp_reject(&m->d, REJECT_NO_VALUE, "data point");
	return check_exemplars(m);
}

/* --- samples ------------------------------------------------------------------------------ */

static bool add_sample(struct metrics_decoder *m, struct slice name, const struct label *extra,
		       double value, bool is_sum, uint32_t *series)
{
	const struct otlp_point *p = &m->point;
	*series = metric_batch_series(m->batch, name, extra);
	if (*series == NO_SERIES)
		return otlp_no_memory(&m->d);
	uint8_t flags = is_sum ? m->metric.sample_flags : 0;
	if (p->flags & NO_RECORDED_VALUE) {
		value = metric_stale();
		flags = 0;
	}
	return metric_batch_add_sample(m->batch, *series, (int64_t)(p->time / NS_PER_MILLISECOND),
				       is_sum ? (int64_t)(p->start / NS_PER_MILLISECOND) : 0, value,
				       flags) ||
	       otlp_no_memory(&m->d);
}

/* `name` with a suffix, kept in `*out` from the first time on. */
static bool suffixed(struct metrics_decoder *m, struct slice *out, const char *suffix)
{
	if (out->len)
		return true;
	buf_clear(&m->text);
	buf_append_slice(&m->text, m->metric.name);
	buf_append_cstr(&m->text, suffix);
	*out = otlp_metrics_keep(m, buf_slice(&m->text));
	return out->ptr != NULL;
}

static bool add_exemplar(struct metrics_decoder *m, const struct otlp_exemplar *e, uint32_t series)
{
	uint32_t first, count;
	if (!otlp_point_labels(m, e->attrs, false, NULL, &first, &count))
		return false;
	struct metric_exemplar *out = metric_batch_add_exemplar(m->batch);
	if (!out)
		return otlp_no_memory(&m->d);
	out->series = series;
	out->first_label = first;
	out->label_count = count;
	out->time = (int64_t)((e->time ? e->time : m->point.time) / NS_PER_MILLISECOND);
	out->value = e->value;
	memcpy(out->trace_id, e->trace_id, sizeof(out->trace_id));
	memcpy(out->span_id, e->span_id, sizeof(out->span_id));
	return true;
}

static bool add_exemplars(struct metrics_decoder *m, uint32_t series)
{
	for (uint32_t i = 0; i < m->exemplar_count; i++) {
		if (!add_exemplar(m, &m->exemplars[i], series))
			return false;
	}
	return true;
}

static bool add_number(struct metrics_decoder *m, bool is_sum)
{
	uint32_t series;
	if (!add_sample(m, m->metric.name, NULL, m->point.value, is_sum, &series))
		return false;
	return !m->metric.keeps_exemplars || add_exemplars(m, series);
}

/* The shortest decimal without an exponent, as Prometheus' strconv.FormatFloat(v, 'f', -1, 64). */
static size_t plain_double(double value, char out[400])
{
	char text[NUMBER_TEXT_MAX];
	size_t len = double_text(value, text);
	if (isinf(value)) {
		memcpy(out, value > 0 ? "+Inf" : "-Inf", 4);
		return 4;
	}
	const char *e = memchr(text, 'e', len);
	if (!e) {
		memcpy(out, text, len);
		return len;
	}
	/* "-1.25e-9": the digits, and how many of them stand before the point. */
	size_t n = 0, digits = 0, whole = 0;
	char digit[NUMBER_TEXT_MAX] = {0};
	for (const char *p = text; p < e; p++) {
		if (*p == '-')
			out[n++] = '-';
		else if (*p == '.')
			whole = digits;
		else
			digit[digits++] = *p;
	}
	if (!memchr(text, '.', (size_t)(e - text)))
		whole = digits;
	int exponent = 0;
	bool minus = e[1] == '-';
	for (const char *p = e + 1 + minus; p < text + len; p++)
		exponent = exponent * 10 + (*p - '0');
	int point = (int)whole + (minus ? -exponent : exponent);
	if (point <= 0) {
		out[n++] = '0';
		out[n++] = '.';
		for (int i = point; i < 0; i++)
			out[n++] = '0';
	}
	for (int i = 0; i < (int)digits || i < point; i++) {
		if (i == point && point > 0)
			out[n++] = '.';
		out[n++] = i < (int)digits ? digit[i] : '0';
	}
	return n;
}

static struct slice keep_double(struct metrics_decoder *m, double value)
{
	char text[400] = {0};
	if (isnan(value))
		return SLICE("NaN");
	return otlp_metrics_keep(m, (struct slice){text, plain_double(value, text)});
}

/* The values of le for the point's bounds, in m->le_texts. */
static bool make_le_texts(struct metrics_decoder *m)
{
	if (m->le_count == m->bound_count &&
	    (m->le_count == 0 ||
	     memcmp(m->le_bounds, m->bounds, m->le_count * sizeof(*m->bounds)) == 0))
		return true;
	struct arena *arena = &m->batch->arena;
	m->le_count = 0;
	m->le_bounds = arena_array(arena, m->bound_count, sizeof(*m->bounds));
	m->le_texts = arena_array(arena, m->bound_count, sizeof(*m->le_texts));
	if (!m->le_bounds || !m->le_texts)
		return otlp_no_memory(&m->d);
	for (uint32_t i = 0; i < m->bound_count; i++) {
		m->le_texts[i] = keep_double(m, m->bounds[i]);
		if (!m->le_texts[i].ptr)
			return false;
	}
	memcpy(m->le_bounds, m->bounds, m->bound_count * sizeof(*m->bounds));
	m->le_count = m->bound_count;
	return true;
}

/* Gives the exemplars that the bucket up to `bound` holds, and none before did, to `series`. */
static bool bucket_exemplars(struct metrics_decoder *m, double bound, uint32_t series)
{
	for (uint32_t i = 0; i < m->exemplar_count;) {
		if (!(m->exemplars[i].value <= bound) && !isinf(bound)) {
			i++;
			continue;
		}
		if (!add_exemplar(m, &m->exemplars[i], series))
			return false;
		m->exemplar_count--;
		memmove(&m->exemplars[i], &m->exemplars[i + 1],
			(m->exemplar_count - i) * sizeof(*m->exemplars));
	}
	return true;
}

static bool add_histogram(struct metrics_decoder *m)
{
	const struct otlp_point *p = &m->point;
	struct otlp_metric *metric = &m->metric;
	uint32_t series;
	if (!suffixed(m, &metric->bucket, "_bucket") || !suffixed(m, &metric->count, "_count") ||
	    !suffixed(m, &metric->sum, "_sum") || !make_le_texts(m))
		return false;
	uint64_t cumulative = 0;
	/* The bucket of an explicit bound +Inf would be the one that is always there. */
	for (uint32_t i = 0; i + 1 < m->count_count && m->bounds[i] != INFINITY; i++) {
		struct label le = {SLICE("le"), m->le_texts[i]};
		cumulative += m->counts[i];
		if (!add_sample(m, metric->bucket, &le, (double)cumulative, true, &series) ||
		    !bucket_exemplars(m, m->bounds[i], series))
			return false;
	}
	struct label inf = {SLICE("le"), SLICE("+Inf")};
	if (!add_sample(m, metric->bucket, &inf, (double)p->count, true, &series) ||
	    !bucket_exemplars(m, INFINITY, series) ||
	    !add_sample(m, metric->count, NULL, (double)p->count, true, &series))
		return false;
	return !(p->has_sum || p->flags & NO_RECORDED_VALUE) ||
	       add_sample(m, metric->sum, NULL, p->sum, true, &series);
}

static bool add_summary(struct metrics_decoder *m)
{
	const struct otlp_point *p = &m->point;
	uint32_t series;
	if (!suffixed(m, &m->metric.count, "_count") || !suffixed(m, &m->metric.sum, "_sum"))
		return false;
	for (uint32_t i = 0; i < m->bound_count; i++) {
		struct label quantile = {SLICE("quantile"), keep_double(m, m->bounds[i])};
		if (!quantile.value.ptr || !add_sample(m, m->metric.name, &quantile,
						       double_of(m->counts[i]), false, &series))
			return false;
	}
	return add_sample(m, m->metric.count, NULL, (double)p->count, true, &series) &&
	       add_sample(m, m->metric.sum, NULL, p->sum, true, &series);
}

static bool keep_counts(struct metrics_decoder *m, uint32_t from, uint32_t count, uint32_t *first)
{
	*first = m->batch->bucket_count_count;
	for (uint32_t i = 0; i < count; i++) {
		if (!metric_batch_add_bucket_count(m->batch, m->counts[from + i]))
			return otlp_no_memory(&m->d);
	}
	return true;
}

static bool add_exponential(struct metrics_decoder *m)
{
	const struct otlp_point *p = &m->point;
	bool stale = p->flags & NO_RECORDED_VALUE;
	uint32_t series = metric_batch_series(m->batch, m->metric.name, NULL);
	struct exponential_point *out =
		series == NO_SERIES ? NULL : metric_batch_add_exponential(m->batch);
	if (!out)
		return otlp_no_memory(&m->d);
	*out = (struct exponential_point){
		.series = series,
		.time = (int64_t)(p->time / NS_PER_MILLISECOND),
		.start = (int64_t)(p->start / NS_PER_MILLISECOND),
		.stale = stale,
		.scale = (int32_t)p->scale,
	};
	if (!stale) {
		out->flags = m->metric.sample_flags;
		out->has_sum = p->has_sum;
		out->has_min = p->has_min;
		out->has_max = p->has_max;
		out->count = p->count;
		out->zero_count = p->zero_count;
		out->sum = p->sum;
		out->min = p->min;
		out->max = p->max;
		out->zero_threshold = p->zero_threshold;
		out->positive_offset = (int32_t)p->offset[0];
		out->negative_offset = (int32_t)p->offset[1];
		out->positive_count = p->bucket_count[0];
		out->negative_count = p->bucket_count[1];
		if (!keep_counts(m, p->bucket_first[0], p->bucket_count[0], &out->positive_first) ||
		    !keep_counts(m, p->bucket_first[1], p->bucket_count[1], &out->negative_first))
			return false;
	}
	return add_exemplars(m, series);
}

static bool add_point(struct metrics_decoder *m, enum otlp_data data)
{
	uint32_t first, count, labels = m->batch->label_count;
	const char *without = data == DATA_HISTOGRAM ? "le"
			      : data == DATA_SUMMARY ? "quantile"
						     : NULL;
	if (!otlp_point_labels(m, m->point.attrs, true, without, &first, &count))
		return false;
	for (uint32_t i = 0; i < m->exemplar_count; i++) {
		/* Only to see whether all names can be labels', before anything is added. */
		uint32_t ignored;
		if (!otlp_point_labels(m, m->exemplars[i].attrs, false, NULL, &ignored, &ignored))
			return false;
	}
	m->batch->label_count = m->d.reject == NOT_REJECTED ? first + count : labels;
	if (m->d.reject != NOT_REJECTED)
		return true;
	if (!metric_batch_use_labels(m->batch, first, count))
		return otlp_no_memory(&m->d);
	switch (data) {
	case DATA_GAUGE:
	case DATA_SUM:
		return add_number(m, data == DATA_SUM);
	case DATA_HISTOGRAM:
		return add_histogram(m);
	case DATA_EXPONENTIAL:
		return add_exponential(m);
	case DATA_SUMMARY:
		break;
	}
	return add_summary(m);
}

bool otlp_data_point(struct metrics_decoder *m, struct pb_reader *r, enum otlp_data data)
{
	struct pb_reader message;
	struct otlp_decoder *d = &m->d;
	uint32_t attrs = d->common->attr_count;
	if (!pb_message(r, &message))
		return otlp_malformed(d, r);
	d->reject = m->metric.reject;
	d->reject_what = m->metric.reject_what;
	if (!read_point(m, &message, data))
		return false;
	if (!check_point(m, data) || (d->reject == NOT_REJECTED && !add_point(m, data)))
		return false;
	d->common->attr_count = attrs;
	if (d->reject != NOT_REJECTED) {
		otlp_count_rejected(d, 1, d->record);
	} else {
		m->batch->points++;
		m->earliest = m->point.time < m->earliest ? m->point.time : m->earliest;
		m->latest = m->point.time > m->latest ? m->point.time : m->latest;
	}
	d->record++;
	return true;
}
