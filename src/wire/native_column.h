/*
 * Filling the columns of a Native block. For the code that knows a table's columns
 * (store/log_rows.c, store/span_rows.c); everyone else needs wire/native.h only.
 *
 * Columns are filled independently; native_block_add_rows then says how many rows were
 * added to each of them. Lack of memory is remembered in the block (native_block_failed) and
 * makes further appends do nothing.
 *
 * Types: UInt8 Int8 Enum8(…) UInt16 Date UInt32 Int32 DateTime UInt64 Int64 Float64 DateTime64(…) UInt128,
 * String, LowCardinality(String), Map(LowCardinality(String), String), Array of any of
 * these, and SimpleAggregateFunction(f, T), which is stored as T.
 */
#ifndef TRIPOD_WIRE_NATIVE_COLUMN_H
#define TRIPOD_WIRE_NATIVE_COLUMN_H

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/slice.h"
#include "wire/native.h"

enum native_kind {
	NATIVE_FIXED, /* `data`: little-endian values of `width` bytes */
	NATIVE_CONSTANT, /* UInt64, the same in every row; nothing is kept a row */
	NATIVE_STRING, /* `data`: each a varint length and the bytes */
	NATIVE_DICTIONARY, /* `indices` into `dict` */
	NATIVE_MAP, /* `pair_ends`; the keys as `indices` into `dict`; the values as strings in `data` */
};

struct native_dict_entry {
	size_t offset; /* of the key's bytes in native_dict.bytes */
	uint32_t len;
	uint32_t hash;
};

/* Distinct strings by number, in order of appearance; 0 is "". */
struct native_dict {
	struct buf bytes; /* the keys as Native strings */
	struct native_dict_entry *entries;
	uint32_t *slots; /* open addressing: entry number + 1; 0: free */
	uint32_t count, capacity, mask;
	uint64_t seed;
	bool failed;
};

struct native_column {
	enum native_kind kind;
	uint32_t width;
	bool array; /* the above are elements; `ends` holds each row's end among them */
	uint64_t strings; /* in `data`, when NATIVE_STRING */
	uint64_t constant;
	struct buf data, indices, pair_ends, ends;
	struct native_dict dict;
};

#define NATIVE_NO_ID UINT32_MAX

struct native_column *native_block_column(struct native_block *block, size_t index);
void native_block_add_rows(struct native_block *block, size_t rows);

/* The number of `key`, added when new; NATIVE_NO_ID when out of memory. */
uint32_t native_dict_id(struct native_dict *dict, struct slice key);

/* Room for `count` values of `size` bytes at the end of `buf`, counted in already; NULL: no memory. */
static inline void *native_extend(struct buf *buf, size_t count, size_t size)
{
	size_t bytes = count * size;
	if (!buf_reserve(buf, bytes))
		return NULL;
	void *p = buf->data + buf->len;
	buf->len += bytes;
	return p;
}

static inline void native_put_u8(struct native_column *c, uint8_t value)
{
	buf_append_byte(&c->data, value);
}

static inline void native_put_u16(struct native_column *c, uint16_t value)
{
	buf_append(&c->data, &value, sizeof(value));
}

static inline void native_put_u32(struct native_column *c, uint32_t value)
{
	buf_append(&c->data, &value, sizeof(value));
}

static inline void native_put_u64(struct native_column *c, uint64_t value)
{
	buf_append(&c->data, &value, sizeof(value));
}

/* Short copies inline: a call of memcpy costs more than the copying. Reads `len` bytes only. */
static inline void native_copy(char *to, const char *from, size_t len)
{
	if (len > 16) {
		if (len > 64) {
			memcpy(to, from, len);
			return;
		}
		memcpy(to, from, 16);
		if (len > 32) {
			memcpy(to + 16, from + 16, 16);
			memcpy(to + len - 32, from + len - 32, 16);
		}
		memcpy(to + len - 16, from + len - 16, 16);
	} else if (len >= 8) {
		memcpy(to, from, 8);
		memcpy(to + len - 8, from + len - 8, 8);
	} else if (len >= 4) {
		memcpy(to, from, 4);
		memcpy(to + len - 4, from + len - 4, 4);
	} else if (len) {
		to[0] = from[0];
		to[len / 2] = from[len / 2];
		to[len - 1] = from[len - 1];
	}
}

#define NATIVE_LENGTH_MAX 10 /* bytes of a varint */

/* Writes a string where there is room for NATIVE_LENGTH_MAX + len; returns its end. */
static inline char *native_write_string(char *p, const char *bytes, size_t len)
{
	size_t n = len;
	while (n >= 0x80) {
		*p++ = (char)(n | 0x80);
		n >>= 7;
	}
	*p++ = (char)n;
	native_copy(p, bytes, len);
	return p + len;
}

/* A string into `buf`, not counted as a row: the values of maps. */
static inline void native_append_string(struct buf *buf, struct slice s)
{
	if (!buf_reserve(buf, s.len + NATIVE_LENGTH_MAX))
		return;
	char *end = native_write_string(buf->data + buf->len, s.ptr, s.len);
	buf->len = (size_t)(end - buf->data);
}

static inline void native_put_string(struct native_column *c, struct slice s)
{
	native_append_string(&c->data, s);
	c->strings++;
}

static inline void native_put_id(struct native_column *c, uint32_t id)
{
	buf_append(&c->indices, &id, sizeof(id));
}

static inline void native_put_key(struct native_column *c, struct slice key)
{
	native_put_id(c, native_dict_id(&c->dict, key));
}

/* Ends a map: the pairs put since the last call are its content. */
static inline void native_end_map(struct native_column *c)
{
	uint64_t end = c->indices.len / sizeof(uint32_t);
	buf_append(&c->pair_ends, &end, sizeof(end));
}

/* How many elements an Array column has, which for any other is its rows. */
size_t native_column_elements(const struct native_column *c);

/* Ends a row of an Array column: the elements put since the last call are its content. */
static inline void native_end_array(struct native_column *c)
{
	uint64_t end = native_column_elements(c);
	buf_append(&c->ends, &end, sizeof(end));
}

#endif
