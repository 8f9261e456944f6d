/* Durations of a query's text that are expressions, such as [step() * 2]. */
#include <math.h>

#include "query/promql/eval.h"

static int wrong(const struct promql_duration *d, const char *what, struct error *err)
{
	return error_set(err, STATUS_INVALID, "%u:%u: %s", d->pos.start, d->pos.end, what);
}

static int evaluate(struct eval *e, const struct promql_duration *d, double *out, struct error *err)
{
	double left = 0, right = 0;
	int rc = d->left ? evaluate(e, d->left, &left, err) : 0;
	if (rc == 0 && d->right)
		rc = evaluate(e, d->right, &right, err);
	if (rc < 0)
		return rc;
	switch (d->op) {
	case PROMQL_DURATION_NUMBER:
		*out = d->seconds;
		return 0;
	case PROMQL_DURATION_STEP:
		*out = (double)e->query->step / 1000;
		return 0;
	case PROMQL_DURATION_RANGE:
		*out = (double)(e->query->end - e->query->start) / 1000;
		return 0;
	case PROMQL_DURATION_ADD:
		*out = left + right;
		return 0;
	case PROMQL_DURATION_SUB:
		*out = left - right;
		return 0;
	case PROMQL_DURATION_MUL:
		*out = left * right;
		return 0;
	case PROMQL_DURATION_DIV:
		*out = left / right;
		return right == 0 ? wrong(d, "division by zero", err) : 0;
	case PROMQL_DURATION_MOD:
		*out = fmod(left, right);
		return right == 0 ? wrong(d, "modulo by zero", err) : 0;
	case PROMQL_DURATION_POW:
		*out = pow(left, right);
		return 0;
	case PROMQL_DURATION_MIN:
		*out = fmin(left, right);
		return 0;
	case PROMQL_DURATION_MAX:
		*out = fmax(left, right);
		return 0;
	}
	return wrong(d, "unexpected duration expression", err);
}

int eval_duration(struct eval *e, int64_t plain, const struct promql_duration *expr,
		  bool may_be_negative, int64_t *ms, struct error *err)
{
	*ms = plain;
	if (!expr)
		return 0;
	double seconds;
	int rc = evaluate(e, expr, &seconds, err);
	if (rc < 0)
		return rc;
	if (isnan(seconds) || isinf(seconds))
		return wrong(expr, "duration is NaN or infinite", err);
	if (seconds <= 0 && !may_be_negative)
		return wrong(expr, "duration must be greater than 0", err);
	/* What Go's time.Duration holds: 64 bits of nanoseconds. */
	if (fabs(seconds) > 9223372036.854775807)
		return wrong(expr, "duration is out of range", err);
	*ms = (int64_t)(seconds * 1000);
	return 0;
}
