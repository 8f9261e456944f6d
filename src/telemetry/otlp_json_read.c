/* OTLP/JSON to protobuf: one pass over the JSON, one function a kind of field. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "telemetry/otlp_json.h"
#include "wire/json.h"
#include "wire/number_text.h"
#include "wire/protobuf.h"

/* Bytes of strings with escapes in one request. They are all freed at its end. */
#define STRINGS_BUDGET ((size_t)256 << 20)

/* Where we are, for messages: a chain through the C stack. */
struct place {
	const struct place *parent;
	const struct otlp_field *field;
	size_t index; /* of the element, when the field is repeated */
};

struct transcoder {
	struct json_reader json;
	struct buf *out;
	struct error *err;
};

/* --- messages about errors --------------------------------------------------------------- */

#define PATH_MAX_BYTES 240

/* Writes the path from its end to its start, so that a long one loses its start. */
static const char *path_of(const struct place *place, char out[PATH_MAX_BYTES])
{
	size_t at = PATH_MAX_BYTES - 1;
	out[at] = '\0';
	for (; place; place = place->parent) {
		char step[96];
		int n = place->field->repeated && place->index != SIZE_MAX
				? snprintf(step, sizeof(step), "%s[%zu]", place->field->name,
					   place->index)
				: snprintf(step, sizeof(step), "%s", place->field->name);
		size_t need = (size_t)n + (out[at] != '\0');
		if (need + 3 > at) {
			at -= 3;
			memcpy(out + at, "...", 3);
			break;
		}
		if (out[at] != '\0')
			out[--at] = '.';
		at -= (size_t)n;
		memcpy(out + at, step, (size_t)n);
	}
	return out + at;
}

/* The length of `s`, at most `most`, without cutting a character. */
static int shown(struct slice s, size_t most)
{
	if (s.len <= most)
		return (int)s.len;
	while (most > 0 && (s.ptr[most] & 0xc0) == 0x80)
		most--;
	return (int)most;
}

/* "PATH: what was read EXPECTED" */
static int fail_value(struct transcoder *t, const struct place *place, int token,
		      const char *expected)
{
	char path[PATH_MAX_BYTES];
	struct slice text = t->json.text;
	const char *dots = text.len > 40 ? "..." : "";
	if (token == JSON_STRING)
		return error_set(t->err, STATUS_INVALID, "%s: \"%.*s%s\" %s", path_of(place, path),
				 shown(text, 40), text.ptr, dots, expected);
	if (token == JSON_NUMBER)
		return error_set(t->err, STATUS_INVALID, "%s: %.*s%s %s", path_of(place, path),
				 shown(text, 40), text.ptr, dots, expected);
	return error_set(t->err, STATUS_INVALID, "%s: %s %s", path_of(place, path),
			 json_token_name((enum json_token)token), expected);
}

static int fail_full(struct transcoder *t)
{
	return error_set(t->err, STATUS_LIMIT, "OTLP/JSON is larger than %zu bytes as protobuf",
			 t->out->limit);
}

/* --- protobuf ------------------------------------------------------------------------------ */

static size_t put_varint(uint8_t *to, uint64_t value)
{
	size_t n = 0;
	for (; value >= 0x80; value >>= 7)
		to[n++] = (uint8_t)(value | 0x80);
	to[n++] = (uint8_t)value;
	return n;
}

static void append_varint(struct buf *out, uint64_t value)
{
	if (buf_reserve(out, 10))
		out->len += put_varint((uint8_t *)out->data + out->len, value);
}

static void append_tag(struct buf *out, const struct otlp_field *field, enum pb_wire_type type)
{
	append_varint(out, PB_TAG(field->number, type));
}

static void append_fixed(struct buf *out, uint64_t value, size_t size)
{
	uint8_t bytes[8];
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	buf_append(out, bytes, size);
}

/*
 * A length is known only behind what it counts: one byte is kept for it, and what follows
 * is moved when it needs more. Each byte is moved once a level of larger messages, three or
 * four times in all, which is little beside reading the JSON.
 */
static size_t begin_length(struct buf *out)
{
	buf_append_byte(out, 0);
	return out->len;
}

static void end_length(struct buf *out, size_t start)
{
	if (out->failed)
		return;
	size_t len = out->len - start;
	uint8_t bytes[10];
	size_t n = put_varint(bytes, len);
	if (n > 1) {
		if (!buf_reserve(out, n - 1))
			return;
		memmove(out->data + start + n - 1, out->data + start, len);
		out->len += n - 1;
	}
	memcpy(out->data + start - 1, bytes, n);
}

