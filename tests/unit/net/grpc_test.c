#include "http_fixture.h"

#include "net/grpc.h"
#include "net/grpc_client.h"
#include "net/grpc_frame.h"
#include "net/tls.h"

/* --- the server's methods ----------------------------------------------------------------- */

static atomic_int gone_count;

static void echo(struct http_request *req, void *ctx)
{
	struct grpc_request call;
	if (grpc_request_read(req, &call) < 0)
		return;
	for (int i = 0; i < CHUNK_PADDING; i++)
		assert_int_equal(call.message.ptr[call.message.len + (size_t)i], 0);
	if (call.encoding.len) {
		grpc_respond_code(req, GRPC_UNIMPLEMENTED, call.encoding, 0);
		return;
	}
	grpc_respond(req, call.message);
}

static void count(struct http_request *req, void *ctx)
{
	struct grpc_request call;
	if (grpc_request_read(req, &call) == 0)
		grpc_respond(req, SLICE(""));
}

static void busy(struct http_request *req, void *ctx)
{
	struct grpc_request call;
	struct error err = {.status = STATUS_NO_SPACE, .message = "the disk is full: 100%\nreally"};
	if (grpc_request_read(req, &call) == 0)
		grpc_respond_error(req, &err, 1500);
}

static void show_deadline(struct http_request *req, void *ctx)
{
	struct grpc_request call;
	char text[64];
	if (grpc_request_read(req, &call) < 0)
		return;
	int64_t left = (call.deadline_ns - clock_monotonic_ns()) / NS_PER_MS;
	int n = snprintf(text, sizeof(text), "%s",
			 left > 59000 && left <= 60000 ? "a minute" : "something else");
	struct slice extra = http_request_header(req, "x-extra");
	assert_true(slice_eq_cstr(extra, "yes"));
	grpc_respond(req, (struct slice){text, (size_t)n});
}

static void on_gone(struct http_request *req, void *arg)
{
	atomic_fetch_add(&gone_count, 1);
	grpc_respond(req, SLICE("too late"));
}

static void never(struct http_request *req, void *ctx)
{
	http_request_on_gone(req, on_gone, NULL);
}

static void plain(struct http_request *req, void *ctx)
{
	http_respond(req, 503, "text/plain", SLICE("a proxy's page"));
}

static const struct http_route routes[] = {
	{"POST", "/test.Test/Echo", HTTP_BODY_WHOLE, ACCESS_INGEST, echo, NULL},
	{"POST", "/test.Test/Count", HTTP_BODY_WHOLE, ACCESS_INGEST, count, NULL},
	{"POST", "/test.Test/Busy", HTTP_BODY_WHOLE, ACCESS_INGEST, busy, NULL},
	{"POST", "/test.Test/Deadline", HTTP_BODY_WHOLE, ACCESS_INGEST, show_deadline, NULL},
	{"POST", "/test.Test/Never", HTTP_BODY_WHOLE, ACCESS_INGEST, never, NULL},
	{"POST", "/test.Test/Plain", HTTP_BODY_WHOLE, ACCESS_INGEST, plain, NULL},
};

static struct http_server_options standard(void)
{
	return (struct http_server_options){
		.name = "grpc",
		.max_body = 4 << 20,
		.http2 = true,
		.routes = routes,
		.route_count = sizeof(routes) / sizeof(routes[0]),
	};
}

/* --- a client that is driven from the test's thread ---------------------------------------- */

struct peer {
	struct loop *loop;
	struct chunk_pool *pool;
	struct grpc_client *client;
	struct grpc_client_options options;
	atomic_int done, closed;
	struct error closed_err;
};

struct one_call {
	struct peer *peer;
	struct grpc_call_options options;
	struct grpc_call *call;
	struct error err;
	enum grpc_code code;
	struct buf text, message;
	int64_t retry_after_ms;
	bool not_processed, close_when_done;
	atomic_int done;
};

static void on_closed(struct grpc_client *client, const struct error *err, void *arg)
{
	struct peer *peer = arg;
	peer->closed_err = *err;
	atomic_fetch_add(&peer->closed, 1);
}

static void open_peer(void *arg)
{
	struct peer *peer = arg;
	struct error err = {0};
	if (grpc_client_open(&peer->client, peer->loop, &peer->options, &err) < 0)
		peer->closed_err = err;
	atomic_store(&peer->done, 1);
}

