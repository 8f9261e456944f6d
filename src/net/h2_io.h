/*
 * An nghttp2 session over a transport: what the server's and the client's HTTP/2 have in
 * common. Private to net/.
 */
#ifndef TRIPOD_NET_H2_IO_H
#define TRIPOD_NET_H2_IO_H

#include <nghttp2/nghttp2.h>

#include "net/transport.h"

/*
 * Windows for what we receive. With the standard 64 KiB a sender waits a round trip per
 * 64 KiB; measured on loopback with 1 MB messages, 8 MB is four times as fast. The
 * connection's is larger than a stream's, so that one stream that is paused cannot stop
 * the others. They bound what a peer can make us hold unasked.
 */
#define H2_STREAM_WINDOW (8 << 20)
#define H2_CONNECTION_WINDOW (16 << 20)

/* The body of a message to be sent, as the session takes it: a stream's `source.ptr`. */
struct h2_body {
	struct outq out;
	bool ended; /* nothing comes behind `out` but the trailers */
	bool broken; /* behind `out` the stream is reset, so that it cannot be taken for whole */
	bool deferred; /* the session asked when there was nothing; it must be told */
	bool drained; /* `out` ran empty; whoever acts on it clears this */
	bool moved; /* some of it was taken; likewise */
	const nghttp2_nv *trailers; /* valid until the stream closes */
	size_t trailer_count;
};

struct h2_io {
	nghttp2_session *session;
	struct transport *transport;
	bool failed; /* out of memory, or the peer broke the protocol: close */
};

/*
 * Makes a session, and queues our settings. `callbacks` (consumed) are completed with
 * those for sending; each gets `user`, whose first member must be the struct h2_io.
 */
int h2_io_init(struct h2_io *io, struct transport *transport, bool server,
	       nghttp2_session_callbacks *callbacks, void *user,
	       const nghttp2_settings_entry *settings, size_t setting_count);
void h2_io_release(struct h2_io *io);
/* Takes all of the bytes. */
void h2_io_input(struct h2_io *io, const char *data, size_t len);
/* Moves frames into the transport's queue, as many as it should hold at once. */
void h2_io_pull(struct h2_io *io);
/* Nothing more will be said or heard. */
bool h2_io_is_over(const struct h2_io *io);
/* More answers are queued than a peer that reads leaves behind. */
bool h2_io_is_crowded(const struct h2_io *io);
/* After `body` got more bytes or its end. */
void h2_io_body_changed(struct h2_io *io, int32_t stream_id, struct h2_body *body);
nghttp2_data_provider h2_io_body_source(struct h2_body *body);
nghttp2_nv h2_nv(struct slice name, struct slice value);

#endif
