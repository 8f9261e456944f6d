/* Which kind of expression is evaluated by what, and the simple kinds themselves. */
#include <math.h>

#include "query/promql/eval.h"
#include "query/promql/range_functions.h"

const struct promql_expr *eval_unwrap(const struct promql_expr *expr)
{
	while (expr->kind == PROMQL_PAREN)
		expr = expr->paren;
	return expr;
}

struct slice eval_string(const struct promql_expr *expr)
{
	return eval_unwrap(expr)->string;
}

struct slice metric_name(const struct labels *labels)
{
	return labels_get(labels, SLICE("__name__"));
}

struct promql_range arg_pos(const struct promql_expr *call, uint32_t arg)
{
	return call->call.args[arg]->pos;
}

/* --- step invariance ------------------------------------------------------------------ */

/* Functions whose result depends on when they are evaluated, whatever their arguments are. */
static bool depends_on_time(enum promql_function_id id)
{
	switch (id) {
	case PROMQL_FN_days_in_month:
	case PROMQL_FN_day_of_month:
	case PROMQL_FN_day_of_week:
	case PROMQL_FN_day_of_year:
	case PROMQL_FN_hour:
	case PROMQL_FN_minute:
	case PROMQL_FN_month:
	case PROMQL_FN_year:
	case PROMQL_FN_predict_linear:
	case PROMQL_FN_time:
	case PROMQL_FN_timestamp:
		return true;
	default:
		return false;
	}
}

/* True when the expression is the same at all steps: every selector in it is fixed by `@`. */
static bool is_invariant(const struct promql_expr *expr)
{
	switch (expr->kind) {
	case PROMQL_NUMBER:
	case PROMQL_STRING:
		return true;
	case PROMQL_PAREN:
		return is_invariant(expr->paren);
	case PROMQL_UNARY:
		return is_invariant(expr->unary.expr);
	case PROMQL_BINARY:
		return is_invariant(expr->binary.left) && is_invariant(expr->binary.right);
	case PROMQL_AGGREGATE:
		return is_invariant(expr->aggregate.expr) &&
		       (!expr->aggregate.param || is_invariant(expr->aggregate.param));
	case PROMQL_CALL:
		if (depends_on_time(expr->call.function->id))
			return false;
		for (uint32_t i = 0; i < expr->call.arg_count; i++) {
			if (!is_invariant(expr->call.args[i]))
				return false;
		}
		return true;
	case PROMQL_VECTOR:
		return expr->vector.modifiers.at != PROMQL_AT_NONE;
	case PROMQL_MATRIX:
		return is_invariant(expr->matrix.vector);
	case PROMQL_SUBQUERY:
		return expr->subquery.modifiers.at != PROMQL_AT_NONE;
	}
	return false;
}

struct repeat_sink {
	struct row_sink rows;
	struct eval *e;
	struct grid grid;
	struct row *row;
	struct row_sink *sink;
};

static int put_repeated(struct row_sink *rows, const struct row *once, struct error *err)
{
	struct repeat_sink *self = (struct repeat_sink *)rows;
	struct point point = row_point(once, 0);
	self->row->labels = once->labels;
	self->row->drop_name = once->drop_name;
	for (uint32_t i = 0; i < self->grid.count; i++) {
		int rc = row_set(self->e, self->row, self->grid, i, point, err);
		if (rc < 0)
			return rc;
	}
	return self->sink->put(self->sink, self->row, err);
}

/* Evaluates what is the same at all steps at the first one only. */
static int eval_once(struct eval *e, const struct promql_expr *expr, struct grid grid,
		     struct row_sink *sink, struct error *err)
{
	struct repeat_sink repeat = {.rows = {put_repeated}, .e = e, .grid = grid, .sink = sink};
	struct grid first = {grid.start, grid.step, 1};
	repeat.row = row_new(e, grid, err);
	return repeat.row ? eval_vector(e, expr, first, &repeat.rows, err) : STATUS_LIMIT;
}

/* --- scalars -------------------------------------------------------------------------- */

