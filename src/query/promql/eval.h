/*
 * The evaluator's inside, shared by the files of this folder.
 *
 * Rows are pushed: an expression calls its sink once for each series of its result, and a sink
 * that needs a row longer than that copies it. So `sum by (x) (rate(y[5m]))` holds one series at
 * a time, whatever there is of them.
 */
#ifndef TRIPOD_QUERY_PROMQL_EVAL_H
#define TRIPOD_QUERY_PROMQL_EVAL_H

#include "query/promql/engine.h"

/*
 * Of histograms whose count and sum alone are asked for (histogram_count and the like, unless
 * something between needs the buckets), Prometheus finds out at each sample whether the counter
 * began anew, and tells when such samples are added to others: so hints are made here as well.
 */
struct hints {
	bool counts_only, needs_buckets; /* of the expression that is evaluated */
};

struct eval {
	struct arena *arena;
	struct series_source *source;
	const struct promql_query *query;
	int64_t lookback, subquery_step; /* ms */
	struct annotations annotations;
	struct hints hints;
	uint64_t samples; /* looked at so far */
};

/* --- rows ------------------------------------------------------------------------------- */

struct row_sink {
	/* The row and its arrays are valid during the call; labels and histograms in the arena. */
	int (*put)(struct row_sink *sink, const struct row *row, struct error *err);
};

/* A row without points for `grid`; NULL (and `err` LIMIT) when over budget. */
struct row *row_new(struct eval *e, struct grid grid, struct error *err);
void row_clear(struct row *row, struct grid grid);
/* Makes room for the row's histograms when the point is the first. LIMIT: over budget. */
int row_set(struct eval *e, struct row *row, struct grid grid, uint32_t i, struct point point,
	    struct error *err);
bool row_is_empty(const struct row *row, struct grid grid);

/* All rows of an expression, kept. */
struct table {
	struct row *rows;
	uint32_t count, capacity;
};
int eval_table(struct eval *e, const struct promql_expr *expr, struct grid grid, struct table *out,
	       struct error *err);
/* Adds a copy of the row. */
int table_add(struct eval *e, struct table *table, const struct row *row, struct grid grid,
	      struct error *err);

/* Not more work than allowed, not cancelled, not too late: call it once a row at least. */
int eval_check(struct eval *e, struct error *err);

/* --- expressions ------------------------------------------------------------------------ */

/* An expression of type VECTOR (or SCALAR: a row without labels). */
int eval_vector(struct eval *e, const struct promql_expr *expr, struct grid grid,
		struct row_sink *sink, struct error *err);
/*
 * A selector (of kind VECTOR) whose rows have, in place of the samples, their times: when they
 * were taken, or (`start`) since when they count, 0 where that is not known; in seconds since
 * the epoch. A point is a FLOAT also where the sample is a histogram. drop_name is not set.
 */
int eval_selector_times(struct eval *e, const struct promql_expr *selector, struct grid grid,
			bool start, struct row_sink *sink, struct error *err);
/* Of type SCALAR; fills `out[grid.count]`. */
int eval_scalar(struct eval *e, const struct promql_expr *expr, struct grid grid, double *out,
		struct error *err);
/* Of type STRING: a literal, perhaps in parentheses. */
struct slice eval_string(const struct promql_expr *expr);
/* Without the parentheses around it. */
const struct promql_expr *eval_unwrap(const struct promql_expr *expr);

/* --- range vectors ---------------------------------------------------------------------- */

/* Where the windows of a range vector are. */
struct window_spec {
	int64_t range, offset; /* ms */
	bool fixed; /* by @: the same window at each step, */
	int64_t at; /* which ends there, less the offset */
	bool anchored, smoothed;
	const struct promql_expr *selector; /* of kind MATRIX or SUBQUERY: for annotations */
};

/*
 * One step's part of a series: the samples with from < time <= to, none of them stale. Those
 * before and behind are in `samples` as well (anchored and smoothed look at them, as far as the
 * look-back reaches): floats [first, end), histograms [histogram_first, histogram_end).
 */
struct window {
	const struct window_spec *spec;
	const struct samples *samples;
	int64_t from, to; /* ms */
	uint32_t first, end;
	uint32_t histogram_first, histogram_end;
};

struct range_series {
	const struct labels *labels;
	bool drop_name;
	const struct samples *samples; /* stale markers are left out */
};

