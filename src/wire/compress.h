/*
 * HTTP content codings: whole bodies in and out, and answers in pieces.
 *
 * gzip is RFC 1952 (one or more members), deflate is RFC 1950 (zlib; a raw RFC 1951
 * stream, which some clients send under that name, is accepted too), zstd is RFC 8878
 * (one or more frames) with windows of at most 8 MiB (RFC 9659) where the frame does not
 * give its content size.
 */
#ifndef TRIPOD_WIRE_COMPRESS_H
#define TRIPOD_WIRE_COMPRESS_H

#include <stddef.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/slice.h"
#include "base/status.h"

enum compress_encoding { COMPRESS_IDENTITY, COMPRESS_GZIP, COMPRESS_DEFLATE, COMPRESS_ZSTD };

/*
 * The value of a Content-Encoding or grpc-encoding header: any case, "" is identity,
 * "x-gzip" is gzip. UNSUPPORTED lists what is.
 */
int compress_encoding_parse(enum compress_encoding *out, struct slice name, struct error *err);
/* "gzip", … as in a Content-Encoding header. */
const char *compress_encoding_name(enum compress_encoding encoding);
/*
 * The coding to answer with, for the value of an Accept-Encoding header (RFC 9110, 12.5.3):
 * the one the client wants most; of equals zstd, then gzip, deflate, identity.
 */
enum compress_encoding compress_encoding_choose(struct slice accept);

/*
 * Undoes `encoding` of a whole body into a new, sealed chunk of `pool` with one reference.
 * Memory: at most about three times `limit` while growing, one time in the usual case
 * where the body tells its size, and for zstd 8 MiB more; whatever the body claims.
 * INVALID: truncated or corrupt, or other bytes behind it. LIMIT: more than `limit` bytes.
 * IDENTITY copies.
 */
int compress_decode(struct chunk **out, struct chunk_pool *pool, enum compress_encoding encoding,
		    struct slice body, size_t limit, struct error *err);

/*
 * Compresses whole bodies, one after another; keeps its tables between them (up to about
 * a megabyte). Used by one thread at a time.
 */
struct compressor;

/* `level` 0 is the default: 6 for gzip and deflate (1 to 12), 3 for zstd (1 to 19). */
int compressor_new(struct compressor **out, enum compress_encoding encoding, int level,
		   struct error *err);
void compressor_free(struct compressor *compressor);
/* Appends `body`, compressed, to `out`. LIMIT when `out` may not grow that far. */
int compressor_append(struct compressor *compressor, struct slice body, struct buf *out,
		      struct error *err);

/* Compresses one answer in pieces. Used by one thread at a time. */
struct compress_stream;

/* `level` as above (at most 9 for gzip and deflate). */
int compress_stream_new(struct compress_stream **out, enum compress_encoding encoding, int level,
			struct error *err);
void compress_stream_free(struct compress_stream *stream);

enum compress_flush {
	COMPRESS_MORE, /* output may be held back */
	COMPRESS_FLUSH, /* all input so far can be read by the peer after this */
	COMPRESS_END, /* the last piece; the stream is then only freed */
};

/* Appends what `piece` gives to `out`. LIMIT when `out` may not grow that far. */
int compress_stream_write(struct compress_stream *stream, struct slice piece,
			  enum compress_flush flush, struct buf *out, struct error *err);

#endif
