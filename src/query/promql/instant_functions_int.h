/* The implementations that instant_functions.c lists, by the files that have them. */
#ifndef TRIPOD_QUERY_PROMQL_INSTANT_FUNCTIONS_INT_H
#define TRIPOD_QUERY_PROMQL_INSTANT_FUNCTIONS_INT_H

#include "query/promql/eval.h"

/* point_functions.c: the names are those of the language. */
#define PROMQL_POINT_FUNCTIONS(X)                                                                  \
	X(abs)                                                                                     \
	X(acos)                                                                                    \
	X(acosh)                                                                                   \
	X(asin)                                                                                    \
	X(asinh)                                                                                   \
	X(atan)                                                                                    \
	X(atanh)                                                                                   \
	X(ceil)                                                                                    \
	X(clamp)                                                                                   \
	X(clamp_max)                                                                               \
	X(clamp_min)                                                                               \
	X(cos)                                                                                     \
	X(cosh)                                                                                    \
	X(deg)                                                                                     \
	X(exp)                                                                                     \
	X(floor)                                                                                   \
	X(histogram_avg)                                                                           \
	X(histogram_count)                                                                         \
	X(histogram_stddev)                                                                        \
	X(histogram_stdvar)                                                                        \
	X(histogram_sum)                                                                           \
	X(ln)                                                                                      \
	X(log10)                                                                                   \
	X(log2)                                                                                    \
	X(rad)                                                                                     \
	X(round)                                                                                   \
	X(sgn)                                                                                     \
	X(sin)                                                                                     \
	X(sinh)                                                                                    \
	X(sqrt)                                                                                    \
	X(tan)                                                                                     \
	X(tanh)

#define PROMQL_DECLARE_POINT_FUNCTION(name) point_fn point_##name;
PROMQL_POINT_FUNCTIONS(PROMQL_DECLARE_POINT_FUNCTION)
#undef PROMQL_DECLARE_POINT_FUNCTION

/* date_functions.c: which date function it is, the call says. */
call_fn call_date;
/* One part of a date: `id` is that of a date function, `time` in seconds since the epoch. */
double date_part(enum promql_function_id id, int64_t time);

/* time_functions.c */
call_fn call_timestamp, call_start_timestamp, call_vector;

/* absent_functions.c */
call_fn call_absent, call_absent_over_time;
/* The labels that the matchers of a selector say exactly; none for other expressions. NULL: over budget. */
const struct labels *absent_labels(struct arena *arena, const struct promql_expr *expr);

/* sort_functions.c: which of them it is, the call says. */
call_fn call_sort, call_sort_by_label;
/* Below, at or above 0: runs of digits are compared as numbers. */
int natural_compare(struct slice a, struct slice b);

/* label_functions.c */
call_fn call_label_replace, call_label_join;

/* histogram_functions.c */
call_fn call_histogram_quantile, call_histogram_quantiles, call_histogram_fraction;
/* The upper bound that a label le says; false when it is none. */
bool bucket_bound(struct slice text, double *out);

/* info_function.c */
call_fn call_info;

#endif
