/* A server on loopback with routes that show what arrived, and a client that speaks raw bytes. */
#ifndef TRIPOD_TESTS_HTTP_FIXTURE_H
#define TRIPOD_TESTS_HTTP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "net/http.h"
#include "net/loop.h"

#define FIXTURE_LOOPS 2

struct fixture {
	struct loop *loops[FIXTURE_LOOPS];
	size_t loop_count;
	struct http_server *server;
	struct chunk_pool *pool;
	const char *address;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stopped;
};

static inline void fixture_stopped(void *arg)
{
	struct fixture *f = arg;
	pthread_mutex_lock(&f->lock);
	f->stopped = true;
	pthread_cond_signal(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

static inline void fixture_start(struct fixture *f, struct http_server_options options,
				 size_t loop_count)
{
	struct error err = {0};
	*f = (struct fixture){.loop_count = loop_count};
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	f->pool = chunk_pool_new((size_t)64 << 20);
	options.pool = f->pool;
	if (!options.address)
		options.address = "127.0.0.1:0";
	for (size_t i = 0; i < loop_count; i++)
		assert_int_equal(loop_new(&f->loops[i], "test", &err), 0);
	if (http_server_start(&f->server, f->loops, loop_count, &options, &err) != 0)
		fail_msg("%s", err.message);
	f->address = http_server_address(f->server);
}

static inline void fixture_stop(struct fixture *f, unsigned grace_ms)
{
	http_server_stop(f->server, grace_ms, fixture_stopped, f);
	pthread_mutex_lock(&f->lock);
	while (!f->stopped)
		pthread_cond_wait(&f->changed, &f->lock);
	pthread_mutex_unlock(&f->lock);
	for (size_t i = 0; i < f->loop_count; i++)
		loop_free(f->loops[i]);
	assert_int_equal(chunk_pool_in_use(f->pool), 0);
	chunk_pool_free(f->pool);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->changed);
}

static inline int dial(const char *address)
{
	int fd;
	struct timeval patience = {.tv_sec = 20};
	if (strncmp(address, "unix:", 5) == 0) {
		struct sockaddr_un un = {.sun_family = AF_UNIX};
		snprintf(un.sun_path, sizeof(un.sun_path), "%s", address + 5);
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	} else {
		struct sockaddr_in in = {.sin_family = AF_INET};
		in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		in.sin_port = htons((uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10));
		fd = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return fd;
}

static inline void send_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
		assert_true(n > 0);
		data += n;
		len -= (size_t)n;
	}
}

static inline void send_text(int fd, const char *text)
{
	send_all(fd, text, strlen(text));
}

/* Reads until `mark` was seen `times` times, or to the end when `mark` is NULL. The caller frees. */
static inline char *receive(int fd, const char *mark, int times)
{
	struct buf all = BUF_INIT;
	for (;;) {
		char data[16384];
		int seen = 0;
		const char *text = buf_cstr(&all);
		if (mark) {
			for (const char *p = text; (p = strstr(p, mark)); p += strlen(mark))
				seen++;
			if (seen >= times)
				return all.data;
		}
		ssize_t n = recv(fd, data, sizeof(data), 0);
		if (n <= 0)
			return all.data;
		buf_append(&all, data, (size_t)n);
	}
}

/* One exchange on a connection of its own, closed by the server. The caller frees. */
static inline char *exchange(const char *address, const char *request)
{
	int fd = dial(address);
	send_text(fd, request);
	char *answer = receive(fd, NULL, 0);
	close(fd);
	return answer;
}

#define assert_contains(text, part)                                                                \
	do {                                                                                       \
		if (!strstr((text), (part)))                                                       \
			fail_msg("'%s' is not in: %s", (part), (text));                            \
	} while (0)

static inline void wait_for(atomic_int *value, int wanted)
{
	int64_t until = clock_monotonic_ns() + 20 * NS_PER_SECOND;
	while (atomic_load(value) != wanted) {
		if (clock_monotonic_ns() > until)
			fail_msg("waited for %d, have %d", wanted, atomic_load(value));
		usleep(1000);
	}
}

#endif
