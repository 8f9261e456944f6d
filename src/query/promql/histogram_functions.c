/*
 * histogram_quantile, histogram_quantiles and histogram_fraction: over native histograms, which
 * are points, and over classic ones, which are series that differ in their label `le`.
 *
 * Source: Prometheus' documentation, "Query functions"; annotations as Prometheus 3 gives them.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "lang/promql/quote.h"
#include "query/promql/classic_histogram.h"
#include "query/promql/instant_functions_int.h"
#include "query/promql/number_text.h"
#include "query/promql/row_merge.h"

#define MAX_QUANTILES 10

/* A series that is a bucket of a classic histogram. */
struct member {
	uint32_t group;
	double bound;
	const struct row *row;
};

/* The series of one classic histogram. */
struct bucket_group {
	const struct labels *labels; /* without `le` */
	const struct member *members; /* by bound, ascending */
	uint32_t count;
	const struct row *native; /* with the same labels; or NULL */
};

/* What is to be made of each histogram, and where it goes. */
struct job {
	struct eval *e;
	struct grid grid;
	struct promql_range pos; /* of the argument with the histograms */
	bool is_fraction;
	const double *lower, *upper; /* of a fraction, a value a step */
	uint32_t quantile_count;
	const double *quantiles[MAX_QUANTILES]; /* the same */
	struct slice quantile_label; /* "": there is but one */
	struct row_merge merge;

	struct table table;
	struct labels_index groups_by_labels;
	struct bucket_group *groups;
	struct classic_bucket *buckets; /* room for those of one step */
};

/* One histogram's result rows, by quantile: found again as long as the quantile is the same. */
struct outputs {
	const struct labels *labels;
	uint32_t row[MAX_QUANTILES]; /* LABELS_NONE: not known yet */
	double quantile[MAX_QUANTILES];
};

/* --- annotations ------------------------------------------------------------------------ */

/* ` for metric name "x"`, or nothing. The result is in the arena; "" when over budget. */
static const char *for_metric(struct eval *e, const struct labels *labels)
{
	const struct slice name = metric_name(labels);
	if (name.len == 0)
		return "";
	struct buf buf = BUF_INIT;
	buf_append_cstr(&buf, " for metric name ");
	promql_quote(name, &buf);
	const char *text = arena_strdup(e->arena, buf_slice(&buf));
	buf_release(&buf);
	return text ? text : "";
}

static void warn_bad_bound(struct job *job, const struct labels *labels, struct slice bound)
{
	struct buf buf = BUF_INIT;
	promql_quote(bound, &buf);
	annotations_add(&job->e->annotations, ANNOTATION_WARNING, job->pos,
			"bucket label \"le\" is missing or has a malformed value of %s%s",
			buf_cstr(&buf), for_metric(job->e, labels));
	buf_release(&buf);
}

static void warn_mixed(struct job *job, const struct labels *labels)
{
	annotations_add(&job->e->annotations, ANNOTATION_WARNING, job->pos,
			"vector contains a mix of classic and native histograms%s",
			for_metric(job->e, labels));
}

static void note_of_histogram(struct job *job, const struct labels *labels, const char *what)
{
	annotations_add(&job->e->annotations, ANNOTATION_INFO, job->pos, "input to %s%s", what,
			for_metric(job->e, labels));
}

/* Adds what is told of one step to what was told of those before. */
static void note_forced(struct job *job, const struct labels *labels, int64_t time,
			const struct classic_fixes *fixes)
{
	struct annotation *a = annotations_add(
		&job->e->annotations, ANNOTATION_INFO, job->pos,
		"input to histogram_quantile needed to be fixed for monotonicity (see "
		"https://prometheus.io/docs/prometheus/latest/querying/functions/"
		"#histogram_quantile)%s",
		for_metric(job->e, labels));
	if (!a)
		return;
	if (!a->has_detail) {
		a->has_detail = true;
		a->least_time = a->greatest_time = time;
		a->least_bucket = fixes->min_bucket;
		a->greatest_bucket = fixes->max_bucket;
		a->greatest_diff = fixes->max_difference;
		a->count = 1;
		return;
	}
	a->least_time = time < a->least_time ? time : a->least_time;
	a->greatest_time = time > a->greatest_time ? time : a->greatest_time;
	a->least_bucket = fmin(a->least_bucket, fixes->min_bucket);
	a->greatest_bucket = fmax(a->greatest_bucket, fixes->max_bucket);
	a->greatest_diff = fmax(a->greatest_diff, fixes->max_difference);
	a->count++;
}

