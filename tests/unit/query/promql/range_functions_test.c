/* Expectations are those of Prometheus' own test scripts (promql/promqltest/testdata). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "query/promql/range_functions.h"

#define SECOND 1000
#define MINUTE (60 * SECOND)
#define GAP -12345.0 /* no sample at that time */
#define COUNT(array) (uint32_t)(sizeof(array) / sizeof((array)[0]))

/* A call of a function over `metric[range]`. */
struct fixture {
	struct arena arena;
	struct eval eval;
	struct promql_expr vector, matrix, scalar, call;
	struct promql_expr *args[3];
	struct window_spec spec;
	const struct labels *labels;
	double scalars[3];
	int64_t time;
	struct error err;
};

static void setup(struct fixture *f)
{
	*f = (struct fixture){0};
	arena_init(&f->arena, 1 << 20);
	f->eval = (struct eval){.arena = &f->arena, .lookback = 5 * MINUTE};
	f->eval.annotations.arena = &f->arena;
	f->vector = (struct promql_expr){.kind = PROMQL_VECTOR, .pos = {5, 11}};
	f->matrix = (struct promql_expr){
		.kind = PROMQL_MATRIX, .pos = {5, 15}, .matrix.vector = &f->vector};
	f->scalar = (struct promql_expr){.kind = PROMQL_NUMBER, .pos = {5, 6}};
	struct label name = {SLICE("__name__"), SLICE("metric_total")};
	f->labels = labels_new(&f->arena, &name, 1);
	f->spec.selector = &f->matrix;
}

static void teardown(struct fixture *f)
{
	arena_release(&f->arena);
}

static int run(struct fixture *f, enum promql_function_id id, const struct samples *s, int64_t to,
	       int64_t range, struct point *out)
{
	const struct promql_function *function = &promql_functions[id];
	bool scalar_first = function->args[0] == 's';
	f->args[0] = scalar_first ? &f->scalar : &f->matrix;
	f->args[1] = scalar_first ? &f->matrix : &f->scalar;
	f->args[2] = &f->scalar;
	f->call = (struct promql_expr){.kind = PROMQL_CALL, .pos = {0, 16}};
	f->call.call.function = function;
	f->call.call.args = f->args;
	f->call.call.arg_count = function->least;

	f->spec.range = range;
	struct window window = {.spec = &f->spec, .samples = s, .from = to - range, .to = to};
	while (window.first < s->count && s->time[window.first] <= window.from)
		window.first++;
	for (window.end = window.first; window.end < s->count && s->time[window.end] <= to;)
		window.end++;
	uint32_t *first = &window.histogram_first, *end = &window.histogram_end;
	while (*first < s->histogram_count && s->histogram_time[*first] <= window.from)
		(*first)++;
	for (*end = *first; *end < s->histogram_count && s->histogram_time[*end] <= to;)
		(*end)++;

	struct call call = {.e = &f->eval,
			    .grid = {f->time ? f->time : to, 0, 1},
			    .expr = &f->call,
			    .labels = f->labels,
			    .time = f->time ? f->time : to};
	for (int i = 0; i < 3; i++)
		call.scalars[i] = &f->scalars[i];
	*out = (struct point){0};
	return range_function_impls[id].range(&call, &window, out, &f->err);
}

static void expect_near(double got, double want, const char *what)
{
	if (isnan(want) ? isnan(got) : got == want || fabs(got - want) <= 1e-9 * fabs(want))
		return;
	fail_msg("%s: got %.17g, want %.17g", what, got, want);
}

/* NAN as the wanted value is a result that is NaN; GAP is none. */
static void expect(struct fixture *f, enum promql_function_id id, const struct samples *s,
		   int64_t to, int64_t range, double want)
{
	struct point point;
	char what[100];
	snprintf(what, sizeof(what), "%s at %lld s", promql_functions[id].name,
		 (long long)(to / 1000));
	assert_int_equal(run(f, id, s, to, range, &point), 0);
	if (want == GAP) {
		assert_int_equal(point.kind, POINT_NONE);
		return;
	}
	if (point.kind != POINT_FLOAT)
		fail_msg("%s: no float", what);
	expect_near(point.value, want, what);
}

static void expect_histogram(struct fixture *f, enum promql_function_id id, const struct samples *s,
			     int64_t to, int64_t range, double want)
{
	struct point point;
	assert_int_equal(run(f, id, s, to, range, &point), 0);
	assert_int_equal(point.kind, POINT_HISTOGRAM);
	expect_near(point.histogram->count, want, "count");
	expect_near(point.histogram->sum, want, "sum");
}

/* The annotations so far are this one, or (NULL) none; and are forgotten. */
static void expect_note(struct fixture *f, enum annotation_level level, const char *message)
{
	const struct annotation *note = f->eval.annotations.first;
	if (!message) {
		assert_null(note);
		return;
	}
	assert_non_null(note);
	assert_string_equal(note->message, message);
	assert_int_equal(note->level, level);
	assert_int_equal(note->pos.start, 5);
	assert_null(note->next);
	f->eval.annotations.first = f->eval.annotations.last = NULL;
}

