#include "wire/json.h"

#include <stdio.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "wire/utf8_sequence.h"

enum expect {
	EXPECT_VALUE, /* a value */
	EXPECT_VALUE_OR_END, /* behind '[' */
	EXPECT_KEY_OR_END, /* behind '{' */
	EXPECT_COMMA_OR_END, /* behind a value in an object or array */
	EXPECT_NOTHING, /* behind the whole value */
};

void json_reader_init(struct json_reader *r, struct slice bytes, struct arena *arena,
		      unsigned max_depth)
{
	memset(r, 0, sizeof(*r));
	r->start = r->next = r->token = bytes.len ? bytes.ptr : "";
	r->end = r->start + bytes.len;
	r->arena = arena;
	r->max_depth = max_depth < JSON_MAX_DEPTH ? max_depth : JSON_MAX_DEPTH;
	r->expect = EXPECT_VALUE;
}

const char *json_token_name(enum json_token token)
{
	static const char *const names[] = {"the end",
					    "an object",
					    "the end of an object",
					    "an array",
					    "the end of an array",
					    "a key",
					    "a string",
					    "a number",
					    "true",
					    "false",
					    "null"};
	return names[token];
}

static struct json_position position_of(const struct json_reader *r, const char *at)
{
	struct json_position p = {1, 1, (size_t)(at - r->start)};
	const char *line = r->start;
	for (const char *nl; line < at && (nl = memchr(line, '\n', (size_t)(at - line)));) {
		p.line++;
		line = nl + 1;
	}
	p.column = (unsigned long)(at - line) + 1;
	return p;
}

struct json_position json_position(const struct json_reader *r)
{
	return position_of(r, r->token);
}

/* What is at `at`, for people. */
static void describe(const struct json_reader *r, const char *at, char *out, size_t size)
{
	if (at >= r->end) {
		snprintf(out, size, "the end of the text");
		return;
	}
	unsigned char c = (unsigned char)*at;
	if (c > 0x20 && c < 0x7f)
		snprintf(out, size, "'%c'", c);
	else
		snprintf(out, size, "byte 0x%02x", c);
}

static int fail(const struct json_reader *r, const char *at, struct error *err,
		const char *expected)
{
	char found[40];
	describe(r, at, found, sizeof(found));
	struct json_position p = position_of(r, at);
	return error_set(err, STATUS_INVALID,
			 "JSON, line %lu, column %lu (byte %zu): expected %s, found %s", p.line,
			 p.column, p.offset, expected, found);
}

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

/* --- strings ------------------------------------------------------------------------ */

/* The first byte from `p` on that is a quote, a backslash, a control or not ASCII; or `end`. */
static const char *skip_plain(const char *p, const char *end)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
	const __m128i space = _mm_set1_epi8(0x20);
	while (end - p >= 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)p);
		/* Signed: bytes from 0x80 on are below 0x20 as well. */
		__m128i stop = _mm_or_si128(
			_mm_cmplt_epi8(v, space),
			_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash)));
		unsigned mask = (unsigned)_mm_movemask_epi8(stop);
		if (mask)
			return p + __builtin_ctz(mask);
		p += 16;
	}
#endif
	while (p < end && (uint8_t)*p >= 0x20 && (uint8_t)*p < 0x80 && *p != '"' && *p != '\\')
		p++;
	return p;
}

/* Four hex digits, or -1. */
static int hex4(const char *p, const char *end)
{
	if (end - p < 4)
		return -1;
	int value = 0;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		int digit;
		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (c | 0x20) - 'a' + 10;
		else
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

static char *put_utf8(char *to, unsigned code)
{
	if (code < 0x80) {
		*to++ = (char)code;
	} else if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
		*to++ = (char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		*to++ = (char)(0xe0 | code >> 12);
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	} else {
		*to++ = (char)(0xf0 | code >> 18);
		*to++ = (char)(0x80 | (code >> 12 & 0x3f));
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	}
	return to;
}

/* The escape at `p`, which was checked before, to `*to`. Returns what is behind it. */
static const char *unescape_one(const char *p, const char *end, char **to)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	const char *simple = strchr(from, p[1]);
	if (simple) {
		*(*to)++ = into[simple - from];
		return p + 2;
	}
	unsigned code = (unsigned)hex4(p + 2, end);
	p += 6;
	if (code >= 0xd800 && code <= 0xdbff && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
		unsigned low = (unsigned)hex4(p + 2, end);
		if (low >= 0xdc00 && low <= 0xdfff) {
			*to = put_utf8(*to, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00));
			return p + 6;
		}
	}
	if (code >= 0xd800 && code <= 0xdfff)
		code = 0xfffd;
	*to = put_utf8(*to, code);
	return p;
}

