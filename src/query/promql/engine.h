/*
 * Evaluates PromQL over a source of series.
 *
 * Source: Prometheus' documentation, "Querying Prometheus"; where it is silent, how Prometheus 3
 * behaves with every feature of the language on (delayed removal of names included).
 */
#ifndef TRIPOD_QUERY_PROMQL_ENGINE_H
#define TRIPOD_QUERY_PROMQL_ENGINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "query/labels.h"
#include "query/promql/annotations.h"
#include "query/promql/row.h"
#include "query/series_source.h"

struct promql_limits {
	int64_t deadline; /* monotonic ns; 0: none */
	const atomic_bool *cancelled; /* or NULL */
	uint64_t samples; /* that may be looked at; 0: no limit */
	int64_t lookback; /* ms; 0: five minutes */
	int64_t subquery_step; /* ms, where a subquery has none; 0: a minute */
};

struct promql_query {
	struct slice text;
	int64_t start, end; /* ms; equal in an instant query */
	int64_t step; /* ms; 0: an instant query */
	struct promql_limits limits;
};

/* A series of a range vector, which only an instant query can have as its result. */
struct promql_points {
	const struct labels *labels;
	struct samples samples;
};

struct promql_result {
	enum promql_type type; /* of a range query: MATRIX always */
	struct grid grid;
	struct row *rows; /* VECTOR, and MATRIX of a range query: then sorted by labels */
	uint32_t row_count;
	struct promql_points *points; /* MATRIX of an instant query, sorted by labels */
	uint32_t point_count;
	double scalar;
	struct slice string;
	struct annotations annotations;
	uint64_t samples_seen;
};

/*
 * Everything of the result is in `arena`, whose budget is the query's memory. INVALID: the
 * query is wrong; LIMIT, TIMEOUT, CANCELLED, IO.
 */
int promql_run(struct promql_result *out, struct arena *arena, struct series_source *source,
	       const struct promql_query *query, struct error *err);

#endif
