/* Durations in ranges, offsets and subqueries: numbers, step(), range() and arithmetic. */
#include <math.h>

#include "lang/promql/parse_int.h"

/* More terms than that are refused, as they may nest that deep. */
#define MAX_NODES PROMQL_MAX_DEPTH

enum { LOWEST, ADDITIVE, MULTIPLICATIVE, POWER };

static struct promql_duration *parse_duration(struct promql_parser *p, int least);

static void *unexpected(struct promql_parser *p)
{
	return promql_unexpected(p, p->duration_context, p->duration_expected);
}

static struct promql_duration *new_node(struct promql_parser *p, enum promql_duration_op op,
					uint32_t start)
{
	if (++p->duration_nodes > MAX_NODES)
		return promql_too_deep(p, start);
	struct promql_duration *node = promql_alloc(p, sizeof(*node));
	if (node)
		*node = (struct promql_duration){.op = op, .pos = {start, p->last_end}};
	return node;
}

/* Go's Duration counts nanoseconds in 64 bits. What Go makes of NaN is not worth having. */
static bool out_of_range(double seconds)
{
	return isnan(seconds) || seconds > 9223372036.854775807 || seconds < -9223372036.854775807;
}

static int64_t to_ms(double seconds)
{
	double ns = round(seconds * 1e9);
	if (ns >= 0x1p63)
		return INT64_MAX / 1000000;
	if (ns <= -0x1p63)
		return INT64_MIN / 1000000;
	return isnan(ns) ? 0 : (int64_t)ns / 1000000;
}

static struct promql_duration *number(struct promql_parser *p)
{
	struct promql_token token = promql_take(p);
	double seconds;
	if (!promql_token_number(p, token, &seconds))
		return NULL;
	struct promql_duration *node = new_node(p, PROMQL_DURATION_NUMBER, token.pos);
	if (!node)
		return NULL;
	node->seconds = seconds;
	node->is_duration = token.kind == PQ_DURATION;
	return node;
}

/* A sign before `node`: plain numbers take it in. */
static struct promql_duration *with_sign(struct promql_parser *p, struct promql_token sign,
					 struct promql_duration *node)
{
	if (node->op == PROMQL_DURATION_NUMBER && !node->wrapped) {
		if (sign.kind == PQ_SUB)
			node->seconds = -node->seconds;
		node->pos.start = sign.pos;
		return node;
	}
	if (sign.kind == PQ_ADD)
		return node;
	struct promql_duration *minus = new_node(p, PROMQL_DURATION_SUB, sign.pos);
	if (minus)
		minus->right = node;
	return minus;
}

static struct promql_duration *checked(struct promql_parser *p, struct promql_duration *node,
				       uint32_t pos)
{
	if (node && node->op == PROMQL_DURATION_NUMBER && !node->wrapped &&
	    out_of_range(node->seconds))
		return promql_fail(p, pos, "duration out of range");
	return node;
}

static struct promql_duration *parenthesized(struct promql_parser *p)
{
	struct promql_token open = promql_take(p);
	struct promql_duration *node = parse_duration(p, LOWEST);
	if (!node)
		return NULL;
	if (!promql_accept(p, PQ_RIGHT_PAREN))
		return unexpected(p);
	node->wrapped = true;
	node->pos = (struct promql_range){open.pos, p->last_end};
	return node;
}

/* step(), range(), min_of(a, b), max_of(a, b). */
static struct promql_duration *call(struct promql_parser *p)
{
	struct promql_token name = promql_take(p);
	if (!promql_accept(p, PQ_LEFT_PAREN))
		return unexpected(p);
	struct promql_duration *left = NULL, *right = NULL;
	if (name.kind == PQ_MIN_OF || name.kind == PQ_MAX_OF) {
		if (!(left = parse_duration(p, LOWEST)))
			return NULL;
		if (!promql_accept(p, PQ_COMMA))
			return unexpected(p);
		if (!(right = parse_duration(p, LOWEST)))
			return NULL;
	}
	if (!promql_accept(p, PQ_RIGHT_PAREN))
		return unexpected(p);
	enum promql_duration_op op = name.kind == PQ_STEP     ? PROMQL_DURATION_STEP
				     : name.kind == PQ_RANGE  ? PROMQL_DURATION_RANGE
				     : name.kind == PQ_MIN_OF ? PROMQL_DURATION_MIN
							      : PROMQL_DURATION_MAX;
	struct promql_duration *node = new_node(p, op, name.pos);
	if (node) {
		node->left = left;
		node->right = right;
	}
	return node;
}

static struct promql_duration *primary(struct promql_parser *p)
{
	struct promql_duration *node;
	struct promql_token sign;
	switch (promql_peek(p)) {
	case PQ_NUMBER:
	case PQ_DURATION:
		node = number(p);
		return node ? checked(p, node, node->pos.start) : NULL;
	case PQ_ADD:
	case PQ_SUB:
		sign = promql_take(p);
		/* Of the operators only ^ binds stronger than a sign. */
		node = parse_duration(p, POWER);
		return node ? checked(p, with_sign(p, sign, node), sign.pos) : NULL;
	case PQ_STEP:
	case PQ_RANGE:
	case PQ_MIN_OF:
	case PQ_MAX_OF:
		return call(p);
	case PQ_LEFT_PAREN:
		return parenthesized(p);
	default:
		return unexpected(p);
	}
}

