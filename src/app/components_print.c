#include "app/components.h"

static void append_signals(struct buf *out, unsigned signals)
{
	static const enum signal order[] = {SIGNAL_TRACES, SIGNAL_METRICS, SIGNAL_LOGS};
	bool first = true;
	for (size_t i = 0; i < SIGNAL_COUNT; i++) {
		if (!(signals & SIGNAL_BIT(order[i])))
			continue;
		buf_appendf(out, "%s%s", first ? "" : ", ", signal_name(order[i]));
		first = false;
	}
}

void components_print_list(const struct component_registry *registry, struct buf *out, bool colour)
{
	const char *bold = colour ? "\033[1m" : "", *plain = colour ? "\033[0m" : "";
	for (enum component_kind kind = 0; kind < COMPONENT_KIND_COUNT; kind++) {
		const struct component_type *type;
		if (!registry_get(registry, kind, 0))
			continue;
		buf_appendf(out, "%s%s%s\n", bold, component_kind_section(kind), plain);
		for (size_t i = 0; (type = registry_get(registry, kind, i)); i++)
			buf_appendf(out, "  %-16s %s\n", type->name, type->summary);
		buf_append_byte(out, '\n');
	}
	buf_append_cstr(out, "`tripod components NAME` shows the options of one.\n");
}

static void print_one(const struct component_type *type, enum component_kind kind, struct buf *out,
		      bool colour)
{
	const char *bold = colour ? "\033[1m" : "", *plain = colour ? "\033[0m" : "";
	buf_appendf(out, "%s%s %s%s: %s\n", bold, component_kind_name(kind), type->name, plain,
		    type->summary);
	buf_append_cstr(out, "signals: ");
	append_signals(out, type->signals);
	buf_appendf(out, "; stability: %s", stability_name(type->stability));
	if (type->alias)
		buf_appendf(out, "; also known as %s", type->alias);
	buf_append_cstr(out, "\noptions:\n");
	options_print_help(type->options, out);
}

unsigned components_print_one(const struct component_registry *registry, const char *name,
			      struct buf *out, bool colour)
{
	unsigned found = 0;
	for (enum component_kind kind = 0; kind < COMPONENT_KIND_COUNT; kind++) {
		const struct component_type *type = registry_find(registry, kind, name);
		if (!type)
			continue;
		if (found++)
			buf_append_byte(out, '\n');
		print_one(type, kind, out, colour);
	}
	return found;
}

static void print_markdown(const struct component_type *type, enum component_kind kind,
			   struct buf *out)
{
	buf_appendf(out, "\n### %s `%s`\n\n%s\n\nSignals: ", component_kind_name(kind), type->name,
		    type->summary);
	append_signals(out, type->signals);
	buf_appendf(out, ". Stability: %s.", stability_name(type->stability));
	if (type->alias)
		buf_appendf(out, " Also known as `%s`.", type->alias);
	buf_append_cstr(out, "\n\n");
	options_print_markdown(type->options, out);
}

void components_print_markdown(const struct component_registry *registry, struct buf *out)
{
	for (enum component_kind kind = 0; kind < COMPONENT_KIND_COUNT; kind++) {
		const struct component_type *type;
		if (registry_get(registry, kind, 0)) {
			const char *section = component_kind_section(kind);
			buf_appendf(out, "\n## %c%s\n", section[0] - 'a' + 'A', section + 1);
		}
		for (size_t i = 0; (type = registry_get(registry, kind, i)); i++)
			print_markdown(type, kind, out);
	}
}
