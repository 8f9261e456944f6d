#include <stdlib.h>

#include "app/commands.h"
#include "base/log.h"
#include "base/units.h"
#include "store/engine.h"

static const struct command_option options[] = {
	{"data", "DIR", "directory to keep the tables in", false},
	{"listen", "ADDRESS", "unix:/path, or an address such as 127.0.0.1:8123", false},
	{"libchdb", "FILE", "the ClickHouse library; looked for when not given", false},
	{"config", "FILE", "ClickHouse's XML, for disks, storage policies and backups", false},
	{"memory", "BYTES", "memory it may use; 0: no limit", false},
	{"ready-fd", "N", "descriptor to tell on when requests are served", false},
	{"die-with-parent", NULL, "end when the process that started it does", false},
};

static enum command_exit run_engine(const struct command_line *line)
{
	const char *memory = command_value(line, "memory");
	const char *ready_fd = command_value(line, "ready-fd");
	struct error err;
	struct engine_options engine = {
		.data = command_value(line, "data"),
		.listen = command_value(line, "listen"),
		.libchdb = command_value(line, "libchdb"),
		.config_file = command_value(line, "config"),
		.memory_limit = memory ? strtoull(memory, NULL, 10) : 0,
		.ready_fd = ready_fd ? (int)strtol(ready_fd, NULL, 10) : -1,
		.die_with_parent = command_has(line, "die-with-parent"),
	};
	if (!engine.data)
		engine.data = "data/store";
	if (!engine.listen)
		engine.listen = "127.0.0.1:8123";
	if (engine_run(&engine, &err) == 0)
		return COMMAND_OK;
	log_error("engine", LOG_STR("error", err.message));
	return COMMAND_FAILED;
}

const struct command engine_command = {
	.name = "engine",
	.summary = "serve ClickHouse's HTTP interface over libchdb; the server starts one itself",
	.operands = "",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.run = run_engine,
};