static void check_quantiles(struct eval *e, struct grid grid, const double *quantiles,
			    struct promql_range pos)
{
	for (uint32_t i = 0; i < grid.count; i++) {
		const double q = quantiles[i];
		char text[GO_NUMBER_MAX];
		if (q >= 0 && q <= 1)
			continue;
		annotations_add(&e->annotations, ANNOTATION_WARNING, pos,
				"quantile value should be between 0 and 1, got %s",
				go_number(q, text));
	}
}

/* --- results ---------------------------------------------------------------------------- */

static struct outputs outputs_of(const struct labels *labels)
{
	struct outputs out = {.labels = labels};
	for (uint32_t k = 0; k < MAX_QUANTILES; k++)
		out.row[k] = LABELS_NONE;
	return out;
}

static const struct labels *labels_of_quantile(struct job *job, const struct labels *labels,
					       double quantile)
{
	char text[GO_NUMBER_MAX];
	go_number_openmetrics(quantile, text);
	const char *copy = arena_strdup(job->e->arena, slice_of(text));
	return copy ? labels_with(job->e->arena, labels, job->quantile_label, slice_of(copy))
		    : NULL;
}

static bool same_number(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

/* Sets a result of quantile `k` (0 of a fraction). */
static int put_result(struct job *job, struct outputs *out, uint32_t k, uint32_t step, double value,
		      struct error *err)
{
	const bool labelled = job->quantile_label.len > 0;
	const double q = labelled ? job->quantiles[k][step] : 0;
	if (out->row[k] == LABELS_NONE || !same_number(out->quantile[k], q)) {
		const struct labels *labels =
			labelled ? labels_of_quantile(job, out->labels, q) : out->labels;
		if (!labels)
			return eval_over_budget(err);
		out->row[k] = row_merge_row(&job->merge, labels, true, err);
		if (out->row[k] == LABELS_NONE)
			return STATUS_LIMIT;
		out->quantile[k] = q;
	}
	const struct point point = {.kind = POINT_FLOAT, .value = value};
	return row_merge_set(&job->merge, out->row[k], step, point, err);
}

/* --- native histograms ------------------------------------------------------------------ */

/* The observations in buckets; less than `count` when some were NaN, which no bucket holds. */
static double observations_in_buckets(const struct float_histogram *h)
{
	struct histogram_iterator it;
	struct histogram_bucket bucket;
	double sum = 0;
	histogram_iterator_init(&it, h, false);
	while (histogram_iterator_next(&it, &bucket))
		sum += bucket.count;
	return sum;
}

/* The bucket that has the quantile, and the observations up to and with it. */
static double find_rank(const struct float_histogram *h, double rank, struct histogram_bucket *out)
{
	struct histogram_iterator it;
	double sum = 0;
	*out = (struct histogram_bucket){0};
	histogram_iterator_init(&it, h, false);
	while (histogram_iterator_next(&it, out)) {
		sum += out->count;
		if (out->count != 0 && sum >= rank)
			break;
	}
	return sum;
}

static void note_quantile_of_nan(struct job *job, const struct labels *labels,
				 const struct float_histogram *h, double q)
{
	if (!isnan(h->sum) || h->count == 0 || !(q >= 0 && q <= 1))
		return;
	struct histogram_bucket bucket;
	const double rank = q * h->count;
	const double sum = fmin(find_rank(h, rank, &bucket), h->count);
	/* The outermost of custom buckets have but one bound, and that is the result. */
	if (histogram_is_custom(h) && ((bucket.lower == -INFINITY && bucket.upper <= 0) ||
				       (bucket.lower != -INFINITY && bucket.upper == INFINITY)))
		return;
	if (sum < rank)
		note_of_histogram(job, labels,
				  "histogram_quantile has NaN observations, result is NaN");
	else if (observations_in_buckets(h) < h->count)
		note_of_histogram(
			job, labels,
			"histogram_quantile has NaN observations, result is skewed higher");
}

static void note_fraction_of_nan(struct job *job, const struct labels *labels,
				 const struct float_histogram *h, double lower, double upper)
{
	if (!isnan(h->sum) || h->count == 0 || !(lower < upper))
		return;
	if (observations_in_buckets(h) < h->count)
		note_of_histogram(job, labels,
				  "histogram_fraction has NaN observations, which are excluded "
				  "from all fractions");
}

static int put_native(struct job *job, struct outputs *out, const struct float_histogram *h,
		      uint32_t step, struct error *err)
{
	if (job->is_fraction) {
		const double lower = job->lower[step], upper = job->upper[step];
		note_fraction_of_nan(job, out->labels, h, lower, upper);
		return put_result(job, out, 0, step, histogram_fraction(h, lower, upper), err);
	}
	int rc = 0;
	for (uint32_t k = 0; !rc && k < job->quantile_count; k++) {
		const double q = job->quantiles[k][step];
		note_quantile_of_nan(job, out->labels, h, q);
		rc = put_result(job, out, k, step, histogram_quantile(h, q), err);
	}
	return rc;
}

/* --- classic histograms ----------------------------------------------------------------- */

bool bucket_bound(struct slice text, double *out)
{
	char copy[64];
	/* What strtod reads and Prometheus does not: space before it, nan(…). */
	if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.ptr, '(', text.len) ||
	    memchr(text.ptr, 0, text.len) || (unsigned char)text.ptr[0] <= ' ')
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = 0;
	char *end;
	errno = 0;
	const double value = strtod(copy, &end);
	if (*end || (errno == ERANGE && isinf(value)))
		return false;
	*out = value;
	return true;
}

