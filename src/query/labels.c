#include "query/labels.h"

#include <stdlib.h>

#include <xxhash.h>

#include "base/buf.h"
#include "wire/utf8.h"

static int compare_slices(struct slice a, struct slice b)
{
	size_t shorter = a.len < b.len ? a.len : b.len;
	int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;
	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_name(const void *a, const void *b)
{
	const struct label *left = a, *right = b;
	return compare_slices(left->name, right->name);
}

static struct labels *reserve(struct arena *arena, uint32_t count)
{
	return arena_alloc(arena, sizeof(struct labels) + count * sizeof(struct label));
}

/* Lengths are part of what is hashed, so that no two sets run into each other. */
static void hash_labels(struct labels *labels)
{
	uint64_t hash = labels->count;
	for (uint32_t i = 0; i < labels->count; i++) {
		const struct label *l = &labels->list[i];
		hash = XXH3_64bits_withSeed(l->name.ptr, l->name.len, hash ^ l->name.len);
		hash = XXH3_64bits_withSeed(l->value.ptr, l->value.len, hash ^ l->value.len);
	}
	labels->hash = hash;
}

const struct labels *labels_new(struct arena *arena, struct label *list, uint32_t count)
{
	struct labels *labels = reserve(arena, count);
	if (!labels)
		return NULL;
	bool sorted = true;
	for (uint32_t i = 1; i < count && sorted; i++)
		sorted = compare_slices(list[i - 1].name, list[i].name) < 0;
	if (!sorted)
		qsort(list, count, sizeof(list[0]), by_name);
	labels->count = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (list[i].value.len)
			labels->list[labels->count++] = list[i];
	}
	hash_labels(labels);
	return labels;
}

static const struct label *find(const struct labels *labels, struct slice name)
{
	uint32_t low = 0, high = labels->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = compare_slices(labels->list[middle].name, name);
		if (order == 0)
			return &labels->list[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

struct slice labels_get(const struct labels *labels, struct slice name)
{
	const struct label *label = find(labels, name);
	return label ? label->value : (struct slice){"", 0};
}

bool labels_equal(const struct labels *a, const struct labels *b)
{
	if (a == b)
		return true;
	if (a->hash != b->hash || a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++) {
		if (!slice_eq(a->list[i].name, b->list[i].name) ||
		    !slice_eq(a->list[i].value, b->list[i].value))
			return false;
	}
	return true;
}

int labels_compare(const struct labels *a, const struct labels *b)
{
	for (uint32_t i = 0; i < a->count && i < b->count; i++) {
		int order = compare_slices(a->list[i].name, b->list[i].name);
		if (order == 0)
			order = compare_slices(a->list[i].value, b->list[i].value);
		if (order)
			return order;
	}
	return (a->count > b->count) - (a->count < b->count);
}

static bool is_listed(const struct slice *names, uint32_t count, struct slice name)
{
	for (uint32_t i = 0; i < count; i++) {
		if (slice_eq(names[i], name))
			return true;
	}
	return false;
}

const struct labels *labels_select(struct arena *arena, const struct labels *labels,
				   const struct slice *names, uint32_t count, bool keep)
{
	struct labels *out = reserve(arena, labels->count);
	if (!out)
		return NULL;
	out->count = 0;
	for (uint32_t i = 0; i < labels->count; i++) {
		if (is_listed(names, count, labels->list[i].name) == keep)
			out->list[out->count++] = labels->list[i];
	}
	hash_labels(out);
	return out;
}

const struct labels *labels_with(struct arena *arena, const struct labels *labels,
				 struct slice name, struct slice value)
{
	struct labels *out = reserve(arena, labels->count + 1);
	if (!out)
		return NULL;
	uint32_t i = 0;
	out->count = 0;
	while (i < labels->count && compare_slices(labels->list[i].name, name) < 0)
		out->list[out->count++] = labels->list[i++];
	if (value.len)
		out->list[out->count++] = (struct label){name, value};
	if (i < labels->count && slice_eq(labels->list[i].name, name))
		i++;
	while (i < labels->count)
		out->list[out->count++] = labels->list[i++];
	hash_labels(out);
	return out;
}

const struct labels *labels_without_name(struct arena *arena, const struct labels *labels)
{
	static const struct slice names[] = {{"__name__", 8}, {"__type__", 8}, {"__unit__", 8}};
	for (unsigned i = 0; i < 3; i++) {
		if (find(labels, names[i]))
			return labels_select(arena, labels, names, 3, false);
	}
	return labels;
}

/* A name that may stand without quotes: letters, digits and _. */
static bool is_plain_name(struct slice name)
{
	if (!name.len)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		if (!letter && (i == 0 || c < '0' || c > '9'))
			return false;
	}
	return true;
}

void labels_quote(struct slice text, struct buf *out)
{
	bool is_text = utf8_valid(text.ptr, text.len);
	buf_append_byte(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if (c == '"' || c == '\\')
			buf_append_byte(out, '\\');
		if (c == '\n')
			buf_append_cstr(out, "\\n");
		else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !is_text))
			buf_appendf(out, "\\x%02x", c);
		else
			buf_append_byte(out, c);
	}
	buf_append_byte(out, '"');
}

void labels_text(const struct labels *labels, struct buf *out)
{
	buf_append_byte(out, '{');
	for (uint32_t i = 0; i < labels->count; i++) {
		const struct label *label = &labels->list[i];
		if (i)
			buf_append_cstr(out, ", ");
		if (is_plain_name(label->name))
			buf_append_slice(out, label->name);
		else
			labels_quote(label->name, out);
		buf_append_byte(out, '=');
		labels_quote(label->value, out);
	}
	buf_append_byte(out, '}');
}

/* --- the index ---------------------------------------------------------------------- */

void labels_index_init(struct labels_index *index, struct arena *arena)
{
	*index = (struct labels_index){.arena = arena};
}

/* The slot that has the key, or the free one where it would be. */
static uint32_t *slot_of(const struct labels_index *index, const struct labels *key)
{
	uint32_t i = (uint32_t)key->hash & (index->slot_count - 1);
	while (index->slots[i] && !labels_equal(index->keys[index->slots[i] - 1], key))
		i = (i + 1) & (index->slot_count - 1);
	return &index->slots[i];
}

uint32_t labels_index_find(const struct labels_index *index, const struct labels *key)
{
	return index->count ? *slot_of(index, key) - 1 : LABELS_NONE;
}

static bool grow(struct labels_index *index)
{
	uint32_t capacity = index->capacity ? index->capacity * 2 : 16;
	uint32_t slot_count = capacity * 2;
	const struct labels **keys = arena_array(index->arena, capacity, sizeof(keys[0]));
	uint32_t *slots = arena_array(index->arena, slot_count, sizeof(slots[0]));
	if (!keys || !slots)
		return false;
	memset(slots, 0, slot_count * sizeof(slots[0]));
	if (index->count)
		memcpy(keys, index->keys, index->count * sizeof(keys[0]));
	index->keys = keys;
	index->capacity = capacity;
	index->slots = slots;
	index->slot_count = slot_count;
	for (uint32_t i = 0; i < index->count; i++)
		*slot_of(index, keys[i]) = i + 1;
	return true;
}

uint32_t labels_index_add(struct labels_index *index, const struct labels *key)
{
	if (index->count == index->capacity && !grow(index))
		return LABELS_NONE;
	uint32_t *slot = slot_of(index, key);
	if (!*slot) {
		index->keys[index->count] = key;
		*slot = ++index->count;
	}
	return *slot - 1;
}
