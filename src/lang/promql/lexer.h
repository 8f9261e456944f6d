/*
 * PromQL's tokens. What a character means depends on what came before it (inside braces,
 * inside brackets), so the lexer is a small state machine around three sets of rules.
 * Behaviour and messages are those of Prometheus' promql/parser/lex.go.
 */
#ifndef TRIPOD_LANG_PROMQL_LEXER_H
#define TRIPOD_LANG_PROMQL_LEXER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum promql_token_kind {
	PQ_EOF,
	PQ_ERROR,
	PQ_IDENTIFIER,
	PQ_METRIC_IDENTIFIER, /* with a colon */
	PQ_STRING,
	PQ_NUMBER,
	PQ_DURATION,
	PQ_COLON,
	PQ_COMMA,
	PQ_EQL,
	PQ_LEFT_BRACE,
	PQ_RIGHT_BRACE,
	PQ_LEFT_BRACKET,
	PQ_RIGHT_BRACKET,
	PQ_LEFT_PAREN,
	PQ_RIGHT_PAREN,
	/* operators */
	PQ_ADD,
	PQ_SUB,
	PQ_MUL,
	PQ_DIV,
	PQ_MOD,
	PQ_POW,
	PQ_ATAN2,
	PQ_EQLC, /* == */
	PQ_NEQ,
	PQ_GTR,
	PQ_LSS,
	PQ_GTE,
	PQ_LTE,
	PQ_TRIM_UPPER,
	PQ_TRIM_LOWER,
	PQ_LAND,
	PQ_LOR,
	PQ_LUNLESS,
	PQ_EQL_REGEX,
	PQ_NEQ_REGEX,
	PQ_AT,
	/* aggregations, in the order of enum promql_aggregation */
	PQ_SUM,
	PQ_AVG,
	PQ_COUNT,
	PQ_MIN,
	PQ_MAX,
	PQ_GROUP,
	PQ_STDDEV,
	PQ_STDVAR,
	PQ_TOPK,
	PQ_BOTTOMK,
	PQ_QUANTILE,
	PQ_COUNT_VALUES,
	PQ_LIMITK,
	PQ_LIMIT_RATIO,
	/* keywords */
	PQ_BOOL,
	PQ_BY,
	PQ_GROUP_LEFT,
	PQ_GROUP_RIGHT,
	PQ_FILL,
	PQ_FILL_LEFT,
	PQ_FILL_RIGHT,
	PQ_IGNORING,
	PQ_OFFSET,
	PQ_SMOOTHED,
	PQ_ANCHORED,
	PQ_ON,
	PQ_WITHOUT,
	/* words with a meaning inside `@` and durations, else functions */
	PQ_START,
	PQ_END,
	PQ_STEP,
	PQ_RANGE,
	PQ_MAX_OF,
	PQ_MIN_OF,
};

static inline bool promql_token_is_operator(enum promql_token_kind kind)
{
	return kind >= PQ_ADD && kind <= PQ_AT;
}

static inline bool promql_token_is_aggregation(enum promql_token_kind kind)
{
	return kind >= PQ_SUM && kind <= PQ_LIMIT_RATIO;
}

static inline bool promql_token_is_keyword(enum promql_token_kind kind)
{
	return kind >= PQ_BOOL && kind <= PQ_WITHOUT;
}

struct promql_token {
	enum promql_token_kind kind;
	uint32_t pos; /* first byte */
	struct slice text;
};

struct promql_lexer {
	const char *text, *end; /* *end is 0 */
	const char *start, *next; /* the token at hand */
	unsigned paren_depth;
	bool brace_open, bracket_open, got_colon, got_duration;
	bool in_duration; /* behind '[', until the first number */
	bool failed;
	char message[200]; /* of PQ_ERROR, whose position is that of the token */
};

/* `text[len]` is 0, and text is kept by reference. */
void promql_lexer_init(struct promql_lexer *l, const char *text, uint32_t len);
/* After PQ_ERROR there is only PQ_EOF. */
void promql_lexer_next(struct promql_lexer *l, struct promql_token *token);

#endif
