/* The quarantine's files: durable entries with their reason, in order, given back to the byte. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/quarantine.h"

struct fixture {
	char dir[64];
	struct quarantine *quarantine;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err;
	snprintf(f->dir, sizeof(f->dir), "/tmp/tripod-quarantine-XXXXXX");
	*state = f;
	return mkdtemp(f->dir) ? quarantine_open(&f->quarantine, f->dir, &err) : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	quarantine_close(f->quarantine);
	DIR *dir = opendir(f->dir);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	rmdir(f->dir);
	free(f);
	return 0;
}

static void put(struct fixture *f, const char *id, uint64_t rows, const char *bytes)
{
	struct error err;
	struct quarantine_entry entry = {.id = id,
					 .exporter = "clickhouse",
					 .target = "otel_logs",
					 .reason = "Constraint `c` \"is\" violated\nat row 1",
					 .time = 1234567890123456789,
					 .rows = rows,
					 .cut_id = UINT64_C(0xfedcba9876543210)};
	if (quarantine_put(f->quarantine, &entry, slice_of(bytes), &err) < 0)
		fail_msg("%s", err.message);
}

static void append_entry(const struct quarantine_entry *entry, void *arg)
{
	buf_appendf(arg, "%s %s %s %lld %llu %llx;", entry->id, entry->exporter, entry->target,
		    (long long)entry->time, (unsigned long long)entry->rows,
		    (unsigned long long)entry->cut_id);
	assert_string_equal(entry->reason, "Constraint `c` \"is\" violated\nat row 1");
}

static void expect_list(struct fixture *f, const char *expected)
{
	struct buf list = BUF_INIT;
	struct error err;
	assert_int_equal(quarantine_each(f->quarantine, append_entry, &list, &err), 0);
	assert_string_equal(buf_cstr(&list), expected);
	buf_release(&list);
}

static void expect_count(struct fixture *f, uint64_t entries, uint64_t rows)
{
	uint64_t got_entries, got_rows;
	quarantine_count(f->quarantine, &got_entries, &got_rows);
	assert_int_equal(got_entries, entries);
	assert_int_equal(got_rows, rows);
}

static void lists_reads_and_deletes(void **state)
{
	struct fixture *f = *state;
	struct error err;
	struct buf bytes = BUF_INIT;
	put(f, "b2", 3, "line\nof bytes");
	put(f, "a1", 1, "");
	expect_list(f, "a1 clickhouse otel_logs 1234567890123456789 1 fedcba9876543210;"
		       "b2 clickhouse otel_logs 1234567890123456789 3 fedcba9876543210;");
	expect_count(f, 2, 4);
	assert_int_equal(quarantine_read(f->quarantine, "b2", &bytes, &err), 0);
	assert_string_equal(buf_cstr(&bytes), "line\nof bytes");
	buf_release(&bytes);
	assert_int_equal(quarantine_delete(f->quarantine, "b2", &err), 0);
	assert_int_equal(quarantine_delete(f->quarantine, "b2", &err), STATUS_NOT_FOUND);
	expect_count(f, 1, 1);
}

static void replaces_an_entry_of_the_same_id(void **state)
{
	struct fixture *f = *state;
	put(f, "a", 1, "x");
	put(f, "a", 1, "y");
	expect_count(f, 1, 1);
}

static void counts_what_an_earlier_run_left(void **state)
{
	struct fixture *f = *state;
	struct error err;
	put(f, "a", 2, "x");
	quarantine_close(f->quarantine);
	assert_int_equal(quarantine_open(&f->quarantine, f->dir, &err), 0);
	expect_count(f, 1, 2);
}

static void refuses_ids_that_are_no_file_names(void **state)
{
	struct fixture *f = *state;
	struct error err;
	struct buf bytes = BUF_INIT;
	assert_int_equal(quarantine_read(f->quarantine, "../progress", &bytes, &err),
			 STATUS_INVALID);
	assert_int_equal(quarantine_delete(f->quarantine, "", &err), STATUS_INVALID);
	buf_release(&bytes);
}

static void keep_reason(const struct quarantine_entry *entry, void *arg)
{
	buf_append_cstr(arg, entry->reason);
}

/* Stores quote what they refuse, and messages are cut to a length. */
static void takes_a_reason_that_is_no_text(void **state)
{
	struct fixture *f = *state;
	struct error err;
	struct buf reason = BUF_INIT, bytes = BUF_INIT;
	const struct quarantine_entry entry = {.id = "a",
					       .exporter = "clickhouse",
					       .target = "otel_logs",
					       .reason = "near \x01\x1f\xff '\xc3\xa4\xe2\x82",
					       .rows = 1};
	if (quarantine_put(f->quarantine, &entry, SLICE("x"), &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(quarantine_each(f->quarantine, keep_reason, &reason, &err), 0);
	assert_memory_equal(buf_cstr(&reason), "near \x01\x1f\xef\xbf\xbd '\xc3\xa4\xef\xbf\xbd",
			    14);
	assert_int_equal(quarantine_read(f->quarantine, "a", &bytes, &err), 0);
	assert_string_equal(buf_cstr(&bytes), "x");
	buf_release(&reason);
	buf_release(&bytes);
}

static void takes_a_reason_of_any_length(void **state)
{
	struct fixture *f = *state;
	struct error err;
	struct buf reason = BUF_INIT;
	static char control[100000];
	memset(control, 1, sizeof(control) - 1);
	const struct quarantine_entry entry = {
		.id = "a", .exporter = control, .target = control, .reason = control, .rows = 1};
	assert_int_equal(quarantine_put(f->quarantine, &entry, SLICE("x"), &err), 0);
	assert_int_equal(quarantine_each(f->quarantine, keep_reason, &reason, &err), 0);
	assert_true(reason.len > 1000);
	buf_release(&reason);
}

/* Listing reads headers alone, so that an entry of any size is no burden. */
static void lists_and_deletes_an_entry_of_any_size(void **state)
{
	struct fixture *f = *state;
	struct error err;
	char path[128];
	put(f, "b", 1, "x");
	snprintf(path, sizeof(path), "%s/b.quarantine", f->dir);
	assert_int_equal(truncate(path, (off_t)2 << 30), 0);
	expect_list(f, "b clickhouse otel_logs 1234567890123456789 1 fedcba9876543210;");
	assert_int_equal(quarantine_delete(f->quarantine, "b", &err), 0);
	expect_count(f, 0, 0);
}

static void is_claimed_by_one_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct error err;
	assert_int_equal(quarantine_claim(f->quarantine, "a", &err), 0);
	assert_int_equal(quarantine_claim(f->quarantine, "b", &err), 0);
	assert_int_equal(quarantine_claim(f->quarantine, "a", &err), STATUS_CONFLICT);
	assert_string_equal(err.message, "entry a is being retried");
	quarantine_release(f->quarantine, "a");
	assert_int_equal(quarantine_claim(f->quarantine, "a", &err), 0);
	assert_int_equal(quarantine_claim(f->quarantine, "b", &err), STATUS_CONFLICT);
	quarantine_release(f->quarantine, "a");
	quarantine_release(f->quarantine, "b");
}

static void passes_over_a_damaged_file(void **state)
{
	struct fixture *f = *state;
	char path[128];
	put(f, "b", 1, "x");
	snprintf(path, sizeof(path), "%s/a.quarantine", f->dir);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs("{not json\n", file);
	fclose(file);
	expect_list(f, "b clickhouse otel_logs 1234567890123456789 1 fedcba9876543210;");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(lists_reads_and_deletes),
		TEST(replaces_an_entry_of_the_same_id),
		TEST(counts_what_an_earlier_run_left),
		TEST(refuses_ids_that_are_no_file_names),
		TEST(takes_a_reason_that_is_no_text),
		TEST(takes_a_reason_of_any_length),
		TEST(lists_and_deletes_an_entry_of_any_size),
		TEST(passes_over_a_damaged_file),
		TEST(is_claimed_by_one_at_a_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
