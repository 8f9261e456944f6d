/*
 * Expected values are those of Prometheus: float_histogram_test.go for the arithmetic and
 * native_histograms.test for what PromQL makes of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>

#include "telemetry/exponential_bounds.h"
#include "telemetry/float_histogram.h"
#include "telemetry/float_histogram_notation.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static struct arena arena;

static int begin(void **state)
{
	arena_init(&arena, 16 << 20);
	return 0;
}

static int end(void **state)
{
	arena_release(&arena);
	return 0;
}

static struct float_histogram *parsed(const char *text)
{
	struct float_histogram *h = NULL;
	struct error err = {0};
	int status = histogram_parse(&h, NULL, &arena, slice_of(text), &err);
	if (status)
		fail_msg("%s: %s", text, err.message);
	return h;
}

static void check(const struct float_histogram *h, const char *expected)
{
	struct buf out = BUF_INIT;
	assert_non_null(h);
	histogram_notation(h, &out);
	assert_string_equal(buf_cstr(&out), expected);
	buf_release(&out);
}

static void check_text(const char *notation, const char *expected)
{
	struct buf out = BUF_INIT;
	histogram_text(parsed(notation), &out);
	assert_string_equal(buf_cstr(&out), expected);
	buf_release(&out);
}

static bool close_to(double a, double b)
{
	return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-12 * fabs(b);
}

/* --- notation and text -------------------------------------------------------------------- */

static void notation(void **state)
{
	static const char *const same[] = {
		"{{}}",
		"{{schema:1 count:22 sum:3 offset:-1 buckets:[5 10 7]}}",
		"{{count:1e+06 sum:NaN z_bucket:2 z_bucket_w:0.001 counter_reset_hint:gauge "
		"buckets:[1 0 2] n_offset:3 n_buckets:[4]}}",
		"{{schema:-53 custom_values:[] counter_reset_hint:not_reset buckets:[7]}}",
		"{{schema:-53 sum:-Inf custom_values:[-1.5 2 1e-05] counter_reset_hint:reset}}",
	};
	for (size_t i = 0; i < COUNT(same); i++)
		check(parsed(same[i]), same[i]);
	check(parsed("{{ n_buckets:[0 1 2 ] sum:-1 Schema:0 counter_reset_hint:unknown buckets:[0 "
		     "0] }}"),
	      "{{sum:-1 n_offset:1 n_buckets:[1 2]}}");
	assert_int_equal(parsed("{{buckets:[0 0 3]}}")->positive.count, 3);
}

static void notation_hint(void **state)
{
	struct float_histogram *h;
	bool has = true;
	assert_int_equal(histogram_parse(&h, &has, &arena, SLICE("{{count:1}}"), NULL), 0);
	assert_false(has);
	assert_int_equal(
		histogram_parse(&h, &has, &arena, SLICE("{{counter_reset_hint:unknown}}"), NULL),
		0);
	assert_true(has);
}

static void notation_errors(void **state)
{
	static const char *const wrong[] = {
		"",
		"{{",
		"{{}",
		"{{}} ",
		"{{count}}",
		"{{cuont:1}}",
		"{{count:x}}",
		"{{count:--1}}",
		"{{count:}}",
		"{{count:1 count:2}}",
		"{{schema:1.5}}",
		"{{offset:3000000000}}",
		"{{buckets:1}}",
		"{{buckets:[1 2}}",
		"{{buckets:[1 2",
		"{{buckets:[1,2]}}",
		"{{buckets:[1 2]sum:1}}",
		"{{counter_reset_hint:maybe}}",
		"{{offset:2147483647 buckets:[1 2]}}",
	};
	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct float_histogram *h = NULL;
		struct error err = {0};
		assert_int_equal(histogram_parse(&h, NULL, &arena, slice_of(wrong[i]), &err),
				 STATUS_INVALID);
		assert_null(h);
		assert_true(err.message[0]);
	}
}

static void text(void **state)
{
	check_text("{{schema:1 z_bucket_w:0.01 z_bucket:5.5 count:3493.3 sum:2349209.324 "
		   "offset:-2 buckets:[1 0 0 3.3 4.2 0.1] n_offset:3 n_buckets:[3.1 3 0 0 0 "
		   "123400 1000]}}",
		   "{count:3493.3, sum:2.349209324e+06, [-22.62741699796952,-16):1000, "
		   "[-16,-11.31370849898476):123400, [-4,-2.82842712474619):3, "
		   "[-2.82842712474619,-2):3.1, [-0.01,0.01]:5.5, "
		   "(0.35355339059327373,0.5]:1, (1,1.414213562373095]:3.3, "
		   "(1.414213562373095,2]:4.2, (2,2.82842712474619]:0.1}");
	check_text("{{schema:-53 count:3493.3 sum:2349209.324 custom_values:[1 2 5 10 15 20] "
		   "buckets:[1 0 0 3.3 4.2 0.1 5]}}",
		   "{count:3493.3, sum:2.349209324e+06, [-Inf,1]:1, (5,10]:3.3, (10,15]:4.2, "
		   "(15,20]:0.1, (20,+Inf]:5}");
	check_text("{{}}", "{count:0, sum:0}");
	check_text("{{count:123456 sum:1234567}}", "{count:123456, sum:1.234567e+06}");
	check_text("{{count:0.0001 sum:-0.00001234}}", "{count:0.0001, sum:-1.234e-05}");
	check_text("{{count:1e100 sum:NaN}}", "{count:1e+100, sum:NaN}");
}

