#include "store/metric_value.h"

#include <math.h>
#include <string.h>

#define EXACT 0x1p53 /* integers up to this are exact doubles */
#define MAX_EXPONENT 22 /* and so are powers of ten up to this */

static const double powers[MAX_EXPONENT + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
						1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
						1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static struct metric_value raw(double value)
{
	struct metric_value v = {.exponent = METRIC_VALUE_RAW};
	memcpy(&v.mantissa, &value, sizeof(value));
	return v;
}

/* The fewest digits behind the point that give the value back. */
static struct metric_value fraction(double value)
{
	for (int k = 1; k <= MAX_EXPONENT; k++) {
		double mantissa = nearbyint(value * powers[k]);
		if (fabs(mantissa) > EXACT)
			break;
		if (mantissa / powers[k] == value)
			return (struct metric_value){(int64_t)mantissa, (int8_t)-k};
	}
	return raw(value);
}

static struct metric_value large(double value)
{
	for (int k = 1; k <= MAX_EXPONENT; k++) {
		double mantissa = nearbyint(value / powers[k]);
		if (fabs(mantissa) <= EXACT && mantissa * powers[k] == value)
			return (struct metric_value){(int64_t)mantissa, (int8_t)k};
	}
	return raw(value);
}

struct metric_value metric_value_of(double value)
{
	if (fabs(value) <= EXACT) {
		int64_t whole = (int64_t)value;
		if ((double)whole != value)
			return fraction(value);
		if (whole != 0 || !signbit(value))
			return (struct metric_value){whole, 0};
		return raw(value); /* -0 */
	}
	return isfinite(value) ? large(value) : raw(value);
}

struct metric_value metric_value_align(struct metric_value v, int exponent)
{
	if (v.exponent > 0 || v.exponent <= exponent)
		return v;
	double mantissa = (double)v.mantissa * powers[v.exponent - exponent];
	if (fabs(mantissa) > EXACT)
		return v;
	return (struct metric_value){(int64_t)mantissa, (int8_t)exponent};
}

double metric_value_double(struct metric_value v)
{
	double value;
	if (v.exponent < -MAX_EXPONENT || v.exponent > MAX_EXPONENT) {
		memcpy(&value, &v.mantissa, sizeof(value));
		return value;
	}
	value = (double)v.mantissa;
	return v.exponent < 0 ? value / powers[-v.exponent] : value * powers[v.exponent];
}
