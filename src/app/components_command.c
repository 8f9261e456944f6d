#include <unistd.h>

#include "app/commands.h"
#include "app/components.h"
#include "app/config.h"
#include "app/known_components.h"
#include "base/suggest.h"

static const char reference_head[] = "# Components and options\n"
				     "\n"
				     "This page is printed by `tripod components --markdown`. How "
				     "a configuration is written is in "
				     "[configuration.md](configuration.md).\n"
				     "\n"
				     "Names and defaults are those of the OpenTelemetry Collector. "
				     "An option that has no effect here "
				     "is accepted, so that existing files work, and says why.\n";

static void print_reference(struct buf *out)
{
	buf_append_cstr(out, reference_head);
	components_print_markdown(&builtin_components, out);
	buf_append_cstr(out, "\n## Service\n\n### section `service`\n\nWhat runs.\n\n");
	options_print_markdown(&service_option_table, out);
	buf_append_cstr(out, "\n## Tripod's own sections\n");
	for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++) {
		const struct config_section *section = &config_sections[i];
		buf_appendf(out, "\n### section `%s`\n\n%s\n\n", section->name, section->doc);
		options_print_markdown(section->table, out);
	}
}

static bool print_section(const char *name, struct buf *out)
{
	for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++) {
		const struct config_section *section = &config_sections[i];
		if (strcmp(section->name, name) != 0)
			continue;
		buf_appendf(out, "section %s: %s\noptions:\n", name, section->doc);
		options_print_help(section->table, out);
		return true;
	}
	return false;
}

static enum command_exit unknown(const struct command_line *line, const char *name)
{
	struct suggestion suggestion;
	suggestion_init(&suggestion, name);
	for (enum component_kind kind = 0; kind < COMPONENT_KIND_COUNT; kind++) {
		const struct component_type *type;
		if (is_known_component(kind, name)) {
			fprintf(stderr,
				"tripod components: the collector's %s %s is known, but not built "
				"yet\n",
				component_kind_name(kind), name);
			return COMMAND_FAILED;
		}
		for (size_t i = 0; (type = registry_get(&builtin_components, kind, i)); i++)
			suggestion_offer(&suggestion, type->name);
	}
	for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++)
		suggestion_offer(&suggestion, config_sections[i].name);
	if (suggestion.best)
		fprintf(stderr, "tripod components: no %s exists; did you mean %s?\n", name,
			suggestion.best);
	else
		fprintf(stderr,
			"tripod components: no %s exists; `tripod components` lists what does\n",
			name);
	return COMMAND_FAILED;
}

static enum command_exit run_components(const struct command_line *line)
{
	struct buf text = BUF_INIT;
	bool colour = command_colour(STDOUT_FILENO), found = true;
	const char *name = line->operand_count ? line->operands[0] : NULL;
	enum command_exit rc = COMMAND_OK;
	if (command_has(line, "markdown"))
		print_reference(&text);
	else if (name)
		found = components_print_one(&builtin_components, name, &text, colour) ||
			print_section(name, &text);
	else
		components_print_list(&builtin_components, &text, colour);
	if (!found)
		rc = unknown(line, name);
	else if (!command_print(&text))
		rc = COMMAND_FAILED;
	buf_release(&text);
	return rc;
}

static const struct command_option options[] = {
	{"markdown", NULL, "print the whole reference, docs/components.md", false},
};

const struct command components_command = {
	.name = "components",
	.summary = "list what can stand in a configuration, or the options of one",
	.operands = "[NAME]",
	.most_operands = 1,
	.details = "NAME is a component, or a section of Tripod's own such as storage.",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.run = run_components,
};
