#include "lang/promql/quote.h"

#include <stdbool.h>

#include "wire/utf8_sequence.h"

int32_t promql_rune(const char *p, const char *end, size_t *len)
{
	const uint8_t *u = (const uint8_t *)p;
	*len = 1;
	if (u[0] < 0x80)
		return u[0];
	size_t n = utf8_sequence(p, end);
	if (n == 0)
		return PROMQL_RUNE_INVALID;
	*len = n;
	int32_t rune = u[0] & (0xff >> (n + 1));
	for (size_t i = 1; i < n; i++)
		rune = rune << 6 | (u[i] & 0x3f);
	return rune;
}

void promql_put_rune(int32_t rune, struct buf *out)
{
	if (rune < 0x80) {
		buf_append_byte(out, (uint8_t)rune);
		return;
	}
	unsigned tail = rune < 0x800 ? 1 : rune < 0x10000 ? 2 : 3;
	static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
	buf_append_byte(out, (uint8_t)(lead[tail] | rune >> (6 * tail)));
	while (tail-- > 0)
		buf_append_byte(out, (uint8_t)(0x80 | (rune >> (6 * tail) & 0x3f)));
}

/*
 * Go's strconv.IsPrint, but for code points that are not assigned: no controls, no spaces
 * but ASCII's, no format characters, no private use.
 */
static bool is_printable(int32_t rune)
{
	static const struct {
		int32_t first, last;
	} hidden[] = {
		{0x00, 0x1f},     {0x7f, 0xa0},     {0xad, 0xad},       {0x600, 0x605},
		{0x61c, 0x61c},   {0x6dd, 0x6dd},   {0x70f, 0x70f},     {0x1680, 0x1680},
		{0x180e, 0x180e}, {0x2000, 0x200f}, {0x2028, 0x202f},   {0x205f, 0x206f},
		{0x3000, 0x3000}, {0xd800, 0xf8ff}, {0xfdd0, 0xfdef},   {0xfeff, 0xfeff},
		{0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0x323b0, 0xe00ff}, {0xe01f0, 0x10ffff},
	};
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		if (rune >= hidden[i].first && rune <= hidden[i].last)
			return false;
	}
	return true;
}

static void put_escaped(int32_t rune, char quote, struct buf *out)
{
	static const char from[] = "\a\b\f\n\r\t\v", into[] = "abfnrtv";
	const char *simple = rune > 0 && rune < 0x20 ? strchr(from, (int)rune) : NULL;
	if (rune == quote || rune == '\\') {
		buf_append_byte(out, '\\');
		buf_append_byte(out, (uint8_t)rune);
	} else if (is_printable(rune)) {
		promql_put_rune(rune, out);
	} else if (simple) {
		buf_append_byte(out, '\\');
		buf_append_byte(out, (uint8_t)into[simple - from]);
	} else if (rune < 0x20 || rune == 0x7f) {
		buf_appendf(out, "\\x%02x", (unsigned)rune);
	} else if (rune < 0x10000) {
		buf_appendf(out, "\\u%04x", (unsigned)rune);
	} else {
		buf_appendf(out, "\\U%08x", (unsigned)rune);
	}
}

void promql_quote_rune(int32_t rune, struct buf *out)
{
	if (rune < 0)
		rune = PROMQL_RUNE_INVALID;
	if (rune & PROMQL_RUNE_CODE) {
		rune &= ~PROMQL_RUNE_CODE;
		buf_appendf(out, "U+%04X", (unsigned)rune);
		/* Go shows the character as it is here, and only when it can be seen. */
		if (is_printable(rune)) {
			buf_append_cstr(out, " '");
			promql_put_rune(rune, out);
			buf_append_byte(out, '\'');
		}
		return;
	}
	buf_append_byte(out, '\'');
	put_escaped(rune, '\'', out);
	buf_append_byte(out, '\'');
}

void promql_quote_start(struct slice text, unsigned max, struct buf *out)
{
	const char *p = text.ptr, *end = p + text.len;
	size_t len;
	buf_append_byte(out, '"');
	for (; p < end && max > 0 && !out->failed; p += len, max--) {
		int32_t rune = promql_rune(p, end, &len);
		if (rune == PROMQL_RUNE_INVALID && len == 1)
			buf_appendf(out, "\\x%02x", (unsigned)(uint8_t)*p);
		else
			put_escaped(rune, '"', out);
	}
	buf_append_byte(out, '"');
}

void promql_quote(struct slice text, struct buf *out)
{
	promql_quote_start(text, UINT32_MAX, out);
}

static uint32_t digits(const char **p, unsigned count, unsigned bits)
{
	uint32_t value = 0;
	while (count-- > 0) {
		char c = *(*p)++;
		value = value << bits | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return value;
}

/* The escape whose letter is at `*p`. */
static void unescape(const char **p, struct buf *out)
{
	static const char from[] = "abfnrtv", into[] = "\a\b\f\n\r\t\v";
	char c = *(*p)++;
	const char *simple = strchr(from, c);
	if (simple) {
		buf_append_byte(out, (uint8_t)into[simple - from]);
	} else if (c >= '0' && c <= '7') {
		(*p)--;
		buf_append_byte(out, (uint8_t)digits(p, 3, 3));
	} else if (c == 'x') {
		buf_append_byte(out, (uint8_t)digits(p, 2, 4));
	} else if (c == 'u' || c == 'U') {
		promql_put_rune((int32_t)digits(p, c == 'u' ? 4 : 8, 4), out);
	} else {
		buf_append_byte(out, (uint8_t)c);
	}
}

struct slice promql_unquote(struct slice token, struct arena *arena)
{
	struct slice inner = {token.ptr + 1, token.len - 2};
	if (token.ptr[0] == '`' || inner.len == 0 || !memchr(inner.ptr, '\\', inner.len))
		return inner;
	/* No escape is shorter than what it stands for. */
	char *room = arena_alloc(arena, inner.len);
	if (!room)
		return (struct slice){NULL, 0};
	struct buf out = {.data = room, .capacity = inner.len, .limit = inner.len};
	const char *p = inner.ptr, *end = p + inner.len;
	while (p < end) {
		if (*p == '\\') {
			p++;
			unescape(&p, &out);
		} else {
			buf_append_byte(&out, (uint8_t)*p++);
		}
	}
	return (struct slice){out.data, out.len};
}