static void bounds(void **state)
{
	assert_true(exponential_bound(0, 8) == 1);
	assert_true(exponential_bound(1, 0) == 2 && exponential_bound(-1, 0) == 0.5);
	assert_true(exponential_bound(1, -4) == 65536 && exponential_bound(-1, -4) == 0x1p-16);
	assert_true(exponential_bound(1, 1) == 1.414213562373095);
	assert_true(exponential_bound(-511, 8) == 0.5013556375251013 / 2);
	assert_true(exponential_bound(1024, 0) == DBL_MAX);
	assert_true(exponential_bound(1025, 0) == INFINITY);
	assert_true(exponential_bound(64, -4) == DBL_MAX);
	assert_true(exponential_bound(INT32_MAX, 8) == INFINITY);
	assert_true(exponential_bound(INT32_MIN, -4) == 0);
}

static void iterator(void **state)
{
	/* A bucket that overlaps the zero bucket begins where that ends. */
	const struct float_histogram *h =
		parsed("{{schema:0 z_bucket:4 z_bucket_w:0.75 buckets:[1 0 2] n_buckets:[3]}}");
	static const struct histogram_bucket expected[] = {
		{-1, -0.75, true, false, 3}, {-0.75, 0.75, true, true, 4},
		{0.75, 1, false, true, 1},   {1, 2, false, true, 0},
		{2, 4, false, true, 2},
	};
	for (int reverse = 0; reverse < 2; reverse++) {
		struct histogram_iterator it;
		struct histogram_bucket b;
		histogram_iterator_init(&it, h, reverse);
		for (size_t i = 0; i < COUNT(expected); i++) {
			size_t at = reverse ? COUNT(expected) - 1 - i : i;
			assert_true(histogram_iterator_next(&it, &b));
			assert_true(b.lower == expected[at].lower && b.upper == expected[at].upper);
			assert_int_equal(b.lower_inclusive, expected[at].lower_inclusive);
			assert_int_equal(b.upper_inclusive, expected[at].upper_inclusive);
			assert_true(b.count == expected[at].count);
		}
		assert_false(histogram_iterator_next(&it, &b));
	}
}

/* --- arithmetic --------------------------------------------------------------------------- */

#define ADD_A                                                                                      \
	"z_bucket:11 count:30 sum:2.345 offset:-2 buckets:[1 0 0 0 3 4 7] n_offset:3 "             \
	"n_buckets:[3 1 0 0 0 5 6]}}"
#define ADD_B                                                                                      \
	"z_bucket:17 count:21 sum:1.234 offset:1 buckets:[2 3 6 2 5] n_offset:4 "                  \
	"n_buckets:[1 1 0 4 4]}}"
#define ADD_SUM " offset:1 buckets:[2 6 10 9 5] n_offset:3 n_buckets:[3 2 1 0 4 9 6]}}"

struct addition_case {
	const char *a, *b, *expected;
	bool collision, reconciled;
};

