#include "wire/number_text.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *p, const char *end)
{
	while (p < end && is_digit(*p))
		p++;
	return p;
}

bool number_is_valid(struct slice text)
{
	const char *p = text.ptr, *end = text.ptr + text.len;
	if (p < end && *p == '-')
		p++;
	const char *digits = p;
	p = skip_digits(p, end);
	if (p == digits || (*digits == '0' && p - digits > 1))
		return false;
	if (p < end && *p == '.') {
		digits = ++p;
		p = skip_digits(p, end);
		if (p == digits)
			return false;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		digits = p;
		p = skip_digits(p, end);
		if (p == digits)
			return false;
	}
	return p == end;
}

/*
 * A number taken apart: the value is 0.d1d2d3… × 10^point, where the digits are those of
 * `whole` and then `fraction`.
 */
struct decimal {
	bool negative;
	struct slice whole, fraction;
	int64_t exponent;
};

/* Exponents are capped far outside of what any type holds, so that sums cannot overflow. */
#define EXPONENT_CAP ((int64_t)1 << 50)

static struct decimal take_apart(struct slice text)
{
	struct decimal d = {0};
	const char *p = text.ptr, *end = text.ptr + text.len;
	if (p < end && *p == '-') {
		d.negative = true;
		p++;
	}
	const char *from = p;
	p = skip_digits(p, end);
	d.whole = (struct slice){from, (size_t)(p - from)};
	if (p < end && *p == '.') {
		from = ++p;
		p = skip_digits(p, end);
		d.fraction = (struct slice){from, (size_t)(p - from)};
	}
	if (p == end)
		return d;
	bool minus = *++p == '-';
	if (*p == '-' || *p == '+')
		p++;
	for (; p < end; p++) {
		if (d.exponent < EXPONENT_CAP)
			d.exponent = d.exponent * 10 + (*p - '0');
	}
	if (minus)
		d.exponent = -d.exponent;
	return d;
}

/* The digits in order, first those before the point. */
static int digit_at(const struct decimal *d, size_t i)
{
	return (i < d->whole.len ? d->whole.ptr[i] : d->fraction.ptr[i - d->whole.len]) - '0';
}

/* The magnitude when it is a whole number below 2^64. */
static bool magnitude(const struct decimal *d, uint64_t *out)
{
	size_t count = d->whole.len + d->fraction.len;
	size_t last = count; /* behind the last digit that is not 0 */
	while (last > 0 && digit_at(d, last - 1) == 0)
		last--;
	if (last == 0) {
		*out = 0;
		return true;
	}
	int64_t point = (int64_t)d->whole.len + d->exponent;
	if (point < (int64_t)last)
		return false; /* a digit behind the point */
	size_t first = 0;
	while (digit_at(d, first) == 0)
		first++;
	if (point - (int64_t)first > 20)
		return false;
	uint64_t value = 0;
	for (size_t i = first; (int64_t)i < point; i++) {
		uint64_t digit = i < last ? (uint64_t)digit_at(d, i) : 0;
		if (value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	return true;
}

/* Up to 18 plain digits, which is what nearly all are. */
static bool plain_digits(const char *p, size_t len, uint64_t *out)
{
	if (len == 0 || len > 18)
		return false;
	uint64_t value = 0;
	for (size_t i = 0; i < len; i++) {
		if (!is_digit(p[i]))
			return false;
		value = value * 10 + (uint64_t)(p[i] - '0');
	}
	*out = value;
	return true;
}

bool number_to_uint64(struct slice text, uint64_t *out)
{
	if (plain_digits(text.ptr, text.len, out))
		return true;
	struct decimal d = take_apart(text);
	uint64_t value;
	if (!magnitude(&d, &value) || (d.negative && value != 0))
		return false;
	*out = value;
	return true;
}

bool number_to_int64(struct slice text, int64_t *out)
{
	uint64_t value;
	bool minus = text.len && text.ptr[0] == '-';
	if (!plain_digits(text.ptr + minus, text.len - minus, &value)) {
		struct decimal d = take_apart(text);
		if (!magnitude(&d, &value))
			return false;
	}
	if (value > (uint64_t)INT64_MAX + minus)
		return false;
	*out = (int64_t)(minus ? 0 - value : value);
	return true;
}

/*
 * Digits enough to decide any rounding (767 is the most that half-way points have); what
 * follows only matters in being there, so one '1' stands for it.
 */
#define DECISIVE_DIGITS 780

/* strtod of the C library is exact, but wants terminated text and follows the locale. */
static double slow_double(const struct decimal *d)
{
	char text[DECISIVE_DIGITS + 40];
	size_t count = d->whole.len + d->fraction.len, first = 0, n = 0;
	while (first < count && digit_at(d, first) == 0)
		first++;
	if (first == count)
		return d->negative ? -0.0 : 0.0;
	if (d->negative)
		text[n++] = '-';
	text[n++] = '.';
	for (size_t i = first; i < count && i - first < DECISIVE_DIGITS; i++)
		text[n++] = (char)('0' + digit_at(d, i));
	for (size_t i = first + DECISIVE_DIGITS; i < count; i++) {
		if (digit_at(d, i)) {
			text[n++] = '1';
			break;
		}
	}
	int64_t point = (int64_t)d->whole.len - (int64_t)first + d->exponent;
	/* Beyond these it is infinite or zero anyway, and strtod's own exponent is an int. */
	int exponent = point > 5000 ? 5000 : point < -5000 ? -5000 : (int)point;
	snprintf(text + n, sizeof(text) - n, "e%d", exponent);
	/* For "C" and all categories this gives a constant object: nothing is allocated. */
	locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	return strtod_l(text, NULL, c_locale);
}

/*
 * A mantissa up to 2^53 and a power of ten up to 10^22 are exact doubles, so one
 * operation on them rounds correctly (Clinger, "How to read floating point numbers
 * accurately", 1990). Everything else is rare.
 */
double number_to_double(struct slice text)
{
	static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
					1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
					1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	struct decimal d = take_apart(text);
	size_t count = d.whole.len + d.fraction.len;
	int64_t exponent = d.exponent - (int64_t)d.fraction.len;
	if (count > 18 || exponent < -22 || exponent > 22)
		return slow_double(&d);
	uint64_t mantissa = 0;
	for (size_t i = 0; i < d.whole.len; i++)
		mantissa = mantissa * 10 + (uint64_t)(d.whole.ptr[i] - '0');
	for (size_t i = 0; i < d.fraction.len; i++)
		mantissa = mantissa * 10 + (uint64_t)(d.fraction.ptr[i] - '0');
	if (mantissa > (uint64_t)1 << 53)
		return slow_double(&d);
	double value = (double)mantissa;
	value = exponent < 0 ? value / powers[-exponent] : value * powers[exponent];
	return d.negative ? -value : value;
}
