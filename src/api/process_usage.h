/* What the kernel says of this process (proc(5)). */
#ifndef TRIPOD_API_PROCESS_USAGE_H
#define TRIPOD_API_PROCESS_USAGE_H

#include <stdint.h>

#include "base/status.h"

struct process_usage {
	double cpu_seconds; /* user and system, of all threads */
	double start_seconds; /* since the Unix epoch */
	uint64_t resident_bytes, virtual_bytes;
	uint64_t open_fds, max_fds; /* 0 where they may not be read */
	uint64_t threads;
};

int process_usage_read(struct process_usage *out, struct error *err);

#endif
