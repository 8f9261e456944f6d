/*
 * OTLP protobuf to JSON. Senders write each repeated field in one run and nothing twice, so
 * a message is written in the order of its bytes. What protobuf also allows (runs apart, a
 * field again) is noticed by a look at the keys first, and written field by field.
 */
#include <math.h>
#include <string.h>

#include "telemetry/otlp_json.h"
#include "wire/json_write.h"
#include "wire/protobuf.h"

struct writer {
	struct json_writer json;
	struct error *err;
};

static int write_message(struct writer *w, const struct otlp_message *message, struct slice bytes,
			 unsigned depth);

static const struct otlp_field *find_field(const struct otlp_message *message, uint32_t number,
					   unsigned *hint)
{
	unsigned at = *hint;
	for (unsigned i = 0; i < message->count; i++, at++) {
		if (at >= message->count)
			at = 0;
		if (message->fields[at].number == number) {
			*hint = at;
			return &message->fields[at];
		}
	}
	return NULL;
}

/* --- scalars --------------------------------------------------------------------------- */

/* 64-bit integers are strings in ProtoJSON. */
static void write_quoted(struct json_writer *j, uint64_t magnitude, bool minus)
{
	char text[23];
	size_t at = sizeof(text);
	text[--at] = '"';
	do {
		text[--at] = (char)('0' + magnitude % 10);
		magnitude /= 10;
	} while (magnitude);
	if (minus)
		text[--at] = '-';
	text[--at] = '"';
	json_write_raw(j, (struct slice){text + at, sizeof(text) - at});
}

static void write_double(struct json_writer *j, uint64_t bits)
{
	double value;
	memcpy(&value, &bits, sizeof(value));
	if (isnan(value))
		json_write_string(j, SLICE("NaN"));
	else if (isinf(value))
		json_write_string(j, value > 0 ? SLICE("Infinity") : SLICE("-Infinity"));
	else
		json_write_double(j, value);
}

static void write_bits(struct json_writer *j, enum otlp_kind kind, uint64_t bits)
{
	switch (kind) {
	case OTLP_BOOL:
		json_write_bool(j, bits != 0);
		break;
	case OTLP_INT32:
	case OTLP_ENUM:
		json_write_int64(j, (int32_t)bits);
		break;
	case OTLP_SINT32:
		json_write_int64(j, (int32_t)((uint32_t)bits >> 1 ^ (0 - ((uint32_t)bits & 1))));
		break;
	case OTLP_UINT32:
	case OTLP_FIXED32:
		json_write_uint64(j, (uint32_t)bits);
		break;
	case OTLP_INT64:
	case OTLP_SFIXED64:
		write_quoted(j, (int64_t)bits < 0 ? 0 - bits : bits, (int64_t)bits < 0);
		break;
	case OTLP_UINT64:
	case OTLP_FIXED64:
		write_quoted(j, bits, false);
		break;
	case OTLP_DOUBLE:
		write_double(j, bits);
		break;
	case OTLP_STRING:
	case OTLP_BYTES:
	case OTLP_ID:
	case OTLP_MESSAGE:
		break;
	}
}

static void write_hex(struct json_writer *j, struct slice bytes)
{
	static const char digits[] = "0123456789abcdef";
	json_write_raw(j, SLICE("\""));
	for (size_t i = 0; i < bytes.len; i++) {
		uint8_t b = (uint8_t)bytes.ptr[i];
		char pair[2] = {digits[b >> 4], digits[b & 15]};
		buf_append(j->out, pair, 2);
	}
	buf_append_byte(j->out, '"');
}

static void write_base64(struct json_writer *j, struct slice bytes)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	json_write_raw(j, SLICE("\""));
	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
		uint32_t bits = 0;
		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (k < n ? (uint8_t)bytes.ptr[i + k] : 0);
		char four[4];
		for (size_t k = 0; k < 4; k++)
			four[k] = k <= n ? digits[bits >> (18 - 6 * k) & 63] : '=';
		buf_append(j->out, four, 4);
	}
	buf_append_byte(j->out, '"');
}

/* --- fields ---------------------------------------------------------------------------------- */

static int malformed(struct writer *w, const struct otlp_message *message,
		     const struct pb_reader *r)
{
	return error_set(w->err, STATUS_INVALID, "malformed protobuf in %s: %s", message->name,
			 r->error);
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
	default:
		return PB_VARINT;
	}
}

