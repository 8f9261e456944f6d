/* Range vectors: selectors such as x[5m], and subqueries; and the windows over them. */
#include "query/promql/eval.h"
#include "telemetry/metric_batch.h"

int eval_modifiers(struct eval *e, const struct promql_modifiers *modifiers, int64_t *offset,
		   bool *fixed, int64_t *at, struct error *err)
{
	*fixed = modifiers->at != PROMQL_AT_NONE;
	*at = modifiers->at == PROMQL_AT_TIME  ? modifiers->at_time
	      : modifiers->at == PROMQL_AT_END ? e->query->end
					       : e->query->start;
	return eval_duration(e, modifiers->offset, modifiers->offset_expr, true, offset, err);
}

/* --- stale markers -------------------------------------------------------------------- */

static int floats_without_stale(struct eval *e, const struct samples *in, struct samples *out,
				struct error *err)
{
	int64_t *time = arena_array(e->arena, in->count, sizeof(time[0]));
	double *value = arena_array(e->arena, in->count, sizeof(value[0]));
	int64_t *start = in->start ? arena_array(e->arena, in->count, sizeof(start[0])) : NULL;
	if (!time || !value || (in->start && !start))
		return eval_over_budget(err);
	out->count = 0;
	for (uint32_t i = 0; i < in->count; i++) {
		if (metric_is_stale(in->value[i]))
			continue;
		time[out->count] = in->time[i];
		value[out->count] = in->value[i];
		if (start)
			start[out->count] = in->start[i];
		out->count++;
	}
	out->time = time;
	out->value = value;
	out->start = start;
	return 0;
}

static int histograms_without_stale(struct eval *e, const struct samples *in, struct samples *out,
				    struct error *err)
{
	uint32_t count = in->histogram_count;
	int64_t *time = arena_array(e->arena, count, sizeof(time[0]));
	const struct float_histogram **histogram =
		arena_array(e->arena, count, sizeof(histogram[0]));
	int64_t *start =
		in->histogram_start ? arena_array(e->arena, count, sizeof(start[0])) : NULL;
	if (!time || !histogram || (in->histogram_start && !start))
		return eval_over_budget(err);
	out->histogram_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (metric_is_stale(in->histogram[i]->sum))
			continue;
		time[out->histogram_count] = in->histogram_time[i];
		histogram[out->histogram_count] = in->histogram[i];
		if (start)
			start[out->histogram_count] = in->histogram_start[i];
		out->histogram_count++;
	}
	out->histogram_time = time;
	out->histogram = histogram;
	out->histogram_start = start;
	return 0;
}

int samples_without_stale(struct eval *e, const struct samples *in, struct samples *out,
			  struct error *err)
{
	bool stale_float = false, stale_histogram = false;
	for (uint32_t i = 0; i < in->count; i++)
		stale_float |= metric_is_stale(in->value[i]);
	for (uint32_t i = 0; i < in->histogram_count; i++)
		stale_histogram |= metric_is_stale(in->histogram[i]->sum);
	*out = *in;
	int rc = stale_float ? floats_without_stale(e, in, out, err) : 0;
	if (rc == 0 && stale_histogram)
		rc = histograms_without_stale(e, in, out, err);
	return rc;
}

/* --- windows -------------------------------------------------------------------------- */

static uint32_t behind(const int64_t *times, uint32_t count, uint32_t from, int64_t time)
{
	while (from < count && times[from] <= time)
		from++;
	return from;
}

void window_move(struct window *window, struct grid grid, uint32_t i)
{
	const struct window_spec *spec = window->spec;
	const struct samples *s = window->samples;
	window->to = (spec->fixed ? spec->at : grid_time(grid, i)) - spec->offset;
	window->from = window->to - spec->range;
	window->first = behind(s->time, s->count, window->first, window->from);
	window->end = behind(s->time, s->count,
			     window->end > window->first ? window->end : window->first, window->to);
	window->histogram_first = behind(s->histogram_time, s->histogram_count,
					 window->histogram_first, window->from);
	window->histogram_end =
		behind(s->histogram_time, s->histogram_count,
		       window->histogram_end > window->histogram_first ? window->histogram_end
								       : window->histogram_first,
		       window->to);
}

/* The time of the first and of the last window's end. */
static int64_t window_end(const struct window_spec *spec, struct grid grid, bool last)
{
	int64_t time = grid_time(grid, last ? grid.count - 1 : 0);
	return (spec->fixed ? spec->at : time) - spec->offset;
}

/* --- selectors ------------------------------------------------------------------------ */

struct selecting {
	struct eval *e;
	struct range_sink *sink;
};

static int put_series(void *arg, const struct labels *labels, const struct samples *samples,
		      struct error *err)
{
	struct selecting *s = arg;
	struct samples hinted, fresh;
	s->e->samples += samples->count + samples->histogram_count;
	int rc = eval_check(s->e, err);
	if (rc == 0)
		rc = samples_with_hints(s->e, samples, &hinted, err);
	if (rc == 0)
		rc = samples_without_stale(s->e, &hinted, &fresh, err);
	if (rc < 0)
		return rc;
	struct range_series series = {.labels = labels, .samples = &fresh};
	return s->sink->put(s->sink, &series, err);
}

