/*
 * rate, increase and delta of anchored and smoothed selectors. Nothing is extrapolated: the
 * value at a boundary of the window is that of the sample before it (anchored), or between it
 * and the one behind (smoothed), as far as the look-back reaches.
 */
#include "query/promql/range_functions.h"

/* `time` of the samples, of which [first, end) are in the window. */
static struct extent widen(const struct call *call, const struct window *window,
			   const int64_t *time, uint32_t count, uint32_t first, uint32_t end)
{
	int64_t lookback = call->e->lookback;
	struct extent extent = {first, end};
	if (first > 0 && time[first - 1] > window->from - lookback)
		extent.first--;
	bool reached = end > extent.first && time[end - 1] >= window->to;
	if (window->spec->smoothed && !reached && end < count && time[end] <= window->to + lookback)
		extent.end++;
	return extent;
}

struct extent window_extent_floats(const struct call *call, const struct window *window)
{
	const struct samples *s = window->samples;
	return widen(call, window, s->time, s->count, window->first, window->end);
}

struct extent window_extent_histograms(const struct call *call, const struct window *window)
{
	const struct samples *s = window->samples;
	return widen(call, window, s->histogram_time, s->histogram_count, window->histogram_first,
		     window->histogram_end);
}

/* Nothing to measure: no sample behind the beginning, or (smoothed) none before the end. */
static bool is_outside(const struct window *window, const int64_t *time, struct extent extent)
{
	return time[extent.end - 1] <= window->from ||
	       (window->spec->smoothed && time[extent.first] > window->to);
}

/* The value at `at`, between samples i and i + 1. A counter that falls began at 0. */
static double interpolate(const struct samples *s, uint32_t i, int64_t at, bool counter)
{
	double a = s->value[i], b = s->value[i + 1];
	if (counter && b < a)
		a = 0;
	return a + (b - a) * (double)(at - s->time[i]) / (double)(s->time[i + 1] - s->time[i]);
}

static int extended_floats(const struct window *window, struct rate_kind kind, struct extent extent,
			   struct point *out)
{
	const struct samples *s = window->samples;
	uint32_t first = extent.first, last = extent.end - 1;
	bool smoothed = window->spec->smoothed;
	if (is_outside(window, s->time, extent))
		return STATUS_OK;

	double left = s->value[first], right = s->value[last];
	if (smoothed && s->time[first] < window->from)
		left = interpolate(s, first, window->from, kind.counter);
	if (smoothed && s->time[last] > window->to)
		right = interpolate(s, last - 1, window->to, kind.counter);
	double increase = right - left;
	if (kind.counter) {
		/* The boundaries' values take care of resets there. */
		uint32_t begin = s->time[first] <= window->from ? first + 1 : first;
		uint32_t end = s->time[last] >= window->to ? last : last + 1;
		double correction = 0, before = left;
		for (uint32_t i = begin; i < end; i++) {
			if (s->value[i] < before)
				correction += before;
			before = s->value[i];
		}
		if (right < before)
			correction += before;
		increase += correction;
	}
	if (kind.per_second)
		increase /= window_seconds(window);
	return point_float(out, increase);
}

/* --- histograms --------------------------------------------------------------------------- */

/*
 * a + b or a - b, and what is to be told of it. NULL in `out` when they do not go together,
 * which is told then.
 */
static int combine(struct call *call, const struct float_histogram *a,
		   const struct float_histogram *b, bool subtract, struct float_histogram **out,
		   struct error *err)
{
	struct arena *arena = call->e->arena;
	struct histogram_notes notes = {0};
	*out = NULL;
	if (histogram_incompatible(a, b)) {
		note_mixed_schemas(call);
		return STATUS_OK;
	}
	*out = subtract ? histogram_sub(arena, a, b, &notes) : histogram_add(arena, a, b, &notes);
	if (!*out)
		return eval_over_budget(err);
	if (notes.bounds_reconciled)
		note_bounds_reconciled(call, subtract ? "subtraction" : "addition");
	return STATUS_OK;
}

/* The histogram at `at`, between samples i and i + 1; NULL as of combine. */
static int interpolate_histogram(struct call *call, const struct samples *s, uint32_t i, int64_t at,
				 bool counter, const struct float_histogram **out,
				 struct error *err)
{
	const struct float_histogram *a = s->histogram[i], *b = s->histogram[i + 1];
	struct arena *arena = call->e->arena;
	double fraction = (double)(at - s->histogram_time[i]) /
			  (double)(s->histogram_time[i + 1] - s->histogram_time[i]);
	bool reset = counter && histogram_detect_reset(b, a);
	const struct float_histogram *rest = b;
	if (!reset) {
		struct float_histogram *increase;
		int rc = combine(call, b, a, true, &increase, err);
		*out = NULL;
		if (rc || !increase)
			return rc;
		rest = increase;
	}
	struct float_histogram *part = histogram_mul(arena, rest, fraction);
	*out = part;
	if (!part)
		return eval_over_budget(err);
	if (reset)
		return STATUS_OK;
	struct float_histogram *sum;
	int rc = combine(call, part, a, false, &sum, err);
	*out = sum;
	return rc;
}

