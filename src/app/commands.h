/* The commands, one a file. */
#ifndef TRIPOD_APP_COMMANDS_H
#define TRIPOD_APP_COMMANDS_H

#include "app/command.h"

extern const struct command agent_command; /* server_command.c */
extern const struct command check_command;
extern const struct command components_command;
extern const struct command config_command;
extern const struct command engine_command;
extern const struct command help_command; /* command.c */
extern const struct command query_command;
extern const struct command send_command;
extern const struct command server_command;
extern const struct command status_command;
extern const struct command version_command;

#endif
