/*
 * topk, bottomk, limitk, limit_ratio, quantile and count_values: aggregations that need all
 * elements of a group at once.
 */
#include <math.h>
#include <stdlib.h>

#include <xxhash.h>

#include "query/promql/aggregate.h"
#include "query/promql/classic_histogram.h"
#include "query/promql/number_text.h"
#include "query/promql/row_merge.h"
#include "wire/utf8.h"

struct kept {
	struct eval *e;
	const struct promql_expr *expr;
	struct grid grid;
	struct table table;
	struct labels_index index; /* of the groups' labels */
	uint32_t *group; /* of each row of the table */
	uint32_t *members; /* the table's rows, group by group in the order in which they came */
	uint32_t *first; /* of each group in `members`; one more than there are groups */
	double *param; /* by step; NULL: there is none */
};

static int gather(struct kept *k, struct error *err)
{
	struct eval *e = k->e;
	int rc = eval_table(e, k->expr->aggregate.expr, k->grid, &k->table, err);
	if (rc < 0)
		return rc;
	uint32_t rows = k->table.count;
	labels_index_init(&k->index, e->arena);
	k->group = arena_array(e->arena, rows + 1, sizeof(uint32_t));
	k->members = arena_array(e->arena, rows + 1, sizeof(uint32_t));
	k->first = arena_array(e->arena, rows + 2, sizeof(uint32_t));
	if (!k->group || !k->members || !k->first)
		return eval_over_budget(err);
	memset(k->first, 0, (rows + 2) * sizeof(uint32_t));
	for (uint32_t i = 0; i < rows; i++) {
		const struct labels *key = group_labels(e, k->expr, k->table.rows[i].labels);
		k->group[i] = key ? labels_index_add(&k->index, key) : LABELS_NONE;
		if (k->group[i] == LABELS_NONE)
			return eval_over_budget(err);
		k->first[k->group[i] + 1]++;
	}
	for (uint32_t g = 1; g <= k->index.count; g++)
		k->first[g] += k->first[g - 1];
	uint32_t *next = arena_array(e->arena, k->index.count + 1, sizeof(uint32_t));
	if (!next)
		return eval_over_budget(err);
	memcpy(next, k->first, (k->index.count + 1) * sizeof(uint32_t));
	for (uint32_t i = 0; i < rows; i++)
		k->members[next[k->group[i]]++] = i;
	return 0;
}

static int eval_param(struct kept *k, struct error *err)
{
	const struct promql_expr *param = k->expr->aggregate.param;
	if (!param || param->type != PROMQL_TYPE_SCALAR)
		return 0;
	k->param = arena_array(k->e->arena, k->grid.count, sizeof(double));
	if (!k->param)
		return eval_over_budget(err);
	return eval_scalar(k->e, param, k->grid, k->param, err);
}

struct bounds {
	double least, greatest;
	bool has_nan;
};

static struct bounds bounds_of_param(const struct kept *k)
{
	struct bounds b = {INFINITY, -INFINITY, false};
	for (uint32_t i = 0; i < k->grid.count; i++) {
		double value = k->param[i];
		b.has_nan |= isnan(value);
		if (isnan(b.least) || isnan(value)) {
			b.least = b.greatest = NAN; /* as Go's math.Min and math.Max */
			continue;
		}
		b.least = value < b.least ? value : b.least;
		b.greatest = value > b.greatest ? value : b.greatest;
	}
	return b;
}

static void note_quantile(struct kept *k, double q)
{
	char text[GO_NUMBER_MAX];
	annotations_add(&k->e->annotations, ANNOTATION_WARNING, k->expr->aggregate.param->pos,
			"quantile value should be between 0 and 1, got %s", go_number(q, text));
}

static void note_ratio(struct kept *k, double ratio, int limit)
{
	char text[GO_NUMBER_MAX];
	annotations_add(&k->e->annotations, ANNOTATION_WARNING, k->expr->aggregate.param->pos,
			"ratio value should be between -1 and 1, got %s, capping to %d",
			go_number(ratio, text), limit);
}

/* Whether there is a result at all; errors and annotations of the parameter. */
static int check_param(struct kept *k, bool *empty, struct error *err)
{
	struct bounds b = bounds_of_param(k);
	char text[GO_NUMBER_MAX];
	*empty = false;
	switch (k->expr->aggregate.op) {
	case PROMQL_TOPK:
	case PROMQL_BOTTOMK:
	case PROMQL_LIMITK:
		*empty = b.greatest < 1;
		if (*empty)
			return 0;
		if (b.has_nan)
			return error_set(err, STATUS_INVALID, "Parameter value is NaN");
		if (b.least <= (double)INT64_MIN)
			return error_set(err, STATUS_INVALID, "Scalar value %s underflows int64",
					 go_number(b.least, text));
		if (b.greatest >= 9223372036854775807.0)
			return error_set(err, STATUS_INVALID, "Scalar value %s overflows int64",
					 go_number(b.greatest, text));
		return 0;
	case PROMQL_LIMIT_RATIO:
		*empty = b.least == 0 && b.greatest == 0;
		if (b.has_nan)
			return error_set(err, STATUS_INVALID, "Ratio value is NaN");
		if (b.greatest > 1)
			note_ratio(k, b.greatest, 1);
		if (b.least < -1)
			note_ratio(k, b.least, -1);
		return 0;
	default:
		if (b.has_nan)
			note_quantile(k, NAN);
		if (b.greatest > 1)
			note_quantile(k, b.greatest);
		if (b.least < 0)
			note_quantile(k, b.least);
		return 0;
	}
}

