/*
 * OTLP/JSON to OTLP protobuf and back, driven by the tables of telemetry/otlp_schema.h.
 * Everything behind a receiver handles protobuf only. Pure: no I/O, no clock.
 *
 * Source: OTLP 1.9, "JSON Protobuf Encoding", and protobuf.dev, "ProtoJSON Format".
 *
 * What is read:
 * - Field names in lowerCamelCase, and also as in the proto files (the specification does
 *   not ask for it; senders do it, and the Collector reads it). Unknown fields are ignored.
 * - null is the same as absent; as an element of an array of messages it is an empty one.
 * - Trace and span ids in hex, either case, of any length (a wrong length is for the
 *   decoder to reject, record by record). Bytes in base64, standard or URL-safe, with or
 *   without padding.
 * - Integers as numbers or as strings; whole values may have a fraction or an exponent
 *   ("1.0", 1e3). Doubles as numbers, as strings, "NaN", "Infinity", "-Infinity".
 *   Enums as integers or names.
 * - The same field twice in one object, or two members of one oneof, is an error: what the
 *   sender means cannot be known, and the usual readings (last wins, merge) differ.
 * - A lone surrogate in a string is U+FFFD (wire/json.h).
 *
 * What is written: field names in lowerCamelCase, ids as lower-case hex, 64-bit integers as
 * strings, enums as integers, no fields that have their default value.
 */
#ifndef TRIPOD_TELEMETRY_OTLP_JSON_H
#define TRIPOD_TELEMETRY_OTLP_JSON_H

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "telemetry/otlp_schema.h"

/*
 * Levels of objects and arrays in a request: room for attribute values nested 95 deep, more
 * than the decoder takes (OTLP_MAX_DEPTH), so that it can reject such records alone.
 */
#define OTLP_JSON_MAX_DEPTH 400
/* Levels of messages that are written: room for what the decoder takes, three a value. */
#define OTLP_JSON_MAX_MESSAGES 250

/*
 * Appends `json` as protobuf to `out`, fields in the order of the JSON, zero values left
 * out where protobuf leaves them out. INVALID with the place and what is wrong there:
 *
 *   resourceLogs[0].scopeLogs[0].logRecords[3].timeUnixNano: "abc" is not a 64-bit integer
 *
 * LIMIT when `out` or memory is full; `out` then has some of it.
 */
int otlp_json_to_protobuf(const struct otlp_message *message, struct slice json, struct buf *out,
			  struct error *err);

/*
 * Appends `protobuf` as JSON to `out`. Behind `protobuf` CHUNK_PADDING bytes must be
 * readable. INVALID when it is malformed or nested deeper than OTLP_JSON_MAX_MESSAGES;
 * text that is not UTF-8 gets U+FFFD.
 */
int otlp_protobuf_to_json(const struct otlp_message *message, struct slice protobuf,
			  struct buf *out, struct error *err);

#endif
