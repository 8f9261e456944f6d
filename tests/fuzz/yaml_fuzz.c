/* Any bytes as YAML, with variables; scalars written out are read back the same. */
#include <stdint.h>
#include <stdlib.h>

#include "base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *lookup(void *ctx, const char *name)
{
	return name[0] == 'L' ? "[a, {b: c}]" : name[0] == 'U' ? NULL : name;
}

static const struct yaml_variables variables = {lookup, NULL};

static void check_scalar(struct slice text)
{
	struct arena arena;
	struct diagnostics diagnostics;
	struct buf written = BUF_INIT;
	const struct yaml_node *root;
	arena_init(&arena, (size_t)16 << 20);
	diagnostics_init(&diagnostics, &arena);
	buf_append_cstr(&written, "k: ");
	yaml_append_text(&written, text);
	buf_append_byte(&written, '\n');
	struct source source = {"written", buf_slice(&written), false};
	if (written.len < YAML_MAX_BYTES / 2) {
		int rc = yaml_parse(&root, &source, &variables, &diagnostics);
		if (rc < 0 || !slice_eq(yaml_get(root, "k")->text, text))
			abort();
	}
	buf_release(&written);
	arena_release(&arena);
}

static void walk(const struct yaml_node *node, unsigned *left)
{
	if (!*left)
		return;
	--*left;
	if (node->kind == YAML_SCALAR) {
		check_scalar(node->text);
		if (node->structure)
			walk(node->structure, left);
	}
	for (const struct yaml_entry *e = node->first; e; e = e->next)
		walk(e->value, left);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct diagnostics diagnostics;
	struct buf text = BUF_INIT;
	struct source source = {"fuzz", {(const char *)data, size}, false};
	const struct yaml_node *root = NULL;
	arena_init(&arena, (size_t)64 << 20);
	diagnostics_init(&diagnostics, &arena);
	int rc = yaml_parse(&root, &source, &variables, &diagnostics);
	if ((rc == 0) != (diagnostics.errors == 0))
		abort();
	diagnostics_print(&diagnostics, &text, true);
	unsigned left = 20;
	if (rc == 0) {
		walk(root, &left);
		if (!yaml_merge(&arena, root, root))
			abort();
	}
	buf_release(&text);
	arena_release(&arena);
	return 0;
}
