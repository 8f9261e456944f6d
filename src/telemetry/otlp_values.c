/* Values and attributes of OTLP. */
#include "telemetry/otlp_decode_int.h"

/* --- values --- */

enum message { IN_ANY_VALUE, IN_KEY_VALUE, IN_ARRAY, IN_MAP };

struct frame {
	const uint8_t *end;
	enum message message;
};

/* A value, an array and a key-value message for each level, at most. */
#define FRAMES (3 * OTLP_MAX_DEPTH)

struct nested {
	struct pb_reader r;
	struct frame frames[FRAMES];
	unsigned frame_count, levels; /* levels: the arrays and maps among the frames */
};

/* Steps into a message that is the next field. */
static bool enter(struct nested *n, enum message message)
{
	struct slice bytes;
	if (!pb_bytes(&n->r, &bytes))
		return false;
	n->r.pos = (const uint8_t *)bytes.ptr;
	n->r.end = n->r.pos + bytes.len;
	n->frames[n->frame_count++] = (struct frame){n->r.end, message};
	n->levels += message == IN_ARRAY || message == IN_MAP;
	return true;
}

static bool nested_field(struct otlp_decoder *d, struct nested *n, const char *what)
{
	uint32_t tag;
	struct slice text;
	if (!pb_tag(&n->r, &tag))
		return false;
	enum message in = n->frames[n->frame_count - 1].message;
	if (in == IN_ARRAY && tag == PB_TAG(1, PB_LEN))
		return enter(n, IN_ANY_VALUE);
	if (in == IN_MAP && tag == PB_TAG(1, PB_LEN))
		return enter(n, IN_KEY_VALUE);
	if (in == IN_KEY_VALUE && tag == PB_TAG(2, PB_LEN))
		return enter(n, IN_ANY_VALUE);
	if ((in == IN_KEY_VALUE || in == IN_ANY_VALUE) && tag == PB_TAG(1, PB_LEN))
		return otlp_text(d, &n->r, &text, what);
	if (in == IN_ANY_VALUE && (tag == PB_TAG(5, PB_LEN) || tag == PB_TAG(6, PB_LEN))) {
		if (n->levels < OTLP_MAX_DEPTH)
			return enter(n, tag == PB_TAG(5, PB_LEN) ? IN_ARRAY : IN_MAP);
		otlp_reject(d, REJECT_TOO_DEEP, what);
	}
	return pb_skip(&n->r, tag);
}

/* An ArrayValue or KeyValueList message, the next field of `r`: its bytes, everything in it checked. */
static bool nested_value(struct otlp_decoder *d, struct pb_reader *r, enum value_type type,
			 struct value *out, const char *what)
{
	struct pb_reader message;
	if (!pb_message(r, &message))
		return otlp_malformed(d, r);
	*out = (struct value){.ptr = (const char *)message.pos,
			      .len = (uint32_t)(message.end - message.pos),
			      .type = type};
	struct nested n;
	n.r = message;
	n.frames[0] = (struct frame){message.end, type == VALUE_ARRAY ? IN_ARRAY : IN_MAP};
	n.frame_count = n.levels = 1;
	for (;;) {
		if (pb_more(&n.r)) {
			if (!nested_field(d, &n, what))
				return otlp_malformed(d, &n.r);
			continue;
		}
		n.levels -= n.frames[n.frame_count - 1].message >= IN_ARRAY;
		if (--n.frame_count == 0)
			return true;
		n.r.end = n.frames[n.frame_count - 1].end;
	}
}

/* One field of an AnyValue; of several in the oneof the last counts. */
static bool value_field(struct otlp_decoder *d, struct pb_reader *r, uint32_t tag,
			struct value *out, const char *what)
{
	uint64_t bits;
	struct slice bytes;
	switch (tag) {
	case PB_TAG(1, PB_LEN):
	case PB_TAG(7, PB_LEN):
		if (!pb_bytes(r, &bytes))
			return otlp_malformed(d, r);
		*out = (struct value){.ptr = bytes.ptr,
				      .len = (uint32_t)bytes.len,
				      .type = tag >> 3 == 1 ? VALUE_STRING : VALUE_BYTES};
		if (out->type == VALUE_STRING)
			otlp_check_utf8(d, bytes, what);
		return true;
	case PB_TAG(2, PB_VARINT):
	case PB_TAG(3, PB_VARINT):
		if (!pb_varint(r, &bits))
			return otlp_malformed(d, r);
		*out = (struct value){.type = tag >> 3 == 2 ? VALUE_BOOL : VALUE_INT};
		out->i = tag >> 3 == 2 ? bits != 0 : (int64_t)bits;
		return true;
	case PB_TAG(4, PB_FIXED64):
		if (!pb_fixed64(r, &bits))
			return otlp_malformed(d, r);
		*out = (struct value){.type = VALUE_DOUBLE};
		memcpy(&out->d, &bits, sizeof(bits));
		return true;
	case PB_TAG(5, PB_LEN):
		return nested_value(d, r, VALUE_ARRAY, out, what);
	case PB_TAG(6, PB_LEN):
		return nested_value(d, r, VALUE_MAP, out, what);
	default:
		return pb_skip(r, tag) || otlp_malformed(d, r);
	}
}

