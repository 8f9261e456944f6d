/*
 * Options as tables: one row says an option's name, type, default, place in the component's
 * struct and what it does. From a table come the parser, its messages, the effective
 * configuration and the reference.
 *
 *   struct batch_options { int64_t timeout; ... };
 *   static const struct option options[] = {
 *       {OPTION(DURATION, struct batch_options, timeout), .initial = "200ms", .doc = "…"},
 *       …
 *   };
 *   const struct option_table batch_option_table = {OPTION_TABLE_OF(struct batch_options, options)};
 */
#ifndef TRIPOD_BASE_OPTIONS_H
#define TRIPOD_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/yaml.h"

enum option_type {
	OPTION_BOOL, /* bool */
	OPTION_INT, /* int64_t, from .least to .most */
	OPTION_DOUBLE, /* double */
	OPTION_STRING, /* const char *, NULL when not given and without default */
	OPTION_DURATION, /* int64_t, nanoseconds, not negative */
	OPTION_BYTES, /* uint64_t, bytes; a bare number counts .unit bytes */
	OPTION_ENUM, /* an enum: index into .choices */
	OPTION_STRINGS, /* const char *const *x and size_t x_count */
	OPTION_MAP, /* const struct option_pair *x and size_t x_count */
	OPTION_TABLE, /* struct of .table, in place */
	OPTION_TABLES, /* struct of .table *x and size_t x_count */
	OPTION_ANY, /* not looked into: .ignored or .missing says why */
};

#define OPTION_REQUIRED 1u /* must be given */
#define OPTION_SECRET 2u /* never shown */
#define OPTION_LISTEN 4u /* STRING: an address this program listens on */
/* TABLE: the bool at .present says whether the key was there with a value … */
#define OPTION_OPTIONAL 8u
/* … or, with this, also when it was there without one ("grpc:"). */
#define OPTION_BARE_KEY 16u
/* The old name of .renamed: accepted with a warning. */
#define OPTION_DEPRECATED 32u

struct option_pair {
	const char *key, *value;
};

struct option {
	const char *name;
	enum option_type type;
	unsigned flags;
	size_t offset; /* of the value in its struct */
	size_t count; /* STRINGS, MAP, TABLES: offset of the number of items */
	size_t present; /* OPTION_OPTIONAL: offset of a bool */
	const char *initial; /* the default as it would be written; NULL: zero or none */
	const char *doc;
	const struct option_table *table;
	const char *const *choices; /* ENUM: NULL-terminated */
	int64_t least, most; /* INT: bounds when not both 0 */
	uint64_t unit; /* BYTES: 0 means 1 */
	const char *zero; /* DURATION, BYTES: a word for 0 such as "off"; STRING: for NULL */
	/* STRING, STRINGS: what would be right, or NULL when `value` is */
	const char *(*expected)(const char *value);
	const char *example; /* for messages, where the type says too little */
	const char *renamed; /* OPTION_DEPRECATED: the name now */
	const char *ignored; /* accepted without effect: why */
	const char *missing; /* refused, though the collector knows it: what to do instead */
};

struct option_check;

struct option_table {
	const struct option *options;
	size_t count;
	size_t size; /* of the struct */
	/* What concerns several options; only called when each is fine. Reports by option_wrong. */
	void (*check)(const void *value, struct option_check *check);
};

/* --- writing tables ---------------------------------------------------------------- */

#define OPTION_C_BOOL bool
#define OPTION_C_INT int64_t
#define OPTION_C_DOUBLE double
#define OPTION_C_STRING const char *
#define OPTION_C_DURATION int64_t
#define OPTION_C_BYTES uint64_t
/* 0, or no compilation when the field has another type than its row says. */
#define OPTION_TYPED(strct, field, type)                                                           \
	(0 *                                                                                       \
	 sizeof(char[__builtin_types_compatible_p(__typeof__(((strct *)0)->field), type) ? 1       \
											 : -1]))

