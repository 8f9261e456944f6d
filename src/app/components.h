/* The components that are built: one list of each kind. */
#ifndef TRIPOD_APP_COMPONENTS_H
#define TRIPOD_APP_COMPONENTS_H

#include "pipeline/component.h"

/* Each list ends with NULL. */
struct component_registry {
	const struct receiver_type *const *receivers;
	const struct processor_type *const *processors;
	const struct exporter_type *const *exporters;
	const struct connector_type *const *connectors;
	const struct extension_type *const *extensions;
};

extern const struct component_registry builtin_components;

/* "receiver", "receivers" */
const char *component_kind_name(enum component_kind kind);
const char *component_kind_section(enum component_kind kind);
const char *stability_name(enum stability stability);

/* The nth of a kind; NULL behind the last. */
const struct component_type *registry_get(const struct component_registry *registry,
					  enum component_kind kind, size_t index);
/* By name or alias; NULL when there is none. */
const struct component_type *registry_find(const struct component_registry *registry,
					   enum component_kind kind, const char *name);

/* A table of what is built, for `tripod components`. */
void components_print_list(const struct component_registry *registry, struct buf *out, bool colour);
/* All components of this name, with their options. Returns how many there are. */
unsigned components_print_one(const struct component_registry *registry, const char *name,
			      struct buf *out, bool colour);
/* The reference, docs/components.md. */
void components_print_markdown(const struct component_registry *registry, struct buf *out);

#endif
