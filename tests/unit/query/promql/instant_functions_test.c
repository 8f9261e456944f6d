/* What the functions over instant vectors are made of; whole queries are in tests/lang/promql. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "query/promql/instant_functions_int.h"
#include "query/promql/number_text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Equal, NaN to NaN and with the sign of zero. */
static void assert_same(double actual, double expected)
{
	if (isnan(expected)) {
		assert_true(isnan(actual));
		return;
	}
	assert_true(actual == expected && !signbit(actual) == !signbit(expected));
}

/* --- points ----------------------------------------------------------------------------- */

static struct point apply(point_fn *fn, struct point in, const double *arguments, uint32_t count)
{
	struct promql_expr expr = {.kind = PROMQL_CALL};
	expr.call.arg_count = count + 1;
	struct call call = {.expr = &expr};
	for (uint32_t i = 0; i < count; i++)
		call.scalars[i + 1] = &arguments[i];
	struct point out = {POINT_NONE, 0, NULL};
	assert_int_equal(fn(&call, &in, &out, NULL), 0);
	return out;
}

static void assert_number(point_fn *fn, double in, const double *arguments, uint32_t count,
			  double expected)
{
	const struct point out = apply(fn, (struct point){POINT_FLOAT, in, NULL}, arguments, count);
	assert_int_equal(out.kind, POINT_FLOAT);
	assert_same(out.value, expected);
}

static void numbers(void **state)
{
	(void)state;
	assert_number(point_abs, -3, NULL, 0, 3);
	assert_number(point_sgn, -3, NULL, 0, -1);
	assert_number(point_sgn, -0.0, NULL, 0, -0.0);
	assert_number(point_sgn, NAN, NULL, 0, NAN);
	assert_number(point_ln, 0, NULL, 0, -INFINITY);
	assert_number(point_log2, -1, NULL, 0, NAN);
	assert_number(point_log2, 8, NULL, 0, 3);
	assert_number(point_deg, 3.14159265358979323846, NULL, 0, 180);
	assert_number(point_acos, 2, NULL, 0, NAN);
}

static void rounding_goes_up_at_ties(void **state)
{
	(void)state;
	assert_number(point_round, 2.5, NULL, 0, 3);
	assert_number(point_round, -2.5, NULL, 0, -2);
	assert_number(point_round, 0.345, (double[]){0.01}, 1, 0.35);
	assert_number(point_round, 7, (double[]){5}, 1, 5);
	assert_number(point_round, 7, (double[]){0}, 1, NAN);
}

static void clamping_keeps_nan_but_for_infinite_bounds(void **state)
{
	(void)state;
	assert_number(point_clamp, 5, (double[]){-1, 3}, 2, 3);
	assert_number(point_clamp, NAN, (double[]){-1, 3}, 2, NAN);
	assert_number(point_clamp, 0, (double[]){NAN, 3}, 2, NAN);
	assert_number(point_clamp_max, -50, (double[]){75}, 1, -50);
	assert_number(point_clamp_max, 100, (double[]){NAN}, 1, NAN);
	assert_number(point_clamp_min, -50, (double[]){0}, 1, 0);
	assert_number(point_clamp_min, NAN, (double[]){INFINITY}, 1, INFINITY);
	/* No result at all. */
	const struct point in = {POINT_FLOAT, 1, NULL};
	assert_int_equal(apply(point_clamp, in, (double[]){5, -5}, 2).kind, POINT_NONE);
}

static void each_kind_of_point_has_its_functions(void **state)
{
	(void)state;
	const struct float_histogram h = {.count = 4, .sum = 10};
	const struct point histogram = {POINT_HISTOGRAM, 0, &h};
	const struct point number = {POINT_FLOAT, 1, NULL};
	assert_int_equal(apply(point_abs, histogram, NULL, 0).kind, POINT_NONE);
	assert_int_equal(apply(point_round, histogram, NULL, 0).kind, POINT_NONE);
	assert_int_equal(apply(point_clamp_min, histogram, (double[]){0}, 1).kind, POINT_NONE);
	assert_int_equal(apply(point_histogram_count, number, NULL, 0).kind, POINT_NONE);
	assert_same(apply(point_histogram_count, histogram, NULL, 0).value, 4);
	assert_same(apply(point_histogram_sum, histogram, NULL, 0).value, 10);
	assert_same(apply(point_histogram_avg, histogram, NULL, 0).value, 2.5);
}

