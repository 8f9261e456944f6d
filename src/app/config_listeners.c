#include "app/config_int.h"
#include "base/address.h"

struct listener {
	const char *address, *path;
	const struct yaml_node *node;
};

struct listeners {
	struct config *config;
	struct listener *items;
	size_t count, capacity;
	bool explained; /* the long help was given once */
};

static void explain(struct listeners *listeners, struct diagnostic *d, const char *address)
{
	if (listeners->explained)
		return;
	listeners->explained = true;
	d->help = diagnostics_text(
		&listeners->config->diagnostics,
		"listen on this machine only: 127.0.0.1:%u\n"
		"or give out tokens: auth: {tokens: [{name: apps, token: \"${env:TRIPOD_TOKEN}\", "
		"role: ingest}]}\n"
		"or let networks in without one: auth: {anonymous: {role: ingest, from: "
		"[10.0.0.0/8]}}",
		address_port(address));
}

static bool is_open_to_all_interfaces(const char *address)
{
	return address[0] == ':' || !strncmp(address, "0.0.0.0:", 8) ||
	       !strncmp(address, "[::]:", 5);
}

/* Whether two addresses cannot be bound at once; what only the machine knows is left to it. */
static bool collide(const char *a, const char *b)
{
	unsigned port = address_port(a);
	if (!port)
		return a[0] && !strcmp(a, b) && (a[0] == '/' || !strncmp(a, "unix:", 5));
	if (port != address_port(b))
		return false;
	if (is_open_to_all_interfaces(a) || is_open_to_all_interfaces(b) || !strcmp(a, b))
		return true;
	bool local_a = !strncmp(a, "localhost:", 10), local_b = !strncmp(b, "localhost:", 10);
	return (local_a && !strncmp(b, "127.0.0.1:", 10)) ||
	       (local_b && !strncmp(a, "127.0.0.1:", 10));
}

static void add(void *ctx, const char *address, const struct yaml_node *node, const char *path)
{
	struct listeners *listeners = ctx;
	struct config *config = listeners->config;
	bool anybody_known = config->auth.tokens_count || config->auth.has_anonymous;
	if (!address_is_loopback(address) && !anybody_known) {
		struct diagnostic *d =
			config_wrong(config, node, path,
				     "%s can be reached from other machines, and nothing says who "
				     "may come in",
				     address);
		explain(listeners, d, address);
	}
	for (size_t i = 0; i < listeners->count; i++) {
		if (collide(address, listeners->items[i].address)) {
			config_wrong(config, node, path, "%s is taken already, by %s", address,
				     listeners->items[i].path);
			return;
		}
	}
	if (listeners->count < listeners->capacity)
		listeners->items[listeners->count++] = (struct listener){address, path, node};
}

void config_check_listeners(struct config *config, const struct yaml_node *root)
{
	const struct component_list *receivers = &config->components[COMPONENT_RECEIVER];
	struct listeners listeners = {.config = config, .capacity = receivers->count * 4 + 8};
	listeners.items = arena_array(&config->arena, listeners.capacity, sizeof(*listeners.items));
	if (!listeners.items) {
		config_wrong(config, NULL, "receivers", "too large");
		return;
	}
	if (yaml_get(root, "auth") && config->diagnostics.errors)
		return; /* what auth says may not have been understood */
	for (size_t i = 0; i < receivers->count; i++) {
		const struct component_config *c = &receivers->items[i];
		if (c->options && c->used)
			options_each_listener(
				c->type->options, c->options, c->node,
				diagnostics_text(&config->diagnostics, "receivers.%s", c->id),
				&config->arena, add, &listeners);
	}
	for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++) {
		const struct config_section *section = &config_sections[i];
		options_each_listener(section->table, (const char *)config + section->offset,
				      yaml_get(root, section->name), section->name, &config->arena,
				      add, &listeners);
	}
}
