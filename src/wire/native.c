#include "wire/native.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "wire/native_column.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "columns are kept as they are sent, in little-endian order"
#endif

#define STAGE ((size_t)64 << 10) /* bytes that native_block_send collects before it writes */

struct native_block {
	const struct column *columns;
	size_t count, rows;
	struct native_column column[];
};

/* --- dictionaries --- */

static bool dict_grow(struct native_dict *dict)
{
	uint32_t capacity = dict->capacity ? 2 * dict->capacity : 64;
	if (capacity > UINT32_MAX / 4)
		return false;
	struct native_dict_entry *entries =
		realloc(dict->entries, (size_t)capacity * sizeof(*entries));
	if (!entries)
		return false;
	dict->entries = entries;
	uint32_t *slots = calloc((size_t)capacity * 2, sizeof(*slots));
	if (!slots)
		return false;
	free(dict->slots);
	dict->slots = slots;
	dict->capacity = capacity;
	dict->mask = capacity * 2 - 1;
	for (uint32_t i = 0; i < dict->count; i++) {
		uint32_t at = entries[i].hash & dict->mask;
		while (slots[at])
			at = (at + 1) & dict->mask;
		slots[at] = i + 1;
	}
	return true;
}

static uint32_t dict_add(struct native_dict *dict, struct slice key, uint32_t hash)
{
	if (key.len > UINT32_MAX || (dict->count == dict->capacity && !dict_grow(dict)))
		goto failed;
	native_append_string(&dict->bytes, key);
	if (dict->bytes.failed)
		goto failed;
	uint32_t at = hash & dict->mask;
	while (dict->slots[at])
		at = (at + 1) & dict->mask;
	dict->entries[dict->count] = (struct native_dict_entry){
		.offset = dict->bytes.len - key.len, .len = (uint32_t)key.len, .hash = hash};
	dict->slots[at] = ++dict->count;
	return dict->count - 1;
failed:
	dict->failed = true;
	return NATIVE_NO_ID;
}

uint32_t native_dict_id(struct native_dict *dict, struct slice key)
{
	if (dict->failed)
		return NATIVE_NO_ID;
	uint32_t hash = (uint32_t)XXH3_64bits_withSeed(key.ptr, key.len, dict->seed);
	uint32_t at = hash & dict->mask;
	for (; dict->slots[at]; at = (at + 1) & dict->mask) {
		const struct native_dict_entry *e = &dict->entries[dict->slots[at] - 1];
		if (e->hash == hash && e->len == key.len &&
		    (!e->len || memcmp(dict->bytes.data + e->offset, key.ptr, e->len) == 0))
			return dict->slots[at] - 1;
	}
	return dict_add(dict, key, hash);
}

/* Back to "" alone, which is what ClickHouse's own dictionaries begin with. */
static void dict_clear(struct native_dict *dict)
{
	dict->failed = false;
	dict->count = 0;
	buf_clear(&dict->bytes);
	if (dict->slots)
		memset(dict->slots, 0, ((size_t)dict->mask + 1) * sizeof(*dict->slots));
	else if (!dict_grow(dict))
		dict->failed = true;
	if (!dict->failed)
		dict_add(dict, SLICE(""), (uint32_t)XXH3_64bits_withSeed("", 0, dict->seed));
}

/* --- columns --- */

static bool starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static uint32_t fixed_width(const char *type)
{
	static const struct {
		const char *prefix;
		uint32_t width;
	} widths[] = {
		{"UInt8", 1},       {"Int8", 1},  {"Enum8(", 1},   {"UInt16", 2}, {"UInt32", 4},
		{"UInt64", 8},      {"Int64", 8}, {"Float64", 8},  {"Date)", 2},  {"DateTime)", 4},
		{"DateTime64(", 8}, {"Int32", 4}, {"UInt128", 16},
	};
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		if (starts_with(type, widths[i].prefix))
			return widths[i].width;
	}
	return strcmp(type, "Date") == 0 ? 2 : strcmp(type, "DateTime") == 0 ? 4 : 0;
}

