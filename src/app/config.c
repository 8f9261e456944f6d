#include "app/config.h"

#include <stdlib.h>

#include "app/config_int.h"
#include "base/suggest.h"

#define MEMORY ((size_t)64 << 20)

const char config_builtin_text[] =
	"# Everything OTLP that arrives on this machine is stored in the embedded engine.\n"
	"receivers:\n"
	"  otlp:\n"
	"    protocols:\n"
	"      grpc:\n"
	"        endpoint: 127.0.0.1:4317\n"
	"      http:\n"
	"        endpoint: 127.0.0.1:4318\n"
	"\n"
	"processors:\n"
	"  memory_limiter:\n"
	"    check_interval: 1s\n"
	"    limit_percentage: 20\n"
	"    spike_limit_percentage: 5\n"
	"  batch:\n"
	"\n"
	"exporters:\n"
	"  clickhouse:\n"
	"\n"
	"service:\n"
	"  pipelines:\n"
	"    traces:\n"
	"      receivers: [otlp]\n"
	"      processors: [memory_limiter, batch]\n"
	"      exporters: [clickhouse]\n"
	"    metrics:\n"
	"      receivers: [otlp]\n"
	"      processors: [memory_limiter, batch]\n"
	"      exporters: [clickhouse]\n"
	"    logs:\n"
	"      receivers: [otlp]\n"
	"      processors: [memory_limiter, batch]\n"
	"      exporters: [clickhouse]\n";

static const char *lookup_environment(void *ctx, const char *name)
{
	return getenv(name);
}

const struct yaml_variables environment_variables = {lookup_environment, NULL};

/* --- sections ---------------------------------------------------------------------- */

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const log_encodings[] = {"console", "json", NULL};

#define ZAP_WHY "the log has one form, a line a message on stderr"
#define METRICS_WHY "Tripod's own metrics are at /metrics of the ui endpoint"

static const struct option log_rows[] = {
	{OPTION_CHOICE(struct log_options, level, log_levels), .initial = "info",
	 .doc = "Messages of this level and above are written."},
	{OPTION_CHOICE(struct log_options, encoding, log_encodings), .initial = "console",
	 .doc = "console: text; json: a JSON object a line."},
	OPTION_IGNORED("development", ZAP_WHY),
	OPTION_IGNORED("disable_caller", ZAP_WHY),
	OPTION_IGNORED("disable_stacktrace", ZAP_WHY),
	OPTION_IGNORED("disable_zap_resource", ZAP_WHY),
	OPTION_IGNORED("sampling", ZAP_WHY),
	OPTION_IGNORED("output_paths", ZAP_WHY),
	OPTION_IGNORED("error_output_paths", ZAP_WHY),
	OPTION_IGNORED("initial_fields", ZAP_WHY),
	OPTION_IGNORED("processors", ZAP_WHY),
};
static const struct option_table log_table = {OPTION_TABLE_OF(struct log_options, log_rows)};

static const struct option telemetry_rows[] = {
	{OPTION_NESTED(struct self_telemetry_options, logs, log_table), .doc = "Tripod's own log."},
	OPTION_IGNORED("metrics", METRICS_WHY),
	OPTION_IGNORED("traces", "Tripod does not trace itself"),
	OPTION_IGNORED("resource", METRICS_WHY),
};
static const struct option_table telemetry_table = {
	OPTION_TABLE_OF(struct self_telemetry_options, telemetry_rows)};

static const struct option service_rows[] = {
	{OPTION_LIST(struct service_options, extensions), .doc = "Extensions that are started."},
	{.name = "pipelines",
	 .type = OPTION_ANY,
	 .doc = "traces, metrics and logs, or such a name and a suffix, as in logs/audit: each "
		"with "
		"lists of receivers, processors and exporters."},
	{OPTION_NESTED(struct service_options, telemetry, telemetry_table),
	 .doc = "What Tripod says about itself."},
};
const struct option_table service_option_table = {
	OPTION_TABLE_OF(struct service_options, service_rows)};

