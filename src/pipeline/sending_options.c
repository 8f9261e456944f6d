#include "pipeline/sending_options.h"

#include "base/units.h"

static const char *const sizers[] = {"items", "bytes", NULL};

#define QUEUE_WHY "what waits is in the durable log, whose size storage.log.max_size bounds"

static const struct option retry_options[] = {
	{OPTION(BOOL, struct retry_options, enabled), .initial = "true",
	 .doc = "Send again what could not be sent."},
	{OPTION(DURATION, struct retry_options, initial_interval), .initial = "5s",
	 .doc = "Wait before the first retry. A Retry-After of the server goes before it."},
	{OPTION(DURATION, struct retry_options, max_interval), .initial = "30s",
	 .doc = "Longest wait between two retries."},
	{OPTION(DURATION, struct retry_options, max_elapsed_time), .initial = "5m",
	 .doc = "After so long a block goes to the quarantine, where it can be listed and sent "
		"again; 0: it is retried for ever."},
	{OPTION(DOUBLE, struct retry_options, multiplier), .initial = "1.5",
	 .doc = "Factor from one wait to the next."},
	{OPTION(DOUBLE, struct retry_options, randomization_factor), .initial = "0.5",
	 .doc = "Each wait is varied by up to this part of it, 0 to 1."},
};

static const struct option batch_options[] = {
	{OPTION(DURATION, struct queue_batch_options, flush_timeout), .initial = "200ms",
	 .doc = "A request is sent after so long, whatever its size."},
	{OPTION(INT, struct queue_batch_options, min_size), .initial = "8192", .most = INT64_MAX,
	 .doc = "A request is sent once it has this size."},
	{OPTION(INT, struct queue_batch_options, max_size), .initial = "0", .most = INT64_MAX,
	 .doc = "Larger requests are split; 0: never."},
	{OPTION_CHOICE(struct queue_batch_options, sizer, sizers), .initial = "items",
	 .doc = "What sizes count."},
	OPTION_MISSING("partition", "requests are not split by metadata"),
};

static void check_retry(const void *value, struct option_check *check)
{
	const struct retry_options *retry = value;
	char most[UNITS_TEXT];
	int64_t elapsed = retry->max_elapsed_time;
	if (retry->randomization_factor < 0 || retry->randomization_factor > 1)
		option_wrong(check, "randomization_factor",
			     "found %g, expected a number from 0 to 1",
			     retry->randomization_factor);
	if (retry->multiplier < 1)
		option_wrong(check, "multiplier", "found %g, expected a number of at least 1",
			     retry->multiplier);
	if (elapsed && elapsed < retry->initial_interval)
		option_wrong(check, "max_elapsed_time", "expected at least initial_interval (%s)",
			     duration_format(most, retry->initial_interval));
	else if (elapsed && elapsed < retry->max_interval)
		option_wrong(check, "max_elapsed_time", "expected at least max_interval (%s)",
			     duration_format(most, retry->max_interval));
}

static void check_batch(const void *value, struct option_check *check)
{
	const struct queue_batch_options *batch = value;
	if (!batch->flush_timeout)
		option_wrong(check, "flush_timeout", "expected more than 0, such as 200ms");
	if (batch->max_size && batch->max_size < batch->min_size)
		option_wrong(check, "max_size", "found %lld, expected at least min_size (%lld)",
			     (long long)batch->max_size, (long long)batch->min_size);
}

static const struct option_table batch_option_table = {
	OPTION_TABLE_OF(struct queue_batch_options, batch_options), .check = check_batch};

static const struct option queue_options[] = {
	{OPTION(INT, struct queue_options, num_consumers), .initial = "10", .least = 1,
	 .most = 1000, .doc = "Requests that are under way at once."},
	{OPTION_NESTED(struct queue_options, batch, batch_option_table),
	 .flags = OPTION_OPTIONAL | OPTION_BARE_KEY,
	 .present = offsetof(struct queue_options, has_batch),
	 .doc = "Cut what is sent into requests of another size than the batch processor does."},
	OPTION_IGNORED("enabled", QUEUE_WHY),
	OPTION_IGNORED("queue_size", QUEUE_WHY),
	OPTION_IGNORED("sizer", QUEUE_WHY),
	OPTION_IGNORED("storage", QUEUE_WHY),
	OPTION_IGNORED("block_on_overflow",
		       "senders are refused with Retry-After when the durable log is full"),
	OPTION_IGNORED("wait_for_result", "a sender is answered once its data is durable"),
};

const struct option_table retry_option_table = {
	OPTION_TABLE_OF(struct retry_options, retry_options), .check = check_retry};
const struct option_table queue_option_table = {
	OPTION_TABLE_OF(struct queue_options, queue_options)};
