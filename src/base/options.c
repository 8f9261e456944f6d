#include "base/options.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/suggest.h"
#include "base/units.h"

/* Where in the tree we are: for messages only. */
struct path {
	const struct path *parent;
	const char *name;
	size_t index; /* of an item of a list, when name is NULL */
};

struct parser {
	struct diagnostics *diagnostics;
	struct arena *arena;
};

struct option_check {
	struct parser *parser;
	const struct option_table *table;
	const struct yaml_node *node;
	const struct path *path;
};

static void *field(void *base, size_t offset)
{
	return (char *)base + offset;
}

/* --- messages ---------------------------------------------------------------------- */

static void append_path(struct buf *out, const struct path *path)
{
	if (path->parent)
		append_path(out, path->parent);
	if (!path->name)
		buf_appendf(out, "[%zu]", path->index);
	else if (path->name[0])
		buf_appendf(out, "%s%s", out->len ? "." : "", path->name);
}

static const char *path_text(struct parser *p, const struct path *path)
{
	struct buf text = BUF_INIT;
	append_path(&text, path);
	const char *copy = arena_strdup(p->arena, buf_slice(&text));
	buf_release(&text);
	return copy ? copy : "";
}

static struct position position_of(const struct yaml_node *node)
{
	return node ? node->at : (struct position){0};
}

__attribute__((format(printf, 4, 5))) static struct diagnostic *
wrong(struct parser *p, const struct yaml_node *node, const struct path *path, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	struct diagnostic *d = diagnostics_vadd(p->diagnostics, SEVERITY_ERROR, position_of(node),
						path_text(p, path), fmt, args);
	va_end(args);
	return d;
}

