/*
 * The distinct attribute keys of a batch. Finding a key by hash is what a hostile sender
 * would slow down, so the hash has a random seed and the number of keys a limit; and it is what
 * costs in the usual case, so decoders first guess that a key is followed by the one
 * that followed it the last time, which costs one comparison.
 */
#ifndef TRIPOD_TELEMETRY_KEY_TABLE_H
#define TRIPOD_TELEMETRY_KEY_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/slice.h"
#include "telemetry/batch.h"

#define KEY_NONE UINT32_MAX /* not valid UTF-8, or no room: see key_table_find */

/* Where a run of attributes begins: what its first key is, is guessed for each apart. */
enum key_start {
	KEY_START_RESOURCE,
	KEY_START_SCOPE,
	KEY_START_RECORD,
	KEY_START_EVENT,
	KEY_START_LINK
};
#define KEY_STARTS 5
#define KEY_GUESSES (KEY_STARTS + 250)

enum key_error { KEY_OK, KEY_BAD_UTF8, KEY_TOO_MANY, KEY_NO_MEMORY };

struct key_slot {
	uint32_t hash, id;
	uint32_t generation; /* of the batch that it belongs to; any other: free */
};

struct key_table {
	uint64_t seeds[4];
	uint32_t generation, mask;
	struct key_slot *slots;
	uint32_t next[KEY_GUESSES]; /* by enum key_start, then by KEY_STARTS + the key before */
};

/* Creates the batch's table at first, then empties it; false when out of memory. */
bool key_table_reset(struct batch_common *batch);
void key_table_free(struct key_table *table);

/*
 * The index of `key` in batch->keys, where it is added when new. `key` has UTF8_PADDING
 * readable bytes behind it. On KEY_NONE, `*error` says why.
 */
uint32_t key_table_find(struct batch_common *batch, struct slice key, enum key_error *error);

/* The slot of key_table.next for what follows key `id`. */
static inline uint32_t key_table_slot(uint32_t id)
{
	return KEY_STARTS + id % (KEY_GUESSES - KEY_STARTS);
}

/* slice_eq for slices that have UTF8_PADDING readable bytes behind them. */
static inline bool key_eq(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
#ifdef __SSE2__
	if (a.len <= 32) {
		const __m128i *p = (const void *)a.ptr, *q = (const void *)b.ptr;
		__m128i same = _mm_cmpeq_epi8(_mm_loadu_si128(p), _mm_loadu_si128(q));
		if (a.len <= 16)
			return !(~(uint32_t)_mm_movemask_epi8(same) & ((1u << a.len) - 1));
		p = (const void *)(a.ptr + a.len - 16);
		q = (const void *)(b.ptr + b.len - 16);
		same = _mm_and_si128(same, _mm_cmpeq_epi8(_mm_loadu_si128(p), _mm_loadu_si128(q)));
		return _mm_movemask_epi8(same) == 0xffff;
	}
#endif
	return memcmp(a.ptr, b.ptr, a.len) == 0;
}

/* Forgets the keys from `count` on. */
void key_table_truncate(struct batch_common *batch, uint32_t count);

#endif
