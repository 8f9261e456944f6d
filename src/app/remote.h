/* A running server, as commands talk to it: its HTTP address and a token. */
#ifndef TRIPOD_APP_REMOTE_H
#define TRIPOD_APP_REMOTE_H

#include "app/command.h"
#include "base/slice.h"
#include "base/status.h"

#define REMOTE_DEFAULT "http://127.0.0.1:3000"

/* The options that say which, for a command's table. */
#define REMOTE_OPTIONS                                                                             \
	{"server", "URL", "of the server's UI port; else TRIPOD_SERVER, or " REMOTE_DEFAULT,       \
	 false},                                                                                   \
		{"ca-file", "FILE", "certificates to trust, where the server's is a private one",  \
		 false},                                                                           \
	{                                                                                          \
		"token", "TOKEN", "where the server asks for one; else TRIPOD_TOKEN", false        \
	}

struct remote {
	const char *url; /* without a slash at its end when it is used */
	const char *token; /* NULL: none */
	const char *ca_file; /* NULL: the system's certificates */
};

/* From the options, the environment, the default. */
struct remote remote_of(const struct command_line *line);

struct remote_request {
	const char *path; /* "/-/status", with its query */
	struct slice body; /* ptr NULL: a GET, else a POST */
	unsigned timeout_ms; /* 0: none */
	/*
	 * The answer's head; then its body, whatever the code. A negative return stops, and is
	 * returned. `format` is the X-ClickHouse-Format header, "" when there is none.
	 */
	int (*on_head)(void *ctx, int code, const char *format);
	int (*on_data)(void *ctx, struct slice data);
	void *ctx;
};

/* 0: the answer was whole. AGAIN: cannot be reached; IO: it broke off. */
int remote_call(const struct remote *remote, const struct remote_request *request,
		struct error *err);

#endif
