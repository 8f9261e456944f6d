/*
 * The functions over range vectors: what their files share. Each function turns one window of
 * one series into one point, see range_fn in eval.h.
 *
 * Source: Prometheus' documentation, "Query functions", and how Prometheus 3 behaves, with
 * start times of samples taken into account (its feature "use-start-timestamps").
 */
#ifndef TRIPOD_QUERY_PROMQL_RANGE_FUNCTIONS_H
#define TRIPOD_QUERY_PROMQL_RANGE_FUNCTIONS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "query/promql/eval.h"

/*
 * INVALID when the call's selector is `anchored` or `smoothed` and the function does not go
 * with that.
 */
int range_check_modifiers(const struct promql_expr *call, struct error *err);

/* --- annotations (range_notes.c) ---------------------------------------------------------- */

/* Told at the call's first argument. NULL: over budget. */
struct annotation *range_note(struct call *call, enum annotation_level level, const char *text);
/* The same with the metric's name, in quotes, at the end. */
struct annotation *range_note_metric(struct call *call, enum annotation_level level,
				     const char *text);

/* Both kinds of samples, of which the function can take only one: there is no result. */
void note_mixed_kinds(struct call *call);
/* Both kinds, of which the function takes the floats. */
void note_histograms_ignored(struct call *call);
/* Exponential and custom buckets in one window: there is no result. */
void note_mixed_schemas(struct call *call);
void note_not_counter(struct call *call);
void note_not_gauge(struct call *call);
/* `operation`: "addition", "subtraction", "aggregation". */
void note_bounds_reconciled(struct call *call, const char *operation);
void note_reset_collision(struct call *call, const char *operation);
void note_start_overlap(struct call *call);
void note_invalid_quantile(struct call *call, double q);
/* If the metric's name does not look like a counter's. */
void note_perhaps_no_counter(struct call *call);

/* --- windows ------------------------------------------------------------------------------ */

static inline uint32_t window_floats(const struct window *window)
{
	return window->end - window->first;
}

static inline uint32_t window_histograms(const struct window *window)
{
	return window->histogram_end - window->histogram_first;
}

/* Seconds, rounded as Go's Duration.Seconds rounds them. */
static inline double window_seconds(const struct window *window)
{
	int64_t range = window->spec->range;
	return (double)(range / 1000) + (double)(range % 1000 * 1000000) / 1e9;
}

static inline int point_float(struct point *out, double value)
{
	*out = (struct point){.kind = POINT_FLOAT, .value = value};
	return STATUS_OK;
}

/* LIMIT when `histogram` is NULL, which says that the arena is full. */
static inline int point_histogram(struct point *out, const struct float_histogram *histogram,
				  struct error *err)
{
	if (!histogram)
		return eval_over_budget(err);
	*out = (struct point){.kind = POINT_HISTOGRAM, .histogram = histogram};
	return STATUS_OK;
}

/* --- sums that do not lose what is small -------------------------------------------------- */

/* Kahan's summation in Neumaier's form; the total is sum + rest. */
struct kahan {
	double sum, rest;
};

static inline void kahan_add(struct kahan *k, double value)
{
	double sum = k->sum + value;
	if (isinf(sum))
		k->rest = 0;
	else if (fabs(k->sum) >= fabs(value))
		k->rest += (k->sum - sum) + value;
	else
		k->rest += (value - sum) + k->sum;
	k->sum = sum;
}

/* --- start times -------------------------------------------------------------------------- */

/*
 * Whether the start time of sample i shows that its counter began anew since sample i - 1.
 * A start time that is not known (0, or the sample's own time, as OpenTelemetry has it) or is
 * impossible shows nothing. `start` may be NULL.
 */
static inline bool start_is_reset(const int64_t *start, const int64_t *time, uint32_t i)
{
	if (!start || start[i] == 0 || start[i] >= time[i] || start[i] < time[i - 1])
		return false;
	if (start[i] > time[i - 1])
		return true;
	/*
	 * It starts where the one before ends: a delta, or a cumulative sample whose start is
	 * not known, in which case that of the one before is not known either.
	 */
	return start[i - 1] != 0 && start[i - 1] < time[i - 1];
}

/* A sample that starts amid the one before it: neither a delta nor cumulative. */
static inline bool start_overlaps(const int64_t *start, const int64_t *time, uint32_t i)
{
	return start[i] != 0 && start[i] < time[i - 1] && start[i] != start[i - 1];
}

/* --- rates (range_rate.c, range_histogram_rate.c, range_extended.c) ----------------------- */

struct rate_kind {
	bool counter; /* falls are resets */
	bool per_second;
};

/*
 * How much the histograms of the window rose; there are two at least. NULL in `out` when they do not
 * go together, which is told then.
 */
int range_histogram_increase(struct call *call, const struct window *window, bool counter,
			     struct float_histogram **out, struct error *err);
/* Of an anchored or smoothed selector: nothing is extrapolated. */
int range_extended_rate(struct call *call, const struct window *window, struct rate_kind kind,
			struct point *out, struct error *err);

/* Samples [first, end) of one kind that an anchored or smoothed window looks at. */
struct extent {
	uint32_t first, end;
};
struct extent window_extent_floats(const struct call *call, const struct window *window);
struct extent window_extent_histograms(const struct call *call, const struct window *window);

range_fn range_rate, range_increase, range_delta, range_irate, range_idelta;

/* range_counter.c */
range_fn range_resets, range_changes;

/* range_over_time.c, range_spread.c */
range_fn range_avg_over_time, range_sum_over_time, range_count_over_time, range_present_over_time;
range_fn range_first_over_time, range_last_over_time;
range_fn range_ts_of_first_over_time, range_ts_of_last_over_time;
range_fn range_min_over_time, range_max_over_time;
range_fn range_ts_of_min_over_time, range_ts_of_max_over_time;
range_fn range_stddev_over_time, range_stdvar_over_time;
range_fn range_mad_over_time, range_quantile_over_time;

/* range_histogram_sum.c: of a window with histograms only */
int range_histogram_sum(struct call *call, const struct window *window, struct point *out,
			struct error *err);
int range_histogram_avg(struct call *call, const struct window *window, struct point *out,
			struct error *err);

/* range_regression.c */
range_fn range_deriv, range_predict_linear, range_double_exponential_smoothing;

#endif