static const struct addition_case additions[] = {
	{"{{z_bucket_w:0.01 z_bucket:11 count:30 sum:2.345 offset:-2 buckets:[1 0 0 3 4 7] "
	 "n_offset:3 n_buckets:[3 1 0 0 0 5 6]}}",
	 "{{z_bucket_w:0.01 z_bucket:8 count:21 sum:1.234 offset:-2 buckets:[0 0 0 2 3 6] "
	 "n_offset:3 n_buckets:[1 1 0 0 0 4 4]}}",
	 "{{count:51 sum:3.579 z_bucket:19 z_bucket_w:0.01 offset:-2 buckets:[1 0 0 5 7 13] "
	 "n_offset:3 n_buckets:[4 2 0 0 0 9 10]}}",
	 false, false},
	/* overlapping spans */
	{"{{z_bucket_w:0.01 " ADD_A,
	 "{{z_bucket_w:0.01 z_bucket:8 count:21 sum:1.234 offset:-1 buckets:[5 4 2 3 6 2 5] "
	 "n_offset:4 n_buckets:[1 1 0 4 4]}}",
	 "{{count:51 sum:3.579 z_bucket:19 z_bucket_w:0.01 offset:-2 buckets:[1 5 4 2 6 10 9 5] "
	 "n_offset:3 n_buckets:[3 2 1 0 4 9 6]}}",
	 false, false},
	/* schema change */
	{"{{z_bucket_w:0.01 z_bucket:8 count:21 sum:1.234 offset:-1 buckets:[5 4 2 3 6 2 5] "
	 "n_offset:4 n_buckets:[1 1 0 4 4]}}",
	 "{{z_bucket_w:0.01 z_bucket:11 count:30 sum:2.345 schema:1 offset:-4 buckets:[1 0 0 0 0 "
	 "0 0 0 3 2 2 3 4] n_offset:6 n_buckets:[3 0.5 0.5 0 0 0 0 0 0 2 3 2 4]}}",
	 "{{count:51 sum:3.579 z_bucket:19 z_bucket_w:0.01 offset:-2 buckets:[1 5 4 2 6 10 9 5] "
	 "n_offset:3 n_buckets:[3 2 1 0 4 9 6]}}",
	 false, false},
	/* larger zero bucket */
	{"{{z_bucket_w:0.01 " ADD_A, "{{z_bucket_w:1 " ADD_B,
	 "{{count:51 sum:3.579 z_bucket:29 z_bucket_w:1" ADD_SUM, false, false},
	/* the larger threshold is inside a populated bucket */
	{"{{z_bucket_w:0.01 " ADD_A, "{{z_bucket_w:0.2 " ADD_B,
	 "{{count:51 sum:3.579 z_bucket:29 z_bucket_w:0.25" ADD_SUM, false, false},
	/* both */
	{"{{z_bucket_w:0.01 z_bucket:8 count:21 sum:1.234 offset:-2 buckets:[2 5 4 2 3 6 2 5] "
	 "n_offset:4 n_buckets:[1 1 0 4 4]}}",
	 "{{z_bucket_w:0.25 z_bucket:12 count:30 sum:2.345 schema:1 offset:-3 buckets:[1 0 0 0 0 "
	 "0 0 3 2 2 3 4] n_offset:6 n_buckets:[3 0.5 0.5 0 0 0 0 0 0 2 3 2 4]}}",
	 "{{count:51 sum:3.579 z_bucket:22 z_bucket_w:0.25 offset:-1 buckets:[6 4 2 6 10 9 5] "
	 "n_offset:3 n_buckets:[3 2 1 0 4 9 6]}}",
	 false, false},
	/* custom buckets */
	{"{{schema:-53 count:15 sum:2.345 buckets:[1 0 0 3 4 7] custom_values:[1 2 3 4 5]}}",
	 "{{schema:-53 count:11 sum:1.234 buckets:[0 0 0 2 3 6] custom_values:[1 2 3 4 5]}}",
	 "{{schema:-53 count:26 sum:3.579 custom_values:[1 2 3 4 5] buckets:[1 0 0 5 7 13]}}",
	 false, false},
	{"{{schema:-53 count:6 sum:2.345 buckets:[1 0 5] custom_values:[2 4]}}",
	 "{{schema:-53 count:220 sum:1.234 buckets:[10 20 40 50 100] custom_values:[1 2 4 5]}}",
	 "{{schema:-53 count:226 sum:3.579 custom_values:[2 4] buckets:[31 40 155]}}", false, true},
	{"{{schema:-53 count:3 sum:50 buckets:[1 2] custom_values:[1.5]}}",
	 "{{schema:-53 count:30 sum:40 buckets:[10 20] custom_values:[2.5]}}",
	 "{{schema:-53 count:33 sum:90 custom_values:[] buckets:[33]}}", false, true},
	/* hints */
	{"{{counter_reset_hint:reset}}", "{{counter_reset_hint:not_reset}}", "{{}}", true, false},
	{"{{counter_reset_hint:reset}}", "{{counter_reset_hint:reset}}",
	 "{{counter_reset_hint:reset}}", false, false},
	{"{{counter_reset_hint:gauge}}", "{{counter_reset_hint:not_reset}}",
	 "{{counter_reset_hint:gauge}}", false, false},
	{"{{counter_reset_hint:gauge}}", "{{}}", "{{counter_reset_hint:gauge}}", false, false},
	{"{{counter_reset_hint:not_reset}}", "{{}}", "{{}}", false, false},
};

static void check_addition(const struct addition_case *c, const char *left, const char *right)
{
	struct histogram_notes notes = {0}, sum_notes = {0};
	const struct float_histogram *a = parsed(left), *b = parsed(right);
	check(histogram_add(&arena, a, b, &notes), c->expected);
	assert_int_equal(notes.reset_collision, c->collision);
	assert_int_equal(notes.bounds_reconciled, c->reconciled);
	struct histogram_sum sum = {0};
	assert_true(histogram_sum_add(&sum, &arena, a, &sum_notes));
	assert_true(histogram_sum_add(&sum, &arena, b, &sum_notes));
	check(histogram_sum_value(&sum, &arena), c->expected);
	assert_int_equal(sum_notes.reset_collision, c->collision);
	assert_int_equal(sum_notes.bounds_reconciled, c->reconciled);
	/* (a + b) - b is a, as far as the layouts are the same. */
	const struct float_histogram *both = histogram_add(&arena, a, b, NULL);
	const struct float_histogram *rest = histogram_sub(&arena, both, b, NULL);
	assert_true(close_to(rest->count, a->count));
	struct buf before = BUF_INIT;
	histogram_notation(a, &before);
	check(parsed(left), buf_cstr(&before));
	buf_release(&before);
}

static void add(void **state)
{
	for (size_t i = 0; i < COUNT(additions); i++) {
		check_addition(&additions[i], additions[i].a, additions[i].b);
		check_addition(&additions[i], additions[i].b, additions[i].a);
	}
	assert_true(histogram_incompatible(parsed("{{}}"), parsed("{{schema:-53}}")));
	assert_false(histogram_incompatible(parsed("{{}}"), parsed("{{schema:3}}")));
}

