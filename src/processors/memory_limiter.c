/*
 * Refuses requests while the process uses more memory than it may. As in the collector, the
 * use is measured every check_interval, and limit - spike_limit is where refusing begins: in
 * between two checks it may grow by the spike. What senders are told makes them try again.
 */
#include "processors/memory_limiter.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "processors/memory_limiter_options.h"

struct memory_limiter {
	struct processor processor;
	int64_t interval; /* ns */
	uint64_t limit, refuse_from; /* bytes */
	_Atomic int64_t next_check; /* monotonic */
	_Atomic uint64_t used;
	atomic_bool refusing;
};

static uint64_t machine_memory(void)
{
	return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGE_SIZE);
}

/* Bytes that were allocated and not freed; what the allocator keeps in hand does not count. */
static uint64_t allocated_bytes(void)
{
	struct mallinfo2 info = mallinfo2();
	return info.uordblks + info.hblkhd;
}

static int start(struct processor **out, const void *options, struct error *err)
{
	const struct memory_limiter_options *wanted = options;
	struct memory_limiter *self = calloc(1, sizeof(*self));
	if (!self)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	self->processor.type = &memory_limiter_processor;
	self->interval = wanted->check_interval;
	uint64_t spike = wanted->spike_limit;
	self->limit = wanted->limit;
	if (!self->limit) {
		self->limit = machine_memory() / 100 * (uint64_t)wanted->limit_percentage;
		spike = machine_memory() / 100 * (uint64_t)wanted->spike_limit_percentage;
	}
	if (!spike)
		spike = self->limit / 5;
	self->refuse_from = self->limit > spike ? self->limit - spike : 0;
	*out = &self->processor;
	return 0;
}

static void stop(struct processor *processor)
{
	free(processor);
}

static void check(struct memory_limiter *self)
{
	uint64_t used = allocated_bytes();
	bool refusing = used > self->refuse_from;
	atomic_store(&self->used, used);
	if (atomic_exchange(&self->refusing, refusing) == refusing)
		return;
	if (refusing)
		log_warn("memory_limiter: senders are refused until memory is freed",
			 LOG_INT("used_mib", used >> 20),
			 LOG_INT("refuse_from_mib", self->refuse_from >> 20));
	else
		log_info("memory_limiter: accepting again", LOG_INT("used_mib", used >> 20));
}

static int admit(struct processor *processor, struct error *err)
{
	struct memory_limiter *self = (struct memory_limiter *)processor;
	int64_t now = clock_monotonic_ns();
	int64_t due = atomic_load_explicit(&self->next_check, memory_order_relaxed);
	if (now >= due &&
	    atomic_compare_exchange_strong(&self->next_check, &due, now + self->interval))
		check(self);
	if (!atomic_load_explicit(&self->refusing, memory_order_relaxed))
		return 0;
	return error_set(err, STATUS_AGAIN,
			 "memory_limiter: %" PRIu64
			 " MiB are in use, and requests are refused from "
			 "%" PRIu64 " MiB",
			 atomic_load(&self->used) >> 20, self->refuse_from >> 20);
}

const struct processor_type memory_limiter_processor = {
	.type = {.name = "memory_limiter",
		 .signals = SIGNALS_ALL,
		 .stability = STABILITY_ALPHA,
		 .summary = "Refuses data before memory runs out.",
		 .options = &memory_limiter_option_table},
	.start = start,
	.stop = stop,
	.admit = admit,
};
