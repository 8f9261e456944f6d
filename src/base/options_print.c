#include <inttypes.h>
#include <math.h>

#include "base/options.h"
#include "base/units.h"

#define COLUMN 100

static const void *field(const void *base, size_t offset)
{
	return (const char *)base + offset;
}

/* --- values ------------------------------------------------------------------------ */

static void print_text(const struct option *o, const char *text, struct buf *out)
{
	if (!text)
		buf_append_cstr(out, o->zero);
	else if (o->flags & OPTION_SECRET)
		buf_append_cstr(out, "<hidden>");
	else
		yaml_append_text(out, slice_of(text));
}

static void print_quantity(const struct option *o, const void *at, struct buf *out)
{
	char text[UNITS_TEXT];
	uint64_t value;
	memcpy(&value, at, sizeof(value));
	if (!value && o->zero)
		buf_append_cstr(out, o->zero);
	else if (o->type == OPTION_DURATION)
		buf_append_cstr(out, duration_format(text, (int64_t)value));
	else if (o->unit > 1 && value % o->unit == 0)
		buf_appendf(out, "%" PRIu64, value / o->unit);
	else
		buf_append_cstr(out, bytes_format(text, value));
}

static void print_scalar(const struct option *o, const void *at, struct buf *out)
{
	switch (o->type) {
	case OPTION_BOOL:
		buf_append_cstr(out, *(const bool *)at ? "true" : "false");
		break;
	case OPTION_INT:
		buf_appendf(out, "%" PRId64, *(const int64_t *)at);
		break;
	case OPTION_DOUBLE:
		buf_appendf(out, "%.17g", *(const double *)at);
		break;
	case OPTION_ENUM:
		yaml_append_text(out, slice_of(o->choices[*(const int *)at]));
		break;
	case OPTION_STRING:
		print_text(o, *(const char *const *)at, out);
		break;
	default:
		print_quantity(o, at, out);
	}
}

static void print_strings(const struct option *o, const void *value, struct buf *out)
{
	const char *const *items = *(const char *const *const *)field(value, o->offset);
	size_t count = *(const size_t *)field(value, o->count);
	buf_append_cstr(out, " [");
	for (size_t i = 0; i < count; i++) {
		buf_append_cstr(out, i ? ", " : "");
		print_text(o, items[i], out);
	}
	buf_append_cstr(out, "]\n");
}

static void print_map(const struct option *o, const void *value, unsigned indent, struct buf *out)
{
	const struct option_pair *pairs =
		*(const struct option_pair *const *)field(value, o->offset);
	size_t count = *(const size_t *)field(value, o->count);
	buf_append_cstr(out, "\n");
	for (size_t i = 0; i < count; i++) {
		buf_appendf(out, "%*s", (int)indent, "");
		yaml_append_text(out, slice_of(pairs[i].key));
		buf_append_cstr(out, ": ");
		print_text(o, pairs[i].value, out);
		buf_append_byte(out, '\n');
	}
}

static void print_tables(const struct option *o, const void *value, unsigned indent,
			 struct buf *out)
{
	const char *rows = *(const char *const *)field(value, o->offset);
	size_t count = *(const size_t *)field(value, o->count);
	buf_append_cstr(out, "\n");
	for (size_t i = 0; i < count; i++) {
		size_t start = out->len;
		options_print(o->table, rows + i * o->table->size, indent + 2, out);
		if (!out->failed && out->len > start + indent) /* "  name:" becomes "- name:" */
			out->data[start + indent] = '-';
	}
}

static bool is_empty(const struct option *o, const void *value)
{
	switch (o->type) {
	case OPTION_STRING:
		return !*(const char *const *)field(value, o->offset) && !o->zero;
	case OPTION_STRINGS:
	case OPTION_MAP:
	case OPTION_TABLES:
		return !*(const size_t *)field(value, o->count);
	case OPTION_TABLE:
		return o->flags & OPTION_OPTIONAL && !*(const bool *)field(value, o->present);
	default:
		return o->type == OPTION_ANY;
	}
}