/* --- series ------------------------------------------------------------------------------- */

struct series {
	struct samples samples;
	int64_t time[32], start[32], histogram_time[32], histogram_start[32];
	double value[32];
	struct float_histogram histograms[32];
	const struct float_histogram *histogram[32];
};

static void series_init(struct series *s)
{
	*s = (struct series){0};
	s->samples.time = s->time;
	s->samples.value = s->value;
	s->samples.histogram_time = s->histogram_time;
	s->samples.histogram = s->histogram;
}

/* A sample each `step`, from 0 on. */
static const struct samples *series_of(struct series *s, int64_t step, const double *value,
				       uint32_t count)
{
	series_init(s);
	for (uint32_t i = 0; i < count; i++) {
		if (value[i] == GAP)
			continue;
		s->time[s->samples.count] = i * step;
		s->value[s->samples.count++] = value[i];
	}
	return &s->samples;
}
#define SERIES(s, step, ...)                                                                       \
	series_of(s, step, (const double[]){__VA_ARGS__}, COUNT(((const double[]){__VA_ARGS__})))

/* Start times relative to the samples. */
static const struct samples *starts(struct series *s, const int64_t *relative)
{
	s->samples.start = s->start;
	for (uint32_t i = 0; i < s->samples.count; i++)
		s->start[i] = s->time[i] + relative[i];
	return &s->samples;
}
#define STARTS(s, ...) starts(s, (const int64_t[]){__VA_ARGS__})

static void add_histogram(struct series *s, int64_t time, double count,
			  enum counter_reset_hint hint)
{
	uint32_t i = s->samples.histogram_count++;
	s->histograms[i] = (struct float_histogram){.hint = hint, .count = count, .sum = count};
	s->histogram[i] = &s->histograms[i];
	s->histogram_time[i] = time;
}

/* --- rates -------------------------------------------------------------------------------- */

static void expect_increases(struct fixture *f, const struct samples *s, const double *want)
{
	for (int i = 0; i < 9; i++)
		expect(f, PROMQL_FN_increase, s, (5 + 15 * i) * SECOND, MINUTE, want[i]);
}

static void rates_are_extrapolated(void **state)
{
	struct fixture f;
	struct series s;
	setup(&f);
	SERIES(&s, 15 * SECOND, 1, 2, 3, 4, 5, 9, 10, 11, 12, 13);
	expect_increases(&f, &s.samples, (const double[]){GAP, 11. / 6, 17. / 6, 4, 4, 8, 8, 8, 4});
	SERIES(&s, 15 * SECOND, 1, 2, 3, GAP, GAP, 9, 10, 11, 12, 13);
	expect_increases(
		&f, &s.samples,
		(const double[]){GAP, 11. / 6, 17. / 6, 19. / 6, 13. / 6, 8, 11. / 6, 17. / 6, 4});
	expect(&f, PROMQL_FN_rate, &s.samples, 80 * SECOND, MINUTE, 8. / 60);
	expect(&f, PROMQL_FN_irate, &s.samples, 80 * SECOND, MINUTE, 6. / 45);
	expect(&f, PROMQL_FN_idelta, &s.samples, 80 * SECOND, MINUTE, 6);
	expect_note(&f, 0, NULL);
	teardown(&f);
}

static void counters_may_be_named_otherwise(void **state)
{
	struct fixture f;
	struct series s;
	setup(&f);
	struct label name = {SLICE("__name__"), SLICE("met\"ric")};
	f.labels = labels_new(&f.arena, &name, 1);
	SERIES(&s, 15 * SECOND, 1, 2, 3, 4);
	expect(&f, PROMQL_FN_rate, &s.samples, 45 * SECOND, MINUTE, 4. / 60);
	expect(&f, PROMQL_FN_rate, &s.samples, 45 * SECOND, MINUTE, 4. / 60);
	expect_note(&f, ANNOTATION_INFO,
		    "metric might not be a counter, name does not end in "
		    "_total/_sum/_count/_bucket: \"met\\\"ric\"");
	teardown(&f);
}