static enum pb_wire_type wire_type(const struct otlp_field *field)
{
	switch ((enum otlp_kind)field->kind) {
	case OTLP_STRING:
	case OTLP_BYTES:
	case OTLP_ID:
	case OTLP_MESSAGE:
		return PB_LEN;
	case OTLP_FIXED32:
		return PB_FIXED32;
	case OTLP_FIXED64:
	case OTLP_SFIXED64:
	case OTLP_DOUBLE:
		return PB_FIXED64;
	case OTLP_BOOL:
	case OTLP_INT32:
	case OTLP_INT64:
	case OTLP_UINT32:
	case OTLP_UINT64:
	case OTLP_SINT32:
	case OTLP_ENUM:
		break;
	}
	return PB_VARINT;
}

/* --- numbers, booleans, enums: a value as its 64 bits --------------------------------------- */

static bool is_numeric(struct transcoder *t, int token)
{
	return token == JSON_NUMBER || (token == JSON_STRING && number_is_valid(t->json.text));
}

static int read_signed(struct transcoder *t, const struct place *place, int token, bool is_32,
		       uint64_t *out)
{
	int64_t value;
	if (!is_numeric(t, token) || !number_to_int64(t->json.text, &value) ||
	    (is_32 && (value < INT32_MIN || value > INT32_MAX)))
		return fail_value(t, place, token,
				  is_32 ? "is not a 32-bit integer" : "is not a 64-bit integer");
	*out = (uint64_t)value;
	return 0;
}

static int read_unsigned(struct transcoder *t, const struct place *place, int token, bool is_32,
			 uint64_t *out)
{
	uint64_t value;
	if (!is_numeric(t, token))
		return fail_value(t, place, token,
				  is_32 ? "is not a 32-bit integer" : "is not a 64-bit integer");
	if (!number_to_uint64(t->json.text, &value) || (is_32 && value > UINT32_MAX))
		return fail_value(t, place, token,
				  is_32 ? "is not an unsigned 32-bit integer"
					: "is not an unsigned 64-bit integer");
	*out = value;
	return 0;
}

static int read_double(struct transcoder *t, const struct place *place, int token, uint64_t *out)
{
	double value;
	if (is_numeric(t, token)) {
		value = number_to_double(t->json.text);
		if (isinf(value))
			return fail_value(t, place, token, "is out of the range of a double");
	} else if (token == JSON_STRING && slice_eq(t->json.text, SLICE("NaN"))) {
		value = NAN;
	} else if (token == JSON_STRING && slice_eq(t->json.text, SLICE("Infinity"))) {
		value = INFINITY;
	} else if (token == JSON_STRING && slice_eq(t->json.text, SLICE("-Infinity"))) {
		value = -INFINITY;
	} else {
		return fail_value(t, place, token, "is not a number");
	}
	memcpy(out, &value, sizeof(value));
	return 0;
}

static int read_enum(struct transcoder *t, const struct place *place, int token, uint64_t *out)
{
	const struct otlp_enum *values = place->field->values;
	struct slice text = t->json.text, prefix = slice_of(values->prefix);
	if (is_numeric(t, token))
		return read_signed(t, place, token, true, out);
	if (token == JSON_STRING && slice_starts_with(text, prefix)) {
		struct slice name = {text.ptr + prefix.len, text.len - prefix.len};
		for (unsigned i = 0; i < values->count; i++) {
			if (slice_eq_cstr(name, values->names[i])) {
				*out = i;
				return 0;
			}
		}
	}
	char expected[100];
	snprintf(expected, sizeof(expected), "is neither an integer nor one of %s%s, ...",
		 values->prefix, values->names[0]);
	return fail_value(t, place, token, expected);
}

static int read_bits(struct transcoder *t, const struct place *place, int token, uint64_t *out)
{
	switch ((enum otlp_kind)place->field->kind) {
	case OTLP_BOOL:
		if (token != JSON_TRUE && token != JSON_FALSE)
			return fail_value(t, place, token, "is neither true nor false");
		*out = token == JSON_TRUE;
		return 0;
	case OTLP_INT32:
	case OTLP_SINT32:
		return read_signed(t, place, token, true, out);
	case OTLP_INT64:
	case OTLP_SFIXED64:
		return read_signed(t, place, token, false, out);
	case OTLP_UINT32:
	case OTLP_FIXED32:
		return read_unsigned(t, place, token, true, out);
	case OTLP_UINT64:
	case OTLP_FIXED64:
		return read_unsigned(t, place, token, false, out);
	case OTLP_DOUBLE:
		return read_double(t, place, token, out);
	case OTLP_ENUM:
		return read_enum(t, place, token, out);
	case OTLP_STRING:
	case OTLP_BYTES:
	case OTLP_ID:
	case OTLP_MESSAGE:
		break;
	}
	return fail_value(t, place, token, "is not expected here");
}