void options_print(const struct option_table *table, const void *value, unsigned indent,
		   struct buf *out)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct option *o = &table->options[i];
		if (o->ignored || o->missing || o->flags & OPTION_DEPRECATED || is_empty(o, value))
			continue;
		buf_appendf(out, "%*s%s:", (int)indent, "", o->name);
		switch (o->type) {
		case OPTION_STRINGS:
			print_strings(o, value, out);
			break;
		case OPTION_MAP:
			print_map(o, value, indent + 2, out);
			break;
		case OPTION_TABLES:
			print_tables(o, value, indent + 2, out);
			break;
		case OPTION_TABLE:
			buf_append_byte(out, '\n');
			options_print(o->table, field(value, o->offset), indent + 2, out);
			break;
		default:
			buf_append_byte(out, ' ');
			print_scalar(o, field(value, o->offset), out);
			buf_append_byte(out, '\n');
		}
	}
}

/* --- reference --------------------------------------------------------------------- */

void option_append_type(const struct option *option, struct buf *out)
{
	static const char *const names[] = {
		[OPTION_BOOL] = "true or false", [OPTION_INT] = "whole number",
		[OPTION_DOUBLE] = "number",      [OPTION_STRING] = "text",
		[OPTION_DURATION] = "duration",  [OPTION_BYTES] = "size",
		[OPTION_ENUM] = "one of ",       [OPTION_STRINGS] = "list of texts",
		[OPTION_MAP] = "mapping",        [OPTION_TABLE] = "options",
		[OPTION_TABLES] = "list",        [OPTION_ANY] = "",
	};
	buf_append_cstr(out, names[option->type]);
	if (option->type == OPTION_BYTES && option->unit == UINT64_C(1) << 20)
		buf_append_cstr(out, " in MiB");
	if (option->type == OPTION_ENUM) {
		for (size_t i = 0; option->choices[i]; i++)
			buf_appendf(out, "%s%s", i ? ", " : "",
				    option->choices[i][0] ? option->choices[i] : "\"\"");
	}
	if (option->zero)
		buf_appendf(out, " or %s", option->zero);
}

/* Calls `row` for each option that does something, and for those nested in it, with its full name. */
static void each_row(const struct option_table *table, const char *prefix,
		     void (*row)(const struct option *o, const char *name, struct buf *out),
		     struct buf *out)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct option *o = &table->options[i];
		struct buf name = BUF_INIT;
		if (o->ignored || o->missing)
			continue;
		buf_appendf(&name, "%s%s%s", prefix, o->name, o->type == OPTION_TABLES ? "[]" : "");
		row(o, buf_cstr(&name), out);
		if (o->table) {
			buf_append_byte(&name, '.');
			each_row(o->table, buf_cstr(&name), row, out);
		}
		buf_release(&name);
	}
}

/* Why an option does nothing: .missing or .ignored; NULL when it does something. */
static const char *reason_of(const struct option *o, bool missing)
{
	return missing ? o->missing : o->ignored;
}

static bool reason_came_before(const struct option_table *table, size_t index, bool missing)
{
	for (size_t i = 0; i < index; i++) {
		const char *before = reason_of(&table->options[i], missing);
		if (before && !strcmp(before, reason_of(&table->options[index], missing)))
			return true;
	}
	return false;
}

/* "- `a`, `b`: why" for each reason of the table, and of those nested in it. */
static void list_reasons(const struct option_table *table, const char *prefix, bool missing,
			 const char *quote, struct buf *out)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct option *o = &table->options[i];
		const char *why = reason_of(o, missing);
		if (why && !reason_came_before(table, i, missing)) {
			const char *mark = "- ";
			for (size_t j = i; j < table->count; j++) {
				const char *other = reason_of(&table->options[j], missing);
				if (!other || strcmp(other, why) != 0)
					continue;
				buf_appendf(out, "%s%s%s%s%s", mark, quote, prefix,
					    table->options[j].name, quote);
				mark = ", ";
			}
			buf_appendf(out, ": %s\n", why);
		}
		if (o->table && !o->ignored && !o->missing) {
			struct buf below = BUF_INIT;
			buf_appendf(&below, "%s%s%s.", prefix, o->name,
				    o->type == OPTION_TABLES ? "[]" : "");
			list_reasons(o->table, buf_cstr(&below), missing, quote, out);
			buf_release(&below);
		}
	}
}

