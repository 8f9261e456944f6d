/* RE2's syntax, checked and written in PCRE2's. Used by regex.c only. */
#ifndef TRIPOD_BASE_REGEX_SYNTAX_H
#define TRIPOD_BASE_REGEX_SYNTAX_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

struct regex_group_name {
	struct slice name; /* in the pattern's text */
	uint32_t number;
};

struct regex_group_names {
	struct regex_group_name *items; /* malloc'ed; the caller frees it, on failure too */
	uint32_t count, capacity;
	uint32_t groups; /* with a name or not */
};

/*
 * Appends the PCRE2 pattern that means what `pattern` means in RE2. Groups lose their names,
 * as PCRE2 allows fewer ones; `names` has them.
 */
int regex_translate(struct slice pattern, struct buf *out, struct regex_group_names *names,
		    struct error *err);

#endif
