#include "wire/compress.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include <libdeflate.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

/* RFC 9659: what every decoder of the zstd content coding has to take, and the most it should. */
#define ZSTD_WINDOW_LOG 23
/* Deflate's best: a match of 258 bytes for 2 bits. Nothing larger can come out of a body. */
#define DEFLATE_MAX_RATIO 1032
#define SMALLEST_OUTPUT ((size_t)4096)

static const char *const encoding_names[] = {"identity", "gzip", "deflate", "zstd"};

const char *compress_encoding_name(enum compress_encoding encoding)
{
	return encoding_names[encoding];
}

static bool eq_ignoring_case(struct slice a, const char *b)
{
	return a.len == strlen(b) && strncasecmp(a.ptr, b, a.len) == 0;
}

static struct slice trim(struct slice s)
{
	while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
		s.ptr++;
		s.len--;
	}
	while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
		s.len--;
	return s;
}

static bool find_encoding(enum compress_encoding *out, struct slice name)
{
	for (int i = COMPRESS_IDENTITY; i <= COMPRESS_ZSTD; i++) {
		if (eq_ignoring_case(name, encoding_names[i])) {
			*out = (enum compress_encoding)i;
			return true;
		}
	}
	if (!eq_ignoring_case(name, "x-gzip"))
		return false;
	*out = COMPRESS_GZIP;
	return true;
}

int compress_encoding_parse(enum compress_encoding *out, struct slice name, struct error *err)
{
	name = trim(name);
	if (name.len == 0) {
		*out = COMPRESS_IDENTITY;
		return 0;
	}
	if (find_encoding(out, name))
		return 0;
	return error_set(err, STATUS_UNSUPPORTED,
			 "content encoding \"%.*s\" is not supported; use gzip, deflate, zstd or "
			 "identity",
			 name.len > 60 ? 60 : (int)name.len, name.ptr);
}

/* Cuts `s` at the first `separator`; the rest stays in `s`. */
static struct slice cut(struct slice *s, char separator)
{
	const char *at = s->len ? memchr(s->ptr, separator, s->len) : NULL;
	struct slice first = *s;
	if (!at) {
		s->len = 0;
		return first;
	}
	first.len = (size_t)(at - s->ptr);
	s->ptr += first.len + 1;
	s->len -= first.len + 1;
	return first;
}

/* A weight "q=0.8" in thousandths; 1000 when there is none or it makes no sense. */
static int weight(struct slice parameters)
{
	while (parameters.len) {
		struct slice p = trim(cut(&parameters, ';'));
		if (p.len < 3 || (p.ptr[0] != 'q' && p.ptr[0] != 'Q') || p.ptr[1] != '=')
			continue;
		if (p.ptr[2] != '0')
			return 1000;
		int q = 0, digits = 0;
		for (size_t i = 4; i < p.len && digits < 3; i++, digits++) {
			if (p.ptr[i] < '0' || p.ptr[i] > '9')
				return 1000;
			q = q * 10 + (p.ptr[i] - '0');
		}
		for (; digits < 3; digits++)
			q *= 10;
		return q;
	}
	return 1000;
}

enum compress_encoding compress_encoding_choose(struct slice accept)
{
	enum compress_encoding best = COMPRESS_IDENTITY;
	/* zstd before gzip before deflate: by the order in which a tie is decided. */
	static const int rank[] = {0, 2, 1, 3};
	int best_weight = 0;
	while (accept.len) {
		struct slice parameters = cut(&accept, ',');
		struct slice name = trim(cut(&parameters, ';'));
		enum compress_encoding encoding;
		if (!find_encoding(&encoding, name))
			continue;
		int w = weight(parameters);
		if (w > best_weight || (w && w == best_weight && rank[encoding] > rank[best])) {
			best = encoding;
			best_weight = w;
		}
	}
	return best;
}

/* --- decoding ----------------------------------------------------------------------- */

/* A chunk that is being filled, at most `limit` bytes. */
struct output {
	struct chunk_pool *pool;
	struct chunk *chunk;
	size_t limit;
};

static size_t room_of(const struct output *o)
{
	size_t capacity = o->chunk->capacity < o->limit ? o->chunk->capacity : o->limit;
	return capacity - o->chunk->len;
}

