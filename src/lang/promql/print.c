/* An expression on one line, as Prometheus' printer.go writes it. */
#include "lang/promql/print.h"

#include <stdlib.h>

#include "lang/promql/number.h"
#include "lang/promql/parse.h"
#include "lang/promql/quote.h"

const char *promql_op_text(enum promql_op op)
{
	static const char *const texts[] = {
		[PROMQL_ADD] = "+",       [PROMQL_SUB] = "-",         [PROMQL_MUL] = "*",
		[PROMQL_DIV] = "/",       [PROMQL_MOD] = "%",         [PROMQL_POW] = "^",
		[PROMQL_ATAN2] = "atan2", [PROMQL_EQL] = "==",        [PROMQL_NEQ] = "!=",
		[PROMQL_GTR] = ">",       [PROMQL_LSS] = "<",         [PROMQL_GTE] = ">=",
		[PROMQL_LTE] = "<=",      [PROMQL_TRIM_UPPER] = "</", [PROMQL_TRIM_LOWER] = ">/",
		[PROMQL_AND] = "and",     [PROMQL_OR] = "or",         [PROMQL_UNLESS] = "unless",
	};
	return texts[op];
}

const char *promql_aggregation_text(enum promql_aggregation op)
{
	static const char *const texts[] = {
		[PROMQL_SUM] = "sum",           [PROMQL_AVG] = "avg",
		[PROMQL_COUNT] = "count",       [PROMQL_MIN] = "min",
		[PROMQL_MAX] = "max",           [PROMQL_GROUP] = "group",
		[PROMQL_STDDEV] = "stddev",     [PROMQL_STDVAR] = "stdvar",
		[PROMQL_TOPK] = "topk",         [PROMQL_BOTTOMK] = "bottomk",
		[PROMQL_QUANTILE] = "quantile", [PROMQL_COUNT_VALUES] = "count_values",
		[PROMQL_LIMITK] = "limitk",     [PROMQL_LIMIT_RATIO] = "limit_ratio",
	};
	return texts[op];
}

/* --- names and labels ----------------------------------------------------------------- */

/* Letters, digits and underscores, no digit first: needs no quotes. */
static bool is_plain_name(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i], lower = (char)(c | 0x20);
		if (c != '_' && !(lower >= 'a' && lower <= 'z') && !(i > 0 && c >= '0' && c <= '9'))
			return false;
	}
	return name.len > 0;
}

static void print_name(struct slice name, struct buf *out)
{
	if (is_plain_name(name))
		buf_append_slice(out, name);
	else
		promql_quote(name, out);
}

static void print_labels(const struct slice *labels, uint32_t count, struct buf *out)
{
	buf_append_byte(out, '(');
	for (uint32_t i = 0; i < count; i++) {
		if (i)
			buf_append_cstr(out, ", ");
		print_name(labels[i], out);
	}
	buf_append_byte(out, ')');
}

/* --- durations ------------------------------------------------------------------------ */

/* A number of seconds that was written as a duration. */
static void print_seconds(double seconds, struct buf *out)
{
	double ns = (seconds < 0 ? -seconds : seconds) * 1e9;
	if (seconds < 0)
		buf_append_byte(out, '-');
	promql_duration_text(ns < 0x1p63 ? (int64_t)ns / 1000000 : INT64_MAX / 1000000, out);
}

static void print_duration(const struct promql_duration *d, struct buf *out);

static void print_duration_pair(const struct promql_duration *d, const char *before,
				const char *between, const char *behind, struct buf *out)
{
	buf_append_cstr(out, before);
	if (d->left)
		print_duration(d->left, out);
	buf_append_cstr(out, between);
	print_duration(d->right, out);
	buf_append_cstr(out, behind);
}

static void print_duration(const struct promql_duration *d, struct buf *out)
{
	if (d->wrapped)
		buf_append_byte(out, '(');
	switch (d->op) {
	case PROMQL_DURATION_NUMBER:
		if (d->is_duration)
			print_seconds(d->seconds, out);
		else
			promql_number_plain(d->seconds, out);
		break;
	case PROMQL_DURATION_ADD:
		print_duration_pair(d, "", " + ", "", out);
		break;
	case PROMQL_DURATION_SUB:
		print_duration_pair(d, "", d->left ? " - " : "-", "", out);
		break;
	case PROMQL_DURATION_MUL:
		print_duration_pair(d, "", " * ", "", out);
		break;
	case PROMQL_DURATION_DIV:
		print_duration_pair(d, "", " / ", "", out);
		break;
	case PROMQL_DURATION_MOD:
		print_duration_pair(d, "", " % ", "", out);
		break;
	case PROMQL_DURATION_POW:
		print_duration_pair(d, "", " ^ ", "", out);
		break;
	case PROMQL_DURATION_STEP:
		buf_append_cstr(out, "step()");
		break;
	case PROMQL_DURATION_RANGE:
		buf_append_cstr(out, "range()");
		break;
	case PROMQL_DURATION_MIN:
		print_duration_pair(d, "min_of(", ", ", ")", out);
		break;
	case PROMQL_DURATION_MAX:
		print_duration_pair(d, "max_of(", ", ", ")", out);
		break;
	}
	if (d->wrapped)
		buf_append_byte(out, ')');
}

