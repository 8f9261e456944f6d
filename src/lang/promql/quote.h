/* Strings and characters as Go's strconv quotes them, and PromQL's three quotings back. */
#ifndef TRIPOD_LANG_PROMQL_QUOTE_H
#define TRIPOD_LANG_PROMQL_QUOTE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

/* What stands for bytes that are no UTF-8 (and for itself). */
#define PROMQL_RUNE_INVALID 0xfffd
/* Added to a rune: promql_quote_rune writes "U+0041 'A'". */
#define PROMQL_RUNE_CODE (1 << 24)

/* The code point at `p` (< `end`) and its length in bytes. */
int32_t promql_rune(const char *p, const char *end, size_t *len);
void promql_put_rune(int32_t rune, struct buf *out);
/* 'x', escaped where it cannot be printed. Negative: the end of the text. */
void promql_quote_rune(int32_t rune, struct buf *out);
/* "text", escaped. */
void promql_quote(struct slice text, struct buf *out);
/* At most `max` characters of it. */
void promql_quote_start(struct slice text, unsigned max, struct buf *out);

/*
 * The value of a string token, with its quotes, whose escapes the lexer has checked. In the
 * token's text or the arena; ptr is NULL when the arena's budget is spent.
 */
struct slice promql_unquote(struct slice token, struct arena *arena);

#endif