static void close_peer(void *arg)
{
	struct peer *peer = arg;
	grpc_client_close(peer->client);
	peer->client = NULL;
}

static void peer_start(struct peer *peer, const char *address, struct tls_client *tls)
{
	*peer = (struct peer){0};
	peer->pool = chunk_pool_new((size_t)16 << 20);
	peer->options = (struct grpc_client_options){.address = address,
						     .tls = tls,
						     .pool = peer->pool,
						     .on_closed = on_closed,
						     .arg = peer};
	assert_int_equal(loop_new(&peer->loop, "client", NULL), 0);
	loop_post(peer->loop, open_peer, peer);
	wait_for(&peer->done, 1);
}

static void peer_stop(struct peer *peer)
{
	loop_post(peer->loop, close_peer, peer);
	loop_free(peer->loop);
	assert_int_equal(chunk_pool_in_use(peer->pool), 0);
	chunk_pool_free(peer->pool);
}

static void on_done(struct grpc_call *call, const struct grpc_result *result, void *arg)
{
	struct one_call *one = arg;
	one->code = result->code;
	buf_append_slice(&one->text, result->text);
	buf_append_slice(&one->message, result->message);
	one->retry_after_ms = result->retry_after_ms;
	one->not_processed = result->not_processed;
	if (one->close_when_done)
		close_peer(one->peer);
	atomic_store(&one->done, 1);
}

static void begin_call(void *arg)
{
	struct one_call *one = arg;
	one->call = grpc_client_call(one->peer->client, &one->options, &one->err);
	if (!one->call)
		atomic_store(&one->done, -1);
}

static void post_call(struct one_call *one, struct peer *peer, const char *path,
		      struct slice message)
{
	one->peer = peer;
	buf_init(&one->text);
	buf_init(&one->message);
	one->options.path = path;
	one->options.message = message;
	one->options.done = on_done;
	one->options.arg = one;
	loop_post(peer->loop, begin_call, one);
}

/* A call that the client no longer took counts as one that it ended. */
static void await_call(struct one_call *one)
{
	int64_t until = clock_monotonic_ns() + 20 * NS_PER_SECOND;
	while (!atomic_load(&one->done)) {
		if (clock_monotonic_ns() > until)
			fail_msg("the call does not end");
		usleep(200);
	}
	if (one->done > 0)
		return;
	assert_int_equal(one->err.status, STATUS_AGAIN);
	one->code = GRPC_UNAVAILABLE;
	one->not_processed = true;
	buf_append_cstr(&one->text, one->err.message);
}

static void one_release(struct one_call *one)
{
	buf_release(&one->text);
	buf_release(&one->message);
}

static void check_call(struct peer *peer, const char *path, struct slice message,
		       enum grpc_code code, const char *text)
{
	struct one_call one = {0};
	post_call(&one, peer, path, message);
	await_call(&one);
	if (one.code != code)
		fail_msg("%s: wanted %s, got %s: %s", path, grpc_code_name(code),
			 grpc_code_name(one.code), buf_cstr(&one.text));
	assert_contains(buf_cstr(&one.text), text);
	one_release(&one);
}

/* --- tests ---------------------------------------------------------------------------------- */

static void carries_messages(void **state)
{
	struct fixture f;
	struct peer peer;
	fixture_start(&f, standard(), 1);
	peer_start(&peer, f.address, NULL);
	static const size_t sizes[] = {0, 1, 100, 16379, 16384, 65536, 1000000, 4 << 20};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		/* The limit is for the body as it comes, the prefix included. */
		size_t size = sizes[i] == 4 << 20 ? sizes[i] - GRPC_PREFIX : sizes[i];
		char *data = malloc(size + 1);
		for (size_t k = 0; k < size; k++)
			data[k] = (char)(k * 31 >> 3);
		struct one_call one = {0};
		post_call(&one, &peer, "/test.Test/Echo", (struct slice){data, size});
		await_call(&one);
		if (one.code != GRPC_OK)
			fail_msg("%zu bytes: %s", size, buf_cstr(&one.text));
		assert_int_equal(one.message.len, size);
		if (size)
			assert_memory_equal(one.message.data, data, size);
		one_release(&one);
		free(data);
	}
	peer_stop(&peer);
	fixture_stop(&f, 1000);
}

