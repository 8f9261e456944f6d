#include "at_rewrite.h"

#include "lang/promql/parse.h"

/* Functions whose result depends on the time of evaluation, whatever their arguments are. */
static bool depends_on_time(enum promql_function_id id)
{
	switch (id) {
	case PROMQL_FN_days_in_month:
	case PROMQL_FN_day_of_month:
	case PROMQL_FN_day_of_week:
	case PROMQL_FN_day_of_year:
	case PROMQL_FN_end:
	case PROMQL_FN_hour:
	case PROMQL_FN_minute:
	case PROMQL_FN_month:
	case PROMQL_FN_year:
	case PROMQL_FN_predict_linear:
	case PROMQL_FN_range:
	case PROMQL_FN_start:
	case PROMQL_FN_step:
	case PROMQL_FN_time:
	case PROMQL_FN_timestamp:
		return true;
	default:
		return false;
	}
}

static void pin_modifiers(struct promql_modifiers *modifiers, int64_t ms)
{
	if (modifiers->at == PROMQL_AT_TIME)
		return;
	modifiers->at = PROMQL_AT_TIME;
	modifiers->at_time = ms;
}

/* False when it cannot be done. */
static bool pin(struct promql_expr *expr, int64_t ms)
{
	switch (expr->kind) {
	case PROMQL_NUMBER:
	case PROMQL_STRING:
		return true;
	case PROMQL_PAREN:
		return pin(expr->paren, ms);
	case PROMQL_UNARY:
		return pin(expr->unary.expr, ms);
	case PROMQL_BINARY:
		return pin(expr->binary.left, ms) && pin(expr->binary.right, ms);
	case PROMQL_AGGREGATE:
		return (!expr->aggregate.param || pin(expr->aggregate.param, ms)) &&
		       pin(expr->aggregate.expr, ms);
	case PROMQL_CALL:
		if (depends_on_time(expr->call.function->id))
			return false;
		for (uint32_t i = 0; i < expr->call.arg_count; i++) {
			if (!pin(expr->call.args[i], ms))
				return false;
		}
		return true;
	case PROMQL_VECTOR:
		pin_modifiers(&expr->vector.modifiers, ms);
		return true;
	case PROMQL_MATRIX:
		return pin(expr->matrix.vector, ms);
	case PROMQL_SUBQUERY:
		pin_modifiers(&expr->subquery.modifiers, ms);
		return true;
	}
	return false;
}

bool at_rewrite(struct buf *out, struct arena *arena, struct slice query, int64_t ms)
{
	const struct promql_expr *expr = NULL;
	if (promql_parse(&expr, arena, query, NULL))
		return false;
	/* The tree is ours alone. */
	if (!pin((struct promql_expr *)expr, ms))
		return false;
	promql_print(expr, out);
	return true;
}
