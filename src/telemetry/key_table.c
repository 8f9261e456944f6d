#include "telemetry/key_table.h"

#include <stdlib.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "telemetry/columns.h"
#include "telemetry/otlp_decode.h"
#include "wire/utf8.h"

#define FIRST_SLOTS 256 /* a power of two, as all sizes are */

static inline uint64_t multiply_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/*
 * Keys of up to 32 bytes, nearly all, are hashed by folded multiplication with the secret
 * seeds (as in wyhash), without a branch on their length: when keys come in random order,
 * mispredicted branches are what decoding costs.
 */
static inline uint32_t hash_key(const struct key_table *table, struct slice key)
{
#ifdef __SSSE3__
	if (__builtin_expect(key.len <= 32, 1)) {
		struct short_text text = short_text_load(key.ptr, key.len);
		uint64_t words[4];
		memcpy(words, &text, sizeof(words));
		uint64_t head =
			multiply_fold(words[0] ^ table->seeds[0], words[1] ^ table->seeds[1]);
		uint64_t tail = multiply_fold(words[2] ^ table->seeds[2],
					      words[3] ^ table->seeds[3] ^ key.len);
		return (uint32_t)multiply_fold(head ^ table->seeds[1], tail ^ table->seeds[2]);
	}
#endif
	return (uint32_t)XXH3_64bits_withSeed(key.ptr, key.len, table->seeds[0]);
}

bool key_table_reset(struct batch_common *batch)
{
	struct key_table *table = batch->key_table;
	batch->key_count = 0;
	if (!table) {
		table = calloc(1, sizeof(*table));
		if (!table)
			return false;
		table->slots = calloc(FIRST_SLOTS, sizeof(*table->slots));
		if (!table->slots || getrandom(table->seeds, sizeof(table->seeds), 0) < 0) {
			key_table_free(table);
			return false;
		}
		table->mask = FIRST_SLOTS - 1;
		batch->key_table = table;
	}
	if (++table->generation == 0) {
		memset(table->slots, 0, ((size_t)table->mask + 1) * sizeof(*table->slots));
		table->generation = 1;
	}
	return true;
}

void key_table_free(struct key_table *table)
{
	if (!table)
		return;
	free(table->slots);
	free(table);
}

static void place(struct key_table *table, uint32_t hash, uint32_t id)
{
	uint32_t at = hash & table->mask;
	while (table->slots[at].generation == table->generation)
		at = (at + 1) & table->mask;
	table->slots[at] = (struct key_slot){hash, id, table->generation};
}

static bool grow_slots(struct key_table *table)
{
	uint32_t old_mask = table->mask;
	struct key_slot *old = table->slots;
	struct key_slot *slots = calloc(2 * ((size_t)old_mask + 1), sizeof(*slots));
	if (!slots)
		return false;
	table->slots = slots;
	table->mask = 2 * old_mask + 1;
	/* In the order of the keys, so that key_table_truncate can take them out again. */
	uint32_t *hashes = calloc((size_t)old_mask + 1, sizeof(*hashes));
	uint32_t count = 0;
	for (uint32_t i = 0; hashes && i <= old_mask; i++) {
		if (old[i].generation == table->generation) {
			hashes[old[i].id] = old[i].hash;
			count++;
		}
	}
	for (uint32_t i = 0; hashes && i < count; i++)
		place(table, hashes[i], i);
	bool done = hashes != NULL;
	if (!done) {
		free(slots);
		table->slots = old;
		table->mask = old_mask;
		old = NULL;
	}
	free(hashes);
	free(old);
	return done;
}

static uint32_t add(struct batch_common *batch, struct slice key, uint32_t hash,
		    enum key_error *error)
{
	struct key_table *table = batch->key_table;
	if (!utf8_valid_padded(key.ptr, key.len)) {
		*error = KEY_BAD_UTF8;
		return KEY_NONE;
	}
	if (batch->key_count == OTLP_MAX_KEYS) {
		*error = KEY_TOO_MANY;
		return KEY_NONE;
	}
	*error = KEY_NO_MEMORY;
	if (batch->key_count == batch->key_capacity) {
		const struct growing_column column = {&batch->keys, sizeof(*batch->keys)};
		if (!columns_grow(&batch->arena, &column, 1, batch->key_count,
				  &batch->key_capacity))
			return KEY_NONE;
	}
	if (2 * batch->key_count > table->mask && !grow_slots(table))
		return KEY_NONE;
	*error = KEY_OK;
	place(table, hash, batch->key_count);
	batch->keys[batch->key_count] = key;
	return batch->key_count++;
}

uint32_t key_table_find(struct batch_common *batch, struct slice key, enum key_error *error)
{
	const struct key_table *table = batch->key_table;
	uint32_t hash = hash_key(table, key);
	for (uint32_t at = hash & table->mask;; at = (at + 1) & table->mask) {
		const struct key_slot *slot = &table->slots[at];
		if (slot->generation != table->generation)
			return add(batch, key, hash, error);
		if (slot->hash == hash && key_eq(batch->keys[slot->id], key))
			return slot->id;
	}
}

void key_table_truncate(struct batch_common *batch, uint32_t count)
{
	struct key_table *table = batch->key_table;
	/* Last in, first out: so the slot of each ends its probe sequence and can just be freed. */
	while (batch->key_count > count) {
		uint32_t id = --batch->key_count;
		uint32_t at = hash_key(table, batch->keys[id]) & table->mask;
		while (table->slots[at].id != id ||
		       table->slots[at].generation != table->generation)
			at = (at + 1) & table->mask;
		table->slots[at].generation = 0;
	}
}
