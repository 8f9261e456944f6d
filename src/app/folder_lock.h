/*
 * One program at a time in a folder: a record lock on the file `lock` in it, which names its
 * holder's pid and goes with the process, however that ends.
 */
#ifndef TRIPOD_APP_FOLDER_LOCK_H
#define TRIPOD_APP_FOLDER_LOCK_H

#include "base/status.h"

/*
 * Takes the lock for this process. Returns a descriptor, which holds it until it, or another
 * one of that file, is closed; or IO; or CONFLICT with a message that ends in `instead`:
 * "another Tripod (pid 7) uses /path; stop it, or " and then "give this one another --data".
 */
int folder_lock_take(const char *folder, const char *instead, struct error *err);

#endif
