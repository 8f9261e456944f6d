#include "compare.h"

#include "almost.h"
#include "base/regex.h"
#include "telemetry/float_histogram_notation.h"

/* --- texts ------------------------------------------------------------------------------ */

static bool text_matches(const struct text_pattern *pattern, struct slice text)
{
	switch (pattern->match) {
	case MATCH_ANY:
		return true;
	case MATCH_EXACT:
		return slice_eq(pattern->text, text);
	case MATCH_REGEX:
		break;
	}
	struct regex *regex = NULL;
	/* Matchers of PromQL are anchored, expectations are not. */
	struct buf anywhere = BUF_INIT;
	buf_appendf(&anywhere, ".*(?:" SLICE_FMT ").*", SLICE_ARG(pattern->text));
	bool match = !regex_new(&regex, buf_slice(&anywhere), NULL) &&
		     regex_match(regex, text, NULL) == 1;
	regex_free(regex);
	buf_release(&anywhere);
	return match;
}

static void pattern_text(const struct text_pattern *pattern, struct buf *out)
{
	if (pattern->match == MATCH_ANY)
		buf_append_cstr(out, "any");
	else
		buf_appendf(out, "%s \"" SLICE_FMT "\"",
			    pattern->match == MATCH_EXACT ? "message" : "pattern",
			    SLICE_ARG(pattern->text));
}

bool compare_failure(const struct eval_command *eval, const struct error *actual, struct buf *why)
{
	for (const struct text_pattern *p = eval->fails; p; p = p->next) {
		if (text_matches(p, slice_of(actual->message)))
			continue;
		buf_append_cstr(why, "expected failure with ");
		pattern_text(p, why);
		buf_appendf(why, ", got \"%s\"", actual->message);
		return false;
	}
	return true;
}

/* --- annotations ------------------------------------------------------------------------ */

static const char *level_name(enum annotation_level level)
{
	return level == ANNOTATION_INFO ? "info" : "warning";
}

static void list_annotations(const struct promql_result *result, enum annotation_level level,
			     struct slice query, struct buf *out)
{
	const char *separator = "";
	for (const struct annotation *a = result->annotations.first; a; a = a->next) {
		if (a->level != level)
			continue;
		buf_append_cstr(out, separator);
		annotation_text(a, query, out);
		separator = "; ";
	}
	if (!*separator)
		buf_append_cstr(out, "none");
}

static bool annotation_matches(const struct annotation *annotation, struct slice query,
			       const struct text_pattern *pattern)
{
	struct buf text = BUF_INIT;
	annotation_text(annotation, query, &text);
	bool match = text_matches(pattern, buf_slice(&text));
	buf_release(&text);
	return match;
}

/* Each pattern has an annotation. */
static bool patterns_found(const struct text_pattern *patterns, const struct promql_result *result,
			   enum annotation_level level, struct slice query, struct buf *why)
{
	for (const struct text_pattern *p = patterns; p; p = p->next) {
		bool found = false;
		for (const struct annotation *a = result->annotations.first; a && !found;
		     a = a->next)
			found = a->level == level && annotation_matches(a, query, p);
		if (found)
			continue;
		buf_appendf(why, "expected %s ", level_name(level));
		pattern_text(p, why);
		buf_append_cstr(why, ", got ");
		list_annotations(result, level, query, why);
		return false;
	}
	return true;
}

/* Each annotation has a pattern. */
static bool annotations_expected(const struct text_pattern *patterns,
				 const struct promql_result *result, enum annotation_level level,
				 struct slice query, struct buf *why)
{
	for (const struct annotation *a = result->annotations.first; a && patterns; a = a->next) {
		bool found = a->level != level;
		for (const struct text_pattern *p = patterns; p && !found; p = p->next)
			found = annotation_matches(a, query, p);
		if (found)
			continue;
		buf_appendf(why, "unexpected %s: ", level_name(level));
		annotation_text(a, query, why);
		return false;
	}
	return true;
}

static bool compare_level(const struct text_pattern *patterns, bool any, bool none,
			  const struct promql_result *result, enum annotation_level level,
			  struct slice query, struct buf *why)
{
	uint32_t count = 0;
	for (const struct annotation *a = result->annotations.first; a; a = a->next)
		count += a->level == level;
	if (any && count == 0) {
		buf_appendf(why, "expected a %s, got none", level_name(level));
		return false;
	}
	if (none && count) {
		buf_appendf(why, "expected no %s, got ", level_name(level));
		list_annotations(result, level, query, why);
		return false;
	}
	return patterns_found(patterns, result, level, query, why) &&
	       annotations_expected(patterns, result, level, query, why);
}