static void sub(void **state)
{
	check(histogram_sub(
		      &arena,
		      parsed("{{z_bucket_w:0.01 z_bucket:59 count:1234 sum:345 offset:-2 "
			     "buckets:[2 0 4 0 3 7 9] n_offset:3 n_buckets:[5 4 0 0 0 6 9]}}"),
		      parsed("{{z_bucket_w:0.01 z_bucket:11 count:30 sum:23 offset:-2 "
			     "buckets:[1 0 0 0 1 2 3] n_offset:3 n_buckets:[3 1 0 0 0 5 "
			     "9]}}"),
		      NULL),
	      "{{count:1204 sum:322 z_bucket:48 z_bucket_w:0.01 offset:-2 buckets:[1 0 4 0 2 5 6] "
	      "n_offset:3 n_buckets:[2 3 0 0 0 1]}}");
	check(histogram_sub(&arena, parsed("{{buckets:[1]}}"), parsed("{{buckets:[3 2]}}"), NULL),
	      "{{buckets:[-2 -2]}}");
}

static void mul_and_div(void **state)
{
	const struct float_histogram *h = parsed("{{z_bucket_w:0.5 z_bucket:2 count:4 sum:3 "
						 "counter_reset_hint:reset buckets:[1 1]}}");
	check(histogram_mul(&arena, h, 2.5),
	      "{{count:10 sum:7.5 z_bucket:5 z_bucket_w:0.5 counter_reset_hint:reset "
	      "buckets:[2.5 2.5]}}");
	check(histogram_mul(&arena, h, -1),
	      "{{count:-4 sum:-3 z_bucket:-2 z_bucket_w:0.5 counter_reset_hint:gauge "
	      "buckets:[-1 -1]}}");
	check(histogram_div(&arena, h, 2),
	      "{{count:2 sum:1.5 z_bucket:1 z_bucket_w:0.5 counter_reset_hint:reset "
	      "buckets:[0.5 0.5]}}");
	check(histogram_div(&arena, h, 0),
	      "{{count:+Inf sum:+Inf z_bucket:+Inf z_bucket_w:0.5 counter_reset_hint:reset}}");
	check(histogram_div(&arena, parsed("{{buckets:[1]}}"), 0),
	      "{{count:NaN sum:NaN z_bucket:NaN}}");
	check(histogram_div(&arena, parsed("{{schema:-53 count:1 buckets:[1]}}"), -1),
	      "{{schema:-53 count:-1 custom_values:[] counter_reset_hint:gauge buckets:[-1]}}");
}

static void reduce_and_compact(void **state)
{
	check(histogram_reduce(&arena,
			       parsed("{{schema:0 count:1 offset:-2 buckets:[1 3 1 0 2 1 5 4 5 1] "
				      "n_offset:-1 n_buckets:[1 2 3]}}"),
			       -1),
	      "{{schema:-1 count:1 offset:-1 buckets:[1 4 2 6 9 1] n_buckets:[3 3]}}");
	const struct float_histogram *h = parsed("{{buckets:[0 1 0 2 0] n_buckets:[0 0]}}");
	const struct float_histogram *compact = histogram_compact(&arena, h);
	assert_int_equal(compact->positive.count, 2);
	assert_int_equal(compact->positive.index[1], 3);
	assert_int_equal(compact->negative.count, 0);
	assert_true(histogram_equal(h, compact) && histogram_equal(compact, h));
}

static void equality(void **state)
{
	const struct float_histogram *h = parsed("{{sum:NaN count:3 buckets:[1 2]}}");
	assert_true(histogram_equal(h, parsed("{{sum:NaN count:3 buckets:[0 1 2 0] offset:-1}}")));
	assert_true(histogram_equal(
		h, parsed("{{sum:NaN count:3 buckets:[1 2] counter_reset_hint:gauge}}")));
	assert_false(histogram_equal(h, parsed("{{sum:NaN count:3 buckets:[1 2 1]}}")));
	assert_false(histogram_equal(h, parsed("{{sum:NaN count:3 buckets:[1 3]}}")));
	assert_false(histogram_equal(h, parsed("{{sum:1 count:3 buckets:[1 2]}}")));
	assert_false(histogram_equal(h, parsed("{{sum:NaN count:3 buckets:[1 2] schema:1}}")));
	assert_false(histogram_equal(h, parsed("{{sum:NaN count:3 buckets:[1 2] z_bucket_w:1}}")));
	assert_false(histogram_equal(parsed("{{schema:-53 custom_values:[1]}}"),
				     parsed("{{schema:-53 custom_values:[2]}}")));
}

static void compensated_sums(void **state)
{
	struct histogram_sum sum = {0}, mean = {0};
	static const char *const parts[] = {
		"{{count:1e100 sum:1 buckets:[1e16] n_buckets:[1]}}",
		"{{count:1 sum:1e100 buckets:[1 4]}}",
		"{{count:-1e100 sum:1 buckets:[1]}}",
		"{{count:1 sum:-1e100 buckets:[-1e16] n_buckets:[1e100]}}",
		"{{n_buckets:[-1e100]}}",
	};
	for (size_t i = 0; i < COUNT(parts); i++) {
		assert_true(histogram_sum_add(&sum, &arena, parsed(parts[i]), NULL));
		assert_true(histogram_mean_add(&mean, &arena, parsed(parts[i]), NULL));
	}
	check(histogram_sum_value(&sum, &arena), "{{count:2 sum:2 buckets:[2 4] n_buckets:[1]}}");
	check(histogram_mean_value(&mean, &arena),
	      "{{count:0.4 sum:0.4 buckets:[0.4 0.8] n_buckets:[0.2]}}");
}

