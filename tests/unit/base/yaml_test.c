#include "base/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

struct fixture {
	struct arena arena;
	struct diagnostics diagnostics;
	struct source source;
	const struct yaml_node *root;
	struct buf text;
};

static const char *lookup(void *ctx, const char *name)
{
	if (!strcmp(name, "PORT"))
		return "4317";
	if (!strcmp(name, "LIST"))
		return "[a, b]";
	if (!strcmp(name, "PASSWORD"))
		return "pa$$w${PORT}";
	if (!strcmp(name, "EMPTY"))
		return "";
	return NULL;
}

static const struct yaml_variables variables = {lookup, NULL};

static int parse(struct fixture *f, const char *text, bool expand)
{
	arena_init(&f->arena, (size_t)64 << 20);
	diagnostics_init(&f->diagnostics, &f->arena);
	buf_init(&f->text);
	f->source = (struct source){"test.yaml", slice_of(text), false};
	f->root = NULL;
	return yaml_parse(&f->root, &f->source, expand ? &variables : NULL, &f->diagnostics);
}

static void done(struct fixture *f)
{
	arena_release(&f->arena);
	buf_release(&f->text);
}

/* The tree in a short form: {a:1,b:[x,"y"]}. */
static void append_tree(struct buf *out, const struct yaml_node *node)
{
	const char *marks = node->kind == YAML_MAPPING ? "{}" : "[]";
	if (node->kind == YAML_SCALAR) {
		buf_appendf(out, node->quoted ? "\"%s\"" : "%s", node->text.ptr);
		return;
	}
	buf_append_byte(out, (uint8_t)marks[0]);
	for (const struct yaml_entry *e = node->first; e; e = e->next) {
		if (e != node->first)
			buf_append_byte(out, ',');
		if (e->key)
			buf_appendf(out, "%s:", e->key->text.ptr);
		append_tree(out, e->value);
	}
	buf_append_byte(out, (uint8_t)marks[1]);
}

static void check_tree(const char *text, const char *expected)
{
	struct fixture f;
	if (parse(&f, text, true) < 0)
		fail_msg("refused: %s", f.diagnostics.first->message);
	append_tree(&f.text, f.root);
	assert_string_equal(buf_cstr(&f.text), expected);
	done(&f);
}

/* The lines of all messages, joined by "; ". */
static void check_wrong(const char *text, const char *expected)
{
	struct fixture f;
	assert_int_equal(parse(&f, text, true), STATUS_INVALID);
	for (const struct diagnostic *d = f.diagnostics.first; d; d = d->next) {
		if (f.text.len)
			buf_append_cstr(&f.text, "; ");
		diagnostic_append_line(&f.text, d);
	}
	assert_string_equal(buf_cstr(&f.text), expected);
	done(&f);
}

static void test_trees(void **state)
{
	check_tree("", "");
	check_tree("# nothing\n", "");
	check_tree("a: 1\nb: [x, 'y', \"z\"]\n", "{a:1,b:[x,\"y\",\"z\"]}");
	check_tree("a: |\n  line\nb: >-\n  folded\n  text\n", "{a:\"line\n\",b:\"folded text\"}");
	check_tree("a: !!str 012\n", "{a:\"012\"}");
	check_tree("a:\nb: ~\n", "{a:,b:~}");
	check_tree("---\na: 1\n...\n", "{a:1}");
	check_tree("{a: {b: {c: []}}}", "{a:{b:{c:[]}}}");
}

static void test_positions(void **state)
{
	struct fixture f;
	assert_int_equal(parse(&f, "a:\n  b: [x,\n      \xc3\xa9, y]\n", false), 0);
	const struct yaml_node *b = yaml_get(yaml_get(f.root, "a"), "b");
	assert_int_equal(b->at.line, 2);
	assert_int_equal(b->at.column, 6);
	assert_int_equal(yaml_item(b, 2)->at.line, 3);
	assert_int_equal(yaml_item(b, 2)->at.column, 10); /* characters, not bytes */
	assert_null(yaml_item(b, 3));
	assert_null(yaml_get(b, "x"));
	assert_null(yaml_get(NULL, "x"));
	done(&f);
}

static void test_anchors(void **state)
{
	check_tree("a: &x [1, 2]\nb: *x\n", "{a:[1,2],b:[1,2]}");
	check_tree("d: &d {a: 1, b: 2}\ne:\n  <<: *d\n  b: 3\n", "{d:{a:1,b:2},e:{b:3,a:1}}");
	check_tree("d: &d {a: 1}\ne: &e {a: 2, b: 2}\nf:\n  <<: [*d, *e]\n",
		   "{d:{a:1},e:{a:2,b:2},f:{a:1,b:2}}");
	check_tree("\"<<\": 1\n", "{<<:1}"); /* quoted: a key like any other */
	check_wrong("a: *x\nb: *y\n", "test.yaml:1:4: no anchor &x stands above; "
				      "test.yaml:2:4: no anchor &y stands above");
	check_wrong("a: &x [*x]\n", "test.yaml:1:8: *x stands inside what it names");
	check_wrong("a: {<<: 1}\n",
		    "test.yaml:1:9: << takes a mapping, or a list of them, such as *anchor");
}

