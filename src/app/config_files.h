/* Configuration from the command line: files, --data and --set. */
#ifndef TRIPOD_APP_CONFIG_FILES_H
#define TRIPOD_APP_CONFIG_FILES_H

#include "app/command.h"
#include "app/config.h"

/* Rows for the options of a command that takes a configuration. */
#define CONFIG_OPTION_ROWS                                                                         \
	{"config", "FILE", "the configuration; later files go over earlier ones", true},           \
		{"data", "DIR", "directory to keep everything in (storage.data_dir)", false},      \
	{                                                                                          \
		"set", "KEY=VALUE", "one option, such as storage.retention.logs=14d", true         \
	}

/* Reads the configuration that the rows above describe; messages go to standard error. */
int config_from_command_line(struct config *config, const struct command_line *line);
/*
 * The same for a reload: messages are appended to `messages` instead, and certificates are
 * looked at as well.
 */
int config_check_command_line(struct config *config, const struct command_line *line,
			      struct buf *messages);
/* Reads `file` alone ("-": standard input) with --set of the line; messages stay in config->diagnostics. */
int config_from_file(struct config *config, const struct command_line *line, const char *file);
/* The messages of `config`, to standard error. */
void config_complain(const struct config *config);

#endif
