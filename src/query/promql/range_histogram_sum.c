/* Sums and means of native histograms. */
#include "query/promql/range_functions.h"

typedef bool add_fn(struct histogram_sum *, struct arena *, const struct float_histogram *,
		    struct histogram_notes *);
typedef struct float_histogram *value_fn(const struct histogram_sum *, struct arena *);

static int add_up(struct call *call, const struct window *window, add_fn *add, value_fn *value,
		  struct point *out, struct error *err)
{
	const struct float_histogram *const *h = window->samples->histogram;
	uint32_t first = window->histogram_first, end = window->histogram_end;
	struct arena *arena = call->e->arena;
	struct histogram_notes notes = {0};
	struct histogram_sum sum = {0};
	for (uint32_t i = first; i < end; i++) {
		if (histogram_incompatible(h[first], h[i])) {
			note_mixed_schemas(call);
			return STATUS_OK;
		}
		if (!add(&sum, arena, h[i], &notes))
			return eval_over_budget(err);
	}
	if (notes.reset_collision)
		note_reset_collision(call, "aggregation");
	if (notes.bounds_reconciled)
		note_bounds_reconciled(call, "aggregation");
	return point_histogram(out, value(&sum, arena), err);
}

int range_histogram_sum(struct call *call, const struct window *window, struct point *out,
			struct error *err)
{
	return add_up(call, window, histogram_sum_add, histogram_sum_value, out, err);
}

int range_histogram_avg(struct call *call, const struct window *window, struct point *out,
			struct error *err)
{
	return add_up(call, window, histogram_mean_add, histogram_mean_value, out, err);
}
