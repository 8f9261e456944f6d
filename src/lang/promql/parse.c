/*
 * Expressions. The grammar is Prometheus' generated_parser.y, read by recursive descent with
 * precedence climbing: an LALR table would need its `error` productions and default
 * reductions reproduced one by one to say the same words about the same mistakes.
 */
#include <math.h>
#include <stdio.h>

#include "lang/promql/parse_int.h"

/* Times of 64 bits end before it. */
#define TWO_TO_63 9223372036854775808.0

enum { LOWEST, LEVEL_OR, LEVEL_AND, LEVEL_COMPARE, LEVEL_ADD, LEVEL_MUL, LEVEL_POW };

static struct promql_expr *parse_expr(struct promql_parser *p, int least);

static struct promql_expr *new_expr(struct promql_parser *p, enum promql_kind kind,
				    enum promql_type type, uint32_t start, unsigned depth)
{
	if (depth > PROMQL_MAX_DEPTH)
		return promql_too_deep(p, start);
	struct promql_expr *expr = promql_alloc(p, sizeof(*expr));
	if (!expr)
		return NULL;
	*expr = (struct promql_expr){
		.kind = kind,
		.type = type,
		.depth = (uint16_t)depth,
		.pos = {start, p->last_end},
	};
	return expr;
}

static unsigned deeper(unsigned depth, const struct promql_expr *expr)
{
	return expr && expr->depth > depth ? expr->depth : depth;
}

/* --- calls and aggregations ----------------------------------------------------------- */

struct args {
	struct promql_expr **items;
	uint32_t count, capacity;
	unsigned depth; /* of the deepest */
};

static bool starts_expr(enum promql_token_kind kind)
{
	switch (kind) {
	case PQ_NUMBER:
	case PQ_DURATION:
	case PQ_STRING:
	case PQ_LEFT_PAREN:
	case PQ_LEFT_BRACE:
	case PQ_ADD:
	case PQ_SUB:
		return true;
	default:
		return promql_is_metric_word(kind);
	}
}

static bool parse_args(struct promql_parser *p, struct args *args)
{
	if (!promql_accept(p, PQ_LEFT_PAREN))
		return promql_unexpected(p, NULL, NULL);
	if (promql_accept(p, PQ_RIGHT_PAREN))
		return true;
	for (;;) {
		struct promql_expr *arg = parse_expr(p, LOWEST);
		struct promql_expr **items =
			arg ? promql_grow(p, args->items, args->count, &args->capacity, sizeof(arg))
			    : NULL;
		if (!items)
			return false;
		args->items = items;
		args->items[args->count++] = arg;
		args->depth = deeper(args->depth, arg);
		if (promql_accept(p, PQ_RIGHT_PAREN))
			return true;
		if (promql_peek(p) != PQ_COMMA)
			return promql_unexpected(p, NULL, NULL);
		struct promql_token comma = promql_take(p);
		if (!starts_expr(promql_peek(p)))
			return promql_fail(p, comma.pos,
					   "trailing commas not allowed in function call args");
	}
}

static struct promql_expr *parse_call(struct promql_parser *p, struct promql_token name)
{
	struct args args = {0};
	if (!parse_args(p, &args))
		return NULL;
	const struct promql_function *function = promql_function_find(name.text);
	if (!function)
		return promql_fail(p, name.pos, "unknown function with name %s",
				   promql_quoted(p, name.text));
	struct promql_expr *expr =
		new_expr(p, PROMQL_CALL, function->result, name.pos, args.depth + 1);
	if (expr) {
		expr->call.function = function;
		expr->call.args = args.items;
		expr->call.arg_count = args.count;
	}
	return expr;
}

static bool takes_param(enum promql_aggregation op)
{
	return op >= PROMQL_TOPK;
}

static bool grouping(struct promql_parser *p, struct promql_expr *aggregate)
{
	aggregate->aggregate.without = promql_take(p).kind == PQ_WITHOUT;
	return promql_parse_labels(p, &aggregate->aggregate.grouping,
				   &aggregate->aggregate.grouping_count);
}

static bool at_grouping(struct promql_parser *p)
{
	return promql_peek(p) == PQ_BY || promql_peek(p) == PQ_WITHOUT;
}

