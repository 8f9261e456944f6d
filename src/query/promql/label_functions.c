/*
 * label_replace and label_join: other labels, the same points.
 *
 * Source: Prometheus' documentation, "Query functions"; templates as Go's regexp.Expand.
 */
#include "base/regex.h"
#include "query/promql/instant_functions_int.h"
#include "query/promql/row_merge.h"
#include "wire/utf8.h"

struct relabel_sink {
	struct row_sink sink;
	struct row_merge merge;
	struct arena *arena;
	struct slice target;
	/* Of label_replace. */
	struct regex *regex;
	struct slice *groups; /* of the last match */
	uint32_t group_count; /* with the whole match */
	struct slice template, source;
	/* Of label_join. */
	struct slice separator;
	const struct slice *sources;
	uint32_t source_count;
	struct buf text;
};

static bool is_label_name(struct slice name)
{
	return name.len > 0 && utf8_valid(name.ptr, name.len);
}

/* The row under its new labels; one that gets a name anew keeps it. */
static int put_relabelled(struct relabel_sink *s, const struct row *in, struct error *err)
{
	struct row row = *in;
	if (s->text.failed)
		return eval_over_budget(err);
	const char *value = arena_strdup(s->arena, buf_slice(&s->text));
	row.labels = value ? labels_with(s->arena, in->labels, s->target,
					 (struct slice){value, s->text.len})
			   : NULL;
	if (!row.labels)
		return eval_over_budget(err);
	if (slice_eq_cstr(s->target, "__name__"))
		row.drop_name = false;
	return row_merge_add(&s->merge, &row, err);
}

/* --- label_replace ---------------------------------------------------------------------- */

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* Behind a `$`: the name in `name` or `{name}`. Returns how long it is, 0 when it is none. */
static size_t reference_name(struct slice at, struct slice *name)
{
	const size_t brace = at.len > 0 && at.ptr[0] == '{';
	size_t end = brace;
	while (end < at.len && is_name_char(at.ptr[end]))
		end++;
	*name = (struct slice){at.ptr + brace, end - brace};
	if (name->len == 0 || (brace && (end == at.len || at.ptr[end] != '}')))
		return 0;
	return end + brace;
}

static bool is_number(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] < '0' || name.ptr[i] > '9')
			return false;
	}
	/* Go takes 01 for a name. */
	return name.len == 1 || name.ptr[0] != '0';
}

/* What a reference stands for: empty when there is no such group, or it took no part. */
static struct slice group_text(const struct relabel_sink *s, struct slice name)
{
	if (is_number(name)) {
		uint32_t number = 0;
		for (size_t i = 0; i < name.len && number < s->group_count; i++)
			number = number * 10 + (uint32_t)(name.ptr[i] - '0');
		return number < s->group_count ? s->groups[number] : SLICE("");
	}
	uint32_t number = regex_group_number(s->regex, name, 0);
	while (number && !s->groups[number].ptr)
		number = regex_group_number(s->regex, name, number);
	return number ? s->groups[number] : SLICE("");
}

static void expand(struct relabel_sink *s, struct buf *out)
{
	struct slice rest = s->template;
	while (rest.len > 0) {
		const char *dollar = memchr(rest.ptr, '$', rest.len);
		const size_t plain = dollar ? (size_t)(dollar - rest.ptr) : rest.len;
		buf_append(out, rest.ptr, plain);
		rest = (struct slice){rest.ptr + plain, rest.len - plain};
		if (rest.len == 0)
			return;
		rest = (struct slice){rest.ptr + 1, rest.len - 1};
		if (rest.len > 0 && rest.ptr[0] == '$') {
			buf_append_byte(out, '$');
			rest = (struct slice){rest.ptr + 1, rest.len - 1};
			continue;
		}
		struct slice name;
		const size_t len = reference_name(rest, &name);
		if (len == 0) {
			buf_append_byte(out, '$'); /* malformed: as it stands */
			continue;
		}
		buf_append_slice(out, group_text(s, name));
		rest = (struct slice){rest.ptr + len, rest.len - len};
	}
}

