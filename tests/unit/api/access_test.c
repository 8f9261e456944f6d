#include "../net/http_fixture.h"

#include "api/access.h"

static const struct auth_token tokens[] = {
	{"boss", "admin-token-0123456789", AUTH_ADMIN},
	{"grafana", "read-token-0123456789", AUTH_READ},
	{"shop", "ingest-token-0123456789", AUTH_INGEST},
};
static const char *const networks[] = {"10.1.0.0/16", "192.168.7.9", "fd00:1::/33"};

static struct access *make(bool anonymous)
{
	struct access *access;
	struct error err = {0};
	struct auth_options options = {
		.tokens = tokens,
		.tokens_count = 3,
		.has_anonymous = anonymous,
		.anonymous = {AUTH_INGEST, networks, 3},
	};
	if (access_new(&access, &options, &err))
		fail_msg("%s", err.message);
	return access;
}

static int set_up(void **state)
{
	*state = make(false);
	return 0;
}

static int set_up_anonymous(void **state)
{
	*state = make(true);
	return 0;
}

static int tear_down(void **state)
{
	access_free(*state);
	return 0;
}

static int decide(struct access *access, const char *authorization, const char *key,
		  const char *password, const char *peer)
{
	struct error err = {0};
	struct access_caller caller = {.peer = peer};
	if (authorization)
		caller.authorization = slice_of(authorization);
	if (key)
		caller.clickhouse_key = slice_of(key);
	if (password)
		caller.password_param = slice_of(password);
	int rc = access_decide(access, &caller, NULL, &err);
	if (rc < 0)
		assert_true(err.message[0] && !strstr(err.message, "0123456789"));
	return rc;
}

#define PEER "203.0.113.5:40000"

static void tokens_have_their_role(void **state)
{
	const char *name;
	struct error err;
	struct access_caller caller = {.authorization = SLICE("Bearer read-token-0123456789"),
				       .peer = PEER};
	assert_int_equal(access_decide(*state, &caller, &name, &err), ACCESS_READ);
	assert_string_equal(name, "grafana");
	assert_int_equal(decide(*state, "bearer   admin-token-0123456789 ", NULL, NULL, PEER),
			 ACCESS_ADMIN);
	assert_int_equal(decide(*state, NULL, "ingest-token-0123456789", NULL, PEER),
			 ACCESS_INGEST);
	assert_int_equal(decide(*state, NULL, NULL, "read-token-0123456789", PEER), ACCESS_READ);
	/* anyone:read-token-0123456789 */
	assert_int_equal(
		decide(*state, "Basic YW55b25lOnJlYWQtdG9rZW4tMDEyMzQ1Njc4OQ==", NULL, NULL, PEER),
		ACCESS_READ);
}

static void others_are_not_known(void **state)
{
	static const char *const headers[] = {
		"Bearer read-token-012345678",
		"Bearer read-token-01234567890",
		"Bearer READ-TOKEN-0123456789",
		"Bearer ",
		"Bearer",
		"read-token-0123456789",
		"Basic !!!",
		"Basic",
		"Basic YW55b25l", /* without a colon */
		"Digest username=x",
	};
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		if (decide(*state, headers[i], NULL, NULL, PEER) != STATUS_UNAUTHENTICATED)
			fail_msg("let in: %s", headers[i]);
	}
	assert_int_equal(decide(*state, NULL, NULL, NULL, PEER), STATUS_UNAUTHENTICATED);
	assert_int_equal(decide(*state, NULL, "", "", PEER), STATUS_UNAUTHENTICATED);
	assert_int_equal(decide(*state, NULL, "x", NULL, PEER), STATUS_UNAUTHENTICATED);
	/* One that is wrong is not made good by another. */
	assert_int_equal(decide(*state, "Bearer x", "read-token-0123456789", NULL, PEER),
			 STATUS_UNAUTHENTICATED);
}

static void a_long_credential_is_none(void **state)
{
	char header[9000] = "Basic ";
	memset(header + 6, 'A', sizeof(header) - 7);
	assert_int_equal(decide(*state, header, NULL, NULL, PEER), STATUS_UNAUTHENTICATED);
}

static void networks_may_be_anonymous(void **state)
{
	static const char *const in[] = {"10.1.255.255:1", "192.168.7.9:65535",
					 "[fd00:1:7fff::1]:80", "[::ffff:10.1.2.3]:80"};
	static const char *const out[] = {
		"10.2.0.0:1",  "192.168.7.8:1", "[fd00:1:8000::1]:80", "[::1]:80",
		"127.0.0.1:1", "unix",          "[10.1.0.1",           "",
		"10.1.0.1",    "[fd00:1::1:80"};
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		if (decide(*state, NULL, NULL, NULL, in[i]) != ACCESS_INGEST)
			fail_msg("not let in: %s", in[i]);
	}
	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
		if (decide(*state, NULL, NULL, NULL, out[i]) != STATUS_UNAUTHENTICATED)
			fail_msg("let in: %s", out[i]);
	}
}

