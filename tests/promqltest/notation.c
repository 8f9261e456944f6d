#include "notation.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "lang/promql/parse.h"
#include "telemetry/float_histogram_notation.h"
#include "telemetry/metric_batch.h"

#define MAX_REPEAT 1000000

/* What is left of a line's points. */
struct reader {
	const char *at, *end;
	struct arena *arena;
	struct sequence *out;
};

struct slice slice_trim(struct slice s)
{
	while (s.len && isspace((unsigned char)s.ptr[0]))
		s = slice_from(s, 1);
	while (s.len && isspace((unsigned char)s.ptr[s.len - 1]))
		s.len--;
	return s;
}

struct slice slice_word(struct slice *s)
{
	struct slice rest = slice_trim(*s);
	size_t len = 0;
	while (len < rest.len && !isspace((unsigned char)rest.ptr[len]))
		len++;
	*s = slice_trim(slice_from(rest, len));
	return (struct slice){rest.ptr, len};
}

bool notation_duration(struct slice text, int64_t *ms)
{
	bool negative = text.len && text.ptr[0] == '-';
	if (text.len && (text.ptr[0] == '-' || text.ptr[0] == '+'))
		text = slice_from(text, 1);
	if (slice_eq_cstr(text, "0")) {
		*ms = 0;
		return true;
	}
	if (!promql_parse_duration(text, ms))
		return false;
	if (negative)
		*ms = -*ms;
	return true;
}

static int sequence_add(struct sequence *sequence, struct arena *arena, struct sequence_value value,
			struct error *err)
{
	if (sequence->count == sequence->capacity) {
		uint32_t capacity = sequence->capacity ? 2 * sequence->capacity : 16;
		struct sequence_value *list = arena_array(arena, capacity, sizeof *list);
		if (!list)
			return error_set(err, STATUS_LIMIT, "too many points for the memory");
		if (sequence->count)
			memcpy(list, sequence->list, sequence->count * sizeof *list);
		sequence->list = list;
		sequence->capacity = capacity;
	}
	sequence->list[sequence->count++] = value;
	return 0;
}

/* --- labels ----------------------------------------------------------------------------- */

static bool is_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == ':';
}

/* How much of the line is the series; its braces may hold quoted braces. */
static size_t series_length(struct slice line)
{
	size_t i = 0;
	while (i < line.len && is_name_byte(line.ptr[i]))
		i++;
	if (i == line.len || line.ptr[i] != '{')
		return i;
	char quote = 0;
	for (i++; i < line.len; i++) {
		char c = line.ptr[i];
		if (quote && c == '\\' && quote != '`')
			i++;
		else if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '"' || c == '\'' || c == '`')
			quote = c;
		else if (c == '}')
			return i + 1;
	}
	return line.len;
}

static int parse_labels(const struct labels **out, struct arena *arena, struct slice text,
			struct error *err)
{
	const struct promql_matcher *matchers = NULL;
	uint32_t matcher_count = 0, count = 0;
	if (slice_eq_cstr(text, "{}")) {
		*out = labels_new(arena, NULL, 0);
		return *out ? 0 : error_set(err, STATUS_LIMIT, "out of memory");
	}
	int status = promql_parse_series(&matchers, &matcher_count, arena, text, err);
	if (status)
		return status;
	struct label *list = arena_array(arena, matcher_count + 1, sizeof *list);
	if (!list)
		return error_set(err, STATUS_LIMIT, "out of memory");
	for (uint32_t i = 0; i < matcher_count; i++) {
		if (matchers[i].value.len)
			list[count++] = (struct label){matchers[i].name, matchers[i].value};
	}
	*out = labels_new(arena, list, count);
	return *out ? 0 : error_set(err, STATUS_LIMIT, "out of memory");
}

/* --- points ----------------------------------------------------------------------------- */

static int bad_points(const struct reader *in, struct error *err, const char *why)
{
	struct slice rest = {in->at, (size_t)(in->end - in->at)};
	return error_set(err, STATUS_INVALID, "%s at \"" SLICE_FMT "\"", why, SLICE_ARG(rest));
}

static bool take_byte(struct reader *in, char c)
{
	if (in->at == in->end || *in->at != c)
		return false;
	in->at++;
	return true;
}

