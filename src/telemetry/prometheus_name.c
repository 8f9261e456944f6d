#include "telemetry/prometheus_name.h"

struct word {
	const char *unit, *word;
};

/* UCUM's codes that the specification's table has words for. */
static const struct word unit_words[] = {
	{"d", "days"},
	{"h", "hours"},
	{"min", "minutes"},
	{"s", "seconds"},
	{"ms", "milliseconds"},
	{"us", "microseconds"},
	{"ns", "nanoseconds"},
	{"By", "bytes"},
	{"KiBy", "kibibytes"},
	{"MiBy", "mebibytes"},
	{"GiBy", "gibibytes"},
	{"TiBy", "tibibytes"},
	{"KBy", "kilobytes"},
	{"MBy", "megabytes"},
	{"GBy", "gigabytes"},
	{"TBy", "terabytes"},
	{"m", "meters"},
	{"V", "volts"},
	{"A", "amperes"},
	{"J", "joules"},
	{"W", "watts"},
	{"g", "grams"},
	{"Cel", "celsius"},
	{"Hz", "hertz"},
	{"1", ""},
	{"%", "percent"},
};

/* Behind "per": in the singular. */
static const struct word per_words[] = {
	{"s", "second"}, {"m", "minute"}, {"h", "hour"}, {"d", "day"},
	{"w", "week"},   {"mo", "month"}, {"y", "year"},
};

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* A colon may be in the name of a metric, not of a label. */
static bool is_metric_char(char c)
{
	return is_letter_or_digit(c) || c == ':';
}

static struct slice trim(struct slice s)
{
	while (s.len && (s.ptr[0] == ' ' || (s.ptr[0] >= '\t' && s.ptr[0] <= '\r'))) {
		s.ptr++;
		s.len--;
	}
	while (s.len &&
	       (s.ptr[s.len - 1] == ' ' || (s.ptr[s.len - 1] >= '\t' && s.ptr[s.len - 1] <= '\r')))
		s.len--;
	return s;
}

static struct slice in_words(struct slice unit, const struct word *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (slice_eq_cstr(unit, words[i].unit))
			return slice_of(words[i].word);
	}
	return unit;
}

/* "By/s" in two: "bytes" and "second". What has braces is an annotation and dropped. */
static void split_unit(struct slice unit, struct slice *main_unit, struct slice *per_unit)
{
	const char *slash = unit.len ? memchr(unit.ptr, '/', unit.len) : NULL;
	struct slice first = unit, second = {"", 0};
	if (slash) {
		first.len = (size_t)(slash - unit.ptr);
		second = (struct slice){slash + 1, unit.len - first.len - 1};
	}
	struct slice parts[2] = {trim(first), trim(second)};
	for (int i = 0; i < 2; i++) {
		if (parts[i].len && (memchr(parts[i].ptr, '{', parts[i].len) ||
				     memchr(parts[i].ptr, '}', parts[i].len)))
			parts[i].len = 0;
	}
	*main_unit = in_words(parts[0], unit_words, sizeof(unit_words) / sizeof(unit_words[0]));
	*per_unit = in_words(parts[1], per_words, sizeof(per_words) / sizeof(per_words[0]));
}

/* A unit's two parts with one underscore for each run of other characters, none at the start. */
struct unit_text {
	struct buf text;
	struct slice main_unit, per_unit;
};

static void append_clean(struct buf *out, struct slice unit)
{
	bool underscore = true;
	for (size_t i = 0; i < unit.len; i++) {
		bool plain = is_metric_char(unit.ptr[i]);
		if (plain)
			buf_append_byte(out, (uint8_t)unit.ptr[i]);
		else if (!underscore)
			buf_append_byte(out, '_');
		underscore = !plain;
	}
}

static void unit_text_init(struct unit_text *u, struct slice unit)
{
	struct slice main_unit, per_unit;
	buf_init(&u->text);
	split_unit(unit, &main_unit, &per_unit);
	append_clean(&u->text, main_unit);
	size_t main_len = u->text.len;
	append_clean(&u->text, per_unit);
	const char *text = u->text.len ? u->text.data : "";
	u->main_unit = (struct slice){text, main_len};
	u->per_unit = (struct slice){text + main_len, u->text.len - main_len};
	if (u->per_unit.len && u->per_unit.ptr[u->per_unit.len - 1] == '_')
		u->per_unit.len--;
}

