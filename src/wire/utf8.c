#include "wire/utf8.h"

#include <stdint.h>
#include <string.h>

/* How many bytes the sequence at `p` has, 0 when it is not one. */
static unsigned sequence_length(const uint8_t *p, size_t len)
{
	uint8_t lead = p[0];
	if (lead < 0x80)
		return 1;
	unsigned n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
	if (lead < 0xc2 || lead > 0xf4 || len < n)
		return 0;
	for (unsigned i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	bool overlong = (lead == 0xe0 && p[1] < 0xa0) || (lead == 0xf0 && p[1] < 0x90);
	bool surrogate = lead == 0xed && p[1] > 0x9f;
	bool too_large = lead == 0xf4 && p[1] > 0x8f;
	return overlong || surrogate || too_large ? 0 : n;
}

bool utf8_valid_scalar(const char *bytes, size_t len)
{
	const uint8_t *p = (const uint8_t *)bytes;
	while (len) {
		unsigned n = sequence_length(p, len);
		if (!n)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

#ifdef __SSSE3__

/* Ways in which a byte and the one before it cannot stand together; one bit each. */
enum {
	TOO_SHORT = 1 << 0, /* a lead followed by a lead or ASCII */
	TOO_LONG = 1 << 1, /* ASCII followed by a continuation */
	OVERLONG_3 = 1 << 2,
	TOO_LARGE = 1 << 3,
	SURROGATE = 1 << 4,
	OVERLONG_2 = 1 << 5,
	TOO_LARGE_1000 = 1 << 6, /* F5 and above, or F4 90 and above */
	OVERLONG_4 = 1 << 6,
	TWO_CONTS = 1 << 7, /* right only as the third or fourth byte of a sequence */
	CARRY = TOO_SHORT | TOO_LONG |
		TWO_CONTS, /* not decided by the low half of the first byte */
};

struct state {
	__m128i previous, error;
};

static inline __m128i load(const char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline __m128i high_nibbles(__m128i v)
{
	return _mm_and_si128(_mm_srli_epi16(v, 4), _mm_set1_epi8(0x0f));
}

static inline __m128i special_cases(__m128i input, __m128i before)
{
	const __m128i first_high = _mm_setr_epi8(
		TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,
		(char)TWO_CONTS, (char)TWO_CONTS, (char)TWO_CONTS, (char)TWO_CONTS,
		TOO_SHORT | OVERLONG_2, TOO_SHORT, TOO_SHORT | OVERLONG_3 | SURROGATE,
		TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4);
	const char large = (char)(CARRY | TOO_LARGE | TOO_LARGE_1000);
	const __m128i first_low = _mm_setr_epi8(
		(char)(CARRY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4), (char)(CARRY | OVERLONG_2),
		(char)CARRY, (char)CARRY, (char)(CARRY | TOO_LARGE), large, large, large, large,
		large, large, large, large, (char)(large | SURROGATE), large, large);
	const char cont = (char)(TOO_LONG | OVERLONG_2 | TWO_CONTS);
	const __m128i second_high = _mm_setr_epi8(
		TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
		TOO_SHORT, (char)(cont | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4),
		(char)(cont | OVERLONG_3 | TOO_LARGE), (char)(cont | SURROGATE | TOO_LARGE),
		(char)(cont | SURROGATE | TOO_LARGE), TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT);
	__m128i low = _mm_and_si128(before, _mm_set1_epi8(0x0f));
	return _mm_and_si128(_mm_and_si128(_mm_shuffle_epi8(first_high, high_nibbles(before)),
					   _mm_shuffle_epi8(first_low, low)),
			     _mm_shuffle_epi8(second_high, high_nibbles(input)));
}

static inline void check_block(struct state *s, __m128i input)
{
	__m128i one = _mm_alignr_epi8(input, s->previous, 15);
	__m128i two = _mm_alignr_epi8(input, s->previous, 14);
	__m128i three = _mm_alignr_epi8(input, s->previous, 13);
	/* The top bit is set where a third or fourth byte must stand. */
	__m128i third = _mm_subs_epu8(two, _mm_set1_epi8(0xe0 - 0x80));
	__m128i fourth = _mm_subs_epu8(three, _mm_set1_epi8(0xf0 - 0x80));
	__m128i must = _mm_and_si128(_mm_or_si128(third, fourth), _mm_set1_epi8((char)0x80));
	s->error = _mm_or_si128(s->error, _mm_xor_si128(must, special_cases(input, one)));
	s->previous = input;
}

/* From the first block that is not ASCII. */
static bool valid_from(const char *p, size_t len)
{
	struct state s = {_mm_setzero_si128(), _mm_setzero_si128()};
	for (; len >= 16; p += 16, len -= 16)
		check_block(&s, load(p));
	/* Zeroes behind the text make an unfinished sequence an error. */
	char tail[16] = {0};
	if (len)
		memcpy(tail, p, len);
	check_block(&s, load(tail));
	return _mm_movemask_epi8(_mm_cmpeq_epi8(s.error, _mm_setzero_si128())) == 0xffff;
}

bool utf8_valid(const char *bytes, size_t len)
{
	const char *p = bytes;
	if (len < 16)
		return utf8_valid_scalar(p, len);
	const char *end = p + len;
	for (; end - p >= 64; p += 64) {
		__m128i all = _mm_or_si128(_mm_or_si128(load(p), load(p + 16)),
					   _mm_or_si128(load(p + 32), load(p + 48)));
		if (_mm_movemask_epi8(all))
			return valid_from(p, (size_t)(end - p));
	}
	for (; end - p >= 16; p += 16) {
		if (_mm_movemask_epi8(load(p)))
			return valid_from(p, (size_t)(end - p));
	}
	if (p < end && _mm_movemask_epi8(load(end - 16)))
		return valid_from(p, (size_t)(end - p));
	return true;
}

#else

bool utf8_valid(const char *bytes, size_t len)
{
	uint64_t word;
	size_t ascii = 0;
	for (; len - ascii >= 8; ascii += 8) {
		memcpy(&word, bytes + ascii, 8);
		if (word & UINT64_C(0x8080808080808080))
			break;
	}
	return utf8_valid_scalar(bytes + ascii, len - ascii);
}

#endif