struct range_sink {
	int (*put)(struct range_sink *sink, const struct range_series *series, struct error *err);
};

/* Without stale markers; what has none is shared with `in`. */
int samples_without_stale(struct eval *e, const struct samples *in, struct samples *out,
			  struct error *err);
/* `offset` and `@`: in ms, and at which time, when `fixed`. */
int eval_modifiers(struct eval *e, const struct promql_modifiers *modifiers, int64_t *offset,
		   bool *fixed, int64_t *at, struct error *err);

#define PROMQL_MAX_STEPS 1000000 /* of a subquery */

/* Of type MATRIX: a selector or a subquery, perhaps in parentheses. `spec` is filled first. */
int eval_range(struct eval *e, const struct promql_expr *expr, struct grid grid,
	       struct window_spec *spec, struct range_sink *sink, struct error *err);
/* Moves `window` to step i; steps must not go back. `window` is zeroed but for spec and samples at first. */
void window_move(struct window *window, struct grid grid, uint32_t i);

/* --- calls ------------------------------------------------------------------------------ */

/* What an implementation sees of the call it works for. */
struct call {
	struct eval *e;
	struct grid grid;
	const struct promql_expr *expr; /* the call */
	/* By number of the argument, of SCALAR ones: a value a step. Else NULL. */
	const double *scalars[12];
	const struct labels *labels; /* of the series that is looked at: for annotations */
	uint32_t step;
	int64_t time; /* of the step, ms */
};

/*
 * One window to one point. `out` is NONE at first and stays so where there is no result;
 * histograms go into the eval's arena.
 */
typedef int range_fn(struct call *call, const struct window *window, struct point *out,
		     struct error *err);
/* One point to one point; called for points that are there only. */
typedef int point_fn(struct call *call, const struct point *in, struct point *out,
		     struct error *err);
/* Everything else: evaluates its arguments itself. */
typedef int call_fn(struct eval *e, const struct promql_expr *call, struct grid grid,
		    struct row_sink *sink, struct error *err);

struct function_impl {
	range_fn *range;
	point_fn *point;
	call_fn *whole;
	bool keeps_name; /* of range and point: the result is the same metric */
};

/*
 * NULL members: it is none of that kind. Scalar functions (time, pi, scalar, start, …) are
 * eval_scalar's. range_functions.c and instant_functions.c each list theirs by function id.
 */
extern const struct function_impl range_function_impls[PROMQL_FUNCTION_COUNT];
extern const struct function_impl instant_function_impls[PROMQL_FUNCTION_COUNT];

/* The name of the metric, "" when it has none: for annotations. */
struct slice metric_name(const struct labels *labels);
/* Where an argument stands in the text: annotations point there. */
struct promql_range arg_pos(const struct promql_expr *call, uint32_t arg);

/* Fills err and returns STATUS_LIMIT. */
int eval_over_budget(struct error *err);

/* hints.c: what a call means for e->hints, which the caller saves and restores. */
void hints_enter_call(struct eval *e, enum promql_function_id id);
/* With hints where e->hints asks for them; else what is in `in`. */
int samples_with_hints(struct eval *e, const struct samples *in, struct samples *out,
		       struct error *err);

/* selector.c: an instant vector selector. */
int eval_selector(struct eval *e, const struct promql_expr *expr, struct grid grid,
		  struct row_sink *sink, struct error *err);
/* call.c */
int eval_call(struct eval *e, const struct promql_expr *expr, struct grid grid,
	      struct row_sink *sink, struct error *err);
/* duration.c: a duration of the text in ms, evaluated where it is an expression. INVALID. */
int eval_duration(struct eval *e, int64_t plain, const struct promql_duration *expr,
		  bool may_be_negative, int64_t *ms, struct error *err);

/* operator.c: one operation on two points. `keep`: a comparison was true. */
int point_operate(struct eval *e, enum promql_op op, struct point left, struct point right,
		  struct promql_range pos, struct point *out, bool *keep, struct error *err);
double scalar_operate(enum promql_op op, double left, double right);

/* binary.c, aggregate.c */
int eval_binary(struct eval *e, const struct promql_expr *expr, struct grid grid,
		struct row_sink *sink, struct error *err);
int eval_aggregate(struct eval *e, const struct promql_expr *expr, struct grid grid,
		   struct row_sink *sink, struct error *err);

#endif
