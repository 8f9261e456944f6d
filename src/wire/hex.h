/* Bytes as lower-case hexadecimal digits. */
#ifndef TRIPOD_WIRE_HEX_H
#define TRIPOD_WIRE_HEX_H

#include <stddef.h>
#include <stdint.h>

#ifdef __SSSE3__
#include <tmmintrin.h>
#endif

static inline void hex_encode(char *out, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		out[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
}

#ifdef __SSSE3__
static inline __m128i hex_digits(__m128i nibbles)
{
	const __m128i digits = _mm_setr_epi8('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a',
					     'b', 'c', 'd', 'e', 'f');
	return _mm_shuffle_epi8(digits, nibbles);
}
#endif

/* A trace id: 16 bytes to 32 digits. */
static inline void hex_encode_16(char out[32], const uint8_t bytes[16])
{
#ifdef __SSSE3__
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)bytes);
	__m128i low = _mm_and_si128(v, _mm_set1_epi8(15));
	__m128i high = _mm_and_si128(_mm_srli_epi16(v, 4), _mm_set1_epi8(15));
	__m128i *to = (__m128i *)(void *)out;
	_mm_storeu_si128(to, hex_digits(_mm_unpacklo_epi8(high, low)));
	_mm_storeu_si128(to + 1, hex_digits(_mm_unpackhi_epi8(high, low)));
#else
	hex_encode(out, bytes, 16);
#endif
}

/* A span id: 8 bytes to 16 digits. */
static inline void hex_encode_8(char out[16], const uint8_t bytes[8])
{
#ifdef __SSSE3__
	__m128i v = _mm_loadl_epi64((const __m128i *)(const void *)bytes);
	__m128i low = _mm_and_si128(v, _mm_set1_epi8(15));
	__m128i high = _mm_and_si128(_mm_srli_epi16(v, 4), _mm_set1_epi8(15));
	_mm_storeu_si128((__m128i *)(void *)out, hex_digits(_mm_unpacklo_epi8(high, low)));
#else
	hex_encode(out, bytes, 8);
#endif
}

#endif
