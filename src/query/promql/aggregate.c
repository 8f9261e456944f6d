/* sum, avg, count, min, …: aggregations whose groups are added up while their series come in. */
#include <math.h>

#include "lang/promql/print.h"
#include "query/promql/aggregate.h"

enum group_flag {
	GROUP_SEEN = 1,
	GROUP_FLOAT = 2,
	GROUP_HISTOGRAM = 4,
	GROUP_INCOMPATIBLE = 8, /* exponential and custom buckets: no result */
	GROUP_INCREMENTAL = 16, /* the sum would overflow: `value` is the mean so far */
	GROUP_RESET = 32, /* a histogram said that a counter began anew, */
	GROUP_NO_RESET = 64, /* and one that it did not */
};

/* One group, an entry a step. */
struct group {
	const struct labels *labels;
	bool drop_name;
	uint8_t *flags;
	double *value, *compensation, *count;
	double *mean; /* stddev, stdvar */
	struct histogram_sum *histogram; /* NULL: none came so far */
};

struct aggregating {
	struct row_sink rows;
	struct eval *e;
	const struct promql_expr *expr;
	struct grid grid;
	struct labels_index index;
	struct group *groups;
	uint32_t capacity;
};

const struct labels *group_labels(struct eval *e, const struct promql_expr *expr,
				  const struct labels *labels)
{
	const struct slice name = SLICE("__name__");
	const struct labels *out =
		labels_select(e->arena, labels, expr->aggregate.grouping,
			      expr->aggregate.grouping_count, !expr->aggregate.without);
	if (out && expr->aggregate.without)
		out = labels_select(e->arena, out, &name, 1, false);
	return out;
}

void note_histogram_ignored(struct eval *e, const struct promql_expr *expr, struct promql_range pos)
{
	annotations_add(&e->annotations, ANNOTATION_INFO, pos,
			"ignored histogram in %s aggregation",
			promql_aggregation_text(expr->aggregate.op));
}

/* --- groups --------------------------------------------------------------------------- */

static bool init_group(struct aggregating *self, struct group *group, const struct labels *labels)
{
	struct arena *arena = self->e->arena;
	uint32_t steps = self->grid.count;
	*group = (struct group){.labels = labels,
				.flags = arena_array(arena, steps, 1),
				.value = arena_array(arena, steps, sizeof(double)),
				.compensation = arena_array(arena, steps, sizeof(double)),
				.count = arena_array(arena, steps, sizeof(double)),
				.mean = arena_array(arena, steps, sizeof(double))};
	if (!group->flags || !group->value || !group->compensation || !group->count || !group->mean)
		return false;
	memset(group->flags, 0, steps);
	memset(group->compensation, 0, steps * sizeof(double));
	return true;
}

static struct group *find_group(struct aggregating *self, const struct labels *series,
				struct error *err)
{
	const struct labels *key = group_labels(self->e, self->expr, series);
	uint32_t count = self->index.count;
	uint32_t number = key ? labels_index_add(&self->index, key) : LABELS_NONE;
	if (number == LABELS_NONE)
		goto over;
	if (number < count)
		return &self->groups[number];
	if (number == self->capacity) {
		uint32_t capacity = self->capacity ? self->capacity * 2 : 16;
		struct group *groups =
			arena_array(self->e->arena, capacity, sizeof(self->groups[0]));
		if (!groups)
			goto over;
		if (number)
			memcpy(groups, self->groups, number * sizeof(groups[0]));
		self->groups = groups;
		self->capacity = capacity;
	}
	if (init_group(self, &self->groups[number], key))
		return &self->groups[number];
over:
	eval_over_budget(err);
	return NULL;
}

/* --- adding up floats ----------------------------------------------------------------- */

/* Kahan's summation in Neumaier's form. */
static void kahan_add(double *sum, double *compensation, double value)
{
	double total = *sum + value;
	if (isinf(total))
		*compensation = 0;
	else if (fabs(*sum) >= fabs(value))
		*compensation += (*sum - total) + value;
	else
		*compensation += (value - total) + *sum;
	*sum = total;
}

/* The plain sum as long as it is finite, which is more exact; then the running mean. */
static void mean_add(struct group *g, uint32_t i, double value)
{
	double n = g->count[i];
	if (!(g->flags[i] & GROUP_INCREMENTAL)) {
		double sum = g->value[i], compensation = g->compensation[i];
		kahan_add(&sum, &compensation, value);
		if (!isinf(sum)) {
			g->value[i] = sum;
			g->compensation[i] = compensation;
			return;
		}
		g->flags[i] |= GROUP_INCREMENTAL;
		g->value[i] /= n - 1;
		g->compensation[i] /= n - 1;
	}
	double part = (n - 1) / n;
	double mean = part * g->value[i], compensation = part * g->compensation[i];
	kahan_add(&mean, &compensation, value / n);
	g->value[i] = mean;
	g->compensation[i] = compensation;
}

