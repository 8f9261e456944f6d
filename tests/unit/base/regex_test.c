#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/regex.h"

static int match(struct slice pattern, struct slice text)
{
	struct regex *regex;
	struct error err;
	int rc = regex_new(&regex, pattern, &err);
	if (rc < 0) {
		print_error("%s\n", err.message);
		return rc;
	}
	rc = regex_match(regex, text, &err);
	regex_free(regex);
	return rc;
}

static void test_match(void **state)
{
	static const struct {
		struct slice pattern, text;
		int want;
	} cases[] = {
		{SLICE(""), SLICE(""), 1},
		{SLICE(""), SLICE("a"), 0},
		{SLICE("a|ab"), SLICE("ab"), 1},
		{SLICE("a|b"), SLICE("ab"), 0},
		{SLICE("foo.*"), SLICE("foobar"), 1},
		{SLICE("foo.*"), SLICE("xfoobar"), 0},
		{SLICE("a.b"), SLICE("a\nb"), 1},
		{SLICE("(?-s:a.b)"), SLICE("a\nb"), 0},
		{SLICE("a$"), SLICE("a\n"), 0},
		{SLICE("^a$"), SLICE("a"), 1},
		{SLICE("^*a$+"), SLICE("a"), 1},
		{SLICE("(?i)STRASSE"), SLICE("strasse"), 1},
		{SLICE("(?i:a)b"), SLICE("Ab"), 1},
		{SLICE("(?i:a)b"), SLICE("AB"), 0},
		{SLICE("."), SLICE("\xc3\xa4"), 1},
		{SLICE("[\xc3\xa4-\xc3\xbc]"), SLICE("\xc3\xb6"), 1},
		{SLICE("\\s"), SLICE("\v"), 0},
		{SLICE("[\\s]"), SLICE("\v"), 0},
		{SLICE("[[:space:]]"), SLICE("\v"), 1},
		{SLICE("\\S[\\S]"), SLICE("\v\v"), 1},
		{SLICE("\\d\\D\\w\\W"), SLICE("1a_-"), 1},
		{SLICE("\\d"), SLICE("\xd9\xa3"), 0},
		{SLICE("\\x41\\x{1F600}\\101\\0"),
		 SLICE("A\xf0\x9f\x98\x80"
		       "A\0"),
		 1},
		{SLICE("\\Qa.*\\E+"), SLICE("a.***"), 1},
		{SLICE("\\Qa.*"), SLICE("a.*"), 1},
		{SLICE("a{2}"), SLICE("aa"), 1},
		{SLICE("a{,2}"), SLICE("a{,2}"), 1},
		{SLICE("a{"), SLICE("a{"), 1},
		{SLICE("a{01}"), SLICE("a{01}"), 1},
		{SLICE("[]a]+"), SLICE("]a"), 1},
		{SLICE("[^]a]"), SLICE("b"), 1},
		{SLICE("[a\\]-]+"), SLICE("a]-"), 1},
		{SLICE("[[a]"), SLICE("["), 1},
		{SLICE("[&&~~-]+"), SLICE("&~-"), 1},
		{SLICE("\\.\\/\\-\\_\\#"), SLICE("./-_#"), 1},
		{SLICE("a b#c"), SLICE("a b#c"), 1},
		{SLICE("\\p{Greek}\\pL\\P{Greek}[\\p{^Lu}]\\p{Lu}"), SLICE("\xce\xb1zzzZ"), 1},
		{SLICE("\\bfoo\\b.*\\z"), SLICE("foo bar"), 1},
		{SLICE("(?U)a+"), SLICE("aaa"), 1},
		{SLICE("a??b*?c+?"), SLICE("bbc"), 1},
		{SLICE("()|a"), SLICE("a"), 1},
		{SLICE("|a"), SLICE("a"), 1},
		{SLICE(".*"), SLICE("\xff"), 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int got = match(cases[i].pattern, cases[i].text);
		if (got != cases[i].want)
			print_error("%.*s\n", SLICE_ARG(cases[i].pattern));
		assert_int_equal(got, cases[i].want);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *pattern, *message;
	} cases[] = {
		{"(", "missing closing ): `(`"},
		{"a(b", "missing closing ): `a(b`"},
		{"a)", "unexpected ): `a)`"},
		{"[a", "missing closing ]: `[a`"},
		{"[]", "missing closing ]: `[]`"},
		{"[", "missing closing ]: `[`"},
		{"[b-a]", "invalid character class range: `b-a`"},
		{"[a-\\d]", "invalid escape sequence: `\\d`"},
		{"[[:foo:]]", "invalid character class range: `[:foo:]`"},
		{"\\p{Foo}", "invalid character class range: `\\p{Foo}`"},
		{"\\ps", "invalid character class range: `\\ps`"},
		{"\\p{greek}", "invalid character class range: `\\p{greek}`"},
		{"\\p{L&}", "invalid character class range: `\\p{L&}`"},
		{"\\p{Greek", "invalid character class range: `\\p{Greek`"},
		{"\\x{41z}", "invalid escape sequence: `\\x{41z`"},
		{"\\x{110000}", "invalid escape sequence: `\\x{110000`"},
		{"\\x4", "invalid escape sequence: `\\x4`"},
		{"*a", "missing argument to repetition operator: `*`"},
		{"(?i)*", "missing argument to repetition operator: `*`"},
		{"(|+?)", "missing argument to repetition operator: `+?`"},
		{"a{1}{2}", "invalid nested repetition operator: `{1}{2}`"},
		{"a*+", "invalid nested repetition operator: `*+`"},
		{"a{1001}", "invalid repeat count: `{1001}`"},
		{"a{2,1}", "invalid repeat count: `{2,1}`"},
		{"\\1", "invalid escape sequence: `\\1`"},
		{"\\C", "invalid escape sequence: `\\C`"},
		{"\\Z", "invalid escape sequence: `\\Z`"},
		{"\\K", "invalid escape sequence: `\\K`"},
		{"\\xz", "invalid escape sequence: `\\xz`"},
		{"a\\", "trailing backslash at end of expression: ``"},
		{"(?=a)", "invalid or unsupported Perl syntax: `(?=`"},
		{"(?<!a)", "invalid named capture: `(?<!a)`"},
		{"(?#a)", "invalid or unsupported Perl syntax: `(?#`"},
		{"(?R)", "invalid or unsupported Perl syntax: `(?R`"},
		{"(?P=n)", "invalid or unsupported Perl syntax: `(?P`"},
		{"(?x)a", "invalid or unsupported Perl syntax: `(?x`"},
		{"(?i-)a", "invalid or unsupported Perl syntax: `(?i-)`"},
		{"(?P<>a)", "invalid named capture: `(?P<>`"},
		{"(?P<a b>a)", "invalid named capture: `(?P<a b>`"},
		{"(*ACCEPT)", "missing argument to repetition operator: `*`"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct regex *regex;
		struct error err;
		char want[200];
		snprintf(want, sizeof(want), "error parsing regexp: %s", cases[i].message);
		assert_int_equal(regex_new(&regex, slice_of(cases[i].pattern), &err),
				 STATUS_INVALID);
		assert_string_equal(err.message, want);
	}
	struct regex *regex;
	struct error err;
	assert_int_equal(regex_new(&regex, SLICE("a\xff"), &err), STATUS_INVALID);
	assert_string_equal(err.message, "error parsing regexp: invalid UTF-8");
}

static void test_groups(void **state)
{
	struct regex *regex;
	struct error err;
	struct slice groups[5];
	assert_int_equal(regex_new(&regex, SLICE("(a)(?P<x>b)?(?:c)(?<1>d)(?P<x>.*)"), &err),
			 STATUS_OK);
	assert_int_equal(regex_group_count(regex), 4);
	assert_int_equal(regex_group_number(regex, SLICE("x"), 0), 2);
	assert_int_equal(regex_group_number(regex, SLICE("x"), 2), 4);
	assert_int_equal(regex_group_number(regex, SLICE("x"), 4), 0);
	assert_int_equal(regex_group_number(regex, SLICE("1"), 0), 3);
	assert_int_equal(regex_group_number(regex, SLICE("y"), 0), 0);
	assert_int_equal(regex_match_groups(regex, SLICE("acde"), groups, 5, &err), 1);
	assert_true(slice_eq_cstr(groups[0], "acde"));
	assert_true(slice_eq_cstr(groups[1], "a"));
	assert_null(groups[2].ptr);
	assert_true(slice_eq_cstr(groups[3], "d"));
	assert_true(slice_eq_cstr(groups[4], "e"));
	assert_int_equal(regex_match_groups(regex, SLICE("acd"), groups, 5, &err), 1);
	assert_non_null(groups[4].ptr);
	assert_int_equal(groups[4].len, 0);
	assert_int_equal(regex_match_groups(regex, SLICE("x"), groups, 5, &err), 0);
	regex_free(regex);
}

/* Go matches it in linear time; here it ends as well. */
static void test_steps(void **state)
{
	struct regex *regex;
	struct error err;
	char text[64];
	memset(text, 'a', sizeof(text));
	assert_int_equal(regex_new(&regex, SLICE("(a|a?)+b"), &err), STATUS_OK);
	int rc = regex_match(regex, (struct slice){text, sizeof(text)}, &err);
	assert_true(rc == 0 || rc == STATUS_LIMIT);
	regex_free(regex);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_steps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
