/* Rows of which several may be the same series, at different steps: made one row each. */
#ifndef TRIPOD_QUERY_PROMQL_ROW_MERGE_H
#define TRIPOD_QUERY_PROMQL_ROW_MERGE_H

#include "query/promql/eval.h"

struct row_merge {
	struct eval *e;
	struct grid grid;
	struct labels_index index;
	struct table table; /* by number in the index */
};

void row_merge_init(struct row_merge *merge, struct eval *e, struct grid grid);
/*
 * The number of that series' row, which is added without points when it is not there (with
 * `drop_name`, which it then keeps). LABELS_NONE (and `err` LIMIT) when over budget.
 */
uint32_t row_merge_row(struct row_merge *merge, const struct labels *labels, bool drop_name,
		       struct error *err);
/* One point. INVALID when the row has one at that step: two series with the same labels. */
int row_merge_set(struct row_merge *merge, uint32_t row, uint32_t i, struct point point,
		  struct error *err);
/* All points of a row. */
int row_merge_add(struct row_merge *merge, const struct row *row, struct error *err);
/* Pushes the rows that have points, in the order in which they came in. */
int row_merge_push(struct row_merge *merge, struct row_sink *sink, struct error *err);

#endif
