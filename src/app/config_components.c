#include "app/config_int.h"
#include "app/known_components.h"
#include "base/suggest.h"

#define LONGEST_ID 200

static const char *path_of(struct config *config, enum component_kind kind, const char *id)
{
	return diagnostics_text(&config->diagnostics, "%s.%s", component_kind_section(kind), id);
}

/* type[/name], as in the collector's component.ID. */
static bool is_id(struct slice id)
{
	const char *slash = memchr(id.ptr, '/', id.len);
	size_t type_len = slash ? (size_t)(slash - id.ptr) : id.len;
	if (!type_len || id.len > LONGEST_ID || (slash && type_len + 1 == id.len))
		return false;
	for (size_t i = 0; i < id.len; i++) {
		unsigned char c = (unsigned char)id.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool digit = (c >= '0' && c <= '9') || c == '_';
		if (i < type_len ? !letter && (i == 0 || !digit) : c <= ' ' || c == 0x7f)
			return false;
	}
	return true;
}

static const char *built_names(struct config *config, enum component_kind kind)
{
	struct buf list = BUF_INIT;
	const struct component_type *type;
	for (size_t i = 0; (type = registry_get(config->registry, kind, i)); i++)
		buf_appendf(&list, "%s%s", i ? ", " : "", type->name);
	const char *text =
		list.len ? diagnostics_text(&config->diagnostics, "%s built so far: %s",
					    component_kind_section(kind), buf_cstr(&list))
			 : diagnostics_text(&config->diagnostics, "no %s are built so far",
					    component_kind_section(kind));
	buf_release(&list);
	return text;
}

static void not_built(struct config *config, enum component_kind kind, const char *type,
		      const struct component_config *c)
{
	const char *path = path_of(config, kind, c->id);
	const char *kind_name = component_kind_name(kind);
	const char *instead = kind == COMPONENT_EXTENSION ? extension_replacement(type) : NULL;
	if (instead) {
		config_doubtful(config, c->key, path,
				"the extension %s is known, but not built; it is left out: %s",
				type, instead);
		return;
	}
	const char *successor = component_successor(kind, type);
	if (is_known_component(kind, type)) {
		config_wrong(config, c->key, path,
			     "the collector's %s %s is known, but not built yet", kind_name, type)
			->help = successor ? successor : built_names(config, kind);
		return;
	}
	struct suggestion suggestion;
	const struct component_type *known;
	suggestion_init(&suggestion, type);
	for (size_t i = 0; (known = registry_get(config->registry, kind, i)); i++)
		suggestion_offer(&suggestion, known->name);
	known_components_offer(&suggestion, kind);
	struct diagnostic *d =
		suggestion.best
			? config_wrong(config, c->key, path, "no %s %s exists; did you mean %s?",
				       kind_name, type, suggestion.best)
			: config_wrong(config, c->key, path, "no %s %s exists", kind_name, type);
	d->help = built_names(config, kind);
}

static void read_component(struct config *config, enum component_kind kind,
			   const struct yaml_entry *entry, struct component_config *c)
{
	*c = (struct component_config){
		.id = entry->key->text.ptr, .key = entry->key, .node = entry->value};
	if (!is_id(entry->key->text)) {
		config_wrong(config, c->key, path_of(config, kind, c->id),
			     "found \"%.60s\", expected a type, or a type and a name such as "
			     "otlp/internal",
			     c->id);
		return;
	}
	char type[LONGEST_ID + 1];
	size_t len = strcspn(c->id, "/");
	memcpy(type, c->id, len);
	type[len] = '\0';
	c->type = registry_find(config->registry, kind, type);
	if (!c->type) {
		not_built(config, kind, type, c);
		return;
	}
	c->options = options_new(c->type->options, c->node, path_of(config, kind, c->id),
				 &config->diagnostics);
}

void config_read_components(struct config *config, enum component_kind kind,
			    const struct yaml_node *section)
{
	struct component_list *list = &config->components[kind];
	if (yaml_is_null(section))
		return;
	if (section->structure)
		section = section->structure;
	if (section->kind != YAML_MAPPING) {
		config_wrong(config, section, component_kind_section(kind),
			     "expected a mapping of %s, each with its options",
			     component_kind_section(kind));
		return;
	}
	if (section->count > CONFIG_MOST) {
		config_wrong(config, section, component_kind_section(kind), "more than %d",
			     CONFIG_MOST);
		return;
	}
	list->items = arena_array(&config->arena, section->count, sizeof(*list->items));
	if (!list->items) {
		config_wrong(config, section, component_kind_section(kind), "too large");
		return;
	}
	for (const struct yaml_entry *e = section->first; e; e = e->next)
		read_component(config, kind, e, &list->items[list->count++]);
}
