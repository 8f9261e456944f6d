#include "run.h"

#include "at_rewrite.h"
#include "compare.h"

#define QUERY_BUDGET ((size_t)256 << 20)
#define MINUTE 60000 /* ms */
#define LOOKBACK (5 * MINUTE)

/* A query to run: of the script, or made of it. */
struct attempt {
	struct slice text;
	int64_t time;
};

struct runner {
	const struct eval_command *eval;
	struct series_source *source;
	struct arena arena; /* of one query */
	struct buf *why;
};

static int execute(struct runner *r, struct promql_result *result, struct slice text, int64_t start,
		   int64_t end, int64_t step, struct error *err)
{
	struct promql_query query = {
		.text = text,
		.start = start,
		.end = end,
		.step = step,
		.limits = {.lookback = LOOKBACK, .subquery_step = MINUTE},
	};
	*err = (struct error){0};
	arena_clear(&r->arena);
	return promql_run(result, &r->arena, r->source, &query, err);
}

/* Whether the query's status is as expected; false and nothing in `why`: it failed as it should. */
static bool check_status(struct runner *r, int status, const struct error *err)
{
	if (status == 0 && !r->eval->fail)
		return true;
	if (status == 0)
		buf_append_cstr(r->why, "expected failure, got a result");
	else if (!r->eval->fail)
		buf_appendf(r->why, "failed: %s", err->message);
	else
		compare_failure(r->eval, err, r->why);
	return false;
}

static bool run_range(struct runner *r)
{
	const struct eval_command *eval = r->eval;
	struct promql_result result;
	struct error err;
	int status = execute(r, &result, eval->expr, eval->start, eval->end, eval->step, &err);
	if (!check_status(r, status, &err))
		return r->why->len == 0;
	return compare_annotations(eval, &result, eval->expr, r->why) &&
	       compare_result(eval, &result, &r->arena, r->why);
}

static bool contains(struct slice text, const char *word)
{
	return memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

/* start(), end(), range() and step() are others in a range query. */
static bool knows_the_range(struct slice text)
{
	return contains(text, "start()") || contains(text, "end()") || contains(text, "range()") ||
	       contains(text, "step()");
}

/* The same as the middle step of a range query. */
static bool run_as_range(struct runner *r, const struct attempt *attempt, enum promql_type type)
{
	struct promql_result result;
	struct error err;
	int status = execute(r, &result, attempt->text, attempt->time - MINUTE,
			     attempt->time + MINUTE, MINUTE, &err);
	if (status) {
		buf_appendf(r->why, "failed: %s [as a range query]", err.message);
		return false;
	}
	if (r->eval->ordered)
		return true;
	if (compare_step(r->eval, &result, type, 1, &r->arena, r->why))
		return true;
	buf_append_cstr(r->why, " [as a range query]");
	return false;
}

static bool run_instant(struct runner *r, const struct attempt *attempt)
{
	struct promql_result result;
	struct error err;
	int status = execute(r, &result, attempt->text, attempt->time, attempt->time, 0, &err);
	if (!check_status(r, status, &err))
		return r->why->len == 0;
	if (!compare_annotations(r->eval, &result, attempt->text, r->why) ||
	    !compare_result(r->eval, &result, &r->arena, r->why))
		return false;
	if (r->eval->only_instant || knows_the_range(attempt->text))
		return true;
	return run_as_range(r, attempt, result.type);
}

/* With the evaluation's time in each selector, the result is the same at any time. */
static bool run_pinned(struct runner *r, struct arena *arena)
{
	int64_t time = r->eval->time;
	int64_t times[] = {-10 * time, 0, time / 5, time, 10 * time};
	uint32_t count = time ? 5 : 3;
	struct buf text = BUF_INIT;
	bool good = true;
	if (time == 0) {
		times[0] = -1000;
		times[1] = 0;
		times[2] = 1000;
	}
	if (at_rewrite(&text, arena, r->eval->expr, time)) {
		for (uint32_t i = 0; i < count && good; i++) {
			struct attempt attempt = {buf_slice(&text), times[i]};
			good = run_instant(r, &attempt);
			if (!good)
				buf_appendf(r->why, " [of %s at %lldms]", buf_cstr(&text),
					    (long long)times[i]);
		}
	}
	buf_release(&text);
	return good;
}

bool run_eval(const struct eval_command *eval, struct series_source *source, struct buf *why)
{
	struct runner r = {.eval = eval, .source = source, .why = why};
	struct arena rewriting;
	bool good;
	arena_init(&r.arena, QUERY_BUDGET);
	arena_init(&rewriting, QUERY_BUDGET);
	if (eval->range) {
		good = run_range(&r);
	} else {
		struct attempt attempt = {eval->expr, eval->time};
		good = run_instant(&r, &attempt) && run_pinned(&r, &rewriting);
	}
	arena_release(&rewriting);
	arena_release(&r.arena);
	return good;
}