static void print_range(int64_t ms, const struct promql_duration *expr, struct buf *out)
{
	if (expr)
		print_duration(expr, out);
	else
		promql_duration_text(ms, out);
}

static void print_at(const struct promql_modifiers *m, struct buf *out)
{
	if (m->at == PROMQL_AT_TIME)
		buf_appendf(out, " @ %.3f", (double)m->at_time / 1000.0);
	else if (m->at != PROMQL_AT_NONE)
		buf_append_cstr(out, m->at == PROMQL_AT_START ? " @ start()" : " @ end()");
}

static void print_offset(const struct promql_modifiers *m, struct buf *out)
{
	if (!m->offset && !m->offset_expr)
		return;
	buf_append_cstr(out, " offset ");
	print_range(m->offset, m->offset_expr, out);
}

/* --- selectors ------------------------------------------------------------------------ */

static void print_matcher(const struct promql_matcher *matcher, struct buf *out)
{
	static const char *const ops[] = {"=", "!=", "=~", "!~"};
	print_name(matcher->name, out);
	buf_append_cstr(out, ops[matcher->op]);
	promql_quote(matcher->value, out);
}

static int by_text(const void *a, const void *b)
{
	const struct buf *left = a, *right = b;
	size_t shorter = left->len < right->len ? left->len : right->len;
	int order = shorter ? memcmp(left->data, right->data, shorter) : 0;
	return order ? order : (left->len > right->len) - (left->len < right->len);
}

/* In the order of their texts; the metric's name is left out when it stands before the brace. */
static void print_matchers(const struct promql_selector *s, struct buf *out)
{
	struct buf *texts = s->matcher_count ? calloc(s->matcher_count, sizeof(*texts)) : NULL;
	uint32_t count = 0;
	if (!texts) {
		out->failed |= s->matcher_count > 0;
		return;
	}
	for (uint32_t i = 0; i < s->matcher_count; i++) {
		const struct promql_matcher *m = &s->matchers[i];
		if (m->op == PROMQL_MATCH_EQ && m->value.len && slice_eq(m->value, s->name) &&
		    slice_eq_cstr(m->name, "__name__"))
			continue;
		buf_init(&texts[count]);
		print_matcher(m, &texts[count++]);
	}
	if (count) {
		qsort(texts, count, sizeof(*texts), by_text);
		buf_append_byte(out, '{');
		for (uint32_t i = 0; i < count; i++) {
			if (i)
				buf_append_byte(out, ',');
			buf_append_slice(out, buf_slice(&texts[i]));
			out->failed |= texts[i].failed;
			buf_release(&texts[i]);
		}
		buf_append_byte(out, '}');
	}
	free(texts);
}

static void print_extended(const struct promql_selector *s, struct buf *out)
{
	if (s->anchored)
		buf_append_cstr(out, " anchored");
	else if (s->smoothed)
		buf_append_cstr(out, " smoothed");
}

static void print_vector(const struct promql_selector *s, struct buf *out)
{
	buf_append_slice(out, s->name);
	print_matchers(s, out);
	print_at(&s->modifiers, out);
	print_extended(s, out);
	print_offset(&s->modifiers, out);
}

/* The modifiers of a range vector's selector stand behind its range. */
static void print_matrix(const struct promql_expr *expr, struct buf *out)
{
	const struct promql_selector *s = &expr->matrix.vector->vector;
	buf_append_slice(out, s->name);
	print_matchers(s, out);
	buf_append_byte(out, '[');
	print_range(expr->matrix.range, expr->matrix.range_expr, out);
	buf_append_byte(out, ']');
	print_extended(s, out);
	print_at(&s->modifiers, out);
	print_offset(&s->modifiers, out);
}

