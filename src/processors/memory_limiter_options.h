/* Options of memory_limiter: the collector's internal/memorylimiter. */
#ifndef TRIPOD_PROCESSORS_MEMORY_LIMITER_OPTIONS_H
#define TRIPOD_PROCESSORS_MEMORY_LIMITER_OPTIONS_H

#include "base/options.h"

/* One of limit and limit_percentage is not 0; limit goes first. */
struct memory_limiter_options {
	int64_t check_interval; /* ns, over 0 */
	uint64_t limit; /* bytes, limit_mib: refuse everything above */
	uint64_t spike_limit; /* bytes: refuse from limit - spike_limit; 0: a fifth of limit */
	int64_t limit_percentage, spike_limit_percentage; /* of the machine's memory */
};

extern const struct option_table memory_limiter_option_table;

#endif