/* "bytes_per_second" behind what is there from `start` on, parts that are empty left out. */
static void append_unit(struct buf *out, size_t start, const struct unit_text *u)
{
	if (u->main_unit.len) {
		if (out->len > start)
			buf_append_byte(out, '_');
		buf_append_slice(out, u->main_unit);
	}
	if (u->per_unit.len) {
		if (out->len > start && out->data[out->len - 1] != '_')
			buf_append_byte(out, '_');
		buf_append_cstr(out, "per_");
		buf_append_slice(out, u->per_unit);
	}
}

/* The next run of characters that a name may have, from `*at` on; empty at the end. */
static struct slice next_token(struct slice name, size_t *at)
{
	while (*at < name.len && !is_metric_char(name.ptr[*at]))
		++*at;
	size_t from = *at;
	while (*at < name.len && is_metric_char(name.ptr[*at]))
		++*at;
	return (struct slice){name.ptr + from, *at - from};
}

static bool is_number(char c)
{
	return c >= '0' && c <= '9';
}

/* The name without the digit rule; `type` is "total", "ratio" or "". */
static void append_name(struct buf *out, size_t start, struct slice name, struct unit_text *u,
			struct slice type)
{
	size_t at = 0;
	struct slice token;
	while ((token = next_token(name, &at)).len) {
		if (slice_eq(token, u->main_unit))
			u->main_unit.len = 0; /* the name has the unit already */
		if (type.len && slice_eq(token, type))
			continue; /* it comes at the end */
		if (out->len > start)
			buf_append_byte(out, '_');
		buf_append_slice(out, token);
	}
	if (slice_eq(u->main_unit, type))
		u->main_unit.len = 0;
	append_unit(out, start, u);
	if (type.len) {
		if (out->len > start)
			buf_append_byte(out, '_');
		buf_append_slice(out, type);
	}
}

bool prometheus_metric_name(struct buf *out, struct slice name, struct slice unit,
			    enum name_suffix suffix)
{
	struct slice type = {"", 0};
	if (suffix == NAME_COUNTER)
		type = SLICE("total");
	else if (suffix == NAME_GAUGE && slice_eq(unit, SLICE("1")))
		type = SLICE("ratio");
	size_t start = out->len;
	struct unit_text u;
	unit_text_init(&u, unit);
	append_name(out, start, name, &u, type);
	buf_release(&u.text);
	size_t i = start;
	while (i < out->len && out->data[i] == '_')
		i++;
	if (i == out->len) {
		out->len = start;
		return false;
	}
	if (is_number(out->data[start]) && buf_reserve(out, 1)) {
		memmove(out->data + start + 1, out->data + start, out->len - start);
		out->data[start] = '_';
		out->len++;
	}
	return true;
}

void prometheus_unit(struct buf *out, struct slice unit)
{
	struct unit_text u;
	size_t start = out->len;
	unit_text_init(&u, unit);
	append_unit(out, start, &u);
	buf_release(&u.text);
	if (out->len > start && out->data[out->len - 1] == '_')
		out->len--;
}

bool prometheus_label_is_plain(struct slice name)
{
	if (name.len == 0 || is_number(name.ptr[0]))
		return false;
	bool underscore = false, letter = false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		if (is_letter_or_digit(c)) {
			letter = true;
			underscore = false;
		} else if (c != '_' || underscore) {
			return false;
		} else {
			underscore = true;
		}
	}
	return letter;
}

bool prometheus_label_name(struct buf *out, struct slice name)
{
	size_t start = out->len;
	bool reserved = name.len >= 4 && memcmp(name.ptr, "__", 2) == 0 &&
			memcmp(name.ptr + name.len - 2, "__", 2) == 0;
	if (reserved) {
		buf_append_cstr(out, "__");
		name = (struct slice){name.ptr + 2, name.len - 4};
	} else if (name.len && is_number(name.ptr[0])) {
		buf_append_cstr(out, "key_");
	}
	bool underscore = false, letter = false;
	for (size_t i = 0; i < name.len; i++) {
		bool plain = is_letter_or_digit(name.ptr[i]);
		if (plain)
			buf_append_byte(out, (uint8_t)name.ptr[i]);
		else if (!underscore)
			buf_append_byte(out, '_');
		letter |= plain;
		underscore = !plain;
	}
	if (reserved)
		buf_append_cstr(out, "__");
	if (!letter)
		out->len = start;
	return letter;
}