static int output_start(struct output *o, size_t expected, struct error *err)
{
	if (expected < SMALLEST_OUTPUT)
		expected = SMALLEST_OUTPUT;
	if (expected > o->limit)
		expected = o->limit;
	o->chunk = chunk_new(o->pool, expected);
	if (!o->chunk)
		return error_set(err, STATUS_NO_MEMORY, "no memory for a body of %zu bytes",
				 expected);
	return 0;
}

static int over_limit(const struct output *o, enum compress_encoding encoding, struct error *err)
{
	return error_set(err, STATUS_LIMIT,
			 "%s body is larger than the limit of %zu bytes when decompressed",
			 encoding_names[encoding], o->limit);
}

/* Four times the room, within the limit. LIMIT when it is all there already. */
static int output_grow(struct output *o, enum compress_encoding encoding, struct error *err)
{
	size_t capacity = o->chunk->capacity;
	if (capacity >= o->limit)
		return over_limit(o, encoding, err);
	size_t larger = capacity > o->limit / 4 ? o->limit : capacity * 4;
	struct chunk *chunk = chunk_grow(o->chunk, larger);
	if (!chunk)
		return error_set(err, STATUS_NO_MEMORY, "no memory for a body of %zu bytes",
				 larger);
	o->chunk = chunk;
	return 0;
}

static size_t capped_product(size_t a, size_t b)
{
	return b && a > SIZE_MAX / b ? SIZE_MAX : a * b;
}

static uint32_t load_le32(const char *p)
{
	const uint8_t *b = (const uint8_t *)p;
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

enum deflate_framing { FRAMING_GZIP, FRAMING_ZLIB, FRAMING_RAW };

static enum libdeflate_result inflate_one(struct libdeflate_decompressor *d,
					  enum deflate_framing framing, struct slice in,
					  struct output *o, size_t *used, size_t *made)
{
	char *to = o->chunk->data + o->chunk->len;
	switch (framing) {
	case FRAMING_GZIP:
		return libdeflate_gzip_decompress_ex(d, in.ptr, in.len, to, room_of(o), used, made);
	case FRAMING_ZLIB:
		return libdeflate_zlib_decompress_ex(d, in.ptr, in.len, to, room_of(o), used, made);
	case FRAMING_RAW:
		break;
	}
	return libdeflate_deflate_decompress_ex(d, in.ptr, in.len, to, room_of(o), used, made);
}

/* gzip may have several members, one behind another; the others are one stream. */
static int inflate_all(struct libdeflate_decompressor *d, enum deflate_framing framing,
		       struct slice body, struct output *o, struct error *err)
{
	enum compress_encoding encoding =
		framing == FRAMING_GZIP ? COMPRESS_GZIP : COMPRESS_DEFLATE;
	size_t at = 0;
	do {
		struct slice rest = {body.ptr + at, body.len - at};
		size_t used = 0, made = 0;
		enum libdeflate_result result = inflate_one(d, framing, rest, o, &used, &made);
		if (result == LIBDEFLATE_INSUFFICIENT_SPACE) {
			int rc = output_grow(o, encoding, err);
			if (rc < 0)
				return rc;
			continue;
		}
		if (result != LIBDEFLATE_SUCCESS)
			return error_set(err, STATUS_INVALID,
					 "%s body of %zu bytes is truncated or corrupt (in the "
					 "stream that starts at byte %zu)",
					 encoding_names[encoding], body.len, at);
		o->chunk->len += made;
		at += used;
		if (framing != FRAMING_GZIP && at < body.len)
			return error_set(err, STATUS_INVALID,
					 "deflate body ends at byte %zu, but %zu more bytes follow",
					 at, body.len - at);
	} while (at < body.len);
	return 0;
}

/* RFC 1950, 2.2: method 8 and a header that is a multiple of 31. */
static bool has_zlib_header(struct slice body)
{
	if (body.len < 2)
		return false;
	unsigned cmf = (uint8_t)body.ptr[0], flg = (uint8_t)body.ptr[1];
	return (cmf & 15) == 8 && (cmf << 8 | flg) % 31 == 0;
}

static int decode_deflate(struct output *o, enum compress_encoding encoding, struct slice body,
			  struct error *err)
{
	enum deflate_framing framing = FRAMING_GZIP;
	if (encoding == COMPRESS_DEFLATE)
		framing = has_zlib_header(body) ? FRAMING_ZLIB : FRAMING_RAW;
	/* gzip ends with the size of its last member, modulo 2^32: a hint, not to be trusted. */
	size_t expected = capped_product(body.len, 4);
	if (framing == FRAMING_GZIP && body.len >= 18) {
		size_t most = capped_product(body.len, DEFLATE_MAX_RATIO);
		expected = load_le32(body.ptr + body.len - 4);
		if (expected > most)
			expected = most;
	}
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	if (!d)
		return error_set(err, STATUS_NO_MEMORY, "no memory to decompress");
	int rc = output_start(o, expected, err);
	if (rc == 0)
		rc = inflate_all(d, framing, body, o, err);
	libdeflate_free_decompressor(d);
	return rc;
}

static int zstd_error(size_t code, struct slice body, struct error *err)
{
	if (ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge)
		return error_set(err, STATUS_LIMIT,
				 "zstd body needs a window larger than the %u MiB that the content "
				 "coding allows",
				 1U << (ZSTD_WINDOW_LOG - 20));
	if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation)
		return error_set(err, STATUS_NO_MEMORY, "no memory to decompress");
	return error_set(err, STATUS_INVALID, "zstd body of %zu bytes is truncated or corrupt: %s",
			 body.len, ZSTD_getErrorName(code));
}

