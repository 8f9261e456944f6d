#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "wire/compress.h"

#define MIB ((size_t)1 << 20)

static struct chunk_pool *pool;

/* Text that compresses about as logs do. */
static struct buf sample(size_t len)
{
	struct buf b = BUF_INIT;
	uint32_t seed = 1;
	while (b.len < len) {
		seed = seed * 1664525 + 1013904223;
		buf_appendf(&b, "GET /api/v1/items/%u HTTP/1.1 status=200 bytes=%u\n", seed >> 12,
			    seed >> 20);
	}
	b.len = len;
	return b;
}

/* What the program `command` writes for `in` on its standard input. */
static struct buf run(const char *command, struct slice in)
{
	char path[] = "/tmp/tripod_compress_XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, in.ptr, in.len), (ssize_t)in.len);
	close(fd);
	char line[256];
	snprintf(line, sizeof(line), "%s < %s", command, path);
	FILE *f = popen(line, "r");
	assert_non_null(f);
	struct buf out = BUF_INIT;
	char piece[4096];
	for (size_t n; (n = fread(piece, 1, sizeof(piece), f)) > 0;)
		buf_append(&out, piece, n);
	int rc = pclose(f);
	unlink(path);
	assert_int_equal(rc, 0);
	return out;
}

static void expect_decoded(enum compress_encoding encoding, struct slice body, struct slice want)
{
	struct chunk *chunk = NULL;
	struct error err = {0};
	int rc = compress_decode(&chunk, pool, encoding, body, want.len, &err);
	if (rc < 0)
		fail_msg("%s", err.message);
	assert_int_equal(chunk->len, want.len);
	assert_memory_equal(chunk->data, want.ptr, want.len);
	for (int i = 0; i < CHUNK_PADDING; i++)
		assert_int_equal(chunk->data[chunk->len + i], 0);
	chunk_unref(chunk);
	if (want.len == 0)
		return;
	chunk = NULL;
	rc = compress_decode(&chunk, pool, encoding, body, want.len - 1, &err);
	assert_int_equal(rc, STATUS_LIMIT);
	assert_null(chunk);
	char limit[32];
	snprintf(limit, sizeof(limit), "%zu bytes", want.len - 1);
	assert_non_null(strstr(err.message, limit));
}

static void expect_refused(enum compress_encoding encoding, struct slice body)
{
	struct chunk *chunk = NULL;
	struct error err = {0};
	int rc = compress_decode(&chunk, pool, encoding, body, MIB, &err);
	assert_int_equal(rc, STATUS_INVALID);
	assert_null(chunk);
	assert_true(err.message[0] != 0);
}

static void reads_what_gzip_and_zstd_write(void **state)
{
	static const size_t sizes[] = {1, 100, 70000, 3 * MIB + 17};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct buf text = sample(sizes[i]);
		static const char *const zstds[] = {"zstd -c", "zstd -c -19 --no-check",
						    "cat | zstd -c --no-content-size"};
		for (size_t z = 0; z < 3; z++) {
			struct buf out = run(zstds[z], buf_slice(&text));
			expect_decoded(COMPRESS_ZSTD, buf_slice(&out), buf_slice(&text));
			buf_release(&out);
		}
		struct buf out = run("gzip -c", buf_slice(&text));
		expect_decoded(COMPRESS_GZIP, buf_slice(&out), buf_slice(&text));
		buf_release(&out);
		buf_release(&text);
	}
}