static int eval_matrix(struct eval *e, const struct promql_expr *expr, struct grid grid,
		       struct window_spec *spec, struct range_sink *sink, struct error *err)
{
	const struct promql_selector *selector = &expr->matrix.vector->vector;
	struct selecting s = {e, sink};
	int rc = eval_modifiers(e, &selector->modifiers, &spec->offset, &spec->fixed, &spec->at,
				err);
	if (rc == 0)
		rc = eval_duration(e, expr->matrix.range, expr->matrix.range_expr, false,
				   &spec->range, err);
	if (rc < 0)
		return rc;
	spec->anchored = selector->anchored;
	spec->smoothed = selector->smoothed;
	bool extended = spec->anchored || spec->smoothed;
	struct selection selection = {.matchers = selector->matchers,
				      .matcher_count = selector->matcher_count,
				      .from = window_end(spec, grid, false) - spec->range + 1 -
					      (extended ? e->lookback : 0),
				      .to = window_end(spec, grid, true) +
					    (spec->smoothed ? e->lookback : 0)};
	return e->source->select(e->source, &selection, e->arena, put_series, &s, err);
}

/* --- subqueries ----------------------------------------------------------------------- */

struct subquery_sink {
	struct row_sink rows;
	struct eval *e;
	struct grid grid; /* of the inner expression */
	struct range_sink *sink;
	int64_t *time, *histogram_time;
	double *value;
	const struct float_histogram **histogram;
};

/*
 * A subquery may leave out the sample at which a counter began anew, or give it several times:
 * what samples say about that themselves does not count any more. NULL: over budget.
 */
static const struct float_histogram *without_hint(struct eval *e, const struct float_histogram *h)
{
	if (h->hint != RESET_YES && h->hint != RESET_NO)
		return h;
	struct float_histogram *copy = arena_alloc(e->arena, sizeof(*copy));
	if (copy) {
		*copy = *h; /* its arrays are shared */
		copy->hint = RESET_UNKNOWN;
	}
	return copy;
}

static int put_inner(struct row_sink *rows, const struct row *row, struct error *err)
{
	struct subquery_sink *self = (struct subquery_sink *)rows;
	struct samples samples = {.time = self->time,
				  .value = self->value,
				  .histogram_time = self->histogram_time,
				  .histogram = self->histogram};
	for (uint32_t i = 0; i < self->grid.count; i++) {
		if (row->kind[i] == POINT_FLOAT) {
			self->time[samples.count] = grid_time(self->grid, i);
			self->value[samples.count++] = row->value[i];
		} else if (row->kind[i] == POINT_HISTOGRAM) {
			const struct float_histogram *h = without_hint(self->e, row->histogram[i]);
			if (!h)
				return eval_over_budget(err);
			self->histogram_time[samples.histogram_count] = grid_time(self->grid, i);
			self->histogram[samples.histogram_count++] = h;
		}
	}
	struct range_series series = {row->labels, row->drop_name, &samples};
	return self->sink->put(self->sink, &series, err);
}

/* The inner expression's times: multiples of the step, however the outer ones lie. */
static int inner_grid(struct eval *e, const struct window_spec *spec, struct grid outer,
		      int64_t step, struct grid *grid, struct error *err)
{
	int64_t from = window_end(spec, outer, false) - spec->range;
	int64_t to = window_end(spec, outer, true);
	int64_t start = from / step * step;
	if (start <= from)
		start += step;
	int64_t count = to < start ? 0 : (to - start) / step + 1;
	if (count > PROMQL_MAX_STEPS)
		return error_set(
			err, STATUS_LIMIT,
			"a subquery has %lld steps, more than the %d that are allowed: give "
			"it a larger step or a shorter range",
			(long long)count, PROMQL_MAX_STEPS);
	*grid = (struct grid){start, step, (uint32_t)count};
	return 0;
}

static int eval_subquery(struct eval *e, const struct promql_expr *expr, struct grid grid,
			 struct window_spec *spec, struct range_sink *sink, struct error *err)
{
	int64_t step;
	int rc = eval_modifiers(e, &expr->subquery.modifiers, &spec->offset, &spec->fixed,
				&spec->at, err);
	if (rc == 0)
		rc = eval_duration(e, expr->subquery.range, expr->subquery.range_expr, false,
				   &spec->range, err);
	if (rc == 0)
		rc = eval_duration(e, expr->subquery.step, expr->subquery.step_expr, false, &step,
				   err);
	if (rc < 0)
		return rc;
	struct subquery_sink inner = {.rows = {put_inner}, .e = e, .sink = sink};
	rc = inner_grid(e, spec, grid, step ? step : e->subquery_step, &inner.grid, err);
	if (rc < 0 || !inner.grid.count)
		return rc;
	uint32_t count = inner.grid.count;
	inner.time = arena_array(e->arena, count, sizeof(int64_t));
	inner.histogram_time = arena_array(e->arena, count, sizeof(int64_t));
	inner.value = arena_array(e->arena, count, sizeof(double));
	inner.histogram = arena_array(e->arena, count, sizeof(inner.histogram[0]));
	if (!inner.time || !inner.histogram_time || !inner.value || !inner.histogram)
		return eval_over_budget(err);
	struct hints hints = e->hints;
	e->hints.needs_buckets = true; /* samples between two steps are not seen */
	rc = eval_vector(e, expr->subquery.expr, inner.grid, &inner.rows, err);
	e->hints = hints;
	return rc;
}

int eval_range(struct eval *e, const struct promql_expr *expr, struct grid grid,
	       struct window_spec *spec, struct range_sink *sink, struct error *err)
{
	expr = eval_unwrap(expr);
	*spec = (struct window_spec){.selector = expr};
	if (expr->kind == PROMQL_SUBQUERY)
		return eval_subquery(e, expr, grid, spec, sink, err);
	return eval_matrix(e, expr, grid, spec, sink, err);
}
