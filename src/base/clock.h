/* Time, in nanoseconds. */
#ifndef TRIPOD_BASE_CLOCK_H
#define TRIPOD_BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_DAY UINT64_C(86400000000000) /* of timestamps, which are unsigned */

/* Since the Unix epoch; may jump. */
int64_t clock_unix_ns(void);
/* Since some fixed point; never goes back. For intervals and deadlines. */
int64_t clock_monotonic_ns(void);

#endif