bool compare_annotations(const struct eval_command *eval, const struct promql_result *result,
			 struct slice query, struct buf *why)
{
	return compare_level(eval->warnings, eval->warn, eval->no_warn, result, ANNOTATION_WARNING,
			     query, why) &&
	       compare_level(eval->infos, eval->info, eval->no_info, result, ANNOTATION_INFO, query,
			     why);
}

/* --- values ----------------------------------------------------------------------------- */

static void expected_text(const struct sequence_value *value, struct buf *out)
{
	if (value->omitted)
		buf_append_cstr(out, "_");
	else if (value->histogram)
		histogram_notation(value->histogram, out);
	else if (is_stale(value->value))
		buf_append_cstr(out, "stale");
	else
		buf_appendf(out, "%.17g", value->value);
}

static void point_text(struct point point, struct buf *out)
{
	struct sequence_value value = {.omitted = point.kind == POINT_NONE,
				       .value = point.value,
				       .histogram = point.kind == POINT_HISTOGRAM ? point.histogram
										  : NULL};
	expected_text(&value, out);
}

static bool buckets_equal(const struct bucket_list *a, const struct bucket_list *b)
{
	if (a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++) {
		if (a->index[i] != b->index[i] || !almost_equal(a->value[i], b->value[i]))
			return false;
	}
	return true;
}

static bool bounds_equal(const struct float_histogram *a, const struct float_histogram *b)
{
	if (a->bound_count != b->bound_count)
		return false;
	for (uint32_t i = 0; i < a->bound_count; i++) {
		if (a->bounds[i] != b->bounds[i])
			return false;
	}
	return true;
}

static bool histograms_equal(const struct float_histogram *expected,
			     const struct float_histogram *actual, bool hint, struct arena *arena)
{
	const struct float_histogram *a = histogram_compact(arena, expected);
	const struct float_histogram *b = histogram_compact(arena, actual);
	return a && b && a->schema == b->schema && almost_equal(a->count, b->count) &&
	       almost_equal(a->sum, b->sum) && (!histogram_is_custom(a) || bounds_equal(a, b)) &&
	       a->zero_threshold == b->zero_threshold &&
	       almost_equal(a->zero_count, b->zero_count) &&
	       buckets_equal(&a->negative, &b->negative) &&
	       buckets_equal(&a->positive, &b->positive) &&
	       (!hint || expected->hint == actual->hint);
}

static bool value_equal(const struct sequence_value *expected, struct point actual,
			struct arena *arena)
{
	if (expected->omitted || actual.kind == POINT_NONE)
		return expected->omitted && actual.kind == POINT_NONE;
	if (expected->histogram)
		return actual.kind == POINT_HISTOGRAM &&
		       histograms_equal(expected->histogram, actual.histogram, expected->hint_set,
					arena);
	return actual.kind == POINT_FLOAT && almost_equal(expected->value, actual.value);
}

static bool check_value(const struct script_series *series, uint32_t i, struct point actual,
			struct arena *arena, struct buf *why)
{
	static const struct sequence_value nothing = {.omitted = true};
	const struct sequence_value *expected =
		i < series->values.count ? &series->values.list[i] : &nothing;
	if (value_equal(expected, actual, arena))
		return true;
	labels_text(series->labels, why);
	if (series->values.count > 1)
		buf_appendf(why, " point %u", i);
	buf_append_cstr(why, ": expected ");
	expected_text(expected, why);
	buf_append_cstr(why, ", got ");
	point_text(actual, why);
	return false;
}

/* --- series ----------------------------------------------------------------------------- */

static const struct script_series *find_expected(const struct eval_command *eval,
						 const struct labels *labels)
{
	for (uint32_t i = 0; i < eval->results.count; i++) {
		if (labels_equal(eval->results.list[i].labels, labels))
			return &eval->results.list[i];
	}
	return NULL;
}

static bool unexpected_series(const struct labels *labels, struct point first, struct buf *why)
{
	buf_append_cstr(why, "unexpected ");
	labels_text(labels, why);
	buf_append_cstr(why, " with ");
	point_text(first, why);
	return false;
}

