/*
 * The bounds of exponential buckets. They are those of Prometheus to the last bit, so that a
 * quantile or a merged zero bucket is the same here as there: powers of two are exact, and what
 * lies between them comes from a table.
 */
#ifndef TRIPOD_TELEMETRY_EXPONENTIAL_BOUNDS_H
#define TRIPOD_TELEMETRY_EXPONENTIAL_BOUNDS_H

#include <stdint.h>

/*
 * The upper bound of bucket `index`, (2^(2^-schema))^index, for schemas -4 to 8. That of the last
 * bucket before the one of infinite values is the largest double.
 */
double exponential_bound(int32_t index, int32_t schema);

/* The bucket at a schema that is `shift` less which holds bucket `index`. */
static inline int32_t exponential_coarser(int32_t index, unsigned shift)
{
	return (int32_t)((((int64_t)index - 1) >> shift) + 1);
}

#endif
