/* Options of batch: the collector's processor/batchprocessor. */
#ifndef TRIPOD_PROCESSORS_BATCH_OPTIONS_H
#define TRIPOD_PROCESSORS_BATCH_OPTIONS_H

#include "base/options.h"

struct batch_options {
	int64_t timeout; /* ns */
	int64_t send_batch_size; /* items; 0: whatever is there */
	int64_t send_batch_max_size; /* items; 0: no bound */
};

extern const struct option_table batch_option_table;

#endif
