#include "base/units.h"

#include <stdbool.h>
#include <stdio.h>
#include <strings.h>

struct unit {
	const char *name;
	uint64_t size;
};

static const struct unit duration_units[] = {
	{"w", UINT64_C(604800000000000)},
	{"d", UINT64_C(86400000000000)},
	{"h", UINT64_C(3600000000000)},
	{"m", UINT64_C(60000000000)},
	{"s", UINT64_C(1000000000)},
	{"ms", UINT64_C(1000000)},
	{"us", UINT64_C(1000)},
	{"\xc2\xb5s", UINT64_C(1000)}, /* micro sign */
	{"\xce\xbcs", UINT64_C(1000)}, /* Greek mu */
	{"ns", 1},
};

static const struct unit byte_units[] = {
	{"B", 1},
	{"kB", UINT64_C(1000)},
	{"MB", UINT64_C(1000000)},
	{"GB", UINT64_C(1000000000)},
	{"TB", UINT64_C(1000000000000)},
	{"KiB", UINT64_C(1) << 10},
	{"Ki", UINT64_C(1) << 10},
	{"MiB", UINT64_C(1) << 20},
	{"Mi", UINT64_C(1) << 20},
	{"GiB", UINT64_C(1) << 30},
	{"Gi", UINT64_C(1) << 30},
	{"TiB", UINT64_C(1) << 40},
	{"Ti", UINT64_C(1) << 40},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* "12" or "1.25" as a whole number and billionths; false when there is no digit. */
static bool take_number(struct slice *text, uint64_t *whole, uint64_t *billionths, bool *overflow)
{
	size_t i = 0, digits = 0;
	*whole = 0;
	*billionths = 0;
	for (; i < text->len && text->ptr[i] >= '0' && text->ptr[i] <= '9'; i++, digits++) {
		*overflow |= __builtin_mul_overflow(*whole, UINT64_C(10), whole);
		*overflow |= __builtin_add_overflow(*whole, (uint64_t)(text->ptr[i] - '0'), whole);
	}
	if (i < text->len && text->ptr[i] == '.') {
		uint64_t scale = 100000000;
		for (i++; i < text->len && text->ptr[i] >= '0' && text->ptr[i] <= '9';
		     i++, digits++) {
			*billionths += scale * (uint64_t)(text->ptr[i] - '0');
			scale /= 10;
		}
	}
	*text = (struct slice){text->ptr + i, text->len - i};
	return digits > 0;
}

static const struct unit *find_unit(const struct unit *units, size_t count, struct slice name,
				    bool any_case)
{
	for (size_t i = 0; i < count; i++) {
		if (strlen(units[i].name) != name.len)
			continue;
		if (any_case ? !strncasecmp(units[i].name, name.ptr, name.len)
			     : !memcmp(units[i].name, name.ptr, name.len))
			return &units[i];
	}
	return NULL;
}

static bool add_scaled(uint64_t *total, uint64_t whole, uint64_t billionths, uint64_t size)
{
	unsigned __int128 sum = (unsigned __int128)whole * size +
				(unsigned __int128)billionths * size / 1000000000 + *total;
	if (sum > INT64_MAX)
		return false;
	*total = (uint64_t)sum;
	return true;
}

int duration_parse(int64_t *ns, struct slice text)
{
	uint64_t total = 0, whole, billionths;
	bool overflow = false;
	if (slice_eq_cstr(text, "0")) {
		*ns = 0;
		return 0;
	}
	if (!text.len)
		return STATUS_INVALID;
	while (text.len) {
		if (!take_number(&text, &whole, &billionths, &overflow))
			return STATUS_INVALID;
		size_t len = 0;
		while (len < text.len && text.ptr[len] != '.' &&
		       (text.ptr[len] < '0' || text.ptr[len] > '9'))
			len++;
		const struct unit *unit = find_unit(duration_units, COUNT(duration_units),
						    (struct slice){text.ptr, len}, false);
		if (!unit)
			return STATUS_INVALID;
		if (overflow || !add_scaled(&total, whole, billionths, unit->size))
			overflow = true;
		text = (struct slice){text.ptr + len, text.len - len};
	}
	if (overflow)
		return STATUS_LIMIT;
	*ns = (int64_t)total;
	return 0;
}

int bytes_parse(uint64_t *bytes, struct slice text, uint64_t unit)
{
	uint64_t whole, billionths, total = 0;
	bool overflow = false;
	if (!take_number(&text, &whole, &billionths, &overflow))
		return STATUS_INVALID;
	while (text.len && text.ptr[0] == ' ')
		text = (struct slice){text.ptr + 1, text.len - 1};
	if (text.len) {
		const struct unit *named = find_unit(byte_units, COUNT(byte_units), text, true);
		if (!named)
			return STATUS_INVALID;
		unit = named->size;
	}
	if (overflow || !add_scaled(&total, whole, billionths, unit))
		return STATUS_LIMIT;
	*bytes = total;
	return 0;
}

const char *duration_format(char text[UNITS_TEXT], int64_t ns)
{
	uint64_t rest = (uint64_t)ns;
	size_t len = 0;
	if (!rest)
		return "0s";
	for (size_t i = 1; i < COUNT(duration_units); i++) { /* weeks are not written */
		const struct unit *unit = &duration_units[i];
		if (rest >= unit->size) {
			len += (size_t)snprintf(text + len, UNITS_TEXT - len, "%llu%s",
						(unsigned long long)(rest / unit->size),
						unit->name);
			rest %= unit->size;
		}
	}
	return text;
}

const char *bytes_format(char text[UNITS_TEXT], uint64_t bytes)
{
	static const char *const names[] = {"", "KiB", "MiB", "GiB", "TiB"};
	unsigned power = 0;
	while (bytes && power < 4 && bytes % 1024 == 0) {
		bytes /= 1024;
		power++;
	}
	snprintf(text, UNITS_TEXT, "%llu%s", (unsigned long long)bytes, names[power]);
	return text;
}
