#include "net/grpc_frame.h"

#include <string.h>

#include "base/clock.h"

#define RETRY_TYPE "type.googleapis.com/google.rpc.RetryInfo"
#define MOST_DETAILS ((size_t)8 << 10)

void grpc_prefix(char prefix[GRPC_PREFIX], size_t len, bool compressed)
{
	prefix[0] = compressed;
	for (int i = 0; i < 4; i++)
		prefix[1 + i] = (char)(len >> (24 - 8 * i));
}

const char *grpc_unframe(struct slice body, struct slice *message, bool *compressed)
{
	const unsigned char *p = (const unsigned char *)body.ptr;
	if (body.len < GRPC_PREFIX)
		return "the call ends before its message: a 5-byte prefix is missing";
	size_t len = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
	if (p[0] > 1)
		return "the message's compressed-flag must be 0 or 1";
	if (len > body.len - GRPC_PREFIX)
		return "the call ends in the middle of its message";
	if (len < body.len - GRPC_PREFIX)
		return "a unary call has one message; there are bytes behind it";
	*message = (struct slice){body.ptr + GRPC_PREFIX, len};
	*compressed = p[0];
	return NULL;
}

bool grpc_parse_timeout(struct slice text, int64_t *ns)
{
	int64_t value = 0;
	if (text.len < 2 || text.len > 9)
		return false;
	for (size_t i = 0; i + 1 < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		value = value * 10 + (text.ptr[i] - '0');
	}
	switch (text.ptr[text.len - 1]) {
	case 'H':
		/* 8 digits of hours are more than 64 bits of nanoseconds hold. */
		value = value > 1000000 ? 1000000 : value;
		*ns = value * 3600 * NS_PER_SECOND;
		return true;
	case 'M':
		*ns = value * 60 * NS_PER_SECOND;
		return true;
	case 'S':
		*ns = value * NS_PER_SECOND;
		return true;
	case 'm':
		*ns = value * NS_PER_MS;
		return true;
	case 'u':
		*ns = value * 1000;
		return true;
	case 'n':
		*ns = value;
		return true;
	}
	return false;
}

/* --- grpc-message ----------------------------------------------------------------------- */

void grpc_encode_message(struct buf *to, struct slice message)
{
	static const char hex[] = "0123456789ABCDEF";
	for (size_t i = 0; i < message.len; i++) {
		unsigned char c = (unsigned char)message.ptr[i];
		if (c >= 0x20 && c <= 0x7e && c != '%') {
			buf_append_byte(to, c);
		} else {
			char encoded[3] = {'%', hex[c >> 4], hex[c & 15]};
			buf_append(to, encoded, 3);
		}
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void grpc_decode_message(struct buf *to, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		bool encoded = text.ptr[i] == '%' && i + 2 < text.len;
		int high = encoded ? hex_digit(text.ptr[i + 1]) : -1;
		int low = encoded ? hex_digit(text.ptr[i + 2]) : -1;
		if (high >= 0 && low >= 0) {
			buf_append_byte(to, (uint8_t)(high << 4 | low));
			i += 2;
		} else {
			buf_append_byte(to, (uint8_t)text.ptr[i]);
		}
	}
}

/* --- RetryInfo -------------------------------------------------------------------------- */

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode_base64(struct buf *to, struct slice from)
{
	const unsigned char *p = (const unsigned char *)from.ptr;
	for (size_t i = 0; i < from.len; i += 3) {
		size_t n = from.len - i < 3 ? from.len - i : 3;
		unsigned word = (unsigned)p[i] << 16 | (n > 1 ? (unsigned)p[i + 1] << 8 : 0) |
				(n > 2 ? p[i + 2] : 0);
		for (size_t k = 0; k <= n; k++)
			buf_append_byte(to, (uint8_t)base64[word >> (18 - 6 * k) & 63]);
	}
}

static bool decode_base64(struct buf *to, struct slice from)
{
	unsigned word = 0, bits = 0;
	while (from.len && from.ptr[from.len - 1] == '=')
		from.len--;
	for (size_t i = 0; i < from.len; i++) {
		const char *at = from.ptr[i] ? strchr(base64, from.ptr[i]) : NULL;
		if (!at)
			return false;
		word = word << 6 | (unsigned)(at - base64);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_append_byte(to, (uint8_t)(word >> bits));
		}
	}
	return !to->failed;
}