static bool has_floats(const struct row *row, struct grid grid)
{
	for (uint32_t i = 0; i < grid.count; i++) {
		if (row->kind[i] == POINT_FLOAT)
			return true;
	}
	return false;
}

static int compare_members(const void *left, const void *right)
{
	const struct member *a = left, *b = right;
	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	if (a->bound != b->bound)
		return a->bound < b->bound ? -1 : 1;
	/* The sums of equal bounds do not depend on where qsort puts them. */
	return (a->row > b->row) - (a->row < b->row);
}

/* The buckets among the rows, by histogram. Returns how many there are, or a status. */
static int find_members(struct job *job, struct member *members, uint32_t *count, struct error *err)
{
	const struct slice le = SLICE("le");
	*count = 0;
	for (uint32_t i = 0; i < job->table.count; i++) {
		const struct row *row = &job->table.rows[i];
		if (!has_floats(row, job->grid))
			continue;
		const struct slice text = labels_get(row->labels, le);
		double bound;
		if (!bucket_bound(text, &bound)) {
			warn_bad_bound(job, row->labels, text);
			continue;
		}
		const struct labels *labels =
			labels_select(job->e->arena, row->labels, &le, 1, false);
		const uint32_t group =
			labels ? labels_index_add(&job->groups_by_labels, labels) : LABELS_NONE;
		if (group == LABELS_NONE)
			return eval_over_budget(err);
		members[(*count)++] = (struct member){group, bound, row};
	}
	qsort(members, *count, sizeof(*members), compare_members);
	return 0;
}

static int find_groups(struct job *job, struct error *err)
{
	struct arena *arena = job->e->arena;
	labels_index_init(&job->groups_by_labels, arena);
	const uint32_t rows = job->table.count;
	struct member *members = arena_array(arena, rows ? rows : 1, sizeof(*members));
	if (!members)
		return eval_over_budget(err);
	uint32_t count;
	int rc = find_members(job, members, &count, err);
	if (rc)
		return rc;
	const uint32_t groups = job->groups_by_labels.count;
	job->groups = arena_array(arena, groups ? groups : 1, sizeof(*job->groups));
	job->buckets = arena_array(arena, count ? count : 1, sizeof(*job->buckets));
	if (!job->groups || !job->buckets)
		return eval_over_budget(err);
	for (uint32_t g = 0; g < groups; g++)
		job->groups[g] = (struct bucket_group){.labels = job->groups_by_labels.keys[g]};
	for (uint32_t i = 0; i < count; i++) {
		struct bucket_group *group = &job->groups[members[i].group];
		if (group->count++ == 0)
			group->members = &members[i];
	}
	return 0;
}

static bool has_bucket(const struct bucket_group *group, uint32_t step)
{
	for (uint32_t i = 0; i < group->count; i++) {
		if (group->members[i].row->kind[step] == POINT_FLOAT)
			return true;
	}
	return false;
}

/* Those of one step, ascending, into job->buckets. */
static uint32_t collect_buckets(struct job *job, const struct bucket_group *group, uint32_t step)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < group->count; i++) {
		const struct member *m = &group->members[i];
		if (m->row->kind[step] == POINT_FLOAT)
			job->buckets[count++] =
				(struct classic_bucket){m->bound, m->row->value[step]};
	}
	return count;
}

static int put_classic(struct job *job, const struct bucket_group *group, struct outputs *out,
		       uint32_t step, struct error *err)
{
	if (job->is_fraction) {
		const uint32_t count = collect_buckets(job, group, step);
		const double fraction =
			classic_fraction(job->lower[step], job->upper[step], job->buckets, count);
		return put_result(job, out, 0, step, fraction, err);
	}
	int rc = 0;
	bool noted = false; /* once a step, however many quantiles there are */
	for (uint32_t k = 0; !rc && k < job->quantile_count; k++) {
		/* Anew for each: they are mended in place. */
		const uint32_t count = collect_buckets(job, group, step);
		struct classic_fixes fixes;
		const double value =
			classic_quantile(job->quantiles[k][step], job->buckets, count, &fixes);
		if (fixes.forced_monotonic && !noted)
			note_forced(job, out->labels, grid_time(job->grid, step), &fixes);
		noted = noted || fixes.forced_monotonic;
		rc = put_result(job, out, k, step, value, err);
	}
	return rc;
}

