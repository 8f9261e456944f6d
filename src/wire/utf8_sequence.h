/* UTF-8 (RFC 3629), sequence by sequence. */
#ifndef TRIPOD_WIRE_UTF8_SEQUENCE_H
#define TRIPOD_WIRE_UTF8_SEQUENCE_H

#include <stddef.h>
#include <stdint.h>

/*
 * The length of the valid sequence at `text` (< `end`), whose first byte is not ASCII; 0
 * when there is none: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
static inline size_t utf8_sequence(const char *text, const char *end)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t left = (size_t)(end - text);
	uint8_t low = 0x80, high = 0xbf;
	size_t len;
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		len = 2;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		len = 3;
		low = p[0] == 0xe0 ? 0xa0 : 0x80;
		high = p[0] == 0xed ? 0x9f : 0xbf;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		len = 4;
		low = p[0] == 0xf0 ? 0x90 : 0x80;
		high = p[0] == 0xf4 ? 0x8f : 0xbf;
	} else {
		return 0;
	}
	if (left < len || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

#endif