const struct config_section config_sections[CONFIG_SECTION_COUNT] = {
	{"storage", "Where telemetry is kept, and for how long.", &storage_option_table,
	 offsetof(struct config, storage)},
	{"query", "Reading it by SQL.", &query_option_table, offsetof(struct config, query)},
	{"auth", "Who may do what.", &auth_option_table, offsetof(struct config, auth)},
	{"ui", "The web page.", &ui_option_table, offsetof(struct config, ui)},
};

/* --- messages ---------------------------------------------------------------------- */

static struct position position_of(const struct yaml_node *node)
{
	return node ? node->at : (struct position){0};
}

struct diagnostic *config_wrong(struct config *config, const struct yaml_node *node,
				const char *path, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	struct diagnostic *d = diagnostics_vadd(&config->diagnostics, SEVERITY_ERROR,
						position_of(node), path, fmt, args);
	va_end(args);
	return d;
}

struct diagnostic *config_doubtful(struct config *config, const struct yaml_node *node,
				   const char *path, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	struct diagnostic *d = diagnostics_vadd(&config->diagnostics, SEVERITY_WARNING,
						position_of(node), path, fmt, args);
	va_end(args);
	return d;
}

static int out_of_memory(struct config *config)
{
	config_wrong(config, NULL, "", "the configuration needs more than %zu MiB of memory",
		     MEMORY >> 20);
	return STATUS_INVALID;
}

/* --- from texts to one tree -------------------------------------------------------- */

static int add_tree(struct config *config, const struct config_request *request, const char *name,
		    struct slice text, bool single, const struct yaml_node **out)
{
	struct source *source = arena_alloc(&config->arena, sizeof(*source));
	if (!source)
		return out_of_memory(config);
	*source = (struct source){name, text, single};
	int rc = yaml_parse(out, source, request->variables, &config->diagnostics);
	if (rc == STATUS_NO_MEMORY)
		return out_of_memory(config);
	if (rc == 0 && !single && (*out)->kind != YAML_MAPPING && !yaml_is_null(*out)) {
		config_wrong(config, *out, "",
			     "expected a mapping of sections such as receivers: and service:");
		return STATUS_INVALID;
	}
	return rc;
}

/* "a.b.c=value" over `root`. */
static int add_set(struct config *config, const struct config_request *request, const char *set,
		   const struct yaml_node **root)
{
	struct buf name = BUF_INIT;
	buf_appendf(&name, "--set %.60s", set);
	const char *source_name = arena_strdup(&config->arena, buf_slice(&name));
	buf_release(&name);
	const char *equals = strchr(set, '=');
	size_t len = equals ? (size_t)(equals - set) : 0;
	if (!source_name)
		return out_of_memory(config);
	bool dots_wrong =
		len && (set[0] == '.' || set[len - 1] == '.' || memmem(set, len, "..", 2));
	if (!len || len > 1000 || dots_wrong) {
		struct source *source = arena_alloc(&config->arena, sizeof(*source));
		if (!source)
			return out_of_memory(config);
		*source = (struct source){source_name, {"", 0}, true};
		diagnostics_add(&config->diagnostics, SEVERITY_ERROR,
				(struct position){source, 1, 1}, "",
				"expected KEY=VALUE such as storage.retention.logs=14d");
		return STATUS_INVALID;
	}
	const struct yaml_node *value;
	int rc = add_tree(config, request, source_name, slice_of(equals + 1), true, &value);
	if (rc < 0)
		return rc;
	unsigned levels = 1;
	for (size_t i = 0; i < len; i++)
		levels += set[i] == '.';
	const struct yaml_node *nested =
		levels > YAML_MAX_DEPTH
			? NULL
			: yaml_nest(&config->arena, (struct slice){set, len}, value);
	nested = nested ? yaml_merge(&config->arena, *root, nested) : NULL;
	if (!nested)
		return out_of_memory(config);
	*root = nested;
	return 0;
}

static bool has_pipelines(const struct yaml_node *root)
{
	static const char *const sections[] = {"receivers",  "processors", "exporters",
					       "connectors", "extensions", "service"};
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		if (yaml_find(root, sections[i]))
			return true;
	}
	return false;
}

