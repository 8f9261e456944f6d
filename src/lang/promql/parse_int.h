/* What the parts of the parser share: expressions, selectors, durations, checks. */
#ifndef TRIPOD_LANG_PROMQL_PARSE_INT_H
#define TRIPOD_LANG_PROMQL_PARSE_INT_H

#include "lang/promql/lexer.h"
#include "lang/promql/parse.h"

/*
 * The first mistake ends it: `status` is set, and every function returns NULL or false. One
 * token is read ahead, and only when it is needed, so that of two mistakes the same one is
 * reported as by Prometheus' LALR(1) parser.
 */
struct promql_parser {
	struct arena *arena;
	struct error *err;
	struct slice text;
	struct promql_lexer lexer;
	struct promql_token token; /* when `loaded`: the one that was read ahead */
	bool loaded;
	uint32_t last_end; /* where the last token that was taken ends */
	int status;
	unsigned depth; /* of recursion */
	unsigned duration_nodes; /* of the duration at hand */
	unsigned aggregations; /* that are open: "in aggregation" */
	/* What messages about an unexpected token say of a duration. */
	const char *duration_context, *duration_expected;
};

/* False: the text is too long, or there is no memory for a copy; `status` says so. */
bool promql_parser_init(struct promql_parser *p, struct arena *arena, struct slice text,
			struct error *err);

enum promql_token_kind promql_peek(struct promql_parser *p);
struct promql_token promql_take(struct promql_parser *p);
/* Takes the next token if it is of that kind. */
bool promql_accept(struct promql_parser *p, enum promql_token_kind kind);

/* "line:column: parse error: …"; the first call wins. Always NULL. */
__attribute__((format(printf, 3, 4))) void *promql_fail(struct promql_parser *p, uint32_t pos,
							const char *fmt, ...);
/* The token ahead is not what may stand there; `context` and `expected` may be NULL. */
void *promql_unexpected(struct promql_parser *p, const char *context, const char *expected);
void *promql_too_deep(struct promql_parser *p, uint32_t pos);
void *promql_no_memory(struct promql_parser *p);

void *promql_alloc(struct promql_parser *p, size_t size);
/* Room for one more item behind `count`: `items` or a larger copy; NULL: failed. */
void *promql_grow(struct promql_parser *p, void *items, uint32_t count, uint32_t *capacity,
		  size_t size);
/* `text` as Go's %q shows it, in the arena. */
const char *promql_quoted(struct promql_parser *p, struct slice text);

/* The value of a number or duration token. */
bool promql_token_number(struct promql_parser *p, struct promql_token token, double *out);
/* The value of a string token. */
bool promql_token_string(struct promql_parser *p, struct promql_token token, struct slice *out);

/* --- selectors and label lists -------------------------------------------------------- */

bool promql_is_metric_word(enum promql_token_kind kind);
/* `name` is NULL when the selector starts with a brace. */
struct promql_expr *promql_parse_selector(struct promql_parser *p, const struct promql_token *name);
/* "(a, b)" behind `by`, `on` and so on. */
bool promql_parse_labels(struct promql_parser *p, const struct slice **labels, uint32_t *count);

/* --- durations ------------------------------------------------------------------------ */

enum promql_duration_error {
	PROMQL_DURATION_OK,
	PROMQL_DURATION_SYNTAX,
	PROMQL_DURATION_UNIT, /* `unit` is unknown */
	PROMQL_DURATION_RANGE_ERROR,
};

enum promql_duration_error promql_read_duration(struct slice text, int64_t *ms, struct slice *unit);

/* A duration above 0, in brackets: `ms`, or `expr` when it is not a plain one. */
bool promql_parse_range(struct promql_parser *p, int64_t *ms, const struct promql_duration **expr);
/* What follows `offset`. */
bool promql_parse_offset(struct promql_parser *p, int64_t *ms, const struct promql_duration **expr);

/* --- checks --------------------------------------------------------------------------- */

/* Types, arguments, matching. */
bool promql_check(struct promql_parser *p, struct promql_expr *expr);

#endif
