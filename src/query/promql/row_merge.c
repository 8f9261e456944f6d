#include "query/promql/row_merge.h"

void row_merge_init(struct row_merge *merge, struct eval *e, struct grid grid)
{
	*merge = (struct row_merge){.e = e, .grid = grid};
	labels_index_init(&merge->index, e->arena);
}

uint32_t row_merge_row(struct row_merge *merge, const struct labels *labels, bool drop_name,
		       struct error *err)
{
	const uint32_t number = labels_index_add(&merge->index, labels);
	if (number == LABELS_NONE) {
		eval_over_budget(err);
		return LABELS_NONE;
	}
	if (number == merge->table.count) {
		struct row *empty = row_new(merge->e, merge->grid, err);
		if (!empty)
			return LABELS_NONE;
		empty->labels = labels;
		empty->drop_name = drop_name;
		if (table_add(merge->e, &merge->table, empty, merge->grid, err))
			return LABELS_NONE;
	}
	return number;
}

int row_merge_set(struct row_merge *merge, uint32_t row, uint32_t i, struct point point,
		  struct error *err)
{
	struct row *into = &merge->table.rows[row];
	if (into->kind[i] != POINT_NONE)
		return error_set(err, STATUS_INVALID,
				 "vector cannot contain metrics with the same labelset");
	return row_set(merge->e, into, merge->grid, i, point, err);
}

int row_merge_add(struct row_merge *merge, const struct row *row, struct error *err)
{
	const uint32_t number = labels_index_add(&merge->index, row->labels);
	if (number == LABELS_NONE)
		return eval_over_budget(err);
	if (number == merge->table.count)
		return table_add(merge->e, &merge->table, row, merge->grid, err);
	for (uint32_t i = 0; i < merge->grid.count; i++) {
		if (row->kind[i] == POINT_NONE)
			continue;
		int rc = row_merge_set(merge, number, i, row_point(row, i), err);
		if (rc)
			return rc;
	}
	return 0;
}

int row_merge_push(struct row_merge *merge, struct row_sink *sink, struct error *err)
{
	for (uint32_t i = 0; i < merge->table.count; i++) {
		const struct row *row = &merge->table.rows[i];
		if (row_is_empty(row, merge->grid))
			continue;
		int rc = sink->put(sink, row, err);
		if (rc)
			return rc;
	}
	return 0;
}
