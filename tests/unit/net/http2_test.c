/* HTTP/2 by clients nobody here wrote (curl, nghttp, h2load), and by raw frames where it goes wrong. */
#include "http_fixture.h"

#include "net/tls.h"

static atomic_int gone_count;

static void hello(struct http_request *req, void *ctx)
{
	http_respond(req, 200, "text/plain",
		     http_request_is_http2(req) ? SLICE("by http/2") : SLICE("by http/1"));
}

static void echo(struct http_request *req, void *ctx)
{
	http_respond_chunk(req, 200, "application/octet-stream", chunk_ref(http_request_body(req)));
}

/* Counts a streamed body; after each of the first pieces it pauses for a moment. */
struct sum {
	struct http_request *req;
	uv_timer_t timer;
	size_t bytes;
	unsigned pauses;
};

static void sum_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void sum_resume(uv_timer_t *timer)
{
	http_request_resume(((struct sum *)timer->data)->req);
}

static void sum_data(struct http_request *req, struct slice data, void *arg)
{
	struct sum *sum = arg;
	sum->bytes += data.len;
	if (sum->pauses++ < 5) {
		http_request_pause(req);
		uv_timer_start(&sum->timer, sum_resume, 20, 0);
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

#define BIG_ANSWER ((size_t)64 << 20)

static void big_more(struct http_request *req, void *arg)
{
	static const char block[8192] = "0123456789abcdef";
	size_t *left = arg;
	while (*left) {
		*left -= sizeof(block);
		if (http_respond_write(req, (struct slice){block, sizeof(block)}) > (256 << 10))
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

static atomic_int kept_count;
static _Atomic(struct http_request *) kept[1000];

/* Is held until the test releases it. */
static void keep(struct http_request *req, void *ctx)
{
	int i = atomic_fetch_add(&kept_count, 1);
	if (i < 1000)
		atomic_store(&kept[i], req);
	else
		http_respond(req, 503, NULL, SLICE(""));
}

static void release_kept(void *arg)
{
	int count = atomic_load(&kept_count);
	for (int i = 0; i < count; i++)
		http_respond(kept[i], 200, NULL, SLICE("ok"));
	atomic_store(&kept_count, -1);
}

static const struct http_route routes[] = {
	{"GET", "/", HTTP_BODY_WHOLE, ACCESS_READ, hello, NULL},
	{"POST", "/echo", HTTP_BODY_WHOLE, ACCESS_READ, echo, NULL},
	{"POST", "/count", HTTP_BODY_STREAM, ACCESS_READ, count_stream, NULL},
	{"GET", "/big", HTTP_BODY_WHOLE, ACCESS_READ, big, NULL},
	{"GET", "/broken", HTTP_BODY_WHOLE, ACCESS_READ, broken, NULL},
	{"GET", "/keep", HTTP_BODY_WHOLE, ACCESS_READ, keep, NULL},
};

static struct http_server_options standard(void)
{
	return (struct http_server_options){
		.name = "test",
		.max_body = 8 << 20,
		.http2 = true,
		.routes = routes,
		.route_count = sizeof(routes) / sizeof(routes[0]),
	};
}

/* --- real clients --------------------------------------------------------------------------- */

/* The output of a shell command, `%s` in it being the address. The caller frees. */
static char *output_of(const char *fmt, const char *address)
{
	char command[1000];
	struct buf text = BUF_INIT;
	snprintf(command, sizeof(command), fmt, address);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	char data[4096];
	for (size_t n; (n = fread(data, 1, sizeof(data), pipe)) > 0;)
		buf_append(&text, data, n);
	pclose(pipe);
	buf_cstr(&text);
	return text.data ? text.data : strdup("");
}

static void check_output(const char *fmt, const char *address, const char *part)
{
	char *text = output_of(fmt, address);
	if (!strstr(text, part))
		fail_msg("%s: '%s' is not in: %s", fmt, part, text);
	free(text);
}

static bool is_installed(const char *program)
{
	char command[100];
	snprintf(command, sizeof(command), "command -v %s >/dev/null", program);
	if (system(command) == 0)
		return true;
	print_message("skipped: %s is not installed\n", program);
	return false;
}

static void serves_curl(void **state)
{
	struct fixture f;
	if (!is_installed("curl"))
		skip();
	fixture_start(&f, standard(), FIXTURE_LOOPS);
	const char *a = f.address;
	check_output("curl -s http://%s/", a, "by http/1");
	check_output("curl -s --http2 http://%s/", a, "by http/1");
	check_output("curl -s --http2-prior-knowledge http://%s/", a, "by http/2");
	check_output("curl -sI --http2-prior-knowledge http://%s/", a, "content-length: 9");
	check_output("curl -s --http2-prior-knowledge http://%s/no%%20where", a,
		     "nothing is served at /no where");
	check_output("curl -s -D- --http2-prior-knowledge -X PUT http://%s/echo", a, "allow: POST");
	check_output("head -c 3000000 /dev/zero | curl -s --http2-prior-knowledge --data-binary @- "
		     "http://%s/echo | wc -c",
		     a, "3000000");
	check_output(
		"head -c 30000000 /dev/zero | curl -s --http2-prior-knowledge --data-binary @- "
		"http://%s/echo",
		a, "at most 8388608");
	check_output("head -c 30000000 /dev/zero | curl -s --http2-prior-knowledge -T - -X POST "
		     "http://%s/echo",
		     a, "larger than 8388608");
	check_output("head -c 30000000 /dev/zero | curl -s --http2-prior-knowledge -T - -X POST "
		     "http://%s/count",
		     a, "30000000 bytes");
	check_output("head -c 30000000 /dev/zero | curl -s -T - -X POST http://%s/count", a,
		     "30000000 bytes");
	check_output("curl -s --http2-prior-knowledge http://%s/big | wc -c", a, "67108864");
	check_output("curl -s http://%s/big | wc -c", a, "67108864");
	check_output("curl -s --http2-prior-knowledge http://%s/broken || echo failed", a,
		     "failed");
	check_output("curl -s http://%s/broken || echo failed", a, "partialfailed");
	fixture_stop(&f, 1000);
}

static void serves_curl_over_tls(void **state)
{
	struct fixture f;
	struct error err = {0};
	char dir[] = "/tmp/tripod_http2_test_XXXXXX", cert[64], key[64], command[500];
	if (!is_installed("curl") || !is_installed("openssl"))
		skip();
	assert_non_null(mkdtemp(dir));
	snprintf(cert, sizeof(cert), "%s/crt", dir);
	snprintf(key, sizeof(key), "%s/key", dir);
	snprintf(command, sizeof(command),
		 "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
		 "-subj /CN=t -addext subjectAltName=IP:127.0.0.1 -keyout %s -out %s 2>/dev/null",
		 key, cert);
	assert_int_equal(system(command), 0);
	struct http_server_options options = standard();
	struct tls_server_options tls = {.cert_file = cert, .key_file = key};
	assert_int_equal(tls_server_new(&options.tls, &tls, &err), 0);
	fixture_start(&f, options, FIXTURE_LOOPS);
	static const char *const commands[][2] = {
		{"curl -s --cacert %s https://%%s/", "by http/2"},
		{"curl -s --http1.1 --cacert %s https://%%s/", "by http/1"},
		{"curl -s --tls-max 1.2 --cacert %s https://%%s/", "by http/2"},
		{"curl -sv --tls-max 1.1 --cacert %s https://%%s/ 2>&1", "alert"},
		{"curl -s --http1.1 --cacert %s https://%%s/big | wc -c", "67108864"},
		{"curl -s --cacert %s https://%%s/big | wc -c", "67108864"},
		{"head -c 5000000 /dev/zero | curl -s --cacert %s --data-binary @- "
		 "https://%%s/echo "
		 "| wc -c",
		 "5000000"},
		{"head -c 30000000 /dev/zero | curl -s --http1.1 --cacert %s -T - -X POST "
		 "https://%%s/count",
		 "30000000 bytes"},
	};
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		snprintf(command, sizeof(command), commands[i][0], cert);
		check_output(command, f.address, commands[i][1]);
	}
	fixture_stop(&f, 1000);
	tls_server_free(options.tls);
	unlink(cert);
	unlink(key);
	rmdir(dir);
}

static void serves_nghttp2s_tools(void **state)
{
	struct fixture f;
	if (!is_installed("nghttp") || !is_installed("h2load"))
		skip();
	fixture_start(&f, standard(), FIXTURE_LOOPS);
	check_output("nghttp http://%s/", f.address, "by http/2");
	check_output("nghttp -v http://%s/big 2>&1 | grep -a x-done", f.address, "x-done: yes");
	check_output("nghttp -v http://%s/broken 2>&1 | grep -ao 'partial\\|INTERNAL_ERROR' | tr "
		     "-d '\\n'",
		     f.address, "partialINTERNAL_ERROR");
	check_output("h2load -n 20000 -c 4 -m 50 http://%s/", f.address, "20000 2xx");
	check_output("h2load --h1 -n 5000 -c 4 http://%s/", f.address, "5000 2xx");
	fixture_stop(&f, 1000);
}

/* --- raw frames ------------------------------------------------------------------------------ */

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

static void frame(struct buf *to, unsigned type, unsigned flags, uint32_t stream, const void *data,
		  size_t len)
{
	const uint8_t header[9] = {
		(uint8_t)(len >> 16),    (uint8_t)(len >> 8),    (uint8_t)len,
		(uint8_t)type,           (uint8_t)flags,         (uint8_t)(stream >> 24),
		(uint8_t)(stream >> 16), (uint8_t)(stream >> 8), (uint8_t)stream};
	buf_append(to, header, sizeof(header));
	buf_append(to, data, len);
}

/* HPACK: indexed :method GET, :scheme http; literal :path and :authority. */
static size_t request_block(char *block, const char *path)
{
	size_t n = 0, len = strlen(path);
	block[n++] = (char)0x82;
	block[n++] = (char)0x86;
	block[n++] = 0x04;
	block[n++] = (char)len;
	memcpy(block + n, path, len);
	n += len;
	memcpy(block + n, "\x01\x09localhost", 11);
	return n + 11;
}

static int dial_http2(const struct fixture *f)
{
	struct buf hello_frames = BUF_INIT;
	int fd = dial(f->address);
	buf_append_cstr(&hello_frames, PREFACE);
	frame(&hello_frames, 4, 0, 0, NULL, 0);
	send_all(fd, hello_frames.data, hello_frames.len);
	buf_release(&hello_frames);
	return fd;
}

/* Reads to the end; whether a frame of `type` was among what came. The last 4 bytes are its code. */
static bool ends_with_frame(int fd, unsigned type, uint32_t *code)
{
	struct buf all = BUF_INIT;
	static char data[1 << 16];
	bool found = false;
	for (ssize_t n; (n = recv(fd, data, sizeof(data), 0)) > 0;)
		buf_append(&all, data, (size_t)n);
	for (size_t at = 0; at + 9 <= all.len;) {
		const uint8_t *p = (const uint8_t *)all.data + at;
		size_t len = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
		if (p[3] == type && at + 9 + len <= all.len && len >= 8) {
			found = true;
			*code = (uint32_t)p[13] << 24 | (uint32_t)p[14] << 16 |
				(uint32_t)p[15] << 8 | p[16];
		}
		at += 9 + len;
	}
	buf_release(&all);
	return found;
}

static void takes_the_preface_byte_by_byte(void **state)
{
	struct fixture f;
	fixture_start(&f, standard(), 1);
	int fd = dial(f.address);
	static const char bytes[] = PREFACE "\0\0\0\4\0\0\0\0\0";
	for (size_t i = 0; i + 1 < sizeof(bytes); i++) {
		send_all(fd, bytes + i, 1);
		usleep(300);
	}
	char answer[9];
	assert_int_equal(recv(fd, answer, 9, MSG_WAITALL), 9);
	assert_int_equal(answer[3], 4);
	close(fd);
	fd = dial(f.address); /* begins like it, and is not */
	send_text(fd, "PRI");
	usleep(20000);
	send_text(fd, "NT / HTTP/1.1\r\n\r\n");
	char *text = receive(fd, NULL, 0);
	assert_contains(text, "HTTP/1.1 400 ");
	free(text);
	close(fd);
	fixture_stop(&f, 1000);
}

static void refuses_broken_frames(void **state)
{
	struct fixture f;
	uint32_t code;
	fixture_start(&f, standard(), 1);
	static const struct {
		unsigned type, flags;
		uint32_t stream;
		const char *data;
		size_t len;
	} cases[] = {
		{0, 0, 0, "x", 1}, /* DATA on stream 0 */
		{1, 4, 2, "\x82", 1}, /* a stream the client may not open */
		{1, 4, 1, "\xff\xff\xff\xff\xff\xff", 6}, /* HPACK that does not decode */
		{6, 0, 0, "1234", 4}, /* PING of a wrong size */
		{9, 4, 1, "", 0}, /* CONTINUATION without HEADERS */
		{8, 0, 0, "\0\0\0\0", 4}, /* WINDOW_UPDATE of 0 */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf text = BUF_INIT;
		int fd = dial_http2(&f);
		frame(&text, cases[i].type, cases[i].flags, cases[i].stream, cases[i].data,
		      cases[i].len);
		send_all(fd, text.data, text.len);
		if (!ends_with_frame(fd, 7, &code))
			fail_msg("case %zu: no GOAWAY", i);
		assert_int_not_equal(code, 0);
		buf_release(&text);
		close(fd);
	}
	fixture_stop(&f, 1000);
}

/* "Rapid reset": streams that are opened and reset cost the server work, the client none. */
static void bounds_floods(void **state)
{
	struct fixture f;
	char block[64];
	size_t len = request_block(block, "/");
	fixture_start(&f, standard(), 1);
	static const struct {
		unsigned type, flags;
		const char *data;
		size_t len;
	} floods[] = {{3, 0, "\0\0\0\x8", 4}, {6, 0, "12345678", 8}, {4, 0, "", 0}};
	for (size_t k = 0; k < 3; k++) {
		struct buf text = BUF_INIT;
		int fd = dial_http2(&f);
		for (uint32_t i = 0; i < 50000; i++) {
			uint32_t stream = k == 0 ? 1 + 2 * i : 0;
			if (k == 0)
				frame(&text, 1, 5, stream, block, len);
			frame(&text, floods[k].type, floods[k].flags, stream, floods[k].data,
			      floods[k].len);
		}
		/* Nothing is read: the server must stop by itself, which shows as a failing send. */
		bool stopped = false;
		struct timeval patience = {.tv_sec = 1};
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
		for (size_t at = 0; at < text.len && !stopped;) {
			ssize_t n = send(fd, text.data + at, text.len - at, MSG_NOSIGNAL);
			stopped = n <= 0;
			at += n > 0 ? (size_t)n : 0;
		}
		if (!stopped) {
			uint32_t code;
			stopped = k != 0 || ends_with_frame(fd, 7, &code);
		}
		assert_true(stopped);
		buf_release(&text);
		close(fd);
	}
	check_output("curl -s --http2-prior-knowledge http://%s/", f.address, "by http/2");
	fixture_stop(&f, 1000);
}

/* Requests whose stream was reset while a handler has them: they end well, and are bounded. */
static void outlives_its_clients(void **state)
{
	struct fixture f;
	char block[64];
	size_t len = request_block(block, "/keep");
	fixture_start(&f, standard(), 1);
	atomic_store(&kept_count, 0);
	struct buf text = BUF_INIT;
	int fd = dial_http2(&f);
	for (uint32_t i = 0; i < 600; i++) {
		frame(&text, 1, 5, 1 + 2 * i, block, len);
		frame(&text, 3, 0, 1 + 2 * i, "\0\0\0\x8", 4);
	}
	send_all(fd, text.data, text.len);
	usleep(200000);
	int count = atomic_load(&kept_count);
	assert_true(count > 0 && count <= 256);
	close(fd);
	usleep(50000);
	loop_post(f.loops[0], release_kept, NULL);
	wait_for(&kept_count, -1);
	buf_release(&text);
	fixture_stop(&f, 1000);
}

static void bounds_headers(void **state)
{
	struct fixture f;
	struct http_server_options options = standard();
	options.max_header = 20000;
	fixture_start(&f, options, 1);
	check_output(
		"curl -s --http2-prior-knowledge -H \"a: $(head -c 30000 /dev/zero | tr '\\0' a)\" "
		"http://%s/",
		f.address, "headers are larger than 20000 bytes");
	fixture_stop(&f, 1000);
}

static void times_out(void **state)
{
	struct fixture f;
	struct http_server_options options = standard();
	options.read_timeout_ms = 200;
	options.write_timeout_ms = 300;
	options.idle_timeout_ms = 500;
	fixture_start(&f, options, 1);
	atomic_store(&gone_count, 0);
	uint32_t code;
	int fd = dial_http2(&f); /* idle: told to leave */
	assert_true(ends_with_frame(fd, 7, &code));
	assert_int_equal(code, 0);
	close(fd);
	/* An answer whose window is never opened again, on a connection that is alive. */
	char block[64];
	struct buf text = BUF_INIT;
	frame(&text, 1, 5, 1, block, request_block(block, "/big"));
	fd = dial_http2(&f);
	send_all(fd, text.data, text.len);
	for (int i = 0; i < 40 && atomic_load(&gone_count) == 0; i++) {
		static const char ping[] = "\0\0\x8\6\0\0\0\0\0"
					   "12345678";
		send_all(fd, ping, 17);
		usleep(50000);
	}
	wait_for(&gone_count, 1);
	close(fd);
	buf_release(&text);
	fixture_stop(&f, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serves_curl),
		cmocka_unit_test(serves_curl_over_tls),
		cmocka_unit_test(serves_nghttp2s_tools),
		cmocka_unit_test(takes_the_preface_byte_by_byte),
		cmocka_unit_test(refuses_broken_frames),
		cmocka_unit_test(bounds_floods),
		cmocka_unit_test(outlives_its_clients),
		cmocka_unit_test(bounds_headers),
		cmocka_unit_test(times_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
