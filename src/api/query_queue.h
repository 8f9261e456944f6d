/*
 * Which of the users' queries run: at most so many at once, the others wait in a line for
 * each caller, and the lines take turns, so that one who sends a hundred does not hold up
 * one who sends a single query. One queue serves all query interfaces.
 */
#ifndef TRIPOD_API_QUERY_QUEUE_H
#define TRIPOD_API_QUERY_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

struct query_queue;

struct query_queue_options {
	unsigned max_running; /* 0: 16; each needs a thread */
	unsigned max_waiting; /* of all callers; 0: 256 */
	unsigned max_waiting_each; /* of one caller; 0: a quarter of max_waiting */
};

/* A query in the queue, in memory of the caller's until `release` was called or it was removed. */
struct query_ticket {
	struct query_ticket *next; /* the queue's, as is the next */
	bool waiting;
	uint64_t caller; /* who asks: a hash of the token's name or of the address */
	int64_t queued_ns; /* set when it was put in line; clock_monotonic_ns */
	/* Runs on a thread of the queue's, which it may block. */
	void (*run)(struct query_ticket *ticket);
	/*
	 * Makes `run` end soon: called from another thread while it runs, or before it. Must not
	 * call the queue. May be NULL, as may the next.
	 */
	void (*cancel)(struct query_ticket *ticket);
	/* After `run`, when nobody has the ticket any more: may free it. */
	void (*release)(struct query_ticket *ticket);
};

/* NULL when out of memory. */
struct query_queue *query_queue_new(const struct query_queue_options *options);
/* Cancels the queries that run, those in line and those that are submitted from now on. */
void query_queue_cancel(struct query_queue *queue);
/* Waits for the queries that run and those in line. Nobody may submit any more. */
void query_queue_free(struct query_queue *queue);

/* LIMIT: too many are waiting, of this caller or of all. From any thread. */
int query_queue_submit(struct query_queue *queue, struct query_ticket *ticket, struct error *err);
/* True when it was waiting and will not run now. */
bool query_queue_remove(struct query_queue *queue, struct query_ticket *ticket);

struct query_queue_stats {
	unsigned running, waiting;
	uint64_t started, refused;
};
void query_queue_stats(struct query_queue *queue, struct query_queue_stats *stats);

#endif