static bool read_bits(struct pb_reader *r, enum pb_wire_type type, uint64_t *bits)
{
	uint32_t low;
	switch (type) {
	case PB_FIXED64:
		return pb_fixed64(r, bits);
	case PB_FIXED32:
		if (!pb_fixed32(r, &low))
			return false;
		*bits = low;
		return true;
	case PB_VARINT:
	case PB_LEN:
		break;
	}
	return pb_varint(r, bits);
}

/* A known field's value, of its own wire type or (repeated scalars) packed; all its elements. */
static int write_value(struct writer *w, const struct otlp_message *message,
		       const struct otlp_field *field, struct pb_reader *r, uint32_t tag,
		       unsigned depth)
{
	enum pb_wire_type type = wire_type(field);
	uint64_t bits;
	struct slice bytes;
	if ((tag & 7) != PB_LEN) {
		if (!read_bits(r, type, &bits))
			return malformed(w, message, r);
		write_bits(&w->json, (enum otlp_kind)field->kind, bits);
		return 0;
	}
	if (!pb_bytes(r, &bytes))
		return malformed(w, message, r);
	switch ((enum otlp_kind)field->kind) {
	case OTLP_STRING:
		json_write_string(&w->json, bytes);
		return 0;
	case OTLP_BYTES:
		write_base64(&w->json, bytes);
		return 0;
	case OTLP_ID:
		write_hex(&w->json, bytes);
		return 0;
	case OTLP_MESSAGE:
		return write_message(w, field->message, bytes, depth + 1);
	default:
		break;
	}
	struct pb_reader packed = pb_reader_of(bytes);
	while (pb_more(&packed)) {
		if (!read_bits(&packed, type, &bits))
			return malformed(w, message, &packed);
		write_bits(&w->json, (enum otlp_kind)field->kind, bits);
	}
	return 0;
}

/* Fields of a wrong wire type are unknown fields, as for protobuf's own parsers. */
static bool fits(const struct otlp_field *field, uint32_t tag)
{
	enum pb_wire_type type = wire_type(field);
	return (tag & 7) == (uint32_t)type || ((tag & 7) == PB_LEN && field->repeated);
}

/* All elements of a repeated field, wherever they are in `bytes`. */
static int write_gathered(struct writer *w, const struct otlp_message *message,
			  const struct otlp_field *field, struct slice bytes, unsigned depth)
{
	struct pb_reader r = pb_reader_of(bytes);
	uint32_t tag;
	bool any = false;
	while (pb_more(&r) && pb_tag(&r, &tag)) {
		if (tag >> 3 != field->number || !fits(field, tag)) {
			pb_skip(&r, tag);
			continue;
		}
		if (!any) {
			json_write_key(&w->json, (struct slice){field->name, field->name_len});
			json_write_array_begin(&w->json);
			any = true;
		}
		int rc = write_value(w, message, field, &r, tag, depth);
		if (rc < 0)
			return rc;
	}
	if (any)
		json_write_array_end(&w->json);
	return 0;
}

/*
 * A singular field of which there may be several: the last counts, but messages merge,
 * which is what their bytes one behind another mean. Another member of its oneof after it
 * clears it.
 */
static int write_last(struct writer *w, const struct otlp_message *message,
		      const struct otlp_field *field, struct slice bytes, unsigned depth)
{
	struct pb_reader r = pb_reader_of(bytes), last = r;
	uint32_t tag, last_tag = 0; /* 0: there is none */
	struct buf merged = BUF_INIT;
	unsigned hint = 0;
	while (pb_more(&r) && pb_tag(&r, &tag)) {
		struct pb_reader value = r;
		struct slice part;
		pb_skip(&r, tag);
		const struct otlp_field *f = find_field(message, tag >> 3, &hint);
		if (!f || !fits(f, tag))
			continue;
		if (f == field) {
			last = value;
			last_tag = tag;
			if (field->kind == OTLP_MESSAGE && pb_bytes(&value, &part))
				buf_append_slice(&merged, part);
		} else if (f->oneof && f->oneof == field->oneof) {
			last_tag = 0;
			buf_clear(&merged);
		}
	}
	int rc = 0;
	if (last_tag) {
		static const char padding[PROTOBUF_PADDING];
		struct slice all = buf_slice(&merged);
		json_write_key(&w->json, (struct slice){field->name, field->name_len});
		buf_append(&merged, padding, sizeof(padding));
		all.ptr = merged.data;
		if (merged.failed)
			rc = error_set(w->err, STATUS_NO_MEMORY, "no memory to write OTLP/JSON");
		else if (field->kind == OTLP_MESSAGE)
			rc = write_message(w, field->message, all, depth + 1);
		else
			rc = write_value(w, message, field, &last, last_tag, depth);
	}
	buf_release(&merged);
	return rc;
}

