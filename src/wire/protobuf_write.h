/* Writing protobuf's wire format: fields into a struct buf. Source: protobuf.dev, "Encoding". */
#ifndef TRIPOD_WIRE_PROTOBUF_WRITE_H
#define TRIPOD_WIRE_PROTOBUF_WRITE_H

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "wire/protobuf.h"

static inline void pbw_varint(struct buf *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		buf_append_byte(out, (uint8_t)(value | 0x80));
	buf_append_byte(out, (uint8_t)value);
}

static inline void pbw_uint(struct buf *out, unsigned field, uint64_t value)
{
	pbw_varint(out, PB_TAG(field, PB_VARINT));
	pbw_varint(out, value);
}

static inline void pbw_fixed64(struct buf *out, unsigned field, uint64_t value)
{
	pbw_varint(out, PB_TAG(field, PB_FIXED64));
	buf_append(out, &value, 8);
}

static inline void pbw_fixed32(struct buf *out, unsigned field, uint32_t value)
{
	pbw_varint(out, PB_TAG(field, PB_FIXED32));
	buf_append(out, &value, 4);
}

static inline void pbw_bytes(struct buf *out, unsigned field, const void *bytes, size_t len)
{
	pbw_varint(out, PB_TAG(field, PB_LEN));
	pbw_varint(out, len);
	buf_append(out, bytes, len);
}

static inline void pbw_text(struct buf *out, unsigned field, const char *text)
{
	pbw_bytes(out, field, text, strlen(text));
}

/* A message that was built in `message`, which is emptied. */
static inline void pbw_message(struct buf *out, unsigned field, struct buf *message)
{
	pbw_bytes(out, field, message->data, message->len);
	buf_clear(message);
}

/* A KeyValue with a string. */
static inline void pbw_attr(struct buf *out, unsigned field, const char *key, const char *value)
{
	struct buf any = BUF_INIT, kv = BUF_INIT;
	pbw_text(&any, 1, value);
	pbw_text(&kv, 1, key);
	pbw_message(&kv, 2, &any);
	pbw_message(out, field, &kv);
	buf_release(&any);
	buf_release(&kv);
}

static inline void pbw_attr_int(struct buf *out, unsigned field, const char *key, int64_t value)
{
	struct buf any = BUF_INIT, kv = BUF_INIT;
	pbw_uint(&any, 3, (uint64_t)value);
	pbw_text(&kv, 1, key);
	pbw_message(&kv, 2, &any);
	pbw_message(out, field, &kv);
	buf_release(&any);
	buf_release(&kv);
}

#endif