static int operator_level(enum promql_token_kind kind, enum promql_duration_op *op)
{
	switch (kind) {
	case PQ_ADD:
		*op = PROMQL_DURATION_ADD;
		return ADDITIVE;
	case PQ_SUB:
		*op = PROMQL_DURATION_SUB;
		return ADDITIVE;
	case PQ_MUL:
		*op = PROMQL_DURATION_MUL;
		return MULTIPLICATIVE;
	case PQ_DIV:
		*op = PROMQL_DURATION_DIV;
		return MULTIPLICATIVE;
	case PQ_MOD:
		*op = PROMQL_DURATION_MOD;
		return MULTIPLICATIVE;
	case PQ_POW:
		*op = PROMQL_DURATION_POW;
		return POWER;
	default:
		return -1;
	}
}

static struct promql_duration *binary(struct promql_parser *p, struct promql_duration *left,
				      struct promql_token token, enum promql_duration_op op,
				      struct promql_duration *right)
{
	bool zero = right->op == PROMQL_DURATION_NUMBER && !right->wrapped && right->seconds == 0;
	if (zero && op == PROMQL_DURATION_DIV)
		return promql_fail(p, token.pos, "division by zero");
	if (zero && op == PROMQL_DURATION_MOD)
		return promql_fail(p, token.pos, "modulo by zero");
	struct promql_duration *node = new_node(p, op, left->pos.start);
	if (node) {
		node->left = left;
		node->right = right;
	}
	return node;
}

/* Operators of at least that level behind `left`. */
static struct promql_duration *climb(struct promql_parser *p, struct promql_duration *left,
				     int least)
{
	while (left) {
		enum promql_duration_op op;
		int level = operator_level(promql_peek(p), &op);
		if (level < 0 || level < least)
			break;
		struct promql_token token = promql_take(p);
		struct promql_duration *right =
			parse_duration(p, level == POWER ? POWER : level + 1);
		left = right ? binary(p, left, token, op, right) : NULL;
	}
	return p->status ? NULL : left;
}

static struct promql_duration *parse_duration(struct promql_parser *p, int least)
{
	if (p->depth >= PROMQL_MAX_DEPTH)
		return promql_too_deep(p, p->last_end);
	p->depth++;
	struct promql_duration *node = climb(p, primary(p), least);
	p->depth--;
	return node;
}

static bool deliver(struct promql_duration *node, int64_t *ms, const struct promql_duration **expr)
{
	if (!node)
		return false;
	bool plain = node->op == PROMQL_DURATION_NUMBER && !node->wrapped;
	*ms = plain ? to_ms(node->seconds) : 0;
	*expr = plain ? NULL : node;
	return true;
}

bool promql_parse_range(struct promql_parser *p, int64_t *ms, const struct promql_duration **expr)
{
	p->duration_nodes = 0;
	struct promql_duration *node = parse_duration(p, LOWEST);
	if (node && node->op == PROMQL_DURATION_NUMBER && !node->wrapped && node->seconds <= 0)
		return promql_fail(p, node->pos.start, "duration must be greater than 0");
	return deliver(node, ms, expr);
}

/*
 * Without parentheses an offset is one term, so that "a offset -2^2" is "(a offset -2)^2";
 * what starts with a parenthesis (but no sign) or two signs goes on with operators.
 */
static struct promql_duration *offset(struct promql_parser *p)
{
	struct promql_token sign = {.kind = PQ_EOF};
	struct promql_duration *node;
	enum promql_token_kind kind = promql_peek(p);
	if (kind == PQ_ADD || kind == PQ_SUB) {
		sign = promql_take(p);
		kind = promql_peek(p);
	}
	switch (kind) {
	case PQ_NUMBER:
	case PQ_DURATION:
		node = number(p);
		break;
	case PQ_STEP:
	case PQ_RANGE:
	case PQ_MIN_OF:
	case PQ_MAX_OF:
		node = call(p);
		break;
	case PQ_LEFT_PAREN:
		node = sign.kind == PQ_EOF ? parse_duration(p, LOWEST) : parenthesized(p);
		break;
	case PQ_ADD:
	case PQ_SUB:
		node = parse_duration(p, POWER);
		node = node ? checked(p, with_sign(p, sign, node), sign.pos) : NULL;
		return climb(p, node, LOWEST);
	default:
		return unexpected(p);
	}
	if (node && sign.kind != PQ_EOF)
		node = with_sign(p, sign, node);
	return node ? checked(p, node, node->pos.start) : NULL;
}

bool promql_parse_offset(struct promql_parser *p, int64_t *ms, const struct promql_duration **expr)
{
	p->duration_context = "offset";
	p->duration_expected = "number, duration, step(), or range()";
	p->duration_nodes = 0;
	return deliver(offset(p), ms, expr);
}
