/* What config.c, config_pipelines.c and config_listeners.c share. */
#ifndef TRIPOD_APP_CONFIG_INT_H
#define TRIPOD_APP_CONFIG_INT_H

#include "app/config.h"

/* More of one kind, or pipelines, than anybody writes. */
#define CONFIG_MOST 1000

/* `section` of one kind to config->components[kind]. */
void config_read_components(struct config *config, enum component_kind kind,
			    const struct yaml_node *section);
/* service.pipelines and what they refer to; marks what is used. */
void config_read_pipelines(struct config *config, const struct yaml_node *service);
/* Connectors that lead nowhere, to the wrong signal or in a circle. */
void config_check_connectors(struct config *config);
/* Listeners that other machines reach, and two on one port. */
void config_check_listeners(struct config *config, const struct yaml_node *root);

__attribute__((format(printf, 4, 5))) struct diagnostic *config_wrong(struct config *config,
								      const struct yaml_node *node,
								      const char *path,
								      const char *fmt, ...);
__attribute__((format(printf, 4, 5))) struct diagnostic *
config_doubtful(struct config *config, const struct yaml_node *node, const char *path,
		const char *fmt, ...);

#endif
