#include "app/config.h"

static void print_kind(const struct config *config, enum component_kind kind, struct buf *out)
{
	const struct component_list *list = &config->components[kind];
	bool any = false;
	for (size_t i = 0; i < list->count; i++) {
		const struct component_config *c = &list->items[i];
		if (!c->type || !c->options)
			continue;
		if (!any)
			buf_appendf(out, "%s:\n", component_kind_section(kind));
		any = true;
		buf_append_cstr(out, "  ");
		yaml_append_text(out, slice_of(c->id));
		buf_append_cstr(out, ":\n");
		options_print(c->type->options, c->options, 4, out);
	}
	if (any)
		buf_append_byte(out, '\n');
}

static void print_steps(const char *name, const struct pipeline_steps *steps, struct buf *out)
{
	buf_appendf(out, "      %s: [", name);
	for (size_t i = 0; i < steps->count; i++) {
		buf_append_cstr(out, i ? ", " : "");
		yaml_append_text(out, slice_of(steps->items[i].component->id));
	}
	buf_append_cstr(out, "]\n");
}

static void print_service(const struct config *config, struct buf *out)
{
	buf_append_cstr(out, "service:\n  pipelines:\n");
	for (size_t i = 0; i < config->pipeline_count; i++) {
		const struct pipeline_config *pipeline = &config->pipelines[i];
		buf_append_cstr(out, "    ");
		yaml_append_text(out, slice_of(pipeline->id));
		buf_append_cstr(out, ":\n");
		print_steps("receivers", &pipeline->receivers, out);
		print_steps("processors", &pipeline->processors, out);
		print_steps("exporters", &pipeline->exporters, out);
	}
	struct service_options service = config->service;
	service.extensions_count = 0; /* none of those listed need be built */
	options_print(&service_option_table, &service, 2, out);
}

void config_print(const struct config *config, struct buf *out)
{
	for (enum component_kind kind = 0; kind < COMPONENT_KIND_COUNT; kind++)
		print_kind(config, kind, out);
	print_service(config, out);
	for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++) {
		const struct config_section *section = &config_sections[i];
		size_t start = out->len;
		buf_appendf(out, "\n%s:\n", section->name);
		size_t empty = out->len;
		options_print(section->table, (const char *)config + section->offset, 2, out);
		if (out->len == empty)
			out->len = start;
	}
}
