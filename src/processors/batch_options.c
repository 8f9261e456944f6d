#include "processors/batch_options.h"

static const struct option options[] = {
	{OPTION(DURATION, struct batch_options, timeout), .initial = "200ms",
	 .doc = "What is there is passed on after so long; 0: at once. It delays no "
		"acknowledgement: what is acknowledged is in the durable log already."},
	{OPTION(INT, struct batch_options, send_batch_size), .initial = "8192", .most = 4294967295,
	 .doc = "Records (log records, spans, data points) that are passed on "
		"without waiting for timeout."},
	{OPTION(INT, struct batch_options, send_batch_max_size), .initial = "0", .most = 4294967295,
	 .doc = "Larger batches are split; 0: never."},
	OPTION_IGNORED("metadata_cardinality_limit", "batches are not split by metadata"),
	OPTION_MISSING("metadata_keys", "batches are not split by metadata"),
};

static void check(const void *value, struct option_check *check)
{
	const struct batch_options *batch = value;
	if (batch->send_batch_max_size && batch->send_batch_max_size < batch->send_batch_size)
		option_wrong(check, "send_batch_max_size",
			     "found %lld, expected at least send_batch_size (%lld)",
			     (long long)batch->send_batch_max_size,
			     (long long)batch->send_batch_size);
}

const struct option_table batch_option_table = {OPTION_TABLE_OF(struct batch_options, options),
						.check = check};
