#include "exporters/debug_options.h"

static const char *const verbosities[] = {"basic", "normal", "detailed", NULL};

static const struct option options[] = {
	{OPTION_CHOICE(struct debug_options, verbosity, verbosities), .initial = "basic",
	 .doc = "basic: a line for each batch; normal: a line for each record; detailed: all of "
		"each record."},
	{OPTION(INT, struct debug_options, sampling_initial), .initial = "2", .most = INT64_MAX,
	 .doc = "Messages of a second that are all written."},
	{OPTION(INT, struct debug_options, sampling_thereafter), .initial = "1", .most = INT64_MAX,
	 .doc = "Of further ones, every nth is written; 0: none."},
	{OPTION(BOOL, struct debug_options, use_internal_logger), .initial = "true",
	 .doc = "Write to Tripod's own log; false: to output_paths."},
	{OPTION_LIST(struct debug_options, output_paths),
	 .doc = "stdout, stderr, or files. Default: stdout."},
	OPTION_IGNORED("sending_queue", "what waits is in the durable log"),
};

static void check(const void *value, struct option_check *check)
{
	const struct debug_options *debug = value;
	if (debug->use_internal_logger && debug->output_paths_count)
		option_wrong(check, "output_paths", "needs use_internal_logger: false beside it");
}

const struct option_table debug_option_table = {OPTION_TABLE_OF(struct debug_options, options),
						.check = check};