/* --- dates ------------------------------------------------------------------------------ */

static void assert_date(int64_t time, const double expected[8])
{
	static const enum promql_function_id ids[8] = {
		PROMQL_FN_year,        PROMQL_FN_month,        PROMQL_FN_day_of_month,
		PROMQL_FN_hour,        PROMQL_FN_minute,       PROMQL_FN_day_of_week,
		PROMQL_FN_day_of_year, PROMQL_FN_days_in_month};
	for (uint32_t i = 0; i < COUNT(ids); i++)
		assert_same(date_part(ids[i], time), expected[i]);
}

static void dates(void **state)
{
	(void)state;
	assert_date(0, (double[]){1970, 1, 1, 0, 0, 4, 1, 31});
	/* A second before. */
	assert_date(-1, (double[]){1969, 12, 31, 23, 59, 3, 365, 31});
	/* The leap day of 2000, and the one that 1900 did not have. */
	assert_date(951826559, (double[]){2000, 2, 29, 12, 15, 2, 60, 29});
	assert_date(-2203891200, (double[]){1900, 3, 1, 0, 0, 4, 60, 31});
	/* 2023-12-31 and 2024-12-31: the last days of years. */
	assert_date(1703980800, (double[]){2023, 12, 31, 0, 0, 0, 365, 31});
	assert_date(1735603200, (double[]){2024, 12, 31, 0, 0, 2, 366, 31});
	/* Before year 0. */
	assert_same(date_part(PROMQL_FN_year, -62198755200), -1);
	/* The ends of what a number of seconds can be. */
	assert_true(date_part(PROMQL_FN_year, INT64_MAX) > 290e9);
	assert_true(date_part(PROMQL_FN_year, INT64_MIN) < -290e9);
}

/* --- order ------------------------------------------------------------------------------ */

static void natural_order(void **state)
{
	(void)state;
	static const char *const ascending[] = {"",     "1",    "2",    "10",   "a",    "a1",
						"a1b",  "a2",   "a10",  "a10b", "a10c", "b-1",
						"b-1a", "b-02", "b-10", "c"};
	for (uint32_t i = 0; i < COUNT(ascending); i++) {
		for (uint32_t k = 0; k < COUNT(ascending); k++) {
			const int order =
				natural_compare(slice_of(ascending[i]), slice_of(ascending[k]));
			assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
		}
	}
	/* What no 64 bits hold is compared as text. */
	assert_true(natural_compare(SLICE("99999999999999999999"), SLICE("111111111111111111111")) >
		    0);
}

/* --- labels ----------------------------------------------------------------------------- */

static void assert_absent(const struct promql_matcher *matchers, uint32_t count,
			  const char *expected)
{
	struct arena arena;
	arena_init(&arena, 1 << 16);
	struct promql_expr expr = {.kind = PROMQL_VECTOR};
	expr.vector.matchers = matchers;
	expr.vector.matcher_count = count;
	const struct labels *labels = absent_labels(&arena, &expr);
	struct buf text = BUF_INIT;
	labels_text(labels, &text);
	assert_string_equal(buf_cstr(&text), expected);
	buf_release(&text);
	arena_release(&arena);
}

#define MATCHER(sign, label, text)                                                                 \
	{                                                                                          \
		.op = PROMQL_MATCH_##sign, .name = SLICE(label), .value = SLICE(text)              \
	}

static void absent_series_have_the_labels_asked_for(void **state)
{
	(void)state;
	assert_absent((struct promql_matcher[]){MATCHER(EQ, "__name__", "up"),
						MATCHER(EQ, "job", "a"), MATCHER(NEQ, "host", "b"),
						MATCHER(RE, "zone", "c.*")},
		      4, "{job=\"a\"}");
	/* Two wishes for one label are none, unless the first says what it is not. */
	assert_absent((struct promql_matcher[]){MATCHER(EQ, "job", "a"), MATCHER(EQ, "job", "b"),
						MATCHER(EQ, "host", "c")},
		      3, "{host=\"c\"}");
	assert_absent((struct promql_matcher[]){MATCHER(EQ, "job", "a"), MATCHER(NEQ, "job", "b")},
		      2, "{}");
	assert_absent((struct promql_matcher[]){MATCHER(NEQ, "job", "b"), MATCHER(EQ, "job", "a")},
		      2, "{job=\"a\"}");
	assert_absent((struct promql_matcher[]){MATCHER(EQ, "job", "")}, 1, "{}");
}

