#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "query/promql/classic_histogram.h"

#define COUNT(list) (uint32_t)(sizeof(list) / sizeof((list)[0]))

static void close_to(double is, double expected)
{
	assert_true(fabs(is - expected) <= 1e-12 * fabs(expected));
}

/* Expected values here and below: Prometheus' promql/quantile_test.go and histograms.test. */
static void quantiles(void **state)
{
	static const struct {
		double q, expected;
	} cases[] = {{1, 15}, {0.99, 14.85}, {0.9, 13.5}, {0.5, 7.5}};
	for (uint32_t i = 0; i < COUNT(cases); i++) {
		struct classic_bucket buckets[] = {
			{20, 15}, {10, 10}, {INFINITY, 15}, {15, 15}, {30, 15},
		};
		struct classic_fixes fixes;
		close_to(classic_quantile(cases[i].q, buckets, 5, &fixes), cases[i].expected);
		assert_false(fixes.forced_monotonic);
		assert_false(fixes.fixed_precision);
	}
}

static void rounding_is_mended(void **state)
{
	struct classic_bucket buckets[] = {
		{0.005, 9.6},         {0.01, 9.688888889},
		{0.025, 9.755555556}, {0.05, 9.844444444},
		{0.1, 9.888888889},   {0.25, 9.888888889},
		{10, 9.888888889001}, {25, 9.888888889},
		{50, 9.888888888999}, {INFINITY, 9.888888889},
	};
	struct classic_fixes fixes;
	close_to(classic_quantile(0.99, buckets, COUNT(buckets), &fixes), 0.03468750000281261);
	assert_true(fixes.fixed_precision);
	assert_false(fixes.forced_monotonic);
	close_to(classic_quantile(0.5, buckets, COUNT(buckets), NULL), 0.0025752314815104174);
}

static void decreases_are_mended(void **state)
{
	struct classic_bucket buckets[] = {{1, 10}, {2, 7}, {3, 20}, {4, 15}, {INFINITY, 20}};
	struct classic_fixes fixes;
	close_to(classic_quantile(0.75, buckets, COUNT(buckets), &fixes), 2.5);
	assert_true(fixes.forced_monotonic);
	assert_true(fixes.min_bucket == 2 && fixes.max_bucket == 4 && fixes.max_difference == 5);
}

static void special_quantiles(void **state)
{
	struct classic_bucket buckets[] = {{-1, 2}, {1, 4}, {1, 4}, {INFINITY, 10}};
	assert_true(classic_quantile(0.1, buckets, 4, NULL) == -1);
	/* Equal bounds were made one, and the highest bucket gives the bound before it. */
	assert_true(classic_quantile(0.95, buckets, 3, NULL) == 1);
	assert_true(classic_quantile(-0.1, buckets, 3, NULL) == -INFINITY);
	assert_true(classic_quantile(1.1, buckets, 3, NULL) == INFINITY);
	assert_true(isnan(classic_quantile(NAN, buckets, 3, NULL)));
	assert_true(isnan(classic_quantile(0.5, buckets, 0, NULL)));
	struct classic_bucket finite[] = {{1, 2}, {2, 4}}, infinite[] = {{INFINITY, 4}};
	assert_true(isnan(classic_quantile(0.5, finite, 2, NULL)));
	assert_true(isnan(classic_quantile(0.5, infinite, 1, NULL)));
	struct classic_bucket empty[] = {{1, 0}, {INFINITY, 0}};
	assert_true(isnan(classic_quantile(0.5, empty, 2, NULL)));
}

static void fractions(void **state)
{
	/* testhistogram{start="positive"}, and {start="negative"} below */
	struct classic_bucket positive[] = {{0.1, 5}, {.2, 7}, {1e0, 10}, {INFINITY, 12}};
	close_to(classic_fraction(0, 0.2, positive, 4), 7.0 / 12);
	close_to(classic_fraction(0.05, 0.2, positive, 4), 4.5 / 12);
	close_to(classic_fraction(-INFINITY, INFINITY, positive, 4), 1);
	close_to(classic_fraction(0.1, 5, positive, 4), 5.0 / 12);
	assert_true(classic_fraction(1, 1, positive, 4) == 0);
	assert_true(isnan(classic_fraction(NAN, 1, positive, 4)));
	assert_true(isnan(classic_fraction(0, 1, positive, 3)));
	struct classic_bucket negative[] = {{-.2, 1}, {-0.1, 2}, {0.3, 2}, {INFINITY, 3}};
	close_to(classic_fraction(-0.2, 0, negative, 4), 1.0 / 3);
	close_to(classic_fraction(-INFINITY, -0.15, negative, 4), 0.5);
}

static void quantiles_of_values(void **state)
{
	double values[] = {4, 1, NAN, 3, 2};
	assert_true(isnan(values_quantile(0, values, 5)));
	assert_true(values_quantile(1, values, 5) == 4);
	assert_true(values_quantile(0.5, values, 5) == 2);
	double four[] = {0, 10, 2, 100};
	close_to(values_quantile(0.8, four, 4), 10 * 0.6 + 100 * 0.4);
	assert_true(values_quantile(0, four, 4) == 0);
	assert_true(values_quantile(-1, four, 4) == -INFINITY);
	assert_true(values_quantile(2, four, 4) == INFINITY);
	assert_true(isnan(values_quantile(0.5, four, 0)));
	assert_true(isnan(values_quantile(NAN, four, 4)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles),
		cmocka_unit_test(rounding_is_mended),
		cmocka_unit_test(decreases_are_mended),
		cmocka_unit_test(special_quantiles),
		cmocka_unit_test(fractions),
		cmocka_unit_test(quantiles_of_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
