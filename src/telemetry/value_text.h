/*
 * Values as text: what the body and the attribute maps of the store hold. Together with
 * the value's type, which is stored beside it, the text says exactly what was sent.
 *
 *   string           as it is
 *   bool             true, false
 *   int              decimal
 *   double           as wire/double_text.h
 *   bytes            base64, with padding (RFC 4648, section 4)
 *   empty            nothing
 *   array, map       JSON, in which SQL's JSON functions find their way:
 *     string, bool, array      JSON's own
 *     int                      a number without point and exponent, of any size
 *     double                   a number with a point or an exponent: 1.0, 5e-324
 *     map                      an object, members in the order sent, duplicates kept; a key that
 *                              begins with "$" gets one more "$" before it
 *     empty                    null
 *     bytes                    {"$bytes":"<base64>"}
 *     NaN, Infinity, -Infinity {"$double":"<as wire/double_text.h>"}
 */
#ifndef TRIPOD_TELEMETRY_VALUE_TEXT_H
#define TRIPOD_TELEMETRY_VALUE_TEXT_H

#include "base/buf.h"
#include "telemetry/attrs.h"

/* Appends the text of `value`, which was decoded and so is known to be well-formed. */
void value_text(struct buf *out, struct value value);

#endif
