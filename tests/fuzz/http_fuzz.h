/*
 * Feeds bytes into a server's connection without sockets, loops or threads. The first byte
 * chooses how large the pieces are that it reads; requests go to routes of each kind, some
 * of which answer later.
 */
#ifndef TRIPOD_TESTS_HTTP_FUZZ_H
#define TRIPOD_TESTS_HTTP_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/grpc.h"
#include "net/http_int.h"

#define FUZZ_HELD 8

static struct http_request *fuzz_held[FUZZ_HELD];
static unsigned fuzz_held_count;

static inline void fuzz_echo(struct http_request *req, void *ctx)
{
	struct slice a = http_request_param(req, "a");
	if (a.ptr)
		http_respond_header(req, "x-a", arena_strdup(http_request_arena(req), a));
	http_respond_chunk(req, 200, "text/plain", chunk_ref(http_request_body(req)));
}

static inline void fuzz_grpc(struct http_request *req, void *ctx)
{
	struct grpc_request call;
	if (grpc_request_read(req, &call) == 0)
		grpc_respond(req, call.message);
}

static inline void fuzz_data(struct http_request *req, struct slice data, void *arg)
{
	http_respond_write(req, data);
	if (data.len && data.ptr[0] == 'p')
		http_request_pause(req);
}

static inline void fuzz_end(struct http_request *req, void *arg)
{
	static const struct http_header trailer = {{"x-t", 3}, {"1", 1}};
	http_respond_end(req, &trailer, 1);
}

static inline void fuzz_gone(struct http_request *req, void *arg)
{
	for (unsigned i = 0; i < fuzz_held_count; i++) {
		if (fuzz_held[i] == req)
			fuzz_held[i] = NULL;
	}
	http_respond_break(req);
}

static inline void fuzz_hold(struct http_request *req)
{
	for (unsigned i = 0; i < FUZZ_HELD; i++) {
		if (i == fuzz_held_count)
			fuzz_held_count++;
		if (!fuzz_held[i]) {
			fuzz_held[i] = req;
			http_request_on_gone(req, fuzz_gone, NULL);
			return;
		}
	}
	http_respond(req, 503, NULL, SLICE(""));
}

static inline void fuzz_stream(struct http_request *req, void *ctx)
{
	http_request_on_body(req, fuzz_data, fuzz_end, NULL);
	http_request_on_gone(req, fuzz_gone, NULL);
	http_respond_start(req, 200, "text/plain");
}

static inline void fuzz_later(struct http_request *req, void *ctx)
{
	fuzz_hold(req);
}

/* Answers what is held, and resumes what is paused. */
static inline void fuzz_go_on(struct http_conn *conn)
{
	for (struct http_request *req = conn->requests; req; req = req->next)
		http_request_resume(req);
	for (unsigned i = 0; i < fuzz_held_count; i++) {
		struct http_request *req = fuzz_held[i];
		fuzz_held[i] = NULL;
		if (req)
			http_respond(req, 200, "text/plain", SLICE("later"));
	}
}

static inline void fuzz_connection(const uint8_t *data, size_t size, const char *before)
{
	static const struct http_route routes[] = {
		{"POST", "/echo", HTTP_BODY_WHOLE, ACCESS_READ, fuzz_echo, NULL},
		{"POST", "/stream", HTTP_BODY_STREAM, ACCESS_READ, fuzz_stream, NULL},
		{"GET", "/later*", HTTP_BODY_WHOLE, ACCESS_READ, fuzz_later, NULL},
		{"POST", "/s/M", HTTP_BODY_WHOLE, ACCESS_READ, fuzz_grpc, NULL},
	};
	struct chunk_pool *pool = chunk_pool_new(0);
	struct http_server_options options = {
		.max_body = 5000,
		.max_header = 2000,
		.http2 = true,
		.check_host = true,
		.routes = routes,
		.route_count = 4,
		.pool = pool,
	};
	http_options_fill(&options);
	struct http_worker worker;
	struct buf input = BUF_INIT;
	if (size)
		buf_append_cstr(&input, before);
	if (size)
		buf_append(&input, data + 1, size - 1);
	struct memory_transport memory = {
		.input = buf_slice(&input), .step = size ? data[0] : 0, .write_room = SIZE_MAX};
	if (!pool || worker_init(&worker, &options) < 0)
		abort();
	fuzz_held_count = 0;
	struct http_conn *conn = conn_open_memory(&worker, &memory);
	for (unsigned turn = 0; worker.conns && turn < 10000; turn++) {
		bool more = memory.input.len > 0;
		size_t before_len = memory.input.len;
		conn_read(conn);
		for (unsigned i = 0; worker.kicked && i < 100; i++)
			worker_run_kicked(&worker);
		if (!worker.conns)
			break;
		if (memory.input.len == before_len)
			fuzz_go_on(conn);
		if (!more)
			memory.ended = true;
		if (!more && turn > 20) {
			conn_close(conn);
			worker_run_kicked(&worker);
		}
	}
	if (worker.conns || chunk_pool_in_use(pool))
		abort(); /* something is left */
	worker_release(&worker);
	chunk_pool_free(pool);
	buf_release(&input);
}

#endif
