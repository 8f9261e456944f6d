/*
 * Reads any bytes as JSON. What is read is written again, and must then read and write
 * the same: so the reader and the writer agree on what JSON is.
 */
#include <stdint.h>
#include <stdlib.h>

#include "wire/json.h"
#include "wire/json_write.h"
#include "wire/number_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_number(struct json_writer *w, struct slice text)
{
	int64_t i;
	uint64_t u;
	if (!number_is_valid(text))
		abort();
	double d = number_to_double(text);
	if (number_to_int64(text, &i) && i > 0 && (!number_to_uint64(text, &u) || u != (uint64_t)i))
		abort();
	if (number_to_int64(text, &i) && (double)i != d)
		abort();
	json_write_raw(w, text);
}

static int copy(struct slice json, struct arena *arena, struct buf *out)
{
	struct json_reader r;
	struct json_writer w = {.out = out};
	json_reader_init(&r, json, arena, 200);
	int token;
	while ((token = json_next(&r, NULL)) > JSON_END) {
		switch ((enum json_token)token) {
		case JSON_OBJECT_BEGIN:
			json_write_object_begin(&w);
			break;
		case JSON_OBJECT_END:
			json_write_object_end(&w);
			break;
		case JSON_ARRAY_BEGIN:
			json_write_array_begin(&w);
			break;
		case JSON_ARRAY_END:
			json_write_array_end(&w);
			break;
		case JSON_KEY:
			json_write_key(&w, r.text);
			break;
		case JSON_STRING:
			json_write_string(&w, r.text);
			break;
		case JSON_NUMBER:
			write_number(&w, r.text);
			break;
		case JSON_TRUE:
		case JSON_FALSE:
			json_write_bool(&w, token == JSON_TRUE);
			break;
		case JSON_NULL:
			json_write_null(&w);
			break;
		case JSON_END:
			break;
		}
	}
	return token;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	arena_init(&arena, 1 << 22);
	struct buf once = BUF_INIT, twice = BUF_INIT;
	if (copy((struct slice){(const char *)data, size}, &arena, &once) == 0) {
		if (copy(buf_slice(&once), &arena, &twice) != 0)
			abort();
		if (!slice_eq(buf_slice(&once), buf_slice(&twice)))
			abort();
	}
	buf_release(&once);
	buf_release(&twice);
	arena_release(&arena);
	return 0;
}
