#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/decompress.h"

static int collect(void *ctx, struct slice data)
{
	buf_append_slice(ctx, data);
	return 0;
}

static int stop(void *ctx, struct slice data)
{
	return STATUS_CANCELLED;
}

static void compress(struct buf *out, enum compress_encoding encoding, struct slice body)
{
	struct compressor *c;
	assert_int_equal(compressor_new(&c, encoding, 0, NULL), 0);
	assert_int_equal(compressor_append(c, body, out, NULL), 0);
	compressor_free(c);
}

/* Undoes `wire` in pieces of `step` bytes; returns the first failure, of finish as well. */
static int undo(enum compress_encoding encoding, struct slice wire, size_t step, struct buf *out)
{
	struct decompress_stream *s;
	struct error err;
	assert_int_equal(decompress_stream_new(&s, encoding, &err), 0);
	int rc = 0;
	for (size_t at = 0; at < wire.len && rc == 0; at += step) {
		size_t n = wire.len - at < step ? wire.len - at : step;
		rc = decompress_stream_write(s, (struct slice){wire.ptr + at, n}, collect, out,
					     &err);
	}
	if (rc == 0)
		rc = decompress_stream_finish(s, &err);
	decompress_stream_free(s);
	return rc;
}

static struct slice sample(void)
{
	static char text[300000];
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * i >> 7);
	return (struct slice){text, sizeof(text)};
}

static void undoes_every_coding_in_any_pieces(void **state)
{
	struct slice body = sample();
	for (int e = COMPRESS_IDENTITY; e <= COMPRESS_ZSTD; e++) {
		struct buf wire = BUF_INIT, out = BUF_INIT;
		if (e == COMPRESS_IDENTITY)
			buf_append_slice(&wire, body);
		else
			compress(&wire, (enum compress_encoding)e, body);
		static const size_t steps[] = {1, 7, 4096, 1 << 30};
		for (size_t i = 0; i < 4; i++) {
			buf_clear(&out);
			assert_int_equal(
				undo((enum compress_encoding)e, buf_slice(&wire), steps[i], &out),
				0);
			assert_true(slice_eq(buf_slice(&out), body));
		}
		buf_release(&wire);
		buf_release(&out);
	}
}

static void takes_members_and_frames(void **state)
{
	static const enum compress_encoding several[] = {COMPRESS_GZIP, COMPRESS_ZSTD};
	for (size_t i = 0; i < 2; i++) {
		struct buf wire = BUF_INIT, out = BUF_INIT;
		compress(&wire, several[i], SLICE("one "));
		compress(&wire, several[i], SLICE("two"));
		assert_int_equal(undo(several[i], buf_slice(&wire), 5, &out), 0);
		assert_true(slice_eq_cstr(buf_slice(&out), "one two"));
		buf_release(&wire);
		buf_release(&out);
	}
}

static void notices_truncation_and_damage(void **state)
{
	for (int e = COMPRESS_GZIP; e <= COMPRESS_ZSTD; e++) {
		struct buf wire = BUF_INIT, out = BUF_INIT;
		compress(&wire, (enum compress_encoding)e, SLICE("some text, some text"));
		for (size_t len = 0; len < wire.len; len++)
			assert_int_equal(undo((enum compress_encoding)e,
					      (struct slice){wire.data, len}, 3, &out),
					 STATUS_INVALID);
		if (e != COMPRESS_ZSTD) {
			/* Both end with a checksum. */
			wire.data[wire.len - 2] ^= 1;
			assert_int_equal(
				undo((enum compress_encoding)e, buf_slice(&wire), 64, &out),
				STATUS_INVALID);
		}
		buf_release(&wire);
		buf_release(&out);
	}
}

static void passes_a_refusal_on(void **state)
{
	struct decompress_stream *s;
	assert_int_equal(decompress_stream_new(&s, COMPRESS_IDENTITY, NULL), 0);
	assert_int_equal(decompress_stream_write(s, SLICE("x"), stop, NULL, NULL),
			 STATUS_CANCELLED);
	decompress_stream_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(undoes_every_coding_in_any_pieces),
		cmocka_unit_test(takes_members_and_frames),
		cmocka_unit_test(notices_truncation_and_damage),
		cmocka_unit_test(passes_a_refusal_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
