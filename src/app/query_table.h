/*
 * Answers in ClickHouse's format JSONCompactEachRowWithNamesAndTypes as a table: a line of
 * names, a line of types, then a line a row.
 */
#ifndef TRIPOD_APP_QUERY_TABLE_H
#define TRIPOD_APP_QUERY_TABLE_H

#include "app/text_table.h"
#include "base/status.h"

struct query_table;

/* NULL: out of memory. */
struct query_table *query_table_new(const struct text_table_options *options);
void query_table_free(struct query_table *table);
/* A line without its end. INVALID when it is not of that format. */
int query_table_line(struct query_table *table, struct slice line, struct buf *out,
		     struct error *err);
/* The answer was whole: the rest of it. */
void query_table_end(struct query_table *table, struct buf *out);
size_t query_table_rows(const struct query_table *table);
/* What was not shown for lack of room, as a sentence; "" when all was. */
void query_table_append_note(const struct query_table *table, struct buf *out);

#endif