/* False: exponential and custom ones are mixed. */
static bool check_histograms(struct call *call, const struct samples *s, struct extent extent,
			     bool counter)
{
	bool custom = histogram_is_custom(s->histogram[extent.first]);
	for (uint32_t i = extent.first; i < extent.end; i++) {
		if (histogram_is_custom(s->histogram[i]) != custom) {
			note_mixed_schemas(call);
			return false;
		}
		if (counter && s->histogram[i]->hint == RESET_GAUGE)
			note_not_counter(call);
	}
	return true;
}

/*
 * Adds to `*sum` what the counter had reached before each reset. `*sum` is NULL then when that
 * does not go together.
 */
static int correct(struct call *call, const struct window *window, struct extent extent,
		   const struct float_histogram *left, const struct float_histogram *right,
		   struct float_histogram **sum, struct error *err)
{
	const struct samples *s = window->samples;
	const struct float_histogram *const *h = s->histogram, *before = left, *correction = NULL;
	uint32_t i = extent.first + 1, last = extent.end - 1;
	if (window->spec->smoothed && s->histogram_time[extent.first] < window->from &&
	    histogram_detect_reset(h[i], h[i - 1])) {
		/* The value at the left was taken from behind this reset already. */
		before = h[i];
		i++;
	}
	/* The last one is what `right` is, or is made of. */
	for (; i <= last; i++) {
		const struct float_histogram *now = i == last ? right : h[i];
		if (histogram_detect_reset(now, before)) {
			struct float_histogram *added = NULL;
			int rc = correction ? combine(call, correction, before, false, &added, err)
					    : STATUS_OK;
			if (correction && !added) {
				*sum = NULL;
				return rc;
			}
			correction = added ? added : before;
		}
		before = now;
	}
	return correction ? combine(call, *sum, correction, false, sum, err) : STATUS_OK;
}

static int extended_histograms(struct call *call, const struct window *window,
			       struct rate_kind kind, struct extent extent, struct point *out,
			       struct error *err)
{
	const struct samples *s = window->samples;
	uint32_t first = extent.first, last = extent.end - 1;
	bool smoothed = window->spec->smoothed;
	if (is_outside(window, s->histogram_time, extent) ||
	    !check_histograms(call, s, extent, kind.counter))
		return STATUS_OK;

	int rc = STATUS_OK;
	const struct float_histogram *left = s->histogram[first], *right = s->histogram[last];
	if (smoothed && s->histogram_time[first] < window->from)
		rc = interpolate_histogram(call, s, first, window->from, kind.counter, &left, err);
	if (!rc && left && smoothed && s->histogram_time[last] > window->to)
		rc = interpolate_histogram(call, s, last - 1, window->to, kind.counter, &right,
					   err);
	if (rc || !left || !right)
		return rc;
	if (!kind.counter && (left->hint != RESET_GAUGE || right->hint != RESET_GAUGE))
		note_not_gauge(call);

	struct float_histogram *increase;
	rc = combine(call, right, left, true, &increase, err);
	if (!rc && increase && kind.counter)
		rc = correct(call, window, extent, left, right, &increase, err);
	if (rc || !increase)
		return rc;
	if (kind.per_second)
		increase = histogram_div(call->e->arena, increase, window_seconds(window));
	if (increase)
		increase = histogram_compact(call->e->arena, increase);
	if (increase)
		increase->hint = RESET_GAUGE;
	return point_histogram(out, increase, err);
}

int range_extended_rate(struct call *call, const struct window *window, struct rate_kind kind,
			struct point *out, struct error *err)
{
	struct extent floats = window_extent_floats(call, window);
	struct extent histograms = window_extent_histograms(call, window);
	bool has_floats = floats.end > floats.first;
	bool has_histograms = histograms.end > histograms.first;
	if (has_floats && has_histograms) {
		note_mixed_kinds(call);
		return STATUS_OK;
	}
	if (has_histograms)
		return extended_histograms(call, window, kind, histograms, out, err);
	return has_floats ? extended_floats(window, kind, floats, out) : STATUS_OK;
}
