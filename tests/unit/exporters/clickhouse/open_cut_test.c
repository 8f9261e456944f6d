/* The parts of a cut: found again whatever their number, in the order in which they were made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exporters/clickhouse/open_cut.h"

#define DAYS 300

static void parts_are_found_again_in_their_order(void **state)
{
	const struct open_cut_options options = {.database = "none"};
	struct open_cut *cut = open_cut_new(&options, 1, 0);
	assert_non_null(cut);
	uint32_t made = 0;
	/* As rows come: of each day one table after the other, and days at an awkward distance. */
	for (uint32_t day = 0; day < DAYS; day++) {
		for (int table = 0; table < TABLE_COUNT; table++) {
			struct cut_part *part = open_cut_part(cut, (enum table)table, day * 64);
			assert_non_null(part);
			assert_ptr_equal(part, &cut->parts[made]);
			part->rows = made++;
			assert_ptr_equal(open_cut_part(cut, (enum table)table, day * 64), part);
		}
	}
	assert_int_equal(cut->part_count, DAYS * TABLE_COUNT);
	for (uint32_t i = made; i-- > 0;) {
		enum table table = (enum table)(i % TABLE_COUNT);
		const struct cut_part *part = open_cut_part(cut, table, i / TABLE_COUNT * 64);
		assert_int_equal(part->rows, i);
		assert_int_equal(part->table, table);
		assert_int_equal(part->day, i / TABLE_COUNT * 64);
	}
	assert_int_equal(cut->part_count, made);
	open_cut_free(cut);
}

static void parts_that_are_not_wanted_are_left(void **state)
{
	const struct open_cut_options options = {.database = "none"};
	struct open_cut *cut = open_cut_new(&options, 1, 0);
	assert_non_null(cut);
	cut->only = true;
	cut->only_table = TABLE_LOGS;
	cut->only_day = 7;
	assert_int_equal(open_cut_part(cut, TABLE_LOGS, 6)->state, PART_LEFT);
	assert_int_equal(open_cut_part(cut, TABLE_LOGS, 7)->state, PART_FILLING);
	assert_int_equal(open_cut_part(cut, TABLE_TRACES, 7)->state, PART_LEFT);
	open_cut_free(cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_are_found_again_in_their_order),
		cmocka_unit_test(parts_that_are_not_wanted_are_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
