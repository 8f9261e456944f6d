/*
 * The one door to ClickHouse: its HTTP interface, over a Unix socket to the embedded
 * engine or over TCP (with or without TLS) to a server of the user's.
 *
 * All calls block the calling thread; the client may be used by many threads at once
 * (it keeps idle connections).
 */
#ifndef TRIPOD_STORE_CLIENT_H
#define TRIPOD_STORE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

struct store_client;

struct store_endpoint {
	const char *url; /* "unix:/path/to/socket", "http://host:8123", "https://host:8443" */
	const char *database; /* where the telemetry tables are */
	const char *user; /* may be NULL */
	const char *password; /* may be NULL */
	const char *ca_file; /* TLS: PEM of trusted authorities; NULL: the system's */
	unsigned connect_timeout_ms; /* 0: 5 s */
};

int store_client_new(struct store_client **out, const struct store_endpoint *endpoint,
		     struct error *err);
void store_client_free(struct store_client *client);

/* One `name`=`value` of the URL: a setting, or a parameter as "param_x". Values are escaped here. */
struct store_option {
	const char *name;
	const char *value;
};

/*
 * Runs one statement and appends the whole answer to `out` (NULL: thrown away), at most
 * out->limit bytes (else STATUS_LIMIT). A statement the server refused has the status of
 * its exception code (store/exception.h: INVALID, NOT_FOUND, LIMIT, DENIED, …) and the
 * server's message; a server that cannot be reached is AGAIN; `timeout_ms` over (0: none)
 * is TIMEOUT. Only a SELECT is ever sent a second time (when an idle connection turns out
 * to be dead); of another one that failed with AGAIN or TIMEOUT nobody knows whether it ran.
 */
int store_query(struct store_client *client, const char *sql, const struct store_option *options,
		size_t option_count, unsigned timeout_ms, struct buf *out, struct error *err);

/*
 * As store_query, for large answers: `on_data` gets the pieces as they come. A negative
 * return of it stops the query (the connection is broken, which frees the server) and is
 * returned. Only when 0 is returned was the answer whole.
 */
int store_read(struct store_client *client, const char *sql, const struct store_option *options,
	       size_t option_count, unsigned timeout_ms,
	       int (*on_data)(void *ctx, struct slice data), void *ctx, struct error *err);

/* --- passing a request on ------------------------------------------------------------ */

/* Ends a store_forward from another thread; made before it and freed after it. */
struct store_interrupt;
struct store_interrupt *store_interrupt_new(void); /* NULL: out of memory */
void store_interrupt_free(struct store_interrupt *interrupt); /* accepts NULL */
void store_interrupt_now(struct store_interrupt *interrupt);

struct store_header {
	const char *name; /* as the server wrote it */
	const char *value;
};

/* A reading statement of somebody else's, whose answer goes back as the server gives it. */
struct store_forward {
	struct slice sql;
	const struct store_option *options;
	size_t option_count;
	const char *accept_encoding; /* NULL: none */
	unsigned timeout_ms; /* for all of it; 0: none */
	struct store_interrupt *interrupt; /* may be NULL */
	/*
	 * The answer's head, once, whatever its code; then its body in pieces as they come off
	 * the wire: the content's coding is not undone, exceptions behind data are not looked for.
	 * A negative return stops (the connection is broken, which ends the query) and is returned.
	 */
	int (*on_head)(void *ctx, int code, const struct store_header *headers, size_t count);
	int (*on_data)(void *ctx, struct slice data);
	void *ctx;
};

/*
 * 0: the answer was handed on whole. CANCELLED: interrupted. TIMEOUT. AGAIN: the server
 * cannot be reached, or its answer broke off, when on_head was called before.
 */
int store_forward(struct store_client *client, const struct store_forward *forward,
		  struct error *err);

/* --- storing ------------------------------------------------------------------------- */

/*
 * An INSERT whose Native blocks are sent as they become ready, as one HTTP request with a
 * chunked body. Nothing is stored unless store_insert_finish sends the end of the body.
 * Used by one thread at a time.
 *
 * The server is told to keep all of it until the end (min_insert_block_size_*), so that
 * the rows of one partition become one part; this holds up to STORE_INSERT_MAX_BYTES.
 * Beyond it parts may be visible early, and whatever is not STORED is UNKNOWN.
 */
#define STORE_INSERT_MAX_BYTES ((uint64_t)2 << 30)

struct store_insert;

enum store_outcome {
	STORE_STORED, /* the server said so */
	STORE_REFUSED, /* the server looked at the rows and refused them: sending the same again cannot help */
	STORE_NOT_STORED, /* certainly not stored, but may be later (cannot connect, memory, disk, too many parts) */
	STORE_UNKNOWN, /* the answer was not seen: look the cut up before sending it again */
};

/* `query_id` marks the request at the server (HTTP parameter query_id). */
int store_insert_begin(struct store_insert **out, struct store_client *client, const char *sql,
		       const char *query_id, const struct store_option *options,
		       size_t option_count, struct error *err);
/*
 * Sends bytes; returns when they were handed to the socket. An error (the connection broke,
 * or the server answered early, e.g. that a block is malformed) is kept for finish, which
 * must be called all the same, or abort.
 */
int store_insert_write(struct store_insert *insert, struct slice bytes, struct error *err);
/* Ends the body, waits for the answer at most `timeout_ms`, frees `insert`. `err` is filled unless STORED. */
enum store_outcome store_insert_finish(struct store_insert *insert, unsigned timeout_ms,
				       struct error *err);
/* Breaks the connection, so that nothing is stored; frees `insert`. Accepts NULL. */
void store_insert_abort(struct store_insert *insert);

#endif