/* Both lists, each under its heading, where there is one. */
static void append_reasons(const struct option_table *table, const char *quote, struct buf *out)
{
	static const char *const headings[] = {"Accepted without effect:", "Not built yet:"};
	for (unsigned missing = 0; missing < 2; missing++) {
		size_t start = out->len;
		buf_appendf(out, "\n%s\n%s", headings[missing], quote[0] ? "\n" : "");
		size_t empty = out->len;
		list_reasons(table, "", missing, quote, out);
		if (out->len == empty)
			out->len = start;
	}
}

static void append_remark(const struct option *o, struct buf *out)
{
	if (o->flags & OPTION_DEPRECATED)
		buf_appendf(out, "The old name of %s.", o->renamed);
	else if (o->doc)
		buf_append_cstr(out, o->doc);
}

static void append_default(const struct option *o, struct buf *out)
{
	if (o->flags & OPTION_REQUIRED)
		buf_append_cstr(out, "required");
	else if (o->initial)
		buf_append_cstr(out, o->initial);
	else if (o->zero)
		buf_append_cstr(out, o->zero);
	else if (o->type == OPTION_BOOL)
		buf_append_cstr(out, "false");
	else if (o->type == OPTION_INT || o->type == OPTION_DOUBLE || o->type == OPTION_BYTES)
		buf_append_cstr(out, "0");
	else if (o->type == OPTION_DURATION)
		buf_append_cstr(out, "0s");
}

static void markdown_row(const struct option *o, const char *name, struct buf *out)
{
	buf_appendf(out, "| `%s` | ", name);
	option_append_type(o, out);
	buf_append_cstr(out, " | ");
	size_t start = out->len;
	append_default(o, out);
	bool code = out->len > start && !(o->flags & OPTION_REQUIRED);
	if (code) {
		out->len = start;
		buf_append_byte(out, '`');
		append_default(o, out);
		buf_append_byte(out, '`');
	}
	buf_append_cstr(out, " | ");
	append_remark(o, out);
	buf_append_cstr(out, " |\n");
}

void options_print_markdown(const struct option_table *table, struct buf *out)
{
	buf_append_cstr(out, "| option | type | default | |\n| --- | --- | --- | --- |\n");
	each_row(table, "", markdown_row, out);
	append_reasons(table, "`", out);
}

/* Words of `text` in lines of COLUMN characters, each `indent` deep. */
static void append_wrapped(struct buf *out, const char *text, unsigned indent)
{
	unsigned column = 0;
	while (*text) {
		size_t len = strcspn(text, " ");
		if (column && column + len + 1 > COLUMN) {
			buf_append_byte(out, '\n');
			column = 0;
		}
		buf_appendf(out, "%*s", column ? 1 : (int)indent, "");
		buf_append(out, text, len);
		column += (unsigned)len + (column ? 1 : indent);
		text += len;
		text += strspn(text, " ");
	}
	buf_append_byte(out, '\n');
}

static void help_row(const struct option *o, const char *name, struct buf *out)
{
	struct buf text = BUF_INIT;
	buf_appendf(out, "  %s", name);
	if (o->type != OPTION_ANY && o->type != OPTION_TABLE) {
		buf_append_cstr(out, "  (");
		option_append_type(o, out);
		append_default(o, &text);
		if (text.len)
			buf_appendf(out, "%s%s", o->flags & OPTION_REQUIRED ? "; " : "; default ",
				    buf_cstr(&text));
		buf_append_cstr(out, ")");
	}
	buf_append_byte(out, '\n');
	buf_clear(&text);
	append_remark(o, &text);
	if (text.len)
		append_wrapped(out, buf_cstr(&text), 6);
	buf_release(&text);
}

void options_print_help(const struct option_table *table, struct buf *out)
{
	each_row(table, "", help_row, out);
	append_reasons(table, "", out);
}
