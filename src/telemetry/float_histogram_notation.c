#include "telemetry/float_histogram_notation.h"

#include <math.h>
#include <strings.h>

#include "telemetry/float_histogram_int.h"
#include "wire/number_text.h"

enum key {
	KEY_SCHEMA,
	KEY_COUNT,
	KEY_SUM,
	KEY_ZERO_COUNT,
	KEY_ZERO_THRESHOLD,
	KEY_BOUNDS,
	KEY_HINT,
	KEY_OFFSET,
	KEY_BUCKETS,
	KEY_NEGATIVE_OFFSET,
	KEY_NEGATIVE_BUCKETS,
	KEYS,
};

static const char *const key_names[KEYS] = {
	[KEY_SCHEMA] = "schema",
	[KEY_COUNT] = "count",
	[KEY_SUM] = "sum",
	[KEY_ZERO_COUNT] = "z_bucket",
	[KEY_ZERO_THRESHOLD] = "z_bucket_w",
	[KEY_BOUNDS] = "custom_values",
	[KEY_HINT] = "counter_reset_hint",
	[KEY_OFFSET] = "offset",
	[KEY_BUCKETS] = "buckets",
	[KEY_NEGATIVE_OFFSET] = "n_offset",
	[KEY_NEGATIVE_BUCKETS] = "n_buckets",
};

static const char *const hint_names[] = {
	[RESET_UNKNOWN] = "unknown",
	[RESET_YES] = "reset",
	[RESET_NO] = "not_reset",
	[RESET_GAUGE] = "gauge",
};
#define HINTS (sizeof(hint_names) / sizeof(hint_names[0]))

/* --- reading ------------------------------------------------------------------------------ */

struct numbers {
	uint32_t count;
	double *list;
};

