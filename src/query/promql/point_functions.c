/*
 * Functions that make one number of one point. Those of numbers leave out histograms, and the
 * other way round.
 *
 * Source: Prometheus' documentation, "Query functions"; what NaN and infinities give is that of
 * IEEE 754, and of Go's math package where C differs (min and max of NaN).
 */
#include <math.h>

#include "query/promql/instant_functions_int.h"

#define PI 3.14159265358979323846

static void set_float(struct point *out, double value)
{
	*out = (struct point){.kind = POINT_FLOAT, .value = value};
}

#define NUMBER_FUNCTION(name, expression)                                                          \
	int point_##name(struct call *call, const struct point *in, struct point *out,             \
			 struct error *err)                                                        \
	{                                                                                          \
		(void)call;                                                                        \
		(void)err;                                                                         \
		const double x = in->value;                                                        \
		if (in->kind == POINT_FLOAT)                                                       \
			set_float(out, (expression));                                              \
		return 0;                                                                          \
	}

#define HISTOGRAM_FUNCTION(name, expression)                                                       \
	int point_histogram_##name(struct call *call, const struct point *in, struct point *out,   \
				   struct error *err)                                              \
	{                                                                                          \
		(void)call;                                                                        \
		(void)err;                                                                         \
		const struct float_histogram *h = in->histogram;                                   \
		if (in->kind == POINT_HISTOGRAM)                                                   \
			set_float(out, (expression));                                              \
		return 0;                                                                          \
	}

NUMBER_FUNCTION(abs, fabs(x))
NUMBER_FUNCTION(acos, acos(x))
NUMBER_FUNCTION(acosh, acosh(x))
NUMBER_FUNCTION(asin, asin(x))
NUMBER_FUNCTION(asinh, asinh(x))
NUMBER_FUNCTION(atan, atan(x))
NUMBER_FUNCTION(atanh, atanh(x))
NUMBER_FUNCTION(ceil, ceil(x))
NUMBER_FUNCTION(cos, cos(x))
NUMBER_FUNCTION(cosh, cosh(x))
NUMBER_FUNCTION(deg, x * 180 / PI)
NUMBER_FUNCTION(exp, exp(x))
NUMBER_FUNCTION(floor, floor(x))
NUMBER_FUNCTION(ln, log(x))
NUMBER_FUNCTION(log10, log10(x))
NUMBER_FUNCTION(log2, log2(x))
NUMBER_FUNCTION(rad, x *PI / 180)
NUMBER_FUNCTION(sgn, x<0 ? -1 : x> 0 ? 1 : x)
NUMBER_FUNCTION(sin, sin(x))
NUMBER_FUNCTION(sinh, sinh(x))
NUMBER_FUNCTION(sqrt, sqrt(x))
NUMBER_FUNCTION(tan, tan(x))
NUMBER_FUNCTION(tanh, tanh(x))

HISTOGRAM_FUNCTION(avg, h->sum / h->count)
HISTOGRAM_FUNCTION(count, h->count)
HISTOGRAM_FUNCTION(stddev, sqrt(histogram_variance(h)))
HISTOGRAM_FUNCTION(stdvar, histogram_variance(h))
HISTOGRAM_FUNCTION(sum, h->sum)

/* An infinity that decides goes before NaN, and NaN before a number. */
static double min_of(double a, double b)
{
	if (a == -INFINITY || b == -INFINITY)
		return -INFINITY;
	if (isnan(a) || isnan(b))
		return NAN;
	return a < b || (a == b && signbit(a)) ? a : b;
}

static double max_of(double a, double b)
{
	if (a == INFINITY || b == INFINITY)
		return INFINITY;
	if (isnan(a) || isnan(b))
		return NAN;
	return a > b || (a == b && !signbit(a)) ? a : b;
}

static double argument(const struct call *call, uint32_t arg)
{
	return call->scalars[arg][call->step];
}

static int clamp(const struct point *in, struct point *out, double least, double most)
{
	if (in->kind == POINT_FLOAT && !(most < least))
		set_float(out, max_of(least, min_of(most, in->value)));
	return 0;
}

int point_clamp(struct call *call, const struct point *in, struct point *out, struct error *err)
{
	(void)err;
	return clamp(in, out, argument(call, 1), argument(call, 2));
}

int point_clamp_max(struct call *call, const struct point *in, struct point *out, struct error *err)
{
	(void)err;
	return clamp(in, out, -INFINITY, argument(call, 1));
}

int point_clamp_min(struct call *call, const struct point *in, struct point *out, struct error *err)
{
	(void)err;
	return clamp(in, out, argument(call, 1), INFINITY);
}

int point_round(struct call *call, const struct point *in, struct point *out, struct error *err)
{
	(void)err;
	if (in->kind != POINT_FLOAT)
		return 0;
	const double nearest = call->expr->call.arg_count > 1 ? argument(call, 1) : 1;
	/* The inverse: 0.1 is not a double, 10 is. */
	const double inverse = 1.0 / nearest;
	set_float(out, floor(in->value * inverse + 0.5) / inverse);
	return 0;
}
