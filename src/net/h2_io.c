#include "net/h2_io.h"

#include "base/status.h"

/* What the transport's queue is filled up to: some of TCP's buffers. */
#define OUTPUT_MARK ((size_t)256 << 10)
#define FRAME_HEADER 9
#define MOST_QUEUED_FRAMES 2000

nghttp2_nv h2_nv(struct slice name, struct slice value)
{
	return (nghttp2_nv){.name = (uint8_t *)name.ptr,
			    .namelen = name.len,
			    .value = (uint8_t *)value.ptr,
			    .valuelen = value.len};
}

static ssize_t read_body(nghttp2_session *session, int32_t stream_id, uint8_t *to, size_t len,
			 uint32_t *flags, nghttp2_data_source *source, void *user)
{
	struct h2_body *body = source->ptr;
	size_t n = body->out.bytes < len ? body->out.bytes : len;
	if (!n && body->broken)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* resets with INTERNAL_ERROR */
	if (!n && !body->ended) {
		body->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (body->ended && n == body->out.bytes) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		if (body->trailer_count) {
			*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
			int rc = nghttp2_submit_trailer(session, stream_id, body->trailers,
							body->trailer_count);
			if (rc != 0)
				return NGHTTP2_ERR_CALLBACK_FAILURE;
		}
	}
	return (ssize_t)n;
}

nghttp2_data_provider h2_io_body_source(struct h2_body *body)
{
	return (nghttp2_data_provider){.source.ptr = body, .read_callback = read_body};
}

static int send_body(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *header,
		     size_t len, nghttp2_data_source *source, void *user)
{
	struct h2_io *io = user;
	struct h2_body *body = source->ptr;
	struct outq *out = &io->transport->out;
	if (out->bytes >= OUTPUT_MARK)
		return NGHTTP2_ERR_WOULDBLOCK;
	outq_append(out, (struct slice){(const char *)header, FRAME_HEADER});
	outq_move(out, &body->out, len);
	body->moved = true;
	if (!body->out.bytes)
		body->drained = true;
	return 0;
}

int h2_io_init(struct h2_io *io, struct transport *transport, bool server,
	       nghttp2_session_callbacks *callbacks, void *user,
	       const nghttp2_settings_entry *settings, size_t setting_count)
{
	nghttp2_option *option = NULL;
	*io = (struct h2_io){.transport = transport};
	nghttp2_session_callbacks_set_send_data_callback(callbacks, send_body);
	int rc = nghttp2_option_new(&option);
	if (rc == 0) {
		nghttp2_option_set_no_auto_window_update(option, 1);
		nghttp2_option_set_no_closed_streams(option, 1);
		rc = server ? nghttp2_session_server_new2(&io->session, callbacks, user, option)
			    : nghttp2_session_client_new2(&io->session, callbacks, user, option);
		nghttp2_option_del(option);
	}
	nghttp2_session_callbacks_del(callbacks);
	if (rc == 0)
		rc = nghttp2_submit_settings(io->session, NGHTTP2_FLAG_NONE, settings,
					     setting_count);
	if (rc == 0)
		rc = nghttp2_session_set_local_window_size(io->session, NGHTTP2_FLAG_NONE, 0,
							   H2_CONNECTION_WINDOW);
	if (rc != 0) {
		h2_io_release(io);
		return STATUS_NO_MEMORY;
	}
	return 0;
}

void h2_io_release(struct h2_io *io)
{
	nghttp2_session_del(io->session);
	io->session = NULL;
}

void h2_io_input(struct h2_io *io, const char *data, size_t len)
{
	ssize_t n = nghttp2_session_mem_recv(io->session, (const uint8_t *)data, len);
	if (n < 0)
		io->failed = true;
}

void h2_io_pull(struct h2_io *io)
{
	while (io->transport->out.bytes < OUTPUT_MARK) {
		const uint8_t *frame;
		ssize_t n = nghttp2_session_mem_send(io->session, &frame);
		if (n < 0)
			io->failed = true;
		if (n <= 0)
			return;
		outq_append(&io->transport->out, (struct slice){(const char *)frame, (size_t)n});
	}
}

bool h2_io_is_over(const struct h2_io *io)
{
	return !nghttp2_session_want_read(io->session) && !nghttp2_session_want_write(io->session);
}

bool h2_io_is_crowded(const struct h2_io *io)
{
	return nghttp2_session_get_outbound_queue_size(io->session) > MOST_QUEUED_FRAMES;
}

void h2_io_body_changed(struct h2_io *io, int32_t stream_id, struct h2_body *body)
{
	if (!body->deferred)
		return;
	body->deferred = false;
	nghttp2_session_resume_data(io->session, stream_id);
}
