/*
 * The command line: one table of commands, each with a table of options, from which
 * parsing, messages and help come.
 */
#ifndef TRIPOD_APP_COMMAND_H
#define TRIPOD_APP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* What a command returns, and the program with it. */
enum command_exit { COMMAND_OK = 0, COMMAND_FAILED = 1, COMMAND_USAGE = 2 };

struct command_option {
	const char *name; /* without dashes: "config" */
	const char *value; /* what it takes, as help calls it: "FILE"; NULL: nothing */
	const char *doc;
	bool repeats; /* may be given more than once */
};

struct command_line;

struct command {
	const char *name;
	const char *summary; /* for the list of commands: no period */
	const char *operands; /* as help shows them: "FILE..."; "" for none */
	size_t least_operands, most_operands;
	const char *details; /* further lines of help, or NULL */
	const struct command_option *options;
	size_t option_count;
	enum command_exit (*run)(const struct command_line *line);
};

/* One argument that was understood. */
struct command_argument {
	const struct command_option *option;
	const char *value; /* NULL for a flag */
};

struct command_line {
	const struct command *command;
	struct command_argument *arguments; /* options, in the order given */
	size_t argument_count;
	const char **operands;
	size_t operand_count;
};

/* The commands that are built, in the order of help; ends with NULL. */
extern const struct command *const commands[];

/* Whether a flag was given. */
bool command_has(const struct command_line *line, const char *option);
/* The last value given; NULL when there is none. */
const char *command_value(const struct command_line *line, const char *option);
/* The nth value given, from 0; NULL behind the last. */
const char *command_nth(const struct command_line *line, const char *option, size_t index);

/* Runs what argv says. */
int command_main(int argc, char **argv);

/* Writes to standard output (false when that fails) or standard error. */
bool command_print(const struct buf *text);
void command_complain(const struct buf *text);
/* Whether to use colour there: a terminal, without NO_COLOR (no-color.org). */
bool command_colour(int fd);
/* "tripod check: message", and how to get help; returns COMMAND_USAGE. */
__attribute__((format(printf, 2, 3))) enum command_exit
command_usage(const struct command_line *line, const char *fmt, ...);

#endif
