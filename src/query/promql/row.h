/* Values of one series over the steps of a query: what every expression is made of. */
#ifndef TRIPOD_QUERY_PROMQL_ROW_H
#define TRIPOD_QUERY_PROMQL_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "query/labels.h"
#include "telemetry/float_histogram.h"

/* The times at which an expression is evaluated. */
struct grid {
	int64_t start, step; /* ms */
	uint32_t count;
};

static inline int64_t grid_time(struct grid grid, uint32_t i)
{
	return grid.start + (int64_t)i * grid.step;
}

enum point_kind { POINT_NONE, POINT_FLOAT, POINT_HISTOGRAM };

struct point {
	enum point_kind kind;
	double value; /* FLOAT */
	const struct float_histogram *histogram; /* HISTOGRAM */
};

/* One array entry a step. */
struct row {
	const struct labels *labels;
	bool drop_name; /* the name is to be left out of the final result: see engine.h */
	uint8_t *kind; /* enum point_kind */
	double *value;
	const struct float_histogram **histogram; /* NULL when no step has one */
};

static inline struct point row_point(const struct row *row, uint32_t i)
{
	return (struct point){(enum point_kind)row->kind[i], row->value[i],
			      row->kind[i] == POINT_HISTOGRAM ? row->histogram[i] : NULL};
}

#endif
