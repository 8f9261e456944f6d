/*
 * One byte stream between us and a peer: a socket, plain or with TLS, or (for tests and
 * fuzzers) memory. Private to net/. It never blocks, and calls its owner from the loop
 * only, never from inside one of its own functions.
 */
#ifndef TRIPOD_NET_TRANSPORT_H
#define TRIPOD_NET_TRANSPORT_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "net/outq.h"

struct transport;
typedef struct ssl_st SSL;

/* What transport_read returns besides a count of bytes (0: the peer will send no more). */
enum transport_result { TRANSPORT_AGAIN = -1, TRANSPORT_BROKEN = -2 };

struct transport_owner {
	void (*on_readable)(struct transport *t);
	void (*on_writable)(struct transport *t);
	/* The peer closed its side, or all of it; seen also while nothing is read. */
	void (*on_hangup)(struct transport *t);
	/* After transport_close: the memory may go. */
	void (*on_closed)(struct transport *t);
};

struct transport_ops {
	/* As read(2) and writev(2), with the results above instead of errno. */
	ssize_t (*read)(struct transport *t, char *to, size_t len);
	ssize_t (*write)(struct transport *t, const struct iovec *iov, int count);
	/* Says goodbye, if the layer has a way to; NULL: it has not. */
	void (*shutdown)(struct transport *t);
	void (*release)(struct transport *t);
};

struct transport {
	const struct transport_ops *ops;
	const struct transport_owner *owner;
	struct outq out;
	uv_poll_t poll;
	int fd; /* -1: memory */
	int polled; /* the events that `poll` waits for */
	bool watch_read, watch_hangup;
	bool blocked; /* the last write did not take everything */
	bool read_needs_write; /* TLS: reading goes on once the socket is writable, */
	bool write_needs_read; /* or the other way round */
	bool tls_broken;
	unsigned long tls_error; /* OpenSSL's code */
	bool closing;
	SSL *ssl;
	struct memory_transport *memory;
};

/* Takes over `fd`, a connected or connecting socket. Returns 0 or a negative libuv error (fd closed). */
int transport_open(struct transport *t, uv_loop_t *uv, int fd, struct chunk_pool *pool,
		   const struct transport_owner *owner);
ssize_t transport_read(struct transport *t, char *to, size_t len);
/* Sends what it can of `out`. Returns the bytes that went, or TRANSPORT_BROKEN. */
ssize_t transport_flush(struct transport *t);
/*
 * What to wait for; a blocked flush is always waited for. Hang-up is worth watching while
 * nothing is read; it stays signalled, so stop watching once it was seen.
 */
void transport_watch(struct transport *t, bool readable, bool hangup);
/* Tells the peer that no more will come. */
void transport_shutdown(struct transport *t);
/* Makes the close that follows a reset, so that what was sent cannot be taken for whole. */
void transport_reset(struct transport *t);
void transport_close(struct transport *t);

/* --- memory: no socket and no loop; the test drives it -------------------------------- */

struct memory_transport {
	struct slice input; /* what reading takes from */
	size_t step; /* most bytes a read returns; 0: no bound */
	bool ended; /* behind the input comes the end, not "again" */
	size_t written;
	size_t write_room; /* bytes that writes still accept */
	void (*on_write)(struct memory_transport *memory, const char *data, size_t len);
};

void transport_open_memory(struct transport *t, struct memory_transport *memory,
			   struct chunk_pool *pool, const struct transport_owner *owner);

#endif
