/* Numbers in messages and labels, as Go's %g and strconv's 'g' write them. */
#ifndef TRIPOD_QUERY_PROMQL_NUMBER_TEXT_H
#define TRIPOD_QUERY_PROMQL_NUMBER_TEXT_H

#define GO_NUMBER_MAX 40

/*
 * The shortest decimal that reads back as the same double, with an exponent of at least two
 * digits below 1e-4 and from 1e6 on:
 *
 *   0.1  100  1e-05  1.5e+06  NaN  +Inf  -Inf
 *
 * Terminated by a zero; `out` has GO_NUMBER_MAX bytes. Returns it.
 */
const char *go_number(double value, char *out);
/* Room for the longest double without an exponent. */
#define GO_NUMBER_PLAIN_MAX 360
/* The same, never with an exponent, as count_values writes values. */
const char *go_number_plain(double value, char *out);
/* As go_number with ".0" behind what has neither point nor exponent: 1.0, as labels `le` have it. */
const char *go_number_openmetrics(double value, char *out);

#endif
