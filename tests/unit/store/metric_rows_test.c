#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/rows.h"
#include "store/series_seen.h"
#include "telemetry/metric_batch.h"
#include "wire/native.h"

#define DAY INT64_C(86400000)
#define MOST 32

/* The blocks that were asked for, in the order of the first time. */
static struct {
	enum table table;
	uint32_t day;
	struct native_block *block;
} got[MOST];
static unsigned got_count;
static unsigned get_limit = MOST; /* then there is no memory */

static struct native_block *get_block(void *ctx, enum table table, uint32_t day)
{
	for (unsigned i = 0; i < got_count; i++) {
		if (got[i].table == table && got[i].day == day)
			return got[i].block;
	}
	if (got_count == get_limit)
		return NULL;
	const struct table_info *info = table_info(table);
	got[got_count].table = table;
	got[got_count].day = day;
	got[got_count].block = native_block_new(info->columns, info->column_count);
	assert_non_null(got[got_count].block);
	return got[got_count++].block;
}

static size_t rows_of(enum table table, uint32_t day)
{
	for (unsigned i = 0; i < got_count; i++) {
		if (got[i].table == table && got[i].day == day)
			return native_block_rows(got[i].block);
	}
	return 0;
}

static void clear(void)
{
	for (unsigned i = 0; i < got_count; i++)
		native_block_free(got[i].block);
	got_count = 0;
	get_limit = MOST;
}

static const struct row_blocks blocks = {get_block, NULL};

/* Two series, with samples on days 59 (1970-03-01), 60, 59. */
static void make_batch(struct metric_batch *b)
{
	metric_batch_clear(b, 1 << 20);
	struct metric_family family = {SLICE("m"), SLICE("s"), SLICE("help"), METRIC_GAUGE};
	assert_true(metric_batch_add_family(b, family));
	assert_true(metric_batch_use_labels(b, 0, 0));
	struct label le = {SLICE("le"), SLICE("1")};
	uint32_t one = metric_batch_series(b, SLICE("m"), NULL);
	uint32_t two = metric_batch_series(b, SLICE("m"), &le);
	assert_int_equal(metric_batch_series(b, SLICE("m"), &le), two);
	assert_true(metric_batch_add_sample(b, one, 59 * DAY, 0, 1, 0));
	assert_true(metric_batch_add_sample(b, two, 59 * DAY + 1, 0, 2, 0));
	assert_true(metric_batch_add_sample(b, one, 60 * DAY, 0, 3, 0));
	assert_true(metric_batch_add_sample(b, one, 60 * DAY - 1, 0, 4, 0));
}

static void rows_go_to_their_day_and_month(void **state)
{
	struct metric_batch b = {0};
	make_batch(&b);
	assert_int_equal(metric_rows_append(&b, &blocks, NULL, NULL), 0);
	assert_int_equal(rows_of(TABLE_METRIC_SAMPLES, 59), 3);
	assert_int_equal(rows_of(TABLE_METRIC_SAMPLES, 60), 1);
	/* `one` on day 59, 60 and, since only the last day is remembered, on 59 again */
	assert_int_equal(rows_of(TABLE_METRIC_SERIES, 59), 4);
	assert_int_equal(rows_of(TABLE_METRIC_METADATA, 59), 1);
	assert_int_equal(got_count, 4);
	clear();
	metric_batch_release(&b);
}

static void months_begin_where_they_do(void **state)
{
	static const struct {
		uint32_t day, month;
	} cases[] = {{0, 0},         {30, 0},        {31, 31},       {58, 31},
		     {59, 59},       {789, 761},     {790, 790},     {11016, 10988},
		     {11017, 11017}, {20454, 20454}, {20453, 20423}, {49709, 49704}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct metric_batch b = {0};
		metric_batch_clear(&b, 1 << 20);
		struct metric_family family = {SLICE("m"), SLICE(""), SLICE(""), METRIC_GAUGE};
		metric_batch_add_family(&b, family);
		metric_batch_use_labels(&b, 0, 0);
		metric_batch_add_sample(&b, metric_batch_series(&b, SLICE("m"), NULL),
					cases[i].day * DAY + DAY - 1, 0, 1, 0);
		assert_int_equal(metric_rows_append(&b, &blocks, NULL, NULL), 0);
		if (rows_of(TABLE_METRIC_SERIES, cases[i].month) != 1)
			fail_msg("day %u", cases[i].day);
		clear();
		metric_batch_release(&b);
	}
}

static void a_series_is_written_once_a_day(void **state)
{
	struct metric_batch b = {0};
	struct series_seen *seen = series_seen_new(1000);
	for (int i = 0; i < 3; i++) {
		make_batch(&b);
		assert_int_equal(metric_rows_append(&b, &blocks, seen, NULL), 0);
	}
	assert_int_equal(rows_of(TABLE_METRIC_SAMPLES, 59), 9);
	assert_int_equal(rows_of(TABLE_METRIC_SERIES, 59), 3);
	assert_int_equal(rows_of(TABLE_METRIC_METADATA, 59), 1);
	clear();
	series_seen_free(seen);
	metric_batch_release(&b);
}

/* Blocks that are thrown away must not leave their series marked as written. */
static void lack_of_memory_forgets_what_was_seen(void **state)
{
	struct metric_batch b = {0};
	struct series_seen *seen = series_seen_new(1000);
	struct error err;
	make_batch(&b);
	get_limit = 2;
	assert_int_equal(metric_rows_append(&b, &blocks, seen, &err), STATUS_LIMIT);
	clear();
	assert_int_equal(metric_rows_append(&b, &blocks, seen, &err), 0);
	assert_int_equal(rows_of(TABLE_METRIC_SERIES, 59), 3);
	clear();
	series_seen_free(seen);
	metric_batch_release(&b);
}

static void seen_is_bounded_and_never_wrong(void **state)
{
	struct series_seen *seen = series_seen_new(1024);
	for (uint64_t i = 0; i < 100000; i++) {
		struct series_id id = {i * UINT64_C(0x9e3779b97f4a7c15), i << 20};
		assert_true(series_seen_add(seen, id, 1));
		assert_false(series_seen_add(seen, id, 1));
		assert_true(series_seen_add(seen, id, 2));
	}
	series_seen_free(seen);
	series_seen_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_go_to_their_day_and_month),
		cmocka_unit_test(months_begin_where_they_do),
		cmocka_unit_test(a_series_is_written_once_a_day),
		cmocka_unit_test(lack_of_memory_forgets_what_was_seen),
		cmocka_unit_test(seen_is_bounded_and_never_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
