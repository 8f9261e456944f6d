#include "wire/double_text.h"

#include <stdbool.h>
#include <string.h>

#include "wire/double_powers.h"

#define FRACTION_BITS 52
#define EXPONENT_BIAS 1075 /* of the significand as an integer */

struct decimal {
	uint64_t digits;
	int exponent; /* value = digits * 10^exponent */
};

static const char two_digits[201] = "00010203040506070809101112131415161718192021222324"
				    "25262728293031323334353637383940414243444546474849"
				    "50515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687888990919293949596979899";

/* floor(x * log10(2)), floor(x * log10(2) + log10(3/4)), floor(x * log2(10)): |x| < 1500 */
static int floor_log10_pow2(int x)
{
	return (x * 1262611) >> 22;
}

static int floor_log10_three_quarters_pow2(int x)
{
	return (x * 1262611 - 524031) >> 22;
}

static int floor_log2_pow10(int x)
{
	return (x * 1741647) >> 19;
}

/* The top 64 bits of the 192-bit product; any bits that were cut off make it odd. */
static uint64_t multiply_round_to_odd(const struct power *g, uint64_t c)
{
	unsigned __int128 low = (unsigned __int128)g->low * c;
	unsigned __int128 high = (unsigned __int128)g->high * c + (uint64_t)(low >> 64);
	return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

/* Sections 8 and 9 of the paper; the names are its own. */
static struct decimal shortest(uint64_t fraction, int biased_exponent)
{
	uint64_t c = fraction;
	int q = 1 - EXPONENT_BIAS;
	if (biased_exponent) {
		c |= UINT64_C(1) << FRACTION_BITS;
		q = biased_exponent - EXPONENT_BIAS;
		if (q <= 0 && q > -FRACTION_BITS - 1 &&
		    !(c & ((UINT64_C(1) << -q) - 1))) /* an integer below 2^53 */
			return (struct decimal){c >> -q, 0};
	}
	/* Just above a power of two the doubles below are twice as dense as those above. */
	bool irregular = fraction == 0 && biased_exponent > 1;
	uint64_t odd = c & 1; /* then the interval's ends round away from this double */
	int k = irregular ? floor_log10_three_quarters_pow2(q) : floor_log10_pow2(q);
	int h = q + floor_log2_pow10(-k) + 1;
	const struct power *g = &powers[-k - POWER_MIN];
	uint64_t middle = multiply_round_to_odd(g, 4 * c << h);
	uint64_t lower = multiply_round_to_odd(g, (4 * c - 2 + irregular) << h) + odd;
	uint64_t upper = multiply_round_to_odd(g, (4 * c + 2) << h) - odd;

	uint64_t s = middle / 4;
	if (s >= 10) {
		uint64_t tens = s / 10;
		bool down_fits = lower <= 40 * tens;
		bool up_fits = 40 * tens + 40 <= upper;
		if (down_fits != up_fits)
			return (struct decimal){tens + up_fits, k + 1};
	}
	bool down_fits = lower <= 4 * s;
	bool up_fits = 4 * s + 4 <= upper;
	if (down_fits != up_fits)
		return (struct decimal){s + up_fits, k};
	uint64_t half = 4 * s + 2;
	return (struct decimal){s + (middle > half || (middle == half && (s & 1))), k};
}

/* Writes `value` so that it ends before `end`; returns where it begins. */
static char *digits_before(char *end, uint64_t value)
{
	while (value >= 100) {
		end -= 2;
		memcpy(end, two_digits + 2 * (value % 100), 2);
		value /= 100;
	}
	if (value >= 10) {
		end -= 2;
		memcpy(end, two_digits + 2 * value, 2);
		return end;
	}
	*--end = (char)('0' + value);
	return end;
}

size_t int64_text(int64_t value, char *out)
{
	char digits[24];
	uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	char *first = digits_before(digits + sizeof(digits), magnitude);
	if (value < 0)
		*--first = '-';
	size_t len = (size_t)(digits + sizeof(digits) - first);
	memcpy(out, first, len);
	return len;
}

/* Lays out `count` digits with the decimal point behind the first `point` of them. */
static char *lay_out(char *out, const char *digits, int count, int point)
{
	if (point > 21 || point < -5) {
		*out++ = digits[0];
		if (count > 1) {
			*out++ = '.';
			memcpy(out, digits + 1, (size_t)count - 1);
			out += count - 1;
		}
		*out++ = 'e';
		return out + int64_text(point - 1, out);
	}
	if (point <= 0) {
		memcpy(out, "0.000000", 8);
		out += 2 - point;
		memcpy(out, digits, (size_t)count);
		return out + count;
	}
	if (point >= count) {
		memcpy(out, digits, (size_t)count);
		memset(out + count, '0', (size_t)(point - count));
		return out + point;
	}
	memcpy(out, digits, (size_t)point);
	out[point] = '.';
	memcpy(out + point + 1, digits + point, (size_t)(count - point));
	return out + count + 1;
}

size_t double_text(double value, char *out)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	uint64_t fraction = bits & ((UINT64_C(1) << FRACTION_BITS) - 1);
	int exponent = (int)(bits >> FRACTION_BITS) & 0x7ff;
	char *p = out;
	if (exponent == 0x7ff && fraction) {
		memcpy(p, "NaN", 3);
		return 3;
	}
	if (bits >> 63)
		*p++ = '-';
	if (exponent == 0x7ff) {
		memcpy(p, "Infinity", 8);
		return (size_t)(p + 8 - out);
	}
	if (!exponent && !fraction) {
		*p++ = '0';
		return (size_t)(p - out);
	}
	struct decimal d = shortest(fraction, exponent);
	while (d.digits % 10 == 0) {
		d.digits /= 10;
		d.exponent++;
	}
	char digits[24];
	char *first = digits_before(digits + sizeof(digits), d.digits);
	int count = (int)(digits + sizeof(digits) - first);
	return (size_t)(lay_out(p, first, count, count + d.exponent) - out);
}