static bool column_init(struct native_column *c, const struct column *column)
{
	const char *type = column->type;
	*c = (struct native_column){.kind = NATIVE_FIXED};
	buf_init(&c->data);
	buf_init(&c->indices);
	buf_init(&c->pair_ends);
	buf_init(&c->ends);
	buf_init(&c->dict.bytes);
	if (starts_with(type, "Array(")) {
		c->array = true;
		type += strlen("Array(");
	}
	if (starts_with(type, "SimpleAggregateFunction(")) {
		const char *comma = strchr(type, ',');
		if (!comma)
			return false;
		type = comma + 1 + strspn(comma + 1, " ");
	}
	if (strcmp(column->name, "CutId") == 0) {
		c->kind = NATIVE_CONSTANT;
		return strcmp(type, "UInt64") == 0;
	}
	bool dictionary = starts_with(type, "LowCardinality(String)");
	bool map = starts_with(type, "Map(LowCardinality(String), String)");
	if (dictionary || map) {
		c->kind = map ? NATIVE_MAP : NATIVE_DICTIONARY;
		if (getrandom(&c->dict.seed, sizeof(c->dict.seed), 0) < 0)
			return false;
		dict_clear(&c->dict);
		return !c->dict.failed;
	}
	if (starts_with(type, "String")) {
		c->kind = NATIVE_STRING;
		return true;
	}
	c->width = fixed_width(type);
	return c->width != 0;
}

static void column_release(struct native_column *c)
{
	buf_release(&c->data);
	buf_release(&c->indices);
	buf_release(&c->pair_ends);
	buf_release(&c->ends);
	buf_release(&c->dict.bytes);
	free(c->dict.entries);
	free(c->dict.slots);
}

size_t native_column_elements(const struct native_column *c)
{
	switch (c->kind) {
	case NATIVE_FIXED:
		return c->data.len / c->width;
	case NATIVE_STRING:
		return c->strings;
	case NATIVE_DICTIONARY:
		return c->indices.len / sizeof(uint32_t);
	case NATIVE_MAP:
		return c->pair_ends.len / sizeof(uint64_t);
	case NATIVE_CONSTANT:
		break;
	}
	return 0;
}

/* --- blocks --- */

struct native_block *native_block_new(const struct column *columns, size_t count)
{
	struct native_block *block =
		calloc(1, sizeof(*block) + count * sizeof(struct native_column));
	if (!block)
		return NULL;
	block->columns = columns;
	for (size_t i = 0; i < count; i++) {
		block->count = i + 1;
		if (!column_init(&block->column[i], &columns[i])) {
			native_block_free(block);
			return NULL;
		}
	}
	return block;
}

void native_block_free(struct native_block *block)
{
	if (!block)
		return;
	for (size_t i = 0; i < block->count; i++)
		column_release(&block->column[i]);
	free(block);
}

void native_block_clear(struct native_block *block)
{
	block->rows = 0;
	for (size_t i = 0; i < block->count; i++) {
		struct native_column *c = &block->column[i];
		buf_clear(&c->data);
		buf_clear(&c->indices);
		buf_clear(&c->pair_ends);
		buf_clear(&c->ends);
		c->strings = 0;
		if (c->kind == NATIVE_DICTIONARY || c->kind == NATIVE_MAP)
			dict_clear(&c->dict);
	}
}

void native_block_set_cut_id(struct native_block *block, uint64_t cut_id)
{
	for (size_t i = 0; i < block->count; i++)
		block->column[i].constant = cut_id;
}

struct native_column *native_block_column(struct native_block *block, size_t index)
{
	return &block->column[index];
}

void native_block_add_rows(struct native_block *block, size_t rows)
{
	block->rows += rows;
}

size_t native_block_rows(const struct native_block *block)
{
	return block->rows;
}