/* At most `len` bytes of UTF-8, without a torn character at the end. */
static size_t whole_characters(struct slice text, size_t len)
{
	while (len && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
		len--;
	return len;
}

/* What stands there, for "found …": short, and never a secret. */
static void append_found(struct buf *out, const struct option *option, const struct yaml_node *node)
{
	if (node->kind == YAML_MAPPING)
		buf_append_cstr(out, "a mapping");
	else if (node->kind == YAML_SEQUENCE)
		buf_append_cstr(out, "a list");
	else if (option->flags & OPTION_SECRET)
		buf_append_cstr(out, "text");
	else if (node->text.len > 60)
		buf_appendf(out, "\"%.*s...\"", (int)whole_characters(node->text, 57),
			    node->text.ptr);
	else
		buf_appendf(out, "\"" SLICE_FMT "\"", SLICE_ARG(node->text));
}

static void append_choices(struct buf *out, const struct option *option)
{
	for (size_t i = 0; option->choices[i]; i++) {
		const char *choice = option->choices[i][0] ? option->choices[i] : "\"\"";
		buf_appendf(out, "%s%s", i ? ", " : "", choice);
	}
}

static void append_expected(struct buf *out, const struct option *option)
{
	switch (option->type) {
	case OPTION_BOOL:
		buf_append_cstr(out, "true or false");
		break;
	case OPTION_INT:
		buf_append_cstr(out, "a whole number");
		if (option->most == INT64_MAX)
			buf_appendf(out, " of at least %" PRId64, option->least);
		else if (option->least || option->most)
			buf_appendf(out, " from %" PRId64 " to %" PRId64, option->least,
				    option->most);
		break;
	case OPTION_DOUBLE:
		buf_append_cstr(out, "a number");
		break;
	case OPTION_DURATION:
		buf_append_cstr(out, "a duration such as ");
		buf_append_cstr(out, option->example ? option->example : "200ms or 1m30s");
		break;
	case OPTION_BYTES:
		if (option->unit == UINT64_C(1) << 20)
			buf_append_cstr(out, "a size in MiB such as 4");
		else
			buf_append_cstr(out, "a size such as 64MiB");
		break;
	case OPTION_ENUM:
		buf_append_cstr(out, "one of ");
		append_choices(out, option);
		break;
	case OPTION_STRING:
		buf_append_cstr(out, "text");
		break;
	case OPTION_STRINGS:
		buf_append_cstr(out, "a list such as [a, b]");
		break;
	case OPTION_MAP:
		buf_append_cstr(out, "a mapping such as {name: value}");
		break;
	case OPTION_TABLES:
		buf_append_cstr(out, "a list of mappings");
		break;
	case OPTION_TABLE:
	case OPTION_ANY:
		buf_append_cstr(out, "a mapping of options");
		break;
	}
	if (option->zero)
		buf_appendf(out, ", or %s", option->zero);
}

/* "found X, expected Y" in the words of the option's type, or in `expected`. */
static int unexpected(struct parser *p, const struct option *option, const struct yaml_node *node,
		      const struct path *path, const char *expected)
{
	struct buf text = BUF_INIT;
	buf_append_cstr(&text, "found ");
	append_found(&text, option, node);
	buf_append_cstr(&text, ", expected ");
	if (expected)
		buf_append_cstr(&text, expected);
	else
		append_expected(&text, option);
	wrong(p, node, path, "%s", buf_cstr(&text))->unquoted = option->flags & OPTION_SECRET;
	buf_release(&text);
	return STATUS_INVALID;
}

static int no_memory(struct parser *p, const struct yaml_node *node, const struct path *path)
{
	wrong(p, node, path, "needs more memory than a configuration may");
	return STATUS_NO_MEMORY;
}

/* --- scalars ----------------------------------------------------------------------- */

static int parse_bool(struct parser *p, const struct option *o, const struct yaml_node *node,
		      const struct path *path, bool *out)
{
	static const char *const forms[2][3] = {{"false", "False", "FALSE"},
						{"true", "True", "TRUE"}};
	for (size_t i = 0; i < 6; i++) {
		if (!slice_eq_cstr(node->text, forms[i / 3][i % 3]))
			continue;
		if (node->quoted)
			return unexpected(p, o, node, path, "true or false without quotes");
		*out = i / 3;
		return 0;
	}
	return unexpected(p, o, node, path, NULL);
}

static int parse_int(struct parser *p, const struct option *o, const struct yaml_node *node,
		     const struct path *path, int64_t *out)
{
	char *end;
	const char *text = node->text.ptr;
	bool hex = !strncmp(text, "0x", 2);
	errno = 0;
	int64_t value = strtoll(text, &end, hex ? 16 : 10);
	bool spaced = text[0] == ' ' || text[0] == '\t' || text[0] == '\n';
	if (end == text || *end || errno || spaced)
		return unexpected(p, o, node, path, NULL);
	if ((o->least || o->most) && (value < o->least || value > o->most))
		return unexpected(p, o, node, path, NULL);
	*out = value;
	return 0;
}

static int parse_double(struct parser *p, const struct option *o, const struct yaml_node *node,
			const struct path *path, double *out)
{
	char *end;
	const char *text = node->text.ptr;
	double value = strtod(text, &end);
	if (end == text || *end || !isfinite(value) || strchr(" \t\n", text[0]))
		return unexpected(p, o, node, path, NULL);
	*out = value;
	return 0;
}

static int parse_duration(struct parser *p, const struct option *o, const struct yaml_node *node,
			  const struct path *path, int64_t *out)
{
	if (o->zero && slice_eq_cstr(node->text, o->zero)) {
		*out = 0;
		return 0;
	}
	int rc = duration_parse(out, node->text);
	if (rc == 0)
		return 0;
	if (rc == STATUS_LIMIT)
		return unexpected(p, o, node, path, "less than 292 years");
	if (node->text.len && strspn(node->text.ptr, "0123456789.") == node->text.len) {
		const char *unit = o->example ? o->example + strspn(o->example, "0123456789") : "s";
		const char *expected =
			diagnostics_text(p->diagnostics, "a duration with its unit such as %.20s%s",
					 node->text.ptr, unit);
		return unexpected(p, o, node, path, expected);
	}
	return unexpected(p, o, node, path, NULL);
}

static int parse_bytes(struct parser *p, const struct option *o, const struct yaml_node *node,
		       const struct path *path, uint64_t *out)
{
	if (o->zero && slice_eq_cstr(node->text, o->zero)) {
		*out = 0;
		return 0;
	}
	int rc = bytes_parse(out, node->text, o->unit ? o->unit : 1);
	if (rc == STATUS_LIMIT)
		return unexpected(p, o, node, path, "less than 8 EiB");
	return rc == 0 ? 0 : unexpected(p, o, node, path, NULL);
}

static int parse_enum(struct parser *p, const struct option *o, const struct yaml_node *node,
		      const struct path *path, void *out)
{
	struct suggestion suggestion;
	suggestion_init(&suggestion, node->text.ptr);
	for (int i = 0; o->choices[i]; i++) {
		if (!strcasecmp(o->choices[i], node->text.ptr)) {
			memcpy(out, &i, sizeof(i)); /* an enum is an int here */
			return 0;
		}
		suggestion_offer(&suggestion, o->choices[i]);
	}
	struct buf expected = BUF_INIT;
	buf_append_cstr(&expected, "one of ");
	append_choices(&expected, o);
	if (suggestion.best && suggestion.best[0])
		buf_appendf(&expected, "; did you mean %s?", suggestion.best);
	int rc = unexpected(p, o, node, path, buf_cstr(&expected));
	buf_release(&expected);
	return rc;
}

static int parse_string(struct parser *p, const struct option *o, const struct yaml_node *node,
			const struct path *path, const char **out)
{
	if (o->zero && slice_eq_cstr(node->text, o->zero)) {
		*out = NULL;
		return 0;
	}
	const char *expected = o->expected ? o->expected(node->text.ptr) : NULL;
	if (expected && o->flags & OPTION_LISTEN && o->initial)
		expected = diagnostics_text(p->diagnostics, "a host and a port such as %s",
					    o->initial);
	if (expected && o->zero)
		expected = diagnostics_text(p->diagnostics, "%s, or %s", expected, o->zero);
	if (expected)
		return unexpected(p, o, node, path, expected);
	*out = node->text.ptr;
	return 0;
}

static int parse_scalar(struct parser *p, const struct option *o, const struct yaml_node *node,
			const struct path *path, void *out)
{
	if (node->kind != YAML_SCALAR)
		return unexpected(p, o, node, path, NULL);
	switch (o->type) {
	case OPTION_BOOL:
		return parse_bool(p, o, node, path, out);
	case OPTION_INT:
		return parse_int(p, o, node, path, out);
	case OPTION_DOUBLE:
		return parse_double(p, o, node, path, out);
	case OPTION_DURATION:
		return parse_duration(p, o, node, path, out);
	case OPTION_BYTES:
		return parse_bytes(p, o, node, path, out);
	case OPTION_ENUM:
		return parse_enum(p, o, node, path, out);
	default:
		return parse_string(p, o, node, path, out);
	}
}

/* --- lists and mappings ------------------------------------------------------------ */

static int parse_table(struct parser *p, const struct option_table *table,
		       const struct yaml_node *node, const struct path *path, void *out);

static void set_items(void *base, const struct option *o, const void *items, size_t count)
{
	memcpy(field(base, o->offset), &items, sizeof(items));
	memcpy(field(base, o->count), &count, sizeof(count));
}

static int parse_strings(struct parser *p, const struct option *o, const struct yaml_node *node,
			 const struct path *path, void *base)
{
	if (node->kind != YAML_SEQUENCE)
		return unexpected(p, o, node, path, NULL);
	const char **items = arena_array(p->arena, node->count, sizeof(*items));
	if (!items)
		return no_memory(p, node, path);
	const struct option one = {
		.type = OPTION_STRING, .flags = o->flags, .expected = o->expected};
	size_t count = 0;
	int rc = 0;
	for (const struct yaml_entry *e = node->first; e; e = e->next, count++) {
		struct path at = {path, NULL, count};
		if (parse_scalar(p, &one, e->value, &at, &items[count]) < 0)
			rc = STATUS_INVALID;
	}
	set_items(base, o, items, count);
	return rc;
}

static int parse_pair(struct parser *p, const struct option *o, const struct yaml_entry *e,
		      const struct path *path, size_t index, struct option_pair *pair)
{
	const struct option one = {
		.type = OPTION_STRING, .flags = o->flags, .expected = o->expected};
	const struct yaml_node *name = e->key, *value = e->value;
	struct path at = {path, name ? name->text.ptr : NULL, index};
	if (!name) { /* an item of a list: {name: …, value: …} */
		name = yaml_get(e->value, "name");
		value = yaml_get(e->value, "value");
		if (!name || !value || name->kind != YAML_SCALAR || e->value->count != 2)
			return unexpected(p, o, e->value, &at, "{name: ..., value: ...}");
	}
	pair->key = name->text.ptr;
	return parse_scalar(p, &one, value, &at, &pair->value);
}

/* A mapping, or a list of {name, value} as the collector also takes it. */
static int parse_map(struct parser *p, const struct option *o, const struct yaml_node *node,
		     const struct path *path, void *base)
{
	if (node->kind == YAML_SCALAR)
		return unexpected(p, o, node, path, NULL);
	struct option_pair *pairs = arena_array(p->arena, node->count, sizeof(*pairs));
	if (!pairs)
		return no_memory(p, node, path);
	size_t count = 0;
	int rc = 0;
	for (const struct yaml_entry *e = node->first; e; e = e->next, count++) {
		if (parse_pair(p, o, e, path, count, &pairs[count]) < 0)
			rc = STATUS_INVALID;
	}
	set_items(base, o, pairs, count);
	return rc;
}

static int parse_tables(struct parser *p, const struct option *o, const struct yaml_node *node,
			const struct path *path, void *base)
{
	if (node->kind != YAML_SEQUENCE)
		return unexpected(p, o, node, path, NULL);
	char *rows = arena_array(p->arena, node->count, o->table->size);
	if (!rows)
		return no_memory(p, node, path);
	size_t count = 0;
	int rc = 0;
	for (const struct yaml_entry *e = node->first; e; e = e->next, count++) {
		struct path at = {path, NULL, count};
		if (parse_table(p, o->table, e->value, &at, rows + count * o->table->size) < 0)
			rc = STATUS_INVALID;
	}
	set_items(base, o, rows, count);
	return rc;
}

static int parse_value(struct parser *p, const struct option *o, const struct yaml_node *node,
		       const struct path *path, void *base)
{
	bool container = o->type == OPTION_STRINGS || o->type == OPTION_MAP ||
			 o->type == OPTION_TABLE || o->type == OPTION_TABLES;
	if (container && node->structure)
		node = node->structure;
	switch (o->type) {
	case OPTION_STRINGS:
		return parse_strings(p, o, node, path, base);
	case OPTION_MAP:
		return parse_map(p, o, node, path, base);
	case OPTION_TABLES:
		return parse_tables(p, o, node, path, base);
	case OPTION_TABLE:
		return parse_table(p, o->table, node, path, field(base, o->offset));
	case OPTION_ANY:
		return 0;
	default:
		return parse_scalar(p, o, node, path, field(base, o->offset));
	}
}

/* --- tables ------------------------------------------------------------------------ */

/* Defaults are written as a user would write them, so they take the same way. */
static int set_default(struct parser *p, const struct option *o, const struct path *path,
		       void *base)
{
	struct path at = {path, o->name, 0};
	if (o->type == OPTION_TABLE)
		return parse_table(p, o->table, NULL, &at, field(base, o->offset));
	if (!o->initial)
		return 0;
	struct yaml_node node = {.kind = YAML_SCALAR, .text = slice_of(o->initial)};
	if (o->type != OPTION_STRINGS && o->type != OPTION_MAP)
		return parse_value(p, o, &node, &at, base);
	struct source *source = arena_alloc(p->arena, sizeof(*source));
	const struct yaml_node *list;
	if (!source)
		return no_memory(p, NULL, path);
	*source = (struct source){"default", node.text, true};
	int rc = yaml_parse(&list, source, NULL, p->diagnostics);
	return rc == 0 ? parse_value(p, o, list, &at, base) : rc;
}

static const struct option *find_option(const struct option_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++) {
		if (!strcmp(table->options[i].name, name))
			return &table->options[i];
	}
	return NULL;
}

