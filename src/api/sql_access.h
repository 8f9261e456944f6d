/*
 * What SQL of a user's may be: one statement that reads, from the telemetry database and
 * the system tables that clients need.
 *
 * libchdb has no users and grants, so this is decided from the statement's tokens, before
 * the engine (with readonly=1, which cannot be undone) sees it. On a ClickHouse server of
 * the user's own its grants hold as well.
 */
#ifndef TRIPOD_API_SQL_ACCESS_H
#define TRIPOD_API_SQL_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "base/status.h"

/* The value of a {name:Type} placeholder. */
struct sql_param {
	struct slice name, value;
};

/*
 * 0 when `sql` may run. Otherwise the message is ClickHouse's ("Code: 164. DB::Exception:
 * … (READONLY)"): not a statement that reads, another database, a function or a table that
 * is not for users, a syntax error. `*empty`: there is no statement at all.
 */
int sql_access_check(struct slice sql, const char *database, const struct sql_param *params,
		     size_t param_count, bool *empty, struct error *err);

#endif
