/*
 * sort, sort_desc, sort_by_label and sort_by_label_desc. They say something about the answer
 * of an instant query only: those of range queries are always in the order of the labels.
 *
 * Source: Prometheus' documentation, "Query functions"; the natural order of label values is
 * that of facette/natsort, which Prometheus uses.
 */
#include <math.h>

#include "query/promql/instant_functions_int.h"

/* A run of digits, or of what is none. */
struct chunk {
	struct slice text;
	bool is_number; /* that fits in 64 bits */
	uint64_t number;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool next_chunk(struct slice *rest, struct chunk *out)
{
	if (rest->len == 0)
		return false;
	const bool digits = is_digit(rest->ptr[0]);
	size_t len = 0;
	uint64_t number = 0;
	bool fits = digits;
	for (; len < rest->len && is_digit(rest->ptr[len]) == digits; len++) {
		const uint64_t digit = digits ? (uint64_t)(rest->ptr[len] - '0') : 0;
		fits = fits && number <= (INT64_MAX - digit) / 10;
		if (fits)
			number = number * 10 + digit;
	}
	*out = (struct chunk){{rest->ptr, len}, fits, number};
	rest->ptr += len;
	rest->len -= len;
	return true;
}

static int compare_bytes(struct slice a, struct slice b)
{
	const size_t len = a.len < b.len ? a.len : b.len;
	const int order = len ? memcmp(a.ptr, b.ptr, len) : 0;
	return order ? order : (a.len > b.len) - (a.len < b.len);
}

int natural_compare(struct slice a, struct slice b)
{
	for (;;) {
		struct chunk x, y;
		const bool has_x = next_chunk(&a, &x), has_y = next_chunk(&b, &y);
		if (!has_x || !has_y)
			return (int)has_x - (int)has_y;
		if (x.is_number && y.is_number) {
			if (x.number != y.number)
				return x.number < y.number ? -1 : 1;
		} else {
			const int order = compare_bytes(x.text, y.text);
			if (order)
				return order;
		}
	}
}

/* How rows are to be ordered. */
struct order {
	bool by_label, descending;
	const struct slice *labels;
	uint32_t label_count;
};

/* NaN comes last in both directions. */
static int compare_values(double a, double b, bool descending)
{
	if (isnan(a) || isnan(b))
		return (int)!!isnan(a) - (int)!!isnan(b);
	const int order = (a > b) - (a < b);
	return descending ? -order : order;
}

static int compare_labels(const struct order *order, const struct labels *a, const struct labels *b)
{
	for (uint32_t i = 0; i < order->label_count; i++) {
		const struct slice x = labels_get(a, order->labels[i]);
		const struct slice y = labels_get(b, order->labels[i]);
		const int natural = slice_eq(x, y) ? 0 : natural_compare(x, y);
		if (natural)
			return order->descending ? -natural : natural;
	}
	const int all = labels_compare(a, b);
	return order->descending ? -all : all;
}

static int compare_rows(const struct order *order, const struct row *a, const struct row *b)
{
	if (order->by_label)
		return compare_labels(order, a->labels, b->labels);
	return compare_values(a->value[0], b->value[0], order->descending);
}

/* Merges two sorted halves; equals stay in their order. */
static void merge_halves(const struct order *order, const struct row **rows, uint32_t half,
			 uint32_t count, const struct row **scratch)
{
	uint32_t left = 0, right = half, out = 0;
	while (left < half && right < count) {
		const bool take_left = compare_rows(order, rows[left], rows[right]) <= 0;
		scratch[out++] = take_left ? rows[left++] : rows[right++];
	}
	while (left < half)
		scratch[out++] = rows[left++];
	/* What is left of the right half is in its place. */
	for (uint32_t i = 0; i < out; i++)
		rows[i] = scratch[i];
}

static void sort_rows(const struct order *order, const struct row **rows, uint32_t count,
		      const struct row **scratch)
{
	if (count < 2)
		return;
	const uint32_t half = count / 2;
	sort_rows(order, rows, half, scratch);
	sort_rows(order, rows + half, count - half, scratch);
	merge_halves(order, rows, half, count, scratch);
}

/* Those that have something to be sorted by: histograms have no value. */
static uint32_t sortable_rows(const struct order *order, const struct table *table,
			      const struct row **out)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < table->count; i++) {
		const struct row *row = &table->rows[i];
		if (order->by_label || row->kind[0] == POINT_FLOAT)
			out[count++] = row;
	}
	return count;
}

