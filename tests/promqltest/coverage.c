#include "coverage.h"

#include "lang/promql/parse.h"

static void visit(struct coverage *coverage, const struct promql_expr *expr)
{
	switch (expr->kind) {
	case PROMQL_NUMBER:
	case PROMQL_STRING:
	case PROMQL_VECTOR:
	case PROMQL_MATRIX:
		return;
	case PROMQL_PAREN:
		visit(coverage, expr->paren);
		return;
	case PROMQL_UNARY:
		visit(coverage, expr->unary.expr);
		return;
	case PROMQL_BINARY:
		visit(coverage, expr->binary.left);
		visit(coverage, expr->binary.right);
		return;
	case PROMQL_AGGREGATE:
		if (expr->aggregate.param)
			visit(coverage, expr->aggregate.param);
		visit(coverage, expr->aggregate.expr);
		return;
	case PROMQL_CALL:
		coverage->called[expr->call.function->id] = true;
		for (uint32_t i = 0; i < expr->call.arg_count; i++)
			visit(coverage, expr->call.args[i]);
		return;
	case PROMQL_SUBQUERY:
		visit(coverage, expr->subquery.expr);
		return;
	}
}

void coverage_add(struct coverage *coverage, const struct script *script, struct arena *arena)
{
	for (uint32_t i = 0; i < script->count; i++) {
		const struct command *command = script->list[i];
		const struct promql_expr *expr = NULL;
		if (command->kind == COMMAND_EVAL && !command->eval.fail &&
		    promql_parse(&expr, arena, command->eval.expr, NULL) == 0)
			visit(coverage, expr);
	}
}