static bool take_digits(struct reader *in, uint64_t *out)
{
	const char *begin = in->at;
	uint64_t n = 0;
	while (in->at < in->end && isdigit((unsigned char)*in->at) && n <= MAX_REPEAT)
		n = n * 10 + (uint64_t)(*in->at++ - '0');
	*out = n;
	return in->at > begin && n <= MAX_REPEAT;
}

static bool take_keyword(struct reader *in, const char *word)
{
	size_t len = strlen(word);
	if ((size_t)(in->end - in->at) < len || strncasecmp(in->at, word, len) != 0)
		return false;
	in->at += len;
	return true;
}

/* A number without sign: 12, 1.5e-3, Inf, NaN. Hexadecimal would be ambiguous with `x`. */
static bool take_unsigned(struct reader *in, double *out)
{
	if (take_keyword(in, "nan")) {
		*out = (double)NAN;
		return true;
	}
	if (take_keyword(in, "inf")) {
		*out = (double)INFINITY;
		return true;
	}
	char text[64];
	size_t len = 0;
	bool digit = false;
	const char *p = in->at;
	while (p + len < in->end && len < sizeof text - 1) {
		char c = p[len], before = len ? p[len - 1] : 0;
		bool exponent = before == 'e' || before == 'E';
		bool fits = isdigit((unsigned char)c) || c == '.' ||
			    (digit && (c == 'e' || c == 'E')) ||
			    (exponent && (c == '+' || c == '-'));
		if (!fits)
			break;
		digit = digit || isdigit((unsigned char)c);
		text[len++] = c;
	}
	text[len] = 0;
	char *rest;
	*out = strtod(text, &rest);
	in->at += rest - text;
	return digit && rest == text + len;
}

static bool take_signed(struct reader *in, double *out)
{
	bool negative = take_byte(in, '-');
	if (!negative && !take_byte(in, '+'))
		return false;
	if (!take_unsigned(in, out))
		return false;
	if (negative)
		*out = -*out;
	return true;
}

/* Repeats `value` times + 1, `delta` more each time. */
static int add_floats(struct reader *in, double value, double delta, uint64_t times,
		      struct error *err)
{
	int status = 0;
	for (uint64_t i = 0; i <= times && !status; i++) {
		status = sequence_add(in->out, in->arena, (struct sequence_value){.value = value},
				      err);
		if (delta != 0)
			value += delta;
	}
	return status;
}

static int read_blank(struct reader *in, struct error *err)
{
	uint64_t times = 1;
	if (take_byte(in, 'x') && !take_digits(in, &times))
		return bad_points(in, err, "a number of repetitions is missing");
	int status = 0;
	for (uint64_t i = 0; i < times && !status; i++)
		status = sequence_add(in->out, in->arena, (struct sequence_value){.omitted = true},
				      err);
	return status;
}

static int read_float(struct reader *in, struct error *err)
{
	double value, delta = 0;
	uint64_t times = 0;
	if (take_keyword(in, "stale")) {
		value = metric_stale();
	} else if (*in->at == '-' || *in->at == '+') {
		if (!take_signed(in, &value))
			return bad_points(in, err, "a number is missing");
	} else if (!take_unsigned(in, &value)) {
		return bad_points(in, err, "a number or \"stale\" is missing");
	}
	bool stepped = in->at < in->end && (*in->at == '-' || *in->at == '+');
	if (stepped && !take_signed(in, &delta))
		return bad_points(in, err, "a number is missing");
	if (take_byte(in, 'x')) {
		if (!take_digits(in, &times))
			return bad_points(in, err, "a number of repetitions is missing");
	} else if (stepped) {
		return bad_points(in, err, "x and a number of repetitions are missing");
	}
	return add_floats(in, value, delta, times, err);
}

static int take_histogram(struct reader *in, const struct float_histogram **out, bool *hint_set,
			  struct error *err)
{
	const char *begin = in->at;
	const char *close = memmem(begin, (size_t)(in->end - begin), "}}", 2);
	if (!close)
		return bad_points(in, err, "}} is missing");
	in->at = close + 2;
	struct slice text = {begin, (size_t)(in->at - begin)};
	struct float_histogram *histogram;
	int status = histogram_parse(&histogram, hint_set, in->arena, text, err);
	if (status == 0)
		*out = histogram;
	return status;
}

