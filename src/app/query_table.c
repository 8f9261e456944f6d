#include "app/query_table.h"

#include <stdlib.h>

#include "wire/json.h"

#define MAX_COLUMNS 10000
#define MAX_DEPTH 200
#define ROW_ARENA ((size_t)256 << 20)

struct query_table {
	struct text_table_options options;
	struct arena names; /* of the columns */
	struct arena row; /* of one line's strings */
	struct text_column *columns;
	struct text_cell *cells;
	size_t column_count, lines;
	struct text_table *table;
};

struct query_table *query_table_new(const struct text_table_options *options)
{
	struct query_table *q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	q->options = *options;
	arena_init(&q->names, ROW_ARENA);
	arena_init(&q->row, ROW_ARENA);
	return q;
}

void query_table_free(struct query_table *q)
{
	if (!q)
		return;
	text_table_free(q->table);
	arena_release(&q->names);
	arena_release(&q->row);
	free(q->cells);
	free(q);
}

/* The next value of an array. Returns 1, 0 at its end, or a failure. */
static int next_cell(struct json_reader *r, struct text_cell *out, struct error *err)
{
	int token = json_next(r, err);
	const char *from = r->token;
	int rc = 0;
	switch (token) {
	case JSON_ARRAY_END:
		return 0;
	case JSON_STRING:
	case JSON_NUMBER:
		*out = (struct text_cell){r->text, TEXT_PLAIN};
		return 1;
	case JSON_NULL:
		*out = (struct text_cell){SLICE("NULL"), TEXT_DIM};
		return 1;
	case JSON_TRUE:
		*out = (struct text_cell){SLICE("true"), TEXT_PLAIN};
		return 1;
	case JSON_FALSE:
		*out = (struct text_cell){SLICE("false"), TEXT_PLAIN};
		return 1;
	case JSON_OBJECT_BEGIN:
	case JSON_ARRAY_BEGIN:
		rc = json_skip(r, err);
		*out = (struct text_cell){{from, (size_t)(r->next - from)}, TEXT_PLAIN};
		return rc < 0 ? rc : 1;
	default:
		return token < 0 ? token : error_set(err, STATUS_INVALID, "a row is not an array");
	}
}

/* Fills up to `max` cells; returns how many there are. */
static int read_line(struct query_table *q, struct slice line, struct text_cell *cells, size_t max,
		     struct error *err)
{
	struct json_reader reader;
	size_t n = 0;
	arena_clear(&q->row);
	json_reader_init(&reader, line, &q->row, MAX_DEPTH);
	int rc = json_next(&reader, err);
	if (rc < 0)
		return rc;
	if (rc != JSON_ARRAY_BEGIN)
		return error_set(err, STATUS_INVALID, "a row is not an array");
	for (;;) {
		struct text_cell cell;
		rc = next_cell(&reader, &cell, err);
		if (rc == 0)
			rc = json_finish(&reader, err);
		else if (rc > 0 && n == max)
			rc = error_set(err, STATUS_INVALID, "a row has more than %zu columns", max);
		if (rc <= 0)
			return rc < 0 ? rc : (int)n;
		cells[n++] = cell;
	}
}

static int take_names(struct query_table *q, struct slice line, struct error *err)
{
	q->cells = calloc(MAX_COLUMNS, sizeof(*q->cells));
	if (!q->cells)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	int n = read_line(q, line, q->cells, MAX_COLUMNS, err);
	if (n < 0)
		return n;
	q->columns = arena_array(&q->names, (size_t)n + 1, sizeof(*q->columns));
	if (!q->columns)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	q->column_count = (size_t)n;
	for (int i = 0; i < n; i++) {
		struct slice name = q->cells[i].text;
		name.ptr = arena_strdup(&q->names, name);
		if (!name.ptr)
			return error_set(err, STATUS_NO_MEMORY, "out of memory");
		q->columns[i] = (struct text_column){.name = name};
	}
	return 0;
}

static bool is_number(struct slice type)
{
	static const struct slice wrappers[] = {{"Nullable(", 9}, {"LowCardinality(", 15}};
	static const struct slice numbers[] = {
		{"Int", 3}, {"UInt", 4}, {"Float", 5}, {"Decimal", 7}, {"BFloat", 6}};
	for (int again = 0; again < 2; again++) {
		for (size_t i = 0; i < 2; i++) {
			if (slice_starts_with(type, wrappers[i])) {
				type.ptr += wrappers[i].len;
				type.len -= wrappers[i].len;
			}
		}
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (slice_starts_with(type, numbers[i]))
			return true;
	}
	return false;
}

static int wrong_count(const struct query_table *q, int n, struct error *err)
{
	return error_set(err, STATUS_INVALID, "a row has %d columns instead of %zu", n,
			 q->column_count);
}

static int take_types(struct query_table *q, struct slice line, struct error *err)
{
	int n = read_line(q, line, q->cells, q->column_count, err);
	if (n < 0)
		return n;
	if ((size_t)n != q->column_count)
		return wrong_count(q, n, err);
	for (int i = 0; i < n; i++)
		q->columns[i].right = is_number(q->cells[i].text);
	q->table = text_table_new(q->columns, q->column_count, &q->options);
	return q->table ? 0 : error_set(err, STATUS_NO_MEMORY, "out of memory");
}

int query_table_line(struct query_table *q, struct slice line, struct buf *out, struct error *err)
{
	size_t number = q->lines++;
	if (number == 0)
		return take_names(q, line, err);
	if (number == 1)
		return take_types(q, line, err);
	int n = read_line(q, line, q->cells, q->column_count, err);
	if (n < 0)
		return n;
	if ((size_t)n != q->column_count)
		return wrong_count(q, n, err);
	text_table_row(q->table, q->cells, out);
	return 0;
}

void query_table_end(struct query_table *q, struct buf *out)
{
	if (q->table)
		text_table_end(q->table, out);
}

size_t query_table_rows(const struct query_table *q)
{
	return q->lines > 2 ? q->lines - 2 : 0;
}

void query_table_append_note(const struct query_table *q, struct buf *out)
{
	size_t hidden = q->table ? text_table_columns_hidden(q->table) : 0;
	size_t cut = q->table ? text_table_cells_cut(q->table) : 0;
	if (hidden)
		buf_appendf(out, "%zu of %zu columns are not shown", hidden, q->column_count);
	if (cut)
		buf_appendf(out, "%s%zu value%s cut to fit", hidden ? ", " : "", cut,
			    cut == 1 ? " is" : "s are");
}
