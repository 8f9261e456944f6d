/*
 * Telemetry to load a receiver with: made before the run, so that sending it costs little.
 * Skewed as real data is (few services, routes and users make most of it), with short and
 * long bodies and 8 to 30 attributes a record.
 */
#ifndef TRIPOD_APP_SEND_LOAD_H
#define TRIPOD_APP_SEND_LOAD_H

#include <stdint.h>

#include "base/buf.h"
#include "telemetry/signal.h"

/* A request, and where the times in it are. */
struct load_request {
	struct buf protobuf; /* CHUNK_PADDING bytes behind it are zero */
	uint32_t *times; /* offsets of fixed64 fields */
	size_t time_count;
	uint64_t base; /* the time that they are relative to now, ns */
};

/* A request of `records` records; of the same seed the same one. False when out of memory. */
bool load_request_make(struct load_request *request, enum signal signal, unsigned records,
		       uint64_t seed);
void load_request_release(struct load_request *request);
/* Moves all times, so that the latest records are of `now` (ns since 1970). */
void load_request_set_time(struct load_request *request, uint64_t now);

#endif