static void carries_many_calls_at_once(void **state)
{
	struct fixture f;
	struct peer peer;
	fixture_start(&f, standard(), 1);
	peer_start(&peer, f.address, NULL);
	enum { CALLS = 500 };
	static char data[30000];
	struct one_call *calls = calloc(CALLS, sizeof(*calls));
	for (int i = 0; i < CALLS; i++)
		post_call(&calls[i], &peer, "/test.Test/Echo",
			  (struct slice){data, (size_t)i * 50});
	for (int i = 0; i < CALLS; i++) {
		await_call(&calls[i]);
		assert_int_equal(calls[i].code, GRPC_OK);
		assert_int_equal(calls[i].message.len, (size_t)i * 50);
		one_release(&calls[i]);
	}
	free(calls);
	peer_stop(&peer);
	fixture_stop(&f, 1000);
}

static void tells_failures(void **state)
{
	struct fixture f;
	struct peer peer;
	fixture_start(&f, standard(), 1);
	peer_start(&peer, f.address, NULL);
	check_call(&peer, "/test.Test/Nothing", SLICE("x"), GRPC_UNIMPLEMENTED,
		   "nothing is served at /test.Test/Nothing");
	check_call(&peer, "/test.Test/Plain", SLICE("x"), GRPC_UNAVAILABLE, "503");
	static char big[5 << 20];
	check_call(&peer, "/test.Test/Echo", (struct slice){big, sizeof(big)},
		   GRPC_RESOURCE_EXHAUSTED, "larger than 4194304");
	check_call(&peer, "/test.Test/Echo", SLICE("x"), GRPC_OK, ""); /* it still works */

	struct one_call one = {0};
	post_call(&one, &peer, "/test.Test/Busy", SLICE("x"));
	await_call(&one);
	assert_int_equal(one.code, GRPC_RESOURCE_EXHAUSTED);
	assert_string_equal(buf_cstr(&one.text), "the disk is full: 100%\nreally");
	assert_int_equal(one.retry_after_ms, 1500);
	one_release(&one);

	one = (struct one_call){.options.encoding = "gzip"};
	post_call(&one, &peer, "/test.Test/Echo", SLICE("x"));
	await_call(&one);
	assert_int_equal(one.code, GRPC_UNIMPLEMENTED);
	assert_string_equal(buf_cstr(&one.text), "gzip");
	assert_int_equal(one.retry_after_ms, -1);
	one_release(&one);
	peer_stop(&peer);
	fixture_stop(&f, 1000);
}

static void keeps_deadlines(void **state)
{
	static const struct http_header extra = {{"x-extra", 7}, {"yes", 3}};
	struct fixture f;
	struct peer peer;
	fixture_start(&f, standard(), 1);
	peer_start(&peer, f.address, NULL);
	atomic_store(&gone_count, 0);
	struct one_call one = {
		.options = {.timeout_ms = 60000, .headers = &extra, .header_count = 1}};
	post_call(&one, &peer, "/test.Test/Deadline", SLICE("x"));
	await_call(&one);
	assert_string_equal(buf_cstr(&one.message), "a minute");
	one_release(&one);

	one = (struct one_call){.options.timeout_ms = 100};
	post_call(&one, &peer, "/test.Test/Never", SLICE("x"));
	await_call(&one);
	assert_int_equal(one.code, GRPC_DEADLINE_EXCEEDED);
	one_release(&one);
	wait_for(&gone_count, 1);
	check_call(&peer, "/test.Test/Echo", SLICE("x"), GRPC_OK, "");
	peer_stop(&peer);
	fixture_stop(&f, 1000);
}

static void cancel(void *arg)
{
	grpc_call_cancel(((struct one_call *)arg)->call);
}

