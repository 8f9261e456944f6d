#include "app/command.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/commands.h"
#include "base/suggest.h"

/* --- output ------------------------------------------------------------------------ */

bool command_print(const struct buf *text)
{
	if (text->failed)
		return false;
	bool written = !text->len || fwrite(text->data, 1, text->len, stdout) == text->len;
	return fflush(stdout) == 0 && written;
}

void command_complain(const struct buf *text)
{
	if (!text->failed && text->len)
		fwrite(text->data, 1, text->len, stderr);
}

bool command_colour(int fd)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
	if (no_colour && no_colour[0])
		return false;
	return isatty(fd) && term && strcmp(term, "dumb") != 0;
}

enum command_exit command_usage(const struct command_line *line, const char *fmt, ...)
{
	const char *name = line->command->name;
	va_list args;
	va_start(args, fmt);
	fprintf(stderr, "tripod %s: ", name);
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "\n`tripod %s --help` says more\n", name);
	va_end(args);
	return COMMAND_USAGE;
}

/* --- help -------------------------------------------------------------------------- */

static void append_option_help(struct buf *out, const struct command_option *option)
{
	char left[64];
	snprintf(left, sizeof(left), "--%s%s%s", option->name, option->value ? " " : "",
		 option->value ? option->value : "");
	buf_appendf(out, "  %-18s %s%s\n", left, option->doc,
		    option->repeats ? "; may be repeated" : "");
}

static void append_command_help(struct buf *out, const struct command *command)
{
	buf_appendf(out, "usage: tripod %s%s%s%s\n\n", command->name,
		    command->option_count ? " [OPTION...]" : "", command->operands[0] ? " " : "",
		    command->operands);
	buf_appendf(out, "%c%s.\n", command->summary[0] - 'a' + 'A', command->summary + 1);
	if (command->details)
		buf_appendf(out, "%s\n", command->details);
	buf_append_cstr(out, "\noptions:\n");
	for (size_t i = 0; i < command->option_count; i++)
		append_option_help(out, &command->options[i]);
	buf_append_cstr(out, "  --help             show this\n");
}

static void append_program_help(struct buf *out)
{
	buf_append_cstr(out,
			"usage: tripod COMMAND [OPTION...]\n\n"
			"Logs, metrics and traces: receives, stores, queries and shows them.\n\n"
			"commands:\n");
	for (size_t i = 0; commands[i]; i++)
		buf_appendf(out, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
	buf_append_cstr(out,
			"\n`tripod COMMAND --help` says more about one.\n"
			"Exit codes: 0 all is well, 1 it failed, 2 the command line is wrong.\n");
}

static enum command_exit print_and_release(struct buf *text)
{
	bool ok = command_print(text);
	buf_release(text);
	return ok ? COMMAND_OK : COMMAND_FAILED;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; commands[i]; i++) {
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	}
	return NULL;
}

static enum command_exit unknown_command(const char *name)
{
	struct suggestion suggestion;
	suggestion_init(&suggestion, name);
	for (size_t i = 0; commands[i]; i++)
		suggestion_offer(&suggestion, commands[i]->name);
	fprintf(stderr, "tripod: there is no command %s", name);
	if (suggestion.best)
		fprintf(stderr, "; did you mean %s?", suggestion.best);
	fprintf(stderr, "\n`tripod --help` lists them\n");
	return COMMAND_USAGE;
}

static enum command_exit run_help(const struct command_line *line)
{
	struct buf text = BUF_INIT;
	const char *name = line->operand_count ? line->operands[0] : NULL;
	const struct command *command = name ? find_command(name) : NULL;
	if (name && !command)
		return unknown_command(name);
	if (command)
		append_command_help(&text, command);
	else
		append_program_help(&text);
	return print_and_release(&text);
}

const struct command help_command = {
	.name = "help",
	.summary = "show how a command is used",
	.operands = "[COMMAND]",
	.most_operands = 1,
	.run = run_help,
};

/* --- what was given ---------------------------------------------------------------- */

const char *command_nth(const struct command_line *line, const char *option, size_t index)
{
	for (size_t i = 0; i < line->argument_count; i++) {
		if (!strcmp(line->arguments[i].option->name, option) && index-- == 0)
			return line->arguments[i].value ? line->arguments[i].value : "";
	}
	return NULL;
}

bool command_has(const struct command_line *line, const char *option)
{
	return command_nth(line, option, 0) != NULL;
}

const char *command_value(const struct command_line *line, const char *option)
{
	const char *last = NULL, *value;
	for (size_t i = 0; (value = command_nth(line, option, i)); i++)
		last = value;
	return last;
}