void promql_print_subquery_suffix(const struct promql_expr *expr, struct buf *out)
{
	buf_append_byte(out, '[');
	print_range(expr->subquery.range, expr->subquery.range_expr, out);
	buf_append_byte(out, ':');
	if (expr->subquery.step || expr->subquery.step_expr)
		print_range(expr->subquery.step, expr->subquery.step_expr, out);
	buf_append_byte(out, ']');
	print_at(&expr->subquery.modifiers, out);
	print_offset(&expr->subquery.modifiers, out);
}

/* --- operators, aggregations, calls --------------------------------------------------- */

static void print_fill(const char *word, double value, struct buf *out)
{
	buf_appendf(out, " %s (", word);
	promql_number_short(value, out);
	buf_append_byte(out, ')');
}

static void print_matching(const struct promql_matching *m, struct buf *out)
{
	bool grouped = m->card == PROMQL_MANY_TO_ONE || m->card == PROMQL_ONE_TO_MANY;
	if (m->label_count || m->on || grouped) {
		buf_append_cstr(out, m->on ? " on " : " ignoring ");
		print_labels(m->labels, m->label_count, out);
	}
	if (grouped) {
		buf_append_cstr(out,
				m->card == PROMQL_MANY_TO_ONE ? " group_left " : " group_right ");
		print_labels(m->include, m->include_count, out);
	}
	if (m->has_fill_left && m->has_fill_right && m->fill_left == m->fill_right) {
		print_fill("fill", m->fill_left, out);
		return;
	}
	if (m->has_fill_left)
		print_fill("fill_left", m->fill_left, out);
	if (m->has_fill_right)
		print_fill("fill_right", m->fill_right, out);
}

void promql_print_operator(const struct promql_expr *expr, struct buf *out)
{
	buf_append_cstr(out, promql_op_text(expr->binary.op));
	if (expr->binary.return_bool)
		buf_append_cstr(out, " bool");
	if (expr->binary.matching)
		print_matching(expr->binary.matching, out);
}

void promql_print_aggregation(const struct promql_expr *expr, struct buf *out)
{
	buf_append_cstr(out, promql_aggregation_text(expr->aggregate.op));
	if (!expr->aggregate.without && expr->aggregate.grouping_count == 0)
		return;
	buf_append_cstr(out, expr->aggregate.without ? " without " : " by ");
	print_labels(expr->aggregate.grouping, expr->aggregate.grouping_count, out);
	buf_append_byte(out, ' ');
}

static void print_aggregate(const struct promql_expr *expr, struct buf *out)
{
	promql_print_aggregation(expr, out);
	buf_append_byte(out, '(');
	if (expr->aggregate.param) {
		promql_print(expr->aggregate.param, out);
		buf_append_cstr(out, ", ");
	}
	promql_print(expr->aggregate.expr, out);
	buf_append_byte(out, ')');
}

static void print_call(const struct promql_expr *expr, struct buf *out)
{
	buf_append_cstr(out, expr->call.function->name);
	buf_append_byte(out, '(');
	for (uint32_t i = 0; i < expr->call.arg_count; i++) {
		if (i)
			buf_append_cstr(out, ", ");
		promql_print(expr->call.args[i], out);
	}
	buf_append_byte(out, ')');
}

void promql_print(const struct promql_expr *expr, struct buf *out)
{
	/* Who only wants to know whether it is short limits the buffer. */
	if (out->failed)
		return;
	switch (expr->kind) {
	case PROMQL_NUMBER:
		if (expr->number.is_duration)
			print_seconds(expr->number.value, out);
		else
			promql_number_plain(expr->number.value, out);
		break;
	case PROMQL_STRING:
		promql_quote(expr->string, out);
		break;
	case PROMQL_PAREN:
		buf_append_byte(out, '(');
		promql_print(expr->paren, out);
		buf_append_byte(out, ')');
		break;
	case PROMQL_UNARY:
		buf_append_cstr(out, promql_op_text(expr->unary.op));
		promql_print(expr->unary.expr, out);
		break;
	case PROMQL_BINARY:
		promql_print(expr->binary.left, out);
		buf_append_byte(out, ' ');
		promql_print_operator(expr, out);
		buf_append_byte(out, ' ');
		promql_print(expr->binary.right, out);
		break;
	case PROMQL_AGGREGATE:
		print_aggregate(expr, out);
		break;
	case PROMQL_CALL:
		print_call(expr, out);
		break;
	case PROMQL_VECTOR:
		print_vector(&expr->vector, out);
		break;
	case PROMQL_MATRIX:
		print_matrix(expr, out);
		break;
	case PROMQL_SUBQUERY:
		promql_print(expr->subquery.expr, out);
		promql_print_subquery_suffix(expr, out);
		break;
	}
}