static void cancels_calls(void **state)
{
	struct fixture f;
	struct peer peer;
	fixture_start(&f, standard(), 1);
	peer_start(&peer, f.address, NULL);
	atomic_store(&gone_count, 0);
	static char big[3 << 20];
	struct one_call one = {0}, two = {0}, three = {0};
	post_call(&one, &peer, "/test.Test/Never", SLICE("x"));
	usleep(50000);
	loop_post(peer.loop, cancel, &one);
	await_call(&one);
	assert_int_equal(one.code, GRPC_CANCELLED);
	wait_for(&gone_count, 1);
	/* In the middle of sending, and with the client closed from within its callback. */
	post_call(&two, &peer, "/test.Test/Echo", (struct slice){big, sizeof(big)});
	loop_post(peer.loop, cancel, &two);
	three.close_when_done = true;
	post_call(&three, &peer, "/test.Test/Echo", (struct slice){big, sizeof(big)});
	await_call(&two);
	await_call(&three);
	assert_int_equal(two.code, GRPC_CANCELLED);
	assert_int_equal(three.code, GRPC_OK);
	one_release(&one);
	one_release(&two);
	one_release(&three);
	loop_free(peer.loop);
	assert_int_equal(chunk_pool_in_use(peer.pool), 0);
	chunk_pool_free(peer.pool);
	fixture_stop(&f, 1000);
}

static void says_why_it_cannot_connect(void **state)
{
	struct fixture f;
	struct peer peer;
	char address[100];
	fixture_start(&f, standard(), 1);
	snprintf(address, sizeof(address), "%s", f.address);
	fixture_stop(&f, 0);
	peer_start(&peer, address, NULL);
	struct one_call one = {0};
	post_call(&one, &peer, "/test.Test/Echo", SLICE("x"));
	await_call(&one);
	assert_int_equal(one.code, GRPC_UNAVAILABLE);
	assert_contains(buf_cstr(&one.text), "Connection refused");
	assert_true(one.not_processed);
	wait_for(&peer.closed, 1);
	assert_contains(peer.closed_err.message, address);
	one_release(&one);
	one = (struct one_call){0};
	post_call(&one, &peer, "/test.Test/Echo", SLICE("x"));
	wait_for(&one.done, -1);
	assert_int_equal(one.err.status, STATUS_AGAIN);
	peer_stop(&peer);

	peer_start(&peer, "unix:/nonexistent/socket", NULL);
	wait_for(&peer.closed, 1);
	assert_contains(peer.closed_err.message, "No such file");
	peer_stop(&peer);
	peer_start(&peer, "no-port", NULL);
	assert_contains(peer.closed_err.message, "not an address");
	peer_stop(&peer);
}

static void leaves_when_told_to(void **state)
{
	struct fixture f;
	struct peer peer;
	fixture_start(&f, standard(), 1);
	peer_start(&peer, f.address, NULL);
	check_call(&peer, "/test.Test/Echo", SLICE("x"), GRPC_OK, "");
	struct one_call one = {0};
	post_call(&one, &peer, "/test.Test/Never", SLICE("x"));
	usleep(50000);
	http_server_stop(f.server, 300, fixture_stopped, &f);
	wait_for(&peer.closed, 1);
	assert_contains(peer.closed_err.message, "going away");
	assert_int_equal(atomic_load(&one.done), 0);
	await_call(&one);
	assert_int_equal(one.code, GRPC_UNAVAILABLE);
	one_release(&one);
	peer_stop(&peer);
	pthread_mutex_lock(&f.lock);
	while (!f.stopped)
		pthread_cond_wait(&f.changed, &f.lock);
	pthread_mutex_unlock(&f.lock);
	loop_free(f.loops[0]);
	chunk_pool_free(f.pool);
}

static void works_over_unix_sockets(void **state)
{
	struct fixture f;
	struct peer peer;
	char path[64];
	struct http_server_options options = standard();
	options.check_host = true;
	snprintf(path, sizeof(path), "unix:/tmp/tripod_grpc_test.%d", getpid());
	options.address = path;
	fixture_start(&f, options, 1);
	peer_start(&peer, path, NULL);
	check_call(&peer, "/test.Test/Echo", SLICE("x"), GRPC_OK, "");
	peer_stop(&peer);
	fixture_stop(&f, 1000);
}