/* Behind the operator's name: by (…) and arguments, in either order. */
static struct promql_expr *parse_aggregate(struct promql_parser *p, struct promql_token name)
{
	struct args args = {0};
	struct promql_expr *expr = new_expr(p, PROMQL_AGGREGATE, PROMQL_TYPE_VECTOR, name.pos, 1);
	if (!expr)
		return NULL;
	expr->aggregate.op = (enum promql_aggregation)(name.kind - PQ_SUM);
	bool before = at_grouping(p);
	p->aggregations++;
	bool ok = (!before || grouping(p, expr)) && parse_args(p, &args);
	p->aggregations--;
	if (!ok || (!before && at_grouping(p) && !grouping(p, expr)) || p->status)
		return NULL;
	expr->pos.end = p->last_end;
	if (args.depth + 1 > PROMQL_MAX_DEPTH)
		return promql_too_deep(p, name.pos);
	expr->depth = (uint16_t)(args.depth + 1);
	uint32_t want = takes_param(expr->aggregate.op) ? 2 : 1;
	if (args.count == 0)
		return promql_fail(p, name.pos, "no arguments for aggregate expression provided");
	if (args.count != want)
		return promql_fail(p, name.pos,
				   "wrong number of arguments for aggregate expression provided, "
				   "expected %u, got %u",
				   want, args.count);
	expr->aggregate.param = want == 2 ? args.items[0] : NULL;
	expr->aggregate.expr = args.items[want - 1];
	return expr;
}

/* --- primary expressions -------------------------------------------------------------- */

static struct promql_expr *parse_number(struct promql_parser *p)
{
	struct promql_token token = promql_take(p);
	double value;
	if (!promql_token_number(p, token, &value))
		return NULL;
	struct promql_expr *expr = new_expr(p, PROMQL_NUMBER, PROMQL_TYPE_SCALAR, token.pos, 1);
	if (expr) {
		expr->number.value = value;
		expr->number.is_duration = token.kind == PQ_DURATION;
	}
	return expr;
}

static struct promql_expr *parse_string(struct promql_parser *p)
{
	struct promql_token token = promql_take(p);
	struct slice value;
	if (!promql_token_string(p, token, &value))
		return NULL;
	struct promql_expr *expr = new_expr(p, PROMQL_STRING, PROMQL_TYPE_STRING, token.pos, 1);
	if (expr)
		expr->string = value;
	return expr;
}

static struct promql_expr *parse_paren(struct promql_parser *p)
{
	struct promql_token open = promql_take(p);
	struct promql_expr *inner = parse_expr(p, LOWEST);
	if (!inner)
		return NULL;
	if (!promql_accept(p, PQ_RIGHT_PAREN))
		return promql_unexpected(p, NULL, NULL);
	struct promql_expr *expr =
		new_expr(p, PROMQL_PAREN, inner->type, open.pos, inner->depth + 1u);
	if (expr)
		expr->paren = inner;
	return expr;
}

/* A name: of an aggregation, a function or a metric, depending on what follows. */
static struct promql_expr *parse_named(struct promql_parser *p)
{
	struct promql_token name = promql_take(p);
	bool paren = promql_peek(p) == PQ_LEFT_PAREN;
	if (promql_token_is_aggregation(name.kind) && (paren || at_grouping(p)))
		return parse_aggregate(p, name);
	if (paren && (name.kind == PQ_IDENTIFIER || name.kind >= PQ_START))
		return parse_call(p, name);
	return promql_parse_selector(p, &name);
}

static struct promql_expr *parse_primary(struct promql_parser *p)
{
	enum promql_token_kind kind = promql_peek(p);
	if (kind == PQ_NUMBER || kind == PQ_DURATION)
		return parse_number(p);
	if (kind == PQ_STRING)
		return parse_string(p);
	if (kind == PQ_LEFT_PAREN)
		return parse_paren(p);
	if (kind == PQ_LEFT_BRACE)
		return promql_parse_selector(p, NULL);
	if (promql_is_metric_word(kind))
		return parse_named(p);
	return promql_unexpected(p, NULL, NULL);
}

