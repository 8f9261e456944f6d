/* What is in a window: its sum, its mean, how many there are, the first, the last, the extremes. */
#include "query/promql/range_functions.h"

static bool is_empty(const struct window *window)
{
	return window_floats(window) + window_histograms(window) == 0;
}

int range_count_over_time(struct call *call, const struct window *window, struct point *out,
			  struct error *err)
{
	uint32_t count = window_floats(window) + window_histograms(window);
	return count ? point_float(out, count) : STATUS_OK;
}

int range_present_over_time(struct call *call, const struct window *window, struct point *out,
			    struct error *err)
{
	return is_empty(window) ? STATUS_OK : point_float(out, 1);
}

/* --- sum and mean ------------------------------------------------------------------------- */

static double sum_of(const double *value, uint32_t count)
{
	struct kahan k = {0};
	for (uint32_t i = 0; i < count; i++)
		kahan_add(&k, value[i]);
	return isinf(k.sum) ? k.sum : k.sum + k.rest;
}

/* The rest of a mean, by steps, after a sum that would have overflowed at value `i`. */
static double incremental_mean(const double *value, uint32_t count, uint32_t i, struct kahan sum)
{
	struct kahan mean = {sum.sum / i, sum.rest / i};
	for (; i < count; i++) {
		double n = i + 1.0, q = i / n;
		mean.sum *= q;
		mean.rest *= q;
		kahan_add(&mean, value[i] / n);
	}
	return mean.sum + mean.rest;
}

static double mean_of(const double *value, uint32_t count)
{
	struct kahan k = {.sum = value[0]};
	for (uint32_t i = 1; i < count; i++) {
		struct kahan next = k;
		kahan_add(&next, value[i]);
		if (isinf(next.sum))
			return incremental_mean(value, count, i, k);
		k = next;
	}
	return k.sum / count + k.rest / count;
}

int range_sum_over_time(struct call *call, const struct window *window, struct point *out,
			struct error *err)
{
	uint32_t floats = window_floats(window), histograms = window_histograms(window);
	if (floats && histograms)
		note_mixed_kinds(call);
	else if (floats)
		return point_float(out, sum_of(window->samples->value + window->first, floats));
	else if (histograms)
		return range_histogram_sum(call, window, out, err);
	return STATUS_OK;
}

int range_avg_over_time(struct call *call, const struct window *window, struct point *out,
			struct error *err)
{
	uint32_t floats = window_floats(window), histograms = window_histograms(window);
	if (floats && histograms)
		note_mixed_kinds(call);
	else if (floats)
		return point_float(out, mean_of(window->samples->value + window->first, floats));
	else if (histograms)
		return range_histogram_avg(call, window, out, err);
	return STATUS_OK;
}

/* --- the first and the last --------------------------------------------------------------- */

int range_first_over_time(struct call *call, const struct window *window, struct point *out,
			  struct error *err)
{
	const struct samples *s = window->samples;
	uint32_t f = window->first, h = window->histogram_first;
	if (is_empty(window))
		return STATUS_OK;
	if (!window_histograms(window) ||
	    (window_floats(window) && s->time[f] < s->histogram_time[h]))
		return point_float(out, s->value[f]);
	return point_histogram(out, histogram_copy(call->e->arena, s->histogram[h]), err);
}

int range_last_over_time(struct call *call, const struct window *window, struct point *out,
			 struct error *err)
{
	const struct samples *s = window->samples;
	if (is_empty(window))
		return STATUS_OK;
	uint32_t f = window->end - 1, h = window->histogram_end - 1; /* where there are some */
	if (!window_histograms(window) ||
	    (window_floats(window) && s->time[f] > s->histogram_time[h]))
		return point_float(out, s->value[f]);
	return point_histogram(out, histogram_copy(call->e->arena, s->histogram[h]), err);
}

int range_ts_of_first_over_time(struct call *call, const struct window *window, struct point *out,
				struct error *err)
{
	const struct samples *s = window->samples;
	if (is_empty(window))
		return STATUS_OK;
	int64_t time = INT64_MAX;
	if (window_floats(window))
		time = s->time[window->first];
	if (window_histograms(window) && s->histogram_time[window->histogram_first] < time)
		time = s->histogram_time[window->histogram_first];
	return point_float(out, (double)time / 1000);
}

int range_ts_of_last_over_time(struct call *call, const struct window *window, struct point *out,
			       struct error *err)
{
	const struct samples *s = window->samples;
	if (is_empty(window))
		return STATUS_OK;
	int64_t time = INT64_MIN;
	if (window_floats(window))
		time = s->time[window->end - 1];
	if (window_histograms(window) && s->histogram_time[window->histogram_end - 1] > time)
		time = s->histogram_time[window->histogram_end - 1];
	return point_float(out, (double)time / 1000);
}

/* --- the least and the greatest ----------------------------------------------------------- */

/* Of floats only. False: there are none. */
static bool has_floats(struct call *call, const struct window *window)
{
	if (!window_floats(window))
		return false;
	if (window_histograms(window))
		note_histograms_ignored(call);
	return true;
}

int range_max_over_time(struct call *call, const struct window *window, struct point *out,
			struct error *err)
{
	if (!has_floats(call, window))
		return STATUS_OK;
	const double *value = window->samples->value;
	double max = value[window->first]; /* NaN only if all are */
	for (uint32_t i = window->first + 1; i < window->end; i++)
		max = value[i] > max || max != max ? value[i] : max;
	return point_float(out, max);
}

int range_min_over_time(struct call *call, const struct window *window, struct point *out,
			struct error *err)
{
	if (!has_floats(call, window))
		return STATUS_OK;
	const double *value = window->samples->value;
	double min = value[window->first];
	for (uint32_t i = window->first + 1; i < window->end; i++)
		min = value[i] < min || min != min ? value[i] : min;
	return point_float(out, min);
}

/* Of several that are alike the last one. */
int range_ts_of_max_over_time(struct call *call, const struct window *window, struct point *out,
			      struct error *err)
{
	if (!has_floats(call, window))
		return STATUS_OK;
	const double *value = window->samples->value;
	uint32_t max = window->first;
	for (uint32_t i = window->first; i < window->end; i++)
		max = value[i] >= value[max] || isnan(value[max]) ? i : max;
	return point_float(out, (double)window->samples->time[max] / 1000);
}

int range_ts_of_min_over_time(struct call *call, const struct window *window, struct point *out,
			      struct error *err)
{
	if (!has_floats(call, window))
		return STATUS_OK;
	const double *value = window->samples->value;
	uint32_t min = window->first;
	for (uint32_t i = window->first; i < window->end; i++)
		min = value[i] <= value[min] || isnan(value[min]) ? i : min;
	return point_float(out, (double)window->samples->time[min] / 1000);
}
