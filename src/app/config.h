/*
 * The configuration: the OpenTelemetry Collector's, and Tripod's own sections beside it.
 * app reads it once and hands its parts down; nothing below app sees the whole.
 */
#ifndef TRIPOD_APP_CONFIG_H
#define TRIPOD_APP_CONFIG_H

#include "api/access_options.h"
#include "app/components.h"
#include "base/log.h"
#include "store/storage_options.h"

/* One component that the configuration defines. */
struct component_config {
	const char *id; /* "otlp/internal" */
	const struct component_type *type; /* NULL when it is not one that is built */
	const void *options; /* the struct of type->options; NULL when they are wrong */
	const struct yaml_node *key, *node; /* for messages: where it was written */
	bool used; /* by a pipeline; extensions: by service.extensions */
};

struct component_list {
	struct component_config *items;
	size_t count;
};

/* A step of a pipeline: a component, or a connector at its start or end. */
struct pipeline_step {
	const struct component_config *component;
	const struct yaml_node *node;
	bool is_connector;
};

struct pipeline_steps {
	struct pipeline_step *items;
	size_t count;
};

struct pipeline_config {
	const char *id; /* "logs/audit" */
	enum signal signal;
	struct pipeline_steps receivers, processors, exporters;
	const struct yaml_node *key;
};

/* service.telemetry */
struct log_options {
	enum log_level level;
	enum log_format encoding;
};
struct self_telemetry_options {
	struct log_options logs;
};
struct service_options {
	const char *const *extensions;
	size_t extensions_count;
	struct self_telemetry_options telemetry;
};

struct config {
	struct arena arena; /* owns everything below */
	struct diagnostics diagnostics;
	const struct component_registry *registry;
	const struct yaml_node *root; /* for messages: all that was written */
	struct component_list components[COMPONENT_KIND_COUNT];
	struct pipeline_config *pipelines;
	size_t pipeline_count;
	struct service_options service;
	struct storage_options storage;
	struct query_options query;
	struct auth_options auth;
	struct ui_options ui;
};

/* Text of a configuration, and the name that messages call it by. */
struct config_text {
	const char *name;
	struct slice text;
};

struct config_request {
	const struct config_text *texts; /* later ones are laid over earlier ones; borrowed */
	size_t text_count;
	const char *const *sets; /* "key.path=value", laid over the texts; borrowed */
	size_t set_count;
	const struct yaml_variables *variables;
	const struct component_registry *registry;
};

void config_init(struct config *config);
void config_release(struct config *config);

/*
 * Reads a configuration. One that has none of the collector's sections is laid over the
 * built-in one. Returns 0, or INVALID when config->diagnostics has errors; there may be
 * warnings in either case. Texts and sets must live as long as `config`.
 */
int config_load(struct config *config, const struct config_request *request);

/*
 * Whether the certificates and keys that it names can be loaded, which only the machine that
 * it is for knows. INVALID, with the mistakes in config->diagnostics.
 */
int config_check_certificates(struct config *config);

/* The configuration with every default written out, secrets as <hidden>. */
void config_print(const struct config *config, struct buf *out);

/* The configuration that is used when there is none. */
extern const char config_builtin_text[];

/* Variables of the environment. */
extern const struct yaml_variables environment_variables;

/* Tripod's own sections, for the reference. */
struct config_section {
	const char *name, *doc;
	const struct option_table *table;
	size_t offset; /* in struct config */
};
#define CONFIG_SECTION_COUNT 4
extern const struct config_section config_sections[CONFIG_SECTION_COUNT];
extern const struct option_table service_option_table;

#endif