static void anchored_and_smoothed_rates(void **state)
{
	struct fixture f;
	struct series s;
	setup(&f);
	f.spec.anchored = true;
	SERIES(&s, 15 * SECOND, 1, 2, 3, 4, 5, 9, 10, 11, 12, 13);
	expect_increases(&f, &s.samples, (const double[]){0, 1, 2, 3, 4, 7, 7, 7, 7});
	SERIES(&s, 15 * SECOND, 1, 2, 3, GAP, GAP, 9, 10, 11, 12, 13);
	expect_increases(&f, &s.samples, (const double[]){0, 1, 2, 2, 2, 7, 7, 8, 9});
	SERIES(&s, MINUTE, 1, 2, GAP, 4, 5);
	expect(&f, PROMQL_FN_increase, &s.samples, 2 * MINUTE, MINUTE, GAP);
	SERIES(&s, MINUTE, 5, 8, 11, 3, 6, 9, 12);
	expect(&f, PROMQL_FN_delta, &s.samples, 3 * MINUTE, MINUTE, -8);
	expect(&f, PROMQL_FN_increase, &s.samples, 5 * MINUTE, 5 * MINUTE, 15);
	expect(&f, PROMQL_FN_rate, &s.samples, 5 * MINUTE, 5 * MINUTE, 15. / 300);
	expect(&f, PROMQL_FN_increase, &s.samples, 15 * MINUTE, 5 * MINUTE, GAP);

	f.spec.anchored = false;
	f.spec.smoothed = true;
	SERIES(&s, 15 * SECOND, 1, 2, 3, 4, 5, 9, 10, 11, 12, 13);
	expect_increases(&f, &s.samples,
			 (const double[]){1. / 3, 4. / 3, 7. / 3, 10. / 3, 5, 7, 7, 7, 6});
	SERIES(&s, 15 * SECOND, 1, 2, 3, GAP, GAP, 9, 10, 11, 12, 13);
	expect_increases(&f, &s.samples,
			 (const double[]){1. / 3, 4. / 3, 8. / 3, 14. / 3, 19. / 3, 7, 20. / 3,
					  17. / 3, 14. / 3});
	SERIES(&s, MINUTE, 1, 2, GAP, 4, 5);
	expect(&f, PROMQL_FN_increase, &s.samples, 2 * MINUTE, MINUTE, 1);
	SERIES(&s, MINUTE, 5, 8, 11, 3, 6, 9, 12);
	expect(&f, PROMQL_FN_increase, &s.samples, 90 * SECOND, MINUTE, 3);
	SERIES(&s, MINUTE, 11, -1, 100, 0);
	expect(&f, PROMQL_FN_delta, &s.samples, 330 * SECOND, 5 * MINUTE, -5);
	teardown(&f);
}

static void start_times_show_resets(void **state)
{
	static const double resets[] = {420, 780, 675, 675, 1275, 1080, 900, 1725, 1440};
	static const double instant[] = {1, 6, 1, 1, 9, 1, 1, 12, 1};
	static const double counted[] = {1, 2, 1, 1, 2, 1, 1, 2, 1};
	struct fixture f;
	struct series s;
	setup(&f);
	SERIES(&s, MINUTE, GAP, GAP, 0, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 660, 720,
	       780, 840);
	STARTS(&s, -30000, -90000, -150000, -60000, -120000, -180000, -59999, -119999, -179999,
	       -1000, -61000, -121000, -1, -60001, -120001);
	for (int i = 0; i < 9; i++) {
		int64_t at = (7 + i) * MINUTE;
		expect(&f, PROMQL_FN_increase, &s.samples, at, 5 * MINUTE, resets[i]);
		expect(&f, PROMQL_FN_rate, &s.samples, at, 5 * MINUTE, resets[i] / 300);
		expect(&f, PROMQL_FN_irate, &s.samples, at, 5 * MINUTE, instant[i]);
		expect(&f, PROMQL_FN_resets, &s.samples, at, 5 * MINUTE, counted[i]);
	}
	s.samples.start = NULL;
	expect(&f, PROMQL_FN_increase, &s.samples, 8 * MINUTE, 5 * MINUTE, 300);

	/* The same as native histograms. */
	series_init(&s);
	s.samples.histogram_start = s.histogram_start;
	static const int64_t relative[] = {-30000,  -90000,  -150000, -60000,  -120000,
					   -180000, -59999,  -119999, -179999, -1000,
					   -61000,  -121000, -1,      -60001,  -120001};
	for (int i = 0; i < 15; i++) {
		add_histogram(&s, (2 + i) * MINUTE, 60 * i, RESET_UNKNOWN);
		s.histogram_start[i] = s.histogram_time[i] + relative[i];
	}
	for (int i = 0; i < 9; i++) {
		int64_t at = (7 + i) * MINUTE;
		expect_histogram(&f, PROMQL_FN_increase, &s.samples, at, 5 * MINUTE, resets[i]);
		expect_histogram(&f, PROMQL_FN_irate, &s.samples, at, 5 * MINUTE, instant[i]);
		expect(&f, PROMQL_FN_resets, &s.samples, at, 5 * MINUTE, counted[i]);
	}
	expect_note(&f, 0, NULL);
	teardown(&f);
}

