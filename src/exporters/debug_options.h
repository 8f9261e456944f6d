/* Options of debug: the collector's exporter/debugexporter. */
#ifndef TRIPOD_EXPORTERS_DEBUG_OPTIONS_H
#define TRIPOD_EXPORTERS_DEBUG_OPTIONS_H

#include "base/options.h"

enum debug_verbosity { DEBUG_BASIC, DEBUG_NORMAL, DEBUG_DETAILED };

struct debug_options {
	enum debug_verbosity verbosity;
	int64_t sampling_initial; /* messages a second that are all written */
	int64_t sampling_thereafter; /* of those above, every nth is; 0: none */
	bool use_internal_logger; /* else to output_paths, without the log's frame */
	const char *const *output_paths; /* "stdout", "stderr" or a file */
	size_t output_paths_count;
};

extern const struct option_table debug_option_table;

#endif