static void put_varint(struct buf *to, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		buf_append_byte(to, (uint8_t)(value | 0x80));
	buf_append_byte(to, (uint8_t)value);
}

static void put_bytes(struct buf *to, unsigned field, struct slice bytes)
{
	put_varint(to, field << 3 | 2);
	put_varint(to, bytes.len);
	buf_append_slice(to, bytes);
}

static void put_number(struct buf *to, unsigned field, uint64_t value)
{
	put_varint(to, field << 3);
	put_varint(to, value);
}

void grpc_encode_retry(struct buf *to, enum grpc_code code, struct slice message,
		       unsigned retry_after_ms)
{
	struct buf duration = BUF_INIT, info = BUF_INIT, any = BUF_INIT, status = BUF_INIT;
	put_number(&duration, 1, retry_after_ms / 1000);
	put_number(&duration, 2, (uint64_t)(retry_after_ms % 1000) * 1000000);
	put_bytes(&info, 1, buf_slice(&duration));
	put_bytes(&any, 1, SLICE(RETRY_TYPE));
	put_bytes(&any, 2, buf_slice(&info));
	put_number(&status, 1, (uint64_t)code);
	put_bytes(&status, 2, message);
	put_bytes(&status, 3, buf_slice(&any));
	encode_base64(to, buf_slice(&status));
	buf_release(&duration);
	buf_release(&info);
	buf_release(&any);
	buf_release(&status);
}

/* One field of a protobuf message: a number, or bytes. */
struct field {
	unsigned number;
	uint64_t value;
	struct slice bytes;
};

static bool take_varint(struct slice *in, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (!in->len)
			return false;
		unsigned char c = (unsigned char)*in->ptr++;
		in->len--;
		*value |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return true;
	}
	return false;
}

static bool take_field(struct slice *in, struct field *field)
{
	uint64_t key, len;
	*field = (struct field){0};
	if (!in->len || !take_varint(in, &key))
		return false;
	field->number = (unsigned)(key >> 3);
	switch (key & 7) {
	case 0:
		return take_varint(in, &field->value);
	case 1:
		len = 8;
		break;
	case 2:
		if (!take_varint(in, &len))
			return false;
		break;
	case 5:
		len = 4;
		break;
	default:
		return false;
	}
	if (len > in->len)
		return false;
	field->bytes = (struct slice){in->ptr, (size_t)len};
	in->ptr += len;
	in->len -= (size_t)len;
	return true;
}

static int64_t delay_of(struct slice info)
{
	struct field f, part;
	while (take_field(&info, &f)) {
		if (f.number != 1)
			continue;
		uint64_t seconds = 0, nanos = 0;
		while (take_field(&f.bytes, &part)) {
			if (part.number == 1)
				seconds = part.value;
			else if (part.number == 2)
				nanos = part.value;
		}
		bool sane = seconds < 1000000000 && nanos < 1000000000;
		return sane ? (int64_t)(seconds * 1000 + nanos / 1000000) : -1;
	}
	return 0;
}

static int64_t retry_of(struct slice status)
{
	struct field f, part;
	while (take_field(&status, &f)) {
		if (f.number != 3)
			continue;
		struct slice type = {0}, value = {0};
		while (take_field(&f.bytes, &part)) {
			if (part.number == 1)
				type = part.bytes;
			else if (part.number == 2)
				value = part.bytes;
		}
		if (slice_eq_cstr(type, RETRY_TYPE))
			return delay_of(value);
	}
	return -1;
}

int64_t grpc_decode_retry(struct slice text)
{
	struct buf status;
	buf_init_limited(&status, MOST_DETAILS);
	int64_t delay = decode_base64(&status, text) ? retry_of(buf_slice(&status)) : -1;
	buf_release(&status);
	return delay;
}