static void absence_of_an_expression_has_no_labels(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 1 << 16);
	const struct promql_expr sum = {.kind = PROMQL_AGGREGATE};
	const struct labels *labels = absent_labels(&arena, &sum);
	assert_non_null(labels);
	assert_int_equal(labels->count, 0);
	arena_release(&arena);
}

static void bounds_of_buckets(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		double bound;
	} good[] = {{"0.1", 0.1},        {"+Inf", INFINITY},     {"Inf", INFINITY},
		    {"-Inf", -INFINITY}, {"1e-3", 0.001},        {"5", 5},
		    {"-2.5", -2.5},      {"infinity", INFINITY}, {"1e-400", 0}};
	for (uint32_t i = 0; i < COUNT(good); i++) {
		double bound;
		assert_true(bucket_bound(slice_of(good[i].text), &bound));
		assert_same(bound, good[i].bound);
	}
	static const char *const bad[] = {"", " 1", "1 ", "one", "1,5", "nan(1)", "1e400", "+"};
	for (uint32_t i = 0; i < COUNT(bad); i++) {
		double bound;
		assert_false(bucket_bound(slice_of(bad[i]), &bound));
	}
}

/* --- numbers as text -------------------------------------------------------------------- */

static void numbers_as_go_writes_them(void **state)
{
	(void)state;
	static const struct {
		double value;
		const char *text, *openmetrics;
	} cases[] = {
		{0, "0", "0.0"},
		{1, "1", "1.0"},
		{-1.5, "-1.5", "-1.5"},
		{100000, "100000", "100000.0"},
		{1e6, "1e+06", "1e+06"},
		{1234567, "1.234567e+06", "1.234567e+06"},
		{0.0001, "0.0001", "0.0001"},
		{0.00001, "1e-05", "1e-05"},
		{0.000012345, "1.2345e-05", "1.2345e-05"},
		{1e21, "1e+21", "1e+21"},
		{-1.7976931348623157e308, "-1.7976931348623157e+308", "-1.7976931348623157e+308"},
		{5e-324, "5e-324", "5e-324"},
		{NAN, "NaN", "NaN"},
		{INFINITY, "+Inf", "+Inf"},
		{-INFINITY, "-Inf", "-Inf"},
	};
	for (uint32_t i = 0; i < COUNT(cases); i++) {
		char text[GO_NUMBER_MAX];
		assert_string_equal(go_number(cases[i].value, text), cases[i].text);
		assert_string_equal(go_number_openmetrics(cases[i].value, text),
				    cases[i].openmetrics);
	}
}

/* --- the table -------------------------------------------------------------------------- */

static void every_function_over_vectors_has_one_implementation(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < PROMQL_FUNCTION_COUNT; i++) {
		const struct function_impl *instant = &instant_function_impls[i];
		const struct function_impl *range = &range_function_impls[i];
		const int count = !!instant->point + !!instant->whole + !!range->range;
		assert_null(instant->range);
		assert_int_equal(count, promql_functions[i].result == PROMQL_TYPE_VECTOR);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(rounding_goes_up_at_ties),
		cmocka_unit_test(clamping_keeps_nan_but_for_infinite_bounds),
		cmocka_unit_test(each_kind_of_point_has_its_functions),
		cmocka_unit_test(dates),
		cmocka_unit_test(natural_order),
		cmocka_unit_test(absent_series_have_the_labels_asked_for),
		cmocka_unit_test(absence_of_an_expression_has_no_labels),
		cmocka_unit_test(bounds_of_buckets),
		cmocka_unit_test(numbers_as_go_writes_them),
		cmocka_unit_test(every_function_over_vectors_has_one_implementation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
