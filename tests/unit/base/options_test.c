#include "base/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum shade { SHADE_LIGHT, SHADE_DARK };

struct inner {
	const char *name;
	int64_t weight;
};

struct everything {
	bool on;
	int64_t count;
	double ratio;
	const char *text, *secret, *address;
	int64_t wait;
	uint64_t room, room_mib;
	enum shade shade;
	const char *const *names;
	size_t names_count;
	const struct option_pair *headers;
	size_t headers_count;
	bool has_inner;
	struct inner inner;
	const struct inner *rows;
	size_t rows_count;
};

static const char *const shades[] = {"light", "dark", NULL};

static const struct option inner_rows[] = {
	{OPTION(STRING, struct inner, name), .flags = OPTION_REQUIRED, .example = "me"},
	{OPTION(INT, struct inner, weight), .initial = "5", .least = 1, .most = 9},
};

static void check_inner(const void *value, struct option_check *check)
{
	const struct inner *inner = value;
	if (inner->weight == 7)
		option_wrong(check, "weight", "seven is too many");
	if (inner->weight == 8)
		option_doubtful(check, "weight", "eight is a lot");
}

static const struct option_table inner_table = {OPTION_TABLE_OF(struct inner, inner_rows),
						.check = check_inner};

static const struct option rows[] = {
	{OPTION(BOOL, struct everything, on), .initial = "true", .doc = "Is it on?"},
	{OPTION(INT, struct everything, count), .initial = "3"},
	{OPTION(DOUBLE, struct everything, ratio), .initial = "0.5"},
	{OPTION(STRING, struct everything, text)},
	{OPTION(STRING, struct everything, secret), .flags = OPTION_SECRET},
	{OPTION(STRING, struct everything, address), .flags = OPTION_LISTEN, .zero = "off",
	 .initial = "localhost:1"},
	{OPTION(DURATION, struct everything, wait), .initial = "1m30s", .zero = "never"},
	{OPTION(BYTES, struct everything, room), .initial = "64MiB"},
	{OPTION(BYTES, struct everything, room_mib), .initial = "4", .unit = 1 << 20},
	{OPTION_CHOICE(struct everything, shade, shades), .initial = "dark"},
	{OPTION_LIST(struct everything, names), .initial = "[a, b]"},
	{OPTION_PAIRS(struct everything, headers), .flags = OPTION_SECRET},
	{OPTION_NESTED_OPTIONAL(struct everything, inner, inner_table), .doc = "More."},
	{OPTION_ROWS(struct everything, rows, inner_table)},
	{.name = "number", .type = OPTION_INT, .flags = OPTION_DEPRECATED, .renamed = "count"},
	OPTION_IGNORED("buffer", "there is none"),
	OPTION_MISSING("auth", "use tokens"),
};
static const struct option_table table = {OPTION_TABLE_OF(struct everything, rows)};

struct fixture {
	struct arena arena;
	struct diagnostics diagnostics;
	struct source source;
	const struct yaml_node *root;
	struct everything value;
	struct buf text;
};

static const char *lookup(void *ctx, const char *name)
{
	return !strcmp(name, "NAMES") ? "[x, y, z]" : "dark";
}

static int parse(struct fixture *f, const char *text)
{
	static const struct yaml_variables variables = {lookup, NULL};
	arena_init(&f->arena, 1 << 20);
	diagnostics_init(&f->diagnostics, &f->arena);
	buf_init(&f->text);
	f->source = (struct source){"o.yaml", slice_of(text), false};
	assert_int_equal(yaml_parse(&f->root, &f->source, &variables, &f->diagnostics), 0);
	return options_parse(&table, f->root, "o", &f->value, &f->diagnostics);
}

static void done(struct fixture *f)
{
	arena_release(&f->arena);
	buf_release(&f->text);
}

static void check_messages(const char *text, int expected_rc, const char *expected)
{
	struct fixture f;
	assert_int_equal(parse(&f, text), expected_rc);
	for (const struct diagnostic *d = f.diagnostics.first; d; d = d->next) {
		if (f.text.len)
			buf_append_byte(&f.text, '\n');
		diagnostic_append_line(&f.text, d);
	}
	assert_string_equal(buf_cstr(&f.text), expected);
	done(&f);
}

static void test_defaults(void **state)
{
	struct fixture f;
	assert_int_equal(parse(&f, ""), 0);
	assert_true(f.value.on);
	assert_int_equal(f.value.count, 3);
	assert_true(f.value.ratio == 0.5);
	assert_null(f.value.text);
	assert_string_equal(f.value.address, "localhost:1");
	assert_int_equal(f.value.wait, 90000000000);
	assert_int_equal(f.value.room, 64 << 20);
	assert_int_equal(f.value.room_mib, 4 << 20);
	assert_int_equal(f.value.shade, SHADE_DARK);
	assert_int_equal(f.value.names_count, 2);
	assert_string_equal(f.value.names[1], "b");
	assert_int_equal(f.value.headers_count, 0);
	assert_false(f.value.has_inner);
	assert_int_equal(f.value.inner.weight, 5);
	done(&f);
}

