/* Shared by the files about aggregations. */
#ifndef TRIPOD_QUERY_PROMQL_AGGREGATE_H
#define TRIPOD_QUERY_PROMQL_AGGREGATE_H

#include "query/promql/eval.h"

/* The labels of the group that a series falls into. NULL: over budget. */
const struct labels *group_labels(struct eval *e, const struct promql_expr *expr,
				  const struct labels *labels);
void note_histogram_ignored(struct eval *e, const struct promql_expr *expr,
			    struct promql_range pos);

/* aggregate_kept.c: aggregations that need all elements of a group at once. */
int eval_aggregate_kept(struct eval *e, const struct promql_expr *expr, struct grid grid,
			struct row_sink *sink, struct error *err);

#endif
