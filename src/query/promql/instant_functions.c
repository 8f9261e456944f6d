#include "query/promql/instant_functions_int.h"

#define POINT(name) [PROMQL_FN_##name] = {.point = point_##name},

const struct function_impl instant_function_impls[PROMQL_FUNCTION_COUNT] = {
	/* clang-format off */
	PROMQL_POINT_FUNCTIONS(POINT)
		/* clang-format on */
		[PROMQL_FN_absent] = {.whole = call_absent},
	[PROMQL_FN_absent_over_time] = {.whole = call_absent_over_time},
	[PROMQL_FN_day_of_month] = {.whole = call_date},
	[PROMQL_FN_day_of_week] = {.whole = call_date},
	[PROMQL_FN_day_of_year] = {.whole = call_date},
	[PROMQL_FN_days_in_month] = {.whole = call_date},
	[PROMQL_FN_histogram_fraction] = {.whole = call_histogram_fraction},
	[PROMQL_FN_histogram_quantile] = {.whole = call_histogram_quantile},
	[PROMQL_FN_histogram_quantiles] = {.whole = call_histogram_quantiles},
	[PROMQL_FN_hour] = {.whole = call_date},
	[PROMQL_FN_info] = {.whole = call_info},
	[PROMQL_FN_label_join] = {.whole = call_label_join},
	[PROMQL_FN_label_replace] = {.whole = call_label_replace},
	[PROMQL_FN_minute] = {.whole = call_date},
	[PROMQL_FN_month] = {.whole = call_date},
	[PROMQL_FN_sort] = {.whole = call_sort},
	[PROMQL_FN_sort_by_label] = {.whole = call_sort_by_label},
	[PROMQL_FN_sort_by_label_desc] = {.whole = call_sort_by_label},
	[PROMQL_FN_sort_desc] = {.whole = call_sort},
	[PROMQL_FN_start_timestamp] = {.whole = call_start_timestamp},
	[PROMQL_FN_timestamp] = {.whole = call_timestamp},
	[PROMQL_FN_vector] = {.whole = call_vector},
	[PROMQL_FN_year] = {.whole = call_date},
};
