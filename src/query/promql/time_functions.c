/* timestamp, start_timestamp and vector. */
#include "query/promql/instant_functions_int.h"

struct time_sink {
	struct row_sink sink;
	struct row_sink *to;
	struct grid grid;
	struct row *row;
};

/* Of anything but a selector: a result has the time of its step. */
static int put_step_times(struct row_sink *sink, const struct row *in, struct error *err)
{
	struct time_sink *s = (struct time_sink *)sink;
	struct row *row = s->row;
	row_clear(row, s->grid);
	row->labels = in->labels;
	row->drop_name = true;
	for (uint32_t i = 0; i < s->grid.count; i++) {
		if (in->kind[i] == POINT_NONE)
			continue;
		row->kind[i] = POINT_FLOAT;
		row->value[i] = (double)grid_time(s->grid, i) / 1000;
	}
	return row_is_empty(row, s->grid) ? 0 : s->to->put(s->to, row, err);
}

static int put_without_name(struct row_sink *sink, const struct row *in, struct error *err)
{
	struct time_sink *s = (struct time_sink *)sink;
	struct row row = *in;
	row.drop_name = true;
	return s->to->put(s->to, &row, err);
}

static int put_nothing(struct row_sink *sink, const struct row *in, struct error *err)
{
	(void)sink;
	(void)in;
	(void)err;
	return 0;
}

int call_timestamp(struct eval *e, const struct promql_expr *call, struct grid grid,
		   struct row_sink *sink, struct error *err)
{
	const struct promql_expr *arg = eval_unwrap(call->call.args[0]);
	struct time_sink s = {.to = sink, .grid = grid};
	if (arg->kind == PROMQL_VECTOR) {
		s.sink.put = put_without_name;
		return eval_selector_times(e, arg, grid, false, &s.sink, err);
	}
	s.sink.put = put_step_times;
	s.row = row_new(e, grid, err);
	return s.row ? eval_vector(e, arg, grid, &s.sink, err) : STATUS_LIMIT;
}

int call_start_timestamp(struct eval *e, const struct promql_expr *call, struct grid grid,
			 struct row_sink *sink, struct error *err)
{
	const struct promql_expr *arg = eval_unwrap(call->call.args[0]);
	struct time_sink s = {.to = sink, .grid = grid};
	if (arg->kind == PROMQL_VECTOR) {
		s.sink.put = put_without_name;
		return eval_selector_times(e, arg, grid, true, &s.sink, err);
	}
	/* Results have no start time; that it can be evaluated is still found out. */
	s.sink.put = put_nothing;
	return eval_vector(e, arg, grid, &s.sink, err);
}

int call_vector(struct eval *e, const struct promql_expr *call, struct grid grid,
		struct row_sink *sink, struct error *err)
{
	struct row *row = row_new(e, grid, err);
	if (!row)
		return STATUS_LIMIT;
	row->labels = labels_new(e->arena, NULL, 0);
	if (!row->labels)
		return eval_over_budget(err);
	int rc = eval_scalar(e, call->call.args[0], grid, row->value, err);
	if (rc)
		return rc;
	for (uint32_t i = 0; i < grid.count; i++)
		row->kind[i] = POINT_FLOAT;
	return sink->put(sink, row, err);
}