/* Unescaped text is never longer: six bytes of \uXXXX give at most three. */
static int unescape(struct json_reader *r, const char *p, const char *end, struct error *err)
{
	char *copy = arena_alloc(r->arena, (size_t)(end - p));
	if (!copy)
		return error_set(err, STATUS_LIMIT, "JSON: no memory for a string of %zu bytes",
				 (size_t)(end - p));
	char *to = copy;
	while (p < end) {
		const char *escape = memchr(p, '\\', (size_t)(end - p));
		size_t plain = (size_t)((escape ? escape : end) - p);
		memcpy(to, p, plain);
		to += plain;
		p += plain;
		if (escape)
			p = unescape_one(p, end, &to);
	}
	r->text = (struct slice){copy, (size_t)(to - copy)};
	return 0;
}

/* Checks the escape at `p`; returns what is behind it, or NULL with the error set. */
static const char *check_escape(const struct json_reader *r, const char *p, struct error *err)
{
	char c = p + 1 < r->end ? p[1] : '\0';
	if (c && strchr("\"\\/bfnrt", c))
		return p + 2;
	if (c != 'u') {
		fail(r, p + 1, err, "one of \"\\/bfnrtu behind a backslash");
		return NULL;
	}
	if (hex4(p + 2, r->end) < 0) {
		fail(r, p + 2, err, "four hex digits behind \\u");
		return NULL;
	}
	return p + 6;
}

/* `r->next` is at the opening quote. */
static int read_string(struct json_reader *r, struct error *err)
{
	const char *start = r->next + 1, *p = start;
	bool escaped = false;
	for (;;) {
		p = skip_plain(p, r->end);
		if (p == r->end)
			return fail(r, p, err, "'\"' at the end of a string");
		if (*p == '"')
			break;
		if (*p == '\\') {
			escaped = true;
			p = check_escape(r, p, err);
			if (!p)
				return STATUS_INVALID;
		} else if ((uint8_t)*p < 0x20) {
			return fail(r, p, err, "control characters in a string to be escaped");
		} else {
			size_t len = utf8_sequence(p, r->end);
			if (len == 0)
				return fail(r, p, err, "valid UTF-8");
			p += len;
		}
	}
	r->next = p + 1;
	if (escaped && r->arena)
		return unescape(r, start, p, err);
	r->text = (struct slice){start, (size_t)(p - start)};
	return 0;
}

/* --- the other values ---------------------------------------------------------------- */

static const char *digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

static int read_number(struct json_reader *r, struct error *err)
{
	const char *p = r->next, *end = r->end, *from;
	if (*p == '-')
		p++;
	from = p;
	p = digits(p, end);
	if (p == from)
		return fail(r, p, err, "a digit");
	if (*from == '0' && p - from > 1)
		return fail(r, from + 1, err, "no digit behind a leading 0");
	if (p < end && *p == '.') {
		from = ++p;
		p = digits(p, end);
		if (p == from)
			return fail(r, p, err, "a digit behind the decimal point");
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		from = p;
		p = digits(p, end);
		if (p == from)
			return fail(r, p, err, "a digit in the exponent");
	}
	r->text = (struct slice){r->next, (size_t)(p - r->next)};
	r->next = p;
	return JSON_NUMBER;
}

static int read_word(struct json_reader *r, const char *word, enum json_token token,
		     struct error *err)
{
	size_t len = strlen(word);
	if ((size_t)(r->end - r->next) < len || memcmp(r->next, word, len) != 0)
		return fail(r, r->next, err, "a value");
	r->next += len;
	return token;
}