static void means_do_not_overflow(void **state)
{
	struct histogram_sum mean = {0};
	for (int i = 0; i < 3; i++)
		assert_true(histogram_mean_add(
			&mean, &arena, parsed("{{count:1e308 sum:1e308 buckets:[1e308]}}"), NULL));
	const struct float_histogram *h = histogram_mean_value(&mean, &arena);
	assert_true(close_to(h->count, 1e308) && close_to(h->sum, 1e308));
	assert_true(close_to(h->positive.value[0], 1e308));
	struct histogram_sum one = {0};
	assert_true(histogram_mean_add(&one, &arena, parsed("{{sum:Inf buckets:[1]}}"), NULL));
	check(histogram_mean_value(&one, &arena), "{{sum:+Inf buckets:[1]}}");
}

/* A collision is one of all that were added, though the hint of the first two is unknown. */
static void hints_of_sums(void **state)
{
	struct histogram_sum sum = {0};
	struct histogram_notes notes = {0};
	static const char *const hints[] = {"reset", "unknown", "not_reset"};
	for (size_t i = 0; i < COUNT(hints); i++) {
		assert_false(notes.reset_collision);
		struct buf out = BUF_INIT;
		buf_appendf(&out, "{{counter_reset_hint:%s}}", hints[i]);
		assert_true(histogram_sum_add(&sum, &arena, parsed(buf_cstr(&out)), &notes));
		buf_release(&out);
	}
	assert_true(notes.reset_collision);
}

static void growing_sums(void **state)
{
	struct histogram_sum sum = {0};
	for (int i = 0; i < 200; i++) {
		struct buf out = BUF_INIT;
		buf_appendf(&out, "{{count:2 offset:%d buckets:[1] n_offset:%d n_buckets:[1]}}",
			    i * 7 % 200 - 100, -(i * 3 % 200));
		assert_true(histogram_sum_add(&sum, &arena, parsed(buf_cstr(&out)), NULL));
		buf_release(&out);
	}
	const struct float_histogram *h = histogram_sum_value(&sum, &arena);
	assert_true(h->count == 400);
	assert_int_equal(histogram_validate(h, NULL), 0);
	assert_int_equal(h->positive.count, 200);
	assert_int_equal(h->negative.count, 200);
	assert_int_equal(h->positive.index[0], -100);
	assert_int_equal(h->positive.index[199], 99);
	for (int i = 0; i < 200; i++)
		assert_true(h->positive.value[i] == 1 && h->negative.value[i] == 1);
}

static void out_of_budget(void **state)
{
	struct arena small;
	arena_init(&small, 64);
	const struct float_histogram *h = parsed("{{buckets:[1 2 3 4 5 6 7 8 9]}}");
	struct histogram_sum sum = {0};
	assert_null(histogram_add(&small, h, h, NULL));
	assert_null(histogram_mul(&small, h, 2));
	assert_null(histogram_trim(&small, h, 2, true));
	assert_null(histogram_compact(&small, h));
	assert_false(histogram_sum_add(&sum, &small, h, NULL));
	assert_null(sum.sum);
	arena_release(&small);
}

/* --- resets ------------------------------------------------------------------------------- */

