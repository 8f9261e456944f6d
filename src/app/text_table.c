#include "app/text_table.h"

#include <locale.h>
#include <stdlib.h>
#include <wchar.h>

/* Enough to see how wide columns are, little enough to wait for. */
#define KEPT_ROWS 500
#define KEPT_BYTES ((size_t)4 << 20)
#define GAP 2
/* No column is cut below this. */
#define LEAST_WIDTH 8
/* Of one cell that is shown; it may be megabytes. */
#define MOST_WIDTH 4096

struct text_table {
	struct text_table_options options;
	locale_t locale;
	struct arena arena; /* columns, and the rows that are kept */
	struct text_column *columns;
	size_t *widths;
	size_t count, shown; /* columns */
	bool decided; /* the widths are */
	struct text_cell **rows;
	size_t row_count, kept_bytes, cut;
};

/* --- characters --------------------------------------------------------------------- */

/* glibc's tables of widths are those of a UTF-8 locale; the program's own stays "C". */
static locale_t new_locale(void)
{
	return newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

struct glyph {
	const char *bytes;
	size_t len; /* of `bytes` */
	size_t taken; /* of the text */
	size_t width;
};

static struct glyph control_glyph(unsigned char c)
{
	/* U+2400 and on are pictures of the control characters. */
	static const char pictures[33][4] = {"␀", "␁", "␂", "␃", "␄", "␅", "␆", "␇", "␈", "␉", "↵",
					     "␋", "␌", "␍", "␎", "␏", "␐", "␑", "␒", "␓", "␔", "␕",
					     "␖", "␗", "␘", "␙", "␚", "␛", "␜", "␝", "␞", "␟", "␡"};
	return (struct glyph){pictures[c < 32 ? c : 32], 3, 1, 1};
}

static struct glyph next_glyph(struct slice text)
{
	static const struct glyph replacement = {"\xEF\xBF\xBD", 3, 1, 1};
	unsigned char c = (unsigned char)*text.ptr;
	if (c < 32 || c == 127)
		return control_glyph(c);
	if (c < 127)
		return (struct glyph){text.ptr, 1, 1, 1};
	wchar_t wide;
	mbstate_t state = {0};
	size_t n = mbrtowc(&wide, text.ptr, text.len, &state);
	if (n == 0 || n > text.len)
		return replacement;
	int width = wcwidth(wide);
	if (width < 0) {
		/* A control character of Latin-1, or one that is not assigned. */
		struct glyph unknown = replacement;
		unknown.taken = n;
		return unknown;
	}
	return (struct glyph){text.ptr, n, n, (size_t)width};
}

static size_t measure(struct slice text, size_t most)
{
	size_t width = 0;
	while (text.len && width <= most) {
		struct glyph g = next_glyph(text);
		width += g.width;
		text.ptr += g.taken;
		text.len -= g.taken;
	}
	return width;
}

size_t text_width(struct slice text)
{
	locale_t locale = new_locale(), before = uselocale(locale);
	size_t width = measure(text, SIZE_MAX - 1);
	uselocale(before);
	if (locale)
		freelocale(locale);
	return width;
}

/* --- styles ------------------------------------------------------------------------- */

static const char *style_code(enum text_style style)
{
	static const char *const codes[] = {"",         "\033[2m",  "\033[1m",
					    "\033[32m", "\033[31m", "\033[33m"};
	return codes[style];
}

void text_append_styled(struct buf *out, const char *text, enum text_style style, bool colour)
{
	bool on = colour && style != TEXT_PLAIN;
	buf_appendf(out, "%s%s%s", on ? style_code(style) : "", text, on ? "\033[0m" : "");
}

/* --- a cell ------------------------------------------------------------------------- */

static void append_spaces(struct buf *out, size_t n)
{
	buf_appendf(out, "%*s", (int)n, "");
}

/* Appends at most `width` cells' worth, with "…" when there is more. Returns the cells. */
static size_t append_text(struct text_table *t, struct buf *out, struct slice text, size_t width)
{
	bool whole = measure(text, width) <= width;
	size_t room = whole ? width : width - 1, used = 0;
	while (text.len) {
		struct glyph g = next_glyph(text);
		if (used + g.width > room)
			break;
		buf_append(out, g.bytes, g.len);
		used += g.width;
		text.ptr += g.taken;
		text.len -= g.taken;
	}
	if (whole)
		return used;
	t->cut++;
	buf_append_cstr(out, "…");
	return used + 1;
}

static void append_cell(struct text_table *t, struct buf *out, size_t column,
			const struct text_cell *cell, bool last)
{
	size_t width = t->widths[column];
	bool styled = t->options.colour && cell->style != TEXT_PLAIN;
	size_t used = measure(cell->text, width);
	size_t padding = used < width ? width - used : 0;
	/* No blanks at the end of a line. */
	if (t->columns[column].right)
		append_spaces(out, padding);
	if (styled)
		buf_append_cstr(out, style_code(cell->style));
	used = append_text(t, out, cell->text, width);
	if (styled)
		buf_append_cstr(out, "\033[0m");
	if (!t->columns[column].right && !last)
		append_spaces(out, used < width ? width - used : 0);
	if (!last)
		append_spaces(out, GAP);
}

static void append_row(struct text_table *t, struct buf *out, const struct text_cell *cells)
{
	if (t->options.indent)
		buf_append_cstr(out, t->options.indent);
	for (size_t i = 0; i < t->shown; i++)
		append_cell(t, out, i, &cells[i], i + 1 == t->shown);
	buf_append_byte(out, '\n');
}

static void append_head(struct text_table *t, struct buf *out)
{
	if (t->options.indent)
		buf_append_cstr(out, t->options.indent);
	size_t cut = t->cut;
	for (size_t i = 0; i < t->shown; i++) {
		struct text_cell name = {t->columns[i].name, TEXT_BOLD};
		append_cell(t, out, i, &name, i + 1 == t->shown);
	}
	t->cut = cut;
	buf_append_byte(out, '\n');
	if (t->options.indent)
		buf_append_cstr(out, t->options.indent);
	if (t->options.colour)
		buf_append_cstr(out, style_code(TEXT_DIM));
	for (size_t i = 0; i < t->shown; i++) {
		for (size_t k = 0; k < t->widths[i]; k++)
			buf_append_cstr(out, "─");
		if (i + 1 < t->shown)
			append_spaces(out, GAP);
	}
	buf_append_cstr(out, t->options.colour ? "\033[0m\n" : "\n");
}

/* --- widths ------------------------------------------------------------------------- */

static size_t total_width(const struct text_table *t, size_t cap)
{
	size_t total = t->options.indent ? strlen(t->options.indent) : 0;
	for (size_t i = 0; i < t->shown; i++)
		total += (t->widths[i] < cap ? t->widths[i] : cap) + (i ? GAP : 0);
	return total;
}

/*
 * Cuts the widest columns to one width, as large as fits; leaves out the last columns when
 * even narrow ones do not fit. The rest that dividing leaves goes to the last wide one.
 */
static void fit(struct text_table *t)
{
	size_t width = t->options.width;
	if (!width || total_width(t, SIZE_MAX) <= width)
		return;
	while (t->shown > 1 && total_width(t, LEAST_WIDTH) > width)
		t->shown--;
	size_t cap = LEAST_WIDTH;
	while (cap < width && total_width(t, cap + 1) <= width)
		cap++;
	size_t spare = width > total_width(t, cap) ? width - total_width(t, cap) : 0;
	for (size_t i = t->shown; i-- > 0;) {
		if (t->widths[i] <= cap)
			continue;
		size_t more = t->widths[i] - cap < spare ? t->widths[i] - cap : spare;
		t->widths[i] = cap + more;
		spare -= more;
	}
	if (t->widths[0] > width)
		t->widths[0] = width;
}

static void decide(struct text_table *t, struct buf *out)
{
	for (size_t c = 0; c < t->count; c++) {
		t->widths[c] = measure(t->columns[c].name, MOST_WIDTH);
		for (size_t r = 0; r < t->row_count; r++) {
			size_t width = measure(t->rows[r][c].text, MOST_WIDTH);
			if (width > t->widths[c])
				t->widths[c] = width;
		}
		if (t->widths[c] > MOST_WIDTH)
			t->widths[c] = MOST_WIDTH;
	}
	fit(t);
	t->decided = true;
	append_head(t, out);
	for (size_t r = 0; r < t->row_count; r++)
		append_row(t, out, t->rows[r]);
	t->row_count = 0;
}

/* --- rows --------------------------------------------------------------------------- */

struct text_table *text_table_new(const struct text_column *columns, size_t count,
				  const struct text_table_options *options)
{
	struct text_table *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->options = *options;
	t->locale = new_locale();
	t->count = t->shown = count;
	/* Beyond the kept rows there are names, and one row more. */
	arena_init(&t->arena, SIZE_MAX);
	t->columns = arena_array(&t->arena, count, sizeof(*t->columns));
	t->widths = arena_array(&t->arena, count, sizeof(*t->widths));
	t->rows = arena_array(&t->arena, KEPT_ROWS, sizeof(*t->rows));
	bool ok = t->columns && t->widths && t->rows;
	for (size_t i = 0; ok && i < count; i++) {
		char *name = arena_strdup(&t->arena, columns[i].name);
		ok = name != NULL;
		t->columns[i] = columns[i];
		t->columns[i].name.ptr = name;
	}
	if (!ok) {
		text_table_free(t);
		return NULL;
	}
	return t;
}

void text_table_free(struct text_table *t)
{
	if (!t)
		return;
	arena_release(&t->arena);
	if (t->locale)
		freelocale(t->locale);
	free(t);
}

/* False: out of memory, or enough is kept. */
static bool keep(struct text_table *t, const struct text_cell *cells)
{
	if (t->row_count == KEPT_ROWS || t->kept_bytes > KEPT_BYTES)
		return false;
	struct text_cell *row = arena_array(&t->arena, t->count, sizeof(*row));
	for (size_t i = 0; row && i < t->count; i++) {
		char *text = arena_strdup(&t->arena, cells[i].text);
		if (!text)
			return false;
		row[i] = cells[i];
		row[i].text.ptr = text;
		t->kept_bytes += cells[i].text.len;
	}
	if (row)
		t->rows[t->row_count++] = row;
	return row != NULL;
}

void text_table_row(struct text_table *t, const struct text_cell *cells, struct buf *out)
{
	locale_t before = uselocale(t->locale);
	if (t->decided || !keep(t, cells)) {
		if (!t->decided)
			decide(t, out);
		append_row(t, out, cells);
	}
	uselocale(before);
}

void text_table_end(struct text_table *t, struct buf *out)
{
	locale_t before = uselocale(t->locale);
	if (!t->decided)
		decide(t, out);
	uselocale(before);
}

size_t text_table_columns_hidden(const struct text_table *t)
{
	return t->count - t->shown;
}

size_t text_table_cells_cut(const struct text_table *t)
{
	return t->cut;
}