static void test_bombs(void **state)
{
	check_wrong("a: &a [x,x,x,x,x,x,x,x,x,x]\n"
		    "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
		    "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
		    "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
		    "e: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n",
		    "test.yaml:5:32: more than 100000 values, aliases written out");
	struct buf deep = BUF_INIT;
	for (int i = 0; i < 100000; i++)
		buf_append_byte(&deep, '[');
	check_wrong(buf_cstr(&deep), "test.yaml:1:65: nested more than 64 levels deep");
	buf_clear(&deep);
	for (int i = 0; i < 100001; i++)
		buf_append_cstr(&deep, "- a\n");
	check_wrong(buf_cstr(&deep), "test.yaml:100000:3: more than 100000 values");
	buf_clear(&deep);
	for (size_t i = 0; i < YAML_MAX_BYTES; i++)
		buf_append_byte(&deep, '\n');
	buf_append_cstr(&deep, "a");
	check_wrong(buf_cstr(&deep), "test.yaml: larger than 2 MiB");
	buf_release(&deep);
}

static void test_keys(void **state)
{
	check_wrong("a: 1\nb: 2\na: 3\nb: 4\n", "test.yaml:3:1: a is there twice: first in line 1; "
						"test.yaml:4:1: b is there twice: first in line 2");
	check_wrong("? [a]\n: 1\n", "test.yaml:1:3: a key must be a word, not a list or a mapping");
	check_wrong("a: 1\n---\nb: 2\n",
		    "test.yaml:2:1: a second document begins: only one is read");
	check_wrong("a: !secret b\n", "test.yaml:1:4: the tag !secret means nothing here");
	check_wrong("a: \"x\\0y\"\n", "test.yaml:1:4: a zero byte cannot be part of a value");
}

static void test_variables(void **state)
{
	check_tree("a: ${env:PORT}\n", "{a:4317}");
	check_tree("a: \"${env:PORT}\"\n",
		   "{a:4317}"); /* typed by its value, as in the collector */
	check_tree("a: ${PORT}\n", "{a:4317}");
	check_tree("a: \"x:${env:PORT}\"\n", "{a:\"x:4317\"}");
	check_tree("a: 127.0.0.1:${PORT}\n", "{a:127.0.0.1:4317}");
	check_tree("a: ${env:NOT_SET:-local}\n", "{a:local}");
	check_tree("a: ${env:NOT_SET:-}\n", "{a:}");
	check_tree("a: ${env:PORT:-1}\n", "{a:4317}");
	check_tree("a: ${env:EMPTY:-1}\n", "{a:}");
	check_tree("a: $${env:PORT}\nb: $$1\nc: $PORT\nd: a$\n",
		   "{a:${env:PORT},b:$1,c:$PORT,d:a$}");
	check_tree("a: ${env:PASSWORD}\n", "{a:pa$$w${PORT}}"); /* not expanded again */
	check_tree("a: ${unclosed\n", "{a:${unclosed}");
	check_tree("${PORT}: 1\n", "{${PORT}:1}"); /* keys are as they are */
	check_wrong("a: ${1}\nb: ${file:x}\n",
		    "test.yaml:1:4: found ${1}, expected a variable such as ${env:NAME} or "
		    "${env:NAME:-default}; test.yaml:2:4: found ${file:x}: the provider file is "
		    "known, but not built yet; only ${env:NAME} is");

	struct fixture f;
	assert_int_equal(parse(&f, "a: ${env:NOT_SET}\nb: ${env:LIST}\n", true), 0);
	assert_true(yaml_is_null(yaml_get(f.root, "a")));
	assert_int_equal(f.diagnostics.warnings, 1);
	assert_int_equal(f.diagnostics.errors, 0);
	append_tree(&f.text, yaml_get(f.root, "b")->structure);
	assert_string_equal(buf_cstr(&f.text), "[a,b]");
	assert_string_equal(yaml_get(f.root, "b")->text.ptr, "[a, b]");
	done(&f);
}

static void test_merge(void **state)
{
	struct fixture base, over;
	assert_int_equal(parse(&base, "a: {b: 1, c: [1, 2]}\nd: 4\n", false), 0);
	assert_int_equal(parse(&over, "a: {c: [3], e: 5}\nf:\n", false), 0);
	append_tree(&base.text, yaml_merge(&base.arena, base.root, over.root));
	assert_string_equal(buf_cstr(&base.text), "{a:{b:1,c:[3],e:5},d:4,f:}");
	assert_ptr_equal(yaml_merge(&base.arena, NULL, over.root), over.root);
	assert_ptr_equal(yaml_merge(&base.arena, base.root, NULL), base.root);
	buf_clear(&base.text);
	const struct yaml_node *nested =
		yaml_nest(&base.arena, SLICE("x.y/2.z"), yaml_get(base.root, "d"));
	append_tree(&base.text, nested);
	assert_string_equal(buf_cstr(&base.text), "{x:{y/2:{z:4}}}");
	done(&over);
	done(&base);
}

static void test_text(void **state)
{
	static const char *const texts[] = {
		"plain",      "",           "true",          "No",           "~",
		"12",         "1.5",        "a: b",          "a b",          "#x",
		"$a ${b} $$", "\"q\" \\",   "tab\tnl\n\x7f", "127.0.0.1:80", "1:30",
		"é",          "10.0.0.0/8", "- x",           "a:",           ":80",
		"*",          "[a]",        "0x10"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct fixture f;
		struct buf text = BUF_INIT;
		buf_append_cstr(&text, "a: [");
		yaml_append_text(&text, slice_of(texts[i]));
		buf_append_cstr(&text, "]\n");
		assert_int_equal(parse(&f, buf_cstr(&text), true), 0);
		assert_string_equal(yaml_item(yaml_get(f.root, "a"), 0)->text.ptr, texts[i]);
		done(&f);
		buf_release(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trees),   cmocka_unit_test(test_positions),
		cmocka_unit_test(test_anchors), cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_keys),    cmocka_unit_test(test_variables),
		cmocka_unit_test(test_merge),   cmocka_unit_test(test_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
