/* Prometheus' durations as text (common/model): "1h30m". */
#include "lang/promql/parse_int.h"

struct unit {
	const char *name;
	int64_t ms;
	bool exact; /* only when nothing smaller remains: 90d reads better than 12w6d */
};

static const struct unit units[] = {
	{"y", INT64_C(365) * 86400000, true},
	{"w", INT64_C(7) * 86400000, true},
	{"d", INT64_C(86400000), false},
	{"h", INT64_C(3600000), false},
	{"m", INT64_C(60000), false},
	{"s", INT64_C(1000), false},
	{"ms", 1, false},
};

#define UNIT_COUNT (sizeof(units) / sizeof(units[0]))

static size_t unit_of(struct slice name)
{
	size_t i = 0;
	while (i < UNIT_COUNT && !slice_eq_cstr(name, units[i].name))
		i++;
	return i;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

enum promql_duration_error promql_read_duration(struct slice text, int64_t *ms, struct slice *unit)
{
	/* As long as Go's Duration, which counts nanoseconds, can be. */
	const uint64_t most = (uint64_t)INT64_MAX / 1000000;
	const char *p = text.ptr, *end = p + text.len;
	uint64_t sum = 0;
	size_t next_unit = 0;
	if (text.len == 1 && *p == '0') {
		*ms = 0;
		return PROMQL_DURATION_OK;
	}
	if (p == end)
		return PROMQL_DURATION_SYNTAX;
	while (p < end) {
		uint64_t value = 0;
		const char *digits = p;
		for (; p < end && is_digit(*p); p++) {
			if (value > (UINT64_MAX - 9) / 10)
				return PROMQL_DURATION_SYNTAX;
			value = value * 10 + (uint64_t)(*p - '0');
		}
		const char *name = p;
		while (p < end && !is_digit(*p))
			p++;
		if (name == digits || p == name)
			return PROMQL_DURATION_SYNTAX;
		*unit = (struct slice){name, (size_t)(p - name)};
		size_t i = unit_of(*unit);
		if (i == UNIT_COUNT)
			return PROMQL_DURATION_UNIT;
		if (i < next_unit)
			return PROMQL_DURATION_SYNTAX;
		next_unit = i + 1;
		if (value > most / (uint64_t)units[i].ms)
			return PROMQL_DURATION_RANGE_ERROR;
		sum += value * (uint64_t)units[i].ms;
		if (sum > most)
			return PROMQL_DURATION_RANGE_ERROR;
	}
	*ms = (int64_t)sum;
	return PROMQL_DURATION_OK;
}

bool promql_parse_duration(struct slice text, int64_t *ms)
{
	struct slice unit;
	return promql_read_duration(text, ms, &unit) == PROMQL_DURATION_OK;
}

void promql_duration_text(int64_t ms, struct buf *out)
{
	uint64_t left = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;
	if (left == 0) {
		buf_append_cstr(out, "0s");
		return;
	}
	if (ms < 0)
		buf_append_byte(out, '-');
	for (size_t i = 0; i < UNIT_COUNT; i++) {
		uint64_t unit = (uint64_t)units[i].ms;
		if (left < unit || (units[i].exact && left % unit))
			continue;
		buf_appendf(out, "%llu%s", (unsigned long long)(left / unit), units[i].name);
		left %= unit;
	}
}
