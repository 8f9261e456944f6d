/* Binary operators of which at least one side is an instant vector. */
#include "query/promql/eval.h"
#include "query/promql/row_merge.h"

static bool is_comparison(enum promql_op op)
{
	return op >= PROMQL_EQL && op <= PROMQL_LTE;
}

/* Whether the result is another metric than the operands. */
static bool changes_metric(enum promql_op op)
{
	return op <= PROMQL_ATAN2;
}

static struct point truth(bool value)
{
	return (struct point){POINT_FLOAT, value, NULL};
}

/* --- a vector and a scalar ------------------------------------------------------------ */

struct scalar_operand {
	struct row_sink rows;
	struct eval *e;
	const struct promql_expr *expr;
	struct grid grid;
	const double *scalar;
	bool scalar_is_left;
	struct row *row;
	struct row_sink *sink;
};

static int operate_with_scalar(struct scalar_operand *self, struct point element, double scalar,
			       struct point *out, struct error *err)
{
	const struct promql_expr *expr = self->expr;
	enum promql_op op = expr->binary.op;
	struct point number = {POINT_FLOAT, scalar, NULL};
	bool keep;
	int rc = point_operate(self->e, op, self->scalar_is_left ? number : element,
			       self->scalar_is_left ? element : number, expr->pos, out, &keep, err);
	if (rc < 0 || out->kind == POINT_NONE)
		return rc; /* types that do not go together: nothing, not even with bool */
	if (is_comparison(op) && self->scalar_is_left)
		*out = element; /* a comparison filters the vector, whichever side it is on */
	if (expr->binary.return_bool)
		*out = truth(keep);
	else if (!keep)
		out->kind = POINT_NONE;
	return 0;
}

static int put_with_scalar(struct row_sink *rows, const struct row *in, struct error *err)
{
	struct scalar_operand *self = (struct scalar_operand *)rows;
	bool any = false;
	row_clear(self->row, self->grid);
	self->row->labels = in->labels;
	self->row->drop_name = in->drop_name || changes_metric(self->expr->binary.op) ||
			       self->expr->binary.return_bool;
	for (uint32_t i = 0; i < self->grid.count; i++) {
		struct point point;
		if (in->kind[i] == POINT_NONE)
			continue;
		int rc = operate_with_scalar(self, row_point(in, i), self->scalar[i], &point, err);
		if (rc == 0 && point.kind != POINT_NONE) {
			any = true;
			rc = row_set(self->e, self->row, self->grid, i, point, err);
		}
		if (rc < 0)
			return rc;
	}
	return any ? self->sink->put(self->sink, self->row, err) : 0;
}

static int vector_and_scalar(struct eval *e, const struct promql_expr *expr, struct grid grid,
			     struct row_sink *sink, struct error *err)
{
	bool left = expr->binary.left->type == PROMQL_TYPE_SCALAR;
	struct scalar_operand self = {.rows = {put_with_scalar},
				      .e = e,
				      .expr = expr,
				      .grid = grid,
				      .scalar_is_left = left,
				      .sink = sink};
	double *scalar = arena_array(e->arena, grid.count, sizeof(double));
	self.row = row_new(e, grid, err);
	if (!scalar || !self.row)
		return eval_over_budget(err);
	self.scalar = scalar;
	int rc = eval_scalar(e, left ? expr->binary.left : expr->binary.right, grid, scalar, err);
	if (rc < 0)
		return rc;
	return eval_vector(e, left ? expr->binary.right : expr->binary.left, grid, &self.rows, err);
}

/* --- which elements belong together --------------------------------------------------- */

/* One side's rows, and of each the number of its match group. */
struct side {
	struct table table;
	uint32_t *group;
};

/* Rows of one match group: numbers of the side's rows, one after another. */
struct groups {
	struct labels_index index; /* of the labels that count */
	uint32_t *
		first; /* by group: where its rows begin in `rows`; one more than there are groups */
	uint32_t *rows;
};

