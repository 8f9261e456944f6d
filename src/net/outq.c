#include "net/outq.h"

#include <stdlib.h>
#include <string.h>

/* Copies gather in chunks of these sizes: the least for a short answer, more for a stream. */
#define SCRATCH_SMALL ((size_t)4 << 10)
#define SCRATCH_LARGE ((size_t)64 << 10)

void outq_init(struct outq *q, struct chunk_pool *pool)
{
	*q = (struct outq){.pool = pool};
}

static void drop_first(struct outq *q)
{
	chunk_unref(q->pieces[q->first].chunk);
	q->first++;
	if (--q->count)
		return;
	q->first = 0;
	chunk_unref(q->scratch);
	q->scratch = NULL;
}

void outq_release(struct outq *q)
{
	while (q->count)
		drop_first(q);
	chunk_unref(q->scratch);
	free(q->pieces);
	outq_init(q, q->pool);
}

static struct outq_piece *add_piece(struct outq *q)
{
	if (q->first + q->count == q->capacity) {
		if (q->first > q->capacity / 2) {
			memmove(q->pieces, q->pieces + q->first, q->count * sizeof(*q->pieces));
			q->first = 0;
		} else {
			size_t capacity = q->capacity ? q->capacity * 2 : 4;
			struct outq_piece *pieces = realloc(q->pieces, capacity * sizeof(*pieces));
			if (!pieces) {
				q->failed = true;
				return NULL;
			}
			q->pieces = pieces;
			q->capacity = capacity;
		}
	}
	return &q->pieces[q->first + q->count++];
}

void outq_append_chunk(struct outq *q, struct chunk *chunk, struct slice part)
{
	if (!part.len || q->failed)
		return;
	q->bytes += part.len;
	if (q->count) {
		struct outq_piece *last = &q->pieces[q->first + q->count - 1];
		if (last->chunk == chunk && last->ptr + last->len == part.ptr) {
			last->len += part.len;
			return;
		}
	}
	struct outq_piece *piece = add_piece(q);
	if (piece)
		*piece = (struct outq_piece){chunk_ref(chunk), part.ptr, part.len};
}

static bool renew_scratch(struct outq *q, size_t len)
{
	chunk_unref(q->scratch);
	size_t capacity = len <= SCRATCH_SMALL && !q->bytes ? SCRATCH_SMALL : SCRATCH_LARGE;
	q->scratch = chunk_new(q->pool, capacity);
	if (!q->scratch)
		q->failed = true;
	return q->scratch != NULL;
}

void outq_append(struct outq *q, struct slice data)
{
	while (data.len && !q->failed) {
		if ((!q->scratch || q->scratch->len == q->scratch->capacity) &&
		    !renew_scratch(q, data.len))
			return;
		struct chunk *to = q->scratch;
		size_t n = to->capacity - to->len;
		if (n > data.len)
			n = data.len;
		char *at = to->data + to->len;
		memcpy(at, data.ptr, n);
		to->len += n;
		outq_append_chunk(q, to, (struct slice){at, n});
		data.ptr += n;
		data.len -= n;
	}
}

int outq_peek(const struct outq *q, struct iovec *iov, int max)
{
	int n = 0;
	for (; n < max && (size_t)n < q->count; n++) {
		const struct outq_piece *piece = &q->pieces[q->first + (size_t)n];
		iov[n] = (struct iovec){(char *)piece->ptr, piece->len};
	}
	return n;
}

void outq_consume(struct outq *q, size_t len)
{
	q->bytes -= len;
	while (len) {
		struct outq_piece *piece = &q->pieces[q->first];
		if (piece->len > len) {
			piece->ptr += len;
			piece->len -= len;
			return;
		}
		len -= piece->len;
		drop_first(q);
	}
}

void outq_move(struct outq *to, struct outq *from, size_t len)
{
	if (from->failed)
		to->failed = true;
	while (len && from->count) {
		struct outq_piece piece = from->pieces[from->first];
		size_t n = piece.len < len ? piece.len : len;
		outq_append_chunk(to, piece.chunk, (struct slice){piece.ptr, n});
		outq_consume(from, n);
		len -= n;
	}
}
