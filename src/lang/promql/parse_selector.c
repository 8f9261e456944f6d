/* Vector selectors, the label lists of modifiers, and series as they stand in test files. */
#include <stdlib.h>

#include "base/regex.h"
#include "lang/promql/parse_int.h"
#include "wire/utf8.h"

struct matchers {
	struct promql_matcher *items;
	uint32_t count, capacity;
};

bool promql_is_metric_word(enum promql_token_kind kind)
{
	switch (kind) {
	case PQ_IDENTIFIER:
	case PQ_METRIC_IDENTIFIER:
	case PQ_BY:
	case PQ_FILL:
	case PQ_FILL_LEFT:
	case PQ_FILL_RIGHT:
	case PQ_LAND:
	case PQ_LOR:
	case PQ_LUNLESS:
	case PQ_OFFSET:
	case PQ_WITHOUT:
	case PQ_ANCHORED:
	case PQ_SMOOTHED:
	case PQ_START:
	case PQ_END:
	case PQ_STEP:
	case PQ_RANGE:
	case PQ_MAX_OF:
	case PQ_MIN_OF:
		return true;
	default:
		return promql_token_is_aggregation(kind);
	}
}

/* Words that may be a label's name in `by (…)` although they mean something elsewhere. */
static bool is_label_word(enum promql_token_kind kind)
{
	switch (kind) {
	case PQ_BOOL:
	case PQ_GROUP_LEFT:
	case PQ_GROUP_RIGHT:
	case PQ_IGNORING:
	case PQ_ON:
	case PQ_ATAN2:
		return true;
	case PQ_WITHOUT: /* as Prometheus has it */
		return false;
	default:
		return promql_is_metric_word(kind);
	}
}

/* --- matchers ------------------------------------------------------------------------- */

static bool add_matcher(struct promql_parser *p, struct matchers *list,
			const struct promql_matcher *matcher)
{
	struct promql_matcher *items =
		promql_grow(p, list->items, list->count, &list->capacity, sizeof(*matcher));
	if (!items)
		return false;
	list->items = items;
	list->items[list->count++] = *matcher;
	return true;
}

static bool add_name(struct promql_parser *p, struct matchers *list, struct slice name)
{
	struct promql_matcher matcher = {
		.op = PROMQL_MATCH_EQ,
		.matches_empty = name.len == 0,
		.name = SLICE("__name__"),
		.value = name,
	};
	return add_matcher(p, list, &matcher);
}

static bool match_op(enum promql_token_kind kind, enum promql_match_op *op)
{
	switch (kind) {
	case PQ_EQL:
		*op = PROMQL_MATCH_EQ;
		return true;
	case PQ_NEQ:
		*op = PROMQL_MATCH_NEQ;
		return true;
	case PQ_EQL_REGEX:
		*op = PROMQL_MATCH_RE;
		return true;
	case PQ_NEQ_REGEX:
		*op = PROMQL_MATCH_NRE;
		return true;
	default:
		return false;
	}
}

static bool check_regex(struct promql_parser *p, struct promql_matcher *matcher, uint32_t pos)
{
	struct regex *regex;
	struct error why;
	if (regex_new(&regex, matcher->value, &why) < 0)
		return promql_fail(p, pos, "%s", why.message);
	int empty = regex_match(regex, SLICE(""), &why);
	regex_free(regex);
	if (empty < 0)
		return promql_fail(p, pos, "%s", why.message);
	matcher->matches_empty = (empty == 1) == (matcher->op == PROMQL_MATCH_RE);
	return true;
}

/* name, operator, "value"; or "metric name". */
static bool parse_matcher(struct promql_parser *p, struct matchers *list)
{
	static const char context[] = "label matching";
	enum promql_token_kind kind = promql_peek(p);
	if (kind != PQ_IDENTIFIER && kind != PQ_STRING)
		return promql_unexpected(p, context, "identifier or \"}\"");
	struct promql_token name = promql_take(p);
	struct promql_matcher matcher = {.name = name.text};
	if (kind == PQ_STRING && !promql_token_string(p, name, &matcher.name))
		return false;
	if (!match_op(promql_peek(p), &matcher.op)) {
		if (kind == PQ_IDENTIFIER)
			return promql_unexpected(p, context, "label matching operator");
		return add_name(p, list, matcher.name);
	}
	promql_take(p);
	if (promql_peek(p) != PQ_STRING)
		return promql_unexpected(p, context, "string");
	if (!promql_token_string(p, promql_take(p), &matcher.value))
		return false;
	if (matcher.op == PROMQL_MATCH_EQ || matcher.op == PROMQL_MATCH_NEQ)
		matcher.matches_empty = (matcher.op == PROMQL_MATCH_EQ) == (matcher.value.len == 0);
	else if (!check_regex(p, &matcher, name.pos))
		return false;
	return add_matcher(p, list, &matcher);
}

/* The left brace is next. */
static bool parse_matchers(struct promql_parser *p, struct matchers *list)
{
	promql_take(p);
	while (!promql_accept(p, PQ_RIGHT_BRACE)) {
		if (!parse_matcher(p, list))
			return false;
		if (promql_accept(p, PQ_RIGHT_BRACE))
			break;
		if (!promql_accept(p, PQ_COMMA))
			return promql_unexpected(p, "label matching", "\",\" or \"}\"");
	}
	return !p->status;
}

