/* Runs an `eval` of a script in all the ways in which its result must be the same. */
#ifndef PROMQLTEST_RUN_H
#define PROMQLTEST_RUN_H

#include "base/buf.h"
#include "query/series_source.h"
#include "script.h"

/*
 * As it stands; an instant query also as a range query around its time, and both again at other
 * times with its own time written into each selector by @. False: `why` says what is not as
 * expected.
 */
bool run_eval(const struct eval_command *eval, struct series_source *source, struct buf *why);

#endif
