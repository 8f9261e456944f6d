/*
 * Whether bytes are an OTLP request, for who passes them on and needs no columns. Pure.
 *
 * The protobuf framing of every message is checked down to the last attribute value, and
 * records are counted; what they say (text that is not UTF-8, ids of a wrong length, times)
 * is left to whoever reads them.
 */
#ifndef TRIPOD_TELEMETRY_OTLP_CHECK_H
#define TRIPOD_TELEMETRY_OTLP_CHECK_H

#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"
#include "telemetry/otlp_schema.h"
#include "telemetry/signal.h"

/* Levels of messages that are looked into; what lies deeper is taken as it is. */
#define OTLP_CHECK_DEPTH 250

/*
 * `bytes`, an Export…ServiceRequest, are followed by CHUNK_PADDING readable bytes.
 * `*records`: the log records, spans or data points in it. INVALID says where it is malformed.
 */
int otlp_check(enum signal signal, struct slice bytes, uint32_t *records, struct error *err);

/* The request of a signal. */
const struct otlp_message *otlp_request_message(enum signal signal);
/* What is answered to it. */
const struct otlp_message *otlp_response_message(enum signal signal);

#endif
