#include "base/regex_syntax.h"

#include <stdbool.h>
#include <stdlib.h>

/* More of these in a counted repetition are refused, as by RE2. */
#define MAX_REPEAT 1000

struct translator {
	const char *start, *end, *p;
	struct buf *out;
	struct regex_group_names *names;
	struct error *err;
	unsigned open; /* groups */
	bool repeatable; /* what was read last can be repeated */
	const char *last_repeat; /* the repetition that was read last, if it was the last thing */
};

/* `what: `text``, where text is from `from` to `to`. */
static int fail(struct translator *t, const char *what, const char *from, const char *to)
{
	return error_set(t->err, STATUS_INVALID, "error parsing regexp: %s: `%.*s`", what,
			 (int)(to - from), from);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	char lower = (char)(c | 0x20);
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static void put_literal(struct translator *t, uint32_t rune)
{
	buf_appendf(t->out, "\\x{%x}", (unsigned)rune);
}

/* The code point at `t->p`; the pattern is known to be UTF-8. */
static uint32_t take_rune(struct translator *t)
{
	uint8_t first = (uint8_t)*t->p++;
	if (first < 0x80)
		return first;
	unsigned tail = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
	uint32_t rune = first & (0x3fu >> tail);
	while (tail-- > 0)
		rune = rune << 6 | ((uint8_t)*t->p++ & 0x3f);
	return rune;
}

/* --- escapes -------------------------------------------------------------------------- */

static int take_hex(struct translator *t)
{
	if (t->p == t->end)
		return -1;
	uint32_t rune = take_rune(t);
	return rune < 0x80 ? hex_value((char)rune) : -1;
}

/* "{10ffff}" or "7f" behind \x. On failure `t->p` is behind what is wrong. */
static bool hex_escape(struct translator *t, uint32_t *rune)
{
	*rune = 0;
	if (t->p == t->end || *t->p != '{') {
		int high = take_hex(t), low = t->p < t->end ? take_hex(t) : -1;
		*rune = (uint32_t)(high * 16 + low);
		return high >= 0 && low >= 0;
	}
	const char *first = ++t->p;
	while (t->p < t->end) {
		if (*t->p == '}')
			return t->p++ != first && (*rune < 0xd800 || *rune > 0xdfff);
		int digit = take_hex(t);
		if (digit < 0)
			return false;
		*rune = *rune * 16 + (uint32_t)digit;
		if (*rune > 0x10ffff)
			return false;
	}
	return false;
}

/* An escape that stands for one character; `t->p` is at its backslash. */
static int escaped_rune(struct translator *t, uint32_t *rune)
{
	static const char from[] = "afnrtv", into[] = "\a\f\n\r\t\v";
	const char *start = t->p++;
	if (t->p == t->end)
		return error_set(
			t->err, STATUS_INVALID,
			"error parsing regexp: trailing backslash at end of expression: ``");
	uint32_t c = take_rune(t);
	const char *simple = c && c < 0x80 ? strchr(from, (int)c) : NULL;
	bool octal_follows = t->p < t->end && *t->p >= '0' && *t->p <= '7';
	if (c == '0' || (c >= '1' && c <= '7' && octal_follows)) {
		*rune = c - '0';
		for (int i = 1; i < 3 && t->p < t->end && *t->p >= '0' && *t->p <= '7'; i++)
			*rune = *rune * 8 + (uint32_t)(*t->p++ - '0');
		return STATUS_OK;
	}
	if (c == 'x' && hex_escape(t, rune))
		return STATUS_OK;
	if (simple) {
		*rune = (uint8_t)into[simple - from];
		return STATUS_OK;
	}
	if (c < 0x80 && !is_digit((char)c) && !is_letter((char)c)) {
		*rune = c;
		return STATUS_OK;
	}
	return fail(t, "invalid escape sequence", start, t->p);
}

/* One of Unicode's categories: "L", "Lu". PCRE2 would take any case. */
static bool is_category(struct slice name)
{
	if (name.len == 0 || name.len > 2 || !memchr("CLMNPSZ", name.ptr[0], 7))
		return false;
	return name.len == 1 || (name.ptr[1] >= 'a' && name.ptr[1] <= 'z');
}

/* "Greek", "Old_Italic"; whether there is such a script, PCRE2 knows. */
static bool is_script(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (!is_letter(name.ptr[i]) && name.ptr[i] != '_')
			return false;
	}
	return name.len > 2 && name.ptr[0] >= 'A' && name.ptr[0] <= 'Z';
}

