/* Rows and tables of them: see eval.h. */
#include <string.h>

#include "base/clock.h"
#include "query/promql/eval.h"

int eval_over_budget(struct error *err)
{
	return error_set(err, STATUS_LIMIT,
			 "the query needs more memory than it may use: ask for fewer series or "
			 "steps, or raise query.max_memory");
}

int eval_check(struct eval *e, struct error *err)
{
	const struct promql_limits *limits = &e->query->limits;
	if (limits->cancelled && atomic_load_explicit(limits->cancelled, memory_order_relaxed))
		return error_set(err, STATUS_CANCELLED, "query was canceled");
	if (limits->deadline && clock_monotonic_ns() > limits->deadline)
		return error_set(err, STATUS_TIMEOUT, "query timed out in expression evaluation");
	if (limits->samples && e->samples > limits->samples)
		return error_set(err, STATUS_LIMIT,
				 "query processing would load too many samples into memory in "
				 "query execution");
	return 0;
}

struct row *row_new(struct eval *e, struct grid grid, struct error *err)
{
	struct row *row = arena_alloc(e->arena, sizeof(*row));
	if (row) {
		*row = (struct row){.kind = arena_array(e->arena, grid.count, 1),
				    .value = arena_array(e->arena, grid.count, sizeof(double))};
		if (row->kind && row->value) {
			memset(row->kind, POINT_NONE, grid.count);
			return row;
		}
	}
	eval_over_budget(err);
	return NULL;
}

void row_clear(struct row *row, struct grid grid)
{
	memset(row->kind, POINT_NONE, grid.count);
	row->drop_name = false;
}

int row_set(struct eval *e, struct row *row, struct grid grid, uint32_t i, struct point point,
	    struct error *err)
{
	row->kind[i] = (uint8_t)point.kind;
	row->value[i] = point.value;
	if (point.kind != POINT_HISTOGRAM)
		return 0;
	if (!row->histogram) {
		row->histogram = arena_array(e->arena, grid.count, sizeof(row->histogram[0]));
		if (!row->histogram)
			return eval_over_budget(err);
	}
	row->histogram[i] = point.histogram;
	return 0;
}

bool row_is_empty(const struct row *row, struct grid grid)
{
	for (uint32_t i = 0; i < grid.count; i++) {
		if (row->kind[i] != POINT_NONE)
			return false;
	}
	return true;
}

static bool has_histograms(const struct row *row, struct grid grid)
{
	return row->histogram && memchr(row->kind, POINT_HISTOGRAM, grid.count);
}

int table_add(struct eval *e, struct table *table, const struct row *row, struct grid grid,
	      struct error *err)
{
	if (table->count == table->capacity) {
		uint32_t capacity = table->capacity ? table->capacity * 2 : 16;
		struct row *rows = arena_array(e->arena, capacity, sizeof(rows[0]));
		if (!rows)
			return eval_over_budget(err);
		if (table->count)
			memcpy(rows, table->rows, table->count * sizeof(rows[0]));
		table->rows = rows;
		table->capacity = capacity;
	}
	struct row *copy = row_new(e, grid, err);
	if (!copy)
		return STATUS_LIMIT;
	copy->labels = row->labels;
	copy->drop_name = row->drop_name;
	memcpy(copy->kind, row->kind, grid.count);
	memcpy(copy->value, row->value, grid.count * sizeof(double));
	if (has_histograms(row, grid)) {
		copy->histogram = arena_array(e->arena, grid.count, sizeof(copy->histogram[0]));
		if (!copy->histogram)
			return eval_over_budget(err);
		memcpy(copy->histogram, row->histogram, grid.count * sizeof(copy->histogram[0]));
	}
	table->rows[table->count++] = *copy;
	return 0;
}

struct table_sink {
	struct row_sink sink;
	struct eval *e;
	struct grid grid;
	struct table *table;
};

static int put_row(struct row_sink *sink, const struct row *row, struct error *err)
{
	struct table_sink *self = (struct table_sink *)sink;
	return table_add(self->e, self->table, row, self->grid, err);
}

int eval_table(struct eval *e, const struct promql_expr *expr, struct grid grid, struct table *out,
	       struct error *err)
{
	struct table_sink sink = {{put_row}, e, grid, out};
	*out = (struct table){0};
	return eval_vector(e, expr, grid, &sink.sink, err);
}
