/*
 * A reference-counted run of bytes: a request body on its way from the socket through
 * the durable log to the exporters. Behind `len` there are always CHUNK_PADDING readable
 * zero bytes, so that decoders may load whole vectors.
 *
 * Chunks come from a pool that keeps a bounded amount of freed memory, because fresh
 * pages cost more than the decoding. Reference counts and the pool are thread-safe; the
 * bytes are written by one owner before they are shared.
 */
#ifndef TRIPOD_BASE_CHUNK_H
#define TRIPOD_BASE_CHUNK_H

#include <stdatomic.h>
#include <stddef.h>

#define CHUNK_PADDING 64

struct chunk_pool;

struct chunk {
	atomic_uint refs;
	unsigned size_class;
	struct chunk_pool *pool;
	size_t capacity; /* usable bytes, padding apart */
	size_t len; /* bytes that are filled */
	char *data;
};

/* `keep` bounds the freed bytes that are held for reuse. NULL when out of memory. */
struct chunk_pool *chunk_pool_new(size_t keep);
/* All chunks must have been released before. */
void chunk_pool_free(struct chunk_pool *pool);
/* Bytes in chunks that are referenced now. */
size_t chunk_pool_in_use(struct chunk_pool *pool);

/* A chunk with one reference, len 0 and at least `capacity` bytes; NULL when out of memory. */
struct chunk *chunk_new(struct chunk_pool *pool, size_t capacity);
struct chunk *chunk_ref(struct chunk *chunk);
/* Accepts NULL. */
void chunk_unref(struct chunk *chunk);
/*
 * Makes room for `capacity` bytes in a chunk with a single reference, keeping its
 * content: returns the same chunk or a larger one (the old reference is consumed).
 * NULL when out of memory; the old chunk is then still the caller's.
 */
struct chunk *chunk_grow(struct chunk *chunk, size_t capacity);
/* Zeroes the padding behind `len`; call once after the last write, before decoding. */
void chunk_seal(struct chunk *chunk);

#endif
