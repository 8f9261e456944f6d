#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lang/promql/parse.h"

#define BUDGET (16u << 20)

/* --- cases in a text file --------------------------------------------------------------- */

static char *read_file(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	*len = (size_t)ftell(file);
	rewind(file);
	char *text = malloc(*len + 1);
	assert_int_equal(fread(text, 1, *len, file), *len);
	fclose(file);
	text[*len] = '\0';
	return text;
}

/* "=> printed" or "!! message". */
static void outcome(struct slice query, struct buf *out)
{
	struct arena arena;
	const struct promql_expr *expr;
	struct error err;
	arena_init(&arena, BUDGET);
	/* A copy of exact size, so that a read behind the end is seen. */
	char *copy = malloc(query.len ? query.len : 1);
	memcpy(copy, query.ptr, query.len);
	int rc = promql_parse(&expr, &arena, (struct slice){copy, query.len}, &err);
	if (rc == STATUS_OK) {
		buf_append_cstr(out, "=> ");
		promql_print(expr, out);
	} else {
		assert_int_equal(rc, STATUS_INVALID);
		buf_appendf(out, "!! %s", err.message);
	}
	free(copy);
	arena_release(&arena);
}

static bool check_case(struct slice query, const char *want, unsigned line)
{
	struct buf got = BUF_INIT;
	outcome(query, &got);
	bool ok = !strcmp(buf_cstr(&got), want);
	if (!ok)
		print_error("line %u: %.*s\n  want %s\n  got  %s\n", line, SLICE_ARG(query), want,
			    buf_cstr(&got));
	buf_release(&got);
	return ok;
}

static void test_file(void **state)
{
	size_t len;
	char *text = read_file(TRIPOD_SOURCE_ROOT "/tests/lang/promql/parse.txt", &len);
	unsigned line = 0, cases = 0, wrong = 0;
	const char *query = NULL;
	for (char *p = text, *next; *p; p = next) {
		char *end = strchr(p, '\n');
		assert_non_null(end);
		next = end + 1;
		line++;
		if (!query && (p == end || !strncmp(p, "// ", 3)))
			continue;
		if (!query)
			query = p;
		if (strncmp(p, "=> ", 3) && strncmp(p, "!! ", 3))
			continue;
		*end = '\0';
		wrong += !check_case((struct slice){query, (size_t)(p - 1 - query)}, p, line);
		query = NULL;
		cases++;
	}
	assert_true(cases > 300);
	assert_int_equal(wrong, 0);
	free(text);
}

/* --- what cannot stand in a text file ---------------------------------------------------- */

static void expect(struct slice query, const char *want)
{
	struct buf got = BUF_INIT;
	outcome(query, &got);
	assert_string_equal(buf_cstr(&got), want);
	buf_release(&got);
}

static void test_bytes(void **state)
{
	expect(SLICE(""), "!! unknown position: parse error: no expression found in input");
	expect(SLICE("foo\0"), "!! 1:4: parse error: unexpected character: '\\x00'");
	expect(SLICE("foo{a=\"\0\"}"), "=> foo{a=\"\\x00\"}");
	expect(SLICE("\"\xff\""), "!! 1:1: parse error: invalid UTF-8 rune");
	expect(SLICE("\xc3\x28"), "!! 1:1: parse error: unexpected character: '\xef\xbf\xbd'");
	expect(SLICE("foo!"),
	       "!! 1:4: parse error: unexpected character after '!': '\xef\xbf\xbd'");
	expect(SLICE("foo\r\n+\tbar"), "=> foo + bar");
	expect(SLICE("foo #\0 comment\rbar"),
	       "!! 1:16: parse error: unexpected identifier \"bar\"");
}

/* --- limits ------------------------------------------------------------------------------ */

/* `before` many times, `middle`, `behind` many times. */
static int parse_repeated(const char *before, const char *middle, const char *behind,
			  unsigned times, size_t budget)
{
	struct buf text = BUF_INIT;
	struct arena arena;
	const struct promql_expr *expr;
	struct error err = {0};
	arena_init(&arena, budget);
	for (unsigned i = 0; i < times; i++)
		buf_append_cstr(&text, before);
	buf_append_cstr(&text, middle);
	for (unsigned i = 0; i < times; i++)
		buf_append_cstr(&text, behind);
	int rc = promql_parse(&expr, &arena, buf_slice(&text), &err);
	if (rc == STATUS_OK) {
		struct buf printed = BUF_INIT;
		promql_print(expr, &printed);
		promql_pretty(expr, &printed);
		assert_false(printed.failed);
		buf_release(&printed);
	}
	arena_release(&arena);
	buf_release(&text);
	return rc;
}

