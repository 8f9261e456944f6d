#include "query/promql/number_text.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "wire/double_text.h"

/* A positive number as 0.d1d2d3… times 10^point; no zeros at either end of the digits. */
struct decimal {
	char digits[NUMBER_TEXT_MAX];
	int count, point;
};

/* Takes apart what double_text wrote: digits, perhaps a point, perhaps an exponent. */
static struct decimal decimal_of(double value)
{
	char text[NUMBER_TEXT_MAX];
	const size_t len = double_text(value, text);
	struct decimal d = {.count = 0};
	bool behind_point = false;
	size_t i = 0;
	for (; i < len && text[i] != 'e'; i++) {
		if (text[i] == '.') {
			behind_point = true;
			continue;
		}
		if (d.count == 0 && text[i] == '0') {
			d.point -= behind_point;
			continue;
		}
		d.digits[d.count++] = text[i];
		d.point += !behind_point;
	}
	if (i < len) {
		const bool negative = text[++i] == '-';
		int exponent = 0;
		for (i += negative; i < len; i++)
			exponent = exponent * 10 + (text[i] - '0');
		d.point += negative ? -exponent : exponent;
	}
	while (d.count > 1 && d.digits[d.count - 1] == '0')
		d.count--;
	return d;
}

static char *put_plain(const struct decimal *d, char *out)
{
	if (d->point <= 0) {
		*out++ = '0';
		*out++ = '.';
		for (int i = d->point; i < 0; i++)
			*out++ = '0';
	}
	for (int i = 0; i < d->count || i < d->point; i++) {
		if (i == d->point && i > 0)
			*out++ = '.';
		*out++ = i < d->count ? d->digits[i] : '0';
	}
	*out = 0;
	return out;
}

static void put_exponent(const struct decimal *d, char *out)
{
	*out++ = d->digits[0];
	if (d->count > 1)
		*out++ = '.';
	for (int i = 1; i < d->count; i++)
		*out++ = d->digits[i];
	const int exponent = d->point - 1;
	snprintf(out, GO_NUMBER_MAX - NUMBER_TEXT_MAX, "e%c%02u", exponent < 0 ? '-' : '+',
		 (unsigned)(exponent < 0 ? -exponent : exponent) % 1000);
}

/* What has no digits, or only a zero; else the sign is written, and `at` is behind it. */
static bool put_special(double value, char *out, char **at)
{
	*at = out;
	if (isnan(value)) {
		memcpy(out, "NaN", sizeof("NaN"));
		return true;
	}
	if (isinf(value)) {
		memcpy(out, value > 0 ? "+Inf" : "-Inf", sizeof("+Inf"));
		return true;
	}
	if (signbit(value))
		*(*at)++ = '-';
	if (value != 0)
		return false;
	memcpy(*at, "0", sizeof("0"));
	return true;
}

const char *go_number(double value, char *out)
{
	char *at;
	if (put_special(value, out, &at))
		return out;
	const struct decimal d = decimal_of(fabs(value));
	/* Go decides by an assumed precision of 6 when it writes the shortest. */
	if (d.point - 1 < -4 || d.point - 1 >= 6)
		put_exponent(&d, at);
	else
		put_plain(&d, at);
	return out;
}

const char *go_number_plain(double value, char *out)
{
	char *at;
	if (put_special(value, out, &at))
		return out;
	const struct decimal d = decimal_of(fabs(value));
	put_plain(&d, at);
	return out;
}

const char *go_number_openmetrics(double value, char *out)
{
	if (value == 0)
		return memcpy(out, "0.0", sizeof("0.0"));
	go_number(value, out);
	if (isfinite(value) && !strpbrk(out, "e."))
		memcpy(out + strlen(out), ".0", sizeof(".0"));
	return out;
}
