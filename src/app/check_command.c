#include <unistd.h>

#include "app/commands.h"
#include "app/config_files.h"

static void append_count(struct buf *out, unsigned count, const char *what)
{
	buf_appendf(out, "%u %s%s", count, what, count == 1 ? "" : "s");
}

/* "gateway.yaml: ok, 3 pipelines, 1 warning" */
static void append_summary(struct buf *out, const char *file, const struct config *config)
{
	unsigned errors = config->diagnostics.errors, warnings = config->diagnostics.warnings;
	buf_appendf(out, "%s: ", strcmp(file, "-") ? file : "standard input");
	if (errors) {
		append_count(out, errors, "error");
	} else {
		buf_append_cstr(out, "ok, ");
		append_count(out, (unsigned)config->pipeline_count, "pipeline");
	}
	if (warnings) {
		buf_append_cstr(out, ", ");
		append_count(out, warnings, "warning");
	}
	buf_append_byte(out, '\n');
}

static enum command_exit run_check(const struct command_line *line)
{
	enum command_exit rc = COMMAND_OK;
	bool strict = command_has(line, "strict");
	for (size_t i = 0; i < line->operand_count; i++) {
		const char *file = line->operands[i];
		struct config config;
		struct buf text = BUF_INIT;
		config_init(&config);
		int wrong = config_from_file(&config, line, file);
		if (wrong == 0)
			wrong = config_check_certificates(&config);
		if (wrong < 0 || (strict && config.diagnostics.warnings))
			rc = COMMAND_FAILED;
		config_complain(&config);
		append_summary(&text, file, &config);
		if (!command_print(&text))
			rc = COMMAND_FAILED;
		buf_release(&text);
		config_release(&config);
	}
	return rc;
}

static const struct command_option options[] = {
	{"set", "KEY=VALUE", "one option over those of the file", true},
	{"strict", NULL, "fail on warnings too", false},
};

const struct command check_command = {
	.name = "check",
	.summary = "say what is wrong with a configuration",
	.operands = "FILE...",
	.least_operands = 1,
	.most_operands = SIZE_MAX,
	.details =
		"Each file is checked by itself; - is standard input. The exit code is 1 when one "
		"has errors.",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.run = run_check,
};
