#include "http_fixture.h"

static atomic_int gone_count, handled_count;

static void echo(struct http_request *req, void *ctx)
{
	struct chunk *body = http_request_body(req);
	assert_int_equal(body->data[body->len], 0);
	atomic_fetch_add(&handled_count, 1);
	http_respond_header(req, "x-path", "a\r\nb");
	http_respond_chunk(req, 200, "text/plain", chunk_ref(body));
}

static void show(struct http_request *req, void *ctx)
{
	struct slice method = http_request_method(req), path = http_request_path(req);
	struct slice a = http_request_param(req, "a"), b = http_request_param_at(req, "m[]", 1);
	struct buf text = BUF_INIT;
	buf_appendf(&text, SLICE_FMT " " SLICE_FMT " a=" SLICE_FMT " m1=" SLICE_FMT " h=" SLICE_FMT,
		    SLICE_ARG(method), SLICE_ARG(path), SLICE_ARG(a), SLICE_ARG(b),
		    SLICE_ARG(http_request_header(req, "x-test")));
	http_respond(req, 200, "text/plain", buf_slice(&text));
	buf_release(&text);
}

/* --- a streamed body, paused for a while after each piece ------------------------------- */

struct sum {
	struct http_request *req;
	uv_timer_t timer;
	size_t bytes;
	unsigned pauses;
	bool ended;
};

static void sum_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void sum_resume(uv_timer_t *timer)
{
	struct sum *sum = timer->data;
	http_request_resume(sum->req);
}

static void sum_data(struct http_request *req, struct slice data, void *arg)
{
	struct sum *sum = arg;
	sum->bytes += data.len;
	if (sum->pauses++ < 10) {
		http_request_pause(req);
		uv_timer_start(&sum->timer, sum_resume, 2, 0);
	}
}

static void sum_end(struct http_request *req, void *arg)
{
	struct sum *sum = arg;
	char text[64];
	int n = snprintf(text, sizeof(text), "%zu bytes", sum->bytes);
	http_respond(req, 200, "text/plain", (struct slice){text, (size_t)n});
	uv_close((uv_handle_t *)&sum->timer, sum_closed);
}

static void sum_gone(struct http_request *req, void *arg)
{
	struct sum *sum = arg;
	atomic_fetch_add(&gone_count, 1);
	http_respond_break(req);
	uv_close((uv_handle_t *)&sum->timer, sum_closed);
}

static void count_stream(struct http_request *req, void *ctx)
{
	struct sum *sum = calloc(1, sizeof(*sum));
	sum->req = req;
	uv_timer_init(loop_uv(http_request_loop(req)), &sum->timer);
	sum->timer.data = sum;
	http_request_on_body(req, sum_data, sum_end, sum);
	http_request_on_gone(req, sum_gone, sum);
}

/* --- a streamed answer with backpressure ------------------------------------------------ */

#define BIG_ANSWER ((size_t)32 << 20)

static atomic_size_t most_waiting;

static void big_more(struct http_request *req, void *arg)
{
	static const char block[8192] = "0123456789abcdef";
	size_t *left = arg;
	while (*left) {
		size_t n = *left < sizeof(block) ? *left : sizeof(block);
		size_t waiting = http_respond_write(req, (struct slice){block, n});
		*left -= n;
		if (waiting > atomic_load(&most_waiting))
			atomic_store(&most_waiting, waiting);
		if (waiting > (256 << 10))
			return;
	}
	static const struct http_header trailers[] = {{{"x-done", 6}, {"yes", 3}}};
	http_respond_on_drained(req, NULL, NULL);
	http_respond_end(req, trailers, 1);
}

static void big_gone(struct http_request *req, void *arg)
{
	atomic_fetch_add(&gone_count, 1);
	http_respond_break(req);
}

static void big(struct http_request *req, void *ctx)
{
	size_t *left = arena_alloc(http_request_arena(req), sizeof(*left));
	*left = BIG_ANSWER;
	http_respond_start(req, 200, "application/octet-stream");
	http_respond_on_drained(req, big_more, left);
	http_request_on_gone(req, big_gone, NULL);
	big_more(req, left);
}

static void broken(struct http_request *req, void *ctx)
{
	http_respond_start(req, 200, "text/plain");
	http_respond_write(req, SLICE("partial"));
	http_respond_break(req);
}