static const struct labels *match_labels(struct eval *e, const struct promql_matching *m,
					 const struct labels *labels)
{
	if (m->on)
		return labels_select(e->arena, labels, m->labels, m->label_count, true);
	labels = labels_select(e->arena, labels, m->labels, m->label_count, false);
	const struct slice name = SLICE("__name__");
	return labels ? labels_select(e->arena, labels, &name, 1, false) : NULL;
}

static int find_groups(struct eval *e, const struct promql_matching *m, struct side *side,
		       struct labels_index *index, struct error *err)
{
	side->group = arena_array(e->arena, side->table.count, sizeof(uint32_t));
	if (!side->group)
		return eval_over_budget(err);
	for (uint32_t i = 0; i < side->table.count; i++) {
		const struct labels *key = match_labels(e, m, side->table.rows[i].labels);
		side->group[i] = key ? labels_index_add(index, key) : LABELS_NONE;
		if (side->group[i] == LABELS_NONE)
			return eval_over_budget(err);
	}
	return 0;
}

static int eval_sides(struct eval *e, const struct promql_expr *expr, struct grid grid,
		      struct side *left, struct side *right, struct labels_index *index,
		      struct error *err)
{
	const struct promql_matching *m = expr->binary.matching;
	labels_index_init(index, e->arena);
	int rc = eval_table(e, expr->binary.left, grid, &left->table, err);
	if (rc == 0)
		rc = eval_table(e, expr->binary.right, grid, &right->table, err);
	if (rc == 0)
		rc = find_groups(e, m, left, index, err);
	if (rc == 0)
		rc = find_groups(e, m, right, index, err);
	return rc;
}

/* --- and, or, unless ------------------------------------------------------------------ */

/* For each group and step whether the side has an element there: group * steps + step. */
static uint8_t *presence(struct eval *e, const struct side *side, uint32_t groups, struct grid grid)
{
	size_t size = (size_t)groups * grid.count;
	uint8_t *present = arena_array(e->arena, size ? size : 1, 1);
	if (!present)
		return NULL;
	memset(present, 0, size);
	for (uint32_t i = 0; i < side->table.count; i++) {
		uint8_t *of_group = present + (size_t)side->group[i] * grid.count;
		for (uint32_t k = 0; k < grid.count; k++)
			of_group[k] |= side->table.rows[i].kind[k] != POINT_NONE;
	}
	return present;
}

