#include "base/chunk.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * Size classes: four between a power of two and the next, so that a fifth is unused at most, from
 * 1 KiB to 64 MiB; larger chunks are not kept.
 */
#define SMALLEST ((size_t)1 << 10)
#define STEPS 4
#define CLASSES (16 * STEPS + 1)
#define UNPOOLED CLASSES

struct free_chunk {
	struct chunk chunk;
	struct free_chunk *next;
};

struct chunk_pool {
	pthread_mutex_t lock;
	struct free_chunk *free[CLASSES];
	size_t kept, keep;
	atomic_size_t in_use;
};

struct chunk_pool *chunk_pool_new(size_t keep)
{
	struct chunk_pool *pool = calloc(1, sizeof(*pool));
	if (!pool)
		return NULL;
	pthread_mutex_init(&pool->lock, NULL);
	pool->keep = keep;
	return pool;
}

void chunk_pool_free(struct chunk_pool *pool)
{
	if (!pool)
		return;
	for (unsigned c = 0; c < CLASSES; c++) {
		while (pool->free[c]) {
			struct free_chunk *f = pool->free[c];
			pool->free[c] = f->next;
			free(f->chunk.data);
			free(f);
		}
	}
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

size_t chunk_pool_in_use(struct chunk_pool *pool)
{
	return atomic_load_explicit(&pool->in_use, memory_order_relaxed);
}

static size_t class_size(unsigned size_class)
{
	size_t power = SMALLEST << size_class / STEPS;
	return power + power / STEPS * (size_class % STEPS);
}

static unsigned class_for(size_t capacity)
{
	unsigned c = 0;
	while (c < CLASSES && capacity > class_size(c))
		c++;
	return c;
}

static struct free_chunk *take_free(struct chunk_pool *pool, unsigned size_class)
{
	pthread_mutex_lock(&pool->lock);
	struct free_chunk *f = pool->free[size_class];
	if (f) {
		pool->free[size_class] = f->next;
		pool->kept -= f->chunk.capacity;
	}
	pthread_mutex_unlock(&pool->lock);
	return f;
}

struct chunk *chunk_new(struct chunk_pool *pool, size_t capacity)
{
	unsigned size_class = class_for(capacity);
	struct free_chunk *f = size_class < UNPOOLED ? take_free(pool, size_class) : NULL;
	if (!f) {
		if (size_class < UNPOOLED)
			capacity = class_size(size_class);
		if (capacity > SIZE_MAX - CHUNK_PADDING)
			return NULL;
		f = malloc(sizeof(*f));
		char *data = f ? malloc(capacity + CHUNK_PADDING) : NULL;
		if (!data) {
			free(f);
			return NULL;
		}
		f->chunk = (struct chunk){
			.size_class = size_class, .pool = pool, .capacity = capacity, .data = data};
	}
	f->next = NULL;
	f->chunk.len = 0;
	atomic_init(&f->chunk.refs, 1);
	atomic_fetch_add_explicit(&pool->in_use, f->chunk.capacity, memory_order_relaxed);
	return &f->chunk;
}

struct chunk *chunk_ref(struct chunk *chunk)
{
	atomic_fetch_add_explicit(&chunk->refs, 1, memory_order_relaxed);
	return chunk;
}

void chunk_unref(struct chunk *chunk)
{
	if (!chunk || atomic_fetch_sub_explicit(&chunk->refs, 1, memory_order_acq_rel) != 1)
		return;
	struct chunk_pool *pool = chunk->pool;
	struct free_chunk *f = (struct free_chunk *)chunk;
	atomic_fetch_sub_explicit(&pool->in_use, chunk->capacity, memory_order_relaxed);
	if (chunk->size_class < UNPOOLED) {
		pthread_mutex_lock(&pool->lock);
		if (chunk->capacity <= pool->keep && pool->kept <= pool->keep - chunk->capacity) {
			pool->kept += chunk->capacity;
			f->next = pool->free[chunk->size_class];
			pool->free[chunk->size_class] = f;
			f = NULL;
		}
		pthread_mutex_unlock(&pool->lock);
	}
	if (f) {
		free(f->chunk.data);
		free(f);
	}
}

struct chunk *chunk_grow(struct chunk *chunk, size_t capacity)
{
	if (capacity <= chunk->capacity)
		return chunk;
	struct chunk *larger = chunk_new(chunk->pool, capacity);
	if (!larger)
		return NULL;
	memcpy(larger->data, chunk->data, chunk->len);
	larger->len = chunk->len;
	chunk_unref(chunk);
	return larger;
}

void chunk_seal(struct chunk *chunk)
{
	memset(chunk->data + chunk->len, 0, CHUNK_PADDING);
}
