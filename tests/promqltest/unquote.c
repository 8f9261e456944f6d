#include "unquote.h"

#include <stdint.h>
#include <stdlib.h>

static size_t put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* The escape behind a backslash at `p`; returns how many bytes it has, 0 when it is none. */
static size_t escape(const char *p, const char *end, char *out, size_t *len)
{
	static const char names[] = "abfnrtv\\\"", values[] = "\a\b\f\n\r\t\v\\\"";
	const char *simple = p < end ? strchr(names, *p) : NULL;
	if (simple && *simple) {
		out[(*len)++] = values[simple - names];
		return 1;
	}
	size_t digits = p == end ? 0 : *p == 'x' ? 2 : *p == 'u' ? 4 : *p == 'U' ? 8 : 0;
	char hex[9], *rest;
	if (digits == 0 || (size_t)(end - p) < digits + 1)
		return 0;
	memcpy(hex, p + 1, digits);
	hex[digits] = 0;
	uint32_t c = (uint32_t)strtoul(hex, &rest, 16);
	if (*rest)
		return 0;
	if (digits == 2)
		out[(*len)++] = (char)c;
	else
		*len += put_utf8(out + *len, c);
	return digits + 1;
}

int unquote(struct slice *out, struct arena *arena, struct slice text, struct error *err)
{
	char quote = text.len >= 2 ? text.ptr[0] : 0;
	if ((quote != '"' && quote != '`') || text.ptr[text.len - 1] != quote)
		return error_set(err, STATUS_INVALID, "a quoted string is missing");
	const char *p = text.ptr + 1, *end = text.ptr + text.len - 1;
	if (quote == '`') {
		*out = (struct slice){p, (size_t)(end - p)};
		return 0;
	}
	char *bytes = arena_alloc(arena, text.len);
	size_t len = 0;
	if (!bytes)
		return error_set(err, STATUS_LIMIT, "out of memory");
	while (p < end) {
		if (*p != '\\') {
			bytes[len++] = *p++;
			continue;
		}
		size_t taken = escape(p + 1, end, bytes, &len);
		if (taken == 0)
			return error_set(err, STATUS_INVALID, "a string with a wrong escape");
		p += 1 + taken;
	}
	*out = (struct slice){bytes, len};
	return 0;
}
