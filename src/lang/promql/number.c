#include "lang/promql/number.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <strings.h>

#include "wire/double_text.h"
#include "wire/number_text.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Underscores stand between digits, or between a base's prefix and a digit. */
static bool underscores_ok(struct slice s, bool hex)
{
	bool behind_digit = hex, behind_underscore = false;
	for (size_t i = hex ? 2 : 0; i < s.len; i++) {
		char lower = (char)(s.ptr[i] | 0x20);
		bool digit = is_digit(s.ptr[i]) || (hex && lower >= 'a' && lower <= 'f');
		if (s.ptr[i] == '_' ? !behind_digit : behind_underscore && !digit)
			return false;
		behind_underscore = s.ptr[i] == '_';
		behind_digit = digit;
	}
	return !behind_underscore;
}

/* All of `digits` in `base`, which is 8 or 16; false when one is no digit or it is too large. */
static bool small_base(struct slice digits, unsigned base, double *out)
{
	uint64_t value = 0;
	for (size_t i = 0; i < digits.len; i++) {
		char c = digits.ptr[i];
		unsigned digit =
			is_digit(c) ? (unsigned)(c - '0') : (unsigned)(c | 0x20) - 'a' + 10;
		if (digit >= base || value > (uint64_t)INT64_MAX / base)
			return false;
		value = value * base + digit;
	}
	*out = (double)value;
	return digits.len > 0 && value <= INT64_MAX;
}

/* Decimal text in JSON's grammar: digits on both sides of the point, no leading zeroes. */
static struct slice normalized(struct slice s, char *room)
{
	char *to = room;
	const char *p = s.ptr, *end = p + s.len;
	while (end - p > 1 && p[0] == '0' && is_digit(p[1]))
		p++;
	if (p < end && *p == '.')
		*to++ = '0';
	for (; p < end; p++) {
		*to++ = *p;
		if (*p == '.' && (p + 1 == end || !is_digit(p[1])))
			*to++ = '0';
	}
	return (struct slice){room, (size_t)(to - room)};
}

enum promql_number_error promql_number(struct slice text, struct arena *arena, double *out)
{
	if (text.len == 3 && !strncasecmp(text.ptr, "inf", 3)) {
		*out = INFINITY;
		return PROMQL_NUMBER_OK;
	}
	if (text.len == 3 && !strncasecmp(text.ptr, "nan", 3)) {
		*out = NAN;
		return PROMQL_NUMBER_OK;
	}
	char *room = arena_alloc(arena, 2 * text.len + 3);
	if (!room)
		return PROMQL_NUMBER_MEMORY;
	bool hex = text.len > 1 && text.ptr[0] == '0' && (text.ptr[1] | 0x20) == 'x';
	if (!underscores_ok(text, hex))
		return PROMQL_NUMBER_SYNTAX;
	struct slice digits = {room, 0};
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != '_')
			room[digits.len++] = text.ptr[i];
	}
	if (hex) {
		struct slice behind = {digits.ptr + 2, digits.len - 2};
		return small_base(behind, 16, out) ? PROMQL_NUMBER_OK : PROMQL_NUMBER_SYNTAX;
	}
	if (digits.len > 1 && digits.ptr[0] == '0' && small_base(digits, 8, out))
		return PROMQL_NUMBER_OK;
	struct slice plain = normalized(digits, room + digits.len);
	if (!number_is_valid(plain))
		return PROMQL_NUMBER_SYNTAX;
	*out = number_to_double(plain);
	return isinf(*out) ? PROMQL_NUMBER_RANGE : PROMQL_NUMBER_OK;
}

/* The shortest digits of a finite number above 0: 0.d1d2… times ten to the `point`. */
static size_t shortest(double value, char digits[NUMBER_TEXT_MAX], int *point)
{
	char text[NUMBER_TEXT_MAX];
	size_t len = double_text(value, text), n = 0;
	int exponent = 0;
	bool behind_point = false;
	*point = 0;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == 'e') {
			bool negative = text[i + 1] == '-';
			for (i += negative ? 2 : 1; i < len; i++)
				exponent = exponent * 10 + (text[i] - '0');
			if (negative)
				exponent = -exponent;
		} else if (text[i] == '.') {
			behind_point = true;
		} else if (n == 0 && text[i] == '0') {
			*point -= behind_point;
		} else {
			digits[n++] = text[i];
			*point += !behind_point;
		}
	}
	*point += exponent;
	while (n > 1 && digits[n - 1] == '0')
		n--;
	return n;
}

/* True when the value was one of those that have no digits. */
static bool special(double value, struct buf *out)
{
	if (isnan(value))
		buf_append_cstr(out, "NaN");
	else if (isinf(value))
		buf_append_cstr(out, value < 0 ? "-Inf" : "+Inf");
	else if (value == 0)
		buf_append_cstr(out, signbit(value) ? "-0" : "0");
	else
		return false;
	return true;
}

static void plain_digits(const char *digits, size_t n, int point, struct buf *out)
{
	if (point <= 0) {
		buf_append_cstr(out, "0.");
		for (int i = point; i < 0; i++)
			buf_append_byte(out, '0');
		buf_append(out, digits, n);
		return;
	}
	size_t whole = (size_t)point;
	buf_append(out, digits, whole < n ? whole : n);
	for (size_t i = n; i < whole; i++)
		buf_append_byte(out, '0');
	if (whole < n) {
		buf_append_byte(out, '.');
		buf_append(out, digits + whole, n - whole);
	}
}

void promql_number_plain(double value, struct buf *out)
{
	char digits[NUMBER_TEXT_MAX];
	int point;
	if (special(value, out))
		return;
	if (value < 0)
		buf_append_byte(out, '-');
	size_t n = shortest(fabs(value), digits, &point);
	plain_digits(digits, n, point, out);
}

void promql_number_short(double value, struct buf *out)
{
	char digits[NUMBER_TEXT_MAX];
	int point;
	if (special(value, out))
		return;
	if (value < 0)
		buf_append_byte(out, '-');
	size_t n = shortest(fabs(value), digits, &point);
	if (point >= -3 && point <= 6) {
		plain_digits(digits, n, point, out);
		return;
	}
	buf_append(out, digits, 1);
	if (n > 1) {
		buf_append_byte(out, '.');
		buf_append(out, digits + 1, n - 1);
	}
	int exponent = point - 1;
	buf_appendf(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
}