bool otlp_value(struct otlp_decoder *d, struct pb_reader *r, struct value *out, const char *what)
{
	*out = (struct value){.type = VALUE_EMPTY};
	while (pb_more(r)) {
		uint32_t tag;
		if (!pb_tag(r, &tag))
			return otlp_malformed(d, r);
		if (!value_field(d, r, tag, out, what))
			return false;
	}
	return true;
}

/* --- attributes --- */

/* The key's index; KEY_NONE when the record is rejected for it, or memory ran out. */
static inline uint32_t attribute_key(struct otlp_decoder *d, struct slice key)
{
	struct key_table *table = d->keys;
	uint32_t guess = table->next[d->previous_key];
	if (__builtin_expect(guess >= d->common->key_count || !key_eq(d->common->keys[guess], key),
			     0)) {
		enum key_error error;
		guess = key_table_find(d->common, key, &error);
		if (guess == KEY_NONE) {
			if (error == KEY_NO_MEMORY)
				otlp_no_memory(d);
			else
				otlp_reject(d,
					    error == KEY_BAD_UTF8 ? REJECT_INVALID_UTF8
								  : REJECT_TOO_MANY_KEYS,
					    "attribute key");
			return KEY_NONE;
		}
		table->next[d->previous_key] = guess;
	}
	d->previous_key = key_table_slot(guess);
	return guess;
}

static inline bool push_attribute(struct otlp_decoder *d, struct attr_run *run, struct slice key,
				  struct value value)
{
	struct batch_common *common = d->common;
	uint32_t id = attribute_key(d, key);
	if (__builtin_expect(id == KEY_NONE, 0))
		return d->status == 0;
	if (__builtin_expect(common->attr_count == common->attr_capacity, 0)) {
		const struct growing_column column = {&common->attrs, sizeof(*common->attrs)};
		if (!columns_grow(&common->arena, &column, 1, common->attr_count,
				  &common->attr_capacity))
			return otlp_no_memory(d);
	}
	common->attrs[common->attr_count++] = (struct attr){.value = value, .key = id};
	run->count++;
	return true;
}

/* Any field order, any value. */
static bool any_attribute(struct otlp_decoder *d, struct pb_reader *r, struct attr_run *run)
{
	struct slice key = {(const char *)r->end, 0};
	struct value value = {.type = VALUE_EMPTY};
	while (pb_more(r)) {
		uint32_t tag;
		struct pb_reader message;
		if (!pb_tag(r, &tag))
			return otlp_malformed(d, r);
		bool ok;
		if (tag == PB_TAG(1, PB_LEN)) {
			ok = pb_bytes(r, &key);
		} else if (tag == PB_TAG(2, PB_LEN)) {
			ok = pb_message(r, &message);
			if (ok && !otlp_value(d, &message, &value, "attribute value"))
				return false;
		} else {
			ok = pb_skip(r, tag);
		}
		if (!ok)
			return otlp_malformed(d, r);
	}
	return push_attribute(d, run, key, value);
}

bool otlp_attribute(struct otlp_decoder *d, struct pb_reader *r, struct attr_run *run)
{
	struct pb_reader kv;
	if (!pb_message(r, &kv))
		return otlp_malformed(d, r);
	/*
	 * Nearly all attributes are a key of less than 128 bytes, then a value with one field:
	 * tag, length, key, tag, length, tag of the value, in that order.
	 */
	const uint8_t *p = kv.pos;
	size_t key_len = p[1];
	if (p[0] != PB_TAG(1, PB_LEN) || key_len >= 0x80 || (size_t)(kv.end - p) < key_len + 5 ||
	    p[key_len + 2] != PB_TAG(2, PB_LEN))
		return any_attribute(d, &kv, run);
	struct slice key = {(const char *)p + 2, key_len};
	struct pb_reader message = {p + key_len + 3, kv.end, NULL};
	uint64_t value_len;
	if (!pb_varint(&message, &value_len) || value_len < 2 ||
	    value_len != (uint64_t)(kv.end - message.pos))
		return any_attribute(d, &kv, run);
	struct value value = {.type = VALUE_EMPTY};
	uint32_t tag = *message.pos++;
	if (tag == PB_TAG(1, PB_LEN)) {
		struct slice text;
		if (!pb_bytes(&message, &text) || (const uint8_t *)text.ptr + text.len != kv.end)
			return any_attribute(d, &kv, run);
		otlp_check_utf8(d, text, "attribute value");
		value = (struct value){
			.ptr = text.ptr, .len = (uint32_t)text.len, .type = VALUE_STRING};
	} else if (tag == PB_TAG(3, PB_VARINT)) {
		uint64_t bits;
		if (!pb_varint(&message, &bits) || message.pos != kv.end)
			return any_attribute(d, &kv, run);
		value.type = VALUE_INT;
		value.i = (int64_t)bits;
	} else {
		return any_attribute(d, &kv, run);
	}
	return push_attribute(d, run, key, value);
}

bool otlp_move_run(struct otlp_decoder *d, struct attr_run *run)
{
	struct batch_common *common = d->common;
	const struct growing_column column = {&common->attrs, sizeof(*common->attrs)};
	while (common->attr_capacity - common->attr_count < run->count) {
		if (!columns_grow(&common->arena, &column, 1, common->attr_count,
				  &common->attr_capacity))
			return otlp_no_memory(d);
	}
	if (run->count)
		memcpy(common->attrs + common->attr_count, common->attrs + run->first,
		       run->count * sizeof(*common->attrs));
	run->first = common->attr_count;
	common->attr_count += run->count;
	return true;
}
