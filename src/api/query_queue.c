#include "api/query_queue.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/workers.h"

#define DEFAULT_RUNNING 16
#define DEFAULT_WAITING 256

/* The queries of one caller that wait, oldest first. A ring of those that have any. */
struct line {
	struct line *next, *prev;
	uint64_t caller;
	struct query_ticket *first, **last;
	unsigned count;
};

struct query_queue {
	struct workers *workers;
	unsigned max_running, max_waiting, max_each;

	pthread_mutex_t lock;
	struct line *turn; /* whose turn it is next; NULL: nobody waits */
	struct query_ticket *first_running; /* those that a thread has taken up */
	bool cancelled; /* all that run from now on */
	unsigned running, waiting;
	uint64_t started, refused;
};

struct query_queue *query_queue_new(const struct query_queue_options *options)
{
	struct query_queue *q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	q->max_running = options->max_running ? options->max_running : DEFAULT_RUNNING;
	q->max_waiting = options->max_waiting ? options->max_waiting : DEFAULT_WAITING;
	q->max_each =
		options->max_waiting_each ? options->max_waiting_each : (q->max_waiting + 3) / 4;
	const unsigned limits[WORKER_KINDS] = {[WORKER_QUERY] = q->max_running};
	q->workers = workers_new(limits, q->max_running + 1);
	if (!q->workers) {
		free(q);
		return NULL;
	}
	pthread_mutex_init(&q->lock, NULL);
	return q;
}

void query_queue_free(struct query_queue *q)
{
	if (!q)
		return;
	workers_free(q->workers);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

/* --- lines, with the lock held ------------------------------------------------------ */

static struct line *find_line(struct query_queue *q, uint64_t caller)
{
	struct line *line = q->turn;
	if (!line)
		return NULL;
	do {
		if (line->caller == caller)
			return line;
		line = line->next;
	} while (line != q->turn);
	return NULL;
}

/* At the end of the round: just before the one whose turn it is. */
static struct line *add_line(struct query_queue *q, uint64_t caller)
{
	struct line *line = calloc(1, sizeof(*line));
	if (!line)
		return NULL;
	line->caller = caller;
	line->last = &line->first;
	line->next = line->prev = line;
	if (q->turn) {
		line->next = q->turn;
		line->prev = q->turn->prev;
		line->prev->next = line->next->prev = line;
	} else {
		q->turn = line;
	}
	return line;
}

static void drop_line(struct query_queue *q, struct line *line)
{
	if (q->turn == line)
		q->turn = line->next == line ? NULL : line->next;
	line->prev->next = line->next;
	line->next->prev = line->prev;
	free(line);
}

static void unlink_first(struct query_queue *q, struct line *line)
{
	struct query_ticket *ticket = line->first;
	line->first = ticket->next;
	if (!line->first)
		line->last = &line->first;
	line->count--;
	q->waiting--;
	ticket->waiting = false;
}

static struct query_ticket *take_next(struct query_queue *q)
{
	struct line *line = q->turn;
	if (!line)
		return NULL;
	struct query_ticket *ticket = line->first;
	unlink_first(q, line);
	q->turn = line->next;
	if (!line->count)
		drop_line(q, line);
	return ticket;
}

/* --- running ------------------------------------------------------------------------ */

struct first_run {
	struct query_queue *queue;
	struct query_ticket *ticket;
};

static void run_one(struct query_queue *q, struct query_ticket *ticket)
{
	pthread_mutex_lock(&q->lock);
	ticket->next = q->first_running;
	q->first_running = ticket;
	if (q->cancelled && ticket->cancel)
		ticket->cancel(ticket);
	pthread_mutex_unlock(&q->lock);
	ticket->run(ticket);
	pthread_mutex_lock(&q->lock);
	struct query_ticket **at = &q->first_running;
	while (*at != ticket)
		at = &(*at)->next;
	*at = ticket->next;
	pthread_mutex_unlock(&q->lock);
	if (ticket->release)
		ticket->release(ticket);
}

void query_queue_cancel(struct query_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->cancelled = true;
	for (struct query_ticket *ticket = q->first_running; ticket; ticket = ticket->next) {
		if (ticket->cancel)
			ticket->cancel(ticket);
	}
	pthread_mutex_unlock(&q->lock);
}

/* A thread runs one query after another while there are any. */
static void run_all(void *arg)
{
	struct first_run *first = arg;
	struct query_queue *q = first->queue;
	struct query_ticket *ticket = first->ticket;
	free(first);
	while (ticket) {
		run_one(q, ticket);
		pthread_mutex_lock(&q->lock);
		ticket = take_next(q);
		if (ticket)
			q->started++;
		else
			q->running--;
		pthread_mutex_unlock(&q->lock);
	}
}

static int start(struct query_queue *q, struct query_ticket *ticket, struct error *err)
{
	struct first_run *first = malloc(sizeof(*first));
	if (!first)
		return error_set(err, STATUS_LIMIT, "no memory for a query");
	*first = (struct first_run){q, ticket};
	int rc = workers_submit(q->workers, WORKER_QUERY, run_all, first, err);
	if (rc)
		free(first);
	return rc;
}

static int enter_line(struct query_queue *q, struct query_ticket *ticket, struct error *err)
{
	struct line *line = find_line(q, ticket->caller);
	if (q->waiting >= q->max_waiting || (line && line->count >= q->max_each))
		return error_set(err, STATUS_LIMIT, "%u queries run and %u wait%s; try again later",
				 q->running, q->waiting,
				 q->waiting < q->max_waiting ? ", too many of this caller" : "");
	if (!line)
		line = add_line(q, ticket->caller);
	if (!line)
		return error_set(err, STATUS_LIMIT, "no memory for a query");
	ticket->next = NULL;
	ticket->waiting = true;
	*line->last = ticket;
	line->last = &ticket->next;
	line->count++;
	q->waiting++;
	return 0;
}

int query_queue_submit(struct query_queue *q, struct query_ticket *ticket, struct error *err)
{
	ticket->queued_ns = clock_monotonic_ns();
	ticket->waiting = false;
	pthread_mutex_lock(&q->lock);
	bool now = q->running < q->max_running;
	int rc = 0;
	if (now) {
		q->running++;
		q->started++;
	} else {
		rc = enter_line(q, ticket, err);
		q->refused += rc != 0;
	}
	pthread_mutex_unlock(&q->lock);
	if (!now)
		return rc;
	rc = start(q, ticket, err);
	if (rc) {
		pthread_mutex_lock(&q->lock);
		q->running--;
		q->started--;
		q->refused++;
		pthread_mutex_unlock(&q->lock);
	}
	return rc;
}

bool query_queue_remove(struct query_queue *q, struct query_ticket *ticket)
{
	pthread_mutex_lock(&q->lock);
	bool waiting = ticket->waiting;
	struct line *line = waiting ? find_line(q, ticket->caller) : NULL;
	if (line) {
		struct query_ticket **at = &line->first;
		while (*at != ticket)
			at = &(*at)->next;
		*at = ticket->next;
		if (!*at)
			line->last = at;
		line->count--;
		q->waiting--;
		ticket->waiting = false;
		if (!line->count)
			drop_line(q, line);
	}
	pthread_mutex_unlock(&q->lock);
	return waiting;
}

void query_queue_stats(struct query_queue *q, struct query_queue_stats *stats)
{
	pthread_mutex_lock(&q->lock);
	*stats = (struct query_queue_stats){q->running, q->waiting, q->started, q->refused};
	pthread_mutex_unlock(&q->lock);
}