/* --- an answer that never comes by itself ----------------------------------------------- */

static void never_gone(struct http_request *req, void *arg)
{
	atomic_fetch_add(&gone_count, 1);
	http_respond(req, 200, NULL, SLICE("late"));
}

static void never(struct http_request *req, void *ctx)
{
	atomic_fetch_add(&handled_count, 1);
	http_request_on_gone(req, never_gone, NULL);
}

static int by_token(struct http_request *req, void *ctx, struct error *err)
{
	struct slice auth = http_request_header(req, "authorization");
	if (!auth.ptr)
		return ACCESS_OPEN;
	if (slice_eq_cstr(auth, "Bearer ingest"))
		return ACCESS_INGEST;
	if (slice_eq_cstr(auth, "Bearer admin"))
		return ACCESS_ADMIN;
	return error_set(err, STATUS_UNAUTHENTICATED, "unknown token");
}

static const struct http_route routes[] = {
	{"POST", "/echo", HTTP_BODY_WHOLE, ACCESS_INGEST, echo, NULL},
	{"PUT", "/echo", HTTP_BODY_WHOLE, ACCESS_INGEST, echo, NULL},
	{"POST", "/count", HTTP_BODY_STREAM, ACCESS_INGEST, count_stream, NULL},
	{"GET", "/big", HTTP_BODY_WHOLE, ACCESS_READ, big, NULL},
	{"GET", "/broken", HTTP_BODY_WHOLE, ACCESS_READ, broken, NULL},
	{"GET", "/never", HTTP_BODY_WHOLE, ACCESS_READ, never, NULL},
	{"GET", "/open", HTTP_BODY_WHOLE, ACCESS_OPEN, show, NULL},
	{NULL, "/show/*", HTTP_BODY_WHOLE, ACCESS_READ, show, NULL},
};

static struct http_server_options standard(void)
{
	return (struct http_server_options){
		.name = "test",
		.max_body = 1 << 20,
		.routes = routes,
		.route_count = sizeof(routes) / sizeof(routes[0]),
	};
}

#define HOST "Host: localhost\r\n"
#define CLOSE "Connection: close\r\n"

static void check_answer(const char *address, const char *request, const char *first,
			 const char *part)
{
	char *answer = exchange(address, request);
	if (strncmp(answer, first, strlen(first)) != 0)
		fail_msg("wanted '%s' for '%s', got: %s", first, request, answer);
	assert_contains(answer, part);
	free(answer);
}

static void answers_simple_requests(void **state)
{
	struct fixture f;
	fixture_start(&f, standard(), 1);
	check_answer(f.address,
		     "GET /show/a%20b%2Fc?a=1%2B2+3&m%5B%5D=x&m[]=%zz HTTP/1.1\r\n" HOST CLOSE
		     "X-Test: v\r\n\r\n",
		     "HTTP/1.1 200 OK\r\n", "GET /show/a b/c a=1+2 3 m1=%zz h=v");
	check_answer(f.address, "GET http://localhost/show/x HTTP/1.1\r\n" HOST CLOSE "\r\n",
		     "HTTP/1.1 200 OK\r\n", "GET /show/x");
	check_answer(f.address, "GET /show/old HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n",
		     "connection: close");
	check_answer(f.address,
		     "POST /echo HTTP/1.1\r\n" HOST CLOSE "Content-Length: 5\r\n\r\nhello",
		     "HTTP/1.1 200 OK\r\n", "x-path: a  b\r\n");
	check_answer(f.address, "POST /echo HTTP/1.1\r\n" HOST CLOSE "Content-Length: 0\r\n\r\n",
		     "HTTP/1.1 200 OK\r\n", "content-length: 0\r\n");
	check_answer(
		f.address,
		"POST /echo HTTP/1.1\r\n" HOST CLOSE
		"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n",
		"HTTP/1.1 200 OK\r\n", "\r\n\r\nabcde");
	check_answer(f.address,
		     "GET /show/u HTTP/1.1\r\n" HOST
		     "Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n"
		     "HTTP2-Settings: AAMAAABk\r\n\r\n",
		     "HTTP/1.1 200 OK\r\n", "GET /show/u");
	fixture_stop(&f, 1000);
}

