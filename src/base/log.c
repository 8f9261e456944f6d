#include "base/log.h"

#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"

static _Atomic int least_level = LOG_LEVEL_INFO;
static _Atomic int line_format = LOG_FORMAT_TEXT;

void log_configure(enum log_level least, enum log_format format)
{
	atomic_store(&least_level, (int)least);
	atomic_store(&line_format, (int)format);
}

enum log_level log_least(void)
{
	return (enum log_level)atomic_load_explicit(&least_level, memory_order_relaxed);
}

static void append_quoted(struct buf *out, const char *s)
{
	buf_append_byte(out, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\') {
			buf_append_byte(out, '\\');
			buf_append_byte(out, c);
		} else if (c == '\n') {
			buf_append_cstr(out, "\\n");
		} else if (c < 0x20) {
			buf_appendf(out, "\\u%04x", c);
		} else {
			buf_append_byte(out, c);
		}
	}
	buf_append_byte(out, '"');
}

static bool is_plain(const char *s)
{
	return *s && !strpbrk(s, " \"=\\\n\t\r");
}

static void append_field(struct buf *out, const struct log_field *f, bool json)
{
	if (json) {
		buf_append_byte(out, ',');
		append_quoted(out, f->key);
		buf_append_byte(out, ':');
	} else {
		buf_appendf(out, " %s=", f->key);
	}
	switch (f->kind) {
	case LOG_FIELD_STR:
		if (!json && f->str && is_plain(f->str))
			buf_append_cstr(out, f->str);
		else
			append_quoted(out, f->str ? f->str : "");
		break;
	case LOG_FIELD_INT:
		buf_appendf(out, "%lld", (long long)f->num);
		break;
	case LOG_FIELD_DOUBLE:
		if (json && !isfinite(f->dbl))
			buf_append_cstr(out, "null");
		else
			buf_appendf(out, "%.6g", f->dbl);
		break;
	}
}

void log_write(enum log_level level, const char *message, const struct log_field *fields,
	       unsigned count)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};
	if (level < log_least())
		return;
	bool json = atomic_load_explicit(&line_format, memory_order_relaxed) == LOG_FORMAT_JSON;
	struct timespec ts;
	struct tm tm;
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	char stamp[64];
	size_t n = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(stamp + n, sizeof(stamp) - n, ".%03ldZ", ts.tv_nsec / 1000000);

	struct buf out = BUF_INIT;
	if (json) {
		buf_appendf(&out, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":", stamp,
			    names[level]);
		append_quoted(&out, message);
	} else {
		buf_appendf(&out, "%s %-5s %s", stamp, names[level], message);
	}
	for (unsigned i = 0; i < count; i++)
		append_field(&out, &fields[i], json);
	buf_append_cstr(&out, json ? "}\n" : "\n");
	if (!out.failed) {
		ssize_t ignored = write(STDERR_FILENO, out.data, out.len);
		(void)ignored;
	}
	buf_release(&out);
}
