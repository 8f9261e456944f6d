/*
 * The values of samples as decimals: a mantissa and a power of ten, from which exactly the
 * same double comes back. Values are mostly counts, or measured to a few digits, and then the
 * mantissas of a series are small integers close to each other.
 *
 *   exponent 0 to 22     value = mantissa * 10^exponent
 *   exponent -22 to -1   value = mantissa / 10^-exponent
 *   METRIC_VALUE_RAW     value = the double with the bits of the mantissa
 *
 * Mantissas of the first two are at most 2^53, so that mantissa and power both are exact
 * doubles, and one multiplication or division rounds to the nearest, as SQL and C do
 * it alike. What has no such form (17 digits, NaN and its payload, infinities, -0) is raw.
 */
#ifndef TRIPOD_STORE_METRIC_VALUE_H
#define TRIPOD_STORE_METRIC_VALUE_H

#include <stdint.h>

#define METRIC_VALUE_RAW (-128)

struct metric_value {
	int64_t mantissa;
	int8_t exponent;
};

/* The same for the same bits: a replay makes the same rows. */
struct metric_value metric_value_of(double value);

/*
 * The same value with `exponent` (at most 0), where it has an exponent above that, up to 0,
 * and the mantissa still fits; else as it was. The values of a metric compress better with
 * one exponent: 1.5, 2 and 2.25 as 150, 200 and 225.
 */
struct metric_value metric_value_align(struct metric_value value, int exponent);

double metric_value_double(struct metric_value value);

#endif
