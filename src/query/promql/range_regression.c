/* Where a window's floats are going: a straight line through them, exponential smoothing. */
#include <stdio.h>

#include "query/promql/range_functions.h"

struct line {
	double slope, intercept; /* per second; at the time asked for */
};

/* The line of the least squares. */
static struct line line_of(const int64_t *time, const double *value, uint32_t count, int64_t at)
{
	struct kahan x = {0}, y = {0}, xy = {0}, xx = {0};
	bool constant = true;
	for (uint32_t i = 0; i < count; i++) {
		double seconds = (double)(time[i] - at) / 1e3;
		constant = constant && (i == 0 || value[i] == value[0]);
		kahan_add(&x, seconds);
		kahan_add(&y, value[i]);
		kahan_add(&xy, seconds * value[i]);
		kahan_add(&xx, seconds * seconds);
	}
	if (constant && isinf(value[0]))
		return (struct line){NAN, NAN};
	if (constant)
		return (struct line){0, value[0]};
	double n = count, sum_x = x.sum + x.rest, sum_y = y.sum + y.rest;
	double covariance = xy.sum + xy.rest - sum_x * sum_y / n;
	double variance = xx.sum + xx.rest - sum_x * sum_x / n;
	double slope = covariance / variance;
	return (struct line){slope, sum_y / n - slope * sum_x / n};
}

/* Two floats at least. */
static bool has_two(struct call *call, const struct window *window)
{
	if (window_floats(window) && window_histograms(window))
		note_histograms_ignored(call);
	return window_floats(window) >= 2;
}

static struct line window_line(const struct window *window, int64_t at)
{
	const struct samples *s = window->samples;
	return line_of(s->time + window->first, s->value + window->first, window_floats(window),
		       at);
}

int range_deriv(struct call *call, const struct window *window, struct point *out,
		struct error *err)
{
	if (!has_two(call, window))
		return STATUS_OK;
	/* Any time will do; one close by keeps the numbers small. */
	int64_t at = window->samples->time[window->first];
	return point_float(out, window_line(window, at).slope);
}

int range_predict_linear(struct call *call, const struct window *window, struct point *out,
			 struct error *err)
{
	double seconds = call->scalars[1][call->step];
	if (!has_two(call, window))
		return STATUS_OK;
	struct line line = window_line(window, call->time);
	return point_float(out, line.slope * seconds + line.intercept);
}

/* Holt's linear method. */
static double smooth(const double *value, uint32_t count, double smoothing, double trend_factor)
{
	double level = value[0], trend = value[1] - value[0];
	for (uint32_t i = 1; i < count; i++) {
		double next = smoothing * value[i] + (1 - smoothing) * (level + trend);
		trend = trend_factor * (next - level) + (1 - trend_factor) * trend;
		level = next;
	}
	return level;
}

static bool is_factor(double value)
{
	return !(value <= 0 || value >= 1); /* NaN is one, and makes the result NaN */
}

static int not_a_factor(struct error *err, const char *name, char letter, double value)
{
	char got[340]; /* all digits of the greatest double */
	if (isinf(value))
		snprintf(got, sizeof(got), "%cInf", value > 0 ? '+' : '-');
	else
		snprintf(got, sizeof(got), "%f", value);
	return error_set(err, STATUS_INVALID, "invalid %s factor. Expected: 0 < %cf < 1, got: %s",
			 name, letter, got);
}

int range_double_exponential_smoothing(struct call *call, const struct window *window,
				       struct point *out, struct error *err)
{
	double smoothing = call->scalars[1][call->step], trend = call->scalars[2][call->step];
	if (window_floats(window) + window_histograms(window) == 0)
		return STATUS_OK;
	if (!is_factor(smoothing))
		return not_a_factor(err, "smoothing", 's', smoothing);
	if (!is_factor(trend))
		return not_a_factor(err, "trend", 't', trend);
	if (!has_two(call, window))
		return STATUS_OK;
	const double *value = window->samples->value + window->first;
	return point_float(out, smooth(value, window_floats(window), smoothing, trend));
}