/* --- parsing ----------------------------------------------------------------------- */

static enum command_exit unknown_option(const struct command_line *line, const char *name)
{
	struct suggestion suggestion;
	suggestion_init(&suggestion, name);
	for (size_t i = 0; i < line->command->option_count; i++)
		suggestion_offer(&suggestion, line->command->options[i].name);
	suggestion_offer(&suggestion, "help");
	if (suggestion.best)
		return command_usage(line, "there is no option --%s; did you mean --%s?", name,
				     suggestion.best);
	return command_usage(line, "there is no option --%s", name);
}

/* One "--name", "--name=value" or "--name value"; may take argv[*at + 1]. */
static enum command_exit parse_option(struct command_line *line, int argc, char **argv, int *at)
{
	const char *text = argv[*at] + (argv[*at][1] == '-' ? 2 : 1);
	size_t len = strcspn(text, "=");
	const char *value = text[len] ? text + len + 1 : NULL;
	const struct command_option *option = NULL;
	char name[64];
	snprintf(name, sizeof(name), "%.*s", (int)(len < 60 ? len : 60), text);
	for (size_t i = 0; i < line->command->option_count; i++) {
		if (!strcmp(line->command->options[i].name, name))
			option = &line->command->options[i];
	}
	if (!option)
		return unknown_option(line, name);
	if (!option->value && value)
		return command_usage(line, "--%s takes no value", name);
	if (option->value && !value) {
		if (*at + 1 >= argc)
			return command_usage(line, "--%s needs a value: --%s %s", name, name,
					     option->value);
		value = argv[++*at];
	}
	if (!option->repeats && command_has(line, name))
		return command_usage(line, "--%s is given twice", name);
	line->arguments[line->argument_count++] = (struct command_argument){option, value};
	return COMMAND_OK;
}

static bool asks_for_help(const char *argument)
{
	return !strcmp(argument, "--help") || !strcmp(argument, "-help") || !strcmp(argument, "-h");
}

static enum command_exit parse(struct command_line *line, int argc, char **argv, bool *help)
{
	bool only_operands = false;
	for (int i = 0; i < argc; i++) {
		if (!only_operands && !strcmp(argv[i], "--")) {
			only_operands = true;
		} else if (only_operands || argv[i][0] != '-' || !argv[i][1]) {
			line->operands[line->operand_count++] = argv[i];
		} else if (asks_for_help(argv[i])) {
			*help = true;
			return COMMAND_OK;
		} else {
			enum command_exit rc = parse_option(line, argc, argv, &i);
			if (rc != COMMAND_OK)
				return rc;
		}
	}
	const struct command *command = line->command;
	if (line->operand_count < command->least_operands)
		return command_usage(line, "expected %s", command->operands);
	if (line->operand_count > command->most_operands)
		return command_usage(line, "\"%s\" is one argument too many",
				     line->operands[command->most_operands]);
	return COMMAND_OK;
}

static enum command_exit run_command(const struct command *command, int argc, char **argv)
{
	struct command_line line = {.command = command};
	struct buf text = BUF_INIT;
	bool help = false;
	size_t room = (size_t)argc + 1;
	enum command_exit rc = COMMAND_FAILED;
	line.arguments = calloc(room, sizeof(*line.arguments));
	line.operands = calloc(room, sizeof(*line.operands));
	if (!line.arguments || !line.operands)
		goto out;
	rc = parse(&line, argc, argv, &help);
	if (rc == COMMAND_OK && help) {
		append_command_help(&text, command);
		rc = print_and_release(&text);
	} else if (rc == COMMAND_OK) {
		rc = command->run(&line);
	}
out:
	free(line.arguments);
	free(line.operands);
	return rc;
}

int command_main(int argc, char **argv)
{
	struct buf text = BUF_INIT;
	if (argc < 2) {
		append_program_help(&text);
		command_complain(&text);
		buf_release(&text);
		return COMMAND_USAGE;
	}
	const char *name = argv[1];
	if (asks_for_help(name))
		name = "help";
	else if (!strcmp(name, "--version") || !strcmp(name, "-v"))
		name = "version";
	const struct command *command = find_command(name);
	if (command)
		return run_command(command, argc - 2, argv + 2);
	if (name[0] == '-') {
		fprintf(stderr,
			"tripod: expected a command before %s\n`tripod --help` lists them\n", name);
		return COMMAND_USAGE;
	}
	return unknown_command(name);
}