static void unknown_option(struct parser *p, const struct option_table *table,
			   const struct yaml_node *key, const struct path *path)
{
	struct suggestion suggestion;
	struct buf list = BUF_INIT;
	suggestion_init(&suggestion, key->text.ptr);
	for (size_t i = 0; i < table->count; i++) {
		const struct option *o = &table->options[i];
		if (o->flags & OPTION_DEPRECATED || o->missing)
			continue;
		suggestion_offer(&suggestion, o->name);
		if (!o->ignored)
			buf_appendf(&list, "%s%s", list.len ? ", " : "", o->name);
	}
	struct path at = {path, key->text.ptr, 0};
	struct diagnostic *d =
		suggestion.best
			? wrong(p, key, &at, "no such option; did you mean %s?", suggestion.best)
			: wrong(p, key, &at, "no such option");
	d->help = list.len ? diagnostics_text(p->diagnostics, "options here: %s", buf_cstr(&list))
			   : "this takes no options";
	buf_release(&list);
}

static int parse_entry(struct parser *p, const struct option_table *table,
		       const struct yaml_node *node, const struct yaml_entry *entry,
		       const struct path *path, void *out)
{
	struct path at = {path, entry->key->text.ptr, 0};
	const struct option *o = find_option(table, entry->key->text.ptr);
	if (!o) {
		unknown_option(p, table, entry->key, path);
		return STATUS_INVALID;
	}
	if (o->missing) {
		wrong(p, entry->key, &at, "known, but not built yet: %s", o->missing);
		return STATUS_INVALID;
	}
	if (o->flags & OPTION_DEPRECATED) {
		if (yaml_find(node, o->renamed)) {
			wrong(p, entry->key, &at, "the old name of %s, which is there too",
			      o->renamed);
			return STATUS_INVALID;
		}
		diagnostics_add(p->diagnostics, SEVERITY_WARNING, entry->key->at, path_text(p, &at),
				"is now called %s", o->renamed);
		o = find_option(table, o->renamed);
	}
	bool null = yaml_is_null(entry->value);
	if (o->flags & OPTION_OPTIONAL && (!null || o->flags & OPTION_BARE_KEY))
		*(bool *)field(out, o->present) = true;
	if (null && o->type != OPTION_TABLE)
		return 0; /* as if it were not there */
	return null ? 0 : parse_value(p, o, entry->value, &at, out);
}

