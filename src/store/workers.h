/*
 * Threads for calls that block. Jobs of two kinds wait in line, first come first served
 * within their kind; queries may hold only part of the threads, so that an insert never
 * waits behind slow queries. Threads are started when needed and end when idle.
 */
#ifndef TRIPOD_STORE_WORKERS_H
#define TRIPOD_STORE_WORKERS_H

#include "base/status.h"

struct workers;
enum worker_kind { WORKER_QUERY, WORKER_INSERT, WORKER_KINDS };

/* `limits`: how many jobs of each kind run at once; `max_waiting`: of each kind in line. */
struct workers *workers_new(const unsigned limits[WORKER_KINDS], unsigned max_waiting);
/* Waits for the jobs that run and those in line. */
void workers_free(struct workers *workers);
/* Runs job(arg) on a thread. LIMIT: too many in line, or no thread can be started. */
int workers_submit(struct workers *workers, enum worker_kind kind, void (*job)(void *arg),
		   void *arg, struct error *err);

#endif