static void test_values(void **state)
{
	struct fixture f;
	assert_int_equal(parse(&f,
			       "on: false\ncount: -7\nratio: 1e3\ntext: 0123\nsecret: x\n"
			       "address: off\nwait: never\nroom: 1 GB\nroom_mib: 8\n"
			       "shade: LIGHT\nnames: ${env:NAMES}\n"
			       "headers: {a: b, c: \"1\"}\ninner: {name: n, weight: 9}\n"
			       "rows: [{name: p}, {name: q, weight: 1}]\nbuffer: {any: [thing]}\n"),
			 0);
	assert_false(f.value.on);
	assert_int_equal(f.value.count, -7);
	assert_true(f.value.ratio == 1000);
	assert_string_equal(f.value.text, "0123");
	assert_null(f.value.address);
	assert_int_equal(f.value.wait, 0);
	assert_int_equal(f.value.room, 1000000000);
	assert_int_equal(f.value.room_mib, 8 << 20);
	assert_int_equal(f.value.shade, SHADE_LIGHT);
	assert_int_equal(f.value.names_count, 3);
	assert_string_equal(f.value.names[2], "z");
	assert_string_equal(f.value.headers[1].key, "c");
	assert_string_equal(f.value.headers[1].value, "1");
	assert_true(f.value.has_inner);
	assert_int_equal(f.value.inner.weight, 9);
	assert_int_equal(f.value.rows_count, 2);
	assert_int_equal(f.value.rows[0].weight, 5);
	assert_string_equal(f.value.rows[1].name, "q");
	done(&f);
}

static void test_null_is_absent(void **state)
{
	struct fixture f;
	assert_int_equal(parse(&f, "count:\nnames: ~\ninner:\nrows: null\ntext: \"null\"\n"), 0);
	assert_int_equal(f.value.count, 3);
	assert_int_equal(f.value.names_count, 2);
	assert_false(f.value.has_inner);
	assert_string_equal(f.value.text, "null");
	done(&f);
}

static void test_list_of_pairs(void **state)
{
	struct fixture f;
	assert_int_equal(parse(&f, "headers:\n  - {name: a, value: b}\n"), 0);
	assert_int_equal(f.value.headers_count, 1);
	assert_string_equal(f.value.headers[0].value, "b");
	done(&f);
	check_messages(
		"headers: [{key: a}]\n", STATUS_INVALID,
		"o.yaml:1:11: o.headers[0]: found a mapping, expected {name: ..., value: ...}");
}

static void test_every_mistake_is_told(void **state)
{
	check_messages(
		"on: \"true\"\ncount: 99999999999999999999\nratio: .inf\nwait: 10\n"
		"room: 4 MBs\nshade: drak\nnames: a\n",
		STATUS_INVALID,
		"o.yaml:1:5: o.on: found \"true\", expected true or false without quotes\n"
		"o.yaml:2:8: o.count: found \"99999999999999999999\", expected a whole number\n"
		"o.yaml:3:8: o.ratio: found \".inf\", expected a number\n"
		"o.yaml:4:7: o.wait: found \"10\", expected a duration with its unit such as "
		"10s\n"
		"o.yaml:5:7: o.room: found \"4 MBs\", expected a size such as 64MiB\n"
		"o.yaml:6:8: o.shade: found \"drak\", expected one of light, dark; did you "
		"mean dark?\n"
		"o.yaml:7:8: o.names: found \"a\", expected a list such as [a, b]");
}

static void test_long_and_hostile_values(void **state)
{
	check_messages(
		"wait: \"\\e[31m\\nx\"\n\"a\\nb\": 1\n", STATUS_INVALID,
		"o.yaml:1:7: o.wait: found \"?[31m?x\", expected a duration such as 200ms or "
		"1m30s, or never\n"
		"o.yaml:2:1: o.a?b: no such option");
	check_messages(
		"wait: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa9"
		"aaaaaaaa\n",
		STATUS_INVALID,
		"o.yaml:1:7: o.wait: found "
		"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\", expected a "
		"duration such as 200ms or 1m30s, or never");
}

static void test_keys(void **state)
{
	check_messages("cuont: 1\nzzz: 1\nauth: 1\n", STATUS_INVALID,
		       "o.yaml:1:1: o.cuont: no such option; did you mean count?\n"
		       "o.yaml:2:1: o.zzz: no such option\n"
		       "o.yaml:3:1: o.auth: known, but not built yet: use tokens");
	check_messages("number: 4\n", 0, "o.yaml:1:1: warning: o.number: is now called count");
	check_messages("number: 4\ncount: 3\n", STATUS_INVALID,
		       "o.yaml:1:1: o.number: the old name of count, which is there too");
	check_messages("[a]", STATUS_INVALID,
		       "o.yaml:1:1: o: found a list, expected a mapping of options");
}

