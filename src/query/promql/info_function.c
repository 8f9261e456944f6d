/*
 * info: adds to each series the labels of the info series (target_info and the like) that have
 * the same `instance` and `job`, step by step.
 *
 * Source: Prometheus' documentation, "Query functions"; where it is silent, how Prometheus 3
 * behaves (promql/info.go).
 */
#include <stdlib.h>

#include "base/regex.h"
#include "query/promql/instant_functions_int.h"
#include "query/promql/row_merge.h"

#define NONE UINT32_MAX

static const struct slice identifying[] = {
	{"instance", sizeof("instance") - 1},
	{"job", sizeof("job") - 1},
};
#define IDENTIFYING_COUNT (sizeof(identifying) / sizeof(*identifying))

/* Info series of one name with the same identifying labels: one of them counts at a step. */
struct info_group {
	const struct labels *identity; /* with the name */
	uint32_t name; /* its number */
	uint32_t *winner; /* the row that counts, a value a step; NONE: there is none */
};

struct info {
	struct eval *e;
	struct grid grid;
	struct table base, rows; /* what is to be enriched, and with what */
	bool *is_ignored; /* of base: it is an info series itself */
	/* From the second argument: what the info series are called, and their other labels. */
	struct promql_matcher *names, *data;
	uint32_t name_count, data_count;

	struct promql_expr selector; /* of the info series */
	struct table times; /* of the samples in `rows`, the same series; empty until needed */
	struct labels_index times_index;

	struct labels_index name_index; /* of label sets that are but a name */
	struct labels_index group_index;
	struct info_group *groups;
	struct row_merge merge;
};

static bool is_name(struct slice label)
{
	return slice_eq_cstr(label, "__name__");
}

/* --- matchers --------------------------------------------------------------------------- */

/* Of one value; a regular expression is compiled for it. */
static int matches(const struct promql_matcher *m, struct slice value, bool *out, struct error *err)
{
	if (m->op == PROMQL_MATCH_EQ || m->op == PROMQL_MATCH_NEQ) {
		*out = slice_eq(m->value, value) == (m->op == PROMQL_MATCH_EQ);
		return 0;
	}
	struct regex *regex = NULL;
	int rc = regex_new(&regex, m->value, err);
	if (!rc)
		rc = regex_match(regex, value, err);
	regex_free(regex);
	if (rc < 0)
		return rc;
	*out = (rc > 0) == (m->op == PROMQL_MATCH_RE);
	return 0;
}

/* Adds to the names' matchers what is understood when none of them says what to look for. */
static void complete_names(struct info *info)
{
	for (uint32_t i = 0; i < info->name_count; i++) {
		if (info->names[i].op == PROMQL_MATCH_EQ || info->names[i].op == PROMQL_MATCH_RE)
			return;
	}
	const bool none = info->name_count == 0;
	info->names[info->name_count++] = (struct promql_matcher){
		.op = none ? PROMQL_MATCH_EQ : PROMQL_MATCH_RE,
		.name = SLICE("__name__"),
		.value = none ? SLICE("target_info") : SLICE(".+_info"),
	};
}

static int split_matchers(struct info *info, const struct promql_expr *call, struct error *err)
{
	const struct promql_expr *arg =
		call->call.arg_count > 1 ? eval_unwrap(call->call.args[1]) : NULL;
	const uint32_t count = arg ? arg->vector.matcher_count : 0;
	info->names = arena_array(info->e->arena, count + 1, sizeof(*info->names));
	info->data = arena_array(info->e->arena, count + 1, sizeof(*info->data));
	if (!info->names || !info->data)
		return eval_over_budget(err);
	for (uint32_t i = 0; i < count; i++) {
		const struct promql_matcher *m = &arg->vector.matchers[i];
		if (is_name(m->name))
			info->names[info->name_count++] = *m;
		else
			info->data[info->data_count++] = *m;
	}
	complete_names(info);
	return 0;
}

