#include "store/workers.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

/* An idle thread ends after this. */
#define IDLE_SECONDS 10
/* libchdb's threads of its own do the work; those that wait for it need little. */
#define STACK_SIZE ((size_t)2 << 20)

struct job {
	struct job *next;
	void (*run)(void *arg);
	void *arg;
};

struct line {
	struct job *first, **last;
	unsigned waiting, running, limit;
};

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t wanted, ended;
	struct line lines[WORKER_KINDS];
	unsigned max_waiting;
	unsigned threads, idle;
	bool closing;
};

struct workers *workers_new(const unsigned limits[WORKER_KINDS], unsigned max_waiting)
{
	struct workers *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wanted, &attr);
	pthread_cond_init(&w->ended, &attr);
	pthread_condattr_destroy(&attr);
	w->max_waiting = max_waiting;
	for (int i = 0; i < WORKER_KINDS; i++) {
		w->lines[i].limit = limits[i];
		w->lines[i].last = &w->lines[i].first;
	}
	return w;
}

/* The line whose next job may run now. */
static struct line *runnable(struct workers *w)
{
	for (int i = WORKER_KINDS; i-- > 0;) {
		struct line *line = &w->lines[i];
		if (line->first && line->running < line->limit)
			return line;
	}
	return NULL;
}

static void run_one(struct workers *w, struct line *line)
{
	struct job *job = line->first;
	line->first = job->next;
	if (!line->first)
		line->last = &line->first;
	line->waiting--;
	line->running++;
	pthread_mutex_unlock(&w->lock);
	job->run(job->arg);
	free(job);
	pthread_mutex_lock(&w->lock);
	line->running--;
}

static void *worker(void *arg)
{
	struct workers *w = arg;
	pthread_mutex_lock(&w->lock);
	for (bool stay = true; stay;) {
		struct line *line = runnable(w);
		if (line) {
			run_one(w, line);
			continue;
		}
		if (w->closing)
			break;
		struct timespec until;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += IDLE_SECONDS;
		w->idle++;
		stay = pthread_cond_timedwait(&w->wanted, &w->lock, &until) == 0 || runnable(w);
		w->idle--;
	}
	w->threads--;
	pthread_cond_broadcast(&w->ended);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static bool start_thread(struct workers *w)
{
	pthread_attr_t attr;
	pthread_t thread;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	bool ok = pthread_create(&thread, &attr, worker, w) == 0;
	pthread_attr_destroy(&attr);
	w->threads += ok;
	return ok;
}

int workers_submit(struct workers *w, enum worker_kind kind, void (*run)(void *arg), void *arg,
		   struct error *err)
{
	struct job *job = malloc(sizeof(*job));
	if (!job)
		return error_set(err, STATUS_NO_MEMORY, "no memory for a job");
	*job = (struct job){NULL, run, arg};
	pthread_mutex_lock(&w->lock);
	struct line *line = &w->lines[kind];
	bool ok = line->waiting < w->max_waiting;
	/* Jobs in line that a thread is about to take count against the idle ones. */
	unsigned waiting = w->lines[WORKER_QUERY].waiting + w->lines[WORKER_INSERT].waiting;
	if (ok && line->running < line->limit && waiting >= w->idle)
		ok = start_thread(w) || w->threads > 0;
	if (ok) {
		*line->last = job;
		line->last = &job->next;
		line->waiting++;
		pthread_cond_signal(&w->wanted);
	}
	pthread_mutex_unlock(&w->lock);
	if (ok)
		return 0;
	free(job);
	return error_set(err, STATUS_LIMIT, "too many requests are waiting for the engine");
}

void workers_free(struct workers *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->closing = true;
	pthread_cond_broadcast(&w->wanted);
	while (w->threads)
		pthread_cond_wait(&w->ended, &w->lock);
	pthread_mutex_unlock(&w->lock);
	pthread_cond_destroy(&w->wanted);
	pthread_cond_destroy(&w->ended);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