/* --- what may follow an expression ---------------------------------------------------- */

/* NULL: neither a selector nor a subquery. */
static struct promql_modifiers *modifiers_of(struct promql_expr *expr)
{
	switch (expr->kind) {
	case PROMQL_VECTOR:
		return &expr->vector.modifiers;
	case PROMQL_MATRIX:
		return &expr->matrix.vector->vector.modifiers;
	case PROMQL_SUBQUERY:
		return &expr->subquery.modifiers;
	default:
		return NULL;
	}
}

static bool has_offset(const struct promql_modifiers *modifiers)
{
	return modifiers->offset || modifiers->offset_expr;
}

#define WHAT_MAY_BE_MODIFIED "an instant vector selector or range vector selector or a subquery"

static bool parse_offset(struct promql_parser *p, struct promql_expr *expr)
{
	int64_t offset;
	const struct promql_duration *offset_expr;
	promql_take(p);
	if (!promql_parse_offset(p, &offset, &offset_expr))
		return false;
	struct promql_modifiers *modifiers = modifiers_of(expr);
	if (!modifiers)
		return promql_fail(p, expr->pos.start,
				   "offset modifier must be preceded by " WHAT_MAY_BE_MODIFIED);
	if (has_offset(modifiers))
		return promql_fail(p, expr->pos.start, "offset may not be set multiple times");
	modifiers->offset = offset;
	modifiers->offset_expr = offset_expr;
	expr->pos.end = p->last_end;
	return true;
}

/* The time or start() or end() behind an `@`. */
static bool parse_at_time(struct promql_parser *p, enum promql_at *at, double *seconds)
{
	static const char context[] = "@", expected[] = "timestamp";
	enum promql_token_kind kind = promql_peek(p);
	if (kind == PQ_START || kind == PQ_END) {
		*at = kind == PQ_START ? PROMQL_AT_START : PROMQL_AT_END;
		promql_take(p);
		if (!promql_accept(p, PQ_LEFT_PAREN) || !promql_accept(p, PQ_RIGHT_PAREN))
			return promql_unexpected(p, context, expected);
		return true;
	}
	bool negative = kind == PQ_SUB;
	if (kind == PQ_ADD || kind == PQ_SUB) {
		promql_take(p);
		kind = promql_peek(p);
	}
	if (kind != PQ_NUMBER && kind != PQ_DURATION)
		return promql_unexpected(p, context, expected);
	*at = PROMQL_AT_TIME;
	if (!promql_token_number(p, promql_take(p), seconds))
		return false;
	if (negative)
		*seconds = -*seconds;
	return true;
}

/* Beyond what 64 bits hold, the far end. */
static int64_t seconds_to_ms(double seconds)
{
	double ms = round(seconds * 1000);
	if (ms >= TWO_TO_63)
		return INT64_MAX;
	return ms <= -TWO_TO_63 ? INT64_MIN : (int64_t)ms;
}

static bool parse_at(struct promql_parser *p, struct promql_expr *expr)
{
	enum promql_at at = PROMQL_AT_NONE;
	double seconds = 0;
	promql_take(p);
	if (!parse_at_time(p, &at, &seconds))
		return false;
	if (isnan(seconds) || seconds >= TWO_TO_63 || seconds <= -TWO_TO_63) {
		char text[32];
		if (isfinite(seconds))
			return promql_fail(p, expr->pos.start,
					   "timestamp out of bounds for @ modifier: %f", seconds);
		snprintf(text, sizeof(text), "%s",
			 isnan(seconds) ? "NaN"
			 : seconds > 0  ? "+Inf"
					: "-Inf");
		return promql_fail(p, expr->pos.start, "timestamp out of bounds for @ modifier: %s",
				   text);
	}
	struct promql_modifiers *modifiers = modifiers_of(expr);
	if (!modifiers)
		return promql_fail(p, expr->pos.start,
				   "@ modifier must be preceded by " WHAT_MAY_BE_MODIFIED);
	if (modifiers->at != PROMQL_AT_NONE)
		return promql_fail(p, expr->pos.start,
				   "@ <timestamp> may not be set multiple times");
	modifiers->at = at;
	modifiers->at_time = at == PROMQL_AT_TIME ? seconds_to_ms(seconds) : 0;
	expr->pos.end = p->last_end;
	return true;
}

