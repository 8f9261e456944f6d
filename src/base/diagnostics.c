#include "base/diagnostics.h"

#include <stdint.h>
#include <stdio.h>

/* Stands in when the arena is full: the counts stay right. */
static struct diagnostic overflow;

void diagnostics_init(struct diagnostics *diagnostics, struct arena *arena)
{
	*diagnostics = (struct diagnostics){.arena = arena};
}

/* What people wrote is repeated to terminals and logs: it must not control them. */
static void disarm(char *text, bool keep_newlines)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == 0x7f || (c < 0x20 && !(keep_newlines && c == '\n')))
			*text = '?';
	}
}

static const char *format_text(struct arena *arena, bool keep_newlines, const char *fmt,
			       va_list args)
{
	va_list again;
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	char *text = len < 0 ? NULL : arena_alloc(arena, (size_t)len + 1);
	if (!text)
		return "";
	vsnprintf(text, (size_t)len + 1, fmt, args);
	disarm(text, keep_newlines);
	return text;
}

const char *diagnostics_text(struct diagnostics *diagnostics, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	const char *text = format_text(diagnostics->arena, true, fmt, args);
	va_end(args);
	return text;
}

static bool is_before(struct position a, struct position b)
{
	return a.line < b.line || (a.line == b.line && a.column < b.column);
}

/* Behind the last message of its source that is not after it; a new source comes last. */
static void insert_in_order(struct diagnostics *diagnostics, struct diagnostic *added)
{
	struct diagnostic **at = &diagnostics->first;
	while (*at && (*at)->at.source != added->at.source)
		at = &(*at)->next;
	while (*at && (*at)->at.source == added->at.source && !is_before(added->at, (*at)->at))
		at = &(*at)->next;
	added->next = *at;
	*at = added;
}

struct diagnostic *diagnostics_vadd(struct diagnostics *diagnostics, enum severity severity,
				    struct position at, const char *path, const char *fmt,
				    va_list args)
{
	if (severity == SEVERITY_ERROR)
		diagnostics->errors++;
	else
		diagnostics->warnings++;
	if (diagnostics->kept == DIAGNOSTICS_KEPT)
		return &overflow;
	struct diagnostic *added = arena_alloc(diagnostics->arena, sizeof(*added));
	if (!added)
		return &overflow;
	*added = (struct diagnostic){.severity = severity, .at = at, .path = path ? path : ""};
	added->message = format_text(diagnostics->arena, false, fmt, args);
	insert_in_order(diagnostics, added);
	diagnostics->kept++;
	return added;
}

struct diagnostic *diagnostics_add(struct diagnostics *diagnostics, enum severity severity,
				   struct position at, const char *path, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	struct diagnostic *added = diagnostics_vadd(diagnostics, severity, at, path, fmt, args);
	va_end(args);
	return added;
}

static void append_place(struct buf *out, struct position at)
{
	if (!at.source)
		return;
	if (at.source->single || !at.line)
		buf_appendf(out, "%s: ", at.source->name);
	else
		buf_appendf(out, "%s:%u:%u: ", at.source->name, at.line, at.column);
}

static void append_path(struct buf *out, const struct diagnostic *diagnostic)
{
	for (const char *c = diagnostic->path; *c; c++)
		buf_append_byte(out, (uint8_t)*c < 0x20 || *c == 0x7f ? '?' : (uint8_t)*c);
	if (diagnostic->path[0])
		buf_append_cstr(out, ": ");
}

void diagnostic_append_line(struct buf *out, const struct diagnostic *diagnostic)
{
	append_place(out, diagnostic->at);
	if (diagnostic->severity == SEVERITY_WARNING)
		buf_append_cstr(out, "warning: ");
	append_path(out, diagnostic);
	buf_append_cstr(out, diagnostic->message);
}

static struct slice line_of(struct slice text, unsigned number)
{
	const char *at = text.ptr, *end = text.ptr + text.len;
	for (unsigned line = 1; line < number && at < end; line++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		at = newline ? newline + 1 : end;
	}
	const char *stop = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
	if (!stop)
		stop = end;
	if (stop > at && stop[-1] == '\r')
		stop--;
	return (struct slice){at, (size_t)(stop - at)};
}

/* The line with a caret under the column; nothing when it would not help. */
static void append_quote(struct buf *out, const struct diagnostic *diagnostic, const char *dim,
			 const char *bright, const char *plain)
{
	const struct position *at = &diagnostic->at;
	if (!at->source || !at->line || at->source->single || diagnostic->unquoted)
		return;
	struct slice line = line_of(at->source->text, at->line);
	if (!line.len || line.len > 160 || at->column > line.len + 1)
		return;
	buf_appendf(out, "%s%5u |%s ", dim, at->line, plain);
	for (size_t i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.ptr[i];
		buf_append_byte(out, c == '\t' ? ' ' : c < 0x20 || c == 0x7f ? '?' : c);
	}
	buf_appendf(out, "\n%s      |%s %*s%s^%s\n", dim, plain, (int)at->column - 1, "", bright,
		    plain);
}

static void append_help(struct buf *out, const char *help, const char *dim, const char *plain)
{
	for (bool first = true; help; first = false) {
		const char *newline = strchr(help, '\n');
		size_t len = newline ? (size_t)(newline - help) : strlen(help);
		buf_appendf(out, "%s      %s%s ", dim, first ? "=" : " ", plain);
		buf_append(out, help, len);
		buf_append_byte(out, '\n');
		help = newline ? newline + 1 : NULL;
	}
}

void diagnostics_print(const struct diagnostics *diagnostics, struct buf *out, bool colour)
{
	const char *bold = colour ? "\033[1m" : "", *plain = colour ? "\033[0m" : "";
	const char *red = colour ? "\033[1;31m" : "", *yellow = colour ? "\033[1;33m" : "";
	const char *dim = colour ? "\033[2m" : "";
	for (const struct diagnostic *d = diagnostics->first; d; d = d->next) {
		bool warning = d->severity == SEVERITY_WARNING;
		buf_append_cstr(out, bold);
		append_place(out, d->at);
		buf_append_cstr(out, plain);
		if (warning)
			buf_appendf(out, "%swarning:%s ", yellow, plain);
		buf_append_cstr(out, warning ? plain : red);
		append_path(out, d);
		buf_append_cstr(out, plain);
		buf_append_cstr(out, d->message);
		buf_append_byte(out, '\n');
		append_quote(out, d, dim, warning ? yellow : red, plain);
		append_help(out, d->help, dim, plain);
	}
	unsigned all = diagnostics->errors + diagnostics->warnings;
	if (all > diagnostics->kept)
		buf_appendf(out, "... and %u more\n", all - diagnostics->kept);
}
