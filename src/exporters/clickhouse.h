/* The clickhouse exporter. */
#ifndef TRIPOD_EXPORTERS_CLICKHOUSE_H
#define TRIPOD_EXPORTERS_CLICKHOUSE_H

#include "pipeline/component.h"

extern const struct exporter_type clickhouse_exporter;

#endif
