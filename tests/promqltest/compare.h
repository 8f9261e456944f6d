/* What a query answered against what the script expects. */
#ifndef PROMQLTEST_COMPARE_H
#define PROMQLTEST_COMPARE_H

#include "base/buf.h"
#include "query/promql/engine.h"
#include "script.h"

/* Each false when it is not as expected; `why` then says it. `arena` is for what comes up. */
bool compare_result(const struct eval_command *eval, const struct promql_result *result,
		    struct arena *arena, struct buf *why);
/* The step `at` of a range query's result, as if it were that of an instant query. */
bool compare_step(const struct eval_command *eval, const struct promql_result *result,
		  enum promql_type type, uint32_t at, struct arena *arena, struct buf *why);
/* `query` is the text that ran: annotations point into it. */
bool compare_annotations(const struct eval_command *eval, const struct promql_result *result,
			 struct slice query, struct buf *why);
bool compare_failure(const struct eval_command *eval, const struct error *actual, struct buf *why);

#endif
