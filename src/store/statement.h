/*
 * What kind of statement a text is, without understanding it: which call of libchdb runs
 * it, where an INSERT's data begins, and whether it is one that nobody may run.
 *
 * The tokens are those of ClickHouse's src/Parsers/Lexer.cpp: comments (double dash, double slash,
 * #!, C style), strings with backslash escapes and doubled quotes, typographic quotes,
 * heredocs ($tag$ … $tag$), quoted identifiers. Pure: no I/O, bounded by the text's length.
 */
#ifndef TRIPOD_STORE_STATEMENT_H
#define TRIPOD_STORE_STATEMENT_H

#include <stdbool.h>

#include "base/slice.h"
#include "base/status.h"

enum statement_kind {
	STATEMENT_EMPTY,
	STATEMENT_SELECT, /* its answer can be streamed */
	STATEMENT_INSERT, /* data follows, in `format` */
	STATEMENT_OTHER, /* SHOW, DDL, INSERT … SELECT, …: run at once */
};

struct statement {
	enum statement_kind kind;
	/* The statement alone; for an INSERT without FORMAT x or VALUES, and without its data. */
	struct slice text;
	/*
	 * The name behind FORMAT ("Values" for VALUES), as written; empty when there is none: an
	 * INSERT's data may then be still to come, or default_format says what it is.
	 */
	struct slice format;
	struct slice data; /* of an INSERT: what follows in the text */
};

/*
 * `restricted`: also refuse functions and engines that reach files, programs or the
 * network. All slices point into `sql`. Failures: INVALID (several statements, malformed),
 * DENIED (something that may not be run). The message has no code in front.
 */
int statement_parse(struct statement *out, struct slice sql, bool restricted, struct error *err);

/* True when the text begins as an INSERT: cheap, for choosing a queue. */
bool statement_is_insert(struct slice sql);

enum statement_token_kind {
	STATEMENT_WORD, /* bare: a keyword, a name, a function */
	STATEMENT_NAME, /* in backticks or double quotes, which `text` includes */
	STATEMENT_LITERAL, /* a string or a number */
	STATEMENT_SIGN, /* one character of anything else: ( ) . , { } … */
};
struct statement_token {
	enum statement_token_kind kind;
	struct slice text;
};

/*
 * Calls `visit` with each token, blanks and comments apart, until it returns something
 * other than 0, which is returned. For checks that need more than statement_parse says.
 */
int statement_each_token(struct slice sql,
			 int (*visit)(void *ctx, const struct statement_token *token), void *ctx);

#endif