static int build_tree(struct config *config, const struct config_request *request,
		      const struct yaml_node **out)
{
	const struct yaml_node *root = NULL, *tree;
	int rc = 0;
	for (size_t i = 0; i < request->text_count; i++) {
		const struct config_text *text = &request->texts[i];
		if (add_tree(config, request, text->name, text->text, false, &tree) < 0) {
			rc = STATUS_INVALID;
			continue;
		}
		root = yaml_merge(&config->arena, root, tree);
		if (!root)
			return out_of_memory(config);
	}
	if (rc == 0 && !has_pipelines(root)) {
		rc = add_tree(config, request, "built-in", slice_of(config_builtin_text), false,
			      &tree);
		root = rc == 0 ? yaml_merge(&config->arena, tree, root) : NULL;
		if (rc == 0 && !root)
			return out_of_memory(config);
	}
	for (size_t i = 0; i < request->set_count; i++) {
		if (add_set(config, request, request->sets[i], &root) < 0)
			rc = STATUS_INVALID;
	}
	*out = root;
	return rc;
}

/* --- from the tree to structs ------------------------------------------------------ */

/* Sections of the collector and of Tripod that are read elsewhere than config_sections. */
static bool is_section(const char *name)
{
	for (enum component_kind kind = 0; kind < COMPONENT_KIND_COUNT; kind++) {
		if (!strcmp(name, component_kind_section(kind)))
			return true;
	}
	for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++) {
		if (!strcmp(name, config_sections[i].name))
			return true;
	}
	return !strcmp(name, "service");
}

static void unknown_section(struct config *config, const struct yaml_node *key)
{
	struct suggestion suggestion;
	suggestion_init(&suggestion, key->text.ptr);
	for (enum component_kind kind = 0; kind < COMPONENT_KIND_COUNT; kind++)
		suggestion_offer(&suggestion, component_kind_section(kind));
	for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++)
		suggestion_offer(&suggestion, config_sections[i].name);
	suggestion_offer(&suggestion, "service");
	struct diagnostic *d;
	if (suggestion.best)
		d = config_wrong(config, key, key->text.ptr, "no such section; did you mean %s?",
				 suggestion.best);
	else
		d = config_wrong(config, key, key->text.ptr, "no such section");
	d->help = "sections: receivers, processors, exporters, connectors, extensions, service; "
		  "storage, query, auth, ui";
}

static void check_sections(struct config *config, const struct yaml_node *root)
{
	for (const struct yaml_entry *e = root->first; e; e = e->next) {
		const char *name = e->key->text.ptr;
		/* A place for anchors that the collector's users made a habit of. */
		bool extension_field = !strncmp(name, "x-", 2);
		if (is_section(name) || extension_field)
			continue;
		if (!strcmp(name, "alerting"))
			config_wrong(config, e->key, name, "known, but not built yet");
		else
			unknown_section(config, e->key);
	}
}

static void read_tree(struct config *config, const struct yaml_node *root)
{
	const struct yaml_node *service = yaml_get(root, "service");
	check_sections(config, root);
	for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++) {
		const struct config_section *section = &config_sections[i];
		options_parse(section->table, yaml_get(root, section->name), section->name,
			      (char *)config + section->offset, &config->diagnostics);
	}
	options_parse(&service_option_table, service, "service", &config->service,
		      &config->diagnostics);
	for (enum component_kind kind = 0; kind < COMPONENT_KIND_COUNT; kind++)
		config_read_components(config, kind, yaml_get(root, component_kind_section(kind)));
	if (yaml_is_null(service))
		config_wrong(config, yaml_find(root, "service") ? service : root, "",
			     "the section service is required: its pipelines say what happens to "
			     "what is received");
	else if (service->kind == YAML_MAPPING)
		config_read_pipelines(config, service);
	config_check_connectors(config);
	config_check_listeners(config, root);
}

void config_init(struct config *config)
{
	*config = (struct config){0};
	arena_init(&config->arena, MEMORY);
	diagnostics_init(&config->diagnostics, &config->arena);
}

void config_release(struct config *config)
{
	arena_release(&config->arena);
}

int config_load(struct config *config, const struct config_request *request)
{
	const struct yaml_node *root = NULL;
	config->registry = request->registry;
	int rc = build_tree(config, request, &root);
	if (rc < 0 || !root)
		return rc;
	config->root = root;
	read_tree(config, root);
	return config->diagnostics.errors ? STATUS_INVALID : 0;
}
