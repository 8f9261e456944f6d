/*
 * What waits to be sent on one byte stream: a queue of pieces of chunks. Small things are
 * copied together into shared chunks; whole chunks are queued by reference.
 */
#ifndef TRIPOD_NET_OUTQ_H
#define TRIPOD_NET_OUTQ_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "base/chunk.h"
#include "base/slice.h"

struct outq_piece {
	struct chunk *chunk;
	const char *ptr;
	size_t len;
};

struct outq {
	struct chunk_pool *pool;
	struct outq_piece *pieces;
	size_t first, count, capacity; /* a window of `pieces` */
	size_t bytes;
	struct chunk *scratch; /* where copied bytes go; NULL when there is none with room */
	bool failed; /* out of memory: what was queued is no longer whole, close the stream */
};

void outq_init(struct outq *q, struct chunk_pool *pool);
void outq_release(struct outq *q);
/* Queues a copy. */
void outq_append(struct outq *q, struct slice data);
/* Queues bytes inside `chunk`, taking a reference of its own. */
void outq_append_chunk(struct outq *q, struct chunk *chunk, struct slice part);
/* Fills `iov` with up to `max` pieces from the front; returns how many. */
int outq_peek(const struct outq *q, struct iovec *iov, int max);
/* Drops `len` bytes from the front. */
void outq_consume(struct outq *q, size_t len);
/* Moves up to `len` bytes from the front of `from` to the end of `to`, without copying. */
void outq_move(struct outq *to, struct outq *from, size_t len);

#endif