/* --- some of the elements ------------------------------------------------------------- */

struct candidate {
	double value;
	uint32_t row, order;
};

/* NaN is less wanted than anything; of equal ones the first to come stays. */
static int greatest_first(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	if (isnan(x->value) || isnan(y->value)) {
		int order = isnan(x->value) - isnan(y->value);
		return order ? order : (x->order > y->order) - (x->order < y->order);
	}
	if (x->value != y->value)
		return x->value > y->value ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

static int least_first(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	if (isnan(x->value) || isnan(y->value) || x->value == y->value)
		return greatest_first(a, b);
	return x->value < y->value ? -1 : 1;
}

/*
 * Where a series stands between 0 and 1, the same in every query: XXH64 of its labels, each
 * text with its length before it, as Prometheus hashes them. Less than 0: out of memory.
 */
static double ratio_offset(const struct labels *labels)
{
	struct buf text = BUF_INIT;
	for (uint32_t i = 0; i < labels->count; i++) {
		const struct slice parts[] = {labels->list[i].name, labels->list[i].value};
		for (unsigned p = 0; p < 2; p++) {
			size_t len = parts[p].len;
			buf_append_byte(&text, (uint8_t)(len < 255 ? len : 255));
			for (unsigned shift = 0; len >= 255 && shift < 24; shift += 8)
				buf_append_byte(&text, (uint8_t)(len >> shift));
			buf_append_slice(&text, parts[p]);
		}
	}
	double offset =
		text.failed ? -1 : (double)XXH64(text.data, text.len, 0) / 18446744073709551616.0;
	buf_release(&text);
	return offset;
}

static bool is_in_ratio(double ratio, const struct labels *labels)
{
	double offset = ratio_offset(labels);
	return ratio >= 0 ? offset < ratio : offset >= 1 + ratio;
}

/* The elements of a group at a step that are wanted, best first. */
static uint32_t choose(struct kept *k, uint32_t group, uint32_t step, struct candidate *out)
{
	enum promql_aggregation op = k->expr->aggregate.op;
	double ratio = fmax(-1, fmin(1, k->param[step]));
	uint32_t count = 0;
	for (uint32_t m = k->first[group]; m < k->first[group + 1]; m++) {
		const struct row *row = &k->table.rows[k->members[m]];
		bool ranked = op == PROMQL_TOPK || op == PROMQL_BOTTOMK;
		if (row->kind[step] == POINT_NONE)
			continue;
		if (ranked && row->kind[step] == POINT_HISTOGRAM) {
			note_histogram_ignored(k->e, k->expr, k->expr->pos);
			continue;
		}
		if (op == PROMQL_LIMIT_RATIO && (ratio == 0 || !is_in_ratio(ratio, row->labels)))
			continue;
		out[count] = (struct candidate){row->value[step], k->members[m], count};
		count++;
	}
	if (op == PROMQL_TOPK || op == PROMQL_BOTTOMK)
		qsort(out, count, sizeof(out[0]), op == PROMQL_TOPK ? greatest_first : least_first);
	if (op == PROMQL_LIMIT_RATIO)
		return count;
	double most = k->param[step];
	return most < 1 ? 0 : most < count ? (uint32_t)most : count;
}

static int put_chosen(struct kept *k, struct row_sink *sink, struct error *err)
{
	struct row_merge merge;
	struct candidate *chosen = arena_array(k->e->arena, k->table.count + 1, sizeof(chosen[0]));
	if (!chosen)
		return eval_over_budget(err);
	row_merge_init(&merge, k->e, k->grid);
	for (uint32_t g = 0; g < k->index.count; g++) {
		for (uint32_t i = 0; i < k->grid.count; i++) {
			uint32_t count = choose(k, g, i, chosen);
			for (uint32_t c = 0; c < count; c++) {
				const struct row *row = &k->table.rows[chosen[c].row];
				uint32_t to =
					row_merge_row(&merge, row->labels, row->drop_name, err);
				if (to == LABELS_NONE)
					return STATUS_LIMIT;
				int rc = row_merge_set(&merge, to, i, row_point(row, i), err);
				if (rc < 0)
					return rc;
			}
		}
	}
	return row_merge_push(&merge, sink, err);
}

/* --- quantile ------------------------------------------------------------------------- */

static int put_quantiles(struct kept *k, struct row_sink *sink, struct error *err)
{
	double *values = arena_array(k->e->arena, k->table.count + 1, sizeof(double));
	struct row *out = row_new(k->e, k->grid, err);
	if (!values || !out)
		return eval_over_budget(err);
	for (uint32_t g = 0; g < k->index.count; g++) {
		row_clear(out, k->grid);
		out->labels = k->index.keys[g];
		for (uint32_t i = 0; i < k->grid.count; i++) {
			size_t count = 0;
			for (uint32_t m = k->first[g]; m < k->first[g + 1]; m++) {
				const struct row *row = &k->table.rows[k->members[m]];
				out->drop_name |= row->drop_name;
				if (row->kind[i] == POINT_FLOAT)
					values[count++] = row->value[i];
				else if (row->kind[i] == POINT_HISTOGRAM)
					note_histogram_ignored(k->e, k->expr,
							       k->expr->aggregate.expr->pos);
			}
			if (!count)
				continue;
			out->kind[i] = POINT_FLOAT;
			out->value[i] = values_quantile(k->param[i], values, count);
		}
		int rc = row_is_empty(out, k->grid) ? 0 : sink->put(sink, out, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* --- count_values --------------------------------------------------------------------- */

/* The value as a label: text in the arena, .ptr NULL when over budget. */
static struct slice value_text(struct eval *e, struct point point)
{
	char number[GO_NUMBER_PLAIN_MAX];
	struct buf text = BUF_INIT;
	if (point.kind == POINT_HISTOGRAM)
		histogram_text(point.histogram, &text);
	else
		buf_append_cstr(&text, go_number_plain(point.value, number));
	char *copy = text.failed ? NULL : arena_strdup(e->arena, buf_slice(&text));
	struct slice out = {copy, text.len};
	buf_release(&text);
	return out;
}

static int count_value(struct kept *k, struct row_merge *merge, struct slice name,
		       const struct row *row, uint32_t step, struct error *err)
{
	struct eval *e = k->e;
	struct slice text = value_text(e, row_point(row, step));
	const struct labels *labels =
		text.ptr ? labels_with(e->arena, row->labels, name, text) : NULL;
	if (labels && k->expr->aggregate.without)
		labels = group_labels(e, k->expr, labels);
	else if (labels) /* by: the label of the values is one of them */
		labels = labels_with(e->arena, group_labels(e, k->expr, labels), name, text);
	uint32_t to = labels ? row_merge_row(merge, labels, false, err) : LABELS_NONE;
	if (to == LABELS_NONE)
		return eval_over_budget(err);
	struct row *out = &merge->table.rows[to];
	double before = out->kind[step] == POINT_FLOAT ? out->value[step] : 0;
	out->kind[step] = POINT_FLOAT;
	out->value[step] = before + 1;
	return 0;
}

static int bad_label_name(struct slice name, struct error *err)
{
	struct buf text = BUF_INIT;
	labels_quote(name, &text);
	int rc = error_set(err, STATUS_INVALID, "invalid label name %s", buf_cstr(&text));
	buf_release(&text);
	return rc;
}

static int put_value_counts(struct kept *k, struct row_sink *sink, struct error *err)
{
	struct row_merge merge;
	struct slice name = eval_string(k->expr->aggregate.param);
	if (!name.len || !utf8_valid(name.ptr, name.len))
		return bad_label_name(name, err);
	row_merge_init(&merge, k->e, k->grid);
	for (uint32_t r = 0; r < k->table.count; r++) {
		const struct row *row = &k->table.rows[r];
		for (uint32_t i = 0; i < k->grid.count; i++) {
			if (row->kind[i] == POINT_NONE)
				continue;
			int rc = count_value(k, &merge, name, row, i, err);
			if (rc < 0)
				return rc;
		}
	}
	return row_merge_push(&merge, sink, err);
}

int eval_aggregate_kept(struct eval *e, const struct promql_expr *expr, struct grid grid,
			struct row_sink *sink, struct error *err)
{
	struct kept k = {.e = e, .expr = expr, .grid = grid};
	bool empty = false;
	int rc = eval_param(&k, err);
	if (rc == 0)
		rc = gather(&k, err);
	if (rc == 0 && k.param)
		rc = check_param(&k, &empty, err);
	if (rc < 0 || empty)
		return rc;
	switch (expr->aggregate.op) {
	case PROMQL_QUANTILE:
		return put_quantiles(&k, sink, err);
	case PROMQL_COUNT_VALUES:
		return put_value_counts(&k, sink, err);
	default:
		return put_chosen(&k, sink, err);
	}
}
