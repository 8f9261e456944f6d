#include "api/metric_text.h"

#include <math.h>

#include "wire/double_text.h"

bool metric_wants_openmetrics(struct slice accept)
{
	static const struct slice type = {"application/openmetrics-text", 28};
	return accept.len && memmem(accept.ptr, accept.len, type.ptr, type.len) != NULL;
}

const char *metric_content_type(bool openmetrics)
{
	return openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
			   : "text/plain; version=0.0.4; charset=utf-8";
}

static void append_name(struct metric_writer *w, bool sample)
{
	buf_append_cstr(w->out, w->family->name);
	if (w->family->kind == SELF_COUNTER && (sample || !w->openmetrics))
		buf_append_cstr(w->out, "_total");
}

void metric_begin(struct metric_writer *w, const struct metric_info *info)
{
	w->family = info;
	buf_append_cstr(w->out, "# HELP ");
	append_name(w, false);
	buf_appendf(w->out, " %s\n# TYPE ", info->help);
	append_name(w, false);
	buf_append_cstr(w->out, info->kind == SELF_COUNTER ? " counter\n" : " gauge\n");
}

static void append_value(struct buf *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\n') {
			buf_append_cstr(out, "\\n");
			continue;
		}
		if (*value == '"' || *value == '\\')
			buf_append_byte(out, '\\');
		buf_append_byte(out, (uint8_t)*value);
	}
}

static void begin_sample(struct metric_writer *w, const struct metric_label *labels)
{
	append_name(w, true);
	for (size_t i = 0; labels && labels[i].name; i++) {
		buf_appendf(w->out, "%s%s=\"", i ? "," : "{", labels[i].name);
		append_value(w->out, labels[i].value);
		buf_append_byte(w->out, '"');
	}
	buf_append_cstr(w->out, labels && labels[0].name ? "} " : " ");
}

void metric_sample(struct metric_writer *w, const struct metric_label *labels, uint64_t value)
{
	begin_sample(w, labels);
	buf_appendf(w->out, "%llu\n", (unsigned long long)value);
}

void metric_sample_double(struct metric_writer *w, const struct metric_label *labels, double value)
{
	char text[NUMBER_TEXT_MAX];
	begin_sample(w, labels);
	if (isfinite(value))
		buf_append(w->out, text, double_text(value, text));
	else
		buf_append_cstr(w->out, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
	buf_append_byte(w->out, '\n');
}

void metric_end(struct metric_writer *w)
{
	if (w->openmetrics)
		buf_append_cstr(w->out, "# EOF\n");
}
