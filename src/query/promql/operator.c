/* Binary operators on single values. */
#include <math.h>

#include "lang/promql/print.h"
#include "query/promql/eval.h"

static bool is_comparison(enum promql_op op)
{
	return op >= PROMQL_EQL && op <= PROMQL_LTE;
}

double scalar_operate(enum promql_op op, double left, double right)
{
	switch (op) {
	case PROMQL_ADD:
		return left + right;
	case PROMQL_SUB:
		return left - right;
	case PROMQL_MUL:
		return left * right;
	case PROMQL_DIV:
		return left / right;
	case PROMQL_MOD:
		return fmod(left, right);
	case PROMQL_POW:
		return pow(left, right);
	case PROMQL_ATAN2:
		return atan2(left, right);
	case PROMQL_EQL:
		return left == right;
	case PROMQL_NEQ:
		return left != right;
	case PROMQL_GTR:
		return left > right;
	case PROMQL_LSS:
		return left < right;
	case PROMQL_GTE:
		return left >= right;
	case PROMQL_LTE:
		return left <= right;
	case PROMQL_TRIM_UPPER:
	case PROMQL_TRIM_LOWER:
	case PROMQL_AND:
	case PROMQL_OR:
	case PROMQL_UNLESS:
		break;
	}
	return NAN; /* the parser lets none of them stand between scalars */
}

/* Types that the operator does not take: no result, and a word about it. */
static void note_types(struct eval *e, enum promql_op op, struct point left, struct point right,
		       struct promql_range pos)
{
	const char *a = left.kind == POINT_HISTOGRAM ? "histogram" : "float";
	const char *b = right.kind == POINT_HISTOGRAM ? "histogram" : "float";
	const char *text = promql_op_text(op);
	annotations_add(
		&e->annotations, ANNOTATION_INFO, pos,
		"incompatible sample types encountered for binary operator \"%s\": %s %s %s", text,
		a, text, b);
}

static void note_sum(struct eval *e, const struct histogram_notes *notes, const char *what,
		     struct promql_range pos)
{
	if (notes->reset_collision)
		annotations_add(&e->annotations, ANNOTATION_WARNING, pos,
				"conflicting counter resets during histogram %s", what);
	else if (notes->bounds_reconciled)
		annotations_add(&e->annotations, ANNOTATION_INFO, pos,
				"mismatched custom buckets were reconciled during %s", what);
}

static int finish(struct eval *e, const struct float_histogram *h, struct point *out, bool *keep,
		  struct error *err)
{
	h = h ? histogram_compact(e->arena, h) : NULL;
	if (!h)
		return eval_over_budget(err);
	*out = (struct point){.kind = POINT_HISTOGRAM, .histogram = h};
	*keep = true;
	return 0;
}

static int two_histograms(struct eval *e, enum promql_op op, struct point left, struct point right,
			  struct promql_range pos, struct point *out, bool *keep, struct error *err)
{
	struct histogram_notes notes = {0};
	struct float_histogram *result;
	if (op == PROMQL_EQL || op == PROMQL_NEQ) {
		*out = left;
		*keep = histogram_equal(left.histogram, right.histogram) == (op == PROMQL_EQL);
		return 0;
	}
	if (op != PROMQL_ADD && op != PROMQL_SUB) {
		note_types(e, op, left, right, pos);
		return 0;
	}
	if (histogram_incompatible(left.histogram, right.histogram)) {
		annotations_add(&e->annotations, ANNOTATION_WARNING, pos,
				"incompatible bucket layout encountered for binary operator %s",
				promql_op_text(op));
		return 0;
	}
	result = op == PROMQL_ADD
			 ? histogram_add(e->arena, left.histogram, right.histogram, &notes)
			 : histogram_sub(e->arena, left.histogram, right.histogram, &notes);
	if (result && op == PROMQL_SUB)
		result->hint = RESET_GAUGE;
	note_sum(e, &notes, op == PROMQL_ADD ? "addition" : "subtraction", pos);
	return finish(e, result, out, keep, err);
}

static int histogram_and_float(struct eval *e, enum promql_op op, struct point left,
			       struct point right, struct promql_range pos, struct point *out,
			       bool *keep, struct error *err)
{
	const struct float_histogram *h = left.histogram;
	switch (op) {
	case PROMQL_MUL:
		return finish(e, histogram_mul(e->arena, h, right.value), out, keep, err);
	case PROMQL_DIV:
		return finish(e, histogram_div(e->arena, h, right.value), out, keep, err);
	case PROMQL_TRIM_UPPER:
	case PROMQL_TRIM_LOWER:
		h = histogram_trim(e->arena, h, right.value, op == PROMQL_TRIM_UPPER);
		return finish(e, h, out, keep, err);
	default:
		note_types(e, op, left, right, pos);
		return 0;
	}
}

int point_operate(struct eval *e, enum promql_op op, struct point left, struct point right,
		  struct promql_range pos, struct point *out, bool *keep, struct error *err)
{
	*out = (struct point){POINT_NONE, 0, NULL};
	*keep = false;
	if (left.kind == POINT_HISTOGRAM && right.kind == POINT_HISTOGRAM)
		return two_histograms(e, op, left, right, pos, out, keep, err);
	if (left.kind == POINT_HISTOGRAM)
		return histogram_and_float(e, op, left, right, pos, out, keep, err);
	if (right.kind == POINT_HISTOGRAM && op == PROMQL_MUL)
		return histogram_and_float(e, op, right, left, pos, out, keep, err);
	if (right.kind == POINT_HISTOGRAM || op == PROMQL_TRIM_UPPER || op == PROMQL_TRIM_LOWER) {
		note_types(e, op, left, right, pos);
		return 0;
	}
	double value = scalar_operate(op, left.value, right.value);
	*keep = !is_comparison(op) || value != 0;
	*out = (struct point){.kind = POINT_FLOAT, .value = is_comparison(op) ? left.value : value};
	return 0;
}