/* A scalar as a row without labels. */
static int put_scalar(struct eval *e, const struct promql_expr *expr, struct grid grid,
		      struct row_sink *sink, struct error *err)
{
	struct row *row = row_new(e, grid, err);
	if (!row)
		return STATUS_LIMIT;
	row->labels = labels_new(e->arena, NULL, 0);
	if (!row->labels)
		return eval_over_budget(err);
	int rc = eval_scalar(e, expr, grid, row->value, err);
	if (rc < 0)
		return rc;
	memset(row->kind, POINT_FLOAT, grid.count);
	return sink->put(sink, row, err);
}

struct scalar_sink {
	struct row_sink rows;
	struct grid grid;
	double *out;
	uint32_t *seen; /* elements at each step */
};

static int count_elements(struct row_sink *rows, const struct row *row, struct error *err)
{
	struct scalar_sink *self = (struct scalar_sink *)rows;
	for (uint32_t i = 0; i < self->grid.count; i++) {
		if (row->kind[i] == POINT_FLOAT)
			self->out[i] = self->seen[i]++ ? NAN : row->value[i];
	}
	return 0;
}

/* scalar(v): the one element's value, else NaN; histograms do not count. */
static int scalar_of_vector(struct eval *e, const struct promql_expr *expr, struct grid grid,
			    double *out, struct error *err)
{
	struct scalar_sink sink = {.rows = {count_elements}, .grid = grid, .out = out};
	sink.seen = arena_array(e->arena, grid.count, sizeof(uint32_t));
	if (!sink.seen)
		return eval_over_budget(err);
	memset(sink.seen, 0, grid.count * sizeof(uint32_t));
	for (uint32_t i = 0; i < grid.count; i++)
		out[i] = NAN;
	return eval_vector(e, expr, grid, &sink.rows, err);
}

static int scalar_binary(struct eval *e, enum promql_op op, const struct promql_expr *left,
			 const struct promql_expr *right, struct grid grid, double *out,
			 struct error *err)
{
	double *other = arena_array(e->arena, grid.count, sizeof(double));
	if (!other)
		return eval_over_budget(err);
	int rc = eval_scalar(e, left, grid, out, err);
	if (rc == 0)
		rc = eval_scalar(e, right, grid, other, err);
	for (uint32_t i = 0; rc == 0 && i < grid.count; i++)
		out[i] = scalar_operate(op, out[i], other[i]);
	return rc;
}

/* Go's math.Min and Max: NaN wins, and -0 is less than 0. */
static double least(double a, double b)
{
	if (isnan(a) || isnan(b))
		return isinf(a) && a < 0 ? a : isinf(b) && b < 0 ? b : NAN;
	return a < b || (a == b && signbit(a)) ? a : b;
}

static double greatest(double a, double b)
{
	return -least(-a, -b);
}

static int scalar_pair(struct eval *e, const struct promql_expr *expr, struct grid grid,
		       double (*pick)(double, double), double *out, struct error *err)
{
	double *other = arena_array(e->arena, grid.count, sizeof(double));
	if (!other)
		return eval_over_budget(err);
	int rc = eval_scalar(e, expr->call.args[0], grid, out, err);
	if (rc == 0)
		rc = eval_scalar(e, expr->call.args[1], grid, other, err);
	for (uint32_t i = 0; rc == 0 && i < grid.count; i++)
		out[i] = pick(out[i], other[i]);
	return rc;
}

static void fill(double *out, struct grid grid, double value)
{
	for (uint32_t i = 0; i < grid.count; i++)
		out[i] = value;
}

static int scalar_call(struct eval *e, const struct promql_expr *expr, struct grid grid,
		       double *out, struct error *err)
{
	const struct promql_query *query = e->query;
	switch (expr->call.function->id) {
	case PROMQL_FN_time:
		for (uint32_t i = 0; i < grid.count; i++)
			out[i] = (double)grid_time(grid, i) / 1000;
		return 0;
	case PROMQL_FN_pi:
		fill(out, grid, M_PI);
		return 0;
	case PROMQL_FN_start:
		fill(out, grid, (double)query->start / 1000);
		return 0;
	case PROMQL_FN_end:
		fill(out, grid, (double)query->end / 1000);
		return 0;
	case PROMQL_FN_step:
		fill(out, grid, (double)query->step / 1000);
		return 0;
	case PROMQL_FN_range:
		fill(out, grid, (double)(query->end - query->start) / 1000);
		return 0;
	case PROMQL_FN_min_of:
		return scalar_pair(e, expr, grid, least, out, err);
	case PROMQL_FN_max_of:
		return scalar_pair(e, expr, grid, greatest, out, err);
	case PROMQL_FN_scalar:
		return scalar_of_vector(e, expr->call.args[0], grid, out, err);
	default:
		return error_set(err, STATUS_UNSUPPORTED, "%s() gives no scalar",
				 expr->call.function->name);
	}
}

