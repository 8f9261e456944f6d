#include "wire/json_write.h"

#include <math.h>

#include "wire/double_text.h"
#include "wire/utf8_sequence.h"

static void put_comma(struct json_writer *w)
{
	if (w->comma)
		buf_append_byte(w->out, ',');
	w->comma = true;
}

static void open_level(struct json_writer *w, uint8_t mark)
{
	put_comma(w);
	buf_append_byte(w->out, mark);
	w->comma = false;
}

static void close_level(struct json_writer *w, uint8_t mark)
{
	buf_append_byte(w->out, mark);
	w->comma = true;
}

void json_write_object_begin(struct json_writer *w)
{
	open_level(w, '{');
}

void json_write_object_end(struct json_writer *w)
{
	close_level(w, '}');
}

void json_write_array_begin(struct json_writer *w)
{
	open_level(w, '[');
}

void json_write_array_end(struct json_writer *w)
{
	close_level(w, ']');
}

/* What stands for a byte below 0x20, a quote or a backslash. */
static void put_escape(struct buf *out, uint8_t c)
{
	static const char from[] = "\"\\\b\f\n\r\t", into[] = "\"\\bfnrt";
	const char *simple = c ? strchr(from, c) : NULL;
	if (simple) {
		char pair[2] = {'\\', into[simple - from]};
		buf_append(out, pair, 2);
	} else {
		static const char hex[] = "0123456789abcdef";
		char six[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
		buf_append(out, six, 6);
	}
}

static void put_quoted(struct buf *out, struct slice s)
{
	const char *p = s.ptr, *end = s.ptr + s.len, *from = p;
	buf_append_byte(out, '"');
	while (p < end) {
		uint8_t c = (uint8_t)*p;
		if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
			p++;
			continue;
		}
		size_t len = c < 0x80 ? 0 : utf8_sequence(p, end);
		if (len) {
			p += len;
			continue;
		}
		buf_append(out, from, (size_t)(p - from));
		if (c < 0x80)
			put_escape(out, c);
		else
			buf_append_cstr(out, "\xef\xbf\xbd");
		from = ++p;
	}
	buf_append(out, from, (size_t)(p - from));
	buf_append_byte(out, '"');
}

void json_write_key(struct json_writer *w, struct slice key)
{
	put_comma(w);
	put_quoted(w->out, key.len ? key : SLICE(""));
	buf_append_byte(w->out, ':');
	w->comma = false;
}

void json_write_string(struct json_writer *w, struct slice s)
{
	put_comma(w);
	put_quoted(w->out, s.len ? s : SLICE(""));
}

static void put_uint64(struct buf *out, uint64_t value)
{
	char text[20];
	size_t at = sizeof(text);
	do {
		text[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	buf_append(out, text + at, sizeof(text) - at);
}

void json_write_uint64(struct json_writer *w, uint64_t value)
{
	put_comma(w);
	put_uint64(w->out, value);
}

void json_write_int64(struct json_writer *w, int64_t value)
{
	put_comma(w);
	if (value < 0)
		buf_append_byte(w->out, '-');
	put_uint64(w->out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void json_write_double(struct json_writer *w, double value)
{
	put_comma(w);
	if (!isfinite(value)) {
		buf_append_cstr(w->out, "null");
		return;
	}
	char text[NUMBER_TEXT_MAX];
	buf_append(w->out, text, double_text(value, text));
}

void json_write_bool(struct json_writer *w, bool value)
{
	json_write_raw(w, value ? SLICE("true") : SLICE("false"));
}

void json_write_null(struct json_writer *w)
{
	json_write_raw(w, SLICE("null"));
}

void json_write_raw(struct json_writer *w, struct slice text)
{
	put_comma(w);
	buf_append_slice(w->out, text);
}