static int check_required(struct parser *p, const struct option_table *table,
			  const struct yaml_node *node, const struct path *path)
{
	int rc = 0;
	for (size_t i = 0; i < table->count; i++) {
		const struct option *o = &table->options[i];
		if (!(o->flags & OPTION_REQUIRED) || !yaml_is_null(yaml_get(node, o->name)))
			continue;
		struct diagnostic *d = o->example
					       ? wrong(p, node, path, "%s is required, such as %s",
						       o->name, o->example)
					       : wrong(p, node, path, "%s is required", o->name);
		d->unquoted = o->flags & OPTION_SECRET;
		rc = STATUS_INVALID;
	}
	return rc;
}

static bool is_given_by_null(const struct yaml_node *node)
{
	return node && yaml_is_null(node);
}

/* `node` is NULL when only the defaults of a table that is not there are wanted. */
static int parse_table(struct parser *p, const struct option_table *table,
		       const struct yaml_node *node, const struct path *path, void *out)
{
	unsigned errors = p->diagnostics->errors;
	memset(out, 0, table->size);
	for (size_t i = 0; i < table->count; i++)
		set_default(p, &table->options[i], path, out);
	if (node && !is_given_by_null(node) && node->kind != YAML_MAPPING) {
		const struct option any = {.type = OPTION_TABLE};
		return unexpected(p, &any, node, path, NULL);
	}
	if (!node)
		return p->diagnostics->errors == errors ? 0 : STATUS_INVALID;
	for (const struct yaml_entry *e = node->first; e; e = e->next)
		parse_entry(p, table, node, e, path, out);
	check_required(p, table, node, path);
	if (p->diagnostics->errors != errors)
		return STATUS_INVALID;
	if (table->check) {
		struct option_check check = {p, table, node, path};
		table->check(out, &check);
	}
	return p->diagnostics->errors == errors ? 0 : STATUS_INVALID;
}