static void head_has_no_body(void **state)
{
	struct fixture f;
	fixture_start(&f, standard(), 1);
	char *answer = exchange(f.address, "HEAD /open?a=1 HTTP/1.1\r\n" HOST CLOSE "\r\n");
	assert_contains(answer, "content-length: ");
	assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
	free(answer);
	fixture_stop(&f, 1000);
}

static void refuses_bad_requests(void **state)
{
	struct fixture f;
	struct http_server_options options = standard();
	options.max_header = 2000;
	fixture_start(&f, options, 1);
	const char *a = f.address;
	check_answer(a, "GET /nothing/here HTTP/1.1\r\n" HOST CLOSE "\r\n", "HTTP/1.1 404 ",
		     "nothing is served at /nothing/here");
	check_answer(a, "DELETE /echo HTTP/1.1\r\n" HOST CLOSE "\r\n", "HTTP/1.1 405 ",
		     "allow: POST, PUT\r\n");
	check_answer(a, "GET /x%2 HTTP/1.1\r\n" HOST CLOSE "\r\n", "HTTP/1.1 400 ", "'%'");
	check_answer(a, "GET /x%00 HTTP/1.1\r\n" HOST CLOSE "\r\n", "HTTP/1.1 400 ", "zero byte");
	check_answer(a, "GET /open HTTP/1.1\r\n" CLOSE "\r\n", "HTTP/1.1 400 ",
		     "Host header is missing");
	check_answer(a, "GET /open HTTP/1.1\r\n" HOST HOST CLOSE "\r\n", "HTTP/1.1 400 ",
		     "more than one Host");
	check_answer(a, "hello\r\n\r\n", "HTTP/1.1 400 ", "malformed HTTP");
	check_answer(a, "GET /open HTTP/1.1\r\nbad header\r\n\r\n", "HTTP/1.1 400 ",
		     "malformed HTTP");
	check_answer(a, "GET /open HTTP/3.7\r\n" HOST "\r\n", "HTTP/1.1 505 ", "");
	check_answer(a, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 505 ", "HTTP/2 is not");
	check_answer(a,
		     "POST /echo HTTP/1.1\r\n" HOST
		     "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
		     "HTTP/1.1 400 ", "");
	check_answer(a, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1x\r\n\r\n",
		     "HTTP/1.1 400 ", "");
	check_answer(a, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
		     "HTTP/1.1 400 ", "");
	check_answer(a, "POST /echo HTTP/1.1\r\n" HOST CLOSE "Expect: magic\r\n\r\n",
		     "HTTP/1.1 417 ", "");
	check_answer(a, "CONNECT localhost:1 HTTP/1.1\r\n" HOST CLOSE "\r\n", "HTTP/1.1 400 ", "");
	char big[6000];
	int n = snprintf(big, sizeof(big), "GET /open HTTP/1.1\r\n" HOST "X: ");
	memset(big + n, 'y', 3000);
	snprintf(big + n + 3000, sizeof(big) - (size_t)n - 3000, "\r\n\r\n");
	check_answer(a, big, "HTTP/1.1 431 ", "larger than 2000 bytes");
	n = snprintf(big, sizeof(big), "GET /");
	memset(big + n, 'y', 3000);
	snprintf(big + n + 3000, sizeof(big) - (size_t)n - 3000, " HTTP/1.1\r\n" HOST "\r\n");
	check_answer(a, big, "HTTP/1.1 414 ", "");
	fixture_stop(&f, 1000);
}

/* Many tiny headers are bounded as few large ones are. */
static void bounds_the_number_of_headers(void **state)
{
	struct fixture f;
	fixture_start(&f, standard(), 1);
	struct buf text = BUF_INIT;
	buf_append_cstr(&text, "GET /open HTTP/1.1\r\n" HOST);
	for (int i = 0; i < 4000; i++)
		buf_append_cstr(&text, "a:b\r\n");
	buf_append_cstr(&text, "\r\n");
	check_answer(f.address, buf_cstr(&text), "HTTP/1.1 431 ", "");
	buf_release(&text);
	fixture_stop(&f, 1000);
}

static void bounds_the_body(void **state)
{
	struct fixture f;
	fixture_start(&f, standard(), 1);
	check_answer(f.address,
		     "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 99999999999\r\n\r\nabc",
		     "HTTP/1.1 413 ", "at most 1048576");
	check_answer(f.address,
		     "POST /echo HTTP/1.1\r\n" HOST
		     "Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n",
		     "HTTP/1.1 413 ", "connection: close");
	/* Chunked, and the client goes on sending: it must see the answer, not a reset. */
	int fd = dial(f.address);
	send_text(fd, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
	static char block[65536];
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 64; i++) {
		send_text(fd, "10000\r\n");
		send_all(fd, block, sizeof(block));
		send_text(fd, "\r\n");
	}
	shutdown(fd, SHUT_WR);
	char *answer = receive(fd, NULL, 0);
	assert_contains(answer, "HTTP/1.1 413 ");
	free(answer);
	close(fd);
	fixture_stop(&f, 1000);
}

static void keeps_and_pipelines(void **state)
{
	struct fixture f;
	fixture_start(&f, standard(), 1);
	int fd = dial(f.address);
	send_text(fd, "GET /show/1 HTTP/1.1\r\n" HOST "\r\n"
		      "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nbody"
		      "POST /nowhere HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nskip"
		      "POST /count HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"
		      "GET /show/2 HTTP/1.1\r\n" HOST "\r\nGET /sh");
	char *answer = receive(fd, "HTTP/1.1 ", 5);
	assert_contains(answer, "GET /show/2");
	free(answer);
	send_text(fd, "ow/3 HTTP/1.1\r\n" HOST CLOSE "\r\n");
	answer = receive(fd, NULL, 0);
	assert_contains(answer, "GET /show/3");
	free(answer);
	close(fd);

	fd = dial(f.address);
	for (int i = 0; i < 500; i++)
		send_text(fd, "POST /count HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
	answer = receive(fd, "3 bytes", 500);
	int answers = 0;
	for (const char *p = answer; (p = strstr(p, "3 bytes")); p++)
		answers++;
	assert_int_equal(answers, 500);
	free(answer);
	close(fd);
	fixture_stop(&f, 1000);
}

static void says_continue(void **state)
{
	struct fixture f;
	fixture_start(&f, standard(), 1);
	int fd = dial(f.address);
	send_text(fd, "POST /echo HTTP/1.1\r\n" HOST CLOSE
		      "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
	char *answer = receive(fd, "\r\n\r\n", 1);
	assert_string_equal(answer, "HTTP/1.1 100 Continue\r\n\r\n");
	free(answer);
	send_text(fd, "data");
	answer = receive(fd, NULL, 0);
	assert_contains(answer, "\r\n\r\ndata");
	free(answer);
	close(fd);
	fixture_stop(&f, 1000);
}

static void takes_bodies_in_any_pieces(void **state)
{
	struct fixture f;
	fixture_start(&f, standard(), 2);
	const char *text = "POST /echo HTTP/1.1\r\n" HOST CLOSE
			   "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
	for (size_t piece = 1; piece < 9; piece += 3) {
		int fd = dial(f.address);
		for (size_t i = 0; i < strlen(text); i += piece) {
			size_t left = strlen(text) - i;
			send_all(fd, text + i, left < piece ? left : piece);
			usleep(500);
		}
		char *answer = receive(fd, NULL, 0);
		assert_contains(answer, "\r\n\r\nabc");
		free(answer);
		close(fd);
	}
	/* One that is received in its own memory after the first piece. */
	size_t size = 1000000;
	char *body = malloc(size + 1);
	for (size_t i = 0; i < size; i++)
		body[i] = (char)('a' + i % 23);
	body[size] = '\0';
	int fd = dial(f.address);
	send_text(fd, "POST /echo HTTP/1.1\r\n" HOST CLOSE "Content-Length: 1000000\r\n\r\n");
	for (size_t i = 0; i < size; i += 50000) {
		send_all(fd, body + i, 50000);
		usleep(200);
	}
	char *answer = receive(fd, NULL, 0);
	assert_string_equal(strstr(answer, "\r\n\r\n") + 4, body);
	free(answer);
	free(body);
	close(fd);
	fixture_stop(&f, 1000);
}

static void pauses_streamed_bodies(void **state)
{
	struct fixture f;
	fixture_start(&f, standard(), 1);
	static char block[100000];
	memset(block, 'x', sizeof(block));
	int fd = dial(f.address);
	send_text(fd, "POST /count HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 50; i++) {
		send_text(fd, "186a0\r\n");
		send_all(fd, block, sizeof(block));
		send_text(fd, "\r\n");
	}
	send_text(fd, "0\r\n\r\n");
	char *answer = receive(fd, "bytes", 1);
	assert_contains(answer, "5000000 bytes");
	free(answer);
	close(fd);
	fixture_stop(&f, 1000);
}

static void streams_answers(void **state)
{
	struct fixture f;
	fixture_start(&f, standard(), 1);
	atomic_store(&most_waiting, 0);
	int fd = dial(f.address);
	send_text(fd, "GET /big HTTP/1.1\r\n" HOST CLOSE "\r\n");
	struct buf all = BUF_INIT;
	static char data[1 << 16];
	for (ssize_t n; (n = recv(fd, data, sizeof(data), 0)) > 0;)
		buf_append(&all, data, (size_t)n);
	assert_true(all.len > BIG_ANSWER);
	assert_memory_equal(all.data + all.len - 20, "\r\n0\r\nx-done: yes\r\n\r\n", 20);
	assert_true(atomic_load(&most_waiting) < (300 << 10));
	buf_release(&all);
	close(fd);

	char *answer = exchange(f.address, "GET /broken HTTP/1.1\r\n" HOST "\r\n");
	assert_contains(answer, "7\r\npartial\r\n");
	assert_null(strstr(answer, "\r\n0\r\n"));
	free(answer);
	fixture_stop(&f, 1000);
}

static void tells_when_the_client_is_gone(void **state)
{
	struct fixture f;
	fixture_start(&f, standard(), 1);
	atomic_store(&gone_count, 0);
	atomic_store(&handled_count, 0);
	int fd = dial(f.address);
	send_text(fd, "GET /never HTTP/1.1\r\n" HOST "\r\n");
	wait_for(&handled_count, 1);
	close(fd);
	wait_for(&gone_count, 1);

	fd = dial(f.address); /* in the middle of a streamed body */
	send_text(fd, "POST /count HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\nabc");
	usleep(50000);
	close(fd);
	wait_for(&gone_count, 2);

	fd = dial(f.address); /* in the middle of a large answer */
	send_text(fd, "GET /big HTTP/1.1\r\n" HOST "\r\n");
	char *answer = receive(fd, "\r\n\r\n", 1);
	free(answer);
	close(fd);
	wait_for(&gone_count, 3);

	fd = dial(f.address); /* half closed: told, and still answered */
	send_text(fd, "GET /never HTTP/1.1\r\n" HOST "\r\n");
	shutdown(fd, SHUT_WR);
	answer = receive(fd, NULL, 0);
	assert_contains(answer, "late");
	free(answer);
	close(fd);
	wait_for(&gone_count, 4);
	fixture_stop(&f, 1000);
}

static void times_out_slow_peers(void **state)
{
	struct fixture f;
	struct http_server_options options = standard();
	options.read_timeout_ms = 200;
	options.request_timeout_ms = 600;
	options.idle_timeout_ms = 300;
	options.write_timeout_ms = 300;
	fixture_start(&f, options, 1);
	atomic_store(&gone_count, 0);
	int fds[200];
	for (int i = 0; i < 200; i++) {
		fds[i] = dial(f.address);
		if (i % 4 == 0)
			send_text(fds[i], "POST /echo HT");
		else if (i % 4 == 1)
			send_text(fds[i], "POST /echo HTTP/1.1\r\n" HOST
					  "Content-Length: 900000\r\n\r\nabc");
		else if (i % 4 == 2)
			send_text(fds[i],
				  "POST /count HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\n");
	}
	assert_true(chunk_pool_in_use(f.pool) <= 50 * (32 << 10));
	check_answer(f.address, "GET /open HTTP/1.1\r\n" HOST CLOSE "\r\n", "HTTP/1.1 200 ", "");
	for (int i = 0; i < 200; i++) {
		char *answer = receive(fds[i], NULL, 0);
		if (i % 4 < 2)
			assert_contains(answer, "HTTP/1.1 408 ");
		else
			assert_string_equal(answer, "");
		free(answer);
		close(fds[i]);
	}
	wait_for(&gone_count, 50);
	int fd = dial(f.address); /* a byte at a time, never late, never done */
	send_text(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 900\r\n\r\n");
	for (int i = 0; i < 40; i++) {
		if (send(fd, "x", 1, MSG_NOSIGNAL) != 1)
			break;
		usleep(50000);
	}
	char *answer = receive(fd, NULL, 0);
	assert_contains(answer, "HTTP/1.1 408 ");
	free(answer);
	close(fd);
	fd = dial(f.address); /* one that does not read its answer */
	send_text(fd, "GET /big HTTP/1.1\r\n" HOST "\r\n");
	wait_for(&gone_count, 51);
	close(fd);
	fixture_stop(&f, 1000);
}

static void checks_host_and_origin(void **state)
{
	struct fixture f;
	static const char *const names[] = {"tripod.internal:8080"};
	struct http_server_options options = standard();
	options.check_host = true;
	options.allowed_hosts = names;
	options.allowed_host_count = 1;
	fixture_start(&f, options, 1);
	static const struct {
		const char *headers, *first;
	} cases[] = {
		{"Host: localhost\r\n", "HTTP/1.1 200"},
		{"Host: LOCALHOST:4318\r\n", "HTTP/1.1 200"},
		{"Host: 127.9.8.7:1\r\n", "HTTP/1.1 200"},
		{"Host: [::1]:9\r\n", "HTTP/1.1 200"},
		{"Host: tripod.internal\r\n", "HTTP/1.1 200"},
		{"Host: evil.example\r\n", "HTTP/1.1 403"},
		{"Host: localhost.evil.example\r\n", "HTTP/1.1 403"},
		{"Host: 127.0.0.1.evil.example\r\n", "HTTP/1.1 403"},
		{"Host: 128.0.0.1\r\n", "HTTP/1.1 403"},
		{"Host: \r\n", "HTTP/1.1 403"},
		{"Host: localhost\r\nOrigin: http://localhost:3000\r\n", "HTTP/1.1 200"},
		{"Host: localhost\r\nOrigin: https://[::1]\r\n", "HTTP/1.1 200"},
		{"Host: localhost\r\nOrigin: https://evil.example\r\n", "HTTP/1.1 403"},
		{"Host: localhost\r\nOrigin: null\r\n", "HTTP/1.1 403"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char request[300];
		snprintf(request, sizeof(request), "GET /open HTTP/1.1\r\n" CLOSE "%s\r\n",
			 cases[i].headers);
		check_answer(f.address, request, cases[i].first, "");
	}
	check_answer(f.address, "GET http://evil.example/open HTTP/1.1\r\n" HOST CLOSE "\r\n",
		     "HTTP/1.1 403 ", "loopback name");
	fixture_stop(&f, 1000);
}

static void checks_roles(void **state)
{
	struct fixture f;
	struct http_server_options options = standard();
	options.authorize = by_token;
	fixture_start(&f, options, 1);
	const char *a = f.address;
	check_answer(a, "GET /open HTTP/1.1\r\n" HOST CLOSE "\r\n", "HTTP/1.1 200 ", "");
	check_answer(a, "GET /show/1 HTTP/1.1\r\n" HOST CLOSE "\r\n", "HTTP/1.1 401 ",
		     "www-authenticate: Bearer");
	check_answer(a, "GET /show/1 HTTP/1.1\r\n" HOST CLOSE "Authorization: Bearer no\r\n\r\n",
		     "HTTP/1.1 401 ", "unknown token");
	check_answer(a,
		     "GET /show/1 HTTP/1.1\r\n" HOST CLOSE "Authorization: Bearer ingest\r\n\r\n",
		     "HTTP/1.1 403 ", "role");
	check_answer(a, "GET /show/1 HTTP/1.1\r\n" HOST CLOSE "Authorization: Bearer admin\r\n\r\n",
		     "HTTP/1.1 200 ", "");
	fixture_stop(&f, 1000);
}

static void serves_unix_sockets(void **state)
{
	struct fixture f, second;
	char path[64];
	struct http_server_options options = standard();
	snprintf(path, sizeof(path), "unix:/tmp/tripod_http1_test.%d", getpid());
	options.address = path;
	/* A dead server's socket file is replaced. */
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path + 5);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	close(fd);
	fixture_start(&f, options, FIXTURE_LOOPS);
	assert_string_equal(f.address, path);
	for (int i = 0; i < 4; i++)
		check_answer(path, "GET /show/unix HTTP/1.1\r\n" HOST CLOSE "\r\n", "HTTP/1.1 200 ",
			     "GET /show/unix");
	struct error err = {0};
	options.pool = f.pool;
	assert_true(http_server_start(&second.server, f.loops, 1, &options, &err) < 0);
	assert_contains(err.message, "in use");
	fixture_stop(&f, 1000);
	assert_int_not_equal(access(path + 5, F_OK), 0);
}

static void names_bad_addresses(void **state)
{
	struct fixture f;
	fixture_start(&f, standard(), 1);
	static const char *const bad[] = {
		"nonsense", "::1:80", "127.0.0.1:", "127.0.0.1:http", "[::1:80", "unix:"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct http_server_options options = standard();
		struct error err = {0};
		struct http_server *server;
		options.address = bad[i];
		options.pool = f.pool;
		assert_true(http_server_start(&server, f.loops, 1, &options, &err) < 0);
		assert_contains(err.message, bad[i]);
		assert_contains(err.message, "test: ");
	}
	struct http_server_options options = standard();
	struct error err = {0};
	struct http_server *server;
	options.address = f.address;
	options.pool = f.pool;
	assert_int_equal(http_server_start(&server, f.loops, 1, &options, &err), STATUS_CONFLICT);
	assert_contains(err.message, "already in use");
	fixture_stop(&f, 1000);
}

static void lets_requests_finish_when_stopped(void **state)
{
	struct fixture f;
	fixture_start(&f, standard(), FIXTURE_LOOPS);
	atomic_store(&gone_count, 0);
	int idle = dial(f.address), busy = dial(f.address);
	send_text(idle, "GET /open HTTP/1.1\r\n" HOST "\r\n");
	char *answer = receive(idle, "\r\n\r\n", 1);
	free(answer);
	send_text(busy, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nab");
	usleep(20000);
	http_server_stop(f.server, 5000, fixture_stopped, &f);
	answer = receive(idle, NULL, 0);
	free(answer);
	send_text(busy, "cd");
	answer = receive(busy, NULL, 0);
	assert_contains(answer, "\r\n\r\nabcd");
	assert_contains(answer, "connection: close");
	free(answer);
	pthread_mutex_lock(&f.lock);
	while (!f.stopped)
		pthread_cond_wait(&f.changed, &f.lock);
	pthread_mutex_unlock(&f.lock);
	close(idle);
	close(busy);
	for (size_t i = 0; i < f.loop_count; i++)
		loop_free(f.loops[i]);
	chunk_pool_free(f.pool);

	fixture_start(&f, standard(), 1); /* one that never finishes is closed after the grace */
	atomic_store(&handled_count, 0);
	busy = dial(f.address);
	send_text(busy, "GET /never HTTP/1.1\r\n" HOST "\r\n");
	wait_for(&handled_count, 1);
	fixture_stop(&f, 50);
	assert_int_equal(atomic_load(&gone_count), 1);
	close(busy);
}

static void bounds_connections(void **state)
{
	struct fixture f;
	struct http_server_options options = standard();
	options.max_connections = 2;
	fixture_start(&f, options, 1);
	int a = dial(f.address), b = dial(f.address);
	usleep(20000);
	int c = dial(f.address);
	char *answer = receive(c, NULL, 0);
	assert_string_equal(answer, "");
	free(answer);
	close(a);
	close(c);
	usleep(20000);
	check_answer(f.address, "GET /open HTTP/1.1\r\n" HOST CLOSE "\r\n", "HTTP/1.1 200 ", "");
	close(b);
	fixture_stop(&f, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_simple_requests),
		cmocka_unit_test(head_has_no_body),
		cmocka_unit_test(refuses_bad_requests),
		cmocka_unit_test(bounds_the_number_of_headers),
		cmocka_unit_test(bounds_the_body),
		cmocka_unit_test(keeps_and_pipelines),
		cmocka_unit_test(says_continue),
		cmocka_unit_test(takes_bodies_in_any_pieces),
		cmocka_unit_test(pauses_streamed_bodies),
		cmocka_unit_test(streams_answers),
		cmocka_unit_test(tells_when_the_client_is_gone),
		cmocka_unit_test(times_out_slow_peers),
		cmocka_unit_test(checks_host_and_origin),
		cmocka_unit_test(checks_roles),
		cmocka_unit_test(serves_unix_sockets),
		cmocka_unit_test(names_bad_addresses),
		cmocka_unit_test(lets_requests_finish_when_stopped),
		cmocka_unit_test(bounds_connections),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
