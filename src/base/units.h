/* Durations and sizes as people write them. */
#ifndef TRIPOD_BASE_UNITS_H
#define TRIPOD_BASE_UNITS_H

#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

/*
 * "200ms", "1m30s", "1.5h", "7d"; units ns, us, µs, ms, s, m, h (as in Go's
 * time.ParseDuration), d and w. A plain "0" needs none. Nanoseconds, not negative.
 * INVALID when it is not of that form, LIMIT when it is over 292 years.
 */
int duration_parse(int64_t *ns, struct slice text);
/*
 * "64MiB", "4 GB", "1.5GiB", "512": decimal (kB, MB, GB, TB) and binary (KiB, Ki, …) units,
 * in any case; without one, `unit` bytes. INVALID or LIMIT as above.
 */
int bytes_parse(uint64_t *bytes, struct slice text, uint64_t unit);

#define UNITS_TEXT 48

/* "1m30s": what duration_parse reads back to the same value. */
const char *duration_format(char text[UNITS_TEXT], int64_t ns);
/* "64MiB", or plain bytes where no binary unit divides them. */
const char *bytes_format(char text[UNITS_TEXT], uint64_t bytes);

#endif