/* \pL or \p{Greek} or \p{^Greek}. */
static int unicode_class(struct translator *t)
{
	const char *start = t->p;
	t->p += 2;
	if (t->p == t->end)
		return fail(t, "invalid character class range", start, t->p);
	struct slice name = {t->p, 1};
	if (*t->p != '{') {
		take_rune(t);
		name.len = (size_t)(t->p - name.ptr);
	} else {
		const char *close = memchr(t->p, '}', (size_t)(t->end - t->p));
		if (!close)
			return fail(t, "invalid character class range", start, t->end);
		name = (struct slice){t->p + 1, (size_t)(close - t->p - 1)};
		t->p = close + 1;
	}
	bool negated = name.len && name.ptr[0] == '^';
	if (negated)
		name = (struct slice){name.ptr + 1, name.len - 1};
	bool script = is_script(name) && !slice_eq_cstr(name, "Any");
	if (!script && !is_category(name) && !slice_eq_cstr(name, "Any"))
		return fail(t, "invalid character class range", start, t->p);
	/* sc: the script itself; without it, PCRE2 adds characters that several scripts share. */
	buf_appendf(t->out, "\\%c{%s%s" SLICE_FMT "}", start[1], negated ? "^" : "",
		    script ? "sc:" : "", SLICE_ARG(name));
	return STATUS_OK;
}

/* \d and its like. To PCRE2 a vertical tab is a space; to RE2 it is not. */
static bool perl_class(struct translator *t, bool in_class)
{
	if (t->end - t->p < 2)
		return false;
	char c = t->p[1];
	switch (c) {
	case 'd':
	case 'D':
	case 'w':
	case 'W':
		buf_append(t->out, t->p, 2);
		break;
	case 's':
		buf_append_cstr(t->out, in_class ? "\\t\\n\\f\\r " : "[\\t\\n\\f\\r ]");
		break;
	case 'S':
		buf_append_cstr(t->out, in_class ? "\\S\\x0b" : "[^\\t\\n\\f\\r ]");
		break;
	default:
		return false;
	}
	t->p += 2;
	return true;
}

/* --- classes -------------------------------------------------------------------------- */

static int class_rune(struct translator *t, const char *class_start, uint32_t *rune)
{
	if (t->p == t->end)
		return fail(t, "missing closing ]", class_start, t->end);
	if (*t->p == '\\')
		return escaped_rune(t, rune);
	*rune = take_rune(t);
	return STATUS_OK;
}

/* [:alpha:]; 1: it was one. */
static int posix_class(struct translator *t)
{
	static const char *const names[] = {"alnum", "alpha", "ascii", "blank", "cntrl",
					    "digit", "graph", "lower", "print", "punct",
					    "space", "upper", "word",  "xdigit"};
	const char *p = t->p + 2;
	while (t->end - p >= 2 && !(p[0] == ':' && p[1] == ']'))
		p++;
	if (t->end - p < 2)
		return 0;
	struct slice name = {t->p + 2, (size_t)(p - t->p - 2)};
	if (name.len && name.ptr[0] == '^')
		name = (struct slice){name.ptr + 1, name.len - 1};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (slice_eq_cstr(name, names[i])) {
			buf_append(t->out, t->p, (size_t)(p + 2 - t->p));
			t->p = p + 2;
			return 1;
		}
	}
	return fail(t, "invalid character class range", t->p, p + 2);
}

static int class_range(struct translator *t, const char *class_start)
{
	const char *start = t->p;
	uint32_t low, high;
	int rc = class_rune(t, class_start, &low);
	if (rc < 0)
		return rc;
	put_literal(t, low);
	if (t->end - t->p < 2 || t->p[0] != '-' || t->p[1] == ']')
		return STATUS_OK;
	t->p++;
	rc = class_rune(t, class_start, &high);
	if (rc < 0)
		return rc;
	if (high < low)
		return fail(t, "invalid character class range", start, t->p);
	buf_append_byte(t->out, '-');
	put_literal(t, high);
	return STATUS_OK;
}

