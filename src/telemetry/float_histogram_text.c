#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "telemetry/float_histogram_int.h"
#include "wire/double_text.h"

/* The significant digits of `text`, a decimal; *exponent is that of the first one. */
static int significant(const char *text, size_t len, char *digits, int *exponent)
{
	int count = 0, point = 0, ten = 0;
	bool seen_point = false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (c == 'e') {
			char tail[NUMBER_TEXT_MAX + 1] = {0};
			memcpy(tail, text + i + 1, len - i - 1);
			ten = (int)strtol(tail, NULL, 10);
			break;
		}
		if (c == '.') {
			seen_point = true;
			continue;
		}
		if (count || c != '0') {
			digits[count++] = c;
			point += !seen_point;
		} else {
			point -= seen_point;
		}
	}
	while (count > 1 && digits[count - 1] == '0')
		count--;
	*exponent = ten + point - 1;
	return count;
}

void histogram_number(struct buf *out, double value)
{
	if (isnan(value)) {
		buf_append_cstr(out, "NaN");
		return;
	}
	if (isinf(value)) {
		buf_append_cstr(out, value > 0 ? "+Inf" : "-Inf");
		return;
	}
	if (signbit(value))
		buf_append_byte(out, '-');
	if (value == 0) {
		buf_append_byte(out, '0');
		return;
	}
	char text[NUMBER_TEXT_MAX], digits[NUMBER_TEXT_MAX];
	int exponent, count = significant(text, double_text(fabs(value), text), digits, &exponent);
	if (exponent < -4 || exponent >= 6) {
		buf_append(out, digits, 1);
		if (count > 1)
			buf_append_byte(out, '.');
		buf_append(out, digits + 1, (size_t)count - 1);
		buf_appendf(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
		return;
	}
	if (exponent < 0) {
		buf_append_cstr(out, "0.");
		for (int i = -1; i > exponent; i--)
			buf_append_byte(out, '0');
		buf_append(out, digits, (size_t)count);
		return;
	}
	for (int i = 0; i < count || i <= exponent; i++) {
		if (i == exponent + 1)
			buf_append_byte(out, '.');
		buf_append_byte(out, (uint8_t)(i < count ? digits[i] : '0'));
	}
}

static void bucket_text(const struct histogram_bucket *bucket, struct buf *out)
{
	buf_append_cstr(out, bucket->lower_inclusive ? ", [" : ", (");
	histogram_number(out, bucket->lower);
	buf_append_byte(out, ',');
	histogram_number(out, bucket->upper);
	buf_append_cstr(out, bucket->upper_inclusive ? "]:" : "):");
	histogram_number(out, bucket->count);
}

static void list_bucket_text(const struct float_histogram *h, bool positive, uint32_t i,
			     struct buf *out)
{
	struct histogram_bucket bucket = histogram_bucket_at(h, positive, i);
	if (bucket.count != 0)
		bucket_text(&bucket, out);
}

void histogram_text(const struct float_histogram *h, struct buf *out)
{
	buf_append_cstr(out, "{count:");
	histogram_number(out, h->count);
	buf_append_cstr(out, ", sum:");
	histogram_number(out, h->sum);
	for (uint32_t i = h->negative.count; i > 0; i--)
		list_bucket_text(h, false, i - 1, out);
	if (!histogram_is_custom(h) && h->zero_count != 0) {
		struct histogram_bucket zero = {-h->zero_threshold, h->zero_threshold, true, true,
						h->zero_count};
		bucket_text(&zero, out);
	}
	for (uint32_t i = 0; i < h->positive.count; i++)
		list_bucket_text(h, true, i, out);
	buf_append_byte(out, '}');
}