/* Field by field, for a message whose fields do not come in one run each; it is well framed. */
static int write_scattered(struct writer *w, const struct otlp_message *message, struct slice bytes,
			   unsigned depth)
{
	json_write_object_begin(&w->json);
	for (unsigned i = 0; i < message->count; i++) {
		const struct otlp_field *field = &message->fields[i];
		int rc = field->repeated ? write_gathered(w, message, field, bytes, depth)
					 : write_last(w, message, field, bytes, depth);
		if (rc < 0)
			return rc;
	}
	json_write_object_end(&w->json);
	return 0;
}

/* 1 when a field comes again after others, or a second member of a oneof; 0 when not. */
static int is_scattered(struct writer *w, const struct otlp_message *message, struct slice bytes)
{
	struct pb_reader r = pb_reader_of(bytes);
	uint32_t seen = 0;
	const struct otlp_field *last = NULL;
	bool oneof = false;
	unsigned hint = 0;
	while (pb_more(&r)) {
		uint32_t tag;
		if (!pb_tag(&r, &tag) || !pb_skip(&r, tag))
			return malformed(w, message, &r);
		const struct otlp_field *field = find_field(message, tag >> 3, &hint);
		if (!field || !fits(field, tag))
			continue;
		if (field == last && field->repeated)
			continue;
		if (seen & (uint32_t)1 << hint || (field->oneof && oneof))
			return 1;
		seen |= (uint32_t)1 << hint;
		oneof |= field->oneof != 0;
		last = field;
	}
	return 0;
}

/* Each field in the order of the bytes; `bytes` is well framed and not scattered. */
static int write_in_order(struct writer *w, const struct otlp_message *message, struct slice bytes,
			  unsigned depth)
{
	struct pb_reader r = pb_reader_of(bytes);
	const struct otlp_field *open = NULL; /* repeated, and its array is not closed yet */
	unsigned hint = 0;
	uint32_t tag;
	json_write_object_begin(&w->json);
	while (pb_more(&r) && pb_tag(&r, &tag)) {
		const struct otlp_field *field = find_field(message, tag >> 3, &hint);
		if (!field || !fits(field, tag)) {
			pb_skip(&r, tag);
			continue;
		}
		if (field != open) {
			if (open)
				json_write_array_end(&w->json);
			json_write_key(&w->json, (struct slice){field->name, field->name_len});
			open = field->repeated ? field : NULL;
			if (open)
				json_write_array_begin(&w->json);
		}
		int rc = write_value(w, message, field, &r, tag, depth);
		if (rc < 0)
			return rc;
	}
	if (open)
		json_write_array_end(&w->json);
	json_write_object_end(&w->json);
	return 0;
}

static int write_message(struct writer *w, const struct otlp_message *message, struct slice bytes,
			 unsigned depth)
{
	if (depth > OTLP_JSON_MAX_MESSAGES)
		return error_set(w->err, STATUS_INVALID, "%s is nested deeper than %d messages",
				 message->name, OTLP_JSON_MAX_MESSAGES);
	int scattered = is_scattered(w, message, bytes);
	if (scattered < 0)
		return scattered;
	return scattered ? write_scattered(w, message, bytes, depth)
			 : write_in_order(w, message, bytes, depth);
}

int otlp_protobuf_to_json(const struct otlp_message *message, struct slice protobuf,
			  struct buf *out, struct error *err)
{
	struct writer w = {.json = {.out = out}, .err = err};
	int rc = write_message(&w, message, protobuf.len ? protobuf : SLICE(""), 1);
	if (rc == 0 && out->failed)
		return error_set(err, STATUS_LIMIT, "OTLP/JSON is larger than %zu bytes",
				 out->limit);
	return rc;
}
