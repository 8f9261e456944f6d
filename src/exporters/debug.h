/* The debug exporter. */
#ifndef TRIPOD_EXPORTERS_DEBUG_H
#define TRIPOD_EXPORTERS_DEBUG_H

#include "pipeline/component.h"

extern const struct exporter_type debug_exporter;

#endif
