/* The records that were appended lately, for consumers that keep up: see struct wal_cache. */
#include <stdlib.h>

#include "pipeline/wal_int.h"

static struct record *cached(const struct wal_cache *cache, uint32_t i)
{
	return cache->ring[(cache->head + i) & (cache->capacity - 1)];
}

static void drop_oldest(struct wal_cache *cache)
{
	struct record *record = cached(cache, 0);
	cache->bytes -= record_memory(record);
	cache->head++;
	cache->count--;
	record_unref(record);
}

static bool make_room(struct wal_cache *cache)
{
	if (cache->count < cache->capacity)
		return true;
	uint32_t capacity = cache->capacity ? cache->capacity * 2 : 256;
	struct record **ring = calloc(capacity, sizeof(struct record *));
	if (!ring)
		return false;
	for (uint32_t i = 0; i < cache->count; i++)
		ring[i] = cached(cache, i);
	free(cache->ring);
	cache->ring = ring;
	cache->capacity = capacity;
	cache->head = 0;
	return true;
}

void wal_cache_push(struct wal_cache *cache, struct record *record)
{
	size_t bytes = record_memory(record);
	while (cache->count && cache->bytes + bytes > cache->limit)
		drop_oldest(cache);
	if (!make_room(cache)) {
		/* Without this record the rest would not be contiguous. */
		while (cache->count)
			drop_oldest(cache);
		return;
	}
	cache->ring[(cache->head + cache->count++) & (cache->capacity - 1)] = record_ref(record);
	cache->bytes += bytes;
}

struct record *wal_cache_find(const struct wal_cache *cache, uint64_t position)
{
	if (!cache->count || cached(cache, 0)->position > position)
		return NULL;
	uint32_t low = 0, high = cache->count; /* the first record that ends behind `position` */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (cached(cache, middle)->end > position)
			high = middle;
		else
			low = middle + 1;
	}
	return low < cache->count ? cached(cache, low) : NULL;
}

uint64_t wal_cache_start(const struct wal_cache *cache, uint64_t end)
{
	return cache->count ? cached(cache, 0)->position : end;
}

void wal_cache_trim(struct wal_cache *cache, uint64_t position)
{
	while (cache->count && cached(cache, 0)->end <= position)
		drop_oldest(cache);
}

void wal_cache_release(struct wal_cache *cache)
{
	while (cache->count)
		drop_oldest(cache);
	free(cache->ring);
	*cache = (struct wal_cache){0};
}