static void reads_several_members_and_frames(void **state)
{
	struct buf text = sample(100000);
	struct buf twice = BUF_INIT;
	buf_append_slice(&twice, buf_slice(&text));
	buf_append_slice(&twice, buf_slice(&text));
	static const struct {
		const char *command;
		enum compress_encoding encoding;
	} cases[] = {{"gzip -c", COMPRESS_GZIP},
		     {"zstd -c", COMPRESS_ZSTD},
		     {"cat | zstd -c --no-content-size", COMPRESS_ZSTD}};
	for (size_t i = 0; i < 3; i++) {
		struct buf one = run(cases[i].command, buf_slice(&text));
		struct buf two = BUF_INIT;
		buf_append_slice(&two, buf_slice(&one));
		buf_append_slice(&two, buf_slice(&one));
		expect_decoded(cases[i].encoding, buf_slice(&two), buf_slice(&twice));
		buf_append_cstr(&two, "and something else");
		expect_refused(cases[i].encoding, buf_slice(&two));
		buf_release(&one);
		buf_release(&two);
	}
	buf_release(&twice);
	buf_release(&text);
}

static void reads_zlib_and_raw_deflate(void **state)
{
	struct buf text = sample(500000);
	for (int window = -15; window <= 15; window += 30) {
		z_stream z = {0};
		assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY),
				 Z_OK);
		struct buf out = BUF_INIT;
		assert_true(buf_reserve(&out, deflateBound(&z, text.len)));
		z.next_in = (Bytef *)text.data;
		z.avail_in = (uInt)text.len;
		z.next_out = (Bytef *)out.data;
		z.avail_out = (uInt)out.capacity;
		assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
		out.len = z.total_out;
		deflateEnd(&z);
		expect_decoded(COMPRESS_DEFLATE, buf_slice(&out), buf_slice(&text));
		buf_append_byte(&out, 0);
		expect_refused(COMPRESS_DEFLATE, buf_slice(&out));
		buf_release(&out);
	}
	buf_release(&text);
}

static void refuses_every_truncation_and_most_corruption(void **state)
{
	struct buf text = sample(3000);
	static const enum compress_encoding all[] = {COMPRESS_GZIP, COMPRESS_DEFLATE,
						     COMPRESS_ZSTD};
	for (size_t e = 0; e < 3; e++) {
		struct compressor *c;
		assert_int_equal(compressor_new(&c, all[e], 0, NULL), 0);
		struct buf out = BUF_INIT;
		assert_int_equal(compressor_append(c, buf_slice(&text), &out, NULL), 0);
		compressor_free(c);
		for (size_t n = 0; n < out.len; n++) {
			/* A copy of that size, so that reading behind it is seen. */
			char *cut = malloc(n + 1);
			memcpy(cut, out.data, n);
			expect_refused(all[e], (struct slice){cut, n});
			free(cut);
		}
		if (all[e] != COMPRESS_ZSTD) { /* frames made here carry no checksum */
			out.data[out.len / 2] ^= 0x10;
			expect_refused(all[e], buf_slice(&out));
		}
		buf_release(&out);
	}
	buf_release(&text);
}

static void survives_decompression_bombs(void **state)
{
	size_t size = 100 * MIB;
	char *zeros = calloc(1, size);
	static const enum compress_encoding all[] = {COMPRESS_GZIP, COMPRESS_DEFLATE,
						     COMPRESS_ZSTD};
	for (size_t e = 0; e < 3; e++) {
		struct compress_stream *s;
		struct buf out = BUF_INIT;
		assert_int_equal(compress_stream_new(&s, all[e], 1, NULL), 0);
		assert_int_equal(compress_stream_write(s, (struct slice){zeros, size}, COMPRESS_END,
						       &out, NULL),
				 0);
		compress_stream_free(s);
		assert_true(out.len < size / 100);
		struct chunk *chunk = NULL;
		struct error err;
		assert_int_equal(
			compress_decode(&chunk, pool, all[e], buf_slice(&out), 10 * MIB, &err),
			STATUS_LIMIT);
		assert_non_null(strstr(err.message, "10485760"));
		assert_int_equal(chunk_pool_in_use(pool), 0);
		buf_release(&out);
	}
	free(zeros);
}

