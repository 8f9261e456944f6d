/*
 * Writes JSON (RFC 8259) into a buffer, compact. Commas are put here; that objects and
 * arrays match is the caller's business. Failures are the buffer's (base/buf.h).
 *
 *   struct json_writer w = {.out = &buf};
 *   json_write_object_begin(&w);
 *   json_write_key(&w, SLICE("rows"));
 *   json_write_uint64(&w, 17);
 *   json_write_object_end(&w);
 */
#ifndef TRIPOD_WIRE_JSON_WRITE_H
#define TRIPOD_WIRE_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct json_writer {
	struct buf *out;
	bool comma; /* private: a value was written at this level */
};

void json_write_object_begin(struct json_writer *w);
void json_write_object_end(struct json_writer *w);
void json_write_array_begin(struct json_writer *w);
void json_write_array_end(struct json_writer *w);
void json_write_key(struct json_writer *w, struct slice key);
/* Bytes that are not UTF-8 are written as U+FFFD, so that the output is always JSON. */
void json_write_string(struct json_writer *w, struct slice s);
void json_write_int64(struct json_writer *w, int64_t value);
void json_write_uint64(struct json_writer *w, uint64_t value);
/* The shortest text that reads back as the same double; null when it is not finite. */
void json_write_double(struct json_writer *w, double value);
void json_write_bool(struct json_writer *w, bool value);
void json_write_null(struct json_writer *w);
/* `text` is a whole JSON value. */
void json_write_raw(struct json_writer *w, struct slice text);

#endif
