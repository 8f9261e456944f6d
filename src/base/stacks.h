/*
 * SIGUSR2 writes a stack trace of every thread to stderr, without stopping the program and
 * without any lock of it: a thread of its own waits for the signal, asks each thread for its
 * return addresses by another one, and puts names to them.
 */
#ifndef TRIPOD_BASE_STACKS_H
#define TRIPOD_BASE_STACKS_H

#include "base/status.h"

/* Blocks SIGUSR2 for this thread and those it starts from now on: call it before any other is started. */
int stacks_start(struct error *err);

/* Writes the stacks to `fd` now; from any thread, one at a time. */
void stacks_write(int fd);

#endif