static int open_level(struct json_reader *r, bool object, struct error *err)
{
	if (r->depth == r->max_depth) {
		struct json_position p = position_of(r, r->next);
		return error_set(err, STATUS_INVALID,
				 "JSON, line %lu, column %lu (byte %zu): nested deeper than %u "
				 "levels",
				 p.line, p.column, p.offset, r->max_depth);
	}
	uint64_t bit = (uint64_t)1 << (r->depth % 64);
	if (object)
		r->in_object[r->depth / 64] |= bit;
	else
		r->in_object[r->depth / 64] &= ~bit;
	r->depth++;
	r->next++;
	r->expect = object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
	return object ? JSON_OBJECT_BEGIN : JSON_ARRAY_BEGIN;
}

static bool inside_object(const struct json_reader *r)
{
	unsigned level = r->depth - 1;
	return r->in_object[level / 64] >> (level % 64) & 1;
}

static int close_level(struct json_reader *r)
{
	bool object = inside_object(r);
	r->depth--;
	r->next++;
	r->expect = r->depth ? EXPECT_COMMA_OR_END : EXPECT_NOTHING;
	return object ? JSON_OBJECT_END : JSON_ARRAY_END;
}

static int read_scalar(struct json_reader *r, struct error *err)
{
	switch (*r->next) {
	case '"': {
		int rc = read_string(r, err);
		return rc < 0 ? rc : JSON_STRING;
	}
	case 't':
		return read_word(r, "true", JSON_TRUE, err);
	case 'f':
		return read_word(r, "false", JSON_FALSE, err);
	case 'n':
		return read_word(r, "null", JSON_NULL, err);
	case '-':
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9':
		return read_number(r, err);
	default:
		return fail(r, r->next, err,
			    r->expect == EXPECT_VALUE_OR_END ? "a value or ']'" : "a value");
	}
}

static int read_value(struct json_reader *r, struct error *err)
{
	if (r->next == r->end)
		return fail(r, r->next, err, "a value");
	if (*r->next == '{' || *r->next == '[')
		return open_level(r, *r->next == '{', err);
	int token = read_scalar(r, err);
	if (token >= 0)
		r->expect = r->depth ? EXPECT_COMMA_OR_END : EXPECT_NOTHING;
	return token;
}

static int read_key(struct json_reader *r, const char *expected, struct error *err)
{
	if (r->next == r->end || *r->next != '"')
		return fail(r, r->next, err, expected);
	int rc = read_string(r, err);
	if (rc < 0)
		return rc;
	r->next = skip_space(r->next, r->end);
	if (r->next == r->end || *r->next != ':')
		return fail(r, r->next, err, "':' behind a key");
	r->next++;
	r->expect = EXPECT_VALUE;
	return JSON_KEY;
}

static int read_behind_value(struct json_reader *r, struct error *err)
{
	bool object = inside_object(r);
	if (r->next < r->end && *r->next == (object ? '}' : ']'))
		return close_level(r);
	if (r->next == r->end || *r->next != ',')
		return fail(r, r->next, err, object ? "',' or '}'" : "',' or ']'");
	r->token = r->next = skip_space(r->next + 1, r->end);
	return object ? read_key(r, "a key", err) : read_value(r, err);
}

int json_next(struct json_reader *r, struct error *err)
{
	r->token = r->next = skip_space(r->next, r->end);
	switch ((enum expect)r->expect) {
	case EXPECT_VALUE:
		return read_value(r, err);
	case EXPECT_VALUE_OR_END:
		if (r->next < r->end && *r->next == ']')
			return close_level(r);
		return read_value(r, err);
	case EXPECT_KEY_OR_END:
		if (r->next < r->end && *r->next == '}')
			return close_level(r);
		return read_key(r, "a key or '}'", err);
	case EXPECT_COMMA_OR_END:
		return read_behind_value(r, err);
	case EXPECT_NOTHING:
		break;
	}
	return r->next == r->end ? JSON_END : fail(r, r->next, err, "nothing behind the value");
}

int json_skip(struct json_reader *r, struct error *err)
{
	unsigned until = r->depth;
	if (r->expect == EXPECT_KEY_OR_END || r->expect == EXPECT_VALUE_OR_END)
		until--; /* behind '{' or '[' */
	struct arena *arena = r->arena;
	r->arena = NULL; /* nobody will look at the strings */
	int token;
	do {
		token = json_next(r, err);
	} while (token >= 0 && r->depth > until);
	r->arena = arena;
	return token < 0 ? token : 0;
}

int json_finish(struct json_reader *r, struct error *err)
{
	int token = json_next(r, err);
	return token < 0 ? token : 0;
}
