#include "app/config_int.h"
#include "net/tls.h"
#include "net/tls_options.h"

static int load_listen(const struct tls_listen_options *options, struct error *err)
{
	const struct tls_server_options files = {.cert_file = options->cert_file,
						 .key_file = options->key_file,
						 .client_ca_file = options->client_ca_file};
	struct tls_server *tls = NULL;
	int rc = tls_server_new(&tls, &files, err);
	if (rc == 0)
		tls_server_free(tls);
	return rc;
}

static int load_connect(const struct tls_connect_options *options, struct error *err)
{
	const struct tls_client_options files = {.ca_file = options->ca_file,
						 .cert_file = options->cert_file,
						 .key_file = options->key_file};
	struct tls_client *tls = NULL;
	if (options->insecure || (!options->ca_file && !options->cert_file))
		return 0;
	int rc = tls_client_new(&tls, &files, err);
	if (rc == 0)
		tls_client_free(tls);
	return rc;
}

static void check(void *ctx, const struct option_table *table, const void *value,
		  const struct yaml_node *node, const char *path)
{
	struct error err;
	int rc = 0;
	if (table == &tls_listen_option_table)
		rc = load_listen(value, &err);
	else if (table == &tls_connect_option_table)
		rc = load_connect(value, &err);
	if (rc < 0)
		config_wrong(ctx, node, path, "%s", err.message);
}

int config_check_certificates(struct config *config)
{
	for (enum component_kind kind = 0; kind < COMPONENT_KIND_COUNT; kind++) {
		const struct component_list *list = &config->components[kind];
		for (size_t i = 0; i < list->count; i++) {
			const struct component_config *c = &list->items[i];
			if (c->options && c->used)
				options_each_table(c->type->options, c->options, c->node,
						   diagnostics_text(&config->diagnostics, "%s.%s",
								    component_kind_section(kind),
								    c->id),
						   &config->arena, check, config);
		}
	}
	for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++) {
		const struct config_section *section = &config_sections[i];
		options_each_table(section->table, (const char *)config + section->offset,
				   yaml_get(config->root, section->name), section->name,
				   &config->arena, check, config);
	}
	return config->diagnostics.errors ? STATUS_INVALID : 0;
}
