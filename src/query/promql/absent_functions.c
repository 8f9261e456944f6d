/*
 * absent and absent_over_time: 1 at the steps where an expression has nothing.
 *
 * Source: Prometheus' documentation, "Query functions".
 */
#include "query/promql/instant_functions_int.h"

static const struct promql_selector *selector_of(const struct promql_expr *expr)
{
	expr = eval_unwrap(expr);
	if (expr->kind == PROMQL_MATRIX)
		expr = expr->matrix.vector;
	return expr->kind == PROMQL_VECTOR ? &expr->vector : NULL;
}

/*
 * The first matcher that asks for a value of its label, and the last one of that label at all:
 * {job="a", job="b"} says nothing of job, nor does {job="a", job!="c"}; {job!="c", job="a"} does.
 */
static bool is_exact(const struct promql_selector *selector, uint32_t i)
{
	const struct promql_matcher *m = &selector->matchers[i];
	if (m->op != PROMQL_MATCH_EQ || m->value.len == 0 || slice_eq_cstr(m->name, "__name__"))
		return false;
	for (uint32_t k = 0; k < selector->matcher_count; k++) {
		const struct promql_matcher *other = &selector->matchers[k];
		if ((k > i || (k < i && other->op == PROMQL_MATCH_EQ)) &&
		    slice_eq(other->name, m->name))
			return false;
	}
	return true;
}

const struct labels *absent_labels(struct arena *arena, const struct promql_expr *expr)
{
	const struct promql_selector *selector = selector_of(expr);
	const uint32_t most = selector ? selector->matcher_count : 0;
	struct label *list = arena_array(arena, most ? most : 1, sizeof(*list));
	if (!list)
		return NULL;
	uint32_t count = 0;
	for (uint32_t i = 0; i < most; i++) {
		if (is_exact(selector, i))
			list[count++] = (struct label){selector->matchers[i].name,
						       selector->matchers[i].value};
	}
	return labels_new(arena, list, count);
}

/* Turns the row that says where there is something into the one that says where not. */
static int put_absent(struct eval *e, const struct promql_expr *call, struct grid grid,
		      struct row *seen, struct row_sink *sink, struct error *err)
{
	seen->labels = absent_labels(e->arena, call->call.args[0]);
	if (!seen->labels)
		return eval_over_budget(err);
	for (uint32_t i = 0; i < grid.count; i++) {
		seen->kind[i] = seen->kind[i] == POINT_NONE ? POINT_FLOAT : POINT_NONE;
		seen->value[i] = 1;
	}
	return row_is_empty(seen, grid) ? 0 : sink->put(sink, seen, err);
}

struct absent_sink {
	struct row_sink sink;
	struct grid grid;
	struct row *seen;
};

static int see_row(struct row_sink *sink, const struct row *row, struct error *err)
{
	struct absent_sink *s = (struct absent_sink *)sink;
	(void)err;
	for (uint32_t i = 0; i < s->grid.count; i++) {
		if (row->kind[i] != POINT_NONE)
			s->seen->kind[i] = POINT_FLOAT;
	}
	return 0;
}

int call_absent(struct eval *e, const struct promql_expr *call, struct grid grid,
		struct row_sink *sink, struct error *err)
{
	struct absent_sink s = {{see_row}, grid, row_new(e, grid, err)};
	if (!s.seen)
		return STATUS_LIMIT;
	int rc = eval_vector(e, call->call.args[0], grid, &s.sink, err);
	return rc ? rc : put_absent(e, call, grid, s.seen, sink, err);
}

struct absent_range_sink {
	struct range_sink sink;
	struct eval *e;
	struct grid grid;
	struct window_spec spec;
	struct row *seen;
};

static int see_range(struct range_sink *sink, const struct range_series *series, struct error *err)
{
	struct absent_range_sink *s = (struct absent_range_sink *)sink;
	struct window window = {.spec = &s->spec, .samples = series->samples};
	for (uint32_t i = 0; i < s->grid.count; i++) {
		window_move(&window, s->grid, i);
		if (window.first < window.end || window.histogram_first < window.histogram_end)
			s->seen->kind[i] = POINT_FLOAT;
	}
	return eval_check(s->e, err);
}

int call_absent_over_time(struct eval *e, const struct promql_expr *call, struct grid grid,
			  struct row_sink *sink, struct error *err)
{
	const struct promql_selector *selector = selector_of(call->call.args[0]);
	if (selector && selector->anchored)
		return error_set(err, STATUS_INVALID,
				 "anchored modifier can only be used with: changes, delta, "
				 "increase, rate, resets - not with absent_over_time");
	if (selector && selector->smoothed)
		return error_set(err, STATUS_INVALID,
				 "smoothed modifier can only be used with: delta, increase, "
				 "rate - not with absent_over_time");
	struct absent_range_sink s = {
		.sink = {see_range}, .e = e, .grid = grid, .seen = row_new(e, grid, err)};
	if (!s.seen)
		return STATUS_LIMIT;
	int rc = eval_range(e, call->call.args[0], grid, &s.spec, &s.sink, err);
	return rc ? rc : put_absent(e, call, grid, s.seen, sink, err);
}
