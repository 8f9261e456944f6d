#include "app/commands.h"

const struct command *const commands[] = {
	&server_command,     &agent_command,   &engine_command, &send_command,
	&query_command,      &status_command,  &check_command,  &config_command,
	&components_command, &version_command, &help_command,   NULL,
};
