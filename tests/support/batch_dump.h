/* Decoded batches as text, to compare: the form that tests/fixtures/otlp/make.py writes. */
#ifndef TRIPOD_TESTS_BATCH_DUMP_H
#define TRIPOD_TESTS_BATCH_DUMP_H

#include "base/buf.h"
#include "telemetry/batch.h"

void dump_logs(struct buf *out, const struct log_batch *batch);
void dump_spans(struct buf *out, const struct span_batch *batch);

/* Appends the file `name` of tests/fixtures and, not counted in, 64 bytes of padding; false: said on stderr. */
bool load_fixture(const char *name, struct buf *out);

#endif