size_t native_block_bytes(const struct native_block *block)
{
	size_t bytes = 0;
	for (size_t i = 0; i < block->count; i++) {
		const struct native_column *c = &block->column[i];
		bytes += strlen(block->columns[i].name) + strlen(block->columns[i].type) + 2;
		bytes += c->data.len + c->pair_ends.len + c->ends.len + c->dict.bytes.len;
		bytes += c->indices.len / sizeof(uint32_t) * (c->dict.count > 256 ? 2 : 1);
		if (c->kind == NATIVE_CONSTANT)
			bytes += block->rows * sizeof(uint64_t);
	}
	return bytes;
}

bool native_block_failed(const struct native_block *block)
{
	for (size_t i = 0; i < block->count; i++) {
		const struct native_column *c = &block->column[i];
		if (c->data.failed || c->indices.failed || c->pair_ends.failed || c->ends.failed ||
		    c->dict.failed)
			return true;
	}
	return false;
}

/* --- writing --- */

/* Elements or rows [from, to). */
struct range {
	size_t from, to;
};

/* Where a block is written: into a buffer, or through a small one to a function. */
struct sink {
	struct buf *buf;
	native_write_fn *write; /* NULL: all stays in `buf` */
	void *ctx;
	struct error *err;
	int status;
};

static void sink_flush(struct sink *sink)
{
	if (sink->buf->failed)
		sink->status = error_set(sink->err, STATUS_NO_MEMORY, "no memory to send a block");
	if (!sink->status && sink->buf->len)
		sink->status = sink->write(sink->ctx, buf_slice(sink->buf), sink->err);
	buf_clear(sink->buf);
}

static void sink_bytes(struct sink *sink, const void *bytes, size_t len)
{
	if (sink->write && len >= STAGE / 4) {
		sink_flush(sink);
		if (!sink->status)
			sink->status =
				sink->write(sink->ctx, (struct slice){bytes, len}, sink->err);
		return;
	}
	buf_append(sink->buf, bytes, len);
	if (sink->write && sink->buf->len >= STAGE)
		sink_flush(sink);
}

static void sink_u64(struct sink *sink, uint64_t value)
{
	sink_bytes(sink, &value, sizeof(value));
}

static void sink_varint(struct sink *sink, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		buf_append_byte(sink->buf, (uint8_t)(value | 0x80));
	buf_append_byte(sink->buf, (uint8_t)value);
}

static uint64_t end_of(const struct buf *ends, size_t index)
{
	return ((const uint64_t *)(const void *)ends->data)[index];
}

/* Writes the ends of `r`, counted from its beginning; returns what it spans one level below. */
static struct range write_ends(const struct buf *ends, struct range r, struct sink *sink)
{
	if (r.from == r.to)
		return (struct range){0, 0};
	uint64_t first = r.from ? end_of(ends, r.from - 1) : 0;
	if (first == 0) {
		sink_bytes(sink, ends->data + r.from * sizeof(uint64_t),
			   (r.to - r.from) * sizeof(uint64_t));
	} else {
		for (size_t i = r.from; i < r.to; i++)
			sink_u64(sink, end_of(ends, i) - first);
	}
	return (struct range){first, end_of(ends, r.to - 1)};
}

/* The byte where string number `index` begins: strings are not indexed, slices are rare. */
static size_t string_offset(const struct buf *data, size_t index, size_t total)
{
	if (index == total)
		return data->len;
	size_t at = 0;
	for (size_t i = 0; i < index; i++) {
		size_t len = 0;
		unsigned shift = 0;
		uint8_t byte;
		do {
			byte = (uint8_t)data->data[at++];
			len |= (size_t)(byte & 0x7f) << shift;
			shift += 7;
		} while (byte & 0x80);
		at += len;
	}
	return at;
}

static void write_strings(const struct buf *data, struct range r, size_t total, struct sink *sink)
{
	if (r.from == r.to)
		return;
	size_t from = string_offset(data, r.from, total);
	sink_bytes(sink, data->data + from, string_offset(data, r.to, total) - from);
}

