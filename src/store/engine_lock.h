/*
 * Who has an engine's data directory open: a record lock on a file in it, which names its
 * holder's pid and goes with the process. The file says whether the holder was started by
 * a supervisor.
 */
#ifndef TRIPOD_STORE_ENGINE_LOCK_H
#define TRIPOD_STORE_ENGINE_LOCK_H

#include "base/status.h"

/*
 * Takes the lock for this process. Returns a descriptor, which holds it and must be the
 * process's only one of that file; or CONFLICT, naming the holder's pid; or IO.
 */
int engine_lock_take(const char *data, int supervised, struct error *err);

/*
 * Waits until nobody holds it: a holder that was started by a supervisor, which must have
 * died, is stopped (SIGTERM; SIGKILL after `grace_ms`). One started by hand is CONFLICT.
 */
int engine_lock_clear(const char *data, unsigned grace_ms, struct error *err);

#endif
