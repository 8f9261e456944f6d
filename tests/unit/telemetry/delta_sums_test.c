/*
 * Expected values are by hand from OpenTelemetry's data model, "Sums: Delta-to-Cumulative" and
 * "ExponentialHistogram: Merging".
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "telemetry/delta_sums.h"

#define MINUTE 60000
#define MS UINT64_C(1000000)

static struct delta_sums *sums;
static struct metric_batch batch, out;
static uint32_t dropped[DELTA_DROP_COUNT];

static int set_up(void **state)
{
	sums = delta_sums_new(4, 5 * MINUTE);
	memset(dropped, 0, sizeof(dropped));
	return sums ? 0 : -1;
}

static int tear_down(void **state)
{
	delta_sums_free(sums);
	metric_batch_release(&batch);
	return 0;
}

static void begin(void)
{
	metric_batch_clear(&batch, SIZE_MAX);
	assert_true(metric_batch_add_family(&batch, (struct metric_family){.name = SLICE("m")}));
}

static uint32_t series(const char *name, const char *extra)
{
	struct label label = {SLICE("le"), slice_of(extra ? extra : "")};
	return metric_batch_series(&batch, slice_of(name), extra ? &label : NULL);
}

static void sample(const char *name, int64_t start, int64_t time, double value)
{
	assert_true(metric_batch_use_labels(&batch, batch.label_count, 0));
	assert_true(metric_batch_add_sample(&batch, series(name, NULL), time, start, value,
					    SAMPLE_DELTA));
}

static void add(int64_t received)
{
	struct error err;
	assert_int_equal(delta_sums_add(sums, &batch, (uint64_t)received * MS, &out, dropped, &err),
			 0);
}

static void one(const char *name, int64_t start, int64_t time, double value)
{
	begin();
	sample(name, start, time, value);
	add(time);
}

static void expect(uint32_t i, int64_t start, int64_t time, double value)
{
	assert_true(i < out.sample_count);
	assert_int_equal(out.sample_start[i], start);
	assert_int_equal(out.sample_time[i], time);
	assert_memory_equal(&out.sample_value[i], &value, sizeof(value));
	assert_int_equal(out.sample_flags[i], SAMPLE_SUMMED);
}

static void adds_up(void **state)
{
	one("a", 10, 20, 5);
	expect(0, 10, 20, 5);
	one("a", 20, 30, 7);
	expect(0, 10, 30, 12);
	one("a", 0, 40, -2); /* start not known */
	expect(0, 10, 40, 10);
	one("a", 55, 60, 1); /* after a gap */
	expect(0, 10, 60, 11);
	begin();
	sample("a", 60, 70, 1);
	sample("b", 60, 70, 100);
	sample("a", 70, 80, 1);
	add(80);
	assert_int_equal(out.sample_count, 3);
	expect(0, 10, 70, 12);
	expect(1, 60, 70, 100);
	expect(2, 10, 80, 13);
}

static void leaves_out(void **state)
{
	one("a", 100, 200, 1);
	one("a", 100, 200, 1);
	assert_int_equal(out.sample_count, 0);
	one("a", 120, 150, 1);
	one("a", 50, 300, 1);
	one("a", 150, 300, 1);
	assert_int_equal(dropped[DELTA_OUT_OF_ORDER], 2);
	assert_int_equal(dropped[DELTA_OLDER_START], 1);
	assert_int_equal(dropped[DELTA_OVERLAP], 1);
	one("a", 200, 300, 1);
	expect(0, 100, 300, 2);
}

static void rounds_once(void **state)
{
	for (int i = 0; i < 10; i++)
		one("a", i * 10 + 1, i * 10 + 11, 0.1);
	expect(0, 1, 101, 1.0); /* 0.1 + 0.1 + … one after the other is 0.9999999999999999 */
	one("big", 1, 2, 1e300);
	one("big", 2, 3, 1);
	one("big", 3, 4, -1e300);
	expect(0, 1, 4, 1);
	one("inf", 1, 2, INFINITY);
	one("inf", 2, 3, 1);
	expect(0, 1, 3, INFINITY);
}

