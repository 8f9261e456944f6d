/*
 * The real ClickHouse in a test: libchdb, loaded when it can be found, on a temporary
 * directory. Found by TRIPOD_LIBCHDB, else under node_modules of the source root.
 */
#ifndef TRIPOD_TESTS_ENGINE_H
#define TRIPOD_TESTS_ENGINE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

/* False, with a message on stderr, when there is no libchdb. */
bool engine_open(void);
void engine_close(void);

/* Runs a statement; its answer in `format` goes to `out` (may be NULL). False: the error is printed. */
bool engine_query(const char *sql, const char *format, struct buf *out);
/* Runs INSERT INTO `table` with `bytes` in Native format. */
bool engine_insert(const char *table, struct slice bytes);

#endif
