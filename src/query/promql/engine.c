/* A query from its text to its result. */
#include "query/promql/engine.h"

#include <stdlib.h>

#include "lang/promql/parse.h"
#include "query/promql/eval.h"
#include "query/promql/row_merge.h"

#define DEFAULT_LOOKBACK (5 * 60 * 1000)
#define DEFAULT_SUBQUERY_STEP (60 * 1000)

static int by_labels(const void *a, const void *b)
{
	return labels_compare(((const struct row *)a)->labels, ((const struct row *)b)->labels);
}

/* --- names that are to be dropped ----------------------------------------------------- */

/* Gathers the final rows: their names are dropped where they are to be. */
struct final_sink {
	struct row_sink rows;
	struct eval *e;
	struct row_merge merge;
};

static int put_final(struct row_sink *rows, const struct row *row, struct error *err)
{
	struct final_sink *self = (struct final_sink *)rows;
	struct row named = *row;
	if (row->drop_name)
		named.labels = labels_without_name(self->e->arena, row->labels);
	return named.labels ? row_merge_add(&self->merge, &named, err) : eval_over_budget(err);
}

static int run_rows(struct promql_result *out, struct eval *e, const struct promql_expr *expr,
		    struct error *err)
{
	struct final_sink final = {.rows = {put_final}, .e = e};
	row_merge_init(&final.merge, e, out->grid);
	int rc = eval_vector(e, expr, out->grid, &final.rows, err);
	if (rc < 0)
		return rc;
	out->rows = final.merge.table.rows;
	out->row_count = final.merge.table.count;
	if (e->query->step && out->row_count)
		qsort(out->rows, out->row_count, sizeof(out->rows[0]), by_labels);
	return 0;
}

/* --- range vectors as results --------------------------------------------------------- */

struct points_sink {
	struct range_sink ranges;
	struct eval *e;
	struct grid grid;
	struct window_spec spec;
	struct promql_result *out;
	uint32_t capacity;
};

static void *copy_array(struct eval *e, const void *from, uint32_t first, uint32_t count,
			size_t size)
{
	char *copy = arena_array(e->arena, count ? count : 1, size);
	if (copy && count)
		memcpy(copy, (const char *)from + first * size, count * size);
	return copy;
}

/* What is in the window, kept. */
static int copy_window(struct eval *e, const struct window *w, struct samples *out,
		       struct error *err)
{
	const struct samples *s = w->samples;
	out->count = w->end - w->first;
	out->time = copy_array(e, s->time, w->first, out->count, sizeof(int64_t));
	out->value = copy_array(e, s->value, w->first, out->count, sizeof(double));
	out->histogram_count = w->histogram_end - w->histogram_first;
	out->histogram_time = copy_array(e, s->histogram_time, w->histogram_first,
					 out->histogram_count, sizeof(int64_t));
	out->histogram = copy_array(e, s->histogram, w->histogram_first, out->histogram_count,
				    sizeof(s->histogram[0]));
	if (!out->time || !out->value || !out->histogram_time || !out->histogram)
		return eval_over_budget(err);
	return 0;
}

static int put_points(struct range_sink *ranges, const struct range_series *series,
		      struct error *err)
{
	struct points_sink *self = (struct points_sink *)ranges;
	struct promql_result *out = self->out;
	struct window window = {.spec = &self->spec, .samples = series->samples};
	window_move(&window, self->grid, 0);
	if (window.first == window.end && window.histogram_first == window.histogram_end)
		return 0;
	if (out->point_count == self->capacity) {
		uint32_t capacity = self->capacity ? self->capacity * 2 : 16;
		struct promql_points *points =
			arena_array(self->e->arena, capacity, sizeof(points[0]));
		if (!points)
			return eval_over_budget(err);
		if (out->point_count)
			memcpy(points, out->points, out->point_count * sizeof(points[0]));
		out->points = points;
		self->capacity = capacity;
	}
	struct promql_points *points = &out->points[out->point_count];
	*points = (struct promql_points){.labels = series->labels};
	if (series->drop_name)
		points->labels = labels_without_name(self->e->arena, series->labels);
	if (!points->labels)
		return eval_over_budget(err);
	int rc = copy_window(self->e, &window, &points->samples, err);
	out->point_count += rc == 0;
	return rc;
}

static int points_by_labels(const void *a, const void *b)
{
	return labels_compare(((const struct promql_points *)a)->labels,
			      ((const struct promql_points *)b)->labels);
}

static int run_points(struct promql_result *out, struct eval *e, const struct promql_expr *expr,
		      struct error *err)
{
	struct points_sink sink = {.ranges = {put_points}, .e = e, .grid = out->grid, .out = out};
	int rc = eval_range(e, expr, out->grid, &sink.spec, &sink.ranges, err);
	if (rc < 0 || !out->point_count)
		return rc;
	qsort(out->points, out->point_count, sizeof(out->points[0]), points_by_labels);
	for (uint32_t i = 1; i < out->point_count; i++) {
		if (labels_equal(out->points[i - 1].labels, out->points[i].labels))
			return error_set(err, STATUS_INVALID,
					 "vector cannot contain metrics with the same labelset");
	}
	return 0;
}

static int evaluate(struct promql_result *out, struct eval *e, const struct promql_expr *expr,
		    struct error *err)
{
	const struct promql_query *query = e->query;
	if (query->step) {
		if (expr->type != PROMQL_TYPE_SCALAR && expr->type != PROMQL_TYPE_VECTOR)
			return error_set(err, STATUS_INVALID,
					 "invalid expression type \"%s\" for range query, must be "
					 "Scalar or instant Vector",
					 promql_type_name(expr->type));
		out->type = PROMQL_TYPE_MATRIX;
		return run_rows(out, e, expr, err);
	}
	out->type = expr->type;
	switch (expr->type) {
	case PROMQL_TYPE_SCALAR:
		return eval_scalar(e, expr, out->grid, &out->scalar, err);
	case PROMQL_TYPE_STRING:
		out->string = eval_string(expr);
		return 0;
	case PROMQL_TYPE_MATRIX:
		return run_points(out, e, expr, err);
	default:
		return run_rows(out, e, expr, err);
	}
}

int promql_run(struct promql_result *out, struct arena *arena, struct series_source *source,
	       const struct promql_query *query, struct error *err)
{
	const struct promql_expr *expr;
	struct eval e = {.arena = arena,
			 .source = source,
			 .query = query,
			 .lookback =
				 query->limits.lookback ? query->limits.lookback : DEFAULT_LOOKBACK,
			 .subquery_step = query->limits.subquery_step ? query->limits.subquery_step
								      : DEFAULT_SUBQUERY_STEP,
			 .annotations = {.arena = arena}};
	struct promql_result result = {.grid = {query->start, query->step, 1}};
	int rc = promql_parse(&expr, arena, query->text, err);
	if (rc < 0)
		return rc;
	if (query->step)
		result.grid.count = (uint32_t)((query->end - query->start) / query->step + 1);
	rc = evaluate(&result, &e, expr, err);
	if (rc < 0)
		return rc;
	result.annotations = e.annotations;
	result.samples_seen = e.samples;
	*out = result;
	return 0;
}
