/*
 * Is it UTF-8? Overlong forms, surrogates and code points above U+10FFFF are not (RFC 3629).
 *
 * The vector method is that of Keiser and Lemire, "Validating UTF-8 In Less Than One
 * Instruction Per Byte" (2020): three table look-ups classify each pair of bytes.
 */
#ifndef TRIPOD_WIRE_UTF8_H
#define TRIPOD_WIRE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __SSSE3__
#include <tmmintrin.h>
#endif

/* How many bytes behind its argument utf8_valid_padded may read. */
#define UTF8_PADDING 16

bool utf8_valid(const char *bytes, size_t len);

/* The same byte by byte: where there are no vectors, and what the tests compare with. */
bool utf8_valid_scalar(const char *bytes, size_t len);

#ifdef __SSSE3__

/* 1 to 32 bytes as two vectors that overlap, zero behind the end; no branch depends on the length. */
struct short_text {
	__m128i head, tail;
};

static inline struct short_text short_text_load(const char *bytes, size_t len)
{
	static const uint8_t ones_then_zeroes[32] = {255, 255, 255, 255, 255, 255, 255, 255,
						     255, 255, 255, 255, 255, 255, 255, 255};
	size_t over = len > 16 ? len - 16 : 0;
	const uint8_t *mask_at = ones_then_zeroes + 16 - (len - over);
	__m128i mask = _mm_loadu_si128((const __m128i *)(const void *)mask_at);
	__m128i head = _mm_loadu_si128((const __m128i *)(const void *)bytes);
	__m128i tail = _mm_loadu_si128((const __m128i *)(const void *)(bytes + over));
	return (struct short_text){_mm_and_si128(head, mask), _mm_and_si128(tail, mask)};
}

#endif

/* As utf8_valid, for text with UTF8_PADDING readable bytes behind it: short ASCII is decided inline. */
static inline bool utf8_valid_padded(const char *bytes, size_t len)
{
#ifdef __SSSE3__
	if (__builtin_expect(len <= 32, 1)) {
		struct short_text text = short_text_load(bytes, len);
		if (__builtin_expect(!_mm_movemask_epi8(_mm_or_si128(text.head, text.tail)), 1))
			return true;
	}
#endif
	return utf8_valid(bytes, len);
}

#endif
