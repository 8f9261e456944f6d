/*
 * Runs Prometheus' test scripts against the PromQL engine over series in memory.
 *
 *	promqltest FILE…              each failed command on a line, then the totals
 *	promqltest --functions FILE…  which functions no `eval` of the scripts calls
 */
#include <stdio.h>
#include <stdlib.h>

#include "coverage.h"
#include "memory_source.h"
#include "run.h"

#define SCRIPT_BUDGET ((size_t)512 << 20)

struct totals {
	unsigned passed, failed;
};

static bool read_file(const char *path, struct buf *out)
{
	FILE *file = fopen(path, "rb");
	if (!file) {
		perror(path);
		return false;
	}
	char part[65536];
	size_t len;
	while ((len = fread(part, 1, sizeof part, file)) > 0)
		buf_append(out, part, len);
	bool good = !ferror(file) && !out->failed;
	fclose(file);
	if (!good)
		fprintf(stderr, "%s: cannot be read\n", path);
	return good;
}

static int read_script(struct script *script, struct arena *arena, struct buf *text,
		       const char *path)
{
	struct error err = {0};
	if (!read_file(path, text))
		return STATUS_IO;
	int status = script_parse(script, arena, buf_slice(text), &err);
	if (status)
		fprintf(stderr, "%s: %s\n", path, err.message);
	return status;
}

static void report(struct totals *totals, const char *path, const struct command *command,
		   struct slice what, const char *why)
{
	totals->failed++;
	printf("%s:%u: " SLICE_FMT ": %s\n", path, command->line, SLICE_ARG(what), why);
}

static void run_command(const struct command *command, struct memory_source *memory,
			const char *path, struct totals *totals)
{
	struct error err = {0};
	struct buf why = BUF_INIT;
	switch (command->kind) {
	case COMMAND_CLEAR:
		memory_source_clear(memory);
		break;
	case COMMAND_LOAD:
		if (memory_source_load(memory, &command->load, &err))
			report(totals, path, command, command->text, err.message);
		break;
	case COMMAND_EVAL:
		if (run_eval(&command->eval, &memory->source, &why))
			totals->passed++;
		else
			report(totals, path, command, command->eval.expr, buf_cstr(&why));
		break;
	case COMMAND_BROKEN:
		report(totals, path, command, command->text, command->error.message);
		break;
	}
	buf_release(&why);
}

static struct totals run_file(const char *path)
{
	struct totals totals = {0};
	struct script script = {0};
	struct buf text = BUF_INIT;
	struct arena arena;
	struct memory_source memory;
	arena_init(&arena, SCRIPT_BUDGET);
	memory_source_init(&memory);
	if (read_script(&script, &arena, &text, path))
		totals.failed++;
	for (uint32_t i = 0; i < script.count; i++)
		run_command(script.list[i], &memory, path, &totals);
	printf("%s: %u passed, %u failed\n", path, totals.passed, totals.failed);
	fflush(stdout);
	memory_source_release(&memory);
	arena_release(&arena);
	buf_release(&text);
	return totals;
}

static bool run_files(char **paths, int count)
{
	struct totals all = {0};
	for (int i = 0; i < count; i++) {
		struct totals one = run_file(paths[i]);
		all.passed += one.passed;
		all.failed += one.failed;
	}
	printf("%u passed, %u failed\n", all.passed, all.failed);
	return all.failed == 0 && all.passed > 0;
}

static bool cover_file(struct coverage *coverage, const char *path)
{
	struct script script = {0};
	struct buf text = BUF_INIT;
	struct arena arena;
	arena_init(&arena, SCRIPT_BUDGET);
	bool good = read_script(&script, &arena, &text, path) == 0;
	coverage_add(coverage, &script, &arena);
	arena_release(&arena);
	buf_release(&text);
	return good;
}

static bool check_functions(char **paths, int count)
{
	struct coverage coverage = {0};
	bool good = true;
	for (int i = 0; i < count; i++)
		good = cover_file(&coverage, paths[i]) && good;
	for (int i = 0; i < PROMQL_FUNCTION_COUNT; i++) {
		if (coverage.called[i])
			continue;
		printf("%s: no eval calls it\n", promql_functions[i].name);
		good = false;
	}
	return good;
}

int main(int argc, char **argv)
{
	bool functions = argc > 1 && strcmp(argv[1], "--functions") == 0;
	int first = functions ? 2 : 1;
	if (argc <= first) {
		fputs("usage: promqltest [--functions] FILE…\n", stderr);
		return 2;
	}
	char **paths = argv + first;
	int count = argc - first;
	bool good = functions ? check_functions(paths, count) : run_files(paths, count);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
