/*
 * Reading protobuf's wire format, inline: a cursor over one message.
 *
 * Source: protobuf.dev, "Encoding". Groups (wire types 3 and 4) are refused: no OTLP
 * message has them, and skipping them would mean unbounded nesting.
 *
 * Every function returns false when the bytes are not a valid encoding; `pos` is then where
 * it went wrong and `error` says what. Lengths are checked against `end` always. A varint
 * is read without checking each byte against `end`, so PROTOBUF_PADDING bytes behind the
 * outermost message must be readable (their values do not matter).
 */
#ifndef TRIPOD_WIRE_PROTOBUF_H
#define TRIPOD_WIRE_PROTOBUF_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/slice.h"

#define PROTOBUF_PADDING 16

enum pb_wire_type { PB_VARINT = 0, PB_FIXED64 = 1, PB_LEN = 2, PB_FIXED32 = 5 };

/* A field's key as it is on the wire: number and wire type, so one switch tests both. */
#define PB_TAG(number, wire_type) ((uint32_t)(number) << 3 | (wire_type))

struct pb_reader {
	const uint8_t *pos, *end;
	const char *error; /* what is wrong at `pos`, after a function returned false */
};

static inline struct pb_reader pb_reader_of(struct slice bytes)
{
	const uint8_t *p = (const uint8_t *)bytes.ptr;
	return (struct pb_reader){p, p + bytes.len, NULL};
}

static inline bool pb_more(const struct pb_reader *r)
{
	return r->pos < r->end;
}

static inline bool pb_fail(struct pb_reader *r, const char *what)
{
	r->error = what;
	return false;
}

/* The part of pb_varint for two bytes and more. */
static inline bool pb_varint_long(struct pb_reader *r, uint64_t *out)
{
	const uint8_t *p = r->pos;
	uint64_t value = p[0] & 0x7f;
	for (unsigned i = 1; i < 10; i++) {
		value |= (uint64_t)(p[i] & 0x7f) << (7 * i);
		if (p[i] & 0x80)
			continue;
		if (p + i >= r->end)
			return pb_fail(r, "truncated varint");
		if (i == 9 && p[i] > 1)
			return pb_fail(r, "varint of more than 64 bits");
		r->pos = p + i + 1;
		*out = value;
		return true;
	}
	return pb_fail(r, r->end - p < 10 ? "truncated varint" : "varint of more than ten bytes");
}

static inline bool pb_varint(struct pb_reader *r, uint64_t *out)
{
	const uint8_t *p = r->pos;
	if (__builtin_expect(p < r->end && p[0] < 0x80, 1)) {
		*out = p[0];
		r->pos = p + 1;
		return true;
	}
	if (p >= r->end)
		return pb_fail(r, "truncated varint");
	return pb_varint_long(r, out);
}

/* The next field's key; call only while pb_more. Field 0, groups and unknown wire types fail. */
static inline bool pb_tag(struct pb_reader *r, uint32_t *tag)
{
	const uint8_t *start = r->pos;
	uint64_t value;
	if (!pb_varint(r, &value))
		return false;
	uint32_t wire_type = value & 7;
	if (value >= 8 && value <= UINT32_MAX && (wire_type <= PB_LEN || wire_type == PB_FIXED32)) {
		*tag = (uint32_t)value;
		return true;
	}
	r->pos = start;
	if (value > UINT32_MAX)
		return pb_fail(r, "field number out of range");
	if (value < 8)
		return pb_fail(r, "field number 0");
	return pb_fail(r, wire_type <= 4 ? "group" : "unknown wire type");
}

static inline bool pb_fixed64(struct pb_reader *r, uint64_t *out)
{
	if (r->end - r->pos < 8)
		return pb_fail(r, "truncated 64-bit value");
	memcpy(out, r->pos, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	*out = __builtin_bswap64(*out);
#endif
	r->pos += 8;
	return true;
}

static inline bool pb_fixed32(struct pb_reader *r, uint32_t *out)
{
	if (r->end - r->pos < 4)
		return pb_fail(r, "truncated 32-bit value");
	memcpy(out, r->pos, 4);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	*out = __builtin_bswap32(*out);
#endif
	r->pos += 4;
	return true;
}

/* The content of a length-delimited field: string, bytes or message. */
static inline bool pb_bytes(struct pb_reader *r, struct slice *out)
{
	const uint8_t *start = r->pos;
	uint64_t len;
	if (!pb_varint(r, &len))
		return false;
	if (len > (uint64_t)(r->end - r->pos)) {
		r->pos = start;
		return pb_fail(r, "length beyond the end of its message");
	}
	*out = (struct slice){(const char *)r->pos, (size_t)len};
	r->pos += len;
	return true;
}

/* As pb_bytes, as a reader of the message inside. */
static inline bool pb_message(struct pb_reader *r, struct pb_reader *out)
{
	struct slice bytes;
	if (!pb_bytes(r, &bytes))
		return false;
	*out = pb_reader_of(bytes);
	return true;
}

/* A varint field of type uint32 or enum: the low 32 bits, as protobuf's own parsers take it. */
static inline bool pb_uint32(struct pb_reader *r, uint32_t *out)
{
	uint64_t value;
	if (!pb_varint(r, &value))
		return false;
	*out = (uint32_t)value;
	return true;
}

/* Steps over the value of an unknown field (which a known one of a wrong wire type is, too). */
static inline bool pb_skip(struct pb_reader *r, uint32_t tag)
{
	uint64_t value;
	uint32_t small;
	struct slice bytes;
	switch (tag & 7) {
	case PB_VARINT:
		return pb_varint(r, &value);
	case PB_FIXED64:
		return pb_fixed64(r, &value);
	case PB_LEN:
		return pb_bytes(r, &bytes);
	default:
		return pb_fixed32(r, &small);
	}
}

#endif