static int read_histogram(struct reader *in, struct error *err)
{
	const struct float_histogram *h = NULL, *step = NULL;
	bool hint_set = false, subtract = false;
	uint64_t times = 0;
	int status = take_histogram(in, &h, &hint_set, err);
	if (status)
		return status;
	if (in->at < in->end && (*in->at == '+' || *in->at == '-')) {
		subtract = *in->at++ == '-';
		/* The hint counts when the step has one: so does Prometheus. */
		status = take_histogram(in, &step, &hint_set, err);
		if (status)
			return status;
	}
	bool repeated = take_byte(in, 'x');
	if ((step && !repeated) || (repeated && !take_digits(in, &times)))
		return bad_points(in, err, "x and a number of repetitions are missing");
	for (uint64_t i = 0;; i++) {
		status = sequence_add(in->out, in->arena,
				      (struct sequence_value){.histogram = h, .hint_set = hint_set},
				      err);
		if (status || i == times)
			return status;
		if (!step)
			continue;
		if (h->schema > step->schema || histogram_incompatible(h, step))
			return error_set(err, STATUS_INVALID,
					 "error combining histograms: cannot merge from schema %d "
					 "to %d",
					 (int)step->schema, (int)h->schema);
		h = subtract ? histogram_sub(in->arena, h, step, NULL)
			     : histogram_add(in->arena, h, step, NULL);
		if (!h)
			return error_set(err, STATUS_LIMIT, "out of memory");
	}
}

static int read_item(struct reader *in, struct error *err)
{
	if (take_byte(in, '_'))
		return read_blank(in, err);
	if (*in->at == '{')
		return read_histogram(in, err);
	return read_float(in, err);
}

/* The items, with a space before each. */
static int read_items(struct reader *in, int (*item)(struct reader *, struct error *),
		      struct error *err)
{
	while (in->at < in->end) {
		if (!isspace((unsigned char)*in->at))
			return bad_points(in, err, "a space is missing");
		while (in->at < in->end && isspace((unsigned char)*in->at))
			in->at++;
		int status = in->at < in->end ? item(in, err) : 0;
		if (status)
			return status;
	}
	return 0;
}

int notation_series(const struct labels **labels, struct sequence *out, struct arena *arena,
		    struct slice line, struct error *err)
{
	size_t split = series_length(line);
	int status = parse_labels(labels, arena, (struct slice){line.ptr, split}, err);
	if (status)
		return status;
	struct reader in = {line.ptr + split, line.ptr + line.len, arena, out};
	return read_items(&in, read_item, err);
}

/* --- start times ------------------------------------------------------------------------ */

bool notation_is_start_line(struct slice line)
{
	struct slice first = slice_word(&line);
	return first.len > 3 && memcmp(first.ptr + first.len - 3, "@st", 3) == 0;
}

/* A duration in front of others: sign, digits and one unit. */
static bool take_duration(struct reader *in, int64_t *ms)
{
	const char *begin = in->at;
	if (in->at < in->end && (*in->at == '-' || *in->at == '+'))
		in->at++;
	while (in->at < in->end && isdigit((unsigned char)*in->at))
		in->at++;
	while (in->at < in->end && isalpha((unsigned char)*in->at) && *in->at != 'x')
		in->at++;
	return notation_duration((struct slice){begin, (size_t)(in->at - begin)}, ms);
}

static int read_start(struct reader *in, struct error *err)
{
	if (take_byte(in, '_'))
		return read_blank(in, err);
	int64_t offset, delta = 0;
	uint64_t times = 0;
	if (!take_duration(in, &offset))
		return bad_points(in, err, "a duration is missing");
	bool stepped = in->at < in->end && (*in->at == '-' || *in->at == '+');
	if (stepped && !take_duration(in, &delta))
		return bad_points(in, err, "a duration is missing");
	if (take_byte(in, 'x')) {
		if (!take_digits(in, &times))
			return bad_points(in, err, "a number of repetitions is missing");
	} else if (stepped) {
		return bad_points(in, err, "x and a number of repetitions are missing");
	}
	return add_floats(in, (double)offset, (double)delta, times, err);
}

int notation_start_line(const struct labels **labels, struct sequence *out, struct arena *arena,
			struct slice line, struct error *err)
{
	struct slice rest = line;
	struct slice series = slice_word(&rest);
	series.len -= strlen("@st");
	int status = parse_labels(labels, arena, series, err);
	if (status)
		return status;
	struct reader in = {series.ptr + series.len + strlen("@st"), line.ptr + line.len, arena,
			    out};
	return read_items(&in, read_start, err);
}
