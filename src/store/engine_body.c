#include <stdlib.h>

#include "store/engine_int.h"
#include "store/exception.h"
#include "wire/decompress.h"

struct body_reader {
	struct bridge *bridge;
	struct decompress_stream *coding;
	bool ended;
};

int body_reader_new(struct body_reader **out, struct bridge *bridge,
		    enum compress_encoding encoding, struct error *err)
{
	struct body_reader *r = calloc(1, sizeof(*r));
	if (!r || decompress_stream_new(&r->coding, encoding, NULL)) {
		free(r);
		return exception_set(err, 173, "No memory to read the body");
	}
	r->bridge = bridge;
	*out = r;
	return 0;
}

void body_reader_free(struct body_reader *r)
{
	if (!r)
		return;
	decompress_stream_free(r->coding);
	free(r);
}

/* The next piece goes through `emit`: 1, 0 at the whole end, or a failure. */
static int read_piece(struct body_reader *r, int (*emit)(void *ctx, struct slice data), void *ctx,
		      struct error *err)
{
	struct chunk *chunk;
	struct error why;
	int rc = r->ended ? 0 : bridge_read(r->bridge, &chunk, err);
	if (rc < 0)
		return rc;
	if (rc == 0) {
		r->ended = true;
		rc = decompress_stream_finish(r->coding, &why);
		return rc ? exception_set(err, EXCEPTION_INCORRECT_DATA, "%s", why.message) : 0;
	}
	why.message[0] = '\0';
	rc = decompress_stream_write(r->coding, (struct slice){chunk->data, chunk->len}, emit, ctx,
				     &why);
	chunk_unref(chunk);
	if (rc == STATUS_INVALID && why.message[0])
		return exception_set(err, EXCEPTION_INCORRECT_DATA, "%s", why.message);
	return rc < 0 ? rc : 1;
}

static int append(void *ctx, struct slice data)
{
	struct buf *out = ctx;
	buf_append_slice(out, data);
	return out->failed ? STATUS_LIMIT : 0;
}

int body_reader_fill(struct body_reader *r, struct buf *out, size_t want, bool *ended,
		     struct error *err)
{
	*ended = r->ended;
	while (out->len < want && !*ended) {
		int rc = read_piece(r, append, out, err);
		if (rc == STATUS_LIMIT)
			return exception_set(err, EXCEPTION_QUERY_IS_TOO_LARGE,
					     "The statement is larger than %zu bytes", out->limit);
		if (rc < 0)
			return rc;
		*ended = rc == 0;
	}
	return 0;
}

int body_reader_drain(struct body_reader *r, int (*emit)(void *ctx, struct slice data), void *ctx,
		      struct error *err)
{
	int rc;
	do
		rc = read_piece(r, emit, ctx, err);
	while (rc > 0);
	return rc;
}