/* The size in a gzip trailer is the sender's word: it may not make us take memory. */
static void does_not_believe_a_size_that_cannot_be(void **state)
{
	struct compressor *c;
	struct buf out = BUF_INIT;
	assert_int_equal(compressor_new(&c, COMPRESS_GZIP, 0, NULL), 0);
	assert_int_equal(compressor_append(c, SLICE("hello"), &out, NULL), 0);
	compressor_free(c);
	memset(out.data + out.len - 4, 0xff, 4);
	expect_refused(COMPRESS_GZIP, buf_slice(&out));
	buf_release(&out);
}

static void compressors_round_trip(void **state)
{
	static const size_t sizes[] = {0, 1, 5000, 2 * MIB};
	for (int e = COMPRESS_IDENTITY; e <= COMPRESS_ZSTD; e++) {
		struct compressor *c;
		assert_int_equal(compressor_new(&c, (enum compress_encoding)e, 0, NULL), 0);
		for (size_t i = 0; i < 4; i++) {
			struct buf text = sample(sizes[i]);
			struct buf out = BUF_INIT;
			assert_int_equal(compressor_append(c, buf_slice(&text), &out, NULL), 0);
			expect_decoded((enum compress_encoding)e, buf_slice(&out),
				       buf_slice(&text));
			buf_release(&out);
			buf_release(&text);
		}
		compressor_free(c);
	}
}

static void gzip_and_zstd_read_what_we_write(void **state)
{
	struct buf text = sample(300000);
	static const struct {
		const char *command;
		enum compress_encoding encoding;
	} cases[] = {{"gzip -dc", COMPRESS_GZIP}, {"zstd -dc", COMPRESS_ZSTD}};
	for (size_t i = 0; i < 2; i++) {
		struct compress_stream *s;
		struct buf out = BUF_INIT;
		assert_int_equal(compress_stream_new(&s, cases[i].encoding, 0, NULL), 0);
		for (size_t at = 0; at < text.len; at += 10000) {
			struct slice piece = {text.data + at, 10000};
			enum compress_flush flush = at % 50000 ? COMPRESS_MORE : COMPRESS_FLUSH;
			assert_int_equal(compress_stream_write(s, piece, flush, &out, NULL), 0);
		}
		assert_int_equal(compress_stream_write(s, SLICE(""), COMPRESS_END, &out, NULL), 0);
		compress_stream_free(s);
		struct buf back = run(cases[i].command, buf_slice(&out));
		assert_int_equal(back.len, text.len);
		assert_memory_equal(back.data, text.data, text.len);
		expect_decoded(cases[i].encoding, buf_slice(&out), buf_slice(&text));
		buf_release(&back);
		buf_release(&out);

		struct compressor *c;
		assert_int_equal(compressor_new(&c, cases[i].encoding, 9, NULL), 0);
		assert_int_equal(compressor_append(c, buf_slice(&text), &out, NULL), 0);
		compressor_free(c);
		back = run(cases[i].command, buf_slice(&out));
		assert_int_equal(back.len, text.len);
		assert_memory_equal(back.data, text.data, text.len);
		buf_release(&back);
		buf_release(&out);
	}
	buf_release(&text);
}

/* What was flushed can be read before the stream ends: that is what flushing is for. */
static void flush_lets_the_peer_read_on(void **state)
{
	struct compress_stream *s;
	struct buf out = BUF_INIT;
	assert_int_equal(compress_stream_new(&s, COMPRESS_GZIP, 0, NULL), 0);
	assert_int_equal(compress_stream_write(s, SLICE("first row\n"), COMPRESS_FLUSH, &out, NULL),
			 0);
	z_stream z = {0};
	char text[64];
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	z.next_in = (Bytef *)out.data;
	z.avail_in = (uInt)out.len;
	z.next_out = (Bytef *)text;
	z.avail_out = sizeof(text);
	assert_int_equal(inflate(&z, Z_SYNC_FLUSH), Z_OK);
	assert_int_equal(z.total_out, 10);
	assert_memory_equal(text, "first row\n", 10);
	inflateEnd(&z);
	compress_stream_free(s);
	buf_release(&out);
}

