#include "app/components.h"

#include "exporters/clickhouse.h"
#include "exporters/debug.h"
#include "exporters/otlp.h"
#include "processors/batch.h"
#include "processors/memory_limiter.h"
#include "receivers/otlp.h"

static const struct receiver_type *const receivers[] = {
	&otlp_receiver,
	NULL,
};

static const struct processor_type *const processors[] = {
	&batch_processor,
	&memory_limiter_processor,
	NULL,
};

static const struct exporter_type *const exporters[] = {
	&clickhouse_exporter, &debug_exporter, &otlp_exporter, &otlphttp_exporter, NULL,
};

static const struct connector_type *const connectors[] = {NULL};

static const struct extension_type *const extensions[] = {NULL};

const struct component_registry builtin_components = {receivers, processors, exporters, connectors,
						      extensions};

const char *component_kind_name(enum component_kind kind)
{
	static const char *const names[] = {"receiver", "processor", "exporter", "connector",
					    "extension"};
	return names[kind];
}

const char *component_kind_section(enum component_kind kind)
{
	static const char *const names[] = {"receivers", "processors", "exporters", "connectors",
					    "extensions"};
	return names[kind];
}

const char *stability_name(enum stability stability)
{
	static const char *const names[] = {"development", "alpha", "beta", "stable"};
	return names[stability];
}

const struct component_type *registry_get(const struct component_registry *registry,
					  enum component_kind kind, size_t index)
{
	switch (kind) {
	case COMPONENT_RECEIVER:
		return registry->receivers[index] ? &registry->receivers[index]->type : NULL;
	case COMPONENT_PROCESSOR:
		return registry->processors[index] ? &registry->processors[index]->type : NULL;
	case COMPONENT_EXPORTER:
		return registry->exporters[index] ? &registry->exporters[index]->type : NULL;
	case COMPONENT_CONNECTOR:
		return registry->connectors[index] ? &registry->connectors[index]->type : NULL;
	case COMPONENT_EXTENSION:
		return registry->extensions[index] ? &registry->extensions[index]->type : NULL;
	}
	return NULL;
}

const struct component_type *registry_find(const struct component_registry *registry,
					   enum component_kind kind, const char *name)
{
	const struct component_type *type;
	for (size_t i = 0; (type = registry_get(registry, kind, i)); i++) {
		if (!strcmp(type->name, name) || (type->alias && !strcmp(type->alias, name)))
			return type;
	}
	return NULL;
}
