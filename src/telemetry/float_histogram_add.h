/* Private to float_histogram_*.c: a sum or a difference while it is being made. */
#ifndef TRIPOD_TELEMETRY_FLOAT_HISTOGRAM_ADD_H
#define TRIPOD_TELEMETRY_FLOAT_HISTOGRAM_ADD_H

#include "telemetry/float_histogram_int.h"

struct addition {
	struct float_histogram *h; /* its lists are not up to date, `positive` and `negative` are */
	struct float_histogram *carry; /* what rounding took from count, sum, zero_count, or NULL */
	struct side positive, negative; /* with carries if `carry` */
};

/* A copy of `h` with room for more buckets; false: over budget. */
bool addition_init(struct addition *target, struct arena *arena, const struct float_histogram *h,
		   uint32_t extra_positive, uint32_t extra_negative, bool with_carry);
/* target += sign * other; `sign` is 1 or -1. False: over budget, and `target` is half-way. */
bool addition_add(struct addition *target, struct arena *arena, const struct float_histogram *other,
		  double sign, struct histogram_notes *notes);

#endif
