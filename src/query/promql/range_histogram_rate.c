/* The increase of native histograms over a window. */
#include "query/promql/range_functions.h"

struct histogram_run {
	const struct float_histogram *const *h;
	const int64_t *time, *start; /* start: or NULL */
	uint32_t count;
};

static bool resets_at(const struct histogram_run *run, uint32_t i,
		      const struct float_histogram *before)
{
	return start_is_reset(run->start, run->time, i) ||
	       histogram_detect_reset(run->h[i], before);
}

enum check { CHECK_OK, CHECK_GAUGE, CHECK_MIXED };

/* The counter's histograms but the first and the last, and the lowest schema of all. */
static enum check check_between(const struct histogram_run *run, bool custom, int32_t *schema)
{
	enum check result = CHECK_OK;
	for (uint32_t i = 1; i + 1 < run->count; i++) {
		const struct float_histogram *h = run->h[i];
		if (histogram_is_custom(h) != custom)
			return CHECK_MIXED;
		if (h->hint == RESET_GAUGE)
			result = CHECK_GAUGE;
		if (h->schema < *schema)
			*schema = h->schema;
	}
	return result;
}

/* Adds what the counter had reached before each reset. NULL: over budget. */
static struct float_histogram *add_resets(struct call *call, const struct histogram_run *run,
					  const struct float_histogram *before,
					  struct float_histogram *sum)
{
	bool overlap = false;
	for (uint32_t i = 1; sum && i < run->count; i++) {
		overlap |= run->start && start_overlaps(run->start, run->time, i);
		if (resets_at(run, i, before)) {
			struct histogram_notes notes = {0};
			sum = histogram_add(call->e->arena, sum, before, &notes);
			if (notes.bounds_reconciled)
				note_bounds_reconciled(call, "addition");
		}
		before = run->h[i];
	}
	if (overlap)
		note_start_overlap(call);
	return sum;
}

int range_histogram_increase(struct call *call, const struct window *window, bool counter,
			     struct float_histogram **out, struct error *err)
{
	const struct samples *s = window->samples;
	uint32_t begin = window->histogram_first;
	struct histogram_run run = {
		.h = s->histogram + begin,
		.time = s->histogram_time + begin,
		.start = s->histogram_start ? s->histogram_start + begin : NULL,
		.count = window_histograms(window),
	};
	const struct float_histogram *first = run.h[0], *last = run.h[run.count - 1];
	struct arena *arena = call->e->arena;
	bool gauge = first->hint == RESET_GAUGE || last->hint == RESET_GAUGE;
	bool both_gauges = first->hint == RESET_GAUGE && last->hint == RESET_GAUGE;

	*out = NULL;
	/* The first one does not count when the counter begins anew after it, whatever its layout. */
	struct float_histogram nothing = {
		.schema = run.h[1]->schema,
		.bounds = run.h[1]->bounds,
		.bound_count = run.h[1]->bound_count,
	};
	if (counter && resets_at(&run, 1, first))
		first = &nothing;

	bool custom = histogram_is_custom(first);
	if (histogram_is_custom(last) != custom) {
		if (counter && gauge)
			note_not_counter(call);
		note_mixed_schemas(call);
		return STATUS_OK;
	}
	int32_t schema = first->schema < last->schema ? first->schema : last->schema;
	enum check check = counter ? check_between(&run, custom, &schema) : CHECK_OK;
	if (check == CHECK_MIXED) {
		note_mixed_schemas(call);
		return STATUS_OK;
	}
	if (counter && (gauge || check == CHECK_GAUGE))
		note_not_counter(call);

	if (last->schema != schema)
		last = histogram_reduce(arena, last, schema);
	/* Conflicting reset hints are no concern here: resets are looked at below. */
	struct histogram_notes notes = {0};
	struct float_histogram *sum = last ? histogram_sub(arena, last, first, &notes) : NULL;
	if (sum && notes.bounds_reconciled)
		note_bounds_reconciled(call, "subtraction");
	if (sum && counter)
		sum = add_resets(call, &run, first, sum);
	else if (!both_gauges && !counter)
		note_not_gauge(call);
	if (sum)
		sum = histogram_compact(arena, sum);
	if (!sum)
		return eval_over_budget(err);
	sum->hint = RESET_GAUGE;
	*out = sum;
	return STATUS_OK;
}