int eval_scalar(struct eval *e, const struct promql_expr *expr, struct grid grid, double *out,
		struct error *err)
{
	int rc;
	switch (expr->kind) {
	case PROMQL_NUMBER:
		fill(out, grid, expr->number.value);
		return 0;
	case PROMQL_PAREN:
		return eval_scalar(e, expr->paren, grid, out, err);
	case PROMQL_UNARY:
		rc = eval_scalar(e, expr->unary.expr, grid, out, err);
		for (uint32_t i = 0; rc == 0 && expr->unary.op == PROMQL_SUB && i < grid.count; i++)
			out[i] = -out[i];
		return rc;
	case PROMQL_BINARY:
		return scalar_binary(e, expr->binary.op, expr->binary.left, expr->binary.right,
				     grid, out, err);
	case PROMQL_CALL:
		return scalar_call(e, expr, grid, out, err);
	default:
		return error_set(err, STATUS_UNSUPPORTED, "expected a scalar");
	}
}

/* --- unary minus ---------------------------------------------------------------------- */

struct negate_sink {
	struct row_sink rows;
	struct eval *e;
	struct grid grid;
	struct row *row;
	struct row_sink *sink;
};

static int put_negated(struct row_sink *rows, const struct row *in, struct error *err)
{
	struct negate_sink *self = (struct negate_sink *)rows;
	self->row->labels = in->labels;
	self->row->drop_name = true;
	for (uint32_t i = 0; i < self->grid.count; i++) {
		struct point point = row_point(in, i);
		point.value = -point.value;
		if (point.kind == POINT_HISTOGRAM) {
			point.histogram = histogram_mul(self->e->arena, point.histogram, -1);
			if (!point.histogram)
				return eval_over_budget(err);
		}
		int rc = row_set(self->e, self->row, self->grid, i, point, err);
		if (rc < 0)
			return rc;
	}
	return self->sink->put(self->sink, self->row, err);
}

static int eval_unary(struct eval *e, const struct promql_expr *expr, struct grid grid,
		      struct row_sink *sink, struct error *err)
{
	struct negate_sink negate = {.rows = {put_negated}, .e = e, .grid = grid, .sink = sink};
	if (expr->unary.op != PROMQL_SUB)
		return eval_vector(e, expr->unary.expr, grid, sink, err);
	negate.row = row_new(e, grid, err);
	return negate.row ? eval_vector(e, expr->unary.expr, grid, &negate.rows, err)
			  : STATUS_LIMIT;
}

int eval_vector(struct eval *e, const struct promql_expr *expr, struct grid grid,
		struct row_sink *sink, struct error *err)
{
	if (expr->type == PROMQL_TYPE_SCALAR)
		return put_scalar(e, expr, grid, sink, err);
	if (grid.count > 1 && is_invariant(expr))
		return eval_once(e, expr, grid, sink, err);
	switch (expr->kind) {
	case PROMQL_PAREN:
		return eval_vector(e, expr->paren, grid, sink, err);
	case PROMQL_UNARY:
		return eval_unary(e, expr, grid, sink, err);
	case PROMQL_BINARY:
		return eval_binary(e, expr, grid, sink, err);
	case PROMQL_AGGREGATE:
		return eval_aggregate(e, expr, grid, sink, err);
	case PROMQL_CALL:
		return eval_call(e, expr, grid, sink, err);
	case PROMQL_VECTOR:
		return eval_selector(e, expr, grid, sink, err);
	case PROMQL_NUMBER:
	case PROMQL_STRING:
	case PROMQL_MATRIX:
	case PROMQL_SUBQUERY:
		break;
	}
	return error_set(err, STATUS_UNSUPPORTED, "expected an instant vector");
}
