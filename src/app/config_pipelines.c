#include "app/config_int.h"
#include "base/suggest.h"

/* More components in one list than anybody writes. */
#define MOST_STEPS 100

/* --- which signal ------------------------------------------------------------------ */

static int signal_of_pipeline(struct config *config, const struct yaml_node *key, const char *path,
			      enum signal *out)
{
	const char *id = key->text.ptr;
	size_t len = strcspn(id, "/");
	bool named = id[len] != '\0';
	for (enum signal s = 0; s < SIGNAL_COUNT; s++) {
		if (strlen(signal_name(s)) == len && !memcmp(signal_name(s), id, len) &&
		    (!named || id[len + 1])) {
			*out = s;
			return 0;
		}
	}
	if (len == 8 && !memcmp(id, "profiles", 8)) {
		config_wrong(config, key, path, "pipelines of profiles are not built yet");
		return STATUS_INVALID;
	}
	config_wrong(config, key, path,
		     "expected traces, metrics or logs, or one of them and a name such as "
		     "logs/audit");
	return STATUS_INVALID;
}

/* --- from names to components ------------------------------------------------------ */

static struct component_config *find(struct config *config, enum component_kind kind,
				     const char *id)
{
	struct component_list *list = &config->components[kind];
	for (size_t i = 0; i < list->count; i++) {
		if (!strcmp(list->items[i].id, id))
			return &list->items[i];
	}
	return NULL;
}

static bool takes_connectors(enum component_kind kind)
{
	return kind == COMPONENT_RECEIVER || kind == COMPONENT_EXPORTER;
}

static void offer_all(struct config *config, enum component_kind kind,
		      struct suggestion *suggestion, struct buf *list)
{
	const struct component_list *defined = &config->components[kind];
	for (size_t i = 0; i < defined->count; i++) {
		suggestion_offer(suggestion, defined->items[i].id);
		if (i < 20)
			buf_appendf(list, "%s%s", list->len ? ", " : "", defined->items[i].id);
		else if (i == 20)
			buf_append_cstr(list, ", ...");
	}
}

static void undefined(struct config *config, enum component_kind kind, const struct yaml_node *node,
		      const char *path)
{
	struct suggestion suggestion;
	struct buf list = BUF_INIT;
	const char *id = node->text.ptr, *section = component_kind_section(kind);
	suggestion_init(&suggestion, id);
	offer_all(config, kind, &suggestion, &list);
	if (takes_connectors(kind))
		offer_all(config, COMPONENT_CONNECTOR, &suggestion, &list);
	struct diagnostic *d =
		suggestion.best
			? config_wrong(config, node, path, "%s is not defined; did you mean %s?",
				       id, suggestion.best)
			: config_wrong(config, node, path, "%s is not defined", id);
	if (registry_find(config->registry, kind, id))
		d->help = diagnostics_text(&config->diagnostics,
					   "to have it with its defaults, add %s: {%s: {}}",
					   section, id);
	else if (list.len)
		d->help = diagnostics_text(&config->diagnostics, "defined in %s: %s", section,
					   buf_cstr(&list));
	else
		d->help = diagnostics_text(&config->diagnostics, "the section %s defines nothing",
					   section);
	buf_release(&list);
}

static int read_step(struct config *config, enum component_kind kind, enum signal signal,
		     const struct yaml_node *node, const char *path, struct pipeline_step *step)
{
	if (node->kind != YAML_SCALAR) {
		config_wrong(config, node, path, "expected the name of a %s",
			     component_kind_name(kind));
		return STATUS_INVALID;
	}
	struct component_config *c = find(config, kind, node->text.ptr);
	bool is_connector = !c && takes_connectors(kind);
	if (is_connector)
		c = find(config, COMPONENT_CONNECTOR, node->text.ptr);
	if (!c) {
		undefined(config, kind, node, path);
		return STATUS_INVALID;
	}
	c->used = true;
	*step = (struct pipeline_step){c, node, is_connector};
	if (c->type && !is_connector && !(c->type->signals & SIGNAL_BIT(signal))) {
		config_wrong(config, node, path, "the %s %s does not work on %s",
			     component_kind_name(kind), c->type->name, signal_name(signal));
		return STATUS_INVALID;
	}
	return 0;
}

static bool is_repeated(const struct pipeline_steps *steps, const struct pipeline_step *step)
{
	for (size_t i = 0; i < steps->count; i++) {
		if (steps->items[i].component == step->component)
			return true;
	}
	return false;
}

static void read_steps(struct config *config, enum component_kind kind, enum signal signal,
		       const struct yaml_node *pipeline, const char *path,
		       struct pipeline_steps *steps)
{
	const char *section = component_kind_section(kind);
	const struct yaml_node *list = yaml_get(pipeline, section);
	const char *below = diagnostics_text(&config->diagnostics, "%s.%s", path, section);
	if (list && list->structure)
		list = list->structure;
	if (!list || yaml_is_null(list))
		return;
	if (list->kind != YAML_SEQUENCE) {
		config_wrong(config, list, below, "expected a list such as [%s]",
			     list->kind == YAML_SCALAR && list->text.len < 40 ? list->text.ptr
									      : "otlp");
		return;
	}
	if (list->count > MOST_STEPS) {
		config_wrong(config, list, below, "more than %d", MOST_STEPS);
		return;
	}
	steps->items = arena_array(&config->arena, list->count, sizeof(*steps->items));
	for (const struct yaml_entry *e = list->first; e && steps->items; e = e->next) {
		struct pipeline_step step;
		if (read_step(config, kind, signal, e->value, below, &step) < 0)
			continue;
		if (is_repeated(steps, &step))
			config_wrong(config, e->value, below, "%s is there twice",
				     step.component->id);
		else
			steps->items[steps->count++] = step;
	}
}

