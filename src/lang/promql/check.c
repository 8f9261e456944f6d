/* Types of operands and arguments, once the whole expression is well-formed. */
#include "lang/promql/parse_int.h"
#include "lang/promql/print.h"

static bool check(struct promql_parser *p, struct promql_expr *expr);

static bool expect_type(struct promql_parser *p, struct promql_expr *expr, enum promql_type want,
			const char *context)
{
	if (!check(p, expr))
		return false;
	if (expr->type != want)
		return promql_fail(p, expr->pos.start, "expected type %s in %s, got %s",
				   promql_type_name(want), context, promql_type_name(expr->type));
	return true;
}

static bool check_aggregate(struct promql_parser *p, struct promql_expr *expr)
{
	if (!expect_type(p, expr->aggregate.expr, PROMQL_TYPE_VECTOR, "aggregation expression"))
		return false;
	if (!expr->aggregate.param)
		return true;
	enum promql_type want =
		expr->aggregate.op == PROMQL_COUNT_VALUES ? PROMQL_TYPE_STRING : PROMQL_TYPE_SCALAR;
	return expect_type(p, expr->aggregate.param, want, "aggregation parameter");
}

/* --- binary operators ----------------------------------------------------------------- */

static bool is_comparison(enum promql_op op)
{
	return op >= PROMQL_EQL && op <= PROMQL_LTE;
}

