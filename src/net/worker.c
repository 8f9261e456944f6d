#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "net/http_int.h"

#define TICK_MOST_MS 1000
#define TICK_LEAST_MS 10
#define WORKER_HANDLES 2

int64_t http_now_ms(void)
{
	return clock_monotonic_ns() / NS_PER_MS;
}

int worker_init(struct http_worker *worker, const struct http_server_options *options)
{
	*worker = (struct http_worker){.options = options, .date_second = -1};
	worker->kicked_end = &worker->kicked;
	worker->buffer = malloc(WORKER_BUFFER);
	return worker->buffer ? 0 : STATUS_NO_MEMORY;
}

void worker_release(struct http_worker *worker)
{
	while (worker->spare) {
		struct http_request *req = worker->spare;
		worker->spare = req->next;
		arena_release(&req->arena);
		head_release(&req->head);
		free(req);
	}
	free(worker->buffer);
}

/* --- what runs at the end of a turn ----------------------------------------------------- */

void worker_run_kicked(struct http_worker *worker)
{
	struct http_conn *list = worker->kicked;
	worker->kicked = NULL;
	worker->kicked_end = &worker->kicked;
	while (list) {
		struct http_conn *conn = list;
		list = conn->next_kicked;
		conn->kicked = false;
		conn_run(conn);
	}
}

/* Idle handles run once a turn, before the loop sleeps, and keep it from sleeping while they are active. */
static void on_idle(uv_idle_t *idle)
{
	struct http_worker *worker = idle->data;
	worker_run_kicked(worker);
	if (!worker->kicked && !worker->stopped)
		uv_idle_stop(&worker->idle);
}

void worker_wake(struct http_worker *worker)
{
	if (worker->loop && !worker->stopped)
		uv_idle_start(&worker->idle, on_idle);
}

/* --- time ------------------------------------------------------------------------------- */

static void close_all(struct http_worker *worker)
{
	for (struct http_conn *conn = worker->conns; conn; conn = conn->next)
		conn_close(conn);
}

static void on_tick(uv_timer_t *timer)
{
	struct http_worker *worker = timer->data;
	int64_t now_ms = http_now_ms();
	if (worker->draining && now_ms >= worker->drain_until_ms) {
		close_all(worker);
		return;
	}
	for (struct http_conn *conn = worker->conns; conn; conn = conn->next)
		conn_check_time(conn, now_ms);
}

static void start_tick(struct http_worker *worker, unsigned ms)
{
	if (ms > TICK_MOST_MS)
		ms = TICK_MOST_MS;
	if (ms < TICK_LEAST_MS)
		ms = TICK_LEAST_MS;
	if (worker->loop)
		uv_timer_start(&worker->tick, on_tick, ms, ms);
}

static unsigned least_timeout(const struct http_server_options *options)
{
	unsigned least = options->idle_timeout_ms;
	if (options->read_timeout_ms < least)
		least = options->read_timeout_ms;
	if (options->request_timeout_ms < least)
		least = options->request_timeout_ms;
	if (options->write_timeout_ms < least)
		least = options->write_timeout_ms;
	return least;
}

const char *worker_date(struct http_worker *worker)
{
	time_t second = (time_t)(clock_unix_ns() / NS_PER_SECOND);
	if (second != worker->date_second) {
		static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
		static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
						 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
		struct tm tm;
		gmtime_r(&second, &tm);
		snprintf(worker->date, sizeof(worker->date), "%s, %02u %s %04u %02u:%02u:%02u GMT",
			 days[tm.tm_wday], (unsigned)tm.tm_mday % 100, months[tm.tm_mon],
			 (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100,
			 (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
		worker->date_second = second;
	}
	return worker->date;
}

/* --- life ------------------------------------------------------------------------------- */

void worker_start(struct http_worker *worker)
{
	uv_loop_t *uv = loop_uv(worker->loop);
	uv_timer_init(uv, &worker->tick);
	uv_idle_init(uv, &worker->idle);
	worker->tick.data = worker->idle.data = worker;
	worker->open_handles = WORKER_HANDLES;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct http_worker *worker = handle->data;
	if (--worker->open_handles == 0)
		server_worker_stopped(worker);
}

static void stop_if_over(struct http_worker *worker)
{
	if (!worker->draining || worker->conns || worker->stopped || !worker->loop)
		return;
	worker->stopped = true;
	uv_close((uv_handle_t *)&worker->tick, on_handle_closed);
	uv_close((uv_handle_t *)&worker->idle, on_handle_closed);
}

void worker_add(struct http_worker *worker, struct http_conn *conn)
{
	if (!worker->conns)
		start_tick(worker, least_timeout(worker->options) / 4);
	conn->next = worker->conns;
	if (conn->next)
		conn->next->prev = conn;
	worker->conns = conn;
}

void worker_remove(struct http_worker *worker, struct http_conn *conn)
{
	if (conn->prev)
		conn->prev->next = conn->next;
	else
		worker->conns = conn->next;
	if (conn->next)
		conn->next->prev = conn->prev;
	if (worker->server)
		server_conn_closed(worker->server);
	if (worker->conns)
		return;
	if (worker->loop)
		uv_timer_stop(&worker->tick);
	stop_if_over(worker);
}

void worker_drain(struct http_worker *worker, unsigned grace_ms)
{
	worker->draining = true;
	worker->drain_until_ms = http_now_ms() + grace_ms;
	for (struct http_conn *conn = worker->conns; conn; conn = conn->next)
		conn_drain(conn);
	if (worker->conns)
		start_tick(worker, grace_ms / 8);
	stop_if_over(worker);
}
