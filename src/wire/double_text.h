/*
 * Numbers as decimal text.
 *
 * A double is written as the shortest decimal that reads back as the same double, and of
 * those the one closest to it, in the layout of ECMAScript's Number::toString, which is
 * also that of JSON and of ClickHouse but for the plus sign of an exponent:
 *
 *   0.1  100  1.5e-7  1e21  123456789012345680000  5e-324  -0  NaN  Infinity  -Infinity
 *
 * Plain digits are used for 1e-6 <= |x| < 1e21. Unlike ECMAScript, the sign of zero is kept,
 * and there is no plus sign in an exponent. The words for what is not finite are those of
 * ECMAScript and OTLP/JSON; ClickHouse's toFloat64, strtod and Python read them as well.
 *
 * Method: Raffaello Giulietti, "The Schubfach way to render doubles" (2021).
 */
#ifndef TRIPOD_WIRE_DOUBLE_TEXT_H
#define TRIPOD_WIRE_DOUBLE_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Room that either function may need; what is written is not terminated by a zero. */
#define NUMBER_TEXT_MAX 32

/* Return the number of characters written to `out`, which has NUMBER_TEXT_MAX bytes. */
size_t double_text(double value, char *out);
size_t int64_text(int64_t value, char *out);

#endif