/* An option whose name is its field's, of a scalar type. */
#define OPTION(kind, strct, field)                                                                 \
	.name = #field, .type = OPTION_##kind,                                                     \
	.offset = offsetof(strct, field) + OPTION_TYPED(strct, field, OPTION_C_##kind)
/* The same where the field has another name. */
#define OPTION_AS(kind, strct, field, key)                                                         \
	.name = (key), .type = OPTION_##kind,                                                      \
	.offset = offsetof(strct, field) + OPTION_TYPED(strct, field, OPTION_C_##kind)
#define OPTION_CHOICE(strct, field, list)                                                          \
	.name = #field, .type = OPTION_ENUM, .offset = offsetof(strct, field), .choices = (list)
#define OPTION_LIST(strct, field)                                                                  \
	.name = #field, .type = OPTION_STRINGS,                                                    \
	.offset = offsetof(strct, field) + OPTION_TYPED(strct, field, const char *const *),        \
	.count = offsetof(strct, field##_count) + OPTION_TYPED(strct, field##_count, size_t)
#define OPTION_PAIRS(strct, field)                                                                 \
	.name = #field, .type = OPTION_MAP,                                                        \
	.offset = offsetof(strct, field) + OPTION_TYPED(strct, field, const struct option_pair *), \
	.count = offsetof(strct, field##_count) + OPTION_TYPED(strct, field##_count, size_t)
#define OPTION_NESTED(strct, field, tbl)                                                           \
	.name = #field, .type = OPTION_TABLE, .offset = offsetof(strct, field), .table = &(tbl)
/* A nested table and a bool has_<field>. */
#define OPTION_NESTED_OPTIONAL(strct, field, tbl)                                                  \
	OPTION_NESTED(strct, field, tbl),                                                          \
		.flags = OPTION_OPTIONAL,                                                          \
		.present = offsetof(strct, has_##field) + OPTION_TYPED(strct, has_##field, bool)
#define OPTION_ROWS(strct, field, tbl)                                                             \
	.name = #field, .type = OPTION_TABLES, .offset = offsetof(strct, field),                   \
	.count = offsetof(strct, field##_count) + OPTION_TYPED(strct, field##_count, size_t),      \
	.table = &(tbl)
#define OPTION_IGNORED(key, why)                                                                   \
	{                                                                                          \
		.name = (key), .type = OPTION_ANY, .ignored = (why)                                \
	}
#define OPTION_MISSING(key, instead)                                                               \
	{                                                                                          \
		.name = (key), .type = OPTION_ANY, .missing = (instead)                            \
	}
#define OPTION_TABLE_OF(strct, rows)                                                               \
	.options = (rows), .count = sizeof(rows) / sizeof((rows)[0]), .size = sizeof(strct)

/* --- reading ----------------------------------------------------------------------- */

/*
 * Fills `out` (of table->size bytes) with the defaults and then from `node`, which may be
 * NULL or null. Lists and strings live in the arena of `diagnostics`, where every mistake
 * is reported under `path` ("receivers.otlp"). Returns 0, or INVALID when something was.
 */
int options_parse(const struct option_table *table, const struct yaml_node *node, const char *path,
		  void *out, struct diagnostics *diagnostics);
/* A new struct of the table, in the arena; NULL in case of any error. */
void *options_new(const struct option_table *table, const struct yaml_node *node, const char *path,
		  struct diagnostics *diagnostics);

/* For checks: a mistake of the option `key` ("tls.cert_file", "tokens[2].name", "" for the table itself). */
__attribute__((format(printf, 3, 4))) struct diagnostic *
option_wrong(struct option_check *check, const char *key, const char *fmt, ...);
__attribute__((format(printf, 3, 4))) struct diagnostic *
option_doubtful(struct option_check *check, const char *key, const char *fmt, ...);

/*
 * Calls `visit` for each string with OPTION_LISTEN in tables that are present, with the
 * node that gave it (NULL: the default) and its path.
 */
void options_each_listener(const struct option_table *table, const void *value,
			   const struct yaml_node *node, const char *path, struct arena *arena,
			   void (*visit)(void *ctx, const char *address,
					 const struct yaml_node *node, const char *path),
			   void *ctx);

/* Calls `visit` for each nested table that is present, outermost first; its node may be NULL. */
void options_each_table(const struct option_table *table, const void *value,
			const struct yaml_node *node, const char *path, struct arena *arena,
			void (*visit)(void *ctx, const struct option_table *table,
				      const void *value, const struct yaml_node *node,
				      const char *path),
			void *ctx);

/* --- writing ----------------------------------------------------------------------- */

/* The struct as YAML, `indent` spaces deep, secrets as <hidden>; what has no value is left out. */
void options_print(const struct option_table *table, const void *value, unsigned indent,
		   struct buf *out);
/* The table's rows as Markdown: name, type, default, description; nested names with dots. */
void options_print_markdown(const struct option_table *table, struct buf *out);
/* The same for a terminal. */
void options_print_help(const struct option_table *table, struct buf *out);
/* "duration", "size in MiB", "one of basic, normal": for people. */
void option_append_type(const struct option *option, struct buf *out);

#endif
