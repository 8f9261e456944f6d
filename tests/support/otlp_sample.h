/* Realistic OTLP requests, the same for the same seed. */
#ifndef TRIPOD_TESTS_OTLP_SAMPLE_H
#define TRIPOD_TESTS_OTLP_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct sample_options {
	uint64_t seed;
	uint64_t start_time; /* of the first record, ns; later ones follow */
	unsigned records; /* in the request */
	unsigned resources; /* that they are spread over */
	bool shuffle; /* each record's attributes in an order of its own */
};

/* About 555 bytes a record: 250-byte body, 8 attributes; 5 resource attributes. */
void sample_logs(struct buf *out, const struct sample_options *options);
/* About 350 bytes a span without its events: 12 attributes, every fifth with an event. */
void sample_spans(struct buf *out, const struct sample_options *options);

#endif