/* Frame after frame, straight into the chunk. */
static int zstd_stream(ZSTD_DCtx *d, struct output *o, struct slice body, struct error *err)
{
	ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
	ZSTD_inBuffer in = {body.ptr, body.len, 0};
	for (;;) {
		char beyond;
		size_t room = room_of(o);
		if (room == 0 && o->chunk->capacity < o->limit) {
			int rc = output_grow(o, COMPRESS_ZSTD, err);
			if (rc < 0)
				return rc;
			continue;
		}
		/* At the limit only what has no content (an end mark, a checksum) may follow. */
		ZSTD_outBuffer to = {room ? o->chunk->data + o->chunk->len : &beyond,
				     room ? room : 1, 0};
		size_t left = ZSTD_decompressStream(d, &to, &in);
		if (ZSTD_isError(left))
			return zstd_error(left, body, err);
		if (room == 0 && to.pos > 0)
			return over_limit(o, COMPRESS_ZSTD, err);
		o->chunk->len += to.pos;
		if (in.pos < in.size)
			continue;
		if (left == 0)
			return 0;
		if (to.pos < to.size)
			return error_set(err, STATUS_INVALID, "zstd body of %zu bytes is truncated",
					 body.len);
	}
}

static int decode_zstd(struct output *o, struct slice body, struct error *err)
{
	if (body.len == 0)
		return error_set(err, STATUS_INVALID, "zstd body is empty");
	unsigned long long size = ZSTD_getFrameContentSize(body.ptr, body.len);
	bool one_frame = ZSTD_findFrameCompressedSize(body.ptr, body.len) == body.len;
	bool known =
		one_frame && size != ZSTD_CONTENTSIZE_UNKNOWN && size != ZSTD_CONTENTSIZE_ERROR;
	if (known && size > o->limit)
		return over_limit(o, COMPRESS_ZSTD, err);
	ZSTD_DCtx *d = ZSTD_createDCtx();
	if (!d)
		return error_set(err, STATUS_NO_MEMORY, "no memory to decompress");
	int rc = output_start(o, known ? (size_t)size : capped_product(body.len, 4), err);
	if (rc < 0)
		goto out;
	if (!known) {
		rc = zstd_stream(d, o, body, err);
		goto out;
	}
	size_t made = ZSTD_decompressDCtx(d, o->chunk->data, room_of(o), body.ptr, body.len);
	if (ZSTD_isError(made))
		rc = zstd_error(made, body, err);
	else
		o->chunk->len = made;
out:
	ZSTD_freeDCtx(d);
	return rc;
}

static int decode_identity(struct output *o, struct slice body, struct error *err)
{
	if (body.len > o->limit)
		return error_set(err, STATUS_LIMIT,
				 "body of %zu bytes is larger than the limit of %zu bytes",
				 body.len, o->limit);
	int rc = output_start(o, body.len, err);
	if (rc == 0 && body.len) {
		memcpy(o->chunk->data, body.ptr, body.len);
		o->chunk->len = body.len;
	}
	return rc;
}