int options_parse(const struct option_table *table, const struct yaml_node *node, const char *path,
		  void *out, struct diagnostics *diagnostics)
{
	static const struct yaml_node nothing = {.kind = YAML_SCALAR, .text = {"", 0}};
	struct parser p = {diagnostics, diagnostics->arena};
	struct path at = {NULL, path, 0};
	if (node && node->structure)
		node = node->structure;
	return parse_table(&p, table, node ? node : &nothing, &at, out);
}

void *options_new(const struct option_table *table, const struct yaml_node *node, const char *path,
		  struct diagnostics *diagnostics)
{
	void *value = arena_alloc(diagnostics->arena, table->size);
	if (!value) {
		diagnostics_add(diagnostics, SEVERITY_ERROR, position_of(node), path,
				"needs more memory than a configuration may");
		return NULL;
	}
	return options_parse(table, node, path, value, diagnostics) == 0 ? value : NULL;
}

/* --- checks of whole tables -------------------------------------------------------- */

/* Goes from a table's node one step down: "name", or "name[2]" for an item of a list. */
static const struct yaml_node *step_down(struct option_check *check, const struct yaml_node *node,
					 const struct option_table **table, struct slice step,
					 bool *secret)
{
	const char *bracket = memchr(step.ptr, '[', step.len);
	struct slice key = {step.ptr, bracket ? (size_t)(bracket - step.ptr) : step.len};
	const char *name = arena_strdup(check->parser->arena, key);
	const struct option *o = name ? find_option(*table, name) : NULL;
	node = o ? yaml_get(node, name) : NULL;
	if (node && bracket)
		node = yaml_item(node, strtoul(bracket + 1, NULL, 10));
	if (node) {
		*secret |= (o->flags & OPTION_SECRET) != 0;
		*table = o->table;
	}
	return node;
}