/* The samples of a histogram's data point are left out together. */
static void points_are_whole(void **state)
{
	for (int round = 0; round < 2; round++) {
		begin();
		assert_true(metric_batch_use_labels(&batch, 0, 0));
		const char *const les[] = {"1", "+Inf", NULL};
		for (int i = 0; i < 3; i++)
			assert_true(metric_batch_add_sample(
				&batch, series(les[i] ? "h_bucket" : "h_count", les[i]), 20, 10, 3,
				SAMPLE_DELTA));
		add(20);
		assert_int_equal(out.sample_count, round ? 0 : 3);
	}
	assert_int_equal(dropped[DELTA_OUT_OF_ORDER], 1);
}

static void forgets(void **state)
{
	one("a", 10, 20, 1);
	begin();
	sample("a", 20, 30, 1);
	add(20 + 5 * MINUTE);
	expect(0, 10, 30, 2);
	begin();
	sample("a", 40, 50, 1);
	add(21 + 10 * MINUTE);
	expect(0, 40, 50, 1);
	begin();
	sample("a", 50, 60, 1);
	add(0); /* the clock went back */
	expect(0, 40, 60, 2);
}

static void has_a_limit(void **state)
{
	const char *const names[] = {"a", "b", "c", "d", "e"};
	for (int i = 0; i < 5; i++)
		one(names[i], 1, 10 + i, 1);
	assert_int_equal(out.sample_count, 0);
	assert_int_equal(dropped[DELTA_LIMIT], 1);
	one("a", 10, 20, 1);
	expect(0, 1, 20, 2);
	/* Those that are stale make room. */
	begin();
	sample("e", 1, 30, 1);
	add(15 + 5 * MINUTE);
	expect(0, 1, 30, 1);
	assert_int_equal(delta_sums_count(sums), 2);
}

static void passes_others(void **state)
{
	struct error err;
	begin();
	sample("a", 1, 2, 3);
	batch.sample_flags[0] = 0;
	uint64_t changes = delta_sums_changes(sums);
	assert_int_equal(delta_sums_add(sums, &batch, 1, &out, dropped, &err), 0);
	assert_ptr_equal(out.sample_value, batch.sample_value);
	assert_int_equal(delta_sums_changes(sums), changes);
	sample("a", 1, 2, 4);
	add(2);
	assert_int_equal(out.sample_count, 2);
	assert_int_equal(out.sample_flags[0], 0);
	expect(1, 1, 2, 4);
}

struct histogram {
	int32_t scale, offset;
	uint32_t count;
	uint64_t counts[8], zeros;
	double threshold;
};

static void add_histogram(int64_t time, const struct histogram *h)
{
	begin();
	assert_true(metric_batch_use_labels(&batch, 0, 0));
	uint32_t s = series("x", NULL);
	struct exponential_point *p = metric_batch_add_exponential(&batch);
	assert_non_null(p);
	*p = (struct exponential_point){.series = s,
					.flags = SAMPLE_DELTA,
					.scale = h->scale,
					.time = time,
					.start = time - 1,
					.zero_count = h->zeros,
					.count = h->zeros,
					.has_sum = true,
					.sum = 0.5,
					.has_min = true,
					.min = -(double)time,
					.zero_threshold = h->threshold,
					.positive_offset = h->offset,
					.positive_count = h->count};
	for (uint32_t i = 0; i < h->count; i++) {
		assert_true(metric_batch_add_bucket_count(&batch, h->counts[i]));
		p->count += h->counts[i];
	}
	add(time);
}

static void expect_histogram(int32_t scale, int32_t offset, uint32_t count, const uint64_t *counts)
{
	assert_int_equal(out.exponential_count, 1);
	const struct exponential_point *p = &out.exponentials[0];
	assert_int_equal(p->scale, scale);
	assert_int_equal(p->positive_offset, offset);
	assert_int_equal(p->positive_count, count);
	assert_memory_equal(out.bucket_counts + p->positive_first, counts, count * sizeof(*counts));
	assert_int_equal(p->flags, SAMPLE_SUMMED);
}

