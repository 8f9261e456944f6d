#include "app/commands.h"
#include "app/config_files.h"

static enum command_exit run_config(const struct command_line *line)
{
	struct buf text = BUF_INIT;
	struct config config;
	enum command_exit rc = COMMAND_FAILED;
	config_init(&config);
	if (command_has(line, "built-in")) {
		buf_append_cstr(&text, config_builtin_text);
	} else {
		if (config_from_command_line(&config, line) < 0)
			goto out;
		config_print(&config, &text);
	}
	if (command_print(&text))
		rc = COMMAND_OK;
out:
	buf_release(&text);
	config_release(&config);
	return rc;
}

static const struct command_option options[] = {
	CONFIG_OPTION_ROWS,
	{"built-in", NULL, "print the built-in one as it is written, to start a file from", false},
};

const struct command config_command = {
	.name = "config",
	.summary = "print the configuration with every default written out",
	.operands = "",
	.details = "Without --config, the built-in one. Secrets are shown as <hidden>.",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.run = run_config,
};
