/*
 * OTLP metrics to series, and those to blocks. Whatever comes in, what comes out keeps the
 * promises of metric_batch.h.
 */
#include <stdint.h>

#include "rows_fuzz.h"
#include "telemetry/otlp_metrics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_series(const struct metric_batch *b, const struct metric_series *s)
{
	struct slice last = {"", 0};
	if (s->name.len == 0 || s->family >= b->family_count ||
	    s->first_label + (uint64_t)s->label_count > b->label_count)
		abort();
	for (uint32_t i = 0; i < metric_series_labels(s); i++) {
		struct label label = metric_series_label(b, s, i);
		size_t n = last.len < label.name.len ? last.len : label.name.len;
		int order = n ? memcmp(last.ptr, label.name.ptr, n) : 0;
		if (order > 0 || (order == 0 && last.len >= label.name.len) || !label.value.len)
			abort();
		last = label.name;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct metric_batch b;
	static const struct otlp_metrics_options options = {
		.decode = {.received_time = UINT64_C(1700000000000000000),
			   .max_memory = (size_t)16 << 20}};
	struct rejects rejects;
	char *padded = fuzz_pad(data, size);
	int rc = otlp_decode_metrics(&b, (struct slice){padded, size}, &options, &rejects, NULL);
	if (rc < 0 && (b.sample_count || b.series_count || rejects.total))
		abort();
	for (uint32_t i = 0; i < b.series_count; i++)
		check_series(&b, &b.series[i]);
	for (uint32_t i = 0; i < b.sample_count; i++) {
		if (b.sample_series[i] >= b.series_count)
			abort();
	}
	for (uint32_t i = 0; i < b.exponential_count; i++) {
		const struct exponential_point *p = &b.exponentials[i];
		if (p->series >= b.series_count || p->scale < -4 ||
		    p->positive_first + (uint64_t)p->positive_count > b.bucket_count_count ||
		    p->negative_first + (uint64_t)p->negative_count > b.bucket_count_count)
			abort();
	}
	for (uint32_t i = 0; i < b.exemplar_count; i++) {
		if (b.exemplars[i].series >= b.series_count)
			abort();
	}
	const struct row_blocks blocks = {fuzz_get, NULL};
	if (metric_rows_append(&b, &blocks, NULL, NULL) < 0)
		abort();
	fuzz_write_and_clear();
	free(padded);
	return 0;
}