static void histograms(void **state)
{
	add_histogram(10, &(struct histogram){
				  .scale = 2, .offset = 4, .count = 5, .counts = {1, 2, 3, 4, 5}});
	expect_histogram(2, 4, 5, (uint64_t[]){1, 2, 3, 4, 5});
	/* Buckets 4 … 8 at scale 2 are 2, 2, 3, 3, 4 at scale 1; -1 stays -1. */
	add_histogram(
		20,
		&(struct histogram){
			.scale = 1, .offset = -1, .count = 4, .counts = {7, 0, 0, 9}, .zeros = 2});
	expect_histogram(1, -1, 6, (uint64_t[]){7, 0, 0, 12, 7, 5});
	assert_int_equal(out.exponentials[0].count, 33);
	assert_int_equal(out.exponentials[0].zero_count, 2);
	assert_true(out.exponentials[0].sum == 1 && out.exponentials[0].min == -20);
	assert_false(out.exponentials[0].has_max);
	assert_int_equal(out.exponentials[0].start, 9);
	/* One that was sent again. */
	add_histogram(20, &(struct histogram){.scale = 1, .count = 1, .counts = {1}});
	assert_int_equal(out.exponential_count, 0);
	assert_int_equal(dropped[DELTA_OUT_OF_ORDER], 1);
	/* Buckets 0 and 400 at scale 1: not more than 160 buckets from -1 to 100 at scale -1. */
	add_histogram(30,
		      &(struct histogram){.scale = 1, .offset = 400, .count = 1, .counts = {1}});
	assert_int_equal(out.exponentials[0].scale, -1);
	assert_int_equal(out.exponentials[0].positive_offset, -1);
	assert_int_equal(out.exponentials[0].positive_count, 102);
	/* At scale -1 bucket -1 is (1/4, 1], bucket 0 is (1, 4]: a threshold of 2 takes both. */
	add_histogram(40, &(struct histogram){.scale = -1, .threshold = 2});
	assert_int_equal(out.exponentials[0].zero_count, 2 + 7 + 12 + 7);
	assert_true(out.exponentials[0].zero_threshold == 4);
	assert_int_equal(out.exponentials[0].count, 34);
}

/* What was saved and read back goes on as if nothing had been. */
static void survives(void **state)
{
	struct error err;
	struct buf saved = BUF_INIT, again = BUF_INIT;
	one("a", 10, 20, 0.1);
	one("a", 20, 30, 0.2);
	add_histogram(
		40, &(struct histogram){.scale = 3, .offset = -7, .count = 3, .counts = {1, 0, 5}});
	delta_sums_save(sums, &saved);
	struct delta_sums *other = delta_sums_new(4, 5 * MINUTE);
	assert_int_equal(delta_sums_load(other, buf_slice(&saved), &err), 0);
	delta_sums_save(other, &again);
	assert_int_equal(again.len, saved.len);
	delta_sums_free(sums);
	sums = other;
	one("a", 30, 40, 0.3);
	expect(0, 10, 40, 0.6);
	add_histogram(50, &(struct histogram){.scale = 3, .offset = -7, .count = 1, .counts = {2}});
	expect_histogram(3, -7, 3, (uint64_t[]){3, 0, 5});
	for (size_t len = 0; len < saved.len; len++)
		assert_int_equal(delta_sums_load(sums, (struct slice){saved.data, len}, &err),
				 STATUS_CORRUPT);
	buf_release(&saved);
	buf_release(&again);
}

static void many(void **state)
{
	char name[16];
	delta_sums_free(sums);
	sums = delta_sums_new(100000, 5 * MINUTE);
	for (int round = 1; round <= 3; round++) {
		for (int i = 0; i < 5000; i++) {
			snprintf(name, sizeof(name), "s%d", i);
			one(name, round, round + 1, i);
			expect(0, 1, round + 1, (double)i * round);
		}
	}
	assert_int_equal(delta_sums_count(sums), 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(adds_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(leaves_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(rounds_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(points_are_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(forgets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(has_a_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(passes_others, set_up, tear_down),
		cmocka_unit_test_setup_teardown(histograms, set_up, tear_down),
		cmocka_unit_test_setup_teardown(survives, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
