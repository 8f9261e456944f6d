/* Instant vector selectors: of each series the latest sample that is not too old, at each step. */
#include <math.h>

#include "query/promql/eval.h"
#include "telemetry/metric_batch.h"

enum wanted { WANTED_VALUE, WANTED_TIME, WANTED_START };

struct selecting {
	struct eval *e;
	const struct promql_expr *expr;
	struct grid grid;
	int64_t offset;
	bool fixed; /* by @ */
	int64_t at;
	enum wanted wanted;
	struct row *row; /* used for one series after the other */
	struct row_sink *sink;
};

static int64_t reference_time(const struct selecting *s, uint32_t step)
{
	return (s->fixed ? s->at : grid_time(s->grid, step)) - s->offset;
}

/* The first index behind `from` whose time is later than `time`. */
static uint32_t first_after(const int64_t *times, uint32_t count, uint32_t from, int64_t time)
{
	while (from < count && times[from] <= time)
		from++;
	return from;
}

static double wanted_time(enum wanted wanted, int64_t time, const int64_t *starts, uint32_t i)
{
	if (wanted == WANTED_TIME)
		return (double)time / 1000;
	return starts ? (double)starts[i] / 1000 : 0;
}

/* The point at a step whose latest float and histogram are number f - 1 and h - 1. */
static struct point latest(const struct selecting *s, const struct samples *samples, uint32_t f,
			   uint32_t h, int64_t time)
{
	struct point none = {POINT_NONE, 0, NULL};
	int64_t oldest = time - s->e->lookback;
	bool is_histogram = h && (!f || samples->histogram_time[h - 1] > samples->time[f - 1]);
	if (is_histogram) {
		const struct float_histogram *histogram = samples->histogram[h - 1];
		int64_t taken = samples->histogram_time[h - 1];
		if (taken <= oldest || metric_is_stale(histogram->sum))
			return none;
		if (s->wanted == WANTED_VALUE)
			return (struct point){POINT_HISTOGRAM, 0, histogram};
		return (struct point){
			POINT_FLOAT, wanted_time(s->wanted, taken, samples->histogram_start, h - 1),
			NULL};
	}
	if (!f || samples->time[f - 1] <= oldest || metric_is_stale(samples->value[f - 1]))
		return none;
	double value = s->wanted == WANTED_VALUE ? samples->value[f - 1]
						 : wanted_time(s->wanted, samples->time[f - 1],
							       samples->start, f - 1);
	return (struct point){POINT_FLOAT, value, NULL};
}

static int put_series(void *arg, const struct labels *labels, const struct samples *samples,
		      struct error *err)
{
	struct selecting *s = arg;
	struct row *row = s->row;
	struct samples hinted;
	uint32_t f = 0, h = 0;
	bool any = false;
	s->e->samples += samples->count + samples->histogram_count;
	int rc = eval_check(s->e, err);
	if (rc == 0)
		rc = samples_with_hints(s->e, samples, &hinted, err);
	row_clear(row, s->grid);
	row->labels = labels;
	for (uint32_t i = 0; rc == 0 && i < s->grid.count; i++) {
		int64_t time = reference_time(s, i);
		f = first_after(samples->time, samples->count, f, time);
		h = first_after(samples->histogram_time, samples->histogram_count, h, time);
		struct point point = latest(s, &hinted, f, h, time);
		if (point.kind == POINT_NONE)
			continue;
		any = true;
		rc = row_set(s->e, row, s->grid, i, point, err);
	}
	return rc == 0 && any ? s->sink->put(s->sink, row, err) : rc;
}

/* --- smoothed ------------------------------------------------------------------------- */

/* Between two samples the value is interpolated; behind the last one it stays. */
static struct point smooth(const struct samples *samples, uint32_t after, int64_t time,
			   int64_t lookback)
{
	struct point none = {POINT_NONE, 0, NULL};
	if (!after || samples->time[after - 1] <= time - lookback)
		return none;
	double before = samples->value[after - 1];
	int64_t from = samples->time[after - 1];
	if (from == time || after == samples->count || samples->time[after] > time + lookback)
		return (struct point){POINT_FLOAT, before, NULL};
	double part = (double)(time - from) / (double)(samples->time[after] - from);
	return (struct point){POINT_FLOAT, before + (samples->value[after] - before) * part, NULL};
}

static int put_smoothed(void *arg, const struct labels *labels, const struct samples *samples,
			struct error *err)
{
	struct selecting *s = arg;
	struct row *row = s->row;
	struct samples fresh;
	uint32_t f = 0;
	s->e->samples += samples->count + samples->histogram_count;
	int rc = eval_check(s->e, err);
	if (rc == 0)
		rc = samples_without_stale(s->e, samples, &fresh, err);
	if (rc < 0)
		return rc;
	if (fresh.count && fresh.histogram_count) {
		annotations_add(&s->e->annotations, ANNOTATION_WARNING, s->expr->pos,
				"encountered a mix of histograms and floats for metric name "
				"\"" SLICE_FMT "\"",
				SLICE_ARG(metric_name(labels)));
		return 0;
	}
	if (fresh.histogram_count)
		return put_series(arg, labels, samples, err);
	row_clear(row, s->grid);
	row->labels = labels;
	for (uint32_t i = 0; i < s->grid.count; i++) {
		int64_t time = reference_time(s, i);
		f = first_after(fresh.time, fresh.count, f, time);
		struct point point = smooth(&fresh, f, time, s->e->lookback);
		row->kind[i] = (uint8_t)point.kind;
		row->value[i] = point.value;
	}
	return row_is_empty(row, s->grid) ? 0 : s->sink->put(s->sink, row, err);
}

static int run(struct eval *e, const struct promql_expr *expr, struct grid grid, enum wanted wanted,
	       struct row_sink *sink, struct error *err)
{
	const struct promql_selector *selector = &expr->vector;
	struct selecting s = {.e = e, .expr = expr, .grid = grid, .wanted = wanted, .sink = sink};
	int rc = eval_modifiers(e, &selector->modifiers, &s.offset, &s.fixed, &s.at, err);
	if (rc < 0)
		return rc;
	s.row = row_new(e, grid, err);
	if (!s.row)
		return STATUS_LIMIT;
	bool smoothed = selector->smoothed && wanted == WANTED_VALUE;
	struct selection selection = {.matchers = selector->matchers,
				      .matcher_count = selector->matcher_count,
				      .from = reference_time(&s, 0) - e->lookback + 1,
				      .to = reference_time(&s, grid.count - 1) +
					    (smoothed ? e->lookback : 0)};
	return e->source->select(e->source, &selection, e->arena,
				 smoothed ? put_smoothed : put_series, &s, err);
}

int eval_selector(struct eval *e, const struct promql_expr *expr, struct grid grid,
		  struct row_sink *sink, struct error *err)
{
	return run(e, expr, grid, WANTED_VALUE, sink, err);
}

int eval_selector_times(struct eval *e, const struct promql_expr *selector, struct grid grid,
			bool start, struct row_sink *sink, struct error *err)
{
	return run(e, selector, grid, start ? WANTED_START : WANTED_TIME, sink, err);
}