static void a_counter_starts_within_the_window(void **state)
{
	static const struct {
		int64_t start; /* of the first sample, relative */
		uint32_t count;
		double want;
	} cases[] = {
		{0, 5, 5},      {-60000, 5, 5},       {-30000, 5, 5},  {1, 5, 6},
		{-60000, 4, 5}, {-30000, 4, 36. / 7}, {1, 4, 19. / 3},
	};
	struct fixture f;
	struct series s;
	setup(&f);
	for (uint32_t c = 0; c < COUNT(cases); c++) {
		SERIES(&s, MINUTE, GAP, GAP, 1, 2, 3, 4, 5);
		s.samples.count = cases[c].count;
		s.samples.start = s.start;
		int64_t start = s.time[0] + cases[c].start;
		for (uint32_t i = 0; i < s.samples.count; i++)
			s.start[i] = start;
		expect(&f, PROMQL_FN_increase, &s.samples, 6 * MINUTE, 5 * MINUTE, cases[c].want);
	}
	/* One sample is enough then. */
	SERIES(&s, MINUTE, GAP, GAP, GAP, GAP, 3);
	STARTS(&s, -150000);
	expect(&f, PROMQL_FN_increase, &s.samples, 6 * MINUTE, 5 * MINUTE, 3);
	STARTS(&s, -180000);
	expect(&f, PROMQL_FN_increase, &s.samples, 6 * MINUTE, 5 * MINUTE, GAP);

	SERIES(&s, MINUTE, GAP, GAP, 5, 5, 2);
	STARTS(&s, -60000, -1000, -4 * MINUTE);
	s.start[2] = 0;
	expect(&f, PROMQL_FN_increase, &s.samples, 5 * MINUTE, 5 * MINUTE, 16);

	SERIES(&s, MINUTE, GAP, GAP, 60, 120, 180);
	STARTS(&s, -2 * MINUTE, -2 * MINUTE, -2 * MINUTE);
	expect(&f, PROMQL_FN_rate, &s.samples, 4 * MINUTE, 3 * MINUTE, 1);
	expect_note(&f, ANNOTATION_WARNING,
		    "sample has start time that overlaps with previous sample timestamp for metric "
		    "\"metric_total\"");
	teardown(&f);
}

static void deltas_are_summed_up(void **state)
{
	static const int64_t before[] = {-MINUTE, -59999, -1, 0};
	static const double want[] = {300, 300, 300, 0};
	struct fixture f;
	struct series s;
	setup(&f);
	for (uint32_t c = 0; c < COUNT(before); c++) {
		SERIES(&s, MINUTE, GAP, GAP, 60, 60, 60, 60, 60, 60, 60, 60, 60);
		s.samples.start = s.start;
		for (uint32_t i = 0; i < s.samples.count; i++)
			s.start[i] = s.time[i] + before[c];
		expect(&f, PROMQL_FN_increase, &s.samples, 10 * MINUTE, 5 * MINUTE, want[c]);
		expect(&f, PROMQL_FN_irate, &s.samples, 10 * MINUTE, 5 * MINUTE, want[c] / 300);
	}
	teardown(&f);
}

static void histograms_have_rates(void **state)
{
	struct fixture f;
	struct series s;
	struct point point;
	setup(&f);
	series_init(&s);
	for (int i = 0; i < 6; i++)
		add_histogram(&s, i * MINUTE, 10 * i, RESET_UNKNOWN);
	expect_histogram(&f, PROMQL_FN_increase, &s.samples, 5 * MINUTE, 5 * MINUTE, 50);
	expect_histogram(&f, PROMQL_FN_irate, &s.samples, 5 * MINUTE, 5 * MINUTE, 10. / 60);
	expect_note(&f, 0, NULL);
	expect_histogram(&f, PROMQL_FN_delta, &s.samples, 5 * MINUTE, 5 * MINUTE, 50);
	expect_note(&f, ANNOTATION_WARNING,
		    "this native histogram metric is not a gauge: \"metric_total\"");
	s.histograms[3].hint = RESET_GAUGE;
	expect_histogram(&f, PROMQL_FN_increase, &s.samples, 5 * MINUTE, 5 * MINUTE, 50);
	expect_note(&f, ANNOTATION_WARNING,
		    "this native histogram metric is not a counter: \"metric_total\"");
	s.histograms[3].hint = RESET_YES; /* 20 more until then */
	expect_histogram(&f, PROMQL_FN_increase, &s.samples, 5 * MINUTE, 5 * MINUTE, 70);
	expect(&f, PROMQL_FN_resets, &s.samples, 5 * MINUTE, 5 * MINUTE, 1);

	s.histograms[3].hint = RESET_UNKNOWN;
	s.histograms[3].schema = HISTOGRAM_CUSTOM_BUCKETS;
	assert_int_equal(run(&f, PROMQL_FN_increase, &s.samples, 5 * MINUTE, 5 * MINUTE, &point),
			 0);
	assert_int_equal(point.kind, POINT_NONE);
	expect_note(&f, ANNOTATION_WARNING,
		    "vector contains a mix of histograms with exponential and custom buckets "
		    "schemas for metric name \"metric_total\"");
	s.histograms[3].schema = 0;
	f.spec.smoothed = true;
	expect_histogram(&f, PROMQL_FN_increase, &s.samples, 270 * SECOND, 3 * MINUTE, 30);
	f.spec.smoothed = false;
	f.spec.anchored = true;
	expect_histogram(&f, PROMQL_FN_increase, &s.samples, 270 * SECOND, 3 * MINUTE, 30);
	teardown(&f);
}

