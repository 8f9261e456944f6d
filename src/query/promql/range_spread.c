/* How a window's floats are spread: deviation, variance, quantiles. Histograms are left out. */
#include <stdlib.h>

#include "query/promql/classic_histogram.h"
#include "query/promql/range_functions.h"

static double variance_of(const double *value, uint32_t count)
{
	struct kahan mean = {0}, squares = {0};
	for (uint32_t i = 0; i < count; i++) {
		double delta = value[i] - (mean.sum + mean.rest);
		kahan_add(&mean, delta / (i + 1.0));
		kahan_add(&squares, delta * (value[i] - (mean.sum + mean.rest)));
	}
	return (squares.sum + squares.rest) / count;
}

/* False: there are none. */
static bool floats_of(struct call *call, const struct window *window, const double **value,
		      uint32_t *count)
{
	*count = window_floats(window);
	if (*count == 0)
		return false;
	*value = window->samples->value + window->first;
	if (window_histograms(window))
		note_histograms_ignored(call);
	return true;
}

int range_stdvar_over_time(struct call *call, const struct window *window, struct point *out,
			   struct error *err)
{
	const double *value;
	uint32_t count;
	if (!floats_of(call, window, &value, &count))
		return STATUS_OK;
	return point_float(out, variance_of(value, count));
}

int range_stddev_over_time(struct call *call, const struct window *window, struct point *out,
			   struct error *err)
{
	const double *value;
	uint32_t count;
	if (!floats_of(call, window, &value, &count))
		return STATUS_OK;
	return point_float(out, sqrt(variance_of(value, count)));
}

/* A copy that can be sorted: most windows fit on the stack. */
struct scratch {
	double few[256];
	double *value; /* scratch_release frees it when it is not `few` */
};

static bool scratch_copy(struct scratch *scratch, const double *value, uint32_t count)
{
	scratch->value = scratch->few;
	if (count > sizeof(scratch->few) / sizeof(scratch->few[0]))
		scratch->value = malloc(count * sizeof(*value));
	if (scratch->value)
		memcpy(scratch->value, value, count * sizeof(*value));
	return scratch->value != NULL;
}

static void scratch_release(struct scratch *scratch)
{
	if (scratch->value != scratch->few)
		free(scratch->value);
}

int range_quantile_over_time(struct call *call, const struct window *window, struct point *out,
			     struct error *err)
{
	double q = call->scalars[0][call->step];
	const double *value;
	uint32_t count;
	if (!floats_of(call, window, &value, &count))
		return STATUS_OK;
	if (isnan(q) || q < 0 || q > 1)
		note_invalid_quantile(call, q);
	struct scratch scratch;
	if (!scratch_copy(&scratch, value, count))
		return eval_over_budget(err);
	double result = values_quantile(q, scratch.value, count);
	scratch_release(&scratch);
	return point_float(out, result);
}

/* The median of the distances from the median. */
static double deviation_of(double *value, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (isnan(value[i]))
			return NAN;
	}
	double median = values_quantile(0.5, value, count);
	for (uint32_t i = 0; i < count; i++)
		value[i] = fabs(value[i] - median);
	return values_quantile(0.5, value, count);
}

int range_mad_over_time(struct call *call, const struct window *window, struct point *out,
			struct error *err)
{
	const double *value;
	uint32_t count;
	if (!floats_of(call, window, &value, &count))
		return STATUS_OK;
	struct scratch scratch;
	if (!scratch_copy(&scratch, value, count))
		return eval_over_budget(err);
	double result = deviation_of(scratch.value, count);
	scratch_release(&scratch);
	return point_float(out, result);
}