/* `anchored` and `smoothed`. */
static bool parse_extended(struct promql_parser *p, struct promql_expr *expr)
{
	bool anchored = promql_take(p).kind == PQ_ANCHORED;
	const char *word = anchored ? "anchored" : "smoothed";
	struct promql_selector *selector = expr->kind == PROMQL_VECTOR ? &expr->vector
					   : expr->kind == PROMQL_MATRIX
						   ? &expr->matrix.vector->vector
						   : NULL;
	if (expr->kind == PROMQL_SUBQUERY)
		return promql_fail(p, expr->pos.start,
				   "%s modifier is not supported for subqueries", word);
	if (!selector)
		return promql_fail(p, expr->pos.start, "%s modifier not implemented", word);
	if (anchored)
		selector->anchored = true;
	else
		selector->smoothed = true;
	if (selector->anchored && selector->smoothed)
		return promql_fail(p, expr->pos.start,
				   "anchored and smoothed modifiers cannot be used together");
	return true;
}

static struct promql_expr *new_matrix(struct promql_parser *p, struct promql_expr *vector,
				      uint32_t bracket, int64_t range,
				      const struct promql_duration *range_expr)
{
	if (vector->kind != PROMQL_VECTOR)
		return promql_fail(p, bracket, "ranges only allowed for vector selectors");
	if (has_offset(&vector->vector.modifiers))
		return promql_fail(p, bracket, "no offset modifiers allowed before range");
	if (vector->vector.modifiers.at != PROMQL_AT_NONE)
		return promql_fail(p, bracket, "no @ modifiers allowed before range");
	struct promql_expr *expr =
		new_expr(p, PROMQL_MATRIX, PROMQL_TYPE_MATRIX, vector->pos.start, 2);
	if (expr) {
		expr->matrix.vector = vector;
		expr->matrix.range = range;
		expr->matrix.range_expr = range_expr;
	}
	return expr;
}

/* "[5m]" or "[5m:1m]" behind `inner`. */
static struct promql_expr *parse_brackets(struct promql_parser *p, struct promql_expr *inner)
{
	int64_t range, step = 0;
	const struct promql_duration *range_expr, *step_expr = NULL;
	struct promql_token open = promql_take(p);
	p->duration_context = "subquery or range selector";
	p->duration_expected = "number, duration, step(), or range()";
	if (!promql_parse_range(p, &range, &range_expr))
		return NULL;
	if (promql_accept(p, PQ_RIGHT_BRACKET))
		return new_matrix(p, inner, open.pos, range, range_expr);
	if (!promql_accept(p, PQ_COLON))
		return promql_unexpected(p, "subquery or range", "\":\" or \"]\"");
	p->duration_context = "subquery selector";
	p->duration_expected = "number, duration, step(), range(), or \"]\"";
	if (promql_peek(p) != PQ_RIGHT_BRACKET && !promql_parse_range(p, &step, &step_expr))
		return NULL;
	if (!promql_accept(p, PQ_RIGHT_BRACKET))
		return promql_unexpected(p, p->duration_context, "\"]\"");
	struct promql_expr *expr = new_expr(p, PROMQL_SUBQUERY, PROMQL_TYPE_MATRIX,
					    inner->pos.start, inner->depth + 1u);
	if (expr) {
		expr->subquery.expr = inner;
		expr->subquery.range = range;
		expr->subquery.range_expr = range_expr;
		expr->subquery.step = step;
		expr->subquery.step_expr = step_expr;
	}
	return expr;
}

static struct promql_expr *parse_postfix(struct promql_parser *p)
{
	struct promql_expr *expr = parse_primary(p);
	while (expr && !p->status) {
		bool ok = true;
		switch (promql_peek(p)) {
		case PQ_LEFT_BRACKET:
			expr = parse_brackets(p, expr);
			break;
		case PQ_OFFSET:
			ok = parse_offset(p, expr);
			break;
		case PQ_AT:
			ok = parse_at(p, expr);
			break;
		case PQ_ANCHORED:
		case PQ_SMOOTHED:
			ok = parse_extended(p, expr);
			break;
		default:
			return p->status ? NULL : expr;
		}
		if (!ok)
			return NULL;
	}
	return NULL;
}