struct promql_expr *promql_parse_selector(struct promql_parser *p, const struct promql_token *name)
{
	struct matchers list = {0};
	enum promql_token_kind kind = promql_peek(p);
	uint32_t start = name ? name->pos : p->token.pos;
	if (kind == PQ_LEFT_BRACE && !parse_matchers(p, &list))
		return NULL;
	if (name && !add_name(p, &list, name->text))
		return NULL;
	struct promql_expr *expr = promql_alloc(p, sizeof(*expr));
	if (!expr)
		return NULL;
	*expr = (struct promql_expr){
		.kind = PROMQL_VECTOR,
		.type = PROMQL_TYPE_VECTOR,
		.depth = 1,
		.pos = {start, p->last_end},
		.vector = {.name = name ? name->text : (struct slice){"", 0},
			   .matchers = list.items,
			   .matcher_count = list.count},
	};
	return expr;
}

/* --- label lists ---------------------------------------------------------------------- */

static bool parse_label(struct promql_parser *p, struct slice *label)
{
	enum promql_token_kind kind = promql_peek(p);
	if (kind != PQ_STRING && !is_label_word(kind))
		return promql_unexpected(p, "grouping opts", "label");
	struct promql_token token = promql_take(p);
	*label = token.text;
	if (kind != PQ_STRING)
		return true;
	if (!promql_token_string(p, token, label))
		return false;
	if (label->len == 0 || !utf8_valid(label->ptr, label->len))
		return promql_fail(p, token.pos, "invalid label name for grouping: %s",
				   promql_quoted(p, *label));
	return true;
}

bool promql_parse_labels(struct promql_parser *p, const struct slice **labels, uint32_t *count)
{
	struct slice *items = NULL;
	uint32_t n = 0, capacity = 0;
	if (!promql_accept(p, PQ_LEFT_PAREN))
		return promql_unexpected(p, "grouping opts", "\"(\"");
	while (!promql_accept(p, PQ_RIGHT_PAREN)) {
		if (!(items = promql_grow(p, items, n, &capacity, sizeof(*items))) ||
		    !parse_label(p, &items[n]))
			return false;
		n++;
		if (promql_accept(p, PQ_RIGHT_PAREN))
			break;
		if (!promql_accept(p, PQ_COMMA))
			return promql_unexpected(p, "grouping opts", "\",\" or \")\"");
	}
	*labels = items;
	*count = n;
	return !p->status;
}

/* --- series --------------------------------------------------------------------------- */

static bool parse_series_label(struct promql_parser *p, struct matchers *list)
{
	static const char context[] = "label set";
	enum promql_token_kind kind = promql_peek(p);
	if (kind != PQ_IDENTIFIER && kind != PQ_STRING)
		return promql_unexpected(p, context, "identifier or \"}\"");
	struct promql_token name = promql_take(p);
	struct promql_matcher label = {.op = PROMQL_MATCH_EQ, .name = name.text};
	if (kind == PQ_STRING && !promql_token_string(p, name, &label.name))
		return false;
	if (!promql_accept(p, PQ_EQL)) {
		if (kind == PQ_IDENTIFIER)
			return promql_unexpected(p, context, "\"=\"");
		return add_name(p, list, label.name);
	}
	if (promql_peek(p) != PQ_STRING)
		return promql_unexpected(p, context, "string");
	if (!promql_token_string(p, promql_take(p), &label.value))
		return false;
	label.matches_empty = label.value.len == 0;
	return add_matcher(p, list, &label);
}

static bool parse_series_labels(struct promql_parser *p, struct matchers *list)
{
	promql_take(p);
	while (!promql_accept(p, PQ_RIGHT_BRACE)) {
		if (!parse_series_label(p, list))
			return false;
		if (promql_accept(p, PQ_RIGHT_BRACE))
			break;
		if (!promql_accept(p, PQ_COMMA))
			return promql_unexpected(p, "label set", "\",\" or \"}\"");
	}
	return !p->status;
}

static int by_name(const void *a, const void *b)
{
	const struct promql_matcher *left = a, *right = b;
	size_t shorter = left->name.len < right->name.len ? left->name.len : right->name.len;
	int order = shorter ? memcmp(left->name.ptr, right->name.ptr, shorter) : 0;
	if (order)
		return order;
	return (left->name.len > right->name.len) - (left->name.len < right->name.len);
}

int promql_parse_series(const struct promql_matcher **labels, uint32_t *count, struct arena *arena,
			struct slice text, struct error *err)
{
	struct promql_parser p;
	struct matchers list = {0};
	if (!promql_parser_init(&p, arena, text, err))
		return p.status;
	if (promql_is_metric_word(promql_peek(&p)) && !add_name(&p, &list, promql_take(&p).text))
		return p.status;
	if (promql_peek(&p) == PQ_LEFT_BRACE && !parse_series_labels(&p, &list))
		return p.status;
	if (promql_peek(&p) != PQ_EOF)
		promql_unexpected(&p, NULL, NULL);
	if (p.status)
		return p.status;
	if (list.count)
		qsort(list.items, list.count, sizeof(list.items[0]), by_name);
	*labels = list.items;
	*count = list.count;
	return STATUS_OK;
}