static void test_depth(void **state)
{
	static const struct {
		const char *before, *middle, *behind;
	} shapes[] = {
		{"(", "1", ")"},
		{"-", "foo", ""},
		{"1 + ", "1", ""},
		{"1 ^ ", "1", ""},
		{"sum(", "foo", ")"},
		{"abs(", "foo", ")"},
		{"", "foo[5m:]", " offset 1m [5m:]"},
	};
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]) - 1; i++) {
		assert_int_equal(parse_repeated(shapes[i].before, shapes[i].middle,
						shapes[i].behind, 400, 64u << 20),
				 STATUS_OK);
		assert_int_equal(parse_repeated(shapes[i].before, shapes[i].middle,
						shapes[i].behind, 100000, 64u << 20),
				 STATUS_LIMIT);
	}
	assert_int_equal(parse_repeated("", "foo[", "(", 100000, 64u << 20), STATUS_LIMIT);
	assert_int_equal(parse_repeated("", "foo[1", " + 1", 100000, 64u << 20), STATUS_LIMIT);
	assert_int_equal(parse_repeated("", "foo[", "-", 100000, 64u << 20), STATUS_LIMIT);
	assert_int_equal(parse_repeated("", "foo offset ", "(", 100000, 64u << 20), STATUS_LIMIT);
	assert_int_equal(parse_repeated("", "foo", "[5m:]", 100000, 64u << 20), STATUS_LIMIT);
}

static void test_budget(void **state)
{
	assert_int_equal(parse_repeated("foo,", "topk(1, foo)", "", 1, 1 << 20), STATUS_INVALID);
	assert_int_equal(parse_repeated("foo + ", "abs(foo)", "", 500, 64u << 10), STATUS_LIMIT);
	assert_int_equal(parse_repeated("", "foo{", "a=\"b\",", 100000, 1 << 20), STATUS_LIMIT);
	/* However little there is, it is an answer. */
	for (size_t budget = 0; budget < 20000; budget += 97) {
		int rc = parse_repeated("foo + ", "sum by (a) (foo{a=~\"b\\\\c\"}[5m:1m])", "", 3,
					budget);
		assert_true(rc == STATUS_LIMIT || rc == STATUS_INVALID);
	}
}

/* --- durations, series, positions -------------------------------------------------------- */

