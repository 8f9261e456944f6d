/* Calls: their arguments, and the loop over steps around functions of one window or one point. */
#include "query/promql/eval.h"
#include "query/promql/range_functions.h"

static int eval_scalars(struct call *call, struct error *err)
{
	const struct promql_expr *expr = call->expr;
	for (uint32_t i = 0; i < expr->call.arg_count; i++) {
		if (expr->call.args[i]->type != PROMQL_TYPE_SCALAR)
			continue;
		double *values = arena_array(call->e->arena, call->grid.count, sizeof(double));
		if (!values)
			return eval_over_budget(err);
		int rc = eval_scalar(call->e, expr->call.args[i], call->grid, values, err);
		if (rc < 0)
			return rc;
		call->scalars[i] = values;
	}
	return 0;
}

static const struct promql_expr *argument_of_type(const struct promql_expr *expr,
						  enum promql_type type)
{
	for (uint32_t i = 0; i < expr->call.arg_count; i++) {
		if (expr->call.args[i]->type == type)
			return expr->call.args[i];
	}
	return NULL;
}

static void at_step(struct call *call, uint32_t step)
{
	call->step = step;
	call->time = grid_time(call->grid, step);
}

/* --- over windows --------------------------------------------------------------------- */

struct window_sink {
	struct range_sink ranges;
	struct call call;
	const struct function_impl *impl;
	struct window_spec spec;
	struct row *row;
	struct row_sink *sink;
};

static int put_series(struct range_sink *ranges, const struct range_series *series,
		      struct error *err)
{
	struct window_sink *self = (struct window_sink *)ranges;
	struct call *call = &self->call;
	struct window window = {.spec = &self->spec, .samples = series->samples};
	bool any = false;
	row_clear(self->row, call->grid);
	self->row->labels = series->labels;
	self->row->drop_name = series->drop_name || !self->impl->keeps_name;
	call->labels = series->labels;
	for (uint32_t i = 0; i < call->grid.count; i++) {
		struct point point = {POINT_NONE, 0, NULL};
		window_move(&window, call->grid, i);
		bool outside = self->spec.anchored || self->spec.smoothed;
		if (!outside && window.first == window.end &&
		    window.histogram_first == window.histogram_end)
			continue;
		at_step(call, i);
		int rc = self->impl->range(call, &window, &point, err);
		if (rc == 0 && point.kind != POINT_NONE) {
			any = true;
			rc = row_set(call->e, self->row, call->grid, i, point, err);
		}
		if (rc < 0)
			return rc;
	}
	return any ? self->sink->put(self->sink, self->row, err) : 0;
}

static int call_over_windows(struct eval *e, const struct promql_expr *expr,
			     const struct function_impl *impl, struct grid grid,
			     struct row_sink *sink, struct error *err)
{
	struct window_sink windows = {.ranges = {put_series},
				      .call = {.e = e, .grid = grid, .expr = expr},
				      .impl = impl,
				      .sink = sink};
	int rc = range_check_modifiers(expr, err);
	if (rc == 0)
		rc = eval_scalars(&windows.call, err);
	if (rc < 0)
		return rc;
	windows.row = row_new(e, grid, err);
	if (!windows.row)
		return STATUS_LIMIT;
	return eval_range(e, argument_of_type(expr, PROMQL_TYPE_MATRIX), grid, &windows.spec,
			  &windows.ranges, err);
}

/* --- over points ---------------------------------------------------------------------- */

struct point_sink {
	struct row_sink rows;
	struct call call;
	const struct function_impl *impl;
	struct row *row;
	struct row_sink *sink;
};

static int put_row(struct row_sink *rows, const struct row *in, struct error *err)
{
	struct point_sink *self = (struct point_sink *)rows;
	struct call *call = &self->call;
	bool any = false;
	row_clear(self->row, call->grid);
	self->row->labels = in->labels;
	self->row->drop_name = in->drop_name || !self->impl->keeps_name;
	call->labels = in->labels;
	for (uint32_t i = 0; i < call->grid.count; i++) {
		struct point point = row_point(in, i), out = {POINT_NONE, 0, NULL};
		if (point.kind == POINT_NONE)
			continue;
		at_step(call, i);
		int rc = self->impl->point(call, &point, &out, err);
		if (rc == 0 && out.kind != POINT_NONE) {
			any = true;
			rc = row_set(call->e, self->row, call->grid, i, out, err);
		}
		if (rc < 0)
			return rc;
	}
	return any ? self->sink->put(self->sink, self->row, err) : 0;
}

static int call_over_points(struct eval *e, const struct promql_expr *expr,
			    const struct function_impl *impl, struct grid grid,
			    struct row_sink *sink, struct error *err)
{
	struct point_sink points = {.rows = {put_row},
				    .call = {.e = e, .grid = grid, .expr = expr},
				    .impl = impl,
				    .sink = sink};
	int rc = eval_scalars(&points.call, err);
	if (rc < 0)
		return rc;
	points.row = row_new(e, grid, err);
	if (!points.row)
		return STATUS_LIMIT;
	return eval_vector(e, argument_of_type(expr, PROMQL_TYPE_VECTOR), grid, &points.rows, err);
}

static int dispatch(struct eval *e, const struct promql_expr *expr, struct grid grid,
		    struct row_sink *sink, struct error *err)
{
	const struct function_impl *range = &range_function_impls[expr->call.function->id];
	const struct function_impl *instant = &instant_function_impls[expr->call.function->id];
	if (range->range)
		return call_over_windows(e, expr, range, grid, sink, err);
	if (instant->whole)
		return instant->whole(e, expr, grid, sink, err);
	if (instant->point && argument_of_type(expr, PROMQL_TYPE_VECTOR))
		return call_over_points(e, expr, instant, grid, sink, err);
	return error_set(err, STATUS_UNSUPPORTED, "%s() has no implementation",
			 expr->call.function->name);
}

int eval_call(struct eval *e, const struct promql_expr *expr, struct grid grid,
	      struct row_sink *sink, struct error *err)
{
	struct hints hints = e->hints;
	hints_enter_call(e, expr->call.function->id);
	int rc = dispatch(e, expr, grid, sink, err);
	e->hints = hints;
	return rc;
}
