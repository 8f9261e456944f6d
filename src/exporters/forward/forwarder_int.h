/* Shared by forwarder.c, gather.c and settle.c; nobody else includes it. */
#ifndef TRIPOD_EXPORTERS_FORWARD_FORWARDER_INT_H
#define TRIPOD_EXPORTERS_FORWARD_FORWARDER_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "exporters/forward/forwarder.h"
#include "net/loop.h"

/*
 * Bytes of a request that is made of several. A gRPC receiver takes 4 MiB by default; where
 * nobody asks for large ones, smaller ones keep what is under way, and its memory, small.
 */
#define GATHER_MAX_BYTES ((size_t)4000000)
#define GATHER_USUAL_BYTES ((size_t)1 << 20)
/* Where nobody asks for large requests, one of so many compressed bytes is sent on as it came. */
#define PASS_ON_BYTES ((size_t)16 << 10)
#define IN_FLIGHT_BYTES ((size_t)4 << 20) /* of all requests under way */
#define MAX_PLAIN ((size_t)1 << 30) /* as what the log's readers take */

/* A request that is being gathered: uncompressed protobuf, or one record as it is. */
struct gathering {
	struct record *single; /* while there is but one */
	struct chunk *plain; /* several, one behind the other */
	uint64_t from, to; /* positions in the log */
	uint64_t rows, bytes, first_received;
	int64_t began; /* clock_monotonic_ns; 0: there is nothing */
	bool full;
};

/* A range of the log that was taken and is not settled, or stands behind one that is not. */
struct span_of_log {
	uint64_t to;
	uint64_t first_received;
	unsigned pending; /* parts that are not settled */
	uint64_t delivered, quarantined; /* records */
};

/* A part of a range, with bytes ready to be sent. */
struct part {
	struct part *next; /* while it waits to be sent first */
	struct span_of_log *span;
	uint64_t from, index; /* name it: the range's start; 1, its halves 2 and 3, and so on */
	struct chunk *owner; /* of `bytes`: as they are sent */
	struct slice bytes;
	enum compress_encoding coding;
	struct chunk *source; /* of `protobuf`, when `bytes` are JSON; else NULL */
	struct slice protobuf;
	uint64_t rows;
};

enum call_state {
	CALL_FREE,
	CALL_SENT, /* the loop has it */
	CALL_ANSWERED,
	CALL_WAITS, /* until `send_at` */
};

struct call {
	struct forwarder *forwarder;
	struct forward_request request; /* what the loop has */
	struct loop_task task;
	atomic_int state; /* enum call_state; only the loop makes ANSWERED of SENT */
	struct part *part;
	struct forward_answer answer;
	int64_t first_sent, send_at; /* clock_monotonic_ns */
	int64_t interval; /* ns: the next wait before jitter */
};

struct forwarder {
	struct forwarder_options options;
	char name[PROGRESS_NAME_SIZE]; /* "otlp/backend/logs" */
	int consumer; /* in the progress file */
	struct wal_reader *reader;
	pthread_t thread;
	bool has_thread;

	/* The thread's own. */
	struct gathering gathering;
	struct record *held; /* was read, and belongs to the next request */
	struct compressor *compressor;
	struct buf scratch;
	struct call *calls;
	struct span_of_log *spans; /* ring, oldest first */
	unsigned span_capacity, span_head, span_count;
	struct part *first_parts; /* to be sent before anything else: halves of what was refused */
	size_t in_flight; /* bytes of calls that are not free */
	struct consumer_progress state;
	uint64_t saved_position, saved_rows; /* position; delivered and quarantined */
	int64_t saved_at;
	bool failing; /* the last answer was a failure */
	bool complained; /* and the log says so */
	int64_t complained_at, gave_up_at; /* clock_monotonic_ns; 0: never */
	uint64_t random;

	pthread_mutex_t lock;
	pthread_cond_t changed; /* anything below */
	bool stopping, answered;
	uint64_t flush_to; /* greatest position that somebody waits for */
	uint64_t settled; /* everything before it is delivered or in the quarantine */
	struct error
		last_error; /* why something is not delivered yet; STATUS_OK: nothing is wrong */
};

/* gather.c */

/*
 * Takes the record into the request that is gathered (and a reference). False when it
 * belongs to the next one: the request is full then, and the record was not taken.
 */
bool gather_add(struct forwarder *f, struct record *record);
static inline bool gather_is_empty(const struct forwarder *f)
{
	return f->gathering.began == 0;
}
/*
 * Makes a part of it, in the encoding and coding that is sent; it stays until gather_clear. NULL after an
 * error: NO_MEMORY, or CORRUPT (a record cannot be read).
 */
struct part *gather_finish(struct forwarder *f, struct error *err);
void gather_clear(struct forwarder *f);

/* A part of protobuf that lies in `source`; NULL when out of memory. */
struct part *part_new(struct forwarder *f, struct chunk *source, struct slice protobuf,
		      struct error *err);
void part_free(struct part *part);
/* The part as uncompressed protobuf, which lies in *owner: a reference for the caller. */
int part_protobuf(struct forwarder *f, const struct part *part, struct chunk **owner,
		  struct slice *protobuf, struct error *err);

/* settle.c */

/* Handles all calls that were answered. */
void settle_answers(struct forwarder *f);

/* forwarder.c */

void call_release(struct call *call);

#endif
