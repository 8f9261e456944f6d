/*
 * Options that all exporters share, with the names and defaults of the OpenTelemetry
 * Collector's exporterhelper and config/configretry.
 */
#ifndef TRIPOD_PIPELINE_SENDING_OPTIONS_H
#define TRIPOD_PIPELINE_SENDING_OPTIONS_H

#include "base/options.h"

/* retry_on_failure; times in ns. */
struct retry_options {
	bool enabled;
	int64_t initial_interval, max_interval;
	int64_t max_elapsed_time; /* 0: for ever; what is older goes to the quarantine */
	double multiplier;
	double randomization_factor; /* 0 to 1 */
};

enum batch_sizer { BATCH_SIZER_ITEMS, BATCH_SIZER_BYTES };

/* sending_queue.batch */
struct queue_batch_options {
	int64_t flush_timeout; /* ns */
	int64_t min_size, max_size; /* in the sizer's measure; max_size 0: no bound */
	enum batch_sizer sizer;
};

/* sending_queue: the queue itself is the durable log. */
struct queue_options {
	int64_t num_consumers; /* requests under way at once */
	bool has_batch;
	struct queue_batch_options batch;
};

extern const struct option_table retry_option_table;
extern const struct option_table queue_option_table;

#endif
