/*
 * A PromQL expression, parsed and type-checked. Everything is in the arena that was given to
 * promql_parse; strings are in it or in the query's text.
 *
 * Source: Prometheus' documentation, "Querying Prometheus", and, for messages and positions,
 * how Prometheus 3 behaves (promql/parser).
 */
#ifndef TRIPOD_LANG_PROMQL_AST_H
#define TRIPOD_LANG_PROMQL_AST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "lang/promql/functions.h"

struct promql_expr;

/* Deeper expressions are refused: parsing, printing and evaluating recurse. */
#define PROMQL_MAX_DEPTH 1000

/* Bytes of the query's text: [start, end). */
struct promql_range {
	uint32_t start, end;
};

enum promql_kind {
	PROMQL_NUMBER,
	PROMQL_STRING,
	PROMQL_PAREN,
	PROMQL_UNARY,
	PROMQL_BINARY,
	PROMQL_AGGREGATE,
	PROMQL_CALL,
	PROMQL_VECTOR, /* an instant vector selector */
	PROMQL_MATRIX, /* a range vector selector */
	PROMQL_SUBQUERY,
};

enum promql_op {
	PROMQL_ADD,
	PROMQL_SUB,
	PROMQL_MUL,
	PROMQL_DIV,
	PROMQL_MOD,
	PROMQL_POW,
	PROMQL_ATAN2,
	PROMQL_EQL, /* == */
	PROMQL_NEQ,
	PROMQL_GTR,
	PROMQL_LSS,
	PROMQL_GTE,
	PROMQL_LTE,
	PROMQL_TRIM_UPPER, /* </ */
	PROMQL_TRIM_LOWER, /* >/ */
	PROMQL_AND,
	PROMQL_OR,
	PROMQL_UNLESS,
};

enum promql_aggregation {
	PROMQL_SUM,
	PROMQL_AVG,
	PROMQL_COUNT,
	PROMQL_MIN,
	PROMQL_MAX,
	PROMQL_GROUP,
	PROMQL_STDDEV,
	PROMQL_STDVAR,
	PROMQL_TOPK,
	PROMQL_BOTTOMK,
	PROMQL_QUANTILE,
	PROMQL_COUNT_VALUES,
	PROMQL_LIMITK,
	PROMQL_LIMIT_RATIO,
};

enum promql_match_op { PROMQL_MATCH_EQ, PROMQL_MATCH_NEQ, PROMQL_MATCH_RE, PROMQL_MATCH_NRE };

struct promql_matcher {
	enum promql_match_op op;
	bool matches_empty; /* an empty value, that is a label that is not there, matches */
	struct slice name, value;
};

enum promql_cardinality {
	PROMQL_ONE_TO_ONE,
	PROMQL_MANY_TO_ONE, /* group_left */
	PROMQL_ONE_TO_MANY, /* group_right */
	PROMQL_MANY_TO_MANY, /* and, or, unless */
};

/* How the elements of two vectors find each other. */
struct promql_matching {
	enum promql_cardinality card;
	bool on; /* labels are those that count; else those that do not */
	const struct slice *labels;
	uint32_t label_count;
	const struct slice *include; /* of group_left(…) */
	uint32_t include_count;
	bool has_fill_left, has_fill_right;
	double fill_left, fill_right;
};

/*
 * A duration that may depend on the query: a tree over numbers (seconds), step() and range().
 * NULL where the text had none or a plain one, whose value is then beside it.
 */
enum promql_duration_op {
	PROMQL_DURATION_NUMBER,
	PROMQL_DURATION_ADD,
	PROMQL_DURATION_SUB, /* `left` NULL: unary minus */
	PROMQL_DURATION_MUL,
	PROMQL_DURATION_DIV,
	PROMQL_DURATION_MOD,
	PROMQL_DURATION_POW,
	PROMQL_DURATION_STEP, /* step() */
	PROMQL_DURATION_RANGE, /* range() */
	PROMQL_DURATION_MIN, /* min_of(left, right) */
	PROMQL_DURATION_MAX,
};

struct promql_duration {
	enum promql_duration_op op;
	bool wrapped; /* in parentheses */
	bool is_duration; /* NUMBER: written as 5m, not as 300 */
	double seconds; /* NUMBER */
	const struct promql_duration *left, *right;
	struct promql_range pos;
};

enum promql_at { PROMQL_AT_NONE, PROMQL_AT_TIME, PROMQL_AT_START, PROMQL_AT_END };

/* `offset` and `@`, of a selector or a subquery. */
struct promql_modifiers {
	int64_t offset; /* ms */
	const struct promql_duration *offset_expr;
	enum promql_at at;
	int64_t at_time; /* ms; AT_TIME */
};

struct promql_selector {
	struct slice name; /* "" when it stands in the braces or is not there */
	const struct promql_matcher *matchers; /* __name__ included */
	uint32_t matcher_count;
	struct promql_modifiers modifiers;
	bool anchored, smoothed;
};

struct promql_expr {
	enum promql_kind kind;
	enum promql_type type; /* what it evaluates to */
	uint16_t depth; /* levels of the tree, this one included; at most PROMQL_MAX_DEPTH */
	struct promql_range pos;
	union {
		struct {
			double value;
			bool is_duration; /* written as 5m: printed so */
		} number;
		struct slice string;
		struct promql_expr *paren;
		struct {
			enum promql_op op; /* ADD or SUB */
			struct promql_expr *expr;
		} unary;
		struct {
			enum promql_op op;
			bool return_bool;
			struct promql_expr *left, *right;
			struct promql_matching *matching; /* both are vectors; else NULL */
		} binary;
		struct {
			enum promql_aggregation op;
			bool without;
			const struct slice *grouping;
			uint32_t grouping_count;
			struct promql_expr *param; /* or NULL */
			struct promql_expr *expr;
		} aggregate;
		struct {
			const struct promql_function *function;
			struct promql_expr **args;
			uint32_t arg_count;
		} call;
		struct promql_selector vector;
		struct {
			struct promql_expr *vector; /* of kind VECTOR */
			int64_t range; /* ms */
			const struct promql_duration *range_expr;
		} matrix;
		struct {
			struct promql_expr *expr;
			int64_t range; /* ms */
			const struct promql_duration *range_expr;
			int64_t step; /* ms; 0: the default */
			const struct promql_duration *step_expr;
			struct promql_modifiers modifiers;
		} subquery;
	};
};

#endif