static int replace_label(struct row_sink *sink, const struct row *row, struct error *err)
{
	struct relabel_sink *s = (struct relabel_sink *)sink;
	const struct slice subject = labels_get(row->labels, s->source);
	const int matched = regex_match_groups(s->regex, subject, s->groups, s->group_count, err);
	if (matched <= 0)
		return matched ? matched : row_merge_add(&s->merge, row, err);
	buf_clear(&s->text);
	expand(s, &s->text);
	return put_relabelled(s, row, err);
}

int call_label_replace(struct eval *e, const struct promql_expr *call, struct grid grid,
		       struct row_sink *sink, struct error *err)
{
	struct promql_expr **args = call->call.args;
	const struct slice pattern = eval_string(args[4]);
	struct relabel_sink s = {
		.sink = {replace_label},
		.arena = e->arena,
		.target = eval_string(args[1]),
		.template = eval_string(args[2]),
		.source = eval_string(args[3]),
		.text = BUF_INIT,
	};
	int rc = regex_new(&s.regex, pattern, NULL);
	if (rc) {
		error_set(err, STATUS_INVALID,
			  "invalid regular expression in label_replace(): " SLICE_FMT,
			  SLICE_ARG(pattern));
		goto out;
	}
	if (!is_label_name(s.target)) {
		rc = error_set(err, STATUS_INVALID,
			       "invalid destination label name in label_replace(): " SLICE_FMT,
			       SLICE_ARG(s.target));
		goto out;
	}
	s.group_count = regex_group_count(s.regex) + 1;
	s.groups = arena_array(e->arena, s.group_count, sizeof(*s.groups));
	if (!s.groups) {
		rc = eval_over_budget(err);
		goto out;
	}
	row_merge_init(&s.merge, e, grid);
	rc = eval_vector(e, args[0], grid, &s.sink, err);
	if (!rc)
		rc = row_merge_push(&s.merge, sink, err);
out:
	regex_free(s.regex);
	buf_release(&s.text);
	return rc;
}

/* --- label_join ------------------------------------------------------------------------- */

static int join_labels(struct row_sink *sink, const struct row *row, struct error *err)
{
	struct relabel_sink *s = (struct relabel_sink *)sink;
	buf_clear(&s->text);
	for (uint32_t i = 0; i < s->source_count; i++) {
		if (i > 0)
			buf_append_slice(&s->text, s->separator);
		buf_append_slice(&s->text, labels_get(row->labels, s->sources[i]));
	}
	return put_relabelled(s, row, err);
}

static int source_labels(struct eval *e, const struct promql_expr *call, struct relabel_sink *s,
			 struct error *err)
{
	s->source_count = call->call.arg_count - 3;
	struct slice *names =
		arena_array(e->arena, s->source_count ? s->source_count : 1, sizeof(*names));
	if (!names)
		return eval_over_budget(err);
	s->sources = names;
	for (uint32_t i = 0; i < s->source_count; i++) {
		names[i] = eval_string(call->call.args[i + 3]);
		if (!is_label_name(names[i]))
			return error_set(err, STATUS_INVALID,
					 "invalid source label name in label_join(): " SLICE_FMT,
					 SLICE_ARG(names[i]));
	}
	return 0;
}

int call_label_join(struct eval *e, const struct promql_expr *call, struct grid grid,
		    struct row_sink *sink, struct error *err)
{
	struct promql_expr **args = call->call.args;
	struct relabel_sink s = {
		.sink = {join_labels},
		.arena = e->arena,
		.target = eval_string(args[1]),
		.separator = eval_string(args[2]),
		.text = BUF_INIT,
	};
	int rc = source_labels(e, call, &s, err);
	if (!rc && !is_label_name(s.target))
		rc = error_set(err, STATUS_INVALID,
			       "invalid destination label name in label_join(): " SLICE_FMT,
			       SLICE_ARG(s.target));
	row_merge_init(&s.merge, e, grid);
	if (!rc)
		rc = eval_vector(e, args[0], grid, &s.sink, err);
	if (!rc)
		rc = row_merge_push(&s.merge, sink, err);
	buf_release(&s.text);
	return rc;
}