static void resets(void **state)
{
	static const struct {
		const char *before, *now;
		bool reset;
	} cases[] = {
		{"{{}}", "{{}}", false},
		{"{{count:1}}", "{{count:5 counter_reset_hint:reset}}", true},
		{"{{count:9}}", "{{count:5 counter_reset_hint:not_reset}}", false},
		{"{{count:9}}", "{{count:5 counter_reset_hint:gauge}}", true},
		{"{{sum:3}}", "{{sum:2}}", false},
		{"{{z_bucket:2}}", "{{z_bucket:1}}", true},
		{"{{buckets:[1 2]}}", "{{buckets:[1 2 3]}}", false},
		{"{{buckets:[1 2]}}", "{{buckets:[1 1 3]}}", true},
		{"{{n_buckets:[1 2]}}", "{{n_buckets:[9]}}", true},
		{"{{n_buckets:[1 0]}}", "{{n_buckets:[9]}}", false},
		{"{{schema:1}}", "{{schema:2}}", true},
		{"{{z_bucket_w:0.1}}", "{{z_bucket_w:0.01}}", true},
		/* merged for the lower resolution */
		{"{{schema:1 offset:1 buckets:[1 2]}}", "{{schema:0 offset:1 buckets:[3]}}", false},
		{"{{schema:1 offset:1 buckets:[1 2]}}", "{{schema:0 offset:1 buckets:[2]}}", true},
		/* a wider zero bucket */
		{"{{z_bucket_w:0.01 z_bucket:1 buckets:[2 3]}}",
		 "{{z_bucket_w:1 z_bucket:3 offset:1 buckets:[3]}}", false},
		{"{{z_bucket_w:0.01 z_bucket:1 buckets:[2 3]}}",
		 "{{z_bucket_w:1 z_bucket:2 offset:1 buckets:[3]}}", true},
		{"{{z_bucket_w:0.01 z_bucket:1 buckets:[2 3]}}",
		 "{{z_bucket_w:0.75 z_bucket:9 buckets:[9 9]}}", true},
		/* custom buckets */
		{"{{}}", "{{schema:-53}}", true},
		{"{{schema:-53}}", "{{}}", true},
		{"{{schema:-53 custom_values:[0 1 3 5] offset:1 buckets:[10 15 20 25]}}",
		 "{{schema:-53 custom_values:[0 1 3 5] offset:1 buckets:[10 15 19 25]}}", true},
		{"{{schema:-53 custom_values:[0 1 2 3 5] offset:1 buckets:[10 16 10 5 25]}}",
		 "{{schema:-53 custom_values:[0 1 3 5] offset:1 buckets:[10 25 20 25]}}", true},
		{"{{schema:-53 custom_values:[0 1 2] offset:1 buckets:[10 20 20]}}",
		 "{{schema:-53 custom_values:[0 1 2 3] offset:1 buckets:[100 200 8 7]}}", true},
		{"{{schema:-53 custom_values:[4 5 6] offset:1 buckets:[10 20 30]}}",
		 "{{schema:-53 custom_values:[1 2 3] offset:1 buckets:[15 25 35]}}", false},
		{"{{schema:-53 custom_values:[0 1 3 5] buckets:[10 20 30 40]}}",
		 "{{schema:-53 custom_values:[0 2 3 4 5] buckets:[15 25 70 50 100]}}", false},
		{"{{schema:-53 custom_values:[0 1 2 3 4 5] buckets:[10 20 0 30 40 50]}}",
		 "{{schema:-53 custom_values:[0 1 3 4 5 7] buckets:[15 25 35 0 25 60]}}", true},
		{"{{schema:-53 custom_values:[0 1 2 3 4 5 6] buckets:[10 20 0 0 30 40 50]}}",
		 "{{schema:-53 custom_values:[0 0.5 1 3 5 7] buckets:[12 25 45 0 75 95]}}", false},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		if (histogram_detect_reset(parsed(cases[i].now), parsed(cases[i].before)) !=
		    cases[i].reset)
			fail_msg("%s, then %s", cases[i].before, cases[i].now);
}

/* --- functions ---------------------------------------------------------------------------- */

#define POSITIVE "{{count:12 sum:100 z_bucket:2 z_bucket_w:0.001 buckets:[2 3 0 1 4]}}"
#define NEGATIVE "{{count:12 sum:100 z_bucket:2 z_bucket_w:0.001 n_buckets:[2 3 0 1 4]}}"
#define BOTH                                                                                       \
	"{{count:24 sum:100 z_bucket:4 z_bucket_w:0.001 buckets:[2 3 0 1 4] n_buckets:[2 3 0 1 "   \
	"4]}}"
#define CUSTOM "{{schema:-53 sum:172.5 count:15 custom_values:[5 10 15 20] buckets:[1 6 4 3 1]}}"
#define SOME_NAN "{{count:15 sum:NaN buckets:[12]}}"

static void quantiles(void **state)
{
	static const struct {
		const char *h;
		double q, expected;
	} cases[] = {
		{POSITIVE, 1.001, INFINITY},
		{POSITIVE, 1, 16},
		{POSITIVE, 0.99, 15.67072476139083},
		{POSITIVE, 0.9, 12.99603834169977},
		{POSITIVE, 0.6, 4.594793419988138},
		{POSITIVE, 0.5, 1.5874010519681994},
		{POSITIVE, 0.1, 0.0006},
		{POSITIVE, 0, 0},
		{POSITIVE, -1, -INFINITY},
		{POSITIVE, NAN, NAN},
		{POSITIVE, 0.6320802083934297, 6},
		{NEGATIVE, 1, 0},
		{NEGATIVE, 0.99, -0.00006},
		{NEGATIVE, 0.9, -0.0006},
		{NEGATIVE, 0.5, -1.5874010519681996},
		{NEGATIVE, 0.1, -12.996038341699768},
		{NEGATIVE, 0, -16},
		{BOTH, 1, 16},
		{BOTH, 0.99, 15.34822590920423},
		{BOTH, 0.7, 1.2030250360821164},
		{BOTH, 0.55, 0.0006},
		{BOTH, 0.5, 0},
		{BOTH, 0.45, -0.0006},
		{BOTH, 0.3, -1.2030250360821169},
		{BOTH, 0.01, -15.34822590920423},
		{BOTH, 0, -16},
		{CUSTOM, 1, 20},
		{CUSTOM, 0.5, 10.625},
		{CUSTOM, 0, 0},
		{"{{}}", 0.5, NAN},
		{"{{count:3 sum:NaN}}", 0.5, NAN},
		{SOME_NAN, 0.81, NAN},
		{SOME_NAN, 0.8, 1},
		{SOME_NAN, 0.4, 0.7071067811865475},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		double is = histogram_quantile(parsed(cases[i].h), cases[i].q);
		if (!close_to(is, cases[i].expected) && fabs(is - cases[i].expected) > 1e-15)
			fail_msg("%s, %g: %.17g", cases[i].h, cases[i].q, is);
	}
	assert_true(histogram_has_nan(parsed(SOME_NAN)));
	assert_true(histogram_has_nan(parsed("{{count:3 sum:NaN}}")));
	assert_false(histogram_has_nan(parsed("{{count:3 sum:NaN buckets:[3]}}")));
	assert_false(histogram_has_nan(parsed("{{count:3 sum:1}}")));
}

static void fractions(void **state)
{
	static const struct {
		const char *h;
		double lower, upper, expected;
	} cases[] = {
		{POSITIVE, 0, INFINITY, 1},
		{POSITIVE, -INFINITY, 0, 0},
		{POSITIVE, -0.001, 0, 0},
		{POSITIVE, 0, 0.001, 0.16666666666666666},
		{POSITIVE, 0.001, INFINITY, 0.8333333333333334},
		{POSITIVE, 0, 0.0005, 0.08333333333333333},
		{POSITIVE, 1, 2, 0.25},
		{POSITIVE, 0, 1.5, 0.4795739585136224},
		{POSITIVE, 1.5, 2, 0.10375937481971091},
		{POSITIVE, 1, 8, 0.3333333333333333},
		{POSITIVE, 0, 6, 0.6320802083934297},
		{POSITIVE, 1.5, 6, 0.15250624987980724},
		{POSITIVE, -2, -1, 0},
		{POSITIVE, 42, 3.1415, 0},
		{POSITIVE, NAN, 42, NAN},
		{NEGATIVE, -2, -1, 0.25},
		{NEGATIVE, -1.5, 0, 0.4795739585136224},
		{CUSTOM, -INFINITY, 10, 7.0 / 15},
		{CUSTOM, 5, 7.5, 3.0 / 15},
		{"{{}}", 3, 42, NAN},
		{SOME_NAN, -INFINITY, INFINITY, 0.8},
		{SOME_NAN, -INFINITY, 0.7071067811865475, 0.4},
		{"{{count:3 sum:NaN}}", -INFINITY, INFINITY, 0},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		double is = histogram_fraction(parsed(cases[i].h), cases[i].lower, cases[i].upper);
		if (!close_to(is, cases[i].expected))
			fail_msg("%s, %g to %g: %.17g", cases[i].h, cases[i].lower, cases[i].upper,
				 is);
	}
}

static void variance(void **state)
{
	static const struct {
		const char *h;
		double expected;
	} cases[] = {
		{"{{schema:2 count:4 sum:10 buckets:[1 0 0 0 1 0 0 1 1]}}", 1.163807968526718},
		{"{{schema:8 count:10 sum:10 buckets:[1 2 3 4]}}", 2.3971123370139447e-05},
		{"{{count:10 sum:-112946 n_buckets:[0 0 1 1 1 0 1 1 0 0 3 0 0 0 1 0 0 1]}}",
		 759352122.1939945},
		{"{{count:10 sum:-100 n_buckets:[0 0 0 0 10]}}", 1.725830020304794},
		{"{{count:1 sum:NaN buckets:[1]}}", NAN},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_true(close_to(histogram_variance(parsed(cases[i].h)), cases[i].expected));
	assert_true(histogram_mean(parsed("{{count:4 sum:10}}")) == 2.5);
}

#define TRIMMED                                                                                    \
	"sum:123.75 count:34 z_bucket:1 z_bucket_w:0.001 buckets:[2 4 8 16] n_buckets:[1 2]}}"
#define ZERO "{{count:5 sum:0 z_bucket:5 z_bucket_w:0.1}}"
#define ZERO_UP "{{count:12 sum:100 z_bucket:2 z_bucket_w:0.5 buckets:[10]}}"
#define ZERO_DOWN "{{count:12 sum:100 z_bucket:2 z_bucket_w:0.5 n_buckets:[10]}}"

static void trims(void **state)
{
	static const struct {
		const char *h;
		bool upper;
		double bound;
		const char *expected;
	} cases[] = {
		{"{{" TRIMMED, false, -INFINITY, "{{" TRIMMED},
		{"{{" TRIMMED, true, INFINITY, "{{" TRIMMED},
		{"{{" TRIMMED, false, INFINITY, "{{z_bucket_w:0.001}}"},
		{"{{" TRIMMED, true, -INFINITY, "{{z_bucket_w:0.001}}"},
		{"{{" TRIMMED, false, 0,
		 "{{sum:120.20840280171308 count:30.5 z_bucket:0.5 z_bucket_w:0.001 buckets:[2 4 8 "
		 "16]}}"},
		{"{{" TRIMMED, true, 0,
		 "{{sum:-3.53578390593273768 count:3.5 z_bucket:0.5 z_bucket_w:0.001 n_buckets:[1 "
		 "2]}}"},
		{"{{" TRIMMED, true, 2,
		 "{{count:10 sum:3.5355339059327373 z_bucket:1 z_bucket_w:0.001 buckets:[2 4] "
		 "n_buckets:[1 2]}}"},
		{"{{" TRIMMED, false, 2,
		 "{{count:24 sum:113.13708498984761 z_bucket_w:0.001 offset:2 buckets:[8 16]}}"},
		{"{{" TRIMMED, false, -1,
		 "{{count:32 sum:119.50104602052653 z_bucket:1 z_bucket_w:0.001 buckets:[2 4 8 16] "
		 "n_buckets:[1]}}"},
		{"{{" TRIMMED, true, -1,
		 "{{count:2 sum:-2.8284271247461903 z_bucket_w:0.001 n_offset:1 n_buckets:[2]}}"},
		{ZERO_UP, false, 0.1,
		 "{{count:11.6 sum:7.551067811865476 z_bucket:1.6 z_bucket_w:0.5 buckets:[10]}}"},
		{ZERO_UP, true, 0.1, "{{count:0.4 sum:0.02 z_bucket:0.4 z_bucket_w:0.5}}"},
		{ZERO_DOWN, true, -0.1,
		 "{{count:11.6 sum:-7.551067811865476 z_bucket:1.6 z_bucket_w:0.5 "
		 "n_buckets:[10]}}"},
		{ZERO, false, 0.05, "{{count:1.25 sum:0.09375 z_bucket:1.25 z_bucket_w:0.1}}"},
		{ZERO, true, 0.05, "{{count:3.75 sum:-0.09375 z_bucket:3.75 z_bucket_w:0.1}}"},
		{ZERO, true, -0.1, "{{z_bucket_w:0.1}}"},
		{CUSTOM, true, 15,
		 "{{schema:-53 count:11 sum:97.5 custom_values:[5 10 15 20] buckets:[1 6 4]}}"},
		{CUSTOM, false, 15,
		 "{{schema:-53 count:4 sum:72.5 custom_values:[5 10 15 20] offset:3 buckets:[3 "
		 "1]}}"},
		{CUSTOM, true, 13,
		 "{{schema:-53 count:9.4 sum:75.1 custom_values:[5 10 15 20] buckets:[1 6 2.4]}}"},
		{CUSTOM, false, 13,
		 "{{schema:-53 count:5.6 sum:94.9 custom_values:[5 10 15 20] offset:2 buckets:[1.6 "
		 "3 1]}}"},
		{CUSTOM, true, 7.5,
		 "{{schema:-53 count:4 sum:21.25 custom_values:[5 10 15 20] buckets:[1 3]}}"},
		{CUSTOM, true, 50,
		 "{{schema:-53 count:14 sum:150 custom_values:[5 10 15 20] buckets:[1 6 4 3]}}"},
		{CUSTOM, true, -INFINITY, "{{schema:-53 custom_values:[5 10 15 20]}}"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct float_histogram *is =
			histogram_trim(&arena, parsed(cases[i].h), cases[i].bound, cases[i].upper);
		struct float_histogram *expected = parsed(cases[i].expected);
		if (!close_to(is->sum, expected->sum) || !close_to(is->count, expected->count) ||
		    !close_to(is->zero_count, expected->zero_count))
			fail_msg("%s at %g: count %.17g, sum %.17g", cases[i].h, cases[i].bound,
				 is->count, is->sum);
		is->sum = expected->sum;
		is->count = expected->count;
		is->zero_count = expected->zero_count;
		struct buf out = BUF_INIT;
		histogram_notation(expected, &out);
		check(is, buf_cstr(&out));
		buf_release(&out);
	}
}

static void validation(void **state)
{
	static const char *const fine[] = {"{{}}", BOTH, CUSTOM, SOME_NAN,
					   "{{count:NaN buckets:[NaN]}}"};
	static const char *const wrong[] = {
		"{{schema:9}}",
		"{{schema:-5}}",
		"{{count:-1}}",
		"{{z_bucket:-1}}",
		"{{buckets:[1 -1]}}",
		"{{n_buckets:[-1]}}",
		"{{custom_values:[1]}}",
		"{{schema:-53 custom_values:[1 1]}}",
		"{{schema:-53 custom_values:[NaN]}}",
		"{{schema:-53 custom_values:[1 Inf]}}",
		"{{schema:-53 custom_values:[1] buckets:[1 2 3]}}",
		"{{schema:-53 custom_values:[1] offset:-1 buckets:[1]}}",
		"{{schema:-53 z_bucket:1}}",
		"{{schema:-53 z_bucket_w:1}}",
		"{{schema:-53 n_buckets:[1]}}",
	};
	struct error err = {0};
	for (size_t i = 0; i < COUNT(fine); i++)
		assert_int_equal(histogram_validate(parsed(fine[i]), &err), 0);
	for (size_t i = 0; i < COUNT(wrong); i++) {
		err.message[0] = '\0';
		assert_int_equal(histogram_validate(parsed(wrong[i]), &err), STATUS_INVALID);
		assert_true(err.message[0]);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(notation),
		TEST(notation_hint),
		TEST(notation_errors),
		TEST(text),
		TEST(bounds),
		TEST(iterator),
		TEST(add),
		TEST(sub),
		TEST(mul_and_div),
		TEST(reduce_and_compact),
		TEST(equality),
		TEST(compensated_sums),
		TEST(means_do_not_overflow),
		TEST(hints_of_sums),
		TEST(growing_sums),
		TEST(out_of_budget),
		TEST(resets),
		TEST(quantiles),
		TEST(fractions),
		TEST(variance),
		TEST(trims),
		TEST(validation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
