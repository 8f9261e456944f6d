/*
 * A table for a terminal: columns aligned by what characters take up there (East Asian
 * wide ones two cells, combining ones none), cut to the terminal's width. The first rows
 * decide the widths, so that any number of rows can follow.
 *
 * Nothing that was stored reaches the terminal as a command: control characters are shown
 * as symbols.
 */
#ifndef TRIPOD_APP_TEXT_TABLE_H
#define TRIPOD_APP_TEXT_TABLE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"

enum text_style { TEXT_PLAIN, TEXT_DIM, TEXT_BOLD, TEXT_GOOD, TEXT_BAD, TEXT_WARN };

struct text_cell {
	struct slice text; /* UTF-8; what is not is shown as U+FFFD */
	enum text_style style;
};

struct text_column {
	struct slice name;
	bool right; /* aligned: for numbers */
};

struct text_table_options {
	unsigned width; /* cells of a line; 0: no limit */
	bool colour;
	const char *indent; /* before each line; NULL: none */
};

struct text_table;

/* `columns` are copied. NULL: out of memory. */
struct text_table *text_table_new(const struct text_column *columns, size_t count,
				  const struct text_table_options *options);
void text_table_free(struct text_table *table);
/*
 * Adds a row of as many cells as there are columns. Rows are kept until there are enough to
 * decide the widths; from then on they are appended to `out` at once.
 */
void text_table_row(struct text_table *table, const struct text_cell *cells, struct buf *out);
/* No more rows will come: appends what is kept, the head of an empty table too. */
void text_table_end(struct text_table *table, struct buf *out);
/* How many columns were left out, and cells were cut, to fit the width. */
size_t text_table_columns_hidden(const struct text_table *table);
size_t text_table_cells_cut(const struct text_table *table);

/* Cells that the text takes up, shown as above. */
size_t text_width(struct slice text);
/* Appends `text` in `style`; as it is when there is no colour. */
void text_append_styled(struct buf *out, const char *text, enum text_style style, bool colour);

#endif
