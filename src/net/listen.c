#include "net/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/slice.h"
#include "net/dial.h"

#define BACKLOG 1024

void listener_init(struct listener *listener)
{
	*listener = (struct listener){.fd = -1};
}

void listener_close(struct listener *listener)
{
	if (listener->fd < 0)
		return;
	close(listener->fd);
	listener->fd = -1;
	if (listener->unix_path[0])
		unlink(listener->unix_path);
}

void listener_release(struct listener *listener)
{
	listener_close(listener);
	listener_init(listener);
}

/* --- Unix ------------------------------------------------------------------------------- */

/* A socket file whose server died stays behind, and would be in the way. */
static void remove_stale(const struct sockaddr_un *un)
{
	struct stat st;
	if (lstat(un->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)un, sizeof(*un)) != 0 && errno == ECONNREFUSED)
		unlink(un->sun_path);
	close(fd);
}

static int open_unix(struct listener *listener, const char *path, struct error *err)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	if (!path[0] || strlen(path) >= sizeof(un.sun_path))
		return error_set(err, STATUS_INVALID,
				 "cannot listen on unix:%s: the path must have 1 to %zu bytes",
				 path, sizeof(un.sun_path) - 1);
	memcpy(un.sun_path, path, strlen(path));
	remove_stale(&un);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set_errno(err, STATUS_IO, errno, "cannot make a socket");
	bool bound = bind(fd, (struct sockaddr *)&un, sizeof(un)) == 0;
	/* Nobody can connect before listen(), so nobody slips in before the mode is set. */
	if (!bound || chmod(path, 0600) != 0 || listen(fd, BACKLOG) != 0) {
		int cause = errno;
		close(fd);
		if (bound)
			unlink(path);
		return error_set_errno(err, STATUS_IO, cause, "cannot listen on unix:%s", path);
	}
	listener->fd = fd;
	snprintf(listener->address, sizeof(listener->address), "unix:%s", path);
	snprintf(listener->unix_path, sizeof(listener->unix_path), "%s", path);
	return 0;
}

/* --- TCP -------------------------------------------------------------------------------- */

static void name_bound(struct listener *listener, int fd)
{
	struct sockaddr_storage bound;
	socklen_t len = sizeof(bound);
	char text[INET6_ADDRSTRLEN] = "";
	if (getsockname(fd, (struct sockaddr *)&bound, &len) != 0)
		return;
	if (bound.ss_family == AF_INET6) {
		struct sockaddr_in6 *in = (struct sockaddr_in6 *)&bound;
		inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof(text));
		snprintf(listener->address, sizeof(listener->address), "[%s]:%u", text,
			 ntohs(in->sin6_port));
	} else {
		struct sockaddr_in *in = (struct sockaddr_in *)&bound;
		inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
		snprintf(listener->address, sizeof(listener->address), "%s:%u", text,
			 ntohs(in->sin_port));
	}
}

static int open_tcp(struct listener *listener, const char *address, struct error *err)
{
	char host[256];
	const char *port = NULL;
	int rc = dial_split(address, host, sizeof(host), &port, err);
	if (rc < 0)
		return rc;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	int failed = getaddrinfo(host[0] ? host : NULL, port, &hints, &found);
	if (failed)
		return error_set(err, STATUS_INVALID, "cannot listen on %s: %s", address,
				 gai_strerror(failed));
	int cause = 0;
	for (struct addrinfo *a = found; a && listener->fd < 0; a = a->ai_next) {
		int on = 1;
		int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd < 0) {
			cause = errno;
			continue;
		}
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) {
			listener->fd = fd;
			name_bound(listener, fd);
		} else {
			cause = errno;
			close(fd);
		}
	}
	freeaddrinfo(found);
	if (listener->fd < 0)
		return error_set_errno(err, cause == EADDRINUSE ? STATUS_CONFLICT : STATUS_IO,
				       cause, "cannot listen on %s", address);
	return 0;
}

int listener_open(struct listener *listener, const char *address, struct error *err)
{
	if (strncmp(address, "unix:", 5) == 0)
		return open_unix(listener, address + 5, err);
	return open_tcp(listener, address, err);
}
