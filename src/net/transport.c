#include "net/transport.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* One sendmsg takes this many pieces: 32 HTTP/2 frames with their headers. */
#define IOV_BATCH 64

static ssize_t result_of_errno(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOTCONN ? TRANSPORT_AGAIN
									    : TRANSPORT_BROKEN;
}

static ssize_t socket_read(struct transport *t, char *to, size_t len)
{
	ssize_t n;
	do
		n = recv(t->fd, to, len, 0);
	while (n < 0 && errno == EINTR);
	return n >= 0 ? n : result_of_errno();
}

static ssize_t socket_write(struct transport *t, const struct iovec *iov, int count)
{
	struct msghdr msg = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count};
	ssize_t n;
	do
		n = sendmsg(t->fd, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n >= 0 ? n : result_of_errno();
}

static const struct transport_ops socket_ops = {.read = socket_read, .write = socket_write};

static ssize_t memory_read(struct transport *t, char *to, size_t len)
{
	struct memory_transport *m = t->memory;
	if (!m->input.len)
		return m->ended ? 0 : TRANSPORT_AGAIN;
	if (len > m->input.len)
		len = m->input.len;
	if (m->step && len > m->step)
		len = m->step;
	memcpy(to, m->input.ptr, len);
	m->input.ptr += len;
	m->input.len -= len;
	return (ssize_t)len;
}

static ssize_t memory_write(struct transport *t, const struct iovec *iov, int count)
{
	struct memory_transport *m = t->memory;
	size_t sent = 0;
	for (int i = 0; i < count; i++) {
		size_t n = iov[i].iov_len < m->write_room ? iov[i].iov_len : m->write_room;
		if (m->on_write)
			m->on_write(m, iov[i].iov_base, n);
		m->write_room -= n;
		m->written += n;
		sent += n;
		if (n < iov[i].iov_len)
			break;
	}
	return sent ? (ssize_t)sent : TRANSPORT_AGAIN;
}

static const struct transport_ops memory_ops = {.read = memory_read, .write = memory_write};

void transport_open_memory(struct transport *t, struct memory_transport *memory,
			   struct chunk_pool *pool, const struct transport_owner *owner)
{
	*t = (struct transport){.ops = &memory_ops, .owner = owner, .fd = -1, .memory = memory};
	outq_init(&t->out, pool);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct transport *t = poll->data;
	if (status < 0) {
		/* libuv has stopped the handle; reading or writing tells what is wrong. */
		t->polled = 0;
		events = UV_DISCONNECT | (t->watch_read ? UV_READABLE : 0) |
			 (t->blocked ? UV_WRITABLE : 0);
	}
	bool writable = (events & UV_WRITABLE) ||
			((events & UV_READABLE) && t->blocked && t->write_needs_read);
	if (!t->closing && writable)
		t->owner->on_writable(t);
	bool readable = (events & UV_READABLE) || ((events & UV_WRITABLE) && t->read_needs_write);
	if (!t->closing && readable && t->watch_read)
		t->owner->on_readable(t);
	if (!t->closing && (events & UV_DISCONNECT) && t->watch_hangup)
		t->owner->on_hangup(t);
}

int transport_open(struct transport *t, uv_loop_t *uv, int fd, struct chunk_pool *pool,
		   const struct transport_owner *owner)
{
	*t = (struct transport){.ops = &socket_ops, .owner = owner, .fd = fd};
	int rc = uv_poll_init_socket(uv, &t->poll, fd);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	t->poll.data = t;
	outq_init(&t->out, pool);
	return 0;
}

static void update_poll(struct transport *t)
{
	if (t->fd < 0 || t->closing)
		return;
	int events = (t->watch_read ? UV_READABLE : 0) | (t->watch_hangup ? UV_DISCONNECT : 0);
	if (t->blocked && t->write_needs_read)
		events |= UV_READABLE;
	else if (t->blocked || t->read_needs_write)
		events |= UV_WRITABLE;
	if (events == t->polled)
		return;
	t->polled = events;
	if (events)
		uv_poll_start(&t->poll, events, on_poll);
	else
		uv_poll_stop(&t->poll);
}

ssize_t transport_read(struct transport *t, char *to, size_t len)
{
	return t->closing ? TRANSPORT_BROKEN : t->ops->read(t, to, len);
}

ssize_t transport_flush(struct transport *t)
{
	ssize_t total = 0;
	if (t->closing || t->out.failed)
		return TRANSPORT_BROKEN;
	t->blocked = false;
	while (t->out.bytes) {
		struct iovec iov[IOV_BATCH];
		ssize_t n = t->ops->write(t, iov, outq_peek(&t->out, iov, IOV_BATCH));
		if (n == TRANSPORT_BROKEN)
			return n;
		if (n < 0) {
			t->blocked = true;
			break;
		}
		outq_consume(&t->out, (size_t)n);
		total += n;
	}
	update_poll(t);
	return total;
}

void transport_watch(struct transport *t, bool readable, bool hangup)
{
	t->watch_read = readable;
	t->watch_hangup = hangup;
	update_poll(t);
}

void transport_shutdown(struct transport *t)
{
	if (t->fd < 0 || t->closing)
		return;
	if (t->ops->shutdown)
		t->ops->shutdown(t);
	shutdown(t->fd, SHUT_WR);
}

void transport_reset(struct transport *t)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};
	if (t->fd < 0 || t->closing)
		return;
	t->tls_broken = true; /* no goodbye */
	setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct transport *t = handle->data;
	close(t->fd);
	t->owner->on_closed(t);
}

void transport_close(struct transport *t)
{
	if (t->closing)
		return;
	t->closing = true;
	if (t->ops->shutdown && !t->out.bytes)
		t->ops->shutdown(t);
	if (t->ops->release)
		t->ops->release(t);
	outq_release(&t->out);
	if (t->fd >= 0)
		uv_close((uv_handle_t *)&t->poll, on_poll_closed);
}