static void output_limits_hold(void **state)
{
	struct buf text = sample(200000);
	struct buf out;
	buf_init_limited(&out, 1000);
	struct compress_stream *s;
	struct error err;
	assert_int_equal(compress_stream_new(&s, COMPRESS_ZSTD, 0, NULL), 0);
	assert_int_equal(compress_stream_write(s, buf_slice(&text), COMPRESS_END, &out, &err),
			 STATUS_LIMIT);
	compress_stream_free(s);
	buf_release(&out);
	buf_release(&text);
}

static void names_encodings(void **state)
{
	enum compress_encoding e;
	struct error err;
	assert_int_equal(compress_encoding_parse(&e, SLICE(""), &err), 0);
	assert_int_equal(e, COMPRESS_IDENTITY);
	assert_int_equal(compress_encoding_parse(&e, SLICE(" GZip "), &err), 0);
	assert_int_equal(e, COMPRESS_GZIP);
	assert_int_equal(compress_encoding_parse(&e, SLICE("x-gzip"), &err), 0);
	assert_int_equal(e, COMPRESS_GZIP);
	assert_int_equal(compress_encoding_parse(&e, SLICE("zstd"), &err), 0);
	assert_int_equal(e, COMPRESS_ZSTD);
	assert_int_equal(compress_encoding_parse(&e, SLICE("br"), &err), STATUS_UNSUPPORTED);
	assert_string_equal(err.message, "content encoding \"br\" is not supported; use gzip, "
					 "deflate, zstd or identity");
}

static void chooses_an_encoding(void **state)
{
	assert_int_equal(compress_encoding_choose(SLICE("")), COMPRESS_IDENTITY);
	assert_int_equal(compress_encoding_choose(SLICE("gzip, deflate, br, zstd")), COMPRESS_ZSTD);
	assert_int_equal(compress_encoding_choose(SLICE("gzip;q=1.0, zstd;q=0.5")), COMPRESS_GZIP);
	assert_int_equal(compress_encoding_choose(SLICE("zstd;q=0, deflate")), COMPRESS_DEFLATE);
	assert_int_equal(compress_encoding_choose(SLICE("gzip;q=0.001,br")), COMPRESS_GZIP);
	assert_int_equal(compress_encoding_choose(SLICE("identity, gzip;q=0.9")),
			 COMPRESS_IDENTITY);
	assert_int_equal(compress_encoding_choose(SLICE(" , ;q=, gzip;q")), COMPRESS_GZIP);
}

static void refuses_unknown_levels(void **state)
{
	struct compressor *c;
	struct error err;
	assert_int_equal(compressor_new(&c, COMPRESS_GZIP, 13, &err), STATUS_INVALID);
	assert_string_equal(err.message, "gzip has no level 13; use 1 to 12");
}

int main(void)
{
	pool = chunk_pool_new(64 * MIB);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_gzip_and_zstd_write),
		cmocka_unit_test(reads_several_members_and_frames),
		cmocka_unit_test(reads_zlib_and_raw_deflate),
		cmocka_unit_test(refuses_every_truncation_and_most_corruption),
		cmocka_unit_test(survives_decompression_bombs),
		cmocka_unit_test(does_not_believe_a_size_that_cannot_be),
		cmocka_unit_test(compressors_round_trip),
		cmocka_unit_test(gzip_and_zstd_read_what_we_write),
		cmocka_unit_test(flush_lets_the_peer_read_on),
		cmocka_unit_test(output_limits_hold),
		cmocka_unit_test(names_encodings),
		cmocka_unit_test(chooses_an_encoding),
		cmocka_unit_test(refuses_unknown_levels),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	chunk_pool_free(pool);
	return rc;
}
