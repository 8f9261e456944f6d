/*
 * What is wrong with a text that somebody wrote: messages with the place they point at,
 * all of them, in the order of the text. Everything lives in the arena that was given to
 * diagnostics_init; when it is full, messages are still counted.
 */
#ifndef TRIPOD_BASE_DIAGNOSTICS_H
#define TRIPOD_BASE_DIAGNOSTICS_H

#include <stdarg.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

/* More than this many are counted, but not kept. */
#define DIAGNOSTICS_KEPT 100

/* A text that positions refer to; must live as long as they do. */
struct source {
	const char *name; /* "gateway.yaml" */
	struct slice text;
	bool single; /* one value from the command line: its lines are not worth telling */
};

struct position {
	const struct source *source; /* NULL: nowhere in particular */
	unsigned line,
		column; /* from 1; the column counts characters. line 0: the source as a whole */
};

enum severity { SEVERITY_WARNING, SEVERITY_ERROR };

struct diagnostic {
	struct diagnostic *next;
	enum severity severity;
	bool unquoted; /* the line is not shown: it holds a secret, or is no text */
	struct position at;
	const char *path; /* "receivers.otlp.protocols", or "" */
	const char *message;
	const char *help; /* how to put it right, may have several lines; or NULL */
};

struct diagnostics {
	struct arena *arena;
	struct diagnostic *first;
	unsigned kept, errors, warnings;
};

void diagnostics_init(struct diagnostics *diagnostics, struct arena *arena);

/*
 * Adds a message, with ? for control characters, and returns it, so that `help` or `unquoted` can be set; never NULL. `path`
 * is borrowed for the arena's life.
 */
__attribute__((format(printf, 5, 6))) struct diagnostic *
diagnostics_add(struct diagnostics *diagnostics, enum severity severity, struct position at,
		const char *path, const char *fmt, ...);
struct diagnostic *diagnostics_vadd(struct diagnostics *diagnostics, enum severity severity,
				    struct position at, const char *path, const char *fmt,
				    va_list args);

/* A formatted string in the arena, for `help` or `path`; "" when it is full. */
__attribute__((format(printf, 2, 3))) const char *diagnostics_text(struct diagnostics *diagnostics,
								   const char *fmt, ...);

/* One line: "file:4:9: path: message", with "warning: " before the path of a warning. */
void diagnostic_append_line(struct buf *out, const struct diagnostic *diagnostic);
/* All of them for a person to read, with the lines they point at: not for a log that others see. */
void diagnostics_print(const struct diagnostics *diagnostics, struct buf *out, bool colour);

#endif