/* --- operators ------------------------------------------------------------------------ */

static struct promql_expr *parse_unary(struct promql_parser *p)
{
	enum promql_token_kind kind = promql_peek(p);
	if (kind != PQ_ADD && kind != PQ_SUB)
		return parse_postfix(p);
	struct promql_token sign = promql_take(p);
	/* Of the operators only ^ binds stronger than a sign. */
	struct promql_expr *inner = parse_expr(p, LEVEL_POW);
	if (!inner)
		return NULL;
	if (inner->kind == PROMQL_NUMBER) {
		if (kind == PQ_SUB)
			inner->number.value = -inner->number.value;
		inner->pos.start = sign.pos;
		return inner;
	}
	struct promql_expr *expr =
		new_expr(p, PROMQL_UNARY, inner->type, sign.pos, inner->depth + 1u);
	if (expr) {
		expr->pos.end = inner->pos.end;
		expr->unary.op = kind == PQ_SUB ? PROMQL_SUB : PROMQL_ADD;
		expr->unary.expr = inner;
	}
	return expr;
}

static int operator_level(enum promql_token_kind kind, enum promql_op *op)
{
	static const struct {
		enum promql_token_kind kind;
		enum promql_op op;
		int level;
	} operators[] = {
		{PQ_ADD, PROMQL_ADD, LEVEL_ADD},
		{PQ_SUB, PROMQL_SUB, LEVEL_ADD},
		{PQ_MUL, PROMQL_MUL, LEVEL_MUL},
		{PQ_DIV, PROMQL_DIV, LEVEL_MUL},
		{PQ_MOD, PROMQL_MOD, LEVEL_MUL},
		{PQ_ATAN2, PROMQL_ATAN2, LEVEL_MUL},
		{PQ_POW, PROMQL_POW, LEVEL_POW},
		{PQ_EQLC, PROMQL_EQL, LEVEL_COMPARE},
		{PQ_NEQ, PROMQL_NEQ, LEVEL_COMPARE},
		{PQ_GTR, PROMQL_GTR, LEVEL_COMPARE},
		{PQ_LSS, PROMQL_LSS, LEVEL_COMPARE},
		{PQ_GTE, PROMQL_GTE, LEVEL_COMPARE},
		{PQ_LTE, PROMQL_LTE, LEVEL_COMPARE},
		{PQ_TRIM_UPPER, PROMQL_TRIM_UPPER, LEVEL_COMPARE},
		{PQ_TRIM_LOWER, PROMQL_TRIM_LOWER, LEVEL_COMPARE},
		{PQ_LAND, PROMQL_AND, LEVEL_AND},
		{PQ_LUNLESS, PROMQL_UNLESS, LEVEL_AND},
		{PQ_LOR, PROMQL_OR, LEVEL_OR},
	};
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		if (operators[i].kind == kind) {
			*op = operators[i].op;
			return operators[i].level;
		}
	}
	return -1;
}

/* "(5)" or "(-5)". */
static bool parse_fill_value(struct promql_parser *p, double *value)
{
	if (!promql_accept(p, PQ_LEFT_PAREN))
		return promql_unexpected(p, NULL, NULL);
	bool negative = promql_peek(p) == PQ_SUB;
	if (negative || promql_peek(p) == PQ_ADD)
		promql_take(p);
	if (promql_peek(p) != PQ_NUMBER && promql_peek(p) != PQ_DURATION)
		return promql_unexpected(p, NULL, NULL);
	if (!promql_token_number(p, promql_take(p), value))
		return false;
	if (negative)
		*value = -*value;
	return promql_accept(p, PQ_RIGHT_PAREN) || promql_unexpected(p, NULL, NULL);
}

