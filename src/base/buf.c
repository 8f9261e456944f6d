#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *buf)
{
	*buf = (struct buf)BUF_INIT;
}

void buf_init_limited(struct buf *buf, size_t limit)
{
	*buf = (struct buf){.limit = limit};
}

void buf_release(struct buf *buf)
{
	free(buf->data);
	buf_init_limited(buf, buf->limit);
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->failed = false;
}

bool buf_reserve_slow(struct buf *buf, size_t extra)
{
	if (buf->failed)
		return false;
	if (buf->len > buf->limit || extra > buf->limit - buf->len) {
		buf->failed = true;
		return false;
	}
	size_t need = buf->len + extra;
	if (need <= buf->capacity)
		return true;
	size_t capacity = buf->capacity < 128 ? 256 : buf->capacity + buf->capacity / 2;
	if (capacity < need)
		capacity = need;
	if (capacity > buf->limit)
		capacity = buf->limit;
	char *data = realloc(buf->data, capacity);
	if (!data) {
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->capacity = capacity;
	return true;
}

void buf_appendf(struct buf *buf, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	char small[256];
	int n = vsnprintf(small, sizeof(small), fmt, ap);
	if (n >= 0 && (size_t)n < sizeof(small)) {
		buf_append(buf, small, (size_t)n);
	} else if (n >= 0 && buf_reserve(buf, (size_t)n + 1)) {
		vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, again);
		buf->len += (size_t)n;
	}
	va_end(again);
	va_end(ap);
}

const char *buf_cstr(struct buf *buf)
{
	if (!buf_reserve(buf, 1))
		return "";
	buf->data[buf->len] = '\0';
	return buf->data;
}