static void test_deprecated_name_sets_the_value(void **state)
{
	struct fixture f;
	assert_int_equal(parse(&f, "number: 4\n"), 0);
	assert_int_equal(f.value.count, 4);
	done(&f);
}

static void test_nested(void **state)
{
	check_messages(
		"inner: {weight: 7}\nrows: [{name: a, weight: 0}, {name: b, weight: 7}, x]\n",
		STATUS_INVALID,
		"o.yaml:1:8: o.inner: name is required, such as me\n"
		"o.yaml:2:26: o.rows[0].weight: found \"0\", expected a whole number from 1 "
		"to 9\n"
		"o.yaml:2:48: o.rows[1].weight: seven is too many\n"
		"o.yaml:2:52: o.rows[2]: found \"x\", expected a mapping of options");
	check_messages("inner: {name: a, weight: 8}\n", 0,
		       "o.yaml:1:26: warning: o.inner.weight: eight is a lot");
}

static void test_secrets_stay_hidden(void **state)
{
	struct fixture f;
	assert_int_equal(parse(&f, "secret: [hunter2]\nheaders: hunter2\n"), STATUS_INVALID);
	diagnostics_print(&f.diagnostics, &f.text, false);
	assert_null(strstr(buf_cstr(&f.text), "hunter2"));
	done(&f);
	assert_int_equal(parse(&f, "secret: hunter2\nheaders: {a: hunter2}\n"), 0);
	options_print(&table, &f.value, 0, &f.text);
	assert_null(strstr(buf_cstr(&f.text), "hunter2"));
	done(&f);
}

static void test_print(void **state)
{
	static const char expected[] = "on: false\n"
				       "count: 3\n"
				       "ratio: 0.5\n"
				       "text: \"a: b\"\n"
				       "address: off\n"
				       "wait: never\n"
				       "room: 64MiB\n"
				       "room_mib: 4\n"
				       "shade: dark\n"
				       "names: [\"\", \"$$x\"]\n"
				       "inner:\n"
				       "  name: \"n\"\n"
				       "  weight: 5\n"
				       "rows:\n"
				       "  - name: p\n"
				       "    weight: 5\n"
				       "  - name: q\n"
				       "    weight: 1\n";
	struct fixture f, again;
	assert_int_equal(parse(&f, "on: false\ntext: 'a: b'\naddress: off\nwait: 0\n"
				   "names: ['', $x]\ninner: {name: n}\n"
				   "rows: [{name: p}, {name: q, weight: 1}]\n"),
			 0);
	options_print(&table, &f.value, 0, &f.text);
	assert_string_equal(buf_cstr(&f.text), expected);
	assert_int_equal(parse(&again, buf_cstr(&f.text)), 0);
	options_print(&table, &again.value, 0, &again.text);
	assert_string_equal(buf_cstr(&again.text), expected);
	done(&again);
	done(&f);
}

static void test_reference(void **state)
{
	struct buf text = BUF_INIT;
	options_print_markdown(&table, &text);
	const char *all = buf_cstr(&text);
	assert_non_null(strstr(all, "| `on` | true or false | `true` | Is it on? |\n"));
	assert_non_null(strstr(all, "| `wait` | duration or never | `1m30s` |  |\n"));
	assert_non_null(strstr(all, "| `inner.name` | text | required |  |\n"));
	assert_non_null(strstr(all, "| `rows[].weight` | whole number | `5` |  |\n"));
	assert_non_null(strstr(all, "\nAccepted without effect:\n\n- `buffer`: there is none\n"));
	assert_non_null(strstr(all, "\nNot built yet:\n\n- `auth`: use tokens\n"));
	buf_release(&text);
}

static void collect(void *ctx, const char *address, const struct yaml_node *node, const char *path)
{
	buf_appendf(ctx, "%s=%s@%u ", path, address, node ? node->at.line : 0);
}

static void test_listeners(void **state)
{
	struct fixture f;
	assert_int_equal(parse(&f, "count: 1\naddress: 0.0.0.0:5\n"), 0);
	options_each_listener(&table, &f.value, f.root, "o", &f.arena, collect, &f.text);
	assert_string_equal(buf_cstr(&f.text), "o.address=0.0.0.0:5@2 ");
	done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_null_is_absent),
		cmocka_unit_test(test_list_of_pairs),
		cmocka_unit_test(test_every_mistake_is_told),
		cmocka_unit_test(test_long_and_hostile_values),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_deprecated_name_sets_the_value),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_secrets_stay_hidden),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_listeners),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