/* Each `step` from `first` on, all with a hint of a reset but for the first one. */
static const struct samples *resetting(struct series *s, int64_t first, int64_t step,
				       const double *count, uint32_t n)
{
	series_init(s);
	for (uint32_t i = 0; i < n; i++)
		add_histogram(s, first + i * step, count[i], i ? RESET_YES : RESET_UNKNOWN);
	return &s->samples;
}
#define RESETTING(s, first, step, ...)                                                             \
	resetting(s, first, step, (const double[]){__VA_ARGS__},                                   \
		  COUNT(((const double[]){__VA_ARGS__})))

static void extended_rates_see_each_reset_once(void **state)
{
	struct fixture f;
	struct series s;
	setup(&f);
	f.spec.smoothed = true;
	SERIES(&s, MINUTE, 9, 8, 5, 4);
	expect(&f, PROMQL_FN_increase, &s.samples, 135 * SECOND, 2 * MINUTE, 12);
	SERIES(&s, 15 * SECOND, 100, 10);
	expect(&f, PROMQL_FN_rate, &s.samples, 12 * SECOND, 10 * SECOND, 2. / 3);
	SERIES(&s, 10 * SECOND, GAP, 5, 6, 7, 8, 9);
	expect(&f, PROMQL_FN_increase, &s.samples, 5 * SECOND, 5 * SECOND, GAP);
	expect(&f, PROMQL_FN_increase, &s.samples, 15 * SECOND, 10 * SECOND, 0.5);
	expect(&f, PROMQL_FN_increase, &s.samples, 60 * SECOND, 5 * SECOND, GAP);

	RESETTING(&s, 10 * SECOND, 10 * SECOND, 396, 110, 194);
	s.histograms[2].hint = RESET_NO;
	expect_histogram(&f, PROMQL_FN_rate, &s.samples, 20500, SECOND, 9.7);
	RESETTING(&s, 0, 10 * SECOND, 10, 5, 2, 4);
	s.histograms[3].hint = RESET_UNKNOWN;
	expect_histogram(&f, PROMQL_FN_increase, &s.samples, 15 * SECOND, 14 * SECOND, 5.5);
	RESETTING(&s, 0, 20 * SECOND, 10, 5);
	expect_histogram(&f, PROMQL_FN_increase, &s.samples, 15 * SECOND, 10 * SECOND, 2.5);

	f.spec.smoothed = false;
	f.spec.anchored = true;
	RESETTING(&s, 0, 30 * SECOND, 5, 10, 3);
	s.histograms[1].hint = RESET_UNKNOWN;
	expect_histogram(&f, PROMQL_FN_increase, &s.samples, 70 * SECOND, 70 * SECOND, 8);
	RESETTING(&s, 0, 30 * SECOND, 5, 3);
	expect_histogram(&f, PROMQL_FN_increase, &s.samples, 30 * SECOND, 30 * SECOND, 3);
	expect_note(&f, 0, NULL);
	teardown(&f);
}

static void mixed_windows(void **state)
{
	static const enum promql_function_id refuse[] = {
		PROMQL_FN_rate,          PROMQL_FN_increase,      PROMQL_FN_delta,
		PROMQL_FN_sum_over_time, PROMQL_FN_avg_over_time, PROMQL_FN_irate,
	};
	static const enum promql_function_id ignore[] = {
		PROMQL_FN_max_over_time,
		PROMQL_FN_min_over_time,
		PROMQL_FN_stddev_over_time,
		PROMQL_FN_stdvar_over_time,
		PROMQL_FN_mad_over_time,
		PROMQL_FN_ts_of_max_over_time,
		PROMQL_FN_deriv,
		PROMQL_FN_quantile_over_time,
	};
	struct fixture f;
	struct series s;
	struct point point;
	setup(&f);
	SERIES(&s, MINUTE, 1, 1, 1);
	add_histogram(&s, 3 * MINUTE, 3, RESET_UNKNOWN);
	for (uint32_t i = 0; i < COUNT(refuse); i++) {
		expect(&f, refuse[i], &s.samples, 3 * MINUTE, 10 * MINUTE, GAP);
		expect_note(&f, ANNOTATION_WARNING,
			    "encountered a mix of histograms and floats for metric name "
			    "\"metric_total\"");
	}
	for (uint32_t i = 0; i < COUNT(ignore); i++) {
		assert_int_equal(run(&f, ignore[i], &s.samples, 3 * MINUTE, 10 * MINUTE, &point),
				 0);
		assert_int_equal(point.kind, POINT_FLOAT);
		expect_note(&f, ANNOTATION_INFO,
			    "ignored histograms in a range containing both floats and histograms "
			    "for metric name \"metric_total\"");
	}
	expect(&f, PROMQL_FN_count_over_time, &s.samples, 3 * MINUTE, 10 * MINUTE, 4);
	expect(&f, PROMQL_FN_changes, &s.samples, 3 * MINUTE, 10 * MINUTE, 1);
	expect(&f, PROMQL_FN_resets, &s.samples, 3 * MINUTE, 10 * MINUTE, 1);
	expect(&f, PROMQL_FN_first_over_time, &s.samples, 3 * MINUTE, 10 * MINUTE, 1);
	expect_histogram(&f, PROMQL_FN_last_over_time, &s.samples, 3 * MINUTE, 10 * MINUTE, 3);
	expect(&f, PROMQL_FN_ts_of_last_over_time, &s.samples, 3 * MINUTE, 10 * MINUTE, 180);
	expect(&f, PROMQL_FN_ts_of_first_over_time, &s.samples, 3 * MINUTE, 10 * MINUTE, 0);
	expect_note(&f, 0, NULL);
	teardown(&f);
}

