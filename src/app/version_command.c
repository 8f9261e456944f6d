#include "app/commands.h"

static enum command_exit run_version(const struct command_line *line)
{
	struct buf text = BUF_INIT;
	buf_append_cstr(&text, "tripod " TRIPOD_VERSION "\n");
	bool ok = command_print(&text);
	buf_release(&text);
	return ok ? COMMAND_OK : COMMAND_FAILED;
}

const struct command version_command = {
	.name = "version",
	.summary = "print the version",
	.operands = "",
	.run = run_version,
};
