/*
 * A growing byte buffer that its user owns. Appends never fail half-way: on lack of
 * memory the buffer is marked `failed`, further appends do nothing, and the caller checks
 * once at the end. `buf_init_limited` bounds what a peer can make it grow to.
 */
#ifndef TRIPOD_BASE_BUF_H
#define TRIPOD_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/slice.h"

struct buf {
	char *data;
	size_t len, capacity, limit;
	bool failed;
};

#define BUF_INIT                                                                                   \
	{                                                                                          \
		.limit = SIZE_MAX                                                                  \
	}

void buf_init(struct buf *buf);
void buf_init_limited(struct buf *buf, size_t limit);
void buf_release(struct buf *buf);
void buf_clear(struct buf *buf);

/* Room for `extra` more bytes, or false (and the buffer is marked failed). */
bool buf_reserve_slow(struct buf *buf, size_t extra);

static inline bool buf_reserve(struct buf *buf, size_t extra)
{
	if (extra <= buf->capacity - buf->len && !buf->failed)
		return true;
	return buf_reserve_slow(buf, extra);
}

static inline void buf_append(struct buf *buf, const void *bytes, size_t len)
{
	if (len && buf_reserve(buf, len)) {
		memcpy(buf->data + buf->len, bytes, len);
		buf->len += len;
	}
}

static inline void buf_append_slice(struct buf *buf, struct slice s)
{
	buf_append(buf, s.ptr, s.len);
}

static inline void buf_append_cstr(struct buf *buf, const char *s)
{
	buf_append(buf, s, strlen(s));
}

static inline void buf_append_byte(struct buf *buf, uint8_t byte)
{
	if (buf_reserve(buf, 1))
		buf->data[buf->len++] = (char)byte;
}

__attribute__((format(printf, 2, 3))) void buf_appendf(struct buf *buf, const char *fmt, ...);

/* The content with a terminating zero behind it (not counted in len); "" when failed. */
const char *buf_cstr(struct buf *buf);

static inline struct slice buf_slice(const struct buf *buf)
{
	return (struct slice){buf->data, buf->len};
}

#endif
