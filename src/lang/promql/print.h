/* What printing on one line and on several share. */
#ifndef TRIPOD_LANG_PROMQL_PRINT_H
#define TRIPOD_LANG_PROMQL_PRINT_H

#include "base/buf.h"
#include "lang/promql/ast.h"

/* "+", "==", "unless", … */
const char *promql_op_text(enum promql_op op);
const char *promql_aggregation_text(enum promql_aggregation op);

/* "sum by (a) ": all before the left parenthesis. */
void promql_print_aggregation(const struct promql_expr *expr, struct buf *out);
/* "+ on (a) group_left (b)": the operator and its modifiers. */
void promql_print_operator(const struct promql_expr *expr, struct buf *out);
/* "[5m:1m] @ 5.000 offset 1m". */
void promql_print_subquery_suffix(const struct promql_expr *expr, struct buf *out);

#endif
