/* Whether a counter began anew, found out for histograms that do not say so themselves. */
#include "query/promql/eval.h"
#include "telemetry/metric_batch.h"

void hints_enter_call(struct eval *e, enum promql_function_id id)
{
	switch (id) {
	case PROMQL_FN_histogram_count:
	case PROMQL_FN_histogram_sum:
	case PROMQL_FN_histogram_avg:
		e->hints.counts_only = true;
		return;
	case PROMQL_FN_histogram_quantile:
	case PROMQL_FN_histogram_quantiles:
	case PROMQL_FN_histogram_fraction:
		e->hints.needs_buckets = true;
		return;
	default:
		return;
	}
}

static enum counter_reset_hint hint_of(const struct float_histogram *h,
				       const struct float_histogram *last)
{
	if (h->hint != RESET_UNKNOWN || !last)
		return h->hint;
	return histogram_detect_reset(h, last) ? RESET_YES : RESET_NO;
}

int samples_with_hints(struct eval *e, const struct samples *in, struct samples *out,
		       struct error *err)
{
	uint32_t count = in->histogram_count;
	*out = *in;
	if (!count || !e->hints.counts_only || e->hints.needs_buckets)
		return 0;
	const struct float_histogram **list = arena_array(e->arena, count, sizeof(list[0]));
	struct float_histogram *copies = arena_array(e->arena, count, sizeof(copies[0]));
	const struct float_histogram *last = NULL;
	if (!list || !copies)
		return eval_over_budget(err);
	for (uint32_t i = 0; i < count; i++) {
		copies[i] = *in->histogram[i]; /* the arrays are shared */
		list[i] = &copies[i];
		if (metric_is_stale(copies[i].sum))
			continue;
		copies[i].hint = hint_of(in->histogram[i], last);
		last = &copies[i];
	}
	out->histogram = list;
	return 0;
}
