/*
 * A JSON pull reader: one token a call, no tree. Strict RFC 8259, with no allowance for
 * comments, trailing commas, a byte order mark or other spellings of numbers.
 *
 *   struct json_reader r;
 *   json_reader_init(&r, bytes, &arena, 100);
 *   while ((token = json_next(&r, &err)) > JSON_END) ...
 *
 * The bytes must be valid UTF-8 (inside strings; outside only ASCII is legal anyway).
 * An escaped surrogate without its partner ("\ud83d") becomes U+FFFD: JavaScript's
 * JSON.stringify writes such escapes for strings that were cut in the middle of an emoji,
 * and a request should not be lost over one.
 *
 * Errors are INVALID, with line, column (in bytes, from 1) and byte offset (from 0), what
 * was found and what was expected; LIMIT when the arena is full.
 */
#ifndef TRIPOD_WIRE_JSON_H
#define TRIPOD_WIRE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"

#define JSON_MAX_DEPTH 1024

/* What json_next returns; negative values are an enum status. */
enum json_token {
	JSON_END, /* the text is over, and was whole */
	JSON_OBJECT_BEGIN,
	JSON_OBJECT_END,
	JSON_ARRAY_BEGIN,
	JSON_ARRAY_END,
	JSON_KEY, /* `text` is the key, unescaped */
	JSON_STRING, /* `text` is the string, unescaped */
	JSON_NUMBER, /* `text` is the number as it was written; see wire/number_text.h */
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
};

struct json_reader {
	const char *start, *next, *end;
	const char *token; /* where the last token starts */
	struct slice text; /* of the last KEY, STRING or NUMBER */
	/*
	 * For strings that have escapes; others point into the input. NULL: such strings are
	 * checked, but `text` is as it was written.
	 */
	struct arena *arena;
	unsigned depth, max_depth; /* open objects and arrays */
	uint8_t expect; /* private */
	uint64_t in_object[JSON_MAX_DEPTH / 64]; /* private: one bit a level */
};

/* `max_depth` (at most JSON_MAX_DEPTH) bounds how deep objects and arrays may nest. */
void json_reader_init(struct json_reader *r, struct slice bytes, struct arena *arena,
		      unsigned max_depth);

/* The next token (enum json_token), or a negative status. */
int json_next(struct json_reader *r, struct error *err);

/*
 * Behind a KEY: skips its value. Behind OBJECT_BEGIN or ARRAY_BEGIN: skips up to and with
 * its end. What is skipped is checked all the same.
 */
int json_skip(struct json_reader *r, struct error *err);

/* The rest, where only white space may follow. For use when the whole value was taken. */
int json_finish(struct json_reader *r, struct error *err);

/* " at line 3, column 14 (byte 87)" of the last token, for messages about what it means. */
struct json_position {
	unsigned long line, column;
	size_t offset;
};
struct json_position json_position(const struct json_reader *r);

/* "an object", "a string", … for messages. */
const char *json_token_name(enum json_token token);

#endif