static struct diagnostic *complain(struct option_check *check, enum severity severity,
				   const char *key, const char *fmt, va_list args)
{
	const struct yaml_node *at = check->node, *below;
	const struct option_table *table = check->table;
	bool secret = false;
	const char *rest = key;
	while (*rest && table) {
		size_t len = strcspn(rest, ".");
		below = step_down(check, at, &table, (struct slice){rest, len}, &secret);
		if (!below)
			break;
		at = below;
		rest += len + (rest[len] == '.');
	}
	const char *copy = arena_strdup(check->parser->arena, slice_of(key));
	struct path path = {check->path, copy ? copy : "", 0};
	struct diagnostic *d =
		diagnostics_vadd(check->parser->diagnostics, severity, position_of(at),
				 path_text(check->parser, key[0] ? &path : check->path), fmt, args);
	d->unquoted = secret;
	return d;
}

struct diagnostic *option_wrong(struct option_check *check, const char *key, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	struct diagnostic *d = complain(check, SEVERITY_ERROR, key, fmt, args);
	va_end(args);
	return d;
}

struct diagnostic *option_doubtful(struct option_check *check, const char *key, const char *fmt,
				   ...)
{
	va_list args;
	va_start(args, fmt);
	struct diagnostic *d = complain(check, SEVERITY_WARNING, key, fmt, args);
	va_end(args);
	return d;
}

void options_each_listener(const struct option_table *table, const void *value,
			   const struct yaml_node *node, const char *path, struct arena *arena,
			   void (*visit)(void *ctx, const char *address,
					 const struct yaml_node *node, const char *path),
			   void *ctx)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct option *o = &table->options[i];
		const char *at = (const char *)value + o->offset;
		struct buf text = BUF_INIT;
		buf_appendf(&text, "%s.%s", path, o->name);
		const char *below = arena_strdup(arena, buf_slice(&text));
		buf_release(&text);
		if (!below)
			return;
		if (o->flags & OPTION_LISTEN) {
			const char *address;
			memcpy(&address, at, sizeof(address));
			if (address)
				visit(ctx, address, yaml_get(node, o->name), below);
		} else if (o->type == OPTION_TABLE && !o->ignored) {
			bool present = !(o->flags & OPTION_OPTIONAL) ||
				       *((const bool *)((const char *)value + o->present));
			if (present)
				options_each_listener(o->table, at, yaml_get(node, o->name), below,
						      arena, visit, ctx);
		}
	}
}

void options_each_table(const struct option_table *table, const void *value,
			const struct yaml_node *node, const char *path, struct arena *arena,
			void (*visit)(void *ctx, const struct option_table *table,
				      const void *value, const struct yaml_node *node,
				      const char *path),
			void *ctx)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct option *o = &table->options[i];
		if (o->type != OPTION_TABLE || o->ignored ||
		    ((o->flags & OPTION_OPTIONAL) &&
		     !*((const bool *)((const char *)value + o->present))))
			continue;
		struct buf text = BUF_INIT;
		buf_appendf(&text, "%s.%s", path, o->name);
		const char *below = arena_strdup(arena, buf_slice(&text));
		buf_release(&text);
		if (!below)
			return;
		const void *at = (const char *)value + o->offset;
		const struct yaml_node *nested = yaml_get(node, o->name);
		visit(ctx, o->table, at, nested, below);
		options_each_table(o->table, at, nested, below, arena, visit, ctx);
	}
}
