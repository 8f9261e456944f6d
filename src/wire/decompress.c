#include "wire/decompress.h"

#include <stdbool.h>
#include <stdlib.h>

#include <zlib.h>
#include <zstd.h>

#define OUTPUT_SIZE ((size_t)64 << 10)
/* RFC 9659: the largest window that the content coding may ask a decoder for. */
#define ZSTD_WINDOW_LOG 23

struct decompress_stream {
	enum compress_encoding encoding;
	/* Whole: at the end of a member or frame; more may follow. */
	bool started, whole;
	bool zlib_ready, raw;
	/* deflate: the first byte waits for the second, which tells zlib's header from raw. */
	char first;
	bool have_first;
	z_stream zlib;
	ZSTD_DCtx *zstd;
	char out[OUTPUT_SIZE];
};

int decompress_stream_new(struct decompress_stream **out, enum compress_encoding encoding,
			  struct error *err)
{
	struct decompress_stream *s = calloc(1, sizeof(*s));
	if (!s)
		return error_set(err, STATUS_NO_MEMORY, "no memory to decompress");
	s->encoding = encoding;
	bool ok = true;
	if (encoding == COMPRESS_ZSTD) {
		s->zstd = ZSTD_createDCtx();
		ok = s->zstd && !ZSTD_isError(ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax,
								     ZSTD_WINDOW_LOG));
	} else if (encoding == COMPRESS_GZIP) {
		ok = s->zlib_ready = inflateInit2(&s->zlib, 16 + MAX_WBITS) == Z_OK;
	}
	if (!ok) {
		decompress_stream_free(s);
		return error_set(err, STATUS_NO_MEMORY, "no memory to decompress");
	}
	*out = s;
	return 0;
}

void decompress_stream_free(struct decompress_stream *s)
{
	if (!s)
		return;
	if (s->zlib_ready)
		inflateEnd(&s->zlib);
	ZSTD_freeDCtx(s->zstd);
	free(s);
}

static int corrupt(const struct decompress_stream *s, const char *why, struct error *err)
{
	return error_set(err, STATUS_INVALID, "%s body is corrupt: %s",
			 compress_encoding_name(s->encoding), why ? why : "wrong data");
}

/* gzip may have several members, one behind another; a zlib or raw stream is one. */
static int inflate_again(struct decompress_stream *s, struct error *err)
{
	if (s->encoding == COMPRESS_DEFLATE)
		return corrupt(s, "bytes follow its end", err);
	if (inflateReset(&s->zlib) != Z_OK)
		return corrupt(s, s->zlib.msg, err);
	return 0;
}

static int inflate_piece(struct decompress_stream *s, struct slice piece,
			 int (*emit)(void *ctx, struct slice data), void *ctx, struct error *err)
{
	s->zlib.next_in = (Bytef *)piece.ptr;
	s->zlib.avail_in = (uInt)piece.len;
	/* A full output may mean that more is held back, also when all input was taken. */
	bool full = false;
	while (s->zlib.avail_in || full) {
		int rc = s->whole ? inflate_again(s, err) : 0;
		if (rc)
			return rc;
		s->whole = false;
		s->zlib.next_out = (Bytef *)s->out;
		s->zlib.avail_out = OUTPUT_SIZE;
		int z = inflate(&s->zlib, Z_NO_FLUSH);
		if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR)
			return corrupt(s, s->zlib.msg, err);
		s->whole = z == Z_STREAM_END;
		full = s->zlib.avail_out == 0 && !s->whole;
		size_t made = OUTPUT_SIZE - s->zlib.avail_out;
		if (made && (rc = emit(ctx, (struct slice){s->out, made})) < 0)
			return rc;
	}
	return 0;
}

/* RFC 1950, 2.2: method 8 and a header that is a multiple of 31; else it is raw (RFC 1951). */
static int start_deflate(struct decompress_stream *s, uint8_t second, struct error *err)
{
	unsigned cmf = (uint8_t)s->first;
	s->raw = (cmf & 15) != 8 || (cmf << 8 | second) % 31 != 0;
	if (inflateInit2(&s->zlib, s->raw ? -MAX_WBITS : MAX_WBITS) != Z_OK)
		return error_set(err, STATUS_NO_MEMORY, "no memory to decompress");
	s->zlib_ready = true;
	return 0;
}

static int deflate_piece(struct decompress_stream *s, struct slice piece,
			 int (*emit)(void *ctx, struct slice data), void *ctx, struct error *err)
{
	if (s->zlib_ready)
		return inflate_piece(s, piece, emit, ctx, err);
	if (!s->have_first) {
		s->first = *piece.ptr;
		s->have_first = true;
		piece.ptr++;
		if (--piece.len == 0)
			return 0;
	}
	int rc = start_deflate(s, (uint8_t)*piece.ptr, err);
	if (rc == 0)
		rc = inflate_piece(s, (struct slice){&s->first, 1}, emit, ctx, err);
	return rc ? rc : inflate_piece(s, piece, emit, ctx, err);
}

static int zstd_piece(struct decompress_stream *s, struct slice piece,
		      int (*emit)(void *ctx, struct slice data), void *ctx, struct error *err)
{
	ZSTD_inBuffer in = {piece.ptr, piece.len, 0};
	bool full = false;
	while (in.pos < in.size || full) {
		ZSTD_outBuffer to = {s->out, OUTPUT_SIZE, 0};
		size_t left = ZSTD_decompressStream(s->zstd, &to, &in);
		if (ZSTD_isError(left))
			return corrupt(s, ZSTD_getErrorName(left), err);
		s->whole = left == 0;
		full = to.pos == to.size && !s->whole;
		int rc = to.pos ? emit(ctx, (struct slice){s->out, to.pos}) : 0;
		if (rc < 0)
			return rc;
	}
	return 0;
}

int decompress_stream_write(struct decompress_stream *s, struct slice piece,
			    int (*emit)(void *ctx, struct slice data), void *ctx, struct error *err)
{
	/* zlib counts in 32 bits. */
	const size_t most = (size_t)1 << 30;
	int rc = 0;
	while (piece.len && rc >= 0) {
		struct slice part = {piece.ptr, piece.len < most ? piece.len : most};
		piece.ptr += part.len;
		piece.len -= part.len;
		s->started = true;
		switch (s->encoding) {
		case COMPRESS_IDENTITY:
			rc = emit(ctx, part);
			break;
		case COMPRESS_GZIP:
			rc = inflate_piece(s, part, emit, ctx, err);
			break;
		case COMPRESS_DEFLATE:
			rc = deflate_piece(s, part, emit, ctx, err);
			break;
		case COMPRESS_ZSTD:
			rc = zstd_piece(s, part, emit, ctx, err);
			break;
		}
	}
	return rc < 0 ? rc : 0;
}

int decompress_stream_finish(const struct decompress_stream *s, struct error *err)
{
	if (s->encoding == COMPRESS_IDENTITY || (s->started && s->whole))
		return 0;
	return error_set(err, STATUS_INVALID, "%s body is truncated",
			 compress_encoding_name(s->encoding));
}
