#include "api/self_metrics_table.h"

#define INFO(id, name, kind, labels, help) [SELF_METRIC_##id] = {name, SELF_##kind, labels, help},
const struct metric_info self_metric_table[SELF_METRIC_COUNT] = {SELF_METRICS(INFO)};

void self_metrics_append_markdown(struct buf *out)
{
	buf_append_cstr(
		out,
		"# Tripod's own metrics\n\n"
		"`GET /metrics` on the port of the UI gives them in Prometheus' text format, or "
		"as OpenMetrics where that is asked for. There is no customer content in "
		"them. This page is made from the program's own table.\n\n"
		"| name | type | labels | meaning |\n"
		"| --- | --- | --- | --- |\n");
	for (size_t i = 0; i < SELF_METRIC_COUNT; i++) {
		const struct metric_info *m = &self_metric_table[i];
		bool counter = m->kind == SELF_COUNTER;
		buf_appendf(out, "| `%s%s` | %s | %s | %s. |\n", m->name, counter ? "_total" : "",
			    counter ? "counter" : "gauge", m->labels, m->help);
	}
}
