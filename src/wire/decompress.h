/*
 * Undoes a content coding piece by piece, in bounded memory, for bodies that are handed
 * on while they arrive (wire/compress.h does whole ones, and names the codings).
 */
#ifndef TRIPOD_WIRE_DECOMPRESS_H
#define TRIPOD_WIRE_DECOMPRESS_H

#include "base/slice.h"
#include "base/status.h"
#include "wire/compress.h"

struct decompress_stream;

int decompress_stream_new(struct decompress_stream **out, enum compress_encoding encoding,
			  struct error *err);
void decompress_stream_free(struct decompress_stream *stream);

/*
 * Calls `emit` with what `piece` gives, at most 64 KiB a call, valid during it; IDENTITY
 * passes the piece on. A negative return of `emit` stops and is returned. INVALID: corrupt.
 */
int decompress_stream_write(struct decompress_stream *stream, struct slice piece,
			    int (*emit)(void *ctx, struct slice data), void *ctx,
			    struct error *err);
/* The body has ended: INVALID unless the coding's own end (checksum, trailer) was seen. */
int decompress_stream_finish(const struct decompress_stream *stream, struct error *err);

#endif
