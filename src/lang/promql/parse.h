/* PromQL's text to its expression, and back. */
#ifndef TRIPOD_LANG_PROMQL_PARSE_H
#define TRIPOD_LANG_PROMQL_PARSE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"
#include "lang/promql/ast.h"

/*
 * Parses and type-checks `text`, which is kept by reference. INVALID: `err` says
 * "1:5: parse error: …" as Prometheus does (several mistakes: the first one); LIMIT: too deep
 * or over the arena's budget.
 */
int promql_parse(const struct promql_expr **out, struct arena *arena, struct slice text,
		 struct error *err);

/* A series in a selector's notation without operators but `=`: name{label="value"}. For tests and tools. */
int promql_parse_series(const struct promql_matcher **labels, uint32_t *count, struct arena *arena,
			struct slice text, struct error *err);

/* Prometheus' duration "1h30m" (no sign) in ms. False: it is none. */
bool promql_parse_duration(struct slice text, int64_t *ms);
/* "1h30m"; 0 is "0s". */
void promql_duration_text(int64_t ms, struct buf *out);

/* The expression on one line, as Prometheus prints it. */
void promql_print(const struct promql_expr *expr, struct buf *out);
/* The same over several lines where it is long: the API's format_query. */
void promql_pretty(const struct promql_expr *expr, struct buf *out);

/* "line:column" of a byte position, both from 1, column in bytes, as in messages. */
void promql_position_text(struct slice text, uint32_t pos, struct buf *out);

#endif
