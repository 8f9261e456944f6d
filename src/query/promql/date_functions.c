/*
 * Parts of dates: minute, hour, day_of_week, … in UTC, by the Gregorian calendar in both
 * directions. Without an argument they are about the time of the step.
 *
 * Source: Prometheus' documentation, "Query functions".
 */
#include <math.h>

#include "query/promql/instant_functions_int.h"

#define SECONDS_PER_DAY 86400

struct date {
	int64_t year;
	uint32_t month, day; /* from 1 */
	uint32_t year_day; /* from 1 */
};

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static const uint16_t days_before_month[] = {0,   31,  59,  90,  120, 151, 181,
					     212, 243, 273, 304, 334, 365};

/*
 * Days since 1970-01-01. Counted in years that begin with March, so that the leap day is the
 * last one, and in cycles of 400 years.
 */
static struct date date_of(int64_t days)
{
	const int64_t since = days + 719468; /* since 0000-03-01 */
	const int64_t era = (since >= 0 ? since : since - 146096) / 146097;
	const int64_t day_of_era = since - era * 146097;
	const int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	const int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	const int64_t month_from_march = (5 * day_of_year + 2) / 153;
	struct date date = {
		.year = era * 400 + year_of_era + (month_from_march >= 10),
		.month = (uint32_t)(month_from_march < 10 ? month_from_march + 3
							  : month_from_march - 9),
		.day = (uint32_t)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
	};
	date.year_day = days_before_month[date.month - 1] + date.day +
			(date.month > 2 && is_leap(date.year));
	return date;
}

double date_part(enum promql_function_id id, int64_t time)
{
	int64_t days = time / SECONDS_PER_DAY, second = time % SECONDS_PER_DAY;
	if (second < 0) {
		second += SECONDS_PER_DAY;
		days--;
	}
	const struct date date = date_of(days);
	switch (id) {
	case PROMQL_FN_minute:
		return (double)(second / 60 % 60);
	case PROMQL_FN_hour:
		return (double)(second / 3600);
	case PROMQL_FN_day_of_week: /* 1970-01-01 was a Thursday */
		return (double)(((days + 4) % 7 + 7) % 7);
	case PROMQL_FN_day_of_month:
		return date.day;
	case PROMQL_FN_day_of_year:
		return date.year_day;
	case PROMQL_FN_days_in_month:
		return days_before_month[date.month] - days_before_month[date.month - 1] +
		       (date.month == 2 && is_leap(date.year));
	case PROMQL_FN_month:
		return date.month;
	default:
		return (double)date.year;
	}
}

/* Towards zero; what no int64_t can hold becomes the least, as on the machines Prometheus runs on. */
static int64_t to_seconds(double value)
{
	const double limit = 9223372036854775808.0; /* 2^63 */
	return value >= -limit && value < limit ? (int64_t)value : INT64_MIN;
}

struct date_sink {
	struct row_sink sink;
	struct row_sink *to;
	struct eval *e;
	struct grid grid;
	enum promql_function_id id;
	struct row *row;
};

static int put_dates(struct row_sink *sink, const struct row *in, struct error *err)
{
	struct date_sink *s = (struct date_sink *)sink;
	struct row *row = s->row;
	row_clear(row, s->grid);
	row->labels = in->labels;
	row->drop_name = true;
	for (uint32_t i = 0; i < s->grid.count; i++) {
		if (in->kind[i] != POINT_FLOAT)
			continue;
		row->kind[i] = POINT_FLOAT;
		row->value[i] = date_part(s->id, to_seconds(in->value[i]));
	}
	return row_is_empty(row, s->grid) ? 0 : s->to->put(s->to, row, err);
}

int call_date(struct eval *e, const struct promql_expr *call, struct grid grid,
	      struct row_sink *sink, struct error *err)
{
	struct row *row = row_new(e, grid, err);
	if (!row)
		return STATUS_LIMIT;
	const enum promql_function_id id = call->call.function->id;
	if (call->call.arg_count > 0) {
		struct date_sink s = {{put_dates}, sink, e, grid, id, row};
		return eval_vector(e, call->call.args[0], grid, &s.sink, err);
	}
	row->labels = labels_new(e->arena, NULL, 0);
	if (!row->labels)
		return eval_over_budget(err);
	for (uint32_t i = 0; i < grid.count; i++) {
		row->kind[i] = POINT_FLOAT;
		row->value[i] = date_part(id, grid_time(grid, i) / 1000);
	}
	return sink->put(sink, row, err);
}
