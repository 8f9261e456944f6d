/* What the functions over range vectors tell beside their results. */
#include <stdio.h>
#include <string.h>

#include "query/promql/number_text.h"
#include "query/promql/range_functions.h"

/*
 * Prometheus takes the place of a subquery's result as the position, which has none: it is the
 * beginning of the query.
 */
static struct promql_range note_pos(const struct call *call)
{
	if (eval_unwrap(call->expr->call.args[0])->kind == PROMQL_SUBQUERY)
		return (struct promql_range){0, 0};
	return arg_pos(call->expr, 0);
}

/*
 * A window has mostly the same to tell as the one before: then nothing needs to be put into
 * words. `name` NULL: the message is `text` alone.
 */
static struct annotation *told_last(const struct call *call, enum annotation_level level,
				    struct promql_range pos, const char *text,
				    const struct slice *name)
{
	struct annotation *last = call->e->annotations.last;
	size_t len = strlen(text);
	if (!last || last->level != level || last->pos.start != pos.start ||
	    last->pos.end != pos.end || strncmp(last->message, text, len) != 0)
		return NULL;
	const char *rest = last->message + len;
	if (!name)
		return *rest == '\0' ? last : NULL;
	if (strlen(rest) != name->len + 3 || rest[0] != ' ' || rest[1] != '"' ||
	    memcmp(rest + 2, name->ptr, name->len) != 0)
		return NULL;
	return last;
}

struct annotation *range_note(struct call *call, enum annotation_level level, const char *text)
{
	struct promql_range pos = note_pos(call);
	struct annotation *last = told_last(call, level, pos, text, NULL);
	return last ? last : annotations_add(&call->e->annotations, level, pos, "%s", text);
}

/* In double quotes, with the escapes of a Go string. */
static void quote(struct slice name, struct buf *out)
{
	static const char codes[] = "\a\b\f\n\r\t\v\\\"";
	static const char letters[] = "abfnrtv\\\"";
	buf_append_byte(out, '"');
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		const char *code = c ? strchr(codes, c) : NULL;
		if (code)
			buf_appendf(out, "\\%c", letters[code - codes]);
		else if ((unsigned char)c < 0x20 || c == 0x7f)
			buf_appendf(out, "\\x%02x", (unsigned char)c);
		else
			buf_append_byte(out, (uint8_t)c);
	}
	buf_append_byte(out, '"');
}

struct annotation *range_note_metric(struct call *call, enum annotation_level level,
				     const char *text)
{
	struct slice name = metric_name(call->labels);
	struct promql_range pos = note_pos(call);
	struct annotation *note = told_last(call, level, pos, text, &name);
	if (note)
		return note;
	struct buf quoted;
	buf_init(&quoted);
	quote(name, &quoted);
	note = annotations_add(&call->e->annotations, level, pos, "%s %s", text, buf_cstr(&quoted));
	buf_release(&quoted);
	return note;
}

void note_mixed_kinds(struct call *call)
{
	range_note_metric(call, ANNOTATION_WARNING,
			  "encountered a mix of histograms and floats for metric name");
}

void note_histograms_ignored(struct call *call)
{
	range_note_metric(call, ANNOTATION_INFO,
			  "ignored histograms in a range containing both floats and histograms "
			  "for metric name");
}

void note_mixed_schemas(struct call *call)
{
	range_note_metric(call, ANNOTATION_WARNING,
			  "vector contains a mix of histograms with exponential and custom "
			  "buckets schemas for metric name");
}

void note_not_counter(struct call *call)
{
	range_note_metric(call, ANNOTATION_WARNING,
			  "this native histogram metric is not a counter:");
}

void note_not_gauge(struct call *call)
{
	range_note_metric(call, ANNOTATION_WARNING, "this native histogram metric is not a gauge:");
}

/* `text` and the operation after it. */
static void note_operation(struct call *call, enum annotation_level level, const char *text,
			   const char *operation)
{
	char message[128];
	snprintf(message, sizeof(message), "%s %s", text, operation);
	range_note(call, level, message);
}

void note_bounds_reconciled(struct call *call, const char *operation)
{
	note_operation(call, ANNOTATION_INFO, "mismatched custom buckets were reconciled during",
		       operation);
}

void note_reset_collision(struct call *call, const char *operation)
{
	note_operation(call, ANNOTATION_WARNING, "conflicting counter resets during histogram",
		       operation);
}

void note_start_overlap(struct call *call)
{
	struct annotation *note = range_note_metric(
		call, ANNOTATION_WARNING,
		"sample has start time that overlaps with previous sample timestamp for metric");
	if (note)
		note->count++;
}

void note_invalid_quantile(struct call *call, double q)
{
	char number[GO_NUMBER_MAX], message[128];
	snprintf(message, sizeof(message), "quantile value should be between 0 and 1, got %s",
		 go_number(q, number));
	range_note(call, ANNOTATION_WARNING, message);
}

static bool ends_with(struct slice s, struct slice suffix)
{
	return s.len >= suffix.len &&
	       memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0;
}

void note_perhaps_no_counter(struct call *call)
{
	struct slice name = metric_name(call->labels);
	if (name.len == 0 || ends_with(name, SLICE("_total")) || ends_with(name, SLICE("_sum")) ||
	    ends_with(name, SLICE("_count")) || ends_with(name, SLICE("_bucket")))
		return;
	range_note_metric(call, ANNOTATION_INFO,
			  "metric might not be a counter, name does not end in "
			  "_total/_sum/_count/_bucket:");
}