/* Welford's method. */
static void variance_add(struct group *g, uint32_t i, double value)
{
	double delta = value - g->mean[i];
	g->mean[i] += delta / g->count[i];
	g->value[i] += delta * (value - g->mean[i]);
}

static void first_float(enum promql_aggregation op, struct group *g, uint32_t i, double value)
{
	g->count[i] = 1;
	g->value[i] = g->mean[i] = value;
	if (op == PROMQL_GROUP)
		g->value[i] = 1;
	else if (op == PROMQL_STDDEV || op == PROMQL_STDVAR)
		g->value[i] = isnan(value) || isinf(value) ? NAN : 0;
}

static void add_float(enum promql_aggregation op, struct group *g, uint32_t i, double value)
{
	bool first = !(g->flags[i] & GROUP_SEEN);
	g->flags[i] |= GROUP_SEEN | GROUP_FLOAT;
	if (first) {
		first_float(op, g, i, value);
		return;
	}
	g->count[i]++;
	switch (op) {
	case PROMQL_SUM:
		kahan_add(&g->value[i], &g->compensation[i], value);
		return;
	case PROMQL_AVG:
		mean_add(g, i, value);
		return;
	case PROMQL_MIN:
		if (g->value[i] > value || isnan(g->value[i]))
			g->value[i] = value;
		return;
	case PROMQL_MAX:
		if (g->value[i] < value || isnan(g->value[i]))
			g->value[i] = value;
		return;
	case PROMQL_STDDEV:
	case PROMQL_STDVAR:
		variance_add(g, i, value);
		return;
	default:
		return; /* count and group need no more */
	}
}

/* --- and histograms ------------------------------------------------------------------- */

static bool takes_histograms(enum promql_aggregation op)
{
	return op == PROMQL_SUM || op == PROMQL_AVG || op == PROMQL_COUNT || op == PROMQL_GROUP;
}

static int sum_histogram(struct aggregating *self, struct group *g, uint32_t i,
			 const struct float_histogram *h, const struct labels *series,
			 struct error *err)
{
	struct eval *e = self->e;
	struct promql_range pos = self->expr->aggregate.expr->pos;
	struct histogram_notes notes = {0};
	if (!g->histogram) {
		g->histogram = arena_array(e->arena, self->grid.count, sizeof(g->histogram[0]));
		if (!g->histogram)
			return eval_over_budget(err);
		memset(g->histogram, 0, self->grid.count * sizeof(g->histogram[0]));
	}
	struct histogram_sum *sum = &g->histogram[i];
	if (sum->sum && histogram_incompatible(sum->sum, h)) {
		annotations_add(&e->annotations, ANNOTATION_WARNING, pos,
				"vector contains a mix of histograms with exponential and custom "
				"buckets schemas for metric name \"" SLICE_FMT "\"",
				SLICE_ARG(metric_name(series)));
		g->flags[i] |= GROUP_INCOMPATIBLE;
		return 0;
	}
	g->flags[i] |= h->hint == RESET_YES  ? GROUP_RESET
		       : h->hint == RESET_NO ? GROUP_NO_RESET
					     : 0;
	bool mean = self->expr->aggregate.op == PROMQL_AVG;
	if (!(mean ? histogram_mean_add : histogram_sum_add)(sum, e->arena, h, &notes))
		return eval_over_budget(err);
	if (notes.bounds_reconciled)
		annotations_add(&e->annotations, ANNOTATION_INFO, pos,
				"mismatched custom buckets were reconciled during aggregation");
	return 0;
}

static int add_histogram(struct aggregating *self, struct group *g, uint32_t i,
			 const struct float_histogram *h, const struct labels *series,
			 struct error *err)
{
	enum promql_aggregation op = self->expr->aggregate.op;
	if (!takes_histograms(op)) {
		note_histogram_ignored(self->e, self->expr, self->expr->aggregate.expr->pos);
		return 0;
	}
	bool first = !(g->flags[i] & GROUP_SEEN);
	g->count[i] = first ? 1 : g->count[i] + 1;
	if (first)
		g->value[i] = op == PROMQL_GROUP;
	g->flags[i] |= GROUP_SEEN;
	if (op == PROMQL_COUNT || op == PROMQL_GROUP)
		return 0;
	g->flags[i] |= GROUP_HISTOGRAM;
	return sum_histogram(self, g, i, h, series, err);
}