static void a_token_counts_before_the_network(void **state)
{
	assert_int_equal(decide(*state, "Bearer admin-token-0123456789", NULL, NULL, "10.1.0.1:1"),
			 ACCESS_ADMIN);
	assert_int_equal(decide(*state, "Bearer wrong", NULL, NULL, "10.1.0.1:1"),
			 STATUS_UNAUTHENTICATED);
	/* A client that has none sends an empty one. */
	assert_int_equal(decide(*state, NULL, "", NULL, "10.1.0.1:1"), ACCESS_INGEST);
}

/* --- the hook, over loopback, as if the address were another ------------------------- */

static void answer_role(struct http_request *req, void *ctx)
{
	static const char *const names[] = {"open", "ingest", "read", "admin"};
	http_respond(req, 200, "text/plain", slice_of(names[http_request_role(req)]));
}

static const struct http_route routes[] = {
	{"GET", "/open", HTTP_BODY_WHOLE, ACCESS_OPEN, answer_role, NULL},
	{"GET", "/", HTTP_BODY_WHOLE, ACCESS_READ, answer_role, NULL},
	{"GET", "/admin", HTTP_BODY_WHOLE, ACCESS_ADMIN, answer_role, NULL},
};

static void start_guarded(struct fixture *f, const struct access *access, const char *address)
{
	struct http_server_options options = {
		.name = "test", .address = address, .routes = routes, .route_count = 3};
	access_guard(access, &options);
	options.address = NULL;
	fixture_start(f, options, 1);
}

static void expect(const struct fixture *f, const char *target, const char *headers,
		   const char *line, const char *part)
{
	char request[500];
	snprintf(request, sizeof(request),
		 "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", target,
		 headers);
	char *answer = exchange(f->address, request);
	assert_contains(answer, line);
	assert_contains(answer, part);
	free(answer);
}

#define BEARER(token) "Authorization: Bearer " token "\r\n"

static void listeners_ask_for_tokens(void **state)
{
	struct fixture f;
	start_guarded(&f, *state, "0.0.0.0:8123");
	expect(&f, "/", "", "HTTP/1.1 401 ", "this needs a token");
	expect(&f, "/", "", "www-authenticate: ", "Bearer");
	expect(&f, "/", BEARER("wrong"), "HTTP/1.1 401 ", "not known");
	expect(&f, "/", BEARER("ingest-token-0123456789"), "HTTP/1.1 403 ", "role");
	expect(&f, "/", BEARER("read-token-0123456789"), "HTTP/1.1 200 ", "read");
	expect(&f, "/admin", BEARER("read-token-0123456789"), "HTTP/1.1 403 ", "role");
	expect(&f, "/admin", BEARER("admin-token-0123456789"), "HTTP/1.1 200 ", "admin");
	expect(&f, "/", "X-ClickHouse-Key: read-token-0123456789\r\n", "HTTP/1.1 200 ", "read");
	expect(&f, "/?password=read-token-0123456789", "", "HTTP/1.1 200 ", "read");
	/* Only for ClickHouse's clients: URLs end up in logs. */
	expect(&f, "/admin?password=admin-token-0123456789", "", "HTTP/1.1 401 ", "token");
	expect(&f, "/open", "", "HTTP/1.1 200 ", "open");
	expect(&f, "/open", BEARER("wrong"), "HTTP/1.1 200 ", "open");
	fixture_stop(&f, 100);
}

static void loopback_is_open_and_checks_the_host(void **state)
{
	struct fixture f;
	start_guarded(&f, *state, "127.0.0.1:8123");
	expect(&f, "/admin", "", "HTTP/1.1 200 ", "admin");
	expect(&f, "/admin", BEARER("wrong"), "HTTP/1.1 200 ", "admin");
	expect(&f, "/", "Origin: http://evil.example\r\n", "HTTP/1.1 403 ", "evil.example");
	fixture_stop(&f, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tokens_have_their_role, set_up, tear_down),
		cmocka_unit_test_setup_teardown(others_are_not_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_long_credential_is_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(listeners_ask_for_tokens, set_up, tear_down),
		cmocka_unit_test_setup_teardown(loopback_is_open_and_checks_the_host, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(networks_may_be_anonymous, set_up_anonymous,
						tear_down),
		cmocka_unit_test_setup_teardown(a_token_counts_before_the_network, set_up_anonymous,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