int compress_decode(struct chunk **out, struct chunk_pool *pool, enum compress_encoding encoding,
		    struct slice body, size_t limit, struct error *err)
{
	struct output o = {.pool = pool, .limit = limit};
	int rc = 0;
	switch (encoding) {
	case COMPRESS_IDENTITY:
		rc = decode_identity(&o, body, err);
		break;
	case COMPRESS_GZIP:
	case COMPRESS_DEFLATE:
		rc = decode_deflate(&o, encoding, body, err);
		break;
	case COMPRESS_ZSTD:
		rc = decode_zstd(&o, body, err);
		break;
	}
	if (rc < 0) {
		chunk_unref(o.chunk);
		return rc;
	}
	chunk_seal(o.chunk);
	*out = o.chunk;
	return 0;
}

/* --- whole bodies ------------------------------------------------------------------- */

struct compressor {
	enum compress_encoding encoding;
	int level;
	struct libdeflate_compressor *deflate;
	ZSTD_CCtx *zstd;
};

static int check_level(enum compress_encoding encoding, int *level, int deflate_max,
		       struct error *err)
{
	bool zstd = encoding == COMPRESS_ZSTD;
	int max = zstd ? 19 : deflate_max;
	if (*level == 0)
		*level = zstd ? 3 : 6;
	if (*level < 1 || *level > max)
		return error_set(err, STATUS_INVALID, "%s has no level %d; use 1 to %d",
				 encoding_names[encoding], *level, max);
	return 0;
}

int compressor_new(struct compressor **out, enum compress_encoding encoding, int level,
		   struct error *err)
{
	int rc = check_level(encoding, &level, 12, err);
	if (rc < 0)
		return rc;
	struct compressor *c = calloc(1, sizeof(*c));
	if (!c)
		return error_set(err, STATUS_NO_MEMORY, "no memory for a compressor");
	c->encoding = encoding;
	c->level = level;
	if (encoding == COMPRESS_GZIP || encoding == COMPRESS_DEFLATE)
		c->deflate = libdeflate_alloc_compressor(level);
	else if (encoding == COMPRESS_ZSTD)
		c->zstd = ZSTD_createCCtx();
	if (encoding != COMPRESS_IDENTITY && !c->deflate && !c->zstd) {
		free(c);
		return error_set(err, STATUS_NO_MEMORY, "no memory for a compressor");
	}
	*out = c;
	return 0;
}

void compressor_free(struct compressor *c)
{
	if (!c)
		return;
	libdeflate_free_compressor(c->deflate);
	ZSTD_freeCCtx(c->zstd);
	free(c);
}

static size_t compressed_bound(const struct compressor *c, size_t len)
{
	switch (c->encoding) {
	case COMPRESS_GZIP:
		return libdeflate_gzip_compress_bound(c->deflate, len);
	case COMPRESS_DEFLATE:
		return libdeflate_zlib_compress_bound(c->deflate, len);
	case COMPRESS_ZSTD:
		return ZSTD_compressBound(len);
	case COMPRESS_IDENTITY:
		break;
	}
	return len;
}

int compressor_append(struct compressor *c, struct slice body, struct buf *out, struct error *err)
{
	size_t bound = compressed_bound(c, body.len);
	if (!buf_reserve(out, bound))
		return error_set(err, STATUS_LIMIT, "no room for %zu compressed bytes", bound);
	char *to = out->data + out->len;
	size_t made = 0;
	switch (c->encoding) {
	case COMPRESS_GZIP:
		made = libdeflate_gzip_compress(c->deflate, body.ptr, body.len, to, bound);
		break;
	case COMPRESS_DEFLATE:
		made = libdeflate_zlib_compress(c->deflate, body.ptr, body.len, to, bound);
		break;
	case COMPRESS_ZSTD:
		made = ZSTD_compressCCtx(c->zstd, to, bound, body.ptr, body.len, c->level);
		if (ZSTD_isError(made))
			return error_set(err, STATUS_NO_MEMORY, "zstd: %s",
					 ZSTD_getErrorName(made));
		break;
	case COMPRESS_IDENTITY:
		buf_append_slice(out, body);
		return 0;
	}
	out->len += made;
	return 0;
}

/* --- answers in pieces ---------------------------------------------------------------- */

struct compress_stream {
	enum compress_encoding encoding;
	z_stream deflate;
	ZSTD_CCtx *zstd;
};

