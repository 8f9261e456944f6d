/* The exporters otlp (gRPC) and otlphttp. */
#ifndef TRIPOD_EXPORTERS_OTLP_H
#define TRIPOD_EXPORTERS_OTLP_H

#include "pipeline/component.h"

extern const struct exporter_type otlp_exporter;
extern const struct exporter_type otlphttp_exporter;

#endif