/* --- pipelines --------------------------------------------------------------------- */

static void check_pipeline_keys(struct config *config, const struct yaml_node *node,
				const char *path)
{
	static const char *const keys[] = {"receivers", "processors", "exporters"};
	for (const struct yaml_entry *e = node->first; e; e = e->next) {
		struct suggestion suggestion;
		bool found = false;
		suggestion_init(&suggestion, e->key->text.ptr);
		for (size_t i = 0; i < 3; i++) {
			found |= slice_eq_cstr(e->key->text, keys[i]);
			suggestion_offer(&suggestion, keys[i]);
		}
		if (found)
			continue;
		const char *below =
			diagnostics_text(&config->diagnostics, "%s.%s", path, e->key->text.ptr);
		if (suggestion.best)
			config_wrong(config, e->key, below, "no such option; did you mean %s?",
				     suggestion.best);
		else
			config_wrong(config, e->key, below,
				     "no such option; a pipeline has receivers, processors and "
				     "exporters");
	}
}

static void check_memory_limiter(struct config *config, const struct pipeline_config *pipeline,
				 const char *path)
{
	for (size_t i = 0; i < pipeline->processors.count; i++) {
		const struct pipeline_step *step = &pipeline->processors.items[i];
		if (!step->component->type ||
		    strcmp(step->component->type->name, "memory_limiter") != 0)
			continue;
		if (i)
			config_doubtful(
				config, step->node,
				diagnostics_text(&config->diagnostics, "%s.processors", path),
				"%s belongs first, so that it refuses data before work "
				"is done on it",
				step->component->id);
		return;
	}
}

static void read_pipeline(struct config *config, const struct yaml_entry *entry)
{
	const struct yaml_node *node = entry->value;
	const char *path = diagnostics_text(&config->diagnostics, "service.pipelines.%s",
					    entry->key->text.ptr);
	struct pipeline_config *pipeline = &config->pipelines[config->pipeline_count];
	*pipeline = (struct pipeline_config){.id = entry->key->text.ptr, .key = entry->key};
	if (signal_of_pipeline(config, entry->key, path, &pipeline->signal) < 0)
		return;
	if (node->kind != YAML_MAPPING) {
		config_wrong(config, entry->key, path,
			     "expected lists of receivers, processors and exporters");
		return;
	}
	enum signal signal = pipeline->signal;
	unsigned errors = config->diagnostics.errors;
	check_pipeline_keys(config, node, path);
	read_steps(config, COMPONENT_RECEIVER, signal, node, path, &pipeline->receivers);
	read_steps(config, COMPONENT_PROCESSOR, signal, node, path, &pipeline->processors);
	read_steps(config, COMPONENT_EXPORTER, signal, node, path, &pipeline->exporters);
	config->pipeline_count++;
	if (config->diagnostics.errors != errors)
		return;
	if (!pipeline->receivers.count)
		config_wrong(config, entry->key, path,
			     "has no receivers: nothing would come into it");
	if (!pipeline->exporters.count)
		config_wrong(config, entry->key, path,
			     "has no exporters: what comes into it would be lost");
	check_memory_limiter(config, pipeline, path);
}

static void warn_unused(struct config *config, enum component_kind kind)
{
	const struct component_list *list = &config->components[kind];
	for (size_t i = 0; i < list->count; i++) {
		const struct component_config *c = &list->items[i];
		const char *path = diagnostics_text(&config->diagnostics, "%s.%s",
						    component_kind_section(kind), c->id);
		if (!c->used && c->type)
			config_doubtful(config, c->key, path, "defined, but %s",
					kind == COMPONENT_EXTENSION
						? "not listed in service.extensions"
						: "no pipeline uses it");
	}
}

static void read_extensions(struct config *config, const struct yaml_node *service)
{
	const struct yaml_node *list = yaml_get(service, "extensions");
	if (list && list->structure)
		list = list->structure;
	if (!list || list->kind != YAML_SEQUENCE)
		return;
	for (const struct yaml_entry *e = list->first; e; e = e->next) {
		struct component_config *c =
			e->value->kind == YAML_SCALAR
				? find(config, COMPONENT_EXTENSION, e->value->text.ptr)
				: NULL;
		if (c)
			c->used = true;
		else if (e->value->kind == YAML_SCALAR)
			undefined(config, COMPONENT_EXTENSION, e->value, "service.extensions");
	}
}

void config_read_pipelines(struct config *config, const struct yaml_node *service)
{
	const struct yaml_node *pipelines = yaml_get(service, "pipelines");
	const char *path = "service.pipelines";
	read_extensions(config, service);
	if (yaml_is_null(pipelines) || (pipelines->kind == YAML_MAPPING && !pipelines->count)) {
		config_wrong(config, pipelines ? pipelines : service, path,
			     "expected at least one pipeline: traces, metrics or logs");
		return;
	}
	if (pipelines->kind != YAML_MAPPING) {
		config_wrong(config, pipelines, path, "expected a mapping such as traces: {...}");
		return;
	}
	if (pipelines->count > CONFIG_MOST) {
		config_wrong(config, pipelines, path, "more than %d", CONFIG_MOST);
		return;
	}
	config->pipelines =
		arena_array(&config->arena, pipelines->count, sizeof(*config->pipelines));
	for (const struct yaml_entry *e = pipelines->first; e && config->pipelines; e = e->next)
		read_pipeline(config, e);
	for (enum component_kind kind = 0; kind < COMPONENT_KIND_COUNT; kind++)
		warn_unused(config, kind);
}
