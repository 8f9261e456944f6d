/*
 * Decimal text to numbers, independent of the locale. The text is a number in JSON's
 * grammar (RFC 8259, 6), already checked: -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
 */
#ifndef TRIPOD_WIRE_NUMBER_TEXT_H
#define TRIPOD_WIRE_NUMBER_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* True when all of `text` is a number in JSON's grammar. */
bool number_is_valid(struct slice text);

/*
 * False when the value is not an integer or does not fit. A fraction or an exponent is
 * fine where the value is whole: "1e3" is 1000, "2.50e1" is 25.
 */
bool number_to_int64(struct slice text, int64_t *out);
bool number_to_uint64(struct slice text, uint64_t *out);

/* The nearest double, ties to even, exactly; infinite when it is out of range. */
double number_to_double(struct slice text);

#endif
