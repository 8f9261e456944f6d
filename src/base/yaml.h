/*
 * A YAML 1.1 document as a tree whose nodes know where they were written. What a plain
 * scalar means (number, boolean, …) is decided by whoever reads it; the tree keeps the text
 * and whether it was quoted. Anchors, aliases and merge keys (`<<`) are resolved; aliased
 * nodes are shared, so the tree is read-only. Tags other than !!str are ignored when
 * standard and refused otherwise.
 *
 * Bounded: size, depth, nodes, and nodes counted with every alias written out.
 */
#ifndef TRIPOD_BASE_YAML_H
#define TRIPOD_BASE_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diagnostics.h"
#include "base/status.h"

#define YAML_MAX_BYTES ((size_t)2 << 20)
#define YAML_MAX_DEPTH 64
#define YAML_MAX_NODES 100000

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node {
	enum yaml_kind kind;
	bool quoted; /* scalar: in quotes or a block, so text whatever it looks like */
	unsigned weight; /* nodes in this subtree, aliases written out */
	struct position at;
	struct slice text; /* scalar: its value, zero-terminated, without zero bytes in it */
	size_t count; /* entries of a sequence or mapping */
	struct yaml_entry *first, *last;
	/* Scalar that is one ${…} whose value is a list or mapping in YAML: that; else NULL. */
	const struct yaml_node *structure;
};

struct yaml_entry {
	struct yaml_entry *next;
	const struct yaml_node *key; /* of a mapping: a scalar; unique in it */
	const struct yaml_node *value; /* never NULL */
};

/* Looks a variable of ${env:NAME} up; NULL when it is not set. */
struct yaml_variables {
	const char *(*lookup)(void *ctx, const char *name);
	void *ctx;
};

/*
 * Parses `source` into nodes in the arena of `diagnostics`, where mistakes go too. A
 * document without content is a null scalar.
 *
 * With `variables`, scalar values (not keys) are expanded: ${env:NAME}, ${NAME},
 * ${env:NAME:-default}, and $$ for one $. As in the OpenTelemetry Collector, a value that is
 * one reference as a whole is typed by what it expands to, also in quotes, and a variable
 * that is not set is an empty value (a warning says so). Unlike there, what a variable holds
 * is not expanded again, so a password may contain a $.
 *
 * Returns 0, INVALID (a message was added) or NO_MEMORY.
 */
int yaml_parse(const struct yaml_node **out, const struct source *source,
	       const struct yaml_variables *variables, struct diagnostics *diagnostics);

/* True for an absent value: nothing, ~ or null, unquoted. Accepts NULL. */
bool yaml_is_null(const struct yaml_node *node);
/* The entry of a mapping by key; NULL when it is not there or `node` is no mapping. */
const struct yaml_entry *yaml_find(const struct yaml_node *node, const char *key);
const struct yaml_node *yaml_get(const struct yaml_node *node, const char *key);
/* The nth value of a sequence or mapping, from 0; NULL behind the last. */
const struct yaml_node *yaml_item(const struct yaml_node *node, size_t index);

/*
 * `over` laid over `base`: mappings are merged, anything else is replaced. NULL when out of
 * memory. Either may be NULL or null.
 */
const struct yaml_node *yaml_merge(struct arena *arena, const struct yaml_node *base,
				   const struct yaml_node *over);
/* `value` under the keys of `path`, "a.b.c": a mapping of mappings. NULL as above. */
const struct yaml_node *yaml_nest(struct arena *arena, struct slice path,
				  const struct yaml_node *value);

/* Appends text so that it is read back as that string: plain where it can be, else quoted; $ as $$. */
void yaml_append_text(struct buf *out, struct slice text);

#endif