/* Narrows the indices to the smallest width that holds the dictionary, some at a time. */
static void write_indices(const uint32_t *from, size_t count, unsigned width_code,
			  struct sink *sink)
{
	uint8_t narrow[2048];
	size_t step = sizeof(narrow) >> width_code;
	for (; count && width_code < 2; from += step, count -= step) {
		step = count < step ? count : step;
		if (width_code == 0) {
			for (size_t i = 0; i < step; i++)
				narrow[i] = (uint8_t)from[i];
		} else {
			for (size_t i = 0; i < step; i++) {
				uint16_t index = (uint16_t)from[i];
				memcpy(narrow + 2 * i, &index, 2);
			}
		}
		sink_bytes(sink, narrow, step << width_code);
	}
	if (count)
		sink_bytes(sink, from, count * sizeof(*from));
}

/*
 * LowCardinality's body: u64 flags (0x200: keys follow, 0x400: they replace the reader's
 * dictionary; low bits: index width as a power of two), u64 keys, the keys, u64 rows, the
 * indices. Nothing at all for no rows.
 */
static void write_dictionary(const struct native_column *c, struct range r, struct sink *sink)
{
	if (r.from == r.to)
		return;
	unsigned width_code = c->dict.count <= 256 ? 0 : c->dict.count <= 65536 ? 1 : 2;
	sink_u64(sink, 0x600 | width_code);
	sink_u64(sink, c->dict.count);
	sink_bytes(sink, c->dict.bytes.data, c->dict.bytes.len);
	sink_u64(sink, r.to - r.from);
	const uint32_t *indices = (const uint32_t *)(const void *)c->indices.data;
	write_indices(indices + r.from, r.to - r.from, width_code, sink);
}

/*
 * The order is that of ClickHouse's substreams: the version of each LowCardinality inside
 * (u64 1) stands before everything else of the column, then the ends of arrays from the
 * outermost in, then the content. A Map is an Array of Tuple(key, value).
 */
static void write_column(const struct native_column *c, struct range r, struct sink *sink)
{
	if (c->kind == NATIVE_CONSTANT) {
		for (size_t i = r.from; i < r.to; i++)
			sink_u64(sink, c->constant);
		return;
	}
	if (c->kind == NATIVE_DICTIONARY || c->kind == NATIVE_MAP)
		sink_u64(sink, 1);
	if (c->array)
		r = write_ends(&c->ends, r, sink);
	if (c->kind == NATIVE_FIXED && r.to > r.from) {
		sink_bytes(sink, c->data.data + r.from * c->width, (r.to - r.from) * c->width);
	} else if (c->kind == NATIVE_STRING) {
		write_strings(&c->data, r, c->strings, sink);
	} else if (c->kind == NATIVE_DICTIONARY) {
		write_dictionary(c, r, sink);
	} else if (c->kind == NATIVE_MAP) {
		struct range pairs = write_ends(&c->pair_ends, r, sink);
		write_dictionary(c, pairs, sink);
		write_strings(&c->data, pairs, c->indices.len / sizeof(uint32_t), sink);
	}
}

static void write_rows(const struct native_block *block, struct range r, struct sink *sink)
{
	if (r.from >= r.to)
		return;
	sink_varint(sink, block->count);
	sink_varint(sink, r.to - r.from);
	for (size_t i = 0; i < block->count && !sink->status; i++) {
		native_append_string(sink->buf, slice_of(block->columns[i].name));
		native_append_string(sink->buf, slice_of(block->columns[i].type));
		write_column(&block->column[i], r, sink);
	}
}

void native_block_write_rows(const struct native_block *block, size_t from, size_t to,
			     struct buf *out)
{
	struct sink sink = {.buf = out};
	write_rows(block, (struct range){from, to}, &sink);
}

void native_block_write(const struct native_block *block, struct buf *out)
{
	if (block->rows)
		buf_reserve(out, native_block_bytes(block) + 16 * block->count);
	native_block_write_rows(block, 0, block->rows, out);
}

int native_block_send(const struct native_block *block, native_write_fn *write, void *ctx,
		      struct error *err)
{
	struct buf stage = BUF_INIT;
	struct sink sink = {.buf = &stage, .write = write, .ctx = ctx, .err = err};
	write_rows(block, (struct range){0, block->rows}, &sink);
	sink_flush(&sink);
	buf_release(&stage);
	return sink.status;
}
