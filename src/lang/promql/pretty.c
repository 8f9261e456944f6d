/* An expression over several lines where it is long, as Prometheus' prettier.go does it. */
#include "lang/promql/parse.h"
#include "lang/promql/print.h"

/* What fits into a line is not split. */
#define LINE_MAX_BYTES 100

static void pretty(const struct promql_expr *expr, unsigned level, bool indented, struct buf *out);

static void indent(unsigned level, struct buf *out)
{
	while (level-- > 0)
		buf_append_cstr(out, "  ");
}

static bool is_long(const struct promql_expr *expr)
{
	struct buf line;
	buf_init_limited(&line, LINE_MAX_BYTES);
	promql_print(expr, &line);
	bool is = line.failed;
	buf_release(&line);
	return is;
}

static void pretty_args(const struct promql_expr *expr, unsigned level, struct buf *out)
{
	buf_append_cstr(out, expr->call.function->name);
	buf_append_cstr(out, "(\n");
	for (uint32_t i = 0; i < expr->call.arg_count; i++) {
		if (i)
			buf_append_cstr(out, ",\n");
		pretty(expr->call.args[i], level + 1, true, out);
	}
	buf_append_byte(out, '\n');
	indent(level, out);
	buf_append_byte(out, ')');
}

static void pretty_aggregate(const struct promql_expr *expr, unsigned level, struct buf *out)
{
	promql_print_aggregation(expr, out);
	buf_append_cstr(out, "(\n");
	if (expr->aggregate.param) {
		pretty(expr->aggregate.param, level + 1, true, out);
		buf_append_cstr(out, ",\n");
	}
	pretty(expr->aggregate.expr, level + 1, true, out);
	buf_append_byte(out, '\n');
	indent(level, out);
	buf_append_byte(out, ')');
}

static void pretty_binary(const struct promql_expr *expr, unsigned level, bool indented,
			  struct buf *out)
{
	pretty(expr->binary.left, level + 1, indented, out);
	buf_append_byte(out, '\n');
	indent(level, out);
	promql_print_operator(expr, out);
	buf_append_byte(out, '\n');
	pretty(expr->binary.right, level + 1, true, out);
}

/* `indented`: starts a line, so it starts with `level` indents. */
static void pretty(const struct promql_expr *expr, unsigned level, bool indented, struct buf *out)
{
	bool split = is_long(expr);
	/*
	 * A subquery that fits is written without an indent, and what is split brings that of
	 * its first part.
	 */
	if (indented && expr->kind != PROMQL_SUBQUERY && !(split && expr->kind == PROMQL_BINARY))
		indent(level, out);
	if (!split && expr->kind != PROMQL_UNARY) {
		promql_print(expr, out);
		return;
	}
	switch (expr->kind) {
	case PROMQL_PAREN:
		buf_append_cstr(out, "(\n");
		pretty(expr->paren, level + 1, true, out);
		buf_append_byte(out, '\n');
		indent(level, out);
		buf_append_byte(out, ')');
		break;
	case PROMQL_UNARY:
		buf_append_cstr(out, promql_op_text(expr->unary.op));
		pretty(expr->unary.expr, level, false, out);
		break;
	case PROMQL_BINARY:
		pretty_binary(expr, level, indented, out);
		break;
	case PROMQL_AGGREGATE:
		pretty_aggregate(expr, level, out);
		break;
	case PROMQL_CALL:
		pretty_args(expr, level, out);
		break;
	case PROMQL_SUBQUERY:
		pretty(expr->subquery.expr, level, indented, out);
		promql_print_subquery_suffix(expr, out);
		break;
	default:
		promql_print(expr, out);
		break;
	}
}

void promql_pretty(const struct promql_expr *expr, struct buf *out)
{
	pretty(expr, 0, true, out);
}
