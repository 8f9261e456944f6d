/*
 * Any text as PromQL: what is parsed is printed, on one line and on several, and both must
 * be read back as the same expression. Two things are not, as they are not by Prometheus:
 * durations are printed in milliseconds, so one below that may be none; and infinity is
 * printed with a sign, which on the left of ^ is read as one for the power.
 */
#include <stdint.h>
#include <stdlib.h>

#include "lang/promql/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int print(struct slice text, bool pretty, struct buf *out, struct error *err)
{
	struct arena arena;
	const struct promql_expr *expr;
	arena_init(&arena, 16u << 20);
	int rc = promql_parse(&expr, &arena, text, err);
	if (rc == STATUS_OK) {
		if (expr->pos.start > expr->pos.end || expr->pos.end > text.len)
			abort();
		if (pretty)
			promql_pretty(expr, out);
		else
			promql_print(expr, out);
	}
	arena_release(&arena);
	return rc;
}

/* `text`, printed in either way, must print as `want`. */
static void same(struct slice text, struct slice want)
{
	struct buf again = BUF_INIT;
	struct error err;
	if (memmem(want.ptr, want.len, "Inf ^", 5))
		return;
	int rc = print(text, false, &again, &err);
	bool rounded =
		rc == STATUS_INVALID && strstr(err.message, "duration must be greater than 0");
	if (rc == STATUS_OK ? !slice_eq(buf_slice(&again), want) : !rounded)
		abort();
	buf_release(&again);
}

static void series(struct slice text)
{
	struct arena arena;
	const struct promql_matcher *labels;
	uint32_t count;
	arena_init(&arena, 16u << 20);
	if (promql_parse_series(&labels, &count, &arena, text, NULL) == STATUS_OK) {
		for (uint32_t i = 1; i < count; i++) {
			if (!labels[i].name.ptr || !labels[i].value.ptr)
				abort();
		}
	}
	arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of exact size, so that a read behind the end is seen. */
	char *copy = malloc(size ? size : 1);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	struct slice text = {copy, size};
	struct buf line = BUF_INIT, lines = BUF_INIT;
	struct error err;
	if (print(text, false, &line, &err) == STATUS_OK) {
		if (line.failed || print(text, true, &lines, &err) != STATUS_OK || lines.failed)
			abort();
		same(buf_slice(&line), buf_slice(&line));
		same(buf_slice(&lines), buf_slice(&line));
	} else if (!err.message[0]) {
		abort();
	}
	series(text);
	buf_release(&line);
	buf_release(&lines);
	free(copy);
	return 0;
}