static int character_class(struct translator *t)
{
	const char *start = t->p++;
	buf_append_byte(t->out, '[');
	if (t->p < t->end && *t->p == '^') {
		buf_append_byte(t->out, '^');
		t->p++;
	}
	for (bool first = true; t->p == t->end || *t->p != ']' || first; first = false) {
		int rc = 0;
		bool two = t->end - t->p >= 2;
		if (two && t->p[0] == '[' && t->p[1] == ':' && (rc = posix_class(t)) != 0) {
			if (rc < 0)
				return rc;
		} else if (two && t->p[0] == '\\' && (t->p[1] | 0x20) == 'p') {
			rc = unicode_class(t);
		} else if (!two || t->p[0] != '\\' || !perl_class(t, true)) {
			rc = class_range(t, start);
		}
		if (rc < 0)
			return rc;
	}
	t->p++;
	buf_append_byte(t->out, ']');
	return STATUS_OK;
}

/* --- groups --------------------------------------------------------------------------- */

static int add_name(struct translator *t, const char *group, struct slice name)
{
	struct regex_group_names *names = t->names;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		if (c != '_' && !is_digit(c) && !is_letter(c))
			name.len = 0;
	}
	if (name.len == 0)
		return fail(t, "invalid named capture", group, t->p);
	if (names->count == names->capacity) {
		uint32_t capacity = names->capacity ? 2 * names->capacity : 4;
		void *items = realloc(names->items, capacity * sizeof(names->items[0]));
		if (!items)
			return error_set(t->err, STATUS_NO_MEMORY, "no memory for a regexp");
		names->items = items;
		names->capacity = capacity;
	}
	names->items[names->count++] = (struct regex_group_name){name, names->groups};
	return STATUS_OK;
}

/* (?P<name> or (?<name>. */
static int named_group(struct translator *t, size_t prefix)
{
	const char *start = t->p, *name = start + prefix;
	const char *close = memchr(start, '>', (size_t)(t->end - start));
	if (!close)
		return fail(t, "invalid named capture", start, t->end);
	t->p = close + 1;
	t->names->groups++;
	t->open++;
	t->repeatable = false;
	buf_append_byte(t->out, '(');
	return add_name(t, start, (struct slice){name, (size_t)(close - name)});
}

/* (?i) or (?i-s: and so on. */
static int flags(struct translator *t)
{
	const char *start = t->p;
	bool minus = false, any = false;
	for (t->p += 2; t->p < t->end;) {
		char c = *t->p;
		take_rune(t);
		if (c == 'i' || c == 'm' || c == 's' || c == 'U') {
			any = true;
		} else if (c == '-' && !minus) {
			minus = true;
			any = false;
		} else if ((c == ':' || c == ')') && (any || !minus)) {
			buf_append(t->out, start, (size_t)(t->p - start));
			if (c == ':') {
				t->open++;
				t->repeatable = false;
			}
			return STATUS_OK;
		} else {
			return fail(t, "invalid or unsupported Perl syntax", start, t->p);
		}
	}
	return fail(t, "invalid or unsupported Perl syntax", start, t->end);
}

static int open_group(struct translator *t)
{
	size_t left = (size_t)(t->end - t->p);
	if (left >= 2 && t->p[1] == '?') {
		if (left > 4 && t->p[2] == 'P' && t->p[3] == '<')
			return named_group(t, 4);
		if (left > 3 && t->p[2] == '<')
			return named_group(t, 3);
		return flags(t);
	}
	t->p++;
	t->names->groups++;
	t->open++;
	t->repeatable = false;
	buf_append_byte(t->out, '(');
	return STATUS_OK;
}

static int close_group(struct translator *t)
{
	if (t->open == 0)
		return fail(t, "unexpected )", t->start, t->end);
	t->open--;
	t->p++;
	t->repeatable = true;
	buf_append_byte(t->out, ')');
	return STATUS_OK;
}

/* --- repetitions ---------------------------------------------------------------------- */

static const char *count(const char *p, const char *end, unsigned *value)
{
	/* No leading zeroes: then it is no repetition but literal text. */
	if (p == end || !is_digit(*p) || (p[0] == '0' && end - p > 1 && is_digit(p[1])))
		return NULL;
	*value = 0;
	for (; p < end && is_digit(*p); p++) {
		if (*value <= MAX_REPEAT)
			*value = *value * 10 + (unsigned)(*p - '0');
	}
	return p;
}

/* What is behind "{2,5}"; NULL: it is literal text. */
static const char *counted(const char *p, const char *end, bool *valid)
{
	unsigned least, most;
	p = count(p + 1, end, &least);
	if (!p || p == end)
		return NULL;
	most = least;
	if (*p == ',') {
		p++;
		if (p == end)
			return NULL;
		if (*p != '}' && !(p = count(p, end, &most)))
			return NULL;
		if (most < least)
			most = MAX_REPEAT + 1;
	}
	if (p == end || *p != '}')
		return NULL;
	*valid = least <= MAX_REPEAT && most <= MAX_REPEAT;
	return p + 1;
}

