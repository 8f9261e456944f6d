/*
 * What the benchmarks send: the same OTLP requests, byte for byte, for the same options. So
 * that the load generator and the program that measures the engine alone store the same rows.
 */
#ifndef TRIPOD_BENCH_WORKLOAD_H
#define TRIPOD_BENCH_WORKLOAD_H

#include <stdint.h>

#include "base/buf.h"
#include "telemetry/signal.h"

struct workload {
	enum signal signal;
	uint64_t start_time; /* of the first record, ns */
	uint64_t rows; /* log records, spans, or about as many samples */
	unsigned batch; /* of a request */
};

/* "logs", "traces", "metrics". False: none of them. */
bool workload_signal(enum signal *out, const char *name);
uint64_t workload_requests(const struct workload *workload);
/* Records in the request; of metrics about. */
unsigned workload_request_rows(const struct workload *workload, uint64_t index);
/* Appends request `index` to `out`, with CHUNK_PADDING bytes of room behind it. */
void workload_request(const struct workload *workload, uint64_t index, struct buf *out);

#endif
