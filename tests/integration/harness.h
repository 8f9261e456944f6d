/*
 * Starts real engines for tests, in directories of their own, and talks raw HTTP to them.
 * Everything is undone by harness_end.
 */
#ifndef TRIPOD_TESTS_HARNESS_H
#define TRIPOD_TESTS_HARNESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "store/client.h"
#include "store/supervisor.h"

struct harness {
	char dir[64], data[96], url[128];
	const char *socket_path;
	struct supervisor *supervisor;
	struct store_client *client;
};

/* Exits with 77 (skipped) and a reason when libchdb is not there. */
void harness_need_libchdb(void);
void harness_begin(struct harness *h);
void harness_end(struct harness *h);

pid_t harness_pid(struct harness *h);
/* One value of the answer, without its line end; fails the test on an error. */
const char *harness_scalar(struct harness *h, const char *sql);
void harness_run(struct harness *h, const char *sql);

/* One HTTP exchange by libcurl, as any client would have it. */
struct reply {
	long status;
	int curl; /* CURLcode */
	struct buf headers, body;
};

/* `path` like "/?query=SELECT+1"; `body` NULL: GET; `header` NULL or one "Name: value". */
void harness_http(struct harness *h, struct reply *reply, const char *path, const char *body,
		  size_t body_len, const char *header);
void reply_release(struct reply *reply);
bool reply_has(struct reply *reply, const char *header_line_part);

#endif
