/* An OTLP request as text for people. Pure. */
#ifndef TRIPOD_EXPORTERS_DEBUG_DEBUG_TEXT_H
#define TRIPOD_EXPORTERS_DEBUG_DEBUG_TEXT_H

#include "base/buf.h"
#include "exporters/debug_options.h"
#include "telemetry/signal.h"

/*
 * Appends lines to `out`: NORMAL, one for each record (its time, name or severity, body or
 * values, attributes as key=value); DETAILED, everything as indented OTLP/JSON. Control
 * characters are escaped. `protobuf` is an Export…ServiceRequest followed by CHUNK_PADDING
 * readable bytes. INVALID when it is malformed.
 */
int debug_text(enum signal signal, enum debug_verbosity verbosity, struct slice protobuf,
	       struct buf *out, struct error *err);

#endif