static void reads_and_writes_frames(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} timeouts[] = {{"1H", 3600 * NS_PER_SECOND},
			{"2M", 120 * NS_PER_SECOND},
			{"3S", 3 * NS_PER_SECOND},
			{"40m", 40 * NS_PER_MS},
			{"5u", 5000},
			{"99999999n", 99999999}};
	static const char *const bad[] = {"", "m", "1", "x1m", "1x", "123456789m", "-1m"};
	int64_t ns;
	for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++) {
		assert_true(grpc_parse_timeout(slice_of(timeouts[i].text), &ns));
		assert_int_equal(ns, timeouts[i].ns);
	}
	assert_true(grpc_parse_timeout(SLICE("99999999H"), &ns));
	assert_true(ns > 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(grpc_parse_timeout(slice_of(bad[i]), &ns));

	struct buf text = BUF_INIT, again = BUF_INIT;
	grpc_encode_message(&text, SLICE("100%\n\xc3\xa9"));
	assert_string_equal(buf_cstr(&text), "100%25%0A%C3%A9");
	grpc_decode_message(&again, buf_slice(&text));
	assert_string_equal(buf_cstr(&again), "100%\n\xc3\xa9");
	buf_clear(&again);
	grpc_decode_message(&again, SLICE("%zz%4"));
	assert_string_equal(buf_cstr(&again), "%zz%4");

	for (unsigned ms = 1; ms < 100000000; ms = ms * 3 + 1) {
		buf_clear(&text);
		grpc_encode_retry(&text, GRPC_UNAVAILABLE, SLICE("later"), ms);
		assert_int_equal(grpc_decode_retry(buf_slice(&text)), ms);
	}
	/* Put together by hand: Status{8, "slow", RetryInfo{30.5 s}}, padded. */
	assert_int_equal(grpc_decode_retry(SLICE(
				 "CAgSBHNsb3caNgoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5"
				 "SW5mbxIKCggIHhCAyrXuAQ==")),
			 30500);
	assert_int_equal(grpc_decode_retry(SLICE("CAgSBHNsb3c=")), -1);
	assert_int_equal(grpc_decode_retry(SLICE("!!!!")), -1);
	buf_release(&text);
	buf_release(&again);

	struct slice message;
	bool compressed;
	assert_null(grpc_unframe((struct slice){"\1\0\0\0\2ab", 7}, &message, &compressed));
	assert_true(compressed);
	assert_true(slice_eq_cstr(message, "ab"));
	assert_non_null(grpc_unframe((struct slice){"\0\0\0\0", 4}, &message, &compressed));
	assert_non_null(grpc_unframe((struct slice){"\0\0\0\0\3ab", 7}, &message, &compressed));
	assert_non_null(grpc_unframe((struct slice){"\0\0\0\0\1ab", 7}, &message, &compressed));
	assert_non_null(grpc_unframe((struct slice){"\2\0\0\0\2ab", 7}, &message, &compressed));
	assert_non_null(grpc_unframe((struct slice){"\0\xff\xff\xff\xff"
						    "ab",
						    7},
				     &message, &compressed));
}

/* --- TLS ------------------------------------------------------------------------------------- */

static char dir[64];

static void run_command(const char *fmt, ...)
{
	char command[1000];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	assert_int_equal(system(command), 0);
}

