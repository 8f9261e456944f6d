#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_int.h"
#include "net/listen.h"

/*
 * One socket is listened on, by the first loop, which hands connections to all loops in
 * turn. (SO_REUSEPORT would choose by hash: of two senders that stay connected for days,
 * as gRPC's do, both would be on one core half of the time; nor is it there for Unix
 * sockets.)
 */
struct http_server {
	struct http_server_options options;
	struct listener listener;
	uv_poll_t accepting;
	uv_timer_t accept_again; /* after running out of descriptors */
	struct http_worker *workers;
	size_t worker_count, next_worker;
	atomic_uint connections;
	size_t to_stop; /* workers and own handles that are not closed yet; first loop only */
	unsigned grace_ms;
	struct loop_task start_task, stop_task;
	void (*done)(void *arg);
	void *done_arg;
};

#define DEFAULT_MAX_BODY ((size_t)20 << 20)
#define DEFAULT_MAX_HEADER ((size_t)64 << 10)
#define ACCEPT_TURN 64
#define ACCEPT_AGAIN_MS 100
#define OWN_HANDLES 2

static void fill(unsigned *value, unsigned standard)
{
	if (!*value)
		*value = standard;
}

void http_options_fill(struct http_server_options *options)
{
	fill(&options->idle_timeout_ms, 75000);
	fill(&options->read_timeout_ms, 30000);
	fill(&options->request_timeout_ms, 120000);
	fill(&options->write_timeout_ms, 60000);
	fill(&options->max_connections, 4096);
	if (!options->max_body)
		options->max_body = DEFAULT_MAX_BODY;
	if (!options->max_header)
		options->max_header = DEFAULT_MAX_HEADER;
}

/* --- accepting -------------------------------------------------------------------------- */

struct handed_socket {
	struct loop_task task;
	struct http_worker *worker;
	int fd;
};

static void take_socket(void *arg)
{
	struct handed_socket handed = *(struct handed_socket *)arg;
	free(arg);
	conn_accept(handed.worker, handed.fd);
}

static void hand_over(struct http_server *server, int fd)
{
	struct http_worker *worker = &server->workers[server->next_worker];
	server->next_worker = (server->next_worker + 1) % server->worker_count;
	if (worker == &server->workers[0]) {
		conn_accept(worker, fd);
		return;
	}
	struct handed_socket *handed = malloc(sizeof(*handed));
	if (!handed) {
		close(fd);
		server_conn_closed(server);
		return;
	}
	*handed = (struct handed_socket){
		.task = {.fn = take_socket, .arg = handed}, .worker = worker, .fd = fd};
	loop_post_task(worker->loop, &handed->task);
}

void server_conn_closed(struct http_server *server)
{
	atomic_fetch_sub_explicit(&server->connections, 1, memory_order_relaxed);
}

static void on_acceptable(uv_poll_t *poll, int status, int events);

static void on_accept_again(uv_timer_t *timer)
{
	struct http_server *server = timer->data;
	uv_poll_start(&server->accepting, UV_READABLE, on_acceptable);
}

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
	struct http_server *server = poll->data;
	for (int i = 0; i < ACCEPT_TURN; i++) {
		int fd = accept4(server->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			    errno == ENOMEM) {
				uv_poll_stop(&server->accepting);
				uv_timer_start(&server->accept_again, on_accept_again,
					       ACCEPT_AGAIN_MS, 0);
			}
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			return;
		}
		unsigned open =
			atomic_fetch_add_explicit(&server->connections, 1, memory_order_relaxed);
		if (open >= server->options.max_connections) {
			close(fd);
			server_conn_closed(server);
			continue;
		}
		hand_over(server, fd);
	}
}

/* --- starting --------------------------------------------------------------------------- */

static void start_worker(void *arg)
{
	worker_start(arg);
}