/* What was expected and is not in `seen`, which has the positions of those that are. */
static bool all_seen(const struct eval_command *eval, const bool *seen, struct buf *why)
{
	bool complete = true;
	for (uint32_t i = 0; i < eval->results.count; i++) {
		if (seen[i])
			continue;
		buf_append_cstr(why, complete ? "missing " : ", ");
		labels_text(eval->results.list[i].labels, why);
		buf_append_cstr(why, " ");
		expected_text(&eval->results.list[i].values.list[0], why);
		complete = false;
	}
	return complete;
}

static bool *new_seen(const struct eval_command *eval, struct arena *arena, struct buf *why)
{
	bool *seen = arena_array(arena, eval->results.count + 1, sizeof *seen);
	if (seen)
		memset(seen, 0, (eval->results.count + 1) * sizeof *seen);
	else
		buf_append_cstr(why, "out of memory");
	return seen;
}

static bool wants_other(const struct eval_command *eval, const char *got, struct buf *why)
{
	if (!eval->scalar && !eval->expects_string)
		return false;
	buf_appendf(why, "expected a %s, got a %s", eval->scalar ? "scalar" : "string", got);
	return true;
}

static bool compare_vector(const struct eval_command *eval, const struct promql_result *result,
			   uint32_t step, struct arena *arena, struct buf *why)
{
	bool *seen = new_seen(eval, arena, why);
	uint32_t position = 0;
	if (!seen || wants_other(eval, "vector", why))
		return false;
	for (uint32_t i = 0; i < result->row_count; i++) {
		const struct row *row = &result->rows[i];
		struct point point = row_point(row, step);
		if (point.kind == POINT_NONE)
			continue;
		position++;
		const struct script_series *series = find_expected(eval, row->labels);
		if (!series)
			return unexpected_series(row->labels, point, why);
		if (seen[series - eval->results.list]) {
			buf_append_cstr(why, "twice in the result: ");
			labels_text(row->labels, why);
			return false;
		}
		if (eval->ordered && series->position != position) {
			labels_text(series->labels, why);
			buf_appendf(why, ": expected at position %u, got it at %u",
				    series->position, position);
			return false;
		}
		if (!check_value(series, 0, point, arena, why))
			return false;
		seen[series - eval->results.list] = true;
	}
	return all_seen(eval, seen, why);
}

static bool is_sorted(const struct labels *before, const struct labels *labels, struct buf *why)
{
	if (!before || labels_compare(before, labels) <= 0)
		return true;
	buf_append_cstr(why, "the result is not sorted by labels at ");
	labels_text(labels, why);
	return false;
}

/* A row of a range query, or the points of a range vector put into one. */
static bool compare_row(const struct eval_command *eval, const struct row *row, uint32_t count,
			bool *seen, struct arena *arena, struct buf *why)
{
	const struct script_series *series = find_expected(eval, row->labels);
	uint32_t first = 0;
	while (first < count && row->kind[first] == POINT_NONE)
		first++;
	if (!series) {
		struct point none = {0};
		return unexpected_series(row->labels, first < count ? row_point(row, first) : none,
					 why);
	}
	if (series->values.count > count) {
		labels_text(row->labels, why);
		buf_appendf(why, ": expected %u points, but there are %u steps",
			    series->values.count, count);
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (!check_value(series, i, row_point(row, i), arena, why))
			return false;
	}
	seen[series - eval->results.list] = true;
	return true;
}

static bool compare_range(const struct eval_command *eval, const struct promql_result *result,
			  struct arena *arena, struct buf *why)
{
	bool *seen = new_seen(eval, arena, why);
	if (!seen || wants_other(eval, "matrix", why))
		return false;
	if (eval->ordered) {
		buf_append_cstr(why, "expected an ordered result, got a matrix");
		return false;
	}
	for (uint32_t i = 0; i < result->row_count; i++) {
		const struct labels *before = i ? result->rows[i - 1].labels : NULL;
		if (!is_sorted(before, result->rows[i].labels, why) ||
		    !compare_row(eval, &result->rows[i], result->grid.count, seen, arena, why))
			return false;
	}
	return all_seen(eval, seen, why);
}