static void append_bits(struct buf *out, const struct otlp_field *field, uint64_t bits)
{
	switch (wire_type(field)) {
	case PB_FIXED32:
		append_fixed(out, bits, 4);
		break;
	case PB_FIXED64:
		append_fixed(out, bits, 8);
		break;
	case PB_VARINT:
	case PB_LEN:
		if (field->kind == OTLP_SINT32) /* zigzag */
			bits = (uint32_t)((uint32_t)bits << 1 ^ (uint32_t)((int32_t)bits >> 31));
		append_varint(out, bits);
		break;
	}
}

/* --- strings, bytes, ids ----------------------------------------------------------------------- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False when `text` is not hex. */
static bool append_hex(struct buf *out, struct slice text)
{
	if (text.len % 2)
		return false;
	for (size_t i = 0; i < text.len; i += 2) {
		int high = hex_digit(text.ptr[i]), low = hex_digit(text.ptr[i + 1]);
		if (high < 0 || low < 0)
			return false;
		buf_append_byte(out, (uint8_t)(high << 4 | low));
	}
	return true;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

/* RFC 4648, 4 and 5. False when `text` is not base64. */
static bool append_base64(struct buf *out, struct slice text)
{
	for (int i = 0; i < 2 && text.len && text.ptr[text.len - 1] == '='; i++)
		text.len--;
	if (text.len % 4 == 1)
		return false;
	uint32_t bits = 0;
	for (size_t i = 0; i < text.len; i++) {
		int digit = base64_digit(text.ptr[i]);
		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4)
			buf_append_byte(out, (uint8_t)(bits >> (6 - 2 * (i % 4))));
	}
	return true;
}

static int read_bytes(struct transcoder *t, const struct place *place, int token, bool keep_empty)
{
	enum otlp_kind kind = (enum otlp_kind)place->field->kind;
	if (token != JSON_STRING)
		return fail_value(t, place, token, "is not a string");
	struct slice text = t->json.text;
	if (text.len == 0 && !keep_empty)
		return 0;
	append_tag(t->out, place->field, PB_LEN);
	if (kind == OTLP_STRING) {
		append_varint(t->out, text.len);
		buf_append_slice(t->out, text);
		return 0;
	}
	size_t start = begin_length(t->out);
	if (kind == OTLP_ID && !append_hex(t->out, text))
		return fail_value(t, place, token, "is not hex");
	if (kind == OTLP_BYTES && !append_base64(t->out, text))
		return fail_value(t, place, token, "is not base64");
	end_length(t->out, start);
	return 0;
}

/* --- messages ------------------------------------------------------------------------------------ */

static int read_fields(struct transcoder *t, const struct otlp_message *message,
		       const struct place *parent);

/* A message as a field; `token` is the first of its value. */
static int read_child(struct transcoder *t, const struct place *place, int token)
{
	if (token != JSON_OBJECT_BEGIN && token != JSON_NULL)
		return fail_value(t, place, token, "is not an object");
	append_tag(t->out, place->field, PB_LEN);
	size_t start = begin_length(t->out);
	if (token == JSON_OBJECT_BEGIN) {
		int rc = read_fields(t, place->field->message, place);
		if (rc < 0)
			return rc;
	}
	end_length(t->out, start);
	return 0;
}

static int read_singular(struct transcoder *t, const struct place *place, int token)
{
	const struct otlp_field *field = place->field;
	if (field->kind == OTLP_MESSAGE)
		return read_child(t, place, token);
	if (wire_type(field) == PB_LEN)
		return read_bytes(t, place, token, field->presence);
	uint64_t bits;
	int rc = read_bits(t, place, token, &bits);
	if (rc < 0)
		return rc;
	if (bits != 0 || field->presence) {
		append_tag(t->out, field, wire_type(field));
		append_bits(t->out, field, bits);
	}
	return 0;
}

static int read_element(struct transcoder *t, struct place *place, int token)
{
	const struct otlp_field *field = place->field;
	if (field->kind == OTLP_MESSAGE)
		return read_child(t, place, token);
	if (wire_type(field) == PB_LEN)
		return read_bytes(t, place, token, true);
	uint64_t bits;
	int rc = read_bits(t, place, token, &bits);
	if (rc == 0)
		append_bits(t->out, field, bits);
	return rc;
}

