/*
 * Attributes and values as columns.
 *
 * A batch is one decoded request. Everything in it is plain arrays in the batch's arena;
 * strings point into the request's bytes, which the batch's owner keeps alive (a chunk
 * reference). Keys are interned per batch: an attribute names its key by index.
 */
#ifndef TRIPOD_TELEMETRY_ATTRS_H
#define TRIPOD_TELEMETRY_ATTRS_H

#include <stdint.h>

#include "base/slice.h"

/* The kinds of opentelemetry.proto.common.v1.AnyValue. */
enum value_type {
	VALUE_EMPTY, /* no value set */
	VALUE_STRING,
	VALUE_BOOL,
	VALUE_INT,
	VALUE_DOUBLE,
	VALUE_BYTES,
	VALUE_ARRAY, /* `ptr`, `len`: the ArrayValue message's bytes, already validated */
	VALUE_MAP, /* `ptr`, `len`: the KeyValueList message's bytes, already validated */
};

/* A value: 16 bytes. `len` is the length of what `ptr` points to, 0 for the scalars. */
struct value {
	union {
		const char *ptr;
		int64_t i; /* VALUE_INT; VALUE_BOOL as 0 or 1 */
		double d;
	};
	uint32_t len;
	uint32_t type; /* enum value_type */
};

struct attr {
	struct value value;
	uint32_t key; /* index into the batch's keys */
	uint32_t reserved;
};

/* A run of attributes in the batch's attribute array, in the order they were sent. */
struct attr_run {
	uint32_t first, count;
};

static inline struct slice value_bytes(struct value v)
{
	return (struct slice){v.ptr, v.len};
}

#endif
