/* rate, increase, delta, and of the last two samples: irate, idelta. */
#include "query/promql/range_functions.h"

/* The samples of a window, as far as extrapolation asks for them. */
struct run {
	uint32_t count;
	int64_t first, last; /* their times, ms */
	bool started; /* the first one's counter began within the window, */
	int64_t start; /* at this time */
};

static struct run run_of(const struct window *window, const int64_t *time, const int64_t *start,
			 uint32_t first, uint32_t end, bool counter)
{
	struct run run = {.count = end - first, .first = time[first], .last = time[end - 1]};
	run.start = counter && start ? start[first] : 0;
	run.started = run.start != 0 && run.start > window->from && run.start < run.first;
	return run;
}

/*
 * What makes the increase between the first and the last sample one of the whole window. To a
 * boundary that is about as near as the next sample would be, it is assumed that the series
 * goes on until there; else for half of the samples' distance. A counter does not go below 0.
 * `first_value` and `increase` are of the counter.
 */
static double extrapolation(const struct window *window, struct rate_kind kind,
			    const struct run *run, double first_value, double increase)
{
	double to_start = (double)(run->first - window->from) / 1000;
	double to_end = (double)(window->to - run->last) / 1000;
	double sampled = (double)(run->last - run->first) / 1000;
	double distance = run->count > 1 ? sampled / (double)(run->count - 1) : 0;
	double threshold = distance * 1.1;
	if (run->started) {
		to_start = 0;
		sampled = (double)(run->last - run->start) / 1000;
	} else {
		if (to_start >= threshold)
			to_start = distance / 2;
		if (kind.counter && increase > 0 && first_value >= 0) {
			double to_zero = sampled * (first_value / increase);
			if (to_zero < to_start)
				to_start = to_zero;
		}
	}
	if (to_end >= threshold)
		to_end = distance / 2;
	double factor = sampled != 0 ? (sampled + to_start + to_end) / sampled : 1;
	return kind.per_second ? factor / window_seconds(window) : factor;
}

static double with_resets(double increase, const double *value, uint32_t first, uint32_t end)
{
	for (uint32_t i = first + 1; i < end; i++) {
		if (value[i] < value[i - 1])
			increase += value[i - 1];
	}
	return increase;
}

static double with_started_resets(struct call *call, double increase, const struct samples *s,
				  uint32_t first, uint32_t end)
{
	bool overlap = false;
	for (uint32_t i = first + 1; i < end; i++) {
		overlap |= start_overlaps(s->start, s->time, i);
		if (s->value[i] < s->value[i - 1] || start_is_reset(s->start, s->time, i))
			increase += s->value[i - 1];
	}
	if (overlap)
		note_start_overlap(call);
	return increase;
}

static int float_rate(struct call *call, const struct window *window, struct rate_kind kind,
		      struct point *out)
{
	const struct samples *s = window->samples;
	uint32_t first = window->first, end = window->end;
	struct run run = run_of(window, s->time, s->start, first, end, kind.counter);
	if (run.count == 1 && !run.started)
		return STATUS_OK;
	double increase = s->value[end - 1] - s->value[first];
	if (kind.counter && s->start)
		increase = with_started_resets(call, increase, s, first, end);
	else if (kind.counter)
		increase = with_resets(increase, s->value, first, end);
	if (run.started)
		increase += s->value[first];
	return point_float(out,
			   increase * extrapolation(window, kind, &run, s->value[first], increase));
}

static int histogram_rate(struct call *call, const struct window *window, struct rate_kind kind,
			  struct point *out, struct error *err)
{
	const struct samples *s = window->samples;
	uint32_t first = window->histogram_first, end = window->histogram_end;
	struct run run =
		run_of(window, s->histogram_time, s->histogram_start, first, end, kind.counter);
	const struct float_histogram *begin = s->histogram[first], *result = begin;
	struct arena *arena = call->e->arena;
	if (run.count == 1 && !run.started)
		return STATUS_OK;
	if (run.count > 1) {
		struct float_histogram *increase;
		int rc = range_histogram_increase(call, window, kind.counter, &increase, err);
		if (rc || !increase)
			return rc;
		result = increase;
		if (run.started) {
			if (histogram_incompatible(increase, begin)) {
				note_mixed_schemas(call);
				return STATUS_OK;
			}
			struct histogram_notes notes = {0};
			result = histogram_add(arena, increase, begin, &notes);
			if (!result)
				return eval_over_budget(err);
			if (notes.bounds_reconciled)
				note_bounds_reconciled(call, "addition");
		}
	}
	double factor = extrapolation(window, kind, &run, begin->count, result->count);
	return point_histogram(out, histogram_mul(arena, result, factor), err);
}

