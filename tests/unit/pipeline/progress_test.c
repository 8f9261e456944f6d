/* The file of consumers' places: what was said to be durable is there after a kill. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/progress.h"

static char path[64];
static bool fresh;

static struct progress *reopened(struct progress *progress)
{
	struct error err;
	progress_close(progress);
	if (progress_open(&progress, path, &fresh, &err) < 0)
		fail_msg("%s", err.message);
	return progress;
}

static int set_up(void **state)
{
	snprintf(path, sizeof(path), "/tmp/tripod-progress-XXXXXX");
	int fd = mkstemp(path);
	close(fd);
	unlink(path);
	*state = reopened(NULL);
	return !fresh;
}

static int tear_down(void **state)
{
	progress_close(*state);
	return unlink(path);
}

static int add(struct progress *progress, const char *name, uint64_t position)
{
	struct error err;
	int consumer = progress_consumer(progress, name, position, &err);
	if (consumer < 0)
		fail_msg("%s", err.message);
	return consumer;
}

static uint64_t position_of(struct progress *progress, int consumer)
{
	static struct consumer_progress state;
	progress_get(progress, consumer, &state);
	return state.position;
}

/* Else, killed before its first cut, it would begin behind what was acknowledged since. */
static void a_new_consumer_keeps_its_place(void **state)
{
	add(*state, "clickhouse/logs", 4096);
	*state = reopened(*state);
	assert_false(fresh);
	assert_int_equal(position_of(*state, add(*state, "clickhouse/logs", 999424)), 4096);
	assert_int_equal(progress_least_position(*state, 0), 4096);
}

static void note_retired(const char *name, uint64_t position, void *arg)
{
	snprintf(arg, PROGRESS_NAME_SIZE, "%s %llu", name, (unsigned long long)position);
}

static void a_consumer_that_comes_back_begins_at_the_end(void **state)
{
	add(*state, "gone", 4096);
	*state = reopened(*state);
	add(*state, "stays", 8192);
	char retired[PROGRESS_NAME_SIZE] = "";
	struct error err;
	assert_int_equal(progress_retire_unused(*state, note_retired, retired, &err), 0);
	assert_string_equal(retired, "gone 4096");
	*state = reopened(*state);
	assert_int_equal(progress_greatest_position(*state), 8192);
	assert_int_equal(progress_least_position(*state, 0), 8192);
	add(*state, "gone", 12288);
	*state = reopened(*state);
	assert_int_equal(position_of(*state, add(*state, "gone", 999424)), 12288);
}

static void what_was_put_is_there_again(void **state)
{
	static struct consumer_progress put, got;
	struct error err;
	int consumer = add(*state, "clickhouse/logs", 0);
	progress_get(*state, consumer, &put);
	put.position = 123;
	put.delivered = 7;
	put.cut_count = 1;
	put.cuts[0] = (struct cut){.id = 5, .from = 123, .to = 456, .rows = 9};
	assert_int_equal(progress_put(*state, consumer, &put, &err), 0);
	*state = reopened(*state);
	progress_get(*state, add(*state, "clickhouse/logs", 0), &got);
	assert_memory_equal(&got, &put, sizeof(got));
}

/* A power loss while one slot is written leaves the state before. */
static void a_torn_slot_leaves_the_state_before(void **state)
{
	static struct consumer_progress put;
	struct error err;
	int consumer = add(*state, "clickhouse/logs", 0);
	progress_get(*state, consumer, &put);
	for (uint64_t position = 1; position <= 2; position++) {
		put.position = position;
		assert_int_equal(progress_put(*state, consumer, &put, &err), 0);
	}
	struct stat before;
	assert_int_equal(stat(path, &before), 0);
	for (int slot = 0; slot < 2; slot++) {
		FILE *file = fopen(path, "r+");
		char byte = 0x55;
		/* Within the header of each in turn: one of them holds the newer state. */
		fseek(file, slot * before.st_size / 2 + 12, SEEK_SET);
		char kept = (char)fgetc(file);
		fseek(file, -1, SEEK_CUR);
		fwrite(&byte, 1, 1, file);
		fclose(file);
		*state = reopened(*state);
		uint64_t position = position_of(*state, add(*state, "clickhouse/logs", 0));
		assert_in_range(position, 1, 2);
		file = fopen(path, "r+");
		fseek(file, slot * before.st_size / 2 + 12, SEEK_SET);
		fputc(kept, file);
		fclose(file);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_new_consumer_keeps_its_place),
		TEST(a_consumer_that_comes_back_begins_at_the_end),
		TEST(what_was_put_is_there_again),
		TEST(a_torn_slot_leaves_the_state_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