static void start_accepting(void *arg)
{
	struct http_server *server = arg;
	uv_loop_t *uv = loop_uv(server->workers[0].loop);
	uv_timer_init(uv, &server->accept_again);
	uv_poll_init(uv, &server->accepting, server->listener.fd);
	server->accept_again.data = server->accepting.data = server;
	uv_poll_start(&server->accepting, UV_READABLE, on_acceptable);
}

static void free_server(struct http_server *server)
{
	for (size_t i = 0; server->workers && i < server->worker_count; i++)
		worker_release(&server->workers[i]);
	free(server->workers);
	listener_release(&server->listener);
	free(server);
}

int http_server_start(struct http_server **out, struct loop *const *loops, size_t loop_count,
		      const struct http_server_options *options, struct error *err)
{
	struct http_server *server = calloc(1, sizeof(*server));
	if (!server)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	server->options = *options;
	http_options_fill(&server->options);
	listener_init(&server->listener);
	server->workers = calloc(loop_count, sizeof(*server->workers));
	int rc = server->workers ? 0 : STATUS_NO_MEMORY;
	for (size_t i = 0; i < loop_count && rc == 0; i++) {
		rc = worker_init(&server->workers[i], &server->options);
		server->workers[i].server = server;
		server->workers[i].loop = loops[i];
		server->worker_count++;
	}
	if (rc < 0) {
		error_set(err, rc, "out of memory");
		goto fail;
	}
	rc = listener_open(&server->listener, options->address, err);
	if (rc < 0) {
		error_prefix(err, "%s", options->name ? options->name : "http");
		goto fail;
	}
	server->to_stop = loop_count + OWN_HANDLES;
	for (size_t i = 0; i < loop_count; i++) {
		struct http_worker *worker = &server->workers[i];
		worker->start_task = (struct loop_task){.fn = start_worker, .arg = worker};
		loop_post_task(worker->loop, &worker->start_task);
	}
	server->start_task = (struct loop_task){.fn = start_accepting, .arg = server};
	loop_post_task(loops[0], &server->start_task);
	*out = server;
	return 0;
fail:
	free_server(server);
	return rc;
}

int http_address_probe(const char *address, struct error *err)
{
	struct listener listener;
	listener_init(&listener);
	int rc = listener_open(&listener, address, err);
	listener_release(&listener);
	return rc;
}

const char *http_server_address(const struct http_server *server)
{
	return server->listener.address;
}

/* --- stopping --------------------------------------------------------------------------- */

static void part_stopped(struct http_server *server)
{
	if (--server->to_stop)
		return;
	void (*done)(void *arg) = server->done;
	void *arg = server->done_arg;
	free_server(server);
	if (done)
		done(arg);
}

static void on_worker_stopped(void *arg)
{
	part_stopped(arg);
}

void server_worker_stopped(struct http_worker *worker)
{
	struct http_server *server = worker->server;
	worker->stopped_task = (struct loop_task){.fn = on_worker_stopped, .arg = server};
	loop_post_task(server->workers[0].loop, &worker->stopped_task);
}

static void drain_worker(void *arg)
{
	struct http_worker *worker = arg;
	worker_drain(worker, worker->server->grace_ms);
}

static void on_own_closed(uv_handle_t *handle)
{
	part_stopped(handle->data);
}

static void stop_accepting(void *arg)
{
	struct http_server *server = arg;
	uv_close((uv_handle_t *)&server->accepting, on_own_closed);
	uv_close((uv_handle_t *)&server->accept_again, on_own_closed);
	listener_close(&server->listener);
	for (size_t i = 0; i < server->worker_count; i++) {
		struct http_worker *worker = &server->workers[i];
		worker->drain_task = (struct loop_task){.fn = drain_worker, .arg = worker};
		loop_post_task(worker->loop, &worker->drain_task);
	}
}

void http_server_stop(struct http_server *server, unsigned grace_ms, void (*done)(void *arg),
		      void *arg)
{
	server->grace_ms = grace_ms;
	server->done = done;
	server->done_arg = arg;
	server->stop_task = (struct loop_task){.fn = stop_accepting, .arg = server};
	loop_post_task(server->workers[0].loop, &server->stop_task);
}