int compress_stream_new(struct compress_stream **out, enum compress_encoding encoding, int level,
			struct error *err)
{
	int rc = check_level(encoding, &level, 9, err);
	if (rc < 0)
		return rc;
	struct compress_stream *s = calloc(1, sizeof(*s));
	if (!s)
		return error_set(err, STATUS_NO_MEMORY, "no memory for a compressor");
	s->encoding = encoding;
	bool ok = true;
	if (encoding == COMPRESS_GZIP || encoding == COMPRESS_DEFLATE) {
		/* 15: the largest window; 16 more: gzip instead of zlib framing */
		int window = encoding == COMPRESS_GZIP ? 15 + 16 : 15;
		ok = deflateInit2(&s->deflate, level, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) ==
		     Z_OK;
	} else if (encoding == COMPRESS_ZSTD) {
		s->zstd = ZSTD_createCCtx();
		ok = s->zstd &&
		     !ZSTD_isError(ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_compressionLevel, level));
		if (ok && level > 16) /* the levels above use windows that peers may refuse */
			ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_windowLog, ZSTD_WINDOW_LOG);
	}
	if (!ok) {
		ZSTD_freeCCtx(s->zstd);
		free(s);
		return error_set(err, STATUS_NO_MEMORY, "no memory for a compressor");
	}
	*out = s;
	return 0;
}

void compress_stream_free(struct compress_stream *s)
{
	if (!s)
		return;
	if (s->encoding == COMPRESS_GZIP || s->encoding == COMPRESS_DEFLATE)
		deflateEnd(&s->deflate);
	ZSTD_freeCCtx(s->zstd);
	free(s);
}

#define STREAM_STEP ((size_t)32 << 10)

static int no_room(const struct buf *out, struct error *err)
{
	return error_set(err, STATUS_LIMIT, "compressed answer does not fit in %zu bytes",
			 out->limit);
}

static size_t free_room(const struct buf *out)
{
	size_t room = out->capacity - out->len;
	return room > UINT_MAX ? UINT_MAX : room;
}

static int deflate_piece(z_stream *z, struct slice piece, int flush, struct buf *out,
			 struct error *err)
{
	z->next_in = (Bytef *)(uintptr_t)piece.ptr;
	z->avail_in = (uInt)piece.len;
	do {
		size_t want = out->limit - out->len < STREAM_STEP ? 1 : STREAM_STEP;
		if (!buf_reserve(out, want))
			return no_room(out, err);
		size_t room = free_room(out);
		z->next_out = (Bytef *)out->data + out->len;
		z->avail_out = (uInt)room;
		/* Z_BUF_ERROR only says that nothing was left to do. */
		deflate(z, flush);
		out->len += room - z->avail_out;
	} while (z->avail_out == 0);
	return 0;
}

static int zstd_piece(ZSTD_CCtx *c, struct slice piece, ZSTD_EndDirective flush, struct buf *out,
		      struct error *err)
{
	ZSTD_inBuffer in = {piece.ptr, piece.len, 0};
	for (;;) {
		size_t want = out->limit - out->len < STREAM_STEP ? 1 : STREAM_STEP;
		if (!buf_reserve(out, want))
			return no_room(out, err);
		ZSTD_outBuffer to = {out->data + out->len, free_room(out), 0};
		size_t left = ZSTD_compressStream2(c, &to, &in, flush);
		if (ZSTD_isError(left))
			return error_set(err, STATUS_NO_MEMORY, "zstd: %s",
					 ZSTD_getErrorName(left));
		out->len += to.pos;
		if (flush == ZSTD_e_continue ? in.pos == in.size : left == 0)
			return 0;
	}
}

int compress_stream_write(struct compress_stream *s, struct slice piece, enum compress_flush flush,
			  struct buf *out, struct error *err)
{
	static const int deflate_flush[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH};
	static const ZSTD_EndDirective zstd_flush[] = {ZSTD_e_continue, ZSTD_e_flush, ZSTD_e_end};
	if (s->encoding == COMPRESS_ZSTD)
		return zstd_piece(s->zstd, piece, zstd_flush[flush], out, err);
	if (s->encoding == COMPRESS_IDENTITY) {
		if (!buf_reserve(out, piece.len))
			return no_room(out, err);
		buf_append_slice(out, piece);
		return 0;
	}
	while (piece.len > UINT_MAX / 2) { /* zlib counts in unsigned int */
		struct slice part = {piece.ptr, UINT_MAX / 2};
		int rc = deflate_piece(&s->deflate, part, Z_NO_FLUSH, out, err);
		if (rc < 0)
			return rc;
		piece.ptr += part.len;
		piece.len -= part.len;
	}
	return deflate_piece(&s->deflate, piece, deflate_flush[flush], out, err);
}