static int rate(struct call *call, const struct window *window, struct rate_kind kind,
		struct point *out, struct error *err)
{
	if (window->spec->anchored || window->spec->smoothed)
		return range_extended_rate(call, window, kind, out, err);
	uint32_t floats = window_floats(window), histograms = window_histograms(window);
	if (floats && histograms) {
		note_mixed_kinds(call);
		return STATUS_OK;
	}
	if (histograms)
		return histogram_rate(call, window, kind, out, err);
	return floats ? float_rate(call, window, kind, out) : STATUS_OK;
}

static int counter_rate(struct call *call, const struct window *window, bool per_second,
			struct point *out, struct error *err)
{
	struct rate_kind kind = {.counter = true, .per_second = per_second};
	int rc = rate(call, window, kind, out, err);
	if (!rc && out->kind == POINT_FLOAT)
		note_perhaps_no_counter(call);
	return rc;
}

int range_rate(struct call *call, const struct window *window, struct point *out, struct error *err)
{
	return counter_rate(call, window, true, out, err);
}

int range_increase(struct call *call, const struct window *window, struct point *out,
		   struct error *err)
{
	return counter_rate(call, window, false, out, err);
}

int range_delta(struct call *call, const struct window *window, struct point *out,
		struct error *err)
{
	return rate(call, window, (struct rate_kind){0}, out, err);
}

/* --- the last two samples ----------------------------------------------------------------- */

static int instant_floats(const struct window *window, bool counter, struct point *out)
{
	const struct samples *s = window->samples;
	uint32_t i = window->end - 1;
	double change = s->value[i];
	/* After a reset it counts from 0. */
	if (!counter || !(s->value[i] < s->value[i - 1] || start_is_reset(s->start, s->time, i)))
		change -= s->value[i - 1];
	if (counter)
		change /= (double)(s->time[i] - s->time[i - 1]) / 1000;
	return point_float(out, change);
}

static int instant_histograms(struct call *call, const struct window *window, bool counter,
			      struct point *out, struct error *err)
{
	const struct samples *s = window->samples;
	uint32_t i = window->histogram_end - 1;
	const struct float_histogram *last = s->histogram[i], *before = s->histogram[i - 1];
	struct arena *arena = call->e->arena;
	if (counter && (last->hint == RESET_GAUGE || before->hint == RESET_GAUGE))
		note_not_counter(call);
	if (!counter && (last->hint != RESET_GAUGE || before->hint != RESET_GAUGE))
		note_not_gauge(call);

	const struct float_histogram *change = last;
	if (!counter || !(start_is_reset(s->histogram_start, s->histogram_time, i) ||
			  histogram_detect_reset(last, before))) {
		if (histogram_incompatible(last, before)) {
			note_mixed_schemas(call);
			return STATUS_OK;
		}
		/* Conflicting reset hints are no concern here: resets are looked at above. */
		struct histogram_notes notes = {0};
		change = histogram_sub(arena, last, before, &notes);
		if (!change)
			return eval_over_budget(err);
		if (notes.bounds_reconciled)
			note_bounds_reconciled(call, "subtraction");
	}
	struct float_histogram *result = histogram_compact(arena, change);
	if (result && counter)
		result = histogram_div(arena, result,
				       (double)(s->histogram_time[i] - s->histogram_time[i - 1]) /
					       1000);
	if (!result)
		return eval_over_budget(err);
	result->hint = RESET_GAUGE;
	return point_histogram(out, result, err);
}

/* Whether the last two samples are floats (0 of them histograms), histograms (2) or one of each. */
static uint32_t histograms_in_last_two(const struct window *window)
{
	const struct samples *s = window->samples;
	uint32_t f = window->end, h = window->histogram_end, count = 0;
	for (int k = 0; k < 2; k++) {
		if (h == window->histogram_first ||
		    (f > window->first && s->time[f - 1] > s->histogram_time[h - 1])) {
			f--;
		} else {
			h--;
			count++;
		}
	}
	return count;
}

static int instant_change(struct call *call, const struct window *window, bool counter,
			  struct point *out, struct error *err)
{
	if (window_floats(window) + window_histograms(window) < 2)
		return STATUS_OK;
	switch (histograms_in_last_two(window)) {
	case 0:
		return instant_floats(window, counter, out);
	case 2:
		return instant_histograms(call, window, counter, out, err);
	default:
		note_mixed_kinds(call);
		return STATUS_OK;
	}
}

int range_irate(struct call *call, const struct window *window, struct point *out,
		struct error *err)
{
	return instant_change(call, window, true, out, err);
}

int range_idelta(struct call *call, const struct window *window, struct point *out,
		 struct error *err)
{
	return instant_change(call, window, false, out, err);
}
