/*
 * The series notation of Prometheus' test scripts: `metric{label="value"} 1+2x3 _ stale {{…}}`.
 *
 * Source: Prometheus' documentation, "Unit testing for rules", and promql/promqltest/README.md.
 */
#ifndef PROMQLTEST_NOTATION_H
#define PROMQLTEST_NOTATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"
#include "query/labels.h"
#include "telemetry/float_histogram.h"

struct sequence_value {
	bool omitted;
	double value; /* a start time in an @st line: ms after the sample */
	const struct float_histogram *histogram; /* or NULL */
	bool hint_set; /* the histogram's hint was written, so it counts in comparisons */
};

struct sequence {
	struct sequence_value *list; /* in the arena */
	uint32_t count, capacity;
};

/* One line. Everything is in the arena, or points into the line. */
int notation_series(const struct labels **labels, struct sequence *out, struct arena *arena,
		    struct slice line, struct error *err);

/* Whether the line is one of start times: `metric{label="value"}@st -1m _ 30sx4`. */
bool notation_is_start_line(struct slice line);
int notation_start_line(const struct labels **labels, struct sequence *out, struct arena *arena,
			struct slice line, struct error *err);

/* A duration that may be signed, or 0. */
bool notation_duration(struct slice text, int64_t *ms);

struct slice slice_trim(struct slice s);
/* Takes the first word off `s`, which then begins with what is behind it, spaces left out. */
struct slice slice_word(struct slice *s);
/* The bytes from `from` on. */
static inline struct slice slice_from(struct slice s, size_t from)
{
	return (struct slice){s.ptr + from, s.len - from};
}

#endif
