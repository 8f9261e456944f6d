#include "query/promql/range_functions.h"

/* clang-format off */
const struct function_impl range_function_impls[PROMQL_FUNCTION_COUNT] = {
	[PROMQL_FN_avg_over_time] = {.range = range_avg_over_time},
	[PROMQL_FN_changes] = {.range = range_changes},
	[PROMQL_FN_count_over_time] = {.range = range_count_over_time},
	[PROMQL_FN_delta] = {.range = range_delta},
	[PROMQL_FN_deriv] = {.range = range_deriv},
	[PROMQL_FN_double_exponential_smoothing] = {.range = range_double_exponential_smoothing},
	[PROMQL_FN_first_over_time] = {.range = range_first_over_time, .keeps_name = true},
	[PROMQL_FN_idelta] = {.range = range_idelta},
	[PROMQL_FN_increase] = {.range = range_increase},
	[PROMQL_FN_irate] = {.range = range_irate},
	[PROMQL_FN_last_over_time] = {.range = range_last_over_time, .keeps_name = true},
	[PROMQL_FN_mad_over_time] = {.range = range_mad_over_time},
	[PROMQL_FN_max_over_time] = {.range = range_max_over_time},
	[PROMQL_FN_min_over_time] = {.range = range_min_over_time},
	[PROMQL_FN_predict_linear] = {.range = range_predict_linear},
	[PROMQL_FN_present_over_time] = {.range = range_present_over_time},
	[PROMQL_FN_quantile_over_time] = {.range = range_quantile_over_time},
	[PROMQL_FN_rate] = {.range = range_rate},
	[PROMQL_FN_resets] = {.range = range_resets},
	[PROMQL_FN_stddev_over_time] = {.range = range_stddev_over_time},
	[PROMQL_FN_stdvar_over_time] = {.range = range_stdvar_over_time},
	[PROMQL_FN_sum_over_time] = {.range = range_sum_over_time},
	[PROMQL_FN_ts_of_first_over_time] = {.range = range_ts_of_first_over_time},
	[PROMQL_FN_ts_of_last_over_time] = {.range = range_ts_of_last_over_time},
	[PROMQL_FN_ts_of_max_over_time] = {.range = range_ts_of_max_over_time},
	[PROMQL_FN_ts_of_min_over_time] = {.range = range_ts_of_min_over_time},
};
/* clang-format on */

static bool takes_anchored(enum promql_function_id id)
{
	return id == PROMQL_FN_changes || id == PROMQL_FN_delta || id == PROMQL_FN_increase ||
	       id == PROMQL_FN_rate || id == PROMQL_FN_resets;
}

static bool takes_smoothed(enum promql_function_id id)
{
	return id == PROMQL_FN_delta || id == PROMQL_FN_increase || id == PROMQL_FN_rate;
}

int range_check_modifiers(const struct promql_expr *call, struct error *err)
{
	const struct promql_function *function = call->call.function;
	for (uint32_t i = 0; i < call->call.arg_count; i++) {
		const struct promql_expr *arg = eval_unwrap(call->call.args[i]);
		if (arg->kind != PROMQL_MATRIX)
			continue;
		const struct promql_selector *selector = &arg->matrix.vector->vector;
		if (selector->anchored && !takes_anchored(function->id))
			return error_set(err, STATUS_INVALID,
					 "anchored modifier can only be used with: changes, delta, "
					 "increase, rate, resets - not with %s",
					 function->name);
		if (selector->smoothed && !takes_smoothed(function->id))
			return error_set(err, STATUS_INVALID,
					 "smoothed modifier can only be used with: delta, "
					 "increase, rate - not with %s",
					 function->name);
	}
	return STATUS_OK;
}
