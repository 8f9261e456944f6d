/* String literals of Go, as `expect string` has them. */
#ifndef PROMQLTEST_UNQUOTE_H
#define PROMQLTEST_UNQUOTE_H

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"

/* "a\n" or `a`; the result is in the arena or in `text`. */
int unquote(struct slice *out, struct arena *arena, struct slice text, struct error *err);

#endif
