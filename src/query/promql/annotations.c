#include "query/promql/annotations.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "lang/promql/parse.h"

struct annotation *annotations_add(struct annotations *annotations, enum annotation_level level,
				   struct promql_range pos, const char *fmt, ...)
{
	char message[600];
	va_list args;
	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	for (struct annotation *a = annotations->first; a; a = a->next) {
		if (a->level == level && strcmp(a->message, message) == 0)
			return a;
	}
	struct annotation *added = arena_alloc(annotations->arena, sizeof(*added));
	const char *copy = added ? arena_strdup(annotations->arena, slice_of(message)) : NULL;
	if (!copy)
		return NULL;
	*added = (struct annotation){.level = level, .message = copy, .pos = pos};
	if (annotations->last)
		annotations->last->next = added;
	else
		annotations->first = added;
	annotations->last = added;
	return added;
}

static void put_time(int64_t ms, struct buf *out)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	char text[32];
	if (gmtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		buf_append_cstr(out, text);
}

void annotation_text(const struct annotation *a, struct slice query, struct buf *out)
{
	buf_append_cstr(out, a->level == ANNOTATION_INFO ? "PromQL info: " : "PromQL warning: ");
	buf_append_cstr(out, a->message);
	if (a->has_detail) {
		buf_appendf(out,
			    ", from buckets %g to %g, with a max diff of %.2g, over %" PRIu64
			    " samples from ",
			    a->least_bucket, a->greatest_bucket, a->greatest_diff, a->count);
		put_time(a->least_time, out);
		buf_append_cstr(out, " to ");
		put_time(a->greatest_time, out);
	} else if (a->count > 1) {
		buf_appendf(out, " (%" PRIu64 " occurrences)", a->count);
	}
	buf_append_cstr(out, " (");
	promql_position_text(query, a->pos.start, out);
	buf_append_byte(out, ')');
}
