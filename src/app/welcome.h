/* What a server prints when it is up: where it listens, and the first things to try. */
#ifndef TRIPOD_APP_WELCOME_H
#define TRIPOD_APP_WELCOME_H

#include "base/buf.h"
#include "net/listeners.h"

void welcome_print(struct listeners *listeners, const char *data_dir, struct buf *out);

#endif