struct reader {
	struct arena *arena;
	struct slice rest;
	struct error *err;
	struct float_histogram h;
	struct numbers positive, negative;
	int32_t offset, negative_offset;
	uint32_t seen; /* keys, by bit */
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool skip_space(struct reader *r)
{
	size_t n = 0;
	while (n < r->rest.len && is_space(r->rest.ptr[n]))
		n++;
	r->rest.ptr += n;
	r->rest.len -= n;
	return n > 0;
}

static bool take(struct reader *r, struct slice what)
{
	if (!slice_starts_with(r->rest, what))
		return false;
	r->rest.ptr += what.len;
	r->rest.len -= what.len;
	return true;
}

/* Up to a space or a sign that ends a value. */
static struct slice take_word(struct reader *r, const char *ends)
{
	struct slice word = {r->rest.ptr, 0};
	while (word.len < r->rest.len && !is_space(word.ptr[word.len]) &&
	       !strchr(ends, word.ptr[word.len]))
		word.len++;
	r->rest.ptr += word.len;
	r->rest.len -= word.len;
	return word;
}

static bool same_word(struct slice word, const char *name)
{
	return word.len == strlen(name) && strncasecmp(word.ptr, name, word.len) == 0;
}

static int read_number(struct reader *r, double *out)
{
	struct slice word = take_word(r, "]}"), number = word;
	bool negative = number.len && number.ptr[0] == '-';
	if (negative) {
		number.ptr++;
		number.len--;
	}
	double value;
	if (same_word(number, "inf"))
		value = INFINITY;
	else if (same_word(number, "nan"))
		value = NAN;
	else if (number.len && number.ptr[0] != '-' && number_is_valid(number))
		value = number_to_double(number);
	else
		return error_set(r->err, STATUS_INVALID,
				 "'" SLICE_FMT "' in a histogram is not a number", SLICE_ARG(word));
	*out = negative ? -value : value;
	return 0;
}

static int read_int(struct reader *r, int32_t *out)
{
	struct slice word = take_word(r, "]}");
	int64_t value;
	if (!number_is_valid(word) || memchr(word.ptr, '.', word.len) ||
	    !number_to_int64(word, &value) || value < INT32_MIN || value > INT32_MAX)
		return error_set(r->err, STATUS_INVALID,
				 "'" SLICE_FMT "' in a histogram is not a whole number of 32 bits",
				 SLICE_ARG(word));
	*out = (int32_t)value;
	return 0;
}

static int read_numbers(struct reader *r, struct numbers *out)
{
	if (!take(r, SLICE("[")))
		return error_set(r->err, STATUS_INVALID,
				 "numbers in brackets expected in a histogram, as in "
				 "buckets:[5 10 7]");
	size_t most = 1;
	for (size_t i = 0; i < r->rest.len && r->rest.ptr[i] != ']'; i++)
		most += is_space(r->rest.ptr[i]);
	out->list = arena_array(r->arena, most, sizeof(*out->list));
	if (!out->list || most > INT32_MAX)
		return error_set(r->err, STATUS_LIMIT, "too many buckets in a histogram");
	skip_space(r);
	while (!take(r, SLICE("]"))) {
		int status = read_number(r, &out->list[out->count]);
		if (status)
			return status;
		out->count++;
		if (!skip_space(r) && !slice_starts_with(r->rest, SLICE("]")))
			return error_set(r->err, STATUS_INVALID,
					 "a histogram's buckets end without a ']'");
	}
	return 0;
}

static int read_hint(struct reader *r)
{
	struct slice word = take_word(r, "}");
	for (size_t i = 0; i < HINTS; i++) {
		if (same_word(word, hint_names[i])) {
			r->h.hint = (enum counter_reset_hint)i;
			return 0;
		}
	}
	return error_set(
		r->err, STATUS_INVALID,
		"a counter_reset_hint is unknown, reset, not_reset or gauge, not '" SLICE_FMT "'",
		SLICE_ARG(word));
}

static int read_bounds(struct reader *r)
{
	struct numbers bounds = {0};
	int status = read_numbers(r, &bounds);
	r->h.bounds = bounds.count ? bounds.list : NULL;
	r->h.bound_count = bounds.count;
	return status;
}

static int read_value(struct reader *r, enum key key)
{
	switch (key) {
	case KEY_SCHEMA:
		return read_int(r, &r->h.schema);
	case KEY_COUNT:
		return read_number(r, &r->h.count);
	case KEY_SUM:
		return read_number(r, &r->h.sum);
	case KEY_ZERO_COUNT:
		return read_number(r, &r->h.zero_count);
	case KEY_ZERO_THRESHOLD:
		return read_number(r, &r->h.zero_threshold);
	case KEY_BOUNDS:
		return read_bounds(r);
	case KEY_HINT:
		return read_hint(r);
	case KEY_OFFSET:
		return read_int(r, &r->offset);
	case KEY_BUCKETS:
		return read_numbers(r, &r->positive);
	case KEY_NEGATIVE_OFFSET:
		return read_int(r, &r->negative_offset);
	case KEY_NEGATIVE_BUCKETS:
		return read_numbers(r, &r->negative);
	case KEYS:
		break;
	}
	return STATUS_INVALID;
}

static int read_item(struct reader *r)
{
	struct slice name = take_word(r, ":}");
	enum key key = 0;
	while (key < KEYS && !same_word(name, key_names[key]))
		key++;
	if (key == KEYS)
		return error_set(r->err, STATUS_INVALID,
				 "a histogram has no '" SLICE_FMT
				 "'; known are schema, count, sum, "
				 "z_bucket, z_bucket_w, custom_values, counter_reset_hint, offset, "
				 "buckets, n_offset and n_buckets",
				 SLICE_ARG(name));
	if (!take(r, SLICE(":")))
		return error_set(r->err, STATUS_INVALID, "':' expected after '%s' in a histogram",
				 key_names[key]);
	if (r->seen & (1u << key))
		return error_set(r->err, STATUS_INVALID, "'%s' is given twice in a histogram",
				 key_names[key]);
	r->seen |= 1u << key;
	return read_value(r, key);
}

static int read_all(struct reader *r)
{
	if (!take(r, SLICE("{{")))
		return error_set(r->err, STATUS_INVALID, "a histogram begins with '{{'");
	bool space = true;
	skip_space(r);
	while (!take(r, SLICE("}}"))) {
		if (!r->rest.len)
			return error_set(r->err, STATUS_INVALID, "a histogram ends with '}}'");
		if (!space)
			return error_set(
				r->err, STATUS_INVALID,
				"a space or '}}' expected in a histogram before '" SLICE_FMT "'",
				SLICE_ARG(r->rest));
		int status = read_item(r);
		if (status)
			return status;
		space = skip_space(r);
	}
	if (r->rest.len)
		return error_set(r->err, STATUS_INVALID,
				 "unexpected '" SLICE_FMT "' after a histogram",
				 SLICE_ARG(r->rest));
	return 0;
}

static int make_list(struct reader *r, struct bucket_list *out, const struct numbers *numbers,
		     int32_t offset)
{
	if (offset > 0 && numbers->count > (uint32_t)(INT32_MAX - offset))
		return error_set(r->err, STATUS_INVALID,
				 "the offset %d of a histogram's buckets is too large",
				 (int)offset);
	int32_t *index = arena_array(r->arena, numbers->count, sizeof(*index));
	if (!index)
		return error_set(r->err, STATUS_LIMIT, "too many buckets in a histogram");
	for (uint32_t i = 0; i < numbers->count; i++)
		index[i] = offset + (int32_t)i;
	*out = (struct bucket_list){numbers->count, index, numbers->list};
	return 0;
}

int histogram_parse(struct float_histogram **out, bool *has_hint, struct arena *arena,
		    struct slice text, struct error *err)
{
	struct reader r = {.arena = arena, .rest = text, .err = err};
	int status = read_all(&r);
	if (!status)
		status = make_list(&r, &r.h.positive, &r.positive, r.offset);
	if (!status)
		status = make_list(&r, &r.h.negative, &r.negative, r.negative_offset);
	if (status)
		return status;
	struct float_histogram *h = histogram_copy(arena, &r.h);
	if (!h)
		return error_set(err, STATUS_LIMIT, "too many buckets in a histogram");
	*out = h;
	if (has_hint)
		*has_hint = r.seen & (1u << KEY_HINT);
	return 0;
}

/* --- writing ------------------------------------------------------------------------------ */

static void write_key(struct buf *out, enum key key)
{
	if (out->len && out->data[out->len - 1] != '{')
		buf_append_byte(out, ' ');
	buf_append_cstr(out, key_names[key]);
	buf_append_byte(out, ':');
}

static void write_number(struct buf *out, enum key key, double value)
{
	if (value == 0)
		return;
	write_key(out, key);
	histogram_number(out, value);
}

static void write_int(struct buf *out, enum key key, int32_t value)
{
	if (!value)
		return;
	write_key(out, key);
	buf_appendf(out, "%d", (int)value);
}

static void write_list(struct buf *out, const struct bucket_list *list, enum key offset,
		       enum key buckets)
{
	uint32_t first = 0, end = list->count;
	while (first < end && list->value[first] == 0)
		first++;
	while (end > first && list->value[end - 1] == 0)
		end--;
	if (first == end)
		return;
	write_int(out, offset, list->index[first]);
	write_key(out, buckets);
	buf_append_byte(out, '[');
	for (uint32_t i = first; i < end; i++) {
		for (int64_t at = i > first ? list->index[i - 1] + (int64_t)1 : list->index[i];
		     at < list->index[i] && !out->failed; at++)
			buf_append_cstr(out, " 0");
		if (i > first)
			buf_append_byte(out, ' ');
		histogram_number(out, list->value[i]);
	}
	buf_append_byte(out, ']');
}

void histogram_notation(const struct float_histogram *h, struct buf *out)
{
	buf_append_cstr(out, "{{");
	write_int(out, KEY_SCHEMA, h->schema);
	write_number(out, KEY_COUNT, h->count);
	write_number(out, KEY_SUM, h->sum);
	write_number(out, KEY_ZERO_COUNT, h->zero_count);
	write_number(out, KEY_ZERO_THRESHOLD, h->zero_threshold);
	if (histogram_is_custom(h)) {
		write_key(out, KEY_BOUNDS);
		buf_append_byte(out, '[');
		for (uint32_t i = 0; i < h->bound_count; i++) {
			if (i)
				buf_append_byte(out, ' ');
			histogram_number(out, h->bounds[i]);
		}
		buf_append_byte(out, ']');
	}
	if (h->hint != RESET_UNKNOWN) {
		write_key(out, KEY_HINT);
		buf_append_cstr(out, hint_names[h->hint]);
	}
	write_list(out, &h->positive, KEY_OFFSET, KEY_BUCKETS);
	write_list(out, &h->negative, KEY_NEGATIVE_OFFSET, KEY_NEGATIVE_BUCKETS);
	buf_append_cstr(out, "}}");
}