/* fill, or fill_left and fill_right in either order. */
static bool parse_fill(struct promql_parser *p, struct promql_matching *matching)
{
	enum promql_token_kind kind = promql_peek(p);
	if (kind == PQ_FILL) {
		promql_take(p);
		if (!parse_fill_value(p, &matching->fill_left))
			return false;
		matching->fill_right = matching->fill_left;
		matching->has_fill_left = matching->has_fill_right = true;
		return true;
	}
	while ((kind == PQ_FILL_LEFT && !matching->has_fill_left) ||
	       (kind == PQ_FILL_RIGHT && !matching->has_fill_right)) {
		bool left = kind == PQ_FILL_LEFT;
		promql_take(p);
		if (!parse_fill_value(p, left ? &matching->fill_left : &matching->fill_right))
			return false;
		*(left ? &matching->has_fill_left : &matching->has_fill_right) = true;
		kind = promql_peek(p);
	}
	return true;
}

/* What stands between an operator and its right side. */
static bool parse_matching(struct promql_parser *p, struct promql_matching *matching,
			   bool *return_bool)
{
	*return_bool = promql_accept(p, PQ_BOOL);
	enum promql_token_kind kind = promql_peek(p);
	if (kind == PQ_ON || kind == PQ_IGNORING) {
		matching->on = promql_take(p).kind == PQ_ON;
		if (!promql_parse_labels(p, &matching->labels, &matching->label_count))
			return false;
		kind = promql_peek(p);
		if (kind == PQ_GROUP_LEFT || kind == PQ_GROUP_RIGHT) {
			promql_take(p);
			matching->card =
				kind == PQ_GROUP_LEFT ? PROMQL_MANY_TO_ONE : PROMQL_ONE_TO_MANY;
			/* Without labels, the right side or a fill follows. */
			if ((promql_peek(p) == PQ_LEFT_PAREN || !starts_expr(promql_peek(p))) &&
			    !promql_parse_labels(p, &matching->include, &matching->include_count))
				return false;
		}
	}
	return parse_fill(p, matching);
}

static struct promql_expr *parse_binary(struct promql_parser *p, struct promql_expr *left,
					enum promql_op op, int level)
{
	struct promql_matching *matching = promql_alloc(p, sizeof(*matching));
	if (!matching)
		return NULL;
	*matching = (struct promql_matching){.card = PROMQL_ONE_TO_ONE};
	bool return_bool;
	promql_take(p);
	if (!parse_matching(p, matching, &return_bool))
		return NULL;
	/* Only ^ goes from right to left. */
	struct promql_expr *right = parse_expr(p, level == LEVEL_POW ? level : level + 1);
	if (!right)
		return NULL;
	bool scalar = left->type == PROMQL_TYPE_SCALAR && right->type == PROMQL_TYPE_SCALAR;
	struct promql_expr *expr =
		new_expr(p, PROMQL_BINARY, scalar ? PROMQL_TYPE_SCALAR : PROMQL_TYPE_VECTOR,
			 left->pos.start, deeper(left->depth, right) + 1);
	if (expr) {
		expr->pos.end = right->pos.end;
		expr->binary.op = op;
		expr->binary.return_bool = return_bool;
		expr->binary.left = left;
		expr->binary.right = right;
		expr->binary.matching = matching;
	}
	return expr;
}

static struct promql_expr *parse_expr(struct promql_parser *p, int least)
{
	if (p->depth >= PROMQL_MAX_DEPTH)
		return promql_too_deep(p, p->last_end);
	p->depth++;
	struct promql_expr *expr = parse_unary(p);
	while (expr) {
		enum promql_op op;
		int level = operator_level(promql_peek(p), &op);
		if (level < 0 || level < least)
			break;
		expr = parse_binary(p, expr, op, level);
	}
	p->depth--;
	return p->status ? NULL : expr;
}

int promql_parse(const struct promql_expr **out, struct arena *arena, struct slice text,
		 struct error *err)
{
	struct promql_parser p;
	if (!promql_parser_init(&p, arena, text, err))
		return p.status;
	if (promql_peek(&p) == PQ_EOF) {
		promql_fail(&p, 0, "no expression found in input");
		return p.status;
	}
	struct promql_expr *expr = parse_expr(&p, LOWEST);
	if (expr && promql_peek(&p) != PQ_EOF)
		promql_unexpected(&p, NULL, NULL);
	if (p.status || !promql_check(&p, expr))
		return p.status;
	*out = expr;
	return STATUS_OK;
}
