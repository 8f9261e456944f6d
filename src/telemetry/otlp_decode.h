/*
 * OTLP protobuf to columns. Pure: bytes in, columns or an error out.
 *
 * Source: opentelemetry-proto 1.x, collector/{logs,trace}/v1 and {logs,trace,common,resource}/v1.
 *
 * `bytes` must be followed by CHUNK_PADDING readable bytes. The whole request is INVALID
 * when its protobuf framing is broken (OTLP: status 400 / INVALID_ARGUMENT). A record that
 * is well framed but bad (text that is not UTF-8, a trace id of a wrong length, a value
 * nested deeper than OTLP_MAX_DEPTH, …) is left out and counted; the others are decoded.
 * What is rejected depends on the bytes and on `options` alone, so that decoding the same
 * logged bytes again gives the same rows.
 */
#ifndef TRIPOD_TELEMETRY_OTLP_DECODE_H
#define TRIPOD_TELEMETRY_OTLP_DECODE_H

#include <stdint.h>

#include "base/status.h"
#include "telemetry/batch.h"

#define OTLP_MAX_DEPTH 64 /* arrays and maps within each other */
#define OTLP_MAX_KEYS 16384 /* distinct attribute keys a request */
/*
 * Distinct days (UTC) a request. Each becomes a partition with a block and an INSERT of its own,
 * so that a small request over all days there are would cost a gigabyte and many seconds. Almost
 * three years are more than any sender's buffer holds; a longer import is several requests.
 */
#define OTLP_MAX_DAYS 1000
#define OTLP_DEFAULT_MEMORY ((size_t)512 << 20)

enum reject_reason {
	REJECT_INVALID_UTF8,
	REJECT_INVALID_ID, /* a trace or span id of a wrong length, or missing where needed */
	REJECT_TOO_DEEP, /* a value nested deeper than OTLP_MAX_DEPTH */
	REJECT_INVALID_TIME, /* outside what the store can hold, or end before start */
	REJECT_EXPIRED, /* older than the retention */
	REJECT_TOO_MANY_KEYS, /* more distinct attribute keys than a batch may have */
	/* Of metrics only: telemetry/otlp_metrics.h. */
	REJECT_INVALID_NAME, /* a metric's or attribute's name of which nothing is left */
	REJECT_NO_VALUE, /* a number data point without a number, a metric without data */
	REJECT_INVALID_HISTOGRAM, /* buckets that cannot be */
	REJECT_NO_TEMPORALITY, /* neither delta nor cumulative */
	/* Of all signals again. */
	REJECT_TOO_FAR_IN_THE_FUTURE, /* later than `reject_after` */
	REJECT_TOO_MANY_DAYS, /* on a further day when the request has OTLP_MAX_DAYS already */
	REJECT_REASON_COUNT
};

/* "invalid_utf8", … as shown in the ledger. */
const char *reject_reason_name(enum reject_reason reason);

struct rejects {
	uint64_t count[REJECT_REASON_COUNT];
	uint64_t total;
	char example
		[160]; /* the first one, for partial_success: "log record 17: body is not valid UTF-8" */
};

struct otlp_decode_options {
	uint64_t received_time; /* when the request came, ns; used for a record without any time */
	uint64_t expire_before; /* records with an earlier time are rejected; 0: none */
	uint64_t reject_after; /* records with a later time are rejected, ns; 0: none */
	size_t max_memory; /* bytes the batch may take, else LIMIT; 0: OTLP_DEFAULT_MEMORY */
};

/*
 * `batch` must be zeroed, or decoded before (its memory is reused). On an error the batch
 * is empty. `rejects` is set, not added to.
 *
 * Details that the specification leaves open:
 * - a field of a wrong wire type is an unknown field and skipped, as protobuf says;
 * - a resource or scope sent twice in one message is merged (attributes appended), but of
 *   a body or value sent twice the last one counts;
 * - a bad resource or scope rejects every record in it;
 * - of a value nested too deep, what lies beyond OTLP_MAX_DEPTH is not looked at;
 * - enums outside what they define become 0, severity numbers up to 255 are kept;
 * - a log record's ids may be empty or all zero; a span's must be neither, but its parent's
 *   and its links' may;
 * - times must be before the year 2100: the store's sort keys and expiry are in 32 bits of seconds,
 *   which end in 2106 and then wrap, so that rows would not be found, or be dropped as old;
 * - the time that is compared with `expire_before` and `reject_after`, and whose day counts for
 *   OTLP_MAX_DAYS, is the one that the row is stored under; the first days in the request's order
 *   are those that it may have, and a day counts even when its record is rejected for its scope.
 */
int otlp_decode_logs(struct log_batch *batch, struct slice bytes,
		     const struct otlp_decode_options *options, struct rejects *rejects,
		     struct error *err);
void log_batch_release(struct log_batch *batch);

int otlp_decode_traces(struct span_batch *batch, struct slice bytes,
		       const struct otlp_decode_options *options, struct rejects *rejects,
		       struct error *err);
void span_batch_release(struct span_batch *batch);

#endif