/* Whether the labels of an info series are among those asked for. */
static bool is_wanted(const struct info *info, struct slice label)
{
	for (uint32_t i = 0; i < info->data_count; i++) {
		if (slice_eq(info->data[i].name, label))
			return true;
	}
	return info->data_count == 0;
}

/* --- what to enrich --------------------------------------------------------------------- */

/* Info series are not enriched themselves. */
static int find_ignored(struct info *info, struct error *err)
{
	const uint32_t count = info->base.count;
	info->is_ignored = arena_array(info->e->arena, count ? count : 1, sizeof(bool));
	if (!info->is_ignored)
		return eval_over_budget(err);
	/* Rows of one name come in runs: asked once each. */
	struct slice last = {NULL, 0};
	bool all = false;
	for (uint32_t i = 0; i < count; i++) {
		const struct slice name = metric_name(info->base.rows[i].labels);
		if (i == 0 || !slice_eq(name, last)) {
			all = true;
			for (uint32_t k = 0; all && k < info->name_count; k++) {
				int rc = matches(&info->names[k], name, &all, err);
				if (rc)
					return rc;
			}
			last = name;
		}
		info->is_ignored[i] = all;
	}
	return 0;
}

static int compare_slices(const void *left, const void *right)
{
	const struct slice *a = left, *b = right;
	const size_t len = a->len < b->len ? a->len : b->len;
	const int order = len ? memcmp(a->ptr, b->ptr, len) : 0;
	return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* The different values of a label in the series to enrich, sorted. */
static int identifying_values(struct info *info, struct slice label, struct slice **out,
			      uint32_t *count, struct error *err)
{
	struct slice *values = arena_array(info->e->arena, info->base.count + 1, sizeof(*values));
	if (!values)
		return eval_over_budget(err);
	uint32_t all = 0, different = 0;
	for (uint32_t i = 0; i < info->base.count; i++) {
		const struct slice value = labels_get(info->base.rows[i].labels, label);
		if (!info->is_ignored[i] && value.len > 0)
			values[all++] = value;
	}
	qsort(values, all, sizeof(*values), compare_slices);
	for (uint32_t i = 0; i < all; i++) {
		if (different == 0 || !slice_eq(values[different - 1], values[i]))
			values[different++] = values[i];
	}
	*out = values;
	*count = different;
	return 0;
}

static void append_quoted(struct buf *out, struct slice value)
{
	for (size_t i = 0; i < value.len; i++) {
		if (memchr("\\.+*?()|[]{}^$", value.ptr[i], 14))
			buf_append_byte(out, '\\');
		buf_append_byte(out, (uint8_t)value.ptr[i]);
	}
}

/* A matcher for any of the values. */
static int value_matcher(struct info *info, struct slice label, const struct slice *values,
			 uint32_t count, struct promql_matcher *out, struct error *err)
{
	if (count == 1) {
		*out = (struct promql_matcher){
			.op = PROMQL_MATCH_EQ, .name = label, .value = values[0]};
		return 0;
	}
	struct buf buf = BUF_INIT;
	for (uint32_t i = 0; i < count; i++) {
		if (i > 0)
			buf_append_byte(&buf, '|');
		append_quoted(&buf, values[i]);
	}
	const char *copy = buf.failed ? NULL : arena_strdup(info->e->arena, buf_slice(&buf));
	if (copy)
		*out = (struct promql_matcher){
			.op = PROMQL_MATCH_RE, .name = label, .value = {copy, buf.len}};
	buf_release(&buf);
	return copy ? 0 : eval_over_budget(err);
}

/* --- at what times ---------------------------------------------------------------------- */

/* The first selector in an expression, and the subqueries around it, the innermost first. */
#define MAX_SUBQUERIES 64
struct found {
	const struct promql_expr *selector;
	const struct promql_modifiers *around[MAX_SUBQUERIES];
	uint32_t count;
};

static void find_selector(const struct promql_expr *expr, struct found *out)
{
	if (!expr || out->selector)
		return;
	switch (expr->kind) {
	case PROMQL_VECTOR:
		out->selector = expr;
		return;
	case PROMQL_MATRIX:
		find_selector(expr->matrix.vector, out);
		return;
	case PROMQL_PAREN:
		find_selector(expr->paren, out);
		return;
	case PROMQL_UNARY:
		find_selector(expr->unary.expr, out);
		return;
	case PROMQL_BINARY:
		find_selector(expr->binary.left, out);
		find_selector(expr->binary.right, out);
		return;
	case PROMQL_AGGREGATE:
		find_selector(expr->aggregate.expr, out);
		find_selector(expr->aggregate.param, out);
		return;
	case PROMQL_CALL:
		for (uint32_t i = 0; i < expr->call.arg_count; i++)
			find_selector(expr->call.args[i], out);
		return;
	case PROMQL_SUBQUERY:
		find_selector(expr->subquery.expr, out);
		if (out->selector && out->count < MAX_SUBQUERIES)
			out->around[out->count++] = &expr->subquery.modifiers;
		return;
	default:
		return;
	}
}

/* a + b, of which either may be a plain number or one that depends on the query. */
static int add_offset(struct info *info, struct promql_modifiers *to,
		      const struct promql_modifiers *other, struct error *err)
{
	if (!to->offset_expr && !other->offset_expr) {
		to->offset += other->offset;
		return 0;
	}
	struct promql_duration *d = arena_array(info->e->arena, 3, sizeof(*d));
	if (!d)
		return eval_over_budget(err);
	d[1] = (struct promql_duration){.op = PROMQL_DURATION_NUMBER,
					.seconds = (double)to->offset / 1000};
	d[2] = (struct promql_duration){.op = PROMQL_DURATION_NUMBER,
					.seconds = (double)other->offset / 1000};
	d[0] = (struct promql_duration){
		.op = PROMQL_DURATION_ADD,
		.left = to->offset_expr ? to->offset_expr : &d[1],
		.right = other->offset_expr ? other->offset_expr : &d[2],
	};
	to->offset_expr = &d[0];
	return 0;
}

/*
 * Info series are looked at as of the times at which the first argument's samples are: with
 * the offsets of its first selector and of the subqueries around it, up to the first @.
 */
static int reference_time(struct info *info, const struct promql_expr *arg,
			  struct promql_modifiers *out, struct error *err)
{
	struct found found = {0};
	find_selector(arg, &found);
	*out = found.selector ? found.selector->vector.modifiers : (struct promql_modifiers){0};
	for (uint32_t i = 0; out->at == PROMQL_AT_NONE && i < found.count; i++) {
		int rc = add_offset(info, out, found.around[i], err);
		if (rc)
			return rc;
		out->at = found.around[i]->at;
		out->at_time = found.around[i]->at_time;
	}
	return 0;
}

/* --- the info series -------------------------------------------------------------------- */

/* The selector of all info series that could match; none when no series can be matched. */
static int build_selector(struct info *info, const struct promql_expr *call, bool *none,
			  struct error *err)
{
	struct promql_matcher *matchers = arena_array(
		info->e->arena, IDENTIFYING_COUNT + info->name_count + (size_t)info->data_count,
		sizeof(*matchers));
	if (!matchers)
		return eval_over_budget(err);
	uint32_t count = 0;
	for (size_t i = 0; i < IDENTIFYING_COUNT; i++) {
		struct slice *values = NULL;
		uint32_t values_count = 0;
		int rc = identifying_values(info, identifying[i], &values, &values_count, err);
		if (!rc && values_count > 0)
			rc = value_matcher(info, identifying[i], values, values_count,
					   &matchers[count++], err);
		if (rc)
			return rc;
	}
	*none = count == 0;
	for (uint32_t i = 0; i < info->data_count; i++)
		matchers[count++] = info->data[i];
	for (uint32_t i = 0; i < info->name_count; i++)
		matchers[count++] = info->names[i];
	info->selector = (struct promql_expr){
		.kind = PROMQL_VECTOR, .type = PROMQL_TYPE_VECTOR, .pos = call->pos};
	info->selector.vector.matchers = matchers;
	info->selector.vector.matcher_count = count;
	return reference_time(info, call->call.args[0], &info->selector.vector.modifiers, err);
}

/* Which labels an info series and a series to enrich must have in common. */
static const struct labels *identity_of(struct info *info, const struct labels *labels,
					struct slice name)
{
	struct arena *arena = info->e->arena;
	const struct labels *ids =
		labels_select(arena, labels, identifying, IDENTIFYING_COUNT, true);
	return ids ? labels_with(arena, ids, SLICE("__name__"), name) : NULL;
}

struct times_sink {
	struct row_sink sink;
	struct info *info;
};

static int keep_times(struct row_sink *sink, const struct row *row, struct error *err)
{
	struct info *info = ((struct times_sink *)sink)->info;
	if (labels_index_add(&info->times_index, row->labels) == LABELS_NONE)
		return eval_over_budget(err);
	return table_add(info->e, &info->times, row, info->grid, err);
}

/* When the sample of an info series was taken; asked for only where two series compete. */
static int sample_time(struct info *info, uint32_t row, uint32_t step, double *out,
		       struct error *err)
{
	if (info->times.count == 0) {
		struct times_sink sink = {{keep_times}, info};
		labels_index_init(&info->times_index, info->e->arena);
		int rc = eval_selector_times(info->e, &info->selector, info->grid, false,
					     &sink.sink, err);
		if (rc)
			return rc;
	}
	const uint32_t number = labels_index_find(&info->times_index, info->rows.rows[row].labels);
	*out = number == LABELS_NONE ? 0 : info->times.rows[number].value[step];
	return 0;
}

static int duplicate(struct info *info, uint32_t a, uint32_t b, double time, struct error *err)
{
	struct buf x = BUF_INIT, y = BUF_INIT;
	labels_text(info->rows.rows[a].labels, &x);
	labels_text(info->rows.rows[b].labels, &y);
	int rc = error_set(
		err, STATUS_INVALID,
		"found duplicate series for info metric: existing %s @ %.0f, new %s @ %.0f",
		buf_cstr(&x), time * 1000, buf_cstr(&y), time * 1000);
	buf_release(&x);
	buf_release(&y);
	return rc;
}

/* Lets the row count at the steps where it has the latest sample of its group. */
static int compete(struct info *info, struct info_group *group, uint32_t row,
		   const uint8_t *has_base, struct error *err)
{
	const struct row *r = &info->rows.rows[row];
	for (uint32_t i = 0; i < info->grid.count; i++) {
		if (r->kind[i] == POINT_NONE)
			continue;
		if (r->kind[i] == POINT_HISTOGRAM) {
			struct buf text = BUF_INIT;
			labels_text(r->labels, &text);
			int rc = error_set(err, STATUS_INVALID,
					   "this should be an info metric, with float samples: %s",
					   buf_cstr(&text));
			buf_release(&text);
			return rc;
		}
		if (group->winner[i] == NONE) {
			group->winner[i] = row;
			continue;
		}
		double before, now;
		int rc = sample_time(info, group->winner[i], i, &before, err);
		if (!rc)
			rc = sample_time(info, row, i, &now, err);
		if (!rc && before == now && has_base[i])
			rc = duplicate(info, group->winner[i], row, now, err);
		if (rc)
			return rc;
		if (now > before)
			group->winner[i] = row;
	}
	return eval_check(info->e, err);
}

static int group_init(struct info *info, struct info_group *group, const struct labels *identity,
		      struct error *err)
{
	const struct slice name_label = SLICE("__name__");
	const struct labels *name = labels_select(info->e->arena, identity, &name_label, 1, true);
	*group = (struct info_group){.identity = identity};
	group->name = name ? labels_index_add(&info->name_index, name) : LABELS_NONE;
	group->winner = arena_array(info->e->arena, info->grid.count, sizeof(*group->winner));
	if (group->name == LABELS_NONE || !group->winner)
		return eval_over_budget(err);
	for (uint32_t i = 0; i < info->grid.count; i++)
		group->winner[i] = NONE;
	return 0;
}

/* At which steps there is anything to enrich: competitions elsewhere do not matter. */
static uint8_t *steps_with_base(struct info *info)
{
	uint8_t *has = arena_array(info->e->arena, info->grid.count, 1);
	if (!has)
		return NULL;
	memset(has, 0, info->grid.count);
	for (uint32_t r = 0; r < info->base.count; r++) {
		for (uint32_t i = 0; i < info->grid.count; i++)
			has[i] |= info->base.rows[r].kind[i] != POINT_NONE;
	}
	return has;
}

static int group_info_series(struct info *info, struct error *err)
{
	labels_index_init(&info->name_index, info->e->arena);
	labels_index_init(&info->group_index, info->e->arena);
	const uint32_t count = info->rows.count;
	info->groups = arena_array(info->e->arena, count ? count : 1, sizeof(*info->groups));
	const uint8_t *has_base = steps_with_base(info);
	if (!info->groups || !has_base)
		return eval_over_budget(err);
	for (uint32_t i = 0; i < count; i++) {
		const struct labels *labels = info->rows.rows[i].labels;
		const struct labels *identity = identity_of(info, labels, metric_name(labels));
		const uint32_t known = info->group_index.count;
		const uint32_t number =
			identity ? labels_index_add(&info->group_index, identity) : LABELS_NONE;
		if (number == LABELS_NONE)
			return eval_over_budget(err);
		int rc =
			number < known ? 0 : group_init(info, &info->groups[number], identity, err);
		if (!rc)
			rc = compete(info, &info->groups[number], i, has_base, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* --- joining ---------------------------------------------------------------------------- */

/* The groups that can give labels to a series: at most one of each name. */
static int groups_of(struct info *info, const struct row *row, const struct info_group **out,
		     uint32_t *count, struct error *err)
{
	*count = 0;
	for (uint32_t n = 0; n < info->name_index.count; n++) {
		const struct labels *name = info->name_index.keys[n];
		const struct labels *identity = identity_of(info, row->labels, metric_name(name));
		if (!identity)
			return eval_over_budget(err);
		const uint32_t number = labels_index_find(&info->group_index, identity);
		if (number != LABELS_NONE)
			out[(*count)++] = &info->groups[number];
	}
	return 0;
}

/* Adds to `list` the labels of an info series that the series has not. */
static int add_labels(struct info *info, const struct labels *base, const struct labels *from,
		      struct label *list, uint32_t *count, struct error *err)
{
	for (uint32_t i = 0; i < from->count; i++) {
		const struct label *l = &from->list[i];
		if (is_name(l->name) || !is_wanted(info, l->name) ||
		    labels_get(base, l->name).len > 0)
			continue;
		uint32_t k = base->count;
		while (k < *count && !slice_eq(list[k].name, l->name))
			k++;
		if (k < *count && !slice_eq(list[k].value, l->value))
			return error_set(err, STATUS_INVALID, "conflicting label: " SLICE_FMT,
					 SLICE_ARG(l->name));
		if (k == *count)
			list[(*count)++] = *l;
	}
	return 0;
}

/* The labels of a series with those of the info series that count for it at a step. */
static const struct labels *joined_labels(struct info *info, const struct labels *base,
					  const uint32_t *winners, uint32_t count,
					  struct error *err)
{
	uint32_t most = base->count, listed = most;
	for (uint32_t g = 0; g < count; g++)
		most += winners[g] == NONE ? 0 : info->rows.rows[winners[g]].labels->count;
	struct label *list = arena_array(info->e->arena, most ? most : 1, sizeof(*list));
	if (!list) {
		eval_over_budget(err);
		return NULL;
	}
	for (uint32_t i = 0; i < base->count; i++)
		list[i] = base->list[i];
	for (uint32_t g = 0; g < count; g++) {
		if (winners[g] != NONE &&
		    add_labels(info, base, info->rows.rows[winners[g]].labels, list, &listed, err))
			return NULL;
	}
	const struct labels *joined = labels_new(info->e->arena, list, listed);
	if (!joined)
		eval_over_budget(err);
	return joined;
}

/* Room for what is found of one series after the other. */
struct scratch {
	const struct info_group **groups;
	uint32_t *winners, *before; /* by group: at this step, and at the one joined last */
};

static int join_row(struct info *info, const struct row *row, bool needs_info,
		    struct scratch *scratch, struct error *err)
{
	uint32_t count, into = LABELS_NONE;
	int rc = groups_of(info, row, scratch->groups, &count, err);
	for (uint32_t i = 0; !rc && i < info->grid.count; i++) {
		if (row->kind[i] == POINT_NONE)
			continue;
		bool any = false;
		for (uint32_t g = 0; g < count; g++) {
			scratch->winners[g] = scratch->groups[g]->winner[i];
			any |= scratch->winners[g] != NONE;
		}
		if (!any && needs_info)
			continue;
		const size_t size = count * sizeof(*scratch->winners);
		if (into == LABELS_NONE || memcmp(scratch->winners, scratch->before, size) != 0) {
			const struct labels *labels =
				joined_labels(info, row->labels, scratch->winners, count, err);
			if (!labels)
				return err ? (int)err->status : STATUS_INVALID;
			into = row_merge_row(&info->merge, labels, row->drop_name, err);
			if (into == LABELS_NONE)
				return STATUS_LIMIT;
			memcpy(scratch->before, scratch->winners, size);
		}
		rc = row_merge_set(&info->merge, into, i, row_point(row, i), err);
	}
	return rc ? rc : eval_check(info->e, err);
}

/* Whether a series without info series is left out: a matcher asks for a label. */
static bool is_info_needed(const struct info *info)
{
	for (uint32_t i = 0; i < info->data_count; i++) {
		if (!info->data[i].matches_empty)
			return true;
	}
	return false;
}

static int join(struct info *info, struct error *err)
{
	struct arena *arena = info->e->arena;
	const size_t names = info->name_index.count + 1;
	struct scratch scratch = {
		arena_array(arena, names, sizeof(*scratch.groups)),
		arena_array(arena, names, sizeof(*scratch.winners)),
		arena_array(arena, names, sizeof(*scratch.before)),
	};
	if (!scratch.groups || !scratch.winners || !scratch.before)
		return eval_over_budget(err);
	const bool needs_info = is_info_needed(info);
	int rc = 0;
	row_merge_init(&info->merge, info->e, info->grid);
	for (uint32_t i = 0; !rc && i < info->base.count; i++) {
		const struct row *row = &info->base.rows[i];
		rc = info->is_ignored[i] ? row_merge_add(&info->merge, row, err)
					 : join_row(info, row, needs_info, &scratch, err);
	}
	return rc;
}

int call_info(struct eval *e, const struct promql_expr *call, struct grid grid,
	      struct row_sink *sink, struct error *err)
{
	struct info info = {.e = e, .grid = grid};
	bool none = false;
	int rc = split_matchers(&info, call, err);
	if (!rc)
		rc = eval_table(e, call->call.args[0], grid, &info.base, err);
	if (!rc)
		rc = find_ignored(&info, err);
	if (!rc)
		rc = build_selector(&info, call, &none, err);
	if (!rc && !none)
		rc = eval_table(e, &info.selector, grid, &info.rows, err);
	if (!rc)
		rc = group_info_series(&info, err);
	if (!rc)
		rc = join(&info, err);
	return rc ? rc : row_merge_push(&info.merge, sink, err);
}