/* Leaves of the side's rows what stands where the other side has (or has not) something. */
static int merge_masked(struct row_merge *merge, struct side *side, const uint8_t *present,
			bool wanted, struct error *err)
{
	struct grid grid = merge->grid;
	for (uint32_t i = 0; i < side->table.count; i++) {
		struct row *row = &side->table.rows[i];
		const uint8_t *of_group = present + (size_t)side->group[i] * grid.count;
		for (uint32_t k = 0; k < grid.count; k++) {
			if (of_group[k] != wanted)
				row->kind[k] = POINT_NONE;
		}
		if (row_is_empty(row, grid))
			continue;
		int rc = row_merge_add(merge, row, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int set_operation(struct eval *e, const struct promql_expr *expr, struct grid grid,
			 struct row_sink *sink, struct error *err)
{
	struct side left = {0}, right = {0};
	struct labels_index index;
	struct row_merge merge;
	row_merge_init(&merge, e, grid);
	int rc = eval_sides(e, expr, grid, &left, &right, &index, err);
	if (rc < 0)
		return rc;
	bool is_or = expr->binary.op == PROMQL_OR;
	const uint8_t *present = presence(e, is_or ? &left : &right, index.count, grid);
	if (!present)
		return eval_over_budget(err);
	if (!is_or)
		rc = merge_masked(&merge, &left, present, expr->binary.op == PROMQL_AND, err);
	for (uint32_t i = 0; is_or && rc == 0 && i < left.table.count; i++)
		rc = row_merge_add(&merge, &left.table.rows[i], err);
	if (is_or && rc == 0)
		rc = merge_masked(&merge, &right, present, false, err);
	return rc < 0 ? rc : row_merge_push(&merge, sink, err);
}

/* --- operators between elements ------------------------------------------------------- */

/* "many" is the left side but for group_right. */
struct matching_job {
	struct eval *e;
	const struct promql_expr *expr;
	const struct promql_matching *matching;
	struct grid grid;
	bool swapped;
	struct side many, one;
	struct groups many_groups, one_groups;
	struct labels_index index;
	struct row_merge merge;
	struct result *many_results, *one_results; /* by row; the latter where `many` has none */
	uint64_t *stamps; /* by row of the result: the group and step it was last made for */
	uint32_t stamp_count;
};

/* Where the pairs of a row go, as long as their other element is of one row. */
struct result {
	uint32_t other, row; /* LABELS_NONE: not known yet */
	bool known;
};

static int group_rows(struct eval *e, const struct side *side, uint32_t count,
		      struct groups *groups, struct error *err)
{
	groups->first = arena_array(e->arena, count + 2, sizeof(uint32_t));
	groups->rows = arena_array(e->arena, side->table.count + 1, sizeof(uint32_t));
	if (!groups->first || !groups->rows)
		return eval_over_budget(err);
	memset(groups->first, 0, (count + 2) * sizeof(uint32_t));
	for (uint32_t i = 0; i < side->table.count; i++)
		groups->first[side->group[i] + 2]++;
	for (uint32_t g = 2; g < count + 2; g++)
		groups->first[g] += groups->first[g - 1];
	for (uint32_t i = 0; i < side->table.count; i++)
		groups->rows[groups->first[side->group[i] + 1]++] = i;
	return 0;
}

static const struct labels *result_labels(struct matching_job *job, const struct labels *many,
					  const struct labels *one)
{
	struct arena *arena = job->e->arena;
	const struct promql_matching *m = job->matching;
	const struct labels *labels = many;
	if (changes_metric(job->expr->binary.op))
		labels = labels_without_name(arena, labels);
	if (labels && m->card == PROMQL_ONE_TO_ONE)
		labels = labels_select(arena, labels, m->labels, m->label_count, m->on);
	for (uint32_t i = 0; labels && i < m->include_count; i++)
		labels = labels_with(arena, labels, m->include[i], labels_get(one, m->include[i]));
	return labels;
}

static int duplicate_series(struct matching_job *job, uint32_t group, const struct labels *a,
			    const struct labels *b, struct error *err)
{
	struct buf first = BUF_INIT, second = BUF_INIT, key = BUF_INIT;
	labels_text(a, &first);
	labels_text(b, &second);
	labels_text(job->index.keys[group], &key);
	const char *one = buf_cstr(&first), *other = buf_cstr(&second);
	bool in_order = strcmp(one, other) <= 0;
	/* Two long label sets do not fit; what is to be done must be readable all the same. */
	int rc = error_set(err, STATUS_INVALID,
			   "found duplicate series for the match group %s on the %s hand-side of "
			   "the operation: [%s, %s];many-to-many matching not allowed: matching "
			   "labels must be unique on one side",
			   buf_cstr(&key), job->swapped ? "left" : "right", in_order ? one : other,
			   in_order ? other : one);
	buf_release(&first);
	buf_release(&second);
	buf_release(&key);
	return rc;
}

/* The one row of the group that has a point at the step; LABELS_NONE: there is none. */
static int find_one(struct matching_job *job, uint32_t group, uint32_t step, uint32_t *found,
		    struct error *err)
{
	const struct groups *g = &job->one_groups;
	*found = LABELS_NONE;
	for (uint32_t k = g->first[group]; k < g->first[group + 1]; k++) {
		uint32_t row = g->rows[k];
		if (job->one.table.rows[row].kind[step] == POINT_NONE)
			continue;
		if (*found != LABELS_NONE)
			return duplicate_series(job, group, job->one.table.rows[row].labels,
						job->one.table.rows[*found].labels, err);
		*found = row;
	}
	return 0;
}

/* An element of each side; a row LABELS_NONE: the side has none, and is filled. */
struct pair {
	uint32_t many, one; /* rows */
	uint32_t group, step;
};

static struct point element(const struct side *side, uint32_t row, uint32_t step, double fill)
{
	if (row == LABELS_NONE)
		return (struct point){POINT_FLOAT, fill, NULL};
	return row_point(&side->table.rows[row], step);
}

static bool grow_stamps(struct matching_job *job, uint32_t row)
{
	if (row < job->stamp_count)
		return true;
	uint32_t count = job->stamp_count ? job->stamp_count * 2 : 64;
	while (count <= row)
		count *= 2;
	uint64_t *stamps = arena_array(job->e->arena, count, sizeof(stamps[0]));
	if (!stamps)
		return false;
	if (job->stamp_count)
		memcpy(stamps, job->stamps, job->stamp_count * sizeof(stamps[0]));
	memset(stamps + job->stamp_count, 0, (count - job->stamp_count) * sizeof(stamps[0]));
	job->stamps = stamps;
	job->stamp_count = count;
	return true;
}

/* The number of the result's row, LABELS_NONE: over budget. */
static uint32_t result_row(struct matching_job *job, const struct pair *pair, struct error *err)
{
	bool filled = pair->many == LABELS_NONE;
	struct result *known =
		filled ? &job->one_results[pair->one] : &job->many_results[pair->many];
	uint32_t other = filled ? pair->many : pair->one;
	if (known->known && known->other == other)
		return known->row;
	const struct labels *key = job->index.keys[pair->group];
	const struct labels *many = filled ? key : job->many.table.rows[pair->many].labels;
	const struct labels *one =
		pair->one == LABELS_NONE ? key : job->one.table.rows[pair->one].labels;
	const struct labels *labels = result_labels(job, many, one);
	uint32_t row =
		labels ? row_merge_row(&job->merge, labels, job->expr->binary.return_bool, err)
		       : LABELS_NONE;
	if (row == LABELS_NONE || !grow_stamps(job, row)) {
		eval_over_budget(err);
		return LABELS_NONE;
	}
	*known = (struct result){other, row, true};
	return row;
}

/* Each result may be there once in a group and step. */
static int claim(struct matching_job *job, const struct pair *pair, uint32_t row, uint32_t *matched,
		 struct error *err)
{
	if (job->matching->card == PROMQL_ONE_TO_ONE && *matched)
		return error_set(
			err, STATUS_INVALID,
			"multiple matches for labels: many-to-one matching must be explicit "
			"(group_left/group_right)");
	uint64_t stamp = (uint64_t)pair->group * job->grid.count + pair->step + 1;
	if (job->matching->card != PROMQL_ONE_TO_ONE && job->stamps[row] == stamp)
		return error_set(err, STATUS_INVALID,
				 "multiple matches for labels: grouping labels must ensure unique "
				 "matches");
	job->stamps[row] = stamp;
	++*matched;
	return 0;
}

static int put_pair(struct matching_job *job, const struct pair *pair, uint32_t *matched,
		    struct error *err)
{
	const struct promql_expr *expr = job->expr;
	const struct promql_matching *m = job->matching;
	/* What fills a side is named after how the query was written. */
	struct point many = element(&job->many, pair->many, pair->step, m->fill_left);
	struct point one = element(&job->one, pair->one, pair->step, m->fill_right);
	struct point out;
	bool keep;
	int rc = point_operate(job->e, expr->binary.op, job->swapped ? one : many,
			       job->swapped ? many : one, expr->pos, &out, &keep, err);
	if (rc < 0 || out.kind == POINT_NONE)
		return rc; /* types that do not go together are no match */
	uint32_t row = result_row(job, pair, err);
	if (row == LABELS_NONE)
		return STATUS_LIMIT;
	rc = claim(job, pair, row, matched, err);
	if (rc < 0)
		return rc;
	if (expr->binary.return_bool)
		out = truth(keep);
	else if (!keep)
		return 0;
	return row_merge_set(&job->merge, row, pair->step, out, err);
}

static int match_group(struct matching_job *job, uint32_t group, uint32_t step, struct error *err)
{
	const struct groups *g = &job->many_groups;
	struct pair pair = {.group = group, .step = step};
	uint32_t matched = 0;
	int rc = find_one(job, group, step, &pair.one, err);
	if (rc < 0)
		return rc;
	bool can_match = pair.one != LABELS_NONE || job->matching->has_fill_right;
	for (uint32_t k = g->first[group]; can_match && k < g->first[group + 1]; k++) {
		pair.many = g->rows[k];
		if (job->many.table.rows[pair.many].kind[step] == POINT_NONE)
			continue;
		rc = put_pair(job, &pair, &matched, err);
		if (rc < 0)
			return rc;
	}
	pair.many = LABELS_NONE;
	if (!matched && pair.one != LABELS_NONE && job->matching->has_fill_left)
		return put_pair(job, &pair, &matched, err);
	return 0;
}

static int prepare_matching(struct matching_job *job, struct error *err)
{
	struct arena *arena = job->e->arena;
	uint32_t groups = job->index.count;
	int rc = group_rows(job->e, &job->many, groups, &job->many_groups, err);
	if (rc == 0)
		rc = group_rows(job->e, &job->one, groups, &job->one_groups, err);
	if (rc < 0)
		return rc;
	size_t many = (job->many.table.count + 1) * sizeof(struct result);
	size_t one = (job->one.table.count + 1) * sizeof(struct result);
	job->many_results = arena_alloc(arena, many);
	job->one_results = arena_alloc(arena, one);
	if (!job->many_results || !job->one_results)
		return eval_over_budget(err);
	memset(job->many_results, 0, many);
	memset(job->one_results, 0, one);
	return 0;
}

static int match_elements(struct eval *e, const struct promql_expr *expr, struct grid grid,
			  struct row_sink *sink, struct error *err)
{
	struct matching_job job = {
		.e = e, .expr = expr, .matching = expr->binary.matching, .grid = grid};
	struct side left = {0}, right = {0};
	row_merge_init(&job.merge, e, grid);
	int rc = eval_sides(e, expr, grid, &left, &right, &job.index, err);
	if (rc < 0)
		return rc;
	job.swapped = job.matching->card == PROMQL_ONE_TO_MANY;
	job.many = job.swapped ? right : left;
	job.one = job.swapped ? left : right;
	rc = prepare_matching(&job, err);
	for (uint32_t group = 0; rc == 0 && group < job.index.count; group++) {
		rc = eval_check(e, err);
		for (uint32_t step = 0; rc == 0 && step < grid.count; step++)
			rc = match_group(&job, group, step, err);
	}
	return rc < 0 ? rc : row_merge_push(&job.merge, sink, err);
}

int eval_binary(struct eval *e, const struct promql_expr *expr, struct grid grid,
		struct row_sink *sink, struct error *err)
{
	if (!expr->binary.matching) {
		struct hints hints = e->hints;
		e->hints.needs_buckets |= expr->binary.op == PROMQL_TRIM_UPPER ||
					  expr->binary.op == PROMQL_TRIM_LOWER;
		int rc = vector_and_scalar(e, expr, grid, sink, err);
		e->hints = hints;
		return rc;
	}
	if (expr->binary.op >= PROMQL_AND)
		return set_operation(e, expr, grid, sink, err);
	return match_elements(e, expr, grid, sink, err);
}
