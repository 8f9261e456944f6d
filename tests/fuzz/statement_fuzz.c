/* Any text: the parser ends, and every slice it gives lies inside the text. */
#include <stdint.h>
#include <stdlib.h>

#include "store/statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct slice part, struct slice whole)
{
	if (part.len && (part.ptr < whole.ptr || part.len > whole.len ||
			 part.ptr + part.len > whole.ptr + whole.len))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of exact size, so that a read behind the end is seen. */
	char *text = malloc(size ? size : 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	struct slice sql = {text, size};
	struct statement s;
	struct error err;
	int restricted = statement_parse(&s, sql, true, &err);
	int rc = statement_parse(&s, sql, false, &err);
	if (restricted == 0 && rc != 0)
		abort();
	if (rc == 0) {
		check_inside(s.text, sql);
		check_inside(s.data, sql);
		if (!slice_eq_cstr(s.format, "Values"))
			check_inside(s.format, sql);
		if ((s.kind == STATEMENT_EMPTY) != (s.text.len == 0))
			abort();
	}
	statement_is_insert(sql);
	free(text);
	return 0;
}
