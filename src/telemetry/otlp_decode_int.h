/* What decoding logs and decoding traces share. Private to otlp_decode*.c. */
#ifndef TRIPOD_TELEMETRY_OTLP_DECODE_INT_H
#define TRIPOD_TELEMETRY_OTLP_DECODE_INT_H

#include "base/clock.h"
#include "telemetry/columns.h"
#include "telemetry/key_table.h"
#include "telemetry/otlp_decode.h"
#include "wire/protobuf.h"
#include "wire/utf8.h"

#define NOT_REJECTED (-1)
#define TIME_LIMIT UINT64_C(4102444800000000000) /* 2100-01-01; see otlp_decode.h */

struct otlp_decoder;

/* What logs and traces have each of their own. */
struct otlp_kind {
	const char *record_name; /* "log record" or "span", for messages */
	/* A LogRecord or Span message, the whole of `r`, becomes the batch's next row. */
	bool (*record)(struct otlp_decoder *d, struct pb_reader *r);
	/* Takes the rows from `rows` on away, with what only they have. */
	void (*truncate)(struct otlp_decoder *d, uint32_t rows);
};

/*
 * One call of otlp_decode_*. Functions return false when the whole request fails; `status`
 * and `err` are set then. The caller sets the first six.
 */
struct otlp_decoder {
	const struct otlp_kind *kind;
	struct batch_common *common;
	uint32_t *rows; /* the batch's */
	const struct otlp_decode_options *options;
	struct rejects *rejects;
	struct error *err;

	const uint8_t *base; /* the request's first byte, for offsets in messages */
	struct key_table *keys;
	int status;
	uint64_t record; /* number of the current record in the request, from 0 */
	int reject; /* enum reject_reason of the current record, resource or scope */
	const char *reject_what;
	uint32_t previous_key; /* slot in key_table.next */
	uint64_t reject_after; /* as in the options, but UINT64_MAX: none */
	uint64_t day_start; /* of the day counted last, ns; TIME_LIMIT: none yet */
	uint64_t *days; /* a bit for each day before TIME_LIMIT; NULL: no more than `day_start` */
	uint32_t day_count;
};

/* Empties the batch, keeping its memory, and decodes the request into it. */
int otlp_decode(struct otlp_decoder *d, struct slice bytes);
/* The first part of otlp_decode: empties d->common and d->rejects. `kind` is not used. */
bool otlp_begin(struct otlp_decoder *d, struct slice bytes);
/* Frees what a batch of either kind holds. */
void otlp_release(struct batch_common *common);

bool otlp_malformed(struct otlp_decoder *d, const struct pb_reader *r);
bool otlp_no_memory(struct otlp_decoder *d);
/* Marks the current record, scope or resource; the first reason counts. */
void otlp_reject(struct otlp_decoder *d, enum reject_reason reason, const char *what);
/* Counts `records`, of which number `first` was one, that are left out; clears the reason. */
void otlp_count_rejected(struct otlp_decoder *d, uint64_t records, uint64_t first);

static inline void otlp_check_utf8(struct otlp_decoder *d, struct slice text, const char *what)
{
	if (__builtin_expect(!utf8_valid_padded(text.ptr, text.len), 0))
		otlp_reject(d, REJECT_INVALID_UTF8, what);
}

/* A string field: its bytes, checked. */
static inline bool otlp_text(struct otlp_decoder *d, struct pb_reader *r, struct slice *out,
			     const char *what)
{
	if (!pb_bytes(r, out))
		return false;
	otlp_check_utf8(d, *out, what);
	return true;
}

/* An id of `size` bytes; an empty one is all zero. */
static inline bool otlp_id(struct otlp_decoder *d, struct pb_reader *r, uint8_t *out, size_t size,
			   const char *what)
{
	struct slice bytes;
	if (!pb_bytes(r, &bytes))
		return false;
	if (__builtin_expect(bytes.len == size, 1)) {
		memcpy(out, bytes.ptr, size);
		return true;
	}
	memset(out, 0, size);
	if (bytes.len)
		otlp_reject(d, REJECT_INVALID_ID, what);
	return true;
}

static inline void otlp_check_time(struct otlp_decoder *d, uint64_t time, const char *what)
{
	if (__builtin_expect(time >= TIME_LIMIT, 0))
		otlp_reject(d, REJECT_INVALID_TIME, what);
}

/* Counts the day of `time`, which is before TIME_LIMIT, or rejects. False when out of memory. */
bool otlp_count_day(struct otlp_decoder *d, uint64_t time, const char *what);
/* Whether the day of `time`, which is before TIME_LIMIT, was counted. */
bool otlp_has_day(const struct otlp_decoder *d, uint64_t time);

/* Counts the day of a row of the store, unless the record is rejected already. */
static inline bool otlp_check_day(struct otlp_decoder *d, uint64_t time, const char *what)
{
	if (__builtin_expect(time - d->day_start < NS_PER_DAY, 1) || d->reject != NOT_REJECTED)
		return true;
	return otlp_count_day(d, time, what);
}

/* The same after looking whether the store may hold `time` at all, for a record's own time. */
static inline bool otlp_check_stored_time(struct otlp_decoder *d, uint64_t time, const char *what)
{
	if (__builtin_expect(time < d->options->expire_before, 0))
		otlp_reject(d, REJECT_EXPIRED, what);
	if (__builtin_expect(time > d->reject_after, 0))
		otlp_reject(d, REJECT_TOO_FAR_IN_THE_FUTURE, what);
	return otlp_check_day(d, time, what);
}

/* An AnyValue message, the whole of `r`. */
bool otlp_value(struct otlp_decoder *d, struct pb_reader *r, struct value *out, const char *what);

/* A KeyValue message, the next field of `r`, appended to the batch and to `run`. */
bool otlp_attribute(struct otlp_decoder *d, struct pb_reader *r, struct attr_run *run);

/* Begins a run of attributes at the end of the batch's. */
static inline struct attr_run otlp_begin_run(struct otlp_decoder *d, enum key_start start)
{
	d->previous_key = start;
	return (struct attr_run){d->common->attr_count, 0};
}

/* Copies `run` to the end of the batch's attributes. */
bool otlp_move_run(struct otlp_decoder *d, struct attr_run *run);

/* Makes `run` the last one, to append to it: for what is sent in several pieces. */
static inline bool otlp_reopen_run(struct otlp_decoder *d, struct attr_run *run)
{
	return run->first + run->count == d->common->attr_count || otlp_move_run(d, run);
}

#endif