static int put_row(struct row_sink *rows, const struct row *row, struct error *err)
{
	struct aggregating *self = (struct aggregating *)rows;
	enum promql_aggregation op = self->expr->aggregate.op;
	struct group *g = find_group(self, row->labels, err);
	if (!g)
		return STATUS_LIMIT;
	g->drop_name |= row->drop_name;
	for (uint32_t i = 0; i < self->grid.count; i++) {
		if (row->kind[i] == POINT_NONE || g->flags[i] & GROUP_INCOMPATIBLE)
			continue;
		if (row->kind[i] == POINT_FLOAT) {
			add_float(op, g, i, row->value[i]);
			continue;
		}
		int rc = add_histogram(self, g, i, row->histogram[i], row->labels, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* --- results -------------------------------------------------------------------------- */

static double float_result(enum promql_aggregation op, const struct group *g, uint32_t i)
{
	switch (op) {
	case PROMQL_SUM:
		return g->value[i] + g->compensation[i];
	case PROMQL_AVG:
		if (g->flags[i] & GROUP_INCREMENTAL)
			return g->value[i] + g->compensation[i];
		return g->value[i] / g->count[i] + g->compensation[i] / g->count[i];
	case PROMQL_COUNT:
		return g->count[i];
	case PROMQL_STDVAR:
		return g->value[i] / g->count[i];
	case PROMQL_STDDEV:
		return sqrt(g->value[i] / g->count[i]);
	default:
		return g->value[i];
	}
}

static int histogram_result(struct aggregating *self, const struct group *g, uint32_t i,
			    struct point *out, struct error *err)
{
	struct arena *arena = self->e->arena;
	bool mean = self->expr->aggregate.op == PROMQL_AVG;
	const struct float_histogram *h = mean ? histogram_mean_value(&g->histogram[i], arena)
					       : histogram_sum_value(&g->histogram[i], arena);
	h = h ? histogram_compact(arena, h) : NULL;
	if (!h)
		return eval_over_budget(err);
	*out = (struct point){POINT_HISTOGRAM, 0, h};
	return 0;
}

static int result(struct aggregating *self, const struct group *g, uint32_t i, struct point *out,
		  struct error *err)
{
	struct promql_range pos = self->expr->aggregate.expr->pos;
	uint8_t flags = g->flags[i];
	int rc = 0;
	if (!(flags & GROUP_SEEN) || flags & GROUP_INCOMPATIBLE)
		return 0;
	if (flags & GROUP_FLOAT && flags & GROUP_HISTOGRAM) {
		annotations_add(&self->e->annotations, ANNOTATION_WARNING, pos,
				"encountered a mix of histograms and floats for aggregation");
		return 0;
	}
	if (flags & GROUP_HISTOGRAM)
		rc = histogram_result(self, g, i, out, err);
	else
		*out = (struct point){POINT_FLOAT, float_result(self->expr->aggregate.op, g, i),
				      NULL};
	if (flags & GROUP_RESET && flags & GROUP_NO_RESET)
		annotations_add(&self->e->annotations, ANNOTATION_WARNING, pos,
				"conflicting counter resets during histogram aggregation");
	return rc;
}

static int put_groups(struct aggregating *self, struct row_sink *sink, struct error *err)
{
	struct row *row = row_new(self->e, self->grid, err);
	int rc = row ? 0 : STATUS_LIMIT;
	for (uint32_t k = 0; rc == 0 && k < self->index.count; k++) {
		const struct group *g = &self->groups[k];
		row_clear(row, self->grid);
		row->labels = g->labels;
		row->drop_name = g->drop_name;
		for (uint32_t i = 0; rc == 0 && i < self->grid.count; i++) {
			struct point point = {POINT_NONE, 0, NULL};
			rc = result(self, g, i, &point, err);
			if (rc == 0)
				rc = row_set(self->e, row, self->grid, i, point, err);
		}
		if (rc == 0 && !row_is_empty(row, self->grid))
			rc = sink->put(sink, row, err);
	}
	return rc;
}

int eval_aggregate(struct eval *e, const struct promql_expr *expr, struct grid grid,
		   struct row_sink *sink, struct error *err)
{
	switch (expr->aggregate.op) {
	case PROMQL_TOPK:
	case PROMQL_BOTTOMK:
	case PROMQL_LIMITK:
	case PROMQL_LIMIT_RATIO:
	case PROMQL_QUANTILE:
	case PROMQL_COUNT_VALUES:
		return eval_aggregate_kept(e, expr, grid, sink, err);
	default:
		break;
	}
	struct aggregating self = {.rows = {put_row}, .e = e, .expr = expr, .grid = grid};
	labels_index_init(&self.index, e->arena);
	int rc = eval_vector(e, expr->aggregate.expr, grid, &self.rows, err);
	return rc < 0 ? rc : put_groups(&self, sink, err);
}