static void test_duration(void **state)
{
	static const struct {
		const char *text, *printed; /* NULL: none */
		int64_t ms;
	} cases[] = {
		{"5m", "5m", 300000},
		{"1h30m", "1h30m", 5400000},
		{"0", "0s", 0},
		{"0s", "0s", 0},
		{"90m", "1h30m", 5400000},
		{"36h", "1d12h", 129600000},
		{"14d", "2w", 1209600000},
		{"15d", "15d", 1296000000},
		{"365d", "1y", INT64_C(31536000000)},
		{"1y1d", "366d", INT64_C(31622400000)},
		{"1500ms", "1s500ms", 1500},
		{"292y", "292y", INT64_C(9208512000000)},
		{"293y", NULL, 0},
		{"99999999999999999999y", NULL, 0},
		{"", NULL, 0},
		{"5", NULL, 0},
		{"m", NULL, 0},
		{"-5m", NULL, 0},
		{"5m ", NULL, 0},
		{"5m1h", NULL, 0},
		{"5m5m", NULL, 0},
		{"1.5h", NULL, 0},
		{"5us", NULL, 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t ms = -1;
		assert_int_equal(promql_parse_duration(slice_of(cases[i].text), &ms),
				 cases[i].printed != NULL);
		if (!cases[i].printed)
			continue;
		assert_int_equal(ms, cases[i].ms);
		struct buf out = BUF_INIT;
		promql_duration_text(ms, &out);
		assert_string_equal(buf_cstr(&out), cases[i].printed);
		buf_release(&out);
	}
	struct buf out = BUF_INIT;
	promql_duration_text(-90000, &out);
	assert_string_equal(buf_cstr(&out), "-1m30s");
	buf_release(&out);
}

static void expect_series(const char *text, const char *want)
{
	struct arena arena;
	const struct promql_matcher *labels;
	uint32_t count;
	struct error err;
	struct buf got = BUF_INIT;
	arena_init(&arena, BUDGET);
	if (promql_parse_series(&labels, &count, &arena, slice_of(text), &err) == STATUS_OK) {
		for (uint32_t i = 0; i < count; i++)
			buf_appendf(&got, "<" SLICE_FMT ">=<" SLICE_FMT ">",
				    SLICE_ARG(labels[i].name), SLICE_ARG(labels[i].value));
	} else {
		buf_append_cstr(&got, err.message);
	}
	assert_string_equal(buf_cstr(&got), want);
	buf_release(&got);
	arena_release(&arena);
}

static void test_series(void **state)
{
	expect_series("foo", "<__name__>=<foo>");
	expect_series("foo{}", "<__name__>=<foo>");
	expect_series("{}", "");
	expect_series("", "");
	expect_series("sum{b=\"1\",a='2',}", "<__name__>=<sum><a>=<2><b>=<1>");
	expect_series("{\"x.y\", \"a b\"=\"c\\n\"}", "<__name__>=<x.y><a b>=<c\n>");
	expect_series("foo{a!=\"b\"}",
		      "1:6: parse error: unexpected <op:!=> in label set, expected \"=\"");
	expect_series(
		"foo{a=b}",
		"1:7: parse error: unexpected identifier \"b\" in label set, expected string");
	expect_series("foo{,}", "1:5: parse error: unexpected \",\" in label set, expected "
				"identifier or \"}\"");
	expect_series("foo{a=\"b\" c=\"d\"}",
		      "1:11: parse error: unexpected identifier \"c\" in label set, expected \",\" "
		      "or \"}\"");
	expect_series("foo bar", "1:5: parse error: unexpected identifier \"bar\"");
	expect_series("foo{", "1:5: parse error: unexpected end of input inside braces");
}

static void expect_position(const char *text, uint32_t pos, const char *want)
{
	struct buf out = BUF_INIT;
	promql_position_text(slice_of(text), pos, &out);
	assert_string_equal(buf_cstr(&out), want);
	buf_release(&out);
}

static void test_position(void **state)
{
	expect_position("foo", 0, "1:1");
	expect_position("foo", 3, "1:4");
	expect_position("foo", 4, "invalid position");
	expect_position("", 0, "unknown position");
	expect_position("a\nb\n\nc", 2, "2:1");
	expect_position("a\nb\n\nc", 3, "2:2");
	expect_position("a\nb\n\nc", 5, "4:1");
	expect_position("\xc3\xa4x", 2, "1:3");
}

static void expect_range(const char *text, const char *want)
{
	struct arena arena;
	const struct promql_expr *expr;
	struct error err;
	arena_init(&arena, BUDGET);
	assert_int_equal(promql_parse(&expr, &arena, slice_of(text), &err), STATUS_OK);
	struct slice got = {text + expr->pos.start, expr->pos.end - expr->pos.start};
	assert_true(slice_eq(got, slice_of(want)));
	arena_release(&arena);
}

static void test_ranges(void **state)
{
	expect_range(" foo ", "foo");
	expect_range(" foo{a=\"b\"}[5m] offset 1m # x", "foo{a=\"b\"}[5m] offset 1m");
	expect_range(" foo @ start() ", "foo @ start()");
	expect_range(" - 5 ", "- 5");
	expect_range(" -foo ", "-foo");
	expect_range(" (foo) + bar ", "(foo) + bar");
	expect_range(" sum(foo) by (a) ", "sum(foo) by (a)");
	expect_range(" rate(foo[5m]) ", "rate(foo[5m])");
	expect_range(" foo[5m:] @ 5 ", "foo[5m:] @ 5");
}

/* --- several lines ----------------------------------------------------------------------- */

static void expect_pretty(const char *text, const char *want)
{
	struct arena arena;
	const struct promql_expr *expr;
	struct error err;
	struct buf got = BUF_INIT;
	arena_init(&arena, BUDGET);
	assert_int_equal(promql_parse(&expr, &arena, slice_of(text), &err), STATUS_OK);
	promql_pretty(expr, &got);
	assert_string_equal(buf_cstr(&got), want);
	buf_release(&got);
	arena_release(&arena);
}

#define NINETY                                                                                     \
	"a23456789_b23456789_c23456789_d23456789_e23456789_f23456789_g23456789_h23456789_"         \
	"i23456789_"

static void test_pretty(void **state)
{
	expect_pretty("sum ( foo )by(a)", "sum by (a) (foo)");
	expect_pretty(NINETY "0123456789", NINETY "0123456789");
	expect_pretty("sum(" NINETY "01234)", "sum(" NINETY "01234)");
	expect_pretty("sum(" NINETY "012345)", "sum(\n  " NINETY "012345\n)");
	expect_pretty("topk by (a) (5, " NINETY ")", "topk by (a) (\n  5,\n  " NINETY "\n)");
	expect_pretty(NINETY " + on (a) group_left (b) (" NINETY " == bool cde)",
		      "  " NINETY "\n+ on (a) group_left (b)\n  (\n      " NINETY
		      "\n    == bool\n      cde\n  )");
	expect_pretty("label_replace(" NINETY ", \"a\", \"b\", \"c\", \"d\")",
		      "label_replace(\n  " NINETY ",\n  \"a\",\n  \"b\",\n  \"c\",\n  \"d\"\n)");
	expect_pretty("-(" NINETY " + 10000000)", "-(\n    " NINETY "\n  +\n    10000000\n)");
	expect_pretty("rate(" NINETY "x[5m])[30m:1m] offset 1d",
		      "rate(\n  " NINETY "x[5m]\n)[30m:1m] offset 1d");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),     cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_depth),    cmocka_unit_test(test_budget),
		cmocka_unit_test(test_duration), cmocka_unit_test(test_series),
		cmocka_unit_test(test_position), cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_pretty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