static const char *in_dir(const char *name)
{
	static char paths[16][128];
	static unsigned next;
	char *path = paths[next++ % 16];
	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static int make_certificates(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/tripod_grpc_test_XXXXXX");
	assert_non_null(mkdtemp(dir));
	static const char *const names[] = {"server", "client", "other"};
	for (size_t i = 0; i < 3; i++)
		run_command("cd %s && openssl req -x509 -newkey ec -pkeyopt "
			    "ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=%s -addext "
			    "subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout %s.key -out %s.crt "
			    "2>/dev/null",
			    dir, names[i], names[i], names[i]);
	run_command("echo nonsense > %s/bad.crt", dir);
	return 0;
}

static int remove_certificates(void **state)
{
	run_command("rm -r %s", dir);
	return 0;
}

static void check_tls(const struct tls_server_options *server_options,
		      const struct tls_client_options *client_options, enum grpc_code code,
		      const char *text)
{
	struct fixture f;
	struct peer peer;
	struct error err = {0};
	struct http_server_options options = standard();
	struct tls_client *tls;
	if (tls_server_new(&options.tls, server_options, &err) < 0 ||
	    tls_client_new(&tls, client_options, &err) < 0)
		fail_msg("%s", err.message);
	fixture_start(&f, options, 1);
	peer_start(&peer, f.address, tls);
	static char big[2 << 20];
	check_call(&peer, "/test.Test/Echo", (struct slice){big, sizeof(big)}, code, text);
	if (code == GRPC_OK)
		check_call(&peer, "/test.Test/Echo", SLICE("again"), code, text);
	peer_stop(&peer);
	fixture_stop(&f, 1000);
	tls_client_free(tls);
	tls_server_free(options.tls);
}

static void works_over_tls(void **state)
{
	struct tls_server_options server = {.cert_file = in_dir("server.crt"),
					    .key_file = in_dir("server.key")};
	struct tls_client_options client = {.ca_file = in_dir("server.crt")};
	check_tls(&server, &client, GRPC_OK, "");
	client.ca_file = in_dir("other.crt");
	check_tls(&server, &client, GRPC_UNAVAILABLE, "certificate is not trusted");
	client.skip_verify = true;
	check_tls(&server, &client, GRPC_OK, "");
	client = (struct tls_client_options){.ca_file = in_dir("server.crt"),
					     .server_name = "elsewhere.example"};
	check_tls(&server, &client, GRPC_UNAVAILABLE, "certificate is not trusted");
	server.client_ca_file = in_dir("client.crt");
	client = (struct tls_client_options){.ca_file = in_dir("server.crt"),
					     .cert_file = in_dir("client.crt"),
					     .key_file = in_dir("client.key")};
	check_tls(&server, &client, GRPC_OK, "");
	client.cert_file = client.key_file = NULL;
	check_tls(&server, &client, GRPC_UNAVAILABLE, "");
}

static void names_bad_certificate_files(void **state)
{
	static const struct {
		const char *cert, *key, *ca, *text;
	} cases[] = {
		{"none.crt", "server.key", NULL, "cannot read the certificate"},
		{"bad.crt", "server.key", NULL, "cannot use the certificate"},
		{"server.crt", "none.key", NULL, "cannot read the key"},
		{"server.crt", "bad.crt", NULL, "cannot use the key"},
		{"server.crt", "other.key", NULL, "does not belong to the certificate"},
		{"server.crt", "server.key", "none.crt", "cannot read the client CA"},
		{"server.crt", "server.key", "bad.crt", "cannot use the client CA"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tls_server *tls;
		struct error err = {0};
		struct tls_server_options options = {
			.cert_file = in_dir(cases[i].cert),
			.key_file = in_dir(cases[i].key),
			.client_ca_file = cases[i].ca ? in_dir(cases[i].ca) : NULL};
		assert_int_equal(tls_server_new(&tls, &options, &err), STATUS_INVALID);
		assert_contains(err.message, cases[i].text);
		assert_contains(err.message, dir);
	}
}

static void refuses_cleartext_on_tls_and_back(void **state)
{
	struct fixture f;
	struct peer peer;
	struct error err = {0};
	struct http_server_options options = standard();
	struct tls_server_options server = {.cert_file = in_dir("server.crt"),
					    .key_file = in_dir("server.key")};
	assert_int_equal(tls_server_new(&options.tls, &server, &err), 0);
	fixture_start(&f, options, 1);
	peer_start(&peer, f.address, NULL);
	check_call(&peer, "/test.Test/Echo", SLICE("x"), GRPC_UNAVAILABLE, "");
	peer_stop(&peer);
	fixture_stop(&f, 1000);
	tls_server_free(options.tls);

	struct tls_client *tls;
	struct tls_client_options client = {.skip_verify = true};
	assert_int_equal(tls_client_new(&tls, &client, &err), 0);
	fixture_start(&f, standard(), 1);
	peer_start(&peer, f.address, tls);
	check_call(&peer, "/test.Test/Echo", SLICE("x"), GRPC_UNAVAILABLE, "");
	peer_stop(&peer);
	fixture_stop(&f, 1000);
	tls_client_free(tls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes_frames),
		cmocka_unit_test(carries_messages),
		cmocka_unit_test(carries_many_calls_at_once),
		cmocka_unit_test(tells_failures),
		cmocka_unit_test(keeps_deadlines),
		cmocka_unit_test(cancels_calls),
		cmocka_unit_test(says_why_it_cannot_connect),
		cmocka_unit_test(leaves_when_told_to),
		cmocka_unit_test(works_over_unix_sockets),
		cmocka_unit_test(works_over_tls),
		cmocka_unit_test(names_bad_certificate_files),
		cmocka_unit_test(refuses_cleartext_on_tls_and_back),
	};
	return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