static int push_sorted(struct eval *e, const struct promql_expr *call, struct grid grid,
		       const struct order *order, struct row_sink *sink, struct error *err)
{
	struct table table = {0};
	int rc = eval_table(e, call->call.args[0], grid, &table, err);
	if (rc || table.count == 0)
		return rc;
	const struct row **rows = arena_array(e->arena, table.count, sizeof(*rows));
	const struct row **scratch = arena_array(e->arena, table.count, sizeof(*scratch));
	if (!rows || !scratch)
		return eval_over_budget(err);
	const uint32_t count = sortable_rows(order, &table, rows);
	sort_rows(order, rows, count, scratch);
	for (uint32_t i = 0; !rc && i < count; i++)
		rc = sink->put(sink, rows[i], err);
	return rc;
}

struct float_sink {
	struct row_sink sink;
	struct row_sink *to;
	struct eval *e;
	struct grid grid;
	struct row *row;
};

/* What sort leaves of a row over many steps: its floats. */
static int put_floats(struct row_sink *sink, const struct row *in, struct error *err)
{
	struct float_sink *s = (struct float_sink *)sink;
	if (!in->histogram)
		return s->to->put(s->to, in, err);
	struct row *row = s->row;
	row_clear(row, s->grid);
	row->labels = in->labels;
	row->drop_name = in->drop_name;
	for (uint32_t i = 0; i < s->grid.count; i++) {
		if (in->kind[i] != POINT_FLOAT)
			continue;
		row->kind[i] = POINT_FLOAT;
		row->value[i] = in->value[i];
	}
	return row_is_empty(row, s->grid) ? 0 : s->to->put(s->to, row, err);
}

static void warn_of_range(struct eval *e, const struct promql_expr *call)
{
	annotations_add(&e->annotations, ANNOTATION_WARNING, call->pos,
			"sort is ineffective for range queries since results are always ordered "
			"by labels");
}

int call_sort(struct eval *e, const struct promql_expr *call, struct grid grid,
	      struct row_sink *sink, struct error *err)
{
	if (grid.count > 1) {
		warn_of_range(e, call);
		struct float_sink s = {{put_floats}, sink, e, grid, row_new(e, grid, err)};
		return s.row ? eval_vector(e, call->call.args[0], grid, &s.sink, err)
			     : STATUS_LIMIT;
	}
	const struct order order = {.descending = call->call.function->id == PROMQL_FN_sort_desc};
	return push_sorted(e, call, grid, &order, sink, err);
}

int call_sort_by_label(struct eval *e, const struct promql_expr *call, struct grid grid,
		       struct row_sink *sink, struct error *err)
{
	if (grid.count > 1) {
		warn_of_range(e, call);
		return eval_vector(e, call->call.args[0], grid, sink, err);
	}
	const uint32_t count = call->call.arg_count - 1;
	struct slice *names = arena_array(e->arena, count ? count : 1, sizeof(*names));
	if (!names)
		return eval_over_budget(err);
	for (uint32_t i = 0; i < count; i++)
		names[i] = eval_string(call->call.args[i + 1]);
	const struct order order = {
		.by_label = true,
		.descending = call->call.function->id == PROMQL_FN_sort_by_label_desc,
		.labels = names,
		.label_count = count,
	};
	return push_sorted(e, call, grid, &order, sink, err);
}
