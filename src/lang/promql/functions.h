/* PromQL's functions: one table, from which the parser checks calls and the API lists them. */
#ifndef TRIPOD_LANG_PROMQL_FUNCTIONS_H
#define TRIPOD_LANG_PROMQL_FUNCTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum promql_type {
	PROMQL_TYPE_NONE,
	PROMQL_TYPE_SCALAR,
	PROMQL_TYPE_VECTOR, /* instant vector */
	PROMQL_TYPE_MATRIX, /* range vector */
	PROMQL_TYPE_STRING,
};

/* "scalar", "instant vector", "range vector", "string": the words of Prometheus' messages. */
const char *promql_type_name(enum promql_type type);

#define PROMQL_ANY_NUMBER 255

/*
 * name, its arguments' types (s scalar, v instant vector, m range vector, t string; the last
 * one repeats), how many there are at least and at most, the result's type, whether Prometheus
 * calls it experimental.
 * Source: Prometheus' documentation, "Query functions".
 */
/* clang-format off */
#define PROMQL_FUNCTIONS(X) \
	X(abs, "v", 1, 1, VECTOR, false) \
	X(absent, "v", 1, 1, VECTOR, false) \
	X(absent_over_time, "m", 1, 1, VECTOR, false) \
	X(acos, "v", 1, 1, VECTOR, false) \
	X(acosh, "v", 1, 1, VECTOR, false) \
	X(asin, "v", 1, 1, VECTOR, false) \
	X(asinh, "v", 1, 1, VECTOR, false) \
	X(atan, "v", 1, 1, VECTOR, false) \
	X(atanh, "v", 1, 1, VECTOR, false) \
	X(avg_over_time, "m", 1, 1, VECTOR, false) \
	X(ceil, "v", 1, 1, VECTOR, false) \
	X(changes, "m", 1, 1, VECTOR, false) \
	X(clamp, "vss", 3, 3, VECTOR, false) \
	X(clamp_max, "vs", 2, 2, VECTOR, false) \
	X(clamp_min, "vs", 2, 2, VECTOR, false) \
	X(cos, "v", 1, 1, VECTOR, false) \
	X(cosh, "v", 1, 1, VECTOR, false) \
	X(count_over_time, "m", 1, 1, VECTOR, false) \
	X(day_of_month, "v", 0, 1, VECTOR, false) \
	X(day_of_week, "v", 0, 1, VECTOR, false) \
	X(day_of_year, "v", 0, 1, VECTOR, false) \
	X(days_in_month, "v", 0, 1, VECTOR, false) \
	X(deg, "v", 1, 1, VECTOR, false) \
	X(delta, "m", 1, 1, VECTOR, false) \
	X(deriv, "m", 1, 1, VECTOR, false) \
	X(double_exponential_smoothing, "mss", 3, 3, VECTOR, true) \
	X(end, "", 0, 0, SCALAR, true) \
	X(exp, "v", 1, 1, VECTOR, false) \
	X(first_over_time, "m", 1, 1, VECTOR, false) \
	X(floor, "v", 1, 1, VECTOR, false) \
	X(histogram_avg, "v", 1, 1, VECTOR, false) \
	X(histogram_count, "v", 1, 1, VECTOR, false) \
	X(histogram_fraction, "ssv", 3, 3, VECTOR, false) \
	X(histogram_quantile, "sv", 2, 2, VECTOR, false) \
	X(histogram_quantiles, "vtss", 3, 12, VECTOR, true) \
	X(histogram_stddev, "v", 1, 1, VECTOR, false) \
	X(histogram_stdvar, "v", 1, 1, VECTOR, false) \
	X(histogram_sum, "v", 1, 1, VECTOR, false) \
	X(hour, "v", 0, 1, VECTOR, false) \
	X(idelta, "m", 1, 1, VECTOR, false) \
	X(increase, "m", 1, 1, VECTOR, false) \
	X(info, "vv", 1, 2, VECTOR, true) \
	X(irate, "m", 1, 1, VECTOR, false) \
	X(label_join, "vttt", 3, PROMQL_ANY_NUMBER, VECTOR, false) \
	X(label_replace, "vtttt", 5, 5, VECTOR, false) \
	X(last_over_time, "m", 1, 1, VECTOR, false) \
	X(ln, "v", 1, 1, VECTOR, false) \
	X(log10, "v", 1, 1, VECTOR, false) \
	X(log2, "v", 1, 1, VECTOR, false) \
	X(mad_over_time, "m", 1, 1, VECTOR, true) \
	X(max_of, "ss", 2, 2, SCALAR, true) \
	X(max_over_time, "m", 1, 1, VECTOR, false) \
	X(min_of, "ss", 2, 2, SCALAR, true) \
	X(min_over_time, "m", 1, 1, VECTOR, false) \
	X(minute, "v", 0, 1, VECTOR, false) \
	X(month, "v", 0, 1, VECTOR, false) \
	X(pi, "", 0, 0, SCALAR, false) \
	X(predict_linear, "ms", 2, 2, VECTOR, false) \
	X(present_over_time, "m", 1, 1, VECTOR, false) \
	X(quantile_over_time, "sm", 2, 2, VECTOR, false) \
	X(rad, "v", 1, 1, VECTOR, false) \
	X(range, "", 0, 0, SCALAR, true) \
	X(rate, "m", 1, 1, VECTOR, false) \
	X(resets, "m", 1, 1, VECTOR, false) \
	X(round, "vs", 1, 2, VECTOR, false) \
	X(scalar, "v", 1, 1, SCALAR, false) \
	X(sgn, "v", 1, 1, VECTOR, false) \
	X(sin, "v", 1, 1, VECTOR, false) \
	X(sinh, "v", 1, 1, VECTOR, false) \
	X(sort, "v", 1, 1, VECTOR, false) \
	X(sort_by_label, "vt", 1, PROMQL_ANY_NUMBER, VECTOR, true) \
	X(sort_by_label_desc, "vt", 1, PROMQL_ANY_NUMBER, VECTOR, true) \
	X(sort_desc, "v", 1, 1, VECTOR, false) \
	X(sqrt, "v", 1, 1, VECTOR, false) \
	X(start, "", 0, 0, SCALAR, true) \
	X(start_timestamp, "v", 1, 1, VECTOR, true) \
	X(stddev_over_time, "m", 1, 1, VECTOR, false) \
	X(stdvar_over_time, "m", 1, 1, VECTOR, false) \
	X(step, "", 0, 0, SCALAR, true) \
	X(sum_over_time, "m", 1, 1, VECTOR, false) \
	X(tan, "v", 1, 1, VECTOR, false) \
	X(tanh, "v", 1, 1, VECTOR, false) \
	X(time, "", 0, 0, SCALAR, false) \
	X(timestamp, "v", 1, 1, VECTOR, false) \
	X(ts_of_first_over_time, "m", 1, 1, VECTOR, true) \
	X(ts_of_last_over_time, "m", 1, 1, VECTOR, true) \
	X(ts_of_max_over_time, "m", 1, 1, VECTOR, true) \
	X(ts_of_min_over_time, "m", 1, 1, VECTOR, true) \
	X(vector, "s", 1, 1, VECTOR, false) \
	X(year, "v", 0, 1, VECTOR, false)
/* clang-format on */

enum promql_function_id {
#define PROMQL_FUNCTION_ID(name, ...) PROMQL_FN_##name,
	PROMQL_FUNCTIONS(PROMQL_FUNCTION_ID)
#undef PROMQL_FUNCTION_ID
		PROMQL_FUNCTION_COUNT
};

struct promql_function {
	enum promql_function_id id;
	const char *name;
	const char *args;
	uint8_t least, most;
	enum promql_type result;
	bool experimental;
};

/* In the order of the ids, which is that of the names. */
extern const struct promql_function promql_functions[PROMQL_FUNCTION_COUNT];

/* NULL when there is no such function. */
const struct promql_function *promql_function_find(struct slice name);

#endif