static int read_repeated(struct transcoder *t, struct place *place, int token)
{
	const struct otlp_field *field = place->field;
	if (token != JSON_ARRAY_BEGIN)
		return fail_value(t, place, token, "is not an array");
	bool packed = wire_type(field) != PB_LEN;
	size_t before = t->out->len, start = 0;
	if (packed) {
		append_tag(t->out, field, PB_LEN);
		start = begin_length(t->out);
	}
	for (place->index = 0;; place->index++) {
		token = json_next(&t->json, t->err);
		if (token < 0)
			return token;
		if (token == JSON_ARRAY_END)
			break;
		int rc = read_element(t, place, token);
		if (rc < 0)
			return rc;
		if (t->out->failed)
			return fail_full(t);
	}
	if (packed && place->index == 0)
		t->out->len = t->out->failed ? t->out->len : before;
	else if (packed)
		end_length(t->out, start);
	return 0;
}

/* Is `key`, as in the proto files ("time_unix_nano"), the field `name` ("timeUnixNano")? */
static bool is_proto_name(struct slice key, const char *name)
{
	size_t i = 0;
	for (; *name; name++, i++) {
		char c = *name;
		if (c >= 'A' && c <= 'Z') {
			if (i >= key.len || key.ptr[i++] != '_')
				return false;
			c |= 0x20;
		}
		if (i >= key.len || key.ptr[i] != c)
			return false;
	}
	return i == key.len;
}

/* The index of the field that is called `key`, or -1. Senders keep to an order: look from `hint` on. */
static int find_field(const struct otlp_message *message, struct slice key, unsigned hint)
{
	unsigned at = hint;
	for (unsigned i = 0; i < message->count; i++, at++) {
		if (at >= message->count)
			at = 0;
		const struct otlp_field *f = &message->fields[at];
		if (f->name_len == key.len && memcmp(f->name, key.ptr, key.len) == 0)
			return (int)at;
	}
	if (!memchr(key.ptr, '_', key.len))
		return -1;
	for (unsigned i = 0; i < message->count; i++) {
		if (is_proto_name(key, message->fields[i].name))
			return (int)i;
	}
	return -1;
}

struct seen {
	uint32_t fields; /* one bit each */
	const struct otlp_field *member; /* of the oneof */
};

static int note_seen(struct transcoder *t, const struct place *place, unsigned index,
		     struct seen *seen)
{
	char path[PATH_MAX_BYTES];
	if (seen->fields & (uint32_t)1 << index)
		return error_set(t->err, STATUS_INVALID, "%s: appears twice", path_of(place, path));
	seen->fields |= (uint32_t)1 << index;
	if (!place->field->oneof)
		return 0;
	if (seen->member)
		return error_set(t->err, STATUS_INVALID, "%s: excludes %s, which is there too",
				 path_of(place, path), seen->member->name);
	seen->member = place->field;
	return 0;
}

/* The members of an object up to its end; '{' was read. */
static int read_fields(struct transcoder *t, const struct otlp_message *message,
		       const struct place *parent)
{
	struct seen seen = {0};
	unsigned hint = 0;
	int token;
	while ((token = json_next(&t->json, t->err)) == JSON_KEY) {
		int index = find_field(message, t->json.text, hint);
		if (index < 0) {
			int rc = json_skip(&t->json, t->err);
			if (rc < 0)
				return rc;
			continue;
		}
		hint = (unsigned)index + 1;
		struct place place = {parent, &message->fields[index], SIZE_MAX};
		token = json_next(&t->json, t->err);
		if (token < 0)
			return token;
		if (token == JSON_NULL)
			continue;
		int rc = note_seen(t, &place, (unsigned)index, &seen);
		if (rc == 0)
			rc = place.field->repeated ? read_repeated(t, &place, token)
						   : read_singular(t, &place, token);
		if (rc < 0)
			return rc;
	}
	return token < 0 ? token : 0;
}

int otlp_json_to_protobuf(const struct otlp_message *message, struct slice json, struct buf *out,
			  struct error *err)
{
	struct arena strings;
	arena_init(&strings, STRINGS_BUDGET);
	struct transcoder t = {.out = out, .err = err};
	json_reader_init(&t.json, json, &strings, OTLP_JSON_MAX_DEPTH);
	int rc = json_next(&t.json, err);
	if (rc < 0)
		goto out;
	if (rc != JSON_OBJECT_BEGIN) {
		rc = error_set(err, STATUS_INVALID, "OTLP/JSON must be an object, not %s",
			       json_token_name((enum json_token)rc));
		goto out;
	}
	rc = read_fields(&t, message, NULL);
	if (rc == 0)
		rc = json_finish(&t.json, err);
	if (rc == 0 && out->failed)
		rc = fail_full(&t);
out:
	arena_release(&strings);
	return rc;
}
