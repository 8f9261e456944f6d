#include "telemetry/value_text.h"

#include <math.h>

#include "wire/double_text.h"
#include "wire/protobuf.h"

static void append_base64(struct buf *out, struct slice bytes)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *p = (const uint8_t *)bytes.ptr;
	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t left = bytes.len - i;
		uint32_t three = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
				 (left > 2 ? p[i + 2] : 0);
		char four[4] = {alphabet[three >> 18], alphabet[three >> 12 & 63],
				left > 1 ? alphabet[three >> 6 & 63] : '=',
				left > 2 ? alphabet[three & 63] : '='};
		buf_append(out, four, 4);
	}
}

static void append_int(struct buf *out, int64_t value)
{
	char text[NUMBER_TEXT_MAX];
	buf_append(out, text, int64_text(value, text));
}

static void append_double(struct buf *out, double value)
{
	char text[NUMBER_TEXT_MAX];
	buf_append(out, text, double_text(value, text));
}

/* --- JSON --- */

static void json_string(struct buf *out, struct slice s, bool is_key)
{
	buf_append_byte(out, '"');
	if (is_key && s.len && s.ptr[0] == '$')
		buf_append_byte(out, '$');
	size_t plain =
		0; /* where the characters begin that need no escape and are not yet written */
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = (uint8_t)s.ptr[i];
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_append(out, s.ptr + plain, i - plain);
		plain = i + 1;
		if (c == '"' || c == '\\')
			buf_appendf(out, "\\%c", c);
		else if (c == '\n')
			buf_append_cstr(out, "\\n");
		else
			buf_appendf(out, "\\u%04x", c);
	}
	buf_append(out, s.ptr + plain, s.len - plain);
	buf_append_byte(out, '"');
}

static void json_double(struct buf *out, double value)
{
	if (!isfinite(value)) {
		buf_append_cstr(out, "{\"$double\":\"");
		append_double(out, value);
		buf_append_cstr(out, "\"}");
		return;
	}
	size_t start = out->len;
	append_double(out, value);
	if (!out->failed && !memchr(out->data + start, '.', out->len - start) &&
	    !memchr(out->data + start, 'e', out->len - start))
		buf_append_cstr(out, ".0");
}

static void json_any(struct buf *out, struct slice message);

static void json_array(struct buf *out, struct slice message)
{
	struct pb_reader r = pb_reader_of(message);
	struct slice element;
	const char *separator = "[";
	uint32_t tag;
	while (pb_more(&r) && pb_tag(&r, &tag)) {
		if (tag != PB_TAG(1, PB_LEN)) {
			if (!pb_skip(&r, tag))
				break;
			continue;
		}
		if (!pb_bytes(&r, &element))
			break;
		buf_append_cstr(out, separator);
		json_any(out, element);
		separator = ",";
	}
	buf_append_cstr(out, *separator == '[' ? "[]" : "]");
}

static void json_member(struct buf *out, struct slice message)
{
	struct pb_reader r = pb_reader_of(message);
	struct slice key = SLICE(""), value = SLICE("");
	uint32_t tag;
	while (pb_more(&r) && pb_tag(&r, &tag)) {
		bool ok = tag == PB_TAG(1, PB_LEN)   ? pb_bytes(&r, &key)
			  : tag == PB_TAG(2, PB_LEN) ? pb_bytes(&r, &value)
						     : pb_skip(&r, tag);
		if (!ok)
			break;
	}
	json_string(out, key, true);
	buf_append_byte(out, ':');
	json_any(out, value);
}

static void json_map(struct buf *out, struct slice message)
{
	struct pb_reader r = pb_reader_of(message);
	struct slice member;
	const char *separator = "{";
	uint32_t tag;
	while (pb_more(&r) && pb_tag(&r, &tag)) {
		if (tag != PB_TAG(1, PB_LEN)) {
			if (!pb_skip(&r, tag))
				break;
			continue;
		}
		if (!pb_bytes(&r, &member))
			break;
		buf_append_cstr(out, separator);
		json_member(out, member);
		separator = ",";
	}
	buf_append_cstr(out, *separator == '{' ? "{}" : "}");
}

static void json_value(struct buf *out, struct value value)
{
	switch ((enum value_type)value.type) {
	case VALUE_EMPTY:
		buf_append_cstr(out, "null");
		break;
	case VALUE_STRING:
		json_string(out, value_bytes(value), false);
		break;
	case VALUE_BYTES:
		buf_append_cstr(out, "{\"$bytes\":\"");
		append_base64(out, value_bytes(value));
		buf_append_cstr(out, "\"}");
		break;
	case VALUE_DOUBLE:
		json_double(out, value.d);
		break;
	case VALUE_BOOL:
	case VALUE_INT:
	case VALUE_ARRAY:
	case VALUE_MAP:
		value_text(out, value);
		break;
	}
}

/* The last field of the oneof, as the decoder takes it. */
static void json_any(struct buf *out, struct slice message)
{
	struct pb_reader r = pb_reader_of(message);
	struct value value = {.type = VALUE_EMPTY};
	struct slice bytes;
	uint64_t bits;
	uint32_t tag;
	while (pb_more(&r) && pb_tag(&r, &tag)) {
		static const uint8_t types[8] = {
			[1] = VALUE_STRING, [2] = VALUE_BOOL, [3] = VALUE_INT,  [4] = VALUE_DOUBLE,
			[5] = VALUE_ARRAY,  [6] = VALUE_MAP,  [7] = VALUE_BYTES};
		static const uint8_t wire_types[8] = {
			[1] = PB_LEN, [2] = PB_VARINT, [3] = PB_VARINT, [4] = PB_FIXED64,
			[5] = PB_LEN, [6] = PB_LEN,    [7] = PB_LEN};
		uint32_t field = tag >> 3;
		if (field > 7 || !types[field] || (tag & 7) != wire_types[field]) {
			if (!pb_skip(&r, tag))
				break;
			continue;
		}
		value = (struct value){.type = types[field]};
		if (value.type == VALUE_BOOL || value.type == VALUE_INT) {
			if (!pb_varint(&r, &bits))
				break;
			value.i = value.type == VALUE_BOOL ? bits != 0 : (int64_t)bits;
		} else if (value.type == VALUE_DOUBLE) {
			if (!pb_fixed64(&r, &bits))
				break;
			memcpy(&value.d, &bits, sizeof(bits));
		} else {
			if (!pb_bytes(&r, &bytes))
				break;
			value.ptr = bytes.ptr;
			value.len = (uint32_t)bytes.len;
		}
	}
	json_value(out, value);
}

void value_text(struct buf *out, struct value value)
{
	switch ((enum value_type)value.type) {
	case VALUE_EMPTY:
		break;
	case VALUE_STRING:
		buf_append(out, value.ptr, value.len);
		break;
	case VALUE_BOOL:
		buf_append_cstr(out, value.i ? "true" : "false");
		break;
	case VALUE_INT:
		append_int(out, value.i);
		break;
	case VALUE_DOUBLE:
		append_double(out, value.d);
		break;
	case VALUE_BYTES:
		append_base64(out, value_bytes(value));
		break;
	case VALUE_ARRAY:
		json_array(out, value_bytes(value));
		break;
	case VALUE_MAP:
		json_map(out, value_bytes(value));
		break;
	}
}