/* The operator from `t->p` to `behind`. */
static int repetition(struct translator *t, const char *behind, const char *previous)
{
	const char *start = t->p;
	if (behind < t->end && *behind == '?')
		behind++;
	if (previous)
		return fail(t, "invalid nested repetition operator", previous, behind);
	if (!t->repeatable)
		return fail(t, "missing argument to repetition operator", start, behind);
	buf_append(t->out, start, (size_t)(behind - start));
	t->p = behind;
	t->last_repeat = start;
	return STATUS_OK;
}

static int brace(struct translator *t, const char *previous)
{
	bool valid = true;
	const char *behind = counted(t->p, t->end, &valid);
	if (!behind) {
		t->p++;
		t->repeatable = true;
		put_literal(t, '{');
		return STATUS_OK;
	}
	if (!valid)
		return fail(t, "invalid repeat count", t->p, behind);
	return repetition(t, behind, previous);
}

/* --- everything ----------------------------------------------------------------------- */

/* \Q…\E */
static void quoted(struct translator *t)
{
	t->p += 2;
	while (t->p < t->end) {
		if (t->end - t->p >= 2 && t->p[0] == '\\' && t->p[1] == 'E') {
			t->p += 2;
			break;
		}
		put_literal(t, take_rune(t));
		t->repeatable = true;
	}
}

static int backslash(struct translator *t)
{
	char c = t->end - t->p >= 2 ? t->p[1] : '\0';
	uint32_t rune;
	if (c == 'Q') {
		quoted(t);
		return STATUS_OK;
	}
	t->repeatable = true;
	if (c == 'A' || c == 'b' || c == 'B' || c == 'z') {
		/* In a group, as RE2 lets positions be repeated. */
		buf_appendf(t->out, "(?:\\%c)", c);
		t->p += 2;
		return STATUS_OK;
	}
	if (c == 'p' || c == 'P')
		return unicode_class(t);
	if (perl_class(t, false))
		return STATUS_OK;
	int rc = escaped_rune(t, &rune);
	if (rc == 0)
		put_literal(t, rune);
	return rc;
}

static int one(struct translator *t)
{
	const char *previous = t->last_repeat;
	t->last_repeat = NULL;
	switch (*t->p) {
	case '(':
		return open_group(t);
	case ')':
		return close_group(t);
	case '|':
		t->repeatable = false;
		buf_append_byte(t->out, *t->p++);
		return STATUS_OK;
	case '*':
	case '+':
	case '?':
		return repetition(t, t->p + 1, previous);
	case '{':
		return brace(t, previous);
	case '[':
		t->repeatable = true;
		return character_class(t);
	case '\\':
		return backslash(t);
	case '^':
	case '$':
		buf_appendf(t->out, "(?:%c)", *t->p++);
		break;
	case '.':
		buf_append_byte(t->out, *t->p++);
		break;
	default:
		put_literal(t, take_rune(t));
		break;
	}
	t->repeatable = true;
	return STATUS_OK;
}

/* No overlong forms, no surrogates (RFC 3629). */
static bool is_utf8(struct slice text)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	struct translator t = {.p = text.ptr, .end = text.ptr + text.len};
	while (t.p < t.end) {
		uint8_t first = (uint8_t)*t.p;
		unsigned tail = first < 0x80 ? 0 : first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
		if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || t.end - t.p <= tail)
			return false;
		for (unsigned i = 1; i <= tail; i++) {
			if ((t.p[i] & 0xc0) != 0x80)
				return false;
		}
		uint32_t rune = take_rune(&t);
		if (rune < least[tail] || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff))
			return false;
	}
	return true;
}

int regex_translate(struct slice pattern, struct buf *out, struct regex_group_names *names,
		    struct error *err)
{
	struct translator t = {
		.start = pattern.ptr,
		.end = pattern.ptr + pattern.len,
		.p = pattern.ptr,
		.out = out,
		.names = names,
		.err = err,
	};
	if (!is_utf8(pattern))
		return error_set(err, STATUS_INVALID, "error parsing regexp: invalid UTF-8");
	while (t.p < t.end) {
		int rc = one(&t);
		if (rc < 0)
			return rc;
	}
	if (t.open)
		return fail(&t, "missing closing )", t.start, t.end);
	return STATUS_OK;
}
