/* Options of clickhouse, which writes to the one store (section storage). */
#ifndef TRIPOD_EXPORTERS_CLICKHOUSE_OPTIONS_H
#define TRIPOD_EXPORTERS_CLICKHOUSE_OPTIONS_H

#include "pipeline/sending_options.h"

struct clickhouse_exporter_options {
	int64_t timeout; /* ns, of one insert */
	struct retry_options retry_on_failure;
};

extern const struct option_table clickhouse_exporter_option_table;

#endif
