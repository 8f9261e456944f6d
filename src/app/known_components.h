/*
 * Components of the OpenTelemetry Collector's contrib distribution, so that a configuration
 * that uses one hears "known, but not built yet" rather than "no such thing".
 */
#ifndef TRIPOD_APP_KNOWN_COMPONENTS_H
#define TRIPOD_APP_KNOWN_COMPONENTS_H

#include "base/suggest.h"
#include "pipeline/component.h"

bool is_known_component(enum component_kind kind, const char *name);
/* Why a configuration may go on without this extension and what takes its place; NULL: it may not. */
const char *extension_replacement(const char *name);
/* What the collector itself has put in the place of a component that it removed; or NULL. */
const char *component_successor(enum component_kind kind, const char *name);
void known_components_offer(struct suggestion *suggestion, enum component_kind kind);

#endif
