/* Numbers as PromQL writes and prints them, which is how Go does. */
#ifndef TRIPOD_LANG_PROMQL_NUMBER_H
#define TRIPOD_LANG_PROMQL_NUMBER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

enum promql_number_error {
	PROMQL_NUMBER_OK,
	PROMQL_NUMBER_SYNTAX,
	PROMQL_NUMBER_RANGE,
	PROMQL_NUMBER_MEMORY,
};

/* A number token: decimal, hexadecimal, octal with a leading zero, with underscores; Inf, NaN. */
enum promql_number_error promql_number(struct slice text, struct arena *arena, double *out);

/* All digits, no exponent: Go's FormatFloat(value, 'f', -1, 64). */
void promql_number_plain(double value, struct buf *out);
/* Go's %v: with an exponent below 1e-4 and from 1e6 on. */
void promql_number_short(double value, struct buf *out);

#endif