/* --- counters ----------------------------------------------------------------------------- */

static void resets_and_changes(void **state)
{
	struct fixture f;
	struct series up, down, sparse;
	setup(&f);
	const struct samples *a = SERIES(&up, MINUTE, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
	const struct samples *b = SERIES(&down, MINUTE, 99, 98, 97, 96, 95, 94, 93, 92, 91, 90, 89);
	const struct samples *c = SERIES(&sparse, MINUTE, 2, GAP, 1, GAP, GAP, GAP, GAP, GAP, 0);
	expect(&f, PROMQL_FN_changes, a, 330 * SECOND, 5 * MINUTE, 4);
	expect(&f, PROMQL_FN_resets, a, 330 * SECOND, 5 * MINUTE, 0);
	expect(&f, PROMQL_FN_resets, b, 330 * SECOND, 5 * MINUTE, 4);
	expect(&f, PROMQL_FN_changes, c, 2 * MINUTE, MINUTE, 0);
	expect(&f, PROMQL_FN_changes, c, 3 * MINUTE, MINUTE, GAP);
	f.spec.anchored = true;
	expect(&f, PROMQL_FN_changes, a, 330 * SECOND, 5 * MINUTE, 5);
	expect(&f, PROMQL_FN_resets, b, 330 * SECOND, 5 * MINUTE, 5);
	expect(&f, PROMQL_FN_changes, c, 2 * MINUTE, MINUTE, 1);
	expect(&f, PROMQL_FN_changes, c, 3 * MINUTE, MINUTE, GAP);
	expect(&f, PROMQL_FN_changes, c, 8 * MINUTE, MINUTE, 0);
	expect(&f, PROMQL_FN_changes, c, 8 * MINUTE, MINUTE + 1, 1);
	f.spec.anchored = false;
	SERIES(&up, MINUTE, NAN, NAN, 1, NAN);
	expect(&f, PROMQL_FN_changes, &up.samples, 3 * MINUTE, 10 * MINUTE, 2);
	teardown(&f);
}

/* --- over time ---------------------------------------------------------------------------- */

static void sums_and_means(void **state)
{
	static const struct {
		double value[5];
		double mean, sum;
	} cases[] = {
		{{1, 2, 3, 4, 5}, 3, 15},
		{{1, 2, 3, 4, INFINITY}, INFINITY, INFINITY},
		{{1, 2, 3, 4, -INFINITY}, -INFINITY, -INFINITY},
		{{1, 2, 3, INFINITY, -INFINITY}, NAN, NAN},
		{{INFINITY, 0, INFINITY, GAP, GAP}, INFINITY, INFINITY},
		{{INFINITY, INFINITY, INFINITY, -INFINITY, GAP}, NAN, NAN},
		{{1, 2, -INFINITY, -INFINITY, INFINITY}, NAN, NAN},
		{{9.988465674311579e+307, 9.988465674311579e+307, GAP, GAP, GAP},
		 9.988465674311579e+307,
		 INFINITY},
		{{-9.988465674311579e+307, -9.988465674311579e+307, -9.988465674311579e+307, GAP,
		  GAP},
		 -9.988465674311579e+307,
		 -INFINITY},
		{{-9.988465674311579e+307, 9.988465674311579e+307, GAP, GAP, GAP}, 0, 0},
		{{1, 2, 3, NAN, NAN}, NAN, NAN},
		{{1, 1e100, 1, -1e100, GAP}, 0.5, 2},
	};
	struct fixture f;
	struct series s;
	setup(&f);
	for (uint32_t i = 0; i < COUNT(cases); i++) {
		series_of(&s, 10 * SECOND, cases[i].value, 5);
		expect(&f, PROMQL_FN_avg_over_time, &s.samples, 55 * SECOND, MINUTE, cases[i].mean);
		expect(&f, PROMQL_FN_sum_over_time, &s.samples, 55 * SECOND, MINUTE, cases[i].sum);
	}
	expect(&f, PROMQL_FN_avg_over_time, &s.samples, 155 * SECOND, MINUTE, GAP);
	expect(&f, PROMQL_FN_count_over_time, &s.samples, 155 * SECOND, MINUTE, GAP);
	expect(&f, PROMQL_FN_present_over_time, &s.samples, 155 * SECOND, MINUTE, GAP);

	series_init(&s);
	for (int i = 0; i < 6; i++)
		add_histogram(&s, i * SECOND, i, RESET_UNKNOWN);
	expect_histogram(&f, PROMQL_FN_sum_over_time, &s.samples, MINUTE, 2 * MINUTE, 15);
	expect_histogram(&f, PROMQL_FN_avg_over_time, &s.samples, MINUTE, 2 * MINUTE, 2.5);
	expect_note(&f, 0, NULL);
	s.histograms[2].hint = RESET_YES;
	s.histograms[4].hint = RESET_NO;
	expect_histogram(&f, PROMQL_FN_sum_over_time, &s.samples, MINUTE, 2 * MINUTE, 15);
	expect_note(&f, ANNOTATION_WARNING,
		    "conflicting counter resets during histogram aggregation");
	teardown(&f);
}

static void means_of_great_histograms(void **state)
{
	struct fixture f;
	struct series s;
	struct point point;
	setup(&f);
	series_init(&s);
	/* Their counts overflow; the sums are 5.3 in total when nothing is lost. */
	static const double count[] = {1.7976931348623157e+308, 1e308, 1e-6, 1e-6};
	static const double sum[] = {5.3, 1e100, 1, -1e100};
	for (int i = 0; i < 4; i++) {
		add_histogram(&s, i * SECOND, 1, RESET_UNKNOWN);
		s.histograms[i].count = count[i];
		s.histograms[i].sum = sum[i];
	}
	assert_int_equal(run(&f, PROMQL_FN_avg_over_time, &s.samples, MINUTE, 2 * MINUTE, &point),
			 0);
	assert_int_equal(point.kind, POINT_HISTOGRAM);
	expect_near(point.histogram->count, 1.7976931348623157e+308 / 4 + 1e308 / 4, "count");
	expect_near(point.histogram->sum, 6.3 / 4, "sum");
	teardown(&f);
}

static void spread(void **state)
{
	struct fixture f;
	struct series s;
	setup(&f);
	SERIES(&s, 10 * SECOND, 0, 8, 8, 2, 3);
	expect(&f, PROMQL_FN_stdvar_over_time, &s.samples, MINUTE, 2 * MINUTE, 10.56);
	expect(&f, PROMQL_FN_stddev_over_time, &s.samples, MINUTE, 2 * MINUTE, sqrt(10.56));
	SERIES(&s, 10 * SECOND, 1.5990505637277868, 1.5990505637277868, 1.5990505637277868);
	expect(&f, PROMQL_FN_stdvar_over_time, &s.samples, MINUTE, 2 * MINUTE, 0);
	SERIES(&s, 10 * SECOND, 4, 6, 2, 1, 999, 1, 2);
	expect(&f, PROMQL_FN_mad_over_time, &s.samples, MINUTE, 2 * MINUTE, 1);
	SERIES(&s, 10 * SECOND, 1, 2, NAN, 4);
	expect(&f, PROMQL_FN_mad_over_time, &s.samples, MINUTE, 2 * MINUTE, NAN);
	SERIES(&s, 10 * SECOND, 4, 0, 1);
	f.scalars[0] = 0.75;
	expect(&f, PROMQL_FN_quantile_over_time, &s.samples, MINUTE, 2 * MINUTE, 2.5);
	assert_true(s.value[0] == 4); /* not sorted itself */
	expect_note(&f, 0, NULL);
	f.scalars[0] = 1234567;
	expect(&f, PROMQL_FN_quantile_over_time, &s.samples, MINUTE, 2 * MINUTE, INFINITY);
	expect_note(&f, ANNOTATION_WARNING,
		    "quantile value should be between 0 and 1, got 1.234567e+06");
	f.scalars[0] = -0.5;
	expect(&f, PROMQL_FN_quantile_over_time, &s.samples, MINUTE, 2 * MINUTE, -INFINITY);
	expect_note(&f, ANNOTATION_WARNING, "quantile value should be between 0 and 1, got -0.5");
	teardown(&f);
}

static void extremes(void **state)
{
	struct fixture f;
	struct series s;
	setup(&f);
	SERIES(&s, 10053, 1, 2, 3, 0, 5, 6, 2, 1, 4);
	expect(&f, PROMQL_FN_min_over_time, &s.samples, 90 * SECOND, 90 * SECOND, 0);
	expect(&f, PROMQL_FN_max_over_time, &s.samples, 90 * SECOND, 90 * SECOND, 6);
	expect(&f, PROMQL_FN_ts_of_min_over_time, &s.samples, 90 * SECOND, 90 * SECOND, 30.159);
	expect(&f, PROMQL_FN_ts_of_max_over_time, &s.samples, 90 * SECOND, 90 * SECOND, 50.265);
	expect(&f, PROMQL_FN_ts_of_last_over_time, &s.samples, 25 * SECOND, 90 * SECOND, 20.106);
	expect(&f, PROMQL_FN_last_over_time, &s.samples, 25 * SECOND, 90 * SECOND, 3);
	SERIES(&s, SECOND, NAN, 2, NAN, 1, NAN);
	expect(&f, PROMQL_FN_min_over_time, &s.samples, MINUTE, 2 * MINUTE, 1);
	expect(&f, PROMQL_FN_max_over_time, &s.samples, MINUTE, 2 * MINUTE, 2);
	SERIES(&s, SECOND, NAN, NAN);
	expect(&f, PROMQL_FN_max_over_time, &s.samples, MINUTE, 2 * MINUTE, NAN);
	teardown(&f);
}

/* --- lines -------------------------------------------------------------------------------- */

static void lines(void **state)
{
	struct fixture f;
	struct series s;
	setup(&f);
	SERIES(&s, 5 * MINUTE, 0, 10, 20, 30, 40, 0, 10, 20, 30, 40, 50);
	expect(&f, PROMQL_FN_deriv, &s.samples, 50 * MINUTE, 100 * MINUTE, 0.010606060606060607);
	f.scalars[1] = 3600;
	expect(&f, PROMQL_FN_predict_linear, &s.samples, 50 * MINUTE, 50 * MINUTE, 70);
	expect(&f, PROMQL_FN_predict_linear, &s.samples, 50 * MINUTE, 55 * MINUTE,
	       76.81818181818181);
	f.time = 10 * MINUTE; /* of a window that is fixed by @ */
	expect(&f, PROMQL_FN_predict_linear, &s.samples, 50 * MINUTE, 55 * MINUTE,
	       51.36363636363637);
	SERIES(&s, MINUTE, -INFINITY, 0, 80, 160, INFINITY);
	expect(&f, PROMQL_FN_deriv, &s.samples, 50 * MINUTE, 100 * MINUTE, NAN);
	teardown(&f);
}

static void smoothing(void **state)
{
	struct fixture f;
	struct series s;
	struct point point;
	setup(&f);
	SERIES(&s, 10 * SECOND, 10, 20, 30, 40, 50, 60);
	f.scalars[1] = 0.01;
	f.scalars[2] = 0.1;
	expect(&f, PROMQL_FN_double_exponential_smoothing, &s.samples, MINUTE, 2 * MINUTE, 60);
	f.scalars[1] = 1;
	assert_int_equal(run(&f, PROMQL_FN_double_exponential_smoothing, &s.samples, MINUTE,
			     2 * MINUTE, &point),
			 STATUS_INVALID);
	assert_string_equal(f.err.message,
			    "invalid smoothing factor. Expected: 0 < sf < 1, got: 1.000000");
	f.scalars[1] = 0.5;
	f.scalars[2] = -1;
	assert_int_equal(run(&f, PROMQL_FN_double_exponential_smoothing, &s.samples, MINUTE,
			     2 * MINUTE, &point),
			 STATUS_INVALID);
	assert_string_equal(f.err.message,
			    "invalid trend factor. Expected: 0 < tf < 1, got: -1.000000");
	teardown(&f);
}

static void modifiers_are_checked(void **state)
{
	struct fixture f;
	struct series s;
	struct point point;
	setup(&f);
	SERIES(&s, MINUTE, 1, 2);
	f.vector.vector.anchored = true;
	run(&f, PROMQL_FN_resets, &s.samples, MINUTE, MINUTE, &point);
	assert_int_equal(range_check_modifiers(&f.call, &f.err), 0);
	run(&f, PROMQL_FN_sum_over_time, &s.samples, MINUTE, MINUTE, &point);
	assert_int_equal(range_check_modifiers(&f.call, &f.err), STATUS_INVALID);
	assert_string_equal(f.err.message,
			    "anchored modifier can only be used with: changes, delta, increase, "
			    "rate, resets - not with sum_over_time");
	f.vector.vector.anchored = false;
	f.vector.vector.smoothed = true;
	run(&f, PROMQL_FN_delta, &s.samples, MINUTE, MINUTE, &point);
	assert_int_equal(range_check_modifiers(&f.call, &f.err), 0);
	run(&f, PROMQL_FN_resets, &s.samples, MINUTE, MINUTE, &point);
	assert_int_equal(range_check_modifiers(&f.call, &f.err), STATUS_INVALID);
	assert_string_equal(f.err.message,
			    "smoothed modifier can only be used with: delta, increase, rate - not "
			    "with resets");
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_extrapolated),
		cmocka_unit_test(counters_may_be_named_otherwise),
		cmocka_unit_test(anchored_and_smoothed_rates),
		cmocka_unit_test(start_times_show_resets),
		cmocka_unit_test(a_counter_starts_within_the_window),
		cmocka_unit_test(deltas_are_summed_up),
		cmocka_unit_test(histograms_have_rates),
		cmocka_unit_test(extended_rates_see_each_reset_once),
		cmocka_unit_test(mixed_windows),
		cmocka_unit_test(resets_and_changes),
		cmocka_unit_test(sums_and_means),
		cmocka_unit_test(means_of_great_histograms),
		cmocka_unit_test(spread),
		cmocka_unit_test(extremes),
		cmocka_unit_test(lines),
		cmocka_unit_test(smoothing),
		cmocka_unit_test(modifiers_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