/* Puts samples at their place among the times that are expected; false: one has none. */
static bool points_to_row(const struct eval_command *eval, const struct promql_points *points,
			  struct row *row, uint32_t count, struct buf *why)
{
	const struct samples *s = &points->samples;
	for (uint32_t i = 0; i < s->count + s->histogram_count; i++) {
		bool is_float = i < s->count;
		int64_t time = is_float ? s->time[i] : s->histogram_time[i - s->count];
		int64_t past = time - eval->start;
		int64_t at = eval->step ? past / eval->step : 0;
		if (past < 0 || at >= count || at * eval->step != past) {
			labels_text(points->labels, why);
			buf_appendf(why, ": unexpected point at %lld", (long long)time);
			return false;
		}
		row->kind[at] = is_float ? POINT_FLOAT : POINT_HISTOGRAM;
		if (is_float)
			row->value[at] = s->value[i];
		else
			row->histogram[at] = s->histogram[i - s->count];
	}
	return true;
}

static bool compare_points(const struct eval_command *eval, const struct promql_result *result,
			   struct arena *arena, struct buf *why)
{
	bool *seen = new_seen(eval, arena, why);
	if (!seen || wants_other(eval, "range vector", why))
		return false;
	uint32_t count = 0;
	if (eval->end >= eval->start)
		count = eval->step ? (uint32_t)((eval->end - eval->start) / eval->step) + 1 : 1;
	for (uint32_t i = 0; i < result->point_count; i++) {
		const struct promql_points *points = &result->points[i];
		struct row row = {.labels = points->labels,
				  .kind = arena_array(arena, count + 1, sizeof *row.kind),
				  .value = arena_array(arena, count + 1, sizeof *row.value),
				  .histogram = arena_array(arena, count + 1, sizeof(void *))};
		if (!row.kind || !row.value || !row.histogram) {
			buf_append_cstr(why, "out of memory");
			return false;
		}
		memset(row.kind, POINT_NONE, count + 1);
		memset(row.value, 0, (count + 1) * sizeof *row.value);
		const struct labels *before = i ? result->points[i - 1].labels : NULL;
		if (!is_sorted(before, points->labels, why) ||
		    !points_to_row(eval, points, &row, count, why) ||
		    !compare_row(eval, &row, count, seen, arena, why))
			return false;
	}
	return all_seen(eval, seen, why);
}

static bool compare_scalar(const struct eval_command *eval, double actual, struct buf *why)
{
	if (!eval->scalar)
		buf_appendf(why, "expected no scalar, got %.17g", actual);
	else if (!almost_equal(eval->value, actual))
		buf_appendf(why, "expected %.17g, got %.17g", eval->value, actual);
	else
		return true;
	return false;
}

bool compare_result(const struct eval_command *eval, const struct promql_result *result,
		    struct arena *arena, struct buf *why)
{
	switch (result->type) {
	case PROMQL_TYPE_SCALAR:
		return compare_scalar(eval, result->scalar, why);
	case PROMQL_TYPE_VECTOR:
		return compare_vector(eval, result, 0, arena, why);
	case PROMQL_TYPE_MATRIX:
		return eval->range ? compare_range(eval, result, arena, why)
				   : compare_points(eval, result, arena, why);
	case PROMQL_TYPE_STRING:
		if (slice_eq(eval->string, result->string))
			return true;
		buf_appendf(why, "expected \"" SLICE_FMT "\", got \"" SLICE_FMT "\"",
			    SLICE_ARG(eval->string), SLICE_ARG(result->string));
		return false;
	case PROMQL_TYPE_NONE:
		break;
	}
	buf_append_cstr(why, "the result has no type");
	return false;
}

bool compare_step(const struct eval_command *eval, const struct promql_result *result,
		  enum promql_type type, uint32_t at, struct arena *arena, struct buf *why)
{
	for (uint32_t i = 1; i < result->row_count; i++) {
		if (!is_sorted(result->rows[i - 1].labels, result->rows[i].labels, why))
			return false;
	}
	if (at >= result->grid.count) {
		buf_append_cstr(why, "the range query has too few steps");
		return false;
	}
	if (type != PROMQL_TYPE_SCALAR)
		return compare_vector(eval, result, at, arena, why);
	if (result->row_count != 1 || result->rows[0].kind[at] != POINT_FLOAT) {
		buf_append_cstr(why, "expected a scalar, got none");
		return false;
	}
	return compare_scalar(eval, result->rows[0].value[at], why);
}
