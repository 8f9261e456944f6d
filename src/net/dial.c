#include "net/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct dial {
	uv_loop_t *uv;
	uv_getaddrinfo_t resolving;
	uv_poll_t poll;
	uv_timer_t begin; /* so that nothing is reported from within dial_start */
	int fd;
	bool resolving_now, polling, cancelled, over;
	unsigned open_handles;
	struct addrinfo *found, *next;
	struct sockaddr_un un;
	char address[300];
	struct error err;
	void (*done)(void *arg, int fd, const struct error *err);
	void *arg;
};

int dial_split(const char *address, char *host, size_t size, const char **port, struct error *err)
{
	const char *colon = strrchr(address, ':');
	const char *begin = address, *end = colon;
	if (colon && address[0] == '[') {
		begin++;
		end = colon > address && colon[-1] == ']' ? colon - 1 : NULL;
	} else if (colon && memchr(address, ':', (size_t)(colon - address))) {
		end = NULL; /* an IPv6 address needs its brackets */
	}
	if (!end || (size_t)(end - begin) >= size || !colon[1] ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return error_set(err, STATUS_INVALID,
				 "'%s' is not an address; write host:4317, 127.0.0.1:4317, "
				 "[::1]:4317 or unix:/path",
				 address);
	memcpy(host, begin, (size_t)(end - begin));
	host[end - begin] = '\0';
	*port = colon + 1;
	return 0;
}

/* --- the end ------------------------------------------------------------------------------ */

static void free_dial(struct dial *dial)
{
	if (dial->found)
		uv_freeaddrinfo(dial->found);
	free(dial);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct dial *dial = handle->data;
	if (--dial->open_handles == 0 && dial->over)
		free_dial(dial);
}

static void finish(struct dial *dial, int fd)
{
	dial->over = true;
	if (dial->polling)
		uv_close((uv_handle_t *)&dial->poll, on_handle_closed);
	uv_close((uv_handle_t *)&dial->begin, on_handle_closed);
	if (!dial->cancelled)
		dial->done(dial->arg, fd, &dial->err);
}

/* --- connecting --------------------------------------------------------------------------- */

static void try_next(struct dial *dial);

static void on_poll_closed(uv_handle_t *handle)
{
	struct dial *dial = handle->data;
	dial->open_handles--;
	if (!dial->over)
		try_next(dial);
	else if (!dial->open_handles)
		free_dial(dial);
}

static void on_connectable(uv_poll_t *poll, int status, int events)
{
	struct dial *dial = poll->data;
	int cause = 0, fd = dial->fd;
	socklen_t len = sizeof(cause);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &cause, &len);
	dial->fd = -1;
	if (cause == 0 && status == 0) {
		finish(dial, fd);
		return;
	}
	error_set_errno(&dial->err, STATUS_IO, cause, "cannot connect to %s", dial->address);
	dial->polling = false;
	uv_close((uv_handle_t *)&dial->poll, on_poll_closed);
	close(fd);
}

static bool try_address(struct dial *dial, const struct sockaddr *address, socklen_t len)
{
	int on = 1;
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* fails on Unix sockets */
	if ((connect(fd, address, len) != 0 && errno != EINPROGRESS) ||
	    uv_poll_init_socket(dial->uv, &dial->poll, fd) < 0) {
		int cause = errno;
		close(fd);
		errno = cause;
		return false;
	}
	dial->poll.data = dial;
	dial->fd = fd;
	dial->polling = true;
	dial->open_handles++;
	uv_poll_start(&dial->poll, UV_WRITABLE, on_connectable);
	return true;
}

/* Continues behind the address that failed last. */
static void try_next(struct dial *dial)
{
	while (dial->next || dial->un.sun_family) {
		bool connecting;
		if (dial->un.sun_family) {
			connecting =
				try_address(dial, (struct sockaddr *)&dial->un, sizeof(dial->un));
			dial->un.sun_family = 0;
		} else {
			const struct addrinfo *a = dial->next;
			dial->next = a->ai_next;
			connecting = try_address(dial, a->ai_addr, a->ai_addrlen);
		}
		if (connecting)
			return;
		error_set_errno(&dial->err, STATUS_IO, errno, "cannot connect to %s",
				dial->address);
	}
	finish(dial, -1);
}

static void on_begin(uv_timer_t *timer)
{
	try_next(timer->data);
}

static void on_resolved(uv_getaddrinfo_t *resolving, int status, struct addrinfo *found)
{
	struct dial *dial = resolving->data;
	dial->resolving_now = false;
	dial->found = dial->next = found;
	if (status < 0)
		error_set(&dial->err, STATUS_IO, "cannot resolve %s: %s", dial->address,
			  uv_strerror(status));
	if (dial->cancelled)
		finish(dial, -1);
	else
		try_next(dial);
}

/* --- the beginning ------------------------------------------------------------------------ */

static int resolve(struct dial *dial, struct error *err)
{
	static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
					      .ai_flags = AI_NUMERICSERV};
	char host[256];
	const char *port = NULL;
	int rc = dial_split(dial->address, host, sizeof(host), &port, err);
	if (rc < 0)
		return rc;
	dial->resolving.data = dial;
	rc = uv_getaddrinfo(dial->uv, &dial->resolving, on_resolved, host, port, &hints);
	if (rc < 0)
		return error_set(err, STATUS_INVALID, "cannot resolve %s: %s", dial->address,
				 uv_strerror(rc));
	dial->resolving_now = true;
	return 0;
}

int dial_start(struct dial **out, uv_loop_t *uv, const char *address,
	       void (*done)(void *arg, int fd, const struct error *err), void *arg,
	       struct error *err)
{
	struct dial *dial = calloc(1, sizeof(*dial));
	if (!dial)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	dial->uv = uv;
	dial->fd = -1;
	dial->done = done;
	dial->arg = arg;
	snprintf(dial->address, sizeof(dial->address), "%s", address);
	bool is_unix = strncmp(address, "unix:", 5) == 0;
	int rc = 0;
	if (is_unix && strlen(address + 5) >= sizeof(dial->un.sun_path))
		rc = error_set(err, STATUS_INVALID, "the path in %s is too long", address);
	else if (!is_unix)
		rc = resolve(dial, err);
	if (rc < 0) {
		free(dial);
		return rc;
	}
	uv_timer_init(uv, &dial->begin);
	dial->begin.data = dial;
	dial->open_handles = 1;
	if (is_unix) {
		dial->un.sun_family = AF_UNIX;
		memcpy(dial->un.sun_path, address + 5, strlen(address + 5));
		uv_timer_start(&dial->begin, on_begin, 0, 0);
	}
	*out = dial;
	return 0;
}

void dial_cancel(struct dial *dial)
{
	dial->cancelled = true;
	if (dial->resolving_now) {
		uv_cancel((uv_req_t *)&dial->resolving);
		return; /* on_resolved is called in any case */
	}
	if (dial->fd >= 0)
		close(dial->fd);
	finish(dial, -1);
}