static bool is_set(enum promql_op op)
{
	return op == PROMQL_AND || op == PROMQL_OR || op == PROMQL_UNLESS;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Where the operator stands. */
static uint32_t operator_pos(const struct promql_parser *p, const struct promql_expr *expr)
{
	uint32_t pos = expr->binary.left->pos.end;
	while (pos < p->text.len && is_space(p->text.ptr[pos]))
		pos++;
	return pos;
}

static bool check_labels(struct promql_parser *p, const struct promql_expr *expr)
{
	const struct promql_matching *matching = expr->binary.matching;
	if (!matching->on)
		return true;
	for (uint32_t i = 0; i < matching->label_count; i++) {
		for (uint32_t k = 0; k < matching->include_count; k++) {
			if (slice_eq(matching->labels[i], matching->include[k]))
				return promql_fail(p, operator_pos(p, expr),
						   "label %s must not occur in ON and GROUP clause "
						   "at once",
						   promql_quoted(p, matching->labels[i]));
		}
	}
	return true;
}

static bool is_operand(enum promql_type type)
{
	return type == PROMQL_TYPE_SCALAR || type == PROMQL_TYPE_VECTOR;
}

static bool check_operands(struct promql_parser *p, const struct promql_expr *expr)
{
	const struct promql_expr *sides[] = {expr->binary.left, expr->binary.right};
	for (int i = 0; i < 2; i++) {
		if (!is_operand(sides[i]->type))
			return promql_fail(p, sides[i]->pos.start,
					   "binary expression must contain only scalar and "
					   "instant vector types");
	}
	return true;
}

/* How vectors are matched. Not both sides are: then there is no matching. */
static bool check_matching(struct promql_parser *p, struct promql_expr *expr)
{
	struct promql_matching *matching = expr->binary.matching;
	enum promql_op op = expr->binary.op;
	uint32_t pos = expr->pos.start;
	bool fill = matching->has_fill_left || matching->has_fill_right;
	if (expr->binary.left->type != PROMQL_TYPE_VECTOR ||
	    expr->binary.right->type != PROMQL_TYPE_VECTOR) {
		if (matching->label_count)
			return promql_fail(p, pos,
					   "vector matching only allowed between instant vectors");
		if (fill)
			return promql_fail(
				p, pos,
				"filling in missing series only allowed between instant vectors");
		expr->binary.matching = NULL;
		if (is_set(op))
			return promql_fail(
				p, pos, "set operator %s not allowed in binary scalar expression",
				promql_quoted(p, slice_of(promql_op_text(op))));
		return true;
	}
	if (!is_set(op))
		return true;
	if (matching->card != PROMQL_MANY_TO_MANY)
		return promql_fail(p, pos, "no grouping allowed for %s operation",
				   promql_quoted(p, slice_of(promql_op_text(op))));
	if (fill)
		return promql_fail(p, pos,
				   "filling in missing series not allowed for set operators");
	return true;
}

static bool check_binary(struct promql_parser *p, struct promql_expr *expr)
{
	struct promql_expr *left = expr->binary.left, *right = expr->binary.right;
	enum promql_op op = expr->binary.op;
	if (!check(p, left) || !check(p, right))
		return false;
	if (expr->binary.return_bool && !is_comparison(op))
		return promql_fail(p, operator_pos(p, expr),
				   "bool modifier can only be used on comparison operators");
	if (is_comparison(op) && !expr->binary.return_bool && left->type == PROMQL_TYPE_SCALAR &&
	    right->type == PROMQL_TYPE_SCALAR)
		return promql_fail(p, operator_pos(p, expr),
				   "comparisons between scalars must use BOOL modifier");
	if (is_set(op) && expr->binary.matching->card == PROMQL_ONE_TO_ONE)
		expr->binary.matching->card = PROMQL_MANY_TO_MANY;
	return check_labels(p, expr) && check_operands(p, expr) && check_matching(p, expr);
}

/* --- calls ---------------------------------------------------------------------------- */

static enum promql_type type_of_letter(char letter)
{
	switch (letter) {
	case 's':
		return PROMQL_TYPE_SCALAR;
	case 'v':
		return PROMQL_TYPE_VECTOR;
	case 'm':
		return PROMQL_TYPE_MATRIX;
	default:
		return PROMQL_TYPE_STRING;
	}
}

static bool check_arg_count(struct promql_parser *p, const struct promql_expr *expr)
{
	const struct promql_function *f = expr->call.function;
	uint32_t count = expr->call.arg_count;
	if (f->least == f->most && count != f->least)
		return promql_fail(p, expr->pos.start,
				   "expected %u argument(s) in call to \"%s\", got %u", f->least,
				   f->name, count);
	if (count < f->least)
		return promql_fail(p, expr->pos.start,
				   "expected at least %u argument(s) in call to \"%s\", got %u",
				   f->least, f->name, count);
	if (f->most != PROMQL_ANY_NUMBER && count > f->most)
		return promql_fail(p, expr->pos.start,
				   "expected at most %u argument(s) in call to \"%s\", got %u",
				   f->most, f->name, count);
	return true;
}

/* info()'s second argument is a selector of labels: no metric name, and it may match anything. */
static bool check_info(struct promql_parser *p, const struct promql_expr *expr)
{
	const struct promql_expr *selector = expr->call.args[1];
	if (selector->type != PROMQL_TYPE_VECTOR)
		return promql_fail(
			p, expr->pos.start, "expected type %s in call to function \"info\", got %s",
			promql_type_name(PROMQL_TYPE_VECTOR), promql_type_name(selector->type));
	if (selector->kind != PROMQL_VECTOR)
		return promql_fail(p, selector->pos.start, "expected label selectors only");
	if (selector->vector.name.len)
		return promql_fail(p, selector->pos.start,
				   "expected label selectors only, got vector selector instead");
	return true;
}

static bool check_call(struct promql_parser *p, struct promql_expr *expr)
{
	const struct promql_function *f = expr->call.function;
	bool info = f->id == PROMQL_FN_info && expr->call.arg_count > 1;
	if (!check_arg_count(p, expr) || (info && !check_info(p, expr)))
		return false;
	size_t types = strlen(f->args);
	for (uint32_t i = 0; i < expr->call.arg_count; i++) {
		struct promql_expr *arg = expr->call.args[i];
		enum promql_type want = type_of_letter(f->args[i < types ? i : types - 1]);
		if (!(info && i == 1) && !check(p, arg))
			return false;
		if (arg->type != want)
			return promql_fail(p, arg->pos.start,
					   "expected type %s in call to function \"%s\", got %s",
					   promql_type_name(want), f->name,
					   promql_type_name(arg->type));
	}
	return true;
}

/* --- the rest ------------------------------------------------------------------------- */

static bool check_selector(struct promql_parser *p, const struct promql_expr *expr)
{
	const struct promql_selector *selector = &expr->vector;
	if (selector->name.len == 0) {
		/* Else a slip of the pen would select everything. */
		for (uint32_t i = 0; i < selector->matcher_count; i++) {
			if (!selector->matchers[i].matches_empty)
				return true;
		}
		return promql_fail(p, expr->pos.start,
				   "vector selector must contain at least one non-empty matcher");
	}
	for (uint32_t i = 0; i + 1 < selector->matcher_count; i++) {
		if (slice_eq_cstr(selector->matchers[i].name, "__name__"))
			return promql_fail(p, expr->pos.start,
					   "metric name must not be set twice: %s or %s",
					   promql_quoted(p, selector->name),
					   promql_quoted(p, selector->matchers[i].value));
	}
	return true;
}

static bool check_subquery(struct promql_parser *p, struct promql_expr *expr)
{
	/* The API's words for the types, not those of the documentation. */
	static const char *const names[] = {"none", "scalar", "vector", "matrix", "string"};
	struct promql_expr *inner = expr->subquery.expr;
	if (!check(p, inner))
		return false;
	if (inner->type != PROMQL_TYPE_VECTOR)
		return promql_fail(p, expr->pos.start,
				   "subquery is only allowed on instant vector, got %s instead",
				   names[inner->type]);
	return true;
}

static bool check_unary(struct promql_parser *p, struct promql_expr *expr)
{
	struct promql_expr *inner = expr->unary.expr;
	if (!check(p, inner))
		return false;
	if (!is_operand(inner->type))
		return promql_fail(p, expr->pos.start,
				   "unary expression only allowed on expressions of type scalar or "
				   "instant vector, got \"%s\"",
				   promql_type_name(inner->type));
	return true;
}

static bool check(struct promql_parser *p, struct promql_expr *expr)
{
	switch (expr->kind) {
	case PROMQL_NUMBER:
	case PROMQL_STRING:
		return true;
	case PROMQL_PAREN:
		return check(p, expr->paren);
	case PROMQL_UNARY:
		return check_unary(p, expr);
	case PROMQL_BINARY:
		return check_binary(p, expr);
	case PROMQL_AGGREGATE:
		return check_aggregate(p, expr);
	case PROMQL_CALL:
		return check_call(p, expr);
	case PROMQL_VECTOR:
		return check_selector(p, expr);
	case PROMQL_MATRIX:
		return check_selector(p, expr->matrix.vector);
	case PROMQL_SUBQUERY:
		return check_subquery(p, expr);
	}
	return true;
}

bool promql_check(struct promql_parser *p, struct promql_expr *expr)
{
	return check(p, expr);
}