/* --- both ------------------------------------------------------------------------------- */

static int put_native_row(struct job *job, const struct row *row, struct error *err)
{
	struct outputs out = outputs_of(row->labels);
	const uint32_t number = labels_index_find(&job->groups_by_labels, row->labels);
	struct bucket_group *group = number == LABELS_NONE ? NULL : &job->groups[number];
	if (group)
		group->native = row;
	for (uint32_t i = 0; i < job->grid.count; i++) {
		if (row->kind[i] != POINT_HISTOGRAM)
			continue;
		if (group && has_bucket(group, i)) {
			warn_mixed(job, row->labels);
			continue;
		}
		int rc = put_native(job, &out, row->histogram[i], i, err);
		if (rc)
			return rc;
	}
	return eval_check(job->e, err);
}

static int put_group(struct job *job, const struct bucket_group *group, struct error *err)
{
	struct outputs out = outputs_of(group->labels);
	for (uint32_t i = 0; i < job->grid.count; i++) {
		if (group->native && group->native->kind[i] == POINT_HISTOGRAM)
			continue;
		int rc = has_bucket(group, i) ? put_classic(job, group, &out, i, err) : 0;
		if (rc)
			return rc;
	}
	return eval_check(job->e, err);
}

static int run_job(struct job *job, const struct promql_expr *arg, struct row_sink *sink,
		   struct error *err)
{
	row_merge_init(&job->merge, job->e, job->grid);
	int rc = eval_table(job->e, arg, job->grid, &job->table, err);
	if (!rc)
		rc = find_groups(job, err);
	for (uint32_t i = 0; !rc && i < job->table.count; i++) {
		if (job->table.rows[i].histogram)
			rc = put_native_row(job, &job->table.rows[i], err);
	}
	for (uint32_t g = 0; !rc && g < job->groups_by_labels.count; g++)
		rc = put_group(job, &job->groups[g], err);
	return rc ? rc : row_merge_push(&job->merge, sink, err);
}

/* The values of a scalar argument, a value a step. */
static int scalar_argument(struct eval *e, const struct promql_expr *call, uint32_t arg,
			   struct grid grid, const double **out, struct error *err)
{
	double *values = arena_array(e->arena, grid.count, sizeof(*values));
	if (!values)
		return eval_over_budget(err);
	*out = values;
	return eval_scalar(e, call->call.args[arg], grid, values, err);
}

int call_histogram_quantile(struct eval *e, const struct promql_expr *call, struct grid grid,
			    struct row_sink *sink, struct error *err)
{
	struct job job = {.e = e, .grid = grid, .pos = arg_pos(call, 1), .quantile_count = 1};
	int rc = scalar_argument(e, call, 0, grid, &job.quantiles[0], err);
	if (rc)
		return rc;
	check_quantiles(e, grid, job.quantiles[0], arg_pos(call, 0));
	return run_job(&job, call->call.args[1], sink, err);
}

int call_histogram_quantiles(struct eval *e, const struct promql_expr *call, struct grid grid,
			     struct row_sink *sink, struct error *err)
{
	struct job job = {
		.e = e,
		.grid = grid,
		.pos = arg_pos(call, 0),
		.quantile_count = call->call.arg_count - 2,
		.quantile_label = eval_string(call->call.args[1]),
	};
	for (uint32_t k = 0; k < job.quantile_count; k++) {
		int rc = scalar_argument(e, call, k + 2, grid, &job.quantiles[k], err);
		if (rc)
			return rc;
		check_quantiles(e, grid, job.quantiles[k], arg_pos(call, k + 2));
	}
	return run_job(&job, call->call.args[0], sink, err);
}

int call_histogram_fraction(struct eval *e, const struct promql_expr *call, struct grid grid,
			    struct row_sink *sink, struct error *err)
{
	struct job job = {.e = e, .grid = grid, .pos = arg_pos(call, 2), .is_fraction = true};
	int rc = scalar_argument(e, call, 0, grid, &job.lower, err);
	if (!rc)
		rc = scalar_argument(e, call, 1, grid, &job.upper, err);
	return rc ? rc : run_job(&job, call->call.args[2], sink, err);
}
