/* Which of PromQL's functions the scripts evaluate. */
#ifndef PROMQLTEST_COVERAGE_H
#define PROMQLTEST_COVERAGE_H

#include "lang/promql/functions.h"
#include "script.h"

struct coverage {
	bool called[PROMQL_FUNCTION_COUNT];
};

/* Adds the functions that the script's `eval`s call and that do not fail. */
void coverage_add(struct coverage *coverage, const struct script *script, struct arena *arena);

#endif
