#include "processors/memory_limiter_options.h"

#define GC_WHY "there is no garbage collector"
#define MIB (UINT64_C(1) << 20)

static const struct option options[] = {
	{OPTION(DURATION, struct memory_limiter_options, check_interval), .example = "1s",
	 .doc = "How often memory is measured. Must be given."},
	{OPTION_AS(BYTES, struct memory_limiter_options, limit, "limit_mib"), .unit = MIB,
	 .doc = "The hard limit: above it everything is refused, with a status that lets senders "
		"try again."},
	{OPTION_AS(BYTES, struct memory_limiter_options, spike_limit, "spike_limit_mib"),
	 .unit = MIB, .doc = "Refusing begins so far below the hard limit; 0: a fifth of it."},
	{OPTION(INT, struct memory_limiter_options, limit_percentage), .most = 100,
	 .doc = "The hard limit in percent of the machine's (or the container's) memory, where "
		"limit_mib is not given."},
	{OPTION(INT, struct memory_limiter_options, spike_limit_percentage), .most = 100,
	 .doc = "The same for spike_limit_mib."},
	OPTION_IGNORED("min_gc_interval_when_soft_limited", GC_WHY),
	OPTION_IGNORED("min_gc_interval_when_hard_limited", GC_WHY),
	OPTION_IGNORED("max_gc_interval_when_soft_limited", GC_WHY),
	OPTION_IGNORED("max_gc_interval_when_hard_limited", GC_WHY),
};

static void check(const void *value, struct option_check *check)
{
	const struct memory_limiter_options *limiter = value;
	if (!limiter->check_interval)
		option_wrong(check, "check_interval", "must be given and more than 0, such as 1s");
	if (!limiter->limit && !limiter->limit_percentage)
		option_wrong(check, "",
			     "one of limit_mib and limit_percentage is required, such as "
			     "limit_mib: 512");
	if (limiter->limit && limiter->limit <= limiter->spike_limit)
		option_wrong(check, "spike_limit_mib",
			     "found %llu, expected less than limit_mib (%llu)",
			     (unsigned long long)(limiter->spike_limit / MIB),
			     (unsigned long long)(limiter->limit / MIB));
	if (limiter->limit_percentage &&
	    limiter->limit_percentage <= limiter->spike_limit_percentage)
		option_wrong(check, "spike_limit_percentage",
			     "found %lld, expected less than limit_percentage (%lld)",
			     (long long)limiter->spike_limit_percentage,
			     (long long)limiter->limit_percentage);
}

const struct option_table memory_limiter_option_table = {
	OPTION_TABLE_OF(struct memory_limiter_options, options), .check = check};
