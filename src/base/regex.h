/*
 * Regular expressions in RE2's syntax, which is that of Go's regexp and of Prometheus: no
 * look-around, no back-references. They match a whole text, `.` matches a newline as well,
 * and of several ways to match the first one counts, as in Perl.
 *
 * PCRE2 does the matching, with its compiler to machine code and a limit on its steps. A
 * compiled expression is not changed by matching: any number of threads may use it.
 */
#ifndef TRIPOD_BASE_REGEX_H
#define TRIPOD_BASE_REGEX_H

#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

struct regex;

/* INVALID: `err` says "error parsing regexp: …" in Go's words. `pattern` is copied. */
int regex_new(struct regex **out, struct slice pattern, struct error *err);
void regex_free(struct regex *regex);

/* 1: all of `text` matches; 0: it does not; LIMIT: it takes too many steps to tell. */
int regex_match(const struct regex *regex, struct slice text, struct error *err);

/* How many groups there are, without the whole match. */
uint32_t regex_group_count(const struct regex *regex);
/*
 * The number of the first group with that name behind group `after` (0: of all); 0: there is
 * none. Several groups may share a name; Go's Expand takes the first that took part.
 */
uint32_t regex_group_number(const struct regex *regex, struct slice name, uint32_t after);
/*
 * As regex_match, and on a match the first `count` groups: group 0 is all of `text`; ptr is
 * NULL where a group took no part.
 */
int regex_match_groups(const struct regex *regex, struct slice text, struct slice *groups,
		       uint32_t count, struct error *err);

#endif
