#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/query_table.h"
#include "app/text_table.h"

static const struct text_column columns[] = {
	{{"name", 4}, false}, {{"n", 1}, true}, {{"text", 4}, false}};

static struct text_table *make(unsigned width, bool colour)
{
	struct text_table_options options = {.width = width, .colour = colour};
	struct text_table *table = text_table_new(columns, 3, &options);
	assert_non_null(table);
	return table;
}

static void add(struct text_table *table, struct buf *out, const char *a, const char *b,
		const char *c)
{
	const struct text_cell cells[] = {
		{slice_of(a), TEXT_PLAIN}, {slice_of(b), TEXT_DIM}, {slice_of(c), TEXT_PLAIN}};
	text_table_row(table, cells, out);
}

static void assert_table(struct text_table *table, struct buf *out, const char *expected)
{
	text_table_end(table, out);
	assert_string_equal(buf_cstr(out), expected);
	text_table_free(table);
	buf_release(out);
}

static void columns_are_aligned(void **state)
{
	struct buf out = BUF_INIT;
	struct text_table *table = make(0, false);
	add(table, &out, "a", "1", "x");
	add(table, &out, "日本", "1000", "");
	add(table, &out, "e\xCC\x81", "20", "y");
	assert_int_equal(out.len, 0);
	assert_table(table, &out,
		     "name     n  text\n"
		     "────  ────  ────\n"
		     "a        1  x\n"
		     "日本  1000  \n"
		     "e\xCC\x81       20  y\n");
}

static void colour_changes_no_width(void **state)
{
	struct buf out = BUF_INIT;
	struct text_table *table = make(0, true);
	add(table, &out, "a", "1", "x");
	assert_table(table, &out,
		     "\033[1mname\033[0m  \033[1mn\033[0m  \033[1mtext\033[0m\n"
		     "\033[2m────  ─  ────\033[0m\n"
		     "a     \033[2m1\033[0m  x\n");
}

static void what_is_too_wide_is_cut(void **state)
{
	struct buf out = BUF_INIT;
	struct text_table *table = make(24, false);
	add(table, &out, "a", "1", "a text that is far too long for it");
	add(table, &out, "b", "2", "日本語日本語日本語日本語");
	text_table_end(table, &out);
	assert_string_equal(buf_cstr(&out), "name  n  text\n"
					    "────  ─  ───────────────\n"
					    "a     1  a text that is…\n"
					    "b     2  日本語日本語日…\n");
	assert_int_equal(text_table_cells_cut(table), 2);
	assert_int_equal(text_table_columns_hidden(table), 0);
	text_table_free(table);
	buf_release(&out);
}

static void columns_that_do_not_fit_are_hidden(void **state)
{
	struct buf out = BUF_INIT;
	struct text_table *table = make(12, false);
	add(table, &out, "a very long name", "123456789", "x");
	text_table_end(table, &out);
	assert_int_equal(text_table_columns_hidden(table), 2);
	assert_string_equal(buf_cstr(&out), "name\n────────────\na very long…\n");
	text_table_free(table);
	buf_release(&out);
}

static void nothing_commands_the_terminal(void **state)
{
	struct buf out = BUF_INIT;
	struct text_table *table = make(0, false);
	add(table, &out, "\033[2J\a\x7f\r", "\xff\xc3",
	    "\xC2\x9B"
	    "1m");
	text_table_end(table, &out);
	for (size_t i = 0; i < out.len; i++) {
		unsigned char c = (unsigned char)out.data[i];
		assert_true(c == '\n' || (c >= 32 && c != 127 && c != 0xff));
	}
	assert_null(strstr(buf_cstr(&out), "\xC2\x9B"));
	assert_non_null(strstr(buf_cstr(&out), "␛[2J␇␡␍"));
	text_table_free(table);
	buf_release(&out);
}

static void any_number_of_rows_may_follow(void **state)
{
	struct buf out = BUF_INIT;
	struct text_table *table = make(0, false);
	size_t lines = 0;
	for (int i = 0; i < 2000; i++)
		add(table, &out, i < 1000 ? "short" : "wider than before", "1", "x");
	text_table_end(table, &out);
	for (size_t i = 0; i < out.len; i++)
		lines += out.data[i] == '\n';
	assert_int_equal(lines, 2002);
	assert_int_equal(text_table_cells_cut(table), 1000);
	text_table_free(table);
	buf_release(&out);
}

/* --- answers of ClickHouse's --------------------------------------------------------- */

static void answers_become_rows(void **state)
{
	static const char *const lines[] = {
		"[\"a\", \"b\", \"c\", \"d\"]",
		"[\"Nullable(UInt8)\", \"String\", \"Map(String, UInt8)\", \"Bool\"]",
		"[1, \"x\\ny\", {\"k\":1}, true]",
		"[null, \"\", {}, false]",
	};
	struct buf out = BUF_INIT;
	struct error err;
	struct query_table *table = query_table_new(&(struct text_table_options){.width = 0});
	for (int i = 0; i < 4; i++)
		assert_int_equal(query_table_line(table, slice_of(lines[i]), &out, &err), 0);
	query_table_end(table, &out);
	assert_string_equal(buf_cstr(&out), "   a  b    c        d\n"
					    "────  ───  ───────  ─────\n"
					    "   1  x↵y  {\"k\":1}  true\n"
					    "NULL       {}       false\n");
	assert_int_equal(query_table_rows(table), 2);
	query_table_free(table);
	buf_release(&out);
}

static void what_is_no_answer_is_refused(void **state)
{
	static const char *const wrong[] = {"[1]", "[1,2,3]", "{}", "[1,", "1", "", "[1,2] x"};
	struct buf out = BUF_INIT;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct error err = {0};
		struct query_table *table =
			query_table_new(&(struct text_table_options){.width = 0});
		assert_int_equal(query_table_line(table, SLICE("[\"a\",\"b\"]"), &out, &err), 0);
		assert_int_equal(query_table_line(table, SLICE("[\"A\",\"B\"]"), &out, &err), 0);
		if (query_table_line(table, slice_of(wrong[i]), &out, &err) == 0)
			fail_msg("taken: %s", wrong[i]);
		assert_true(err.message[0]);
		query_table_free(table);
	}
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_aligned),
		cmocka_unit_test(colour_changes_no_width),
		cmocka_unit_test(what_is_too_wide_is_cut),
		cmocka_unit_test(columns_that_do_not_fit_are_hidden),
		cmocka_unit_test(nothing_commands_the_terminal),
		cmocka_unit_test(any_number_of_rows_may_follow),
		cmocka_unit_test(answers_become_rows),
		cmocka_unit_test(what_is_no_answer_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
