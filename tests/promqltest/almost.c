#include "almost.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "telemetry/metric_batch.h"

#define EPSILON 1e-6

bool is_stale(double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	return bits == METRIC_STALE_BITS;
}

bool almost_equal(double a, double b)
{
	if (is_stale(a) || is_stale(b))
		return is_stale(a) && is_stale(b);
	if (a == b || (isnan(a) && isnan(b)))
		return true;
	double sum = fabs(a) + fabs(b), difference = fabs(a - b);
	if (a == 0 || b == 0 || sum < DBL_MIN)
		return difference < EPSILON * DBL_MIN;
	return difference / fmin(sum, DBL_MAX) < EPSILON;
}
