/*
 * ClickHouse's interface over loopback, before a store that is made up: what reaches it, and
 * what becomes of its answers. (Against the real engine: tests/e2e/sql_interface.test.ts.)
 */
#include "../net/http_fixture.h"

#include "api/clickhouse.h"
#include "api/query_queue.h"
#include "store/client.h"

#define PIECE ((size_t)64 << 10)

static struct {
	struct fixture store, http;
	struct clickhouse_api api;
	struct clickhouse_counts counts;
	struct chunk_pool *pool;
	struct http_route routes[CLICKHOUSE_MAX_ROUTES];
	pthread_mutex_t lock;
	char seen_query[2000], seen_body[2000]; /* of the last request to the store */
	atomic_int asked, left; /* requests to the store, and those whose client went away */
} t = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- the store ---------------------------------------------------------------------- */

static void note_request(struct http_request *req)
{
	struct slice query = http_request_query(req);
	struct chunk *body = http_request_body(req);
	pthread_mutex_lock(&t.lock);
	snprintf(t.seen_query, sizeof(t.seen_query), SLICE_FMT, SLICE_ARG(query));
	snprintf(t.seen_body, sizeof(t.seen_body), "%.*s", body ? (int)body->len : 0,
		 body ? body->data : "");
	pthread_mutex_unlock(&t.lock);
	atomic_fetch_add(&t.asked, 1);
}

static bool asks_for(const char *what)
{
	return strstr(t.seen_body, what) != NULL;
}

static void gone(struct http_request *req, void *arg)
{
	atomic_fetch_add(&t.left, 1);
	http_respond_break(req);
}

/* More and more, until nobody reads it any more. */
static void pour(struct http_request *req, void *arg)
{
	static char piece[PIECE];
	while (http_respond_write(req, (struct slice){piece, sizeof(piece)}) < 4 * PIECE)
		;
}

static void store(struct http_request *req, void *ctx)
{
	note_request(req);
	http_respond_header(req, "X-ClickHouse-Summary", "{}");
	http_respond_header(req, "X-ClickHouse-Query-Id", "the-store-s-own");
	http_respond_header(req, "X-Powered-By", "secret");
	if (asks_for("hang")) {
		http_request_on_gone(req, gone, NULL);
	} else if (asks_for("endless")) {
		http_request_on_gone(req, gone, NULL);
		http_respond_on_drained(req, pour, NULL);
		http_respond_start(req, 200, "text/plain");
		pour(req, NULL);
	} else if (asks_for("broken")) {
		http_respond_start(req, 200, "text/plain");
		http_respond_write(req, SLICE("some data, then\r\n__exception__\r\n"));
		http_respond_break(req);
	} else if (asks_for("wrong")) {
		http_respond_header(req, "X-ClickHouse-Exception-Code", "47");
		http_respond(req, 404, "text/plain",
			     SLICE("Code: 47. DB::Exception: Unknown. (UNKNOWN_IDENTIFIER)\n"));
	} else {
		http_respond(req, 200, "text/tab-separated-values", SLICE("1\n"));
	}
}

static const struct http_route store_routes[] = {
	{"POST", "/", HTTP_BODY_WHOLE, ACCESS_OPEN, store, NULL},
};

/* --- before it ---------------------------------------------------------------------- */

static int set_up(void **state)
{
	static char url[100];
	struct error err = {0};
	atomic_store(&t.asked, 0);
	atomic_store(&t.left, 0);
	fixture_start(&t.store,
		      (struct http_server_options){
			      .name = "store", .routes = store_routes, .route_count = 1},
		      1);
	snprintf(url, sizeof(url), "http://%s", t.store.address);
	const struct store_endpoint endpoint = {.url = url, .database = "tele"};
	t.pool = chunk_pool_new(1 << 20);
	t.api = (struct clickhouse_api){.database = "tele",
					.pool = t.pool,
					.max_statement = 10000,
					.limits = {.max_execution_ms = 60000}};
	t.counts = (struct clickhouse_counts){0};
	t.api.counts = &t.counts;
	t.api.queue = query_queue_new(&(struct query_queue_options){
		.max_running = 1, .max_waiting = 2, .max_waiting_each = 2});
	assert_int_equal(store_client_new(&t.api.store, &endpoint, &err), 0);
	size_t count = clickhouse_routes(t.routes, "", &t.api);
	fixture_start(&t.http,
		      (struct http_server_options){
			      .name = "users", .routes = t.routes, .route_count = count},
		      1);
	return 0;
}

static int tear_down(void **state)
{
	fixture_stop(&t.http, 1000);
	query_queue_free(t.api.queue);
	store_client_free(t.api.store);
	fixture_stop(&t.store, 1000);
	assert_int_equal(chunk_pool_in_use(t.pool), 0);
	chunk_pool_free(t.pool);
	return 0;
}

static int post(const char *target, const char *headers, const char *sql)
{
	char request[20000];
	snprintf(request, sizeof(request),
		 "POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s"
		 "Content-Length: %zu\r\n\r\n%s",
		 target, headers, strlen(sql), sql);
	int fd = dial(t.http.address);
	send_text(fd, request);
	return fd;
}

static char *ask(const char *target, const char *headers, const char *sql)
{
	int fd = post(target, headers, sql);
	char *answer = receive(fd, NULL, 0);
	close(fd);
	assert_non_null(answer);
	return answer;
}

static void wait_until(bool (*is)(void))
{
	int64_t until = clock_monotonic_ns() + 20 * NS_PER_SECOND;
	while (!is()) {
		if (clock_monotonic_ns() > until)
			fail_msg("waited for too long");
		usleep(1000);
	}
}

static void what_reaches_the_store(void **state)
{
	char *answer = ask("/?max_threads=2&query_id=mine&user=x&password=y&param_a=%26", "",
			   "SELECT {a:String}");
	assert_contains(answer, "HTTP/1.1 200 ");
	assert_contains(answer, "X-ClickHouse-Query-Id: mine\r\n");
	assert_contains(answer, "X-ClickHouse-Summary: {}\r\n");
	assert_contains(answer, "\r\n\r\n1\n");
	assert_null(strstr(answer, "X-Powered-By"));
	free(answer);
	assert_string_equal(t.seen_body, "SELECT {a:String}");
	assert_contains(t.seen_query, "database=tele&");
	assert_contains(t.seen_query, "&max_threads=2&");
	assert_contains(t.seen_query, "&param_a=%26&");
	assert_contains(t.seen_query, "&readonly=1&");
	assert_contains(t.seen_query, "&max_execution_time=60.000&");
	assert_contains(t.seen_query, "&query_id=user-mine");
	assert_null(strstr(t.seen_query, "password"));
}

static void what_does_not(void **state)
{
	static const struct {
		const char *target, *headers, *sql, *line, *part;
	} cases[] = {
		{"/", "", "DROP TABLE x", "HTTP/1.1 403 ", "(READONLY)"},
		{"/", "", "SELECT * FROM system.query_log", "HTTP/1.1 403 ", "(ACCESS_DENIED)"},
		{"/?nonsense=1", "", "SELECT 1", "HTTP/1.1 403 ", "Cannot modify 'nonsense'"},
		{"/?database=other", "", "SELECT 1", "HTTP/1.1 404 ", "Code: 81."},
		{"/", "X-ClickHouse-Database: other\r\n", "SELECT 1", "HTTP/1.1 404 ", "Code: 81."},
		{"/", "Content-Encoding: br\r\n", "SELECT 1", "HTTP/1.1 501 ", "Code: 48."},
		{"/", "Content-Encoding: gzip\r\n", "SELECT 1", "HTTP/1.1 400 ", "Code: 117."},
		{"/", "Content-Type: multipart/form-data; boundary=x\r\n", "x", "HTTP/1.1 501 ",
		 "Code: 48."},
		{"/", "", "", "HTTP/1.1 400 ", "Empty query"},
		{"/", "", "SELECT 1; SELECT 2", "HTTP/1.1 400 ", "(SYNTAX_ERROR)"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *answer = ask(cases[i].target, cases[i].headers, cases[i].sql);
		assert_contains(answer, cases[i].line);
		assert_contains(answer, cases[i].part);
		assert_contains(answer, "X-ClickHouse-Exception-Code: ");
		free(answer);
	}
	char large[12000];
	memset(large, ' ', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	char *answer = ask("/", "", large);
	assert_contains(answer, "HTTP/1.1 413 ");
	free(answer);
	assert_int_equal(atomic_load(&t.asked), 0);
	assert_int_equal(atomic_load(&t.counts.denied), 11);
}

static void exceptions_are_passed_on(void **state)
{
	char *answer = ask("/", "", "SELECT 'wrong'");
	assert_contains(answer, "HTTP/1.1 404 ");
	assert_contains(answer, "X-ClickHouse-Exception-Code: 47\r\n");
	assert_contains(answer, "Code: 47. DB::Exception: Unknown. (UNKNOWN_IDENTIFIER)\n");
	free(answer);
	/* The end of the chunks must not be there. */
	answer = ask("/", "", "SELECT 'broken'");
	assert_contains(answer, "HTTP/1.1 200 ");
	assert_contains(answer, "__exception__");
	assert_null(strstr(answer, "\r\n0\r\n\r\n"));
	free(answer);
	assert_int_equal(atomic_load(&t.counts.failed), 2);
}

static bool one_left(void)
{
	return atomic_load(&t.left) == 1;
}

static bool one_cancelled(void)
{
	return atomic_load(&t.counts.cancelled) == 1;
}

static void leaving_before_the_answer_ends_the_query(void **state)
{
	int fd = post("/", "", "SELECT 'hang'");
	wait_for(&t.asked, 1);
	close(fd);
	wait_until(one_left);
	wait_until(one_cancelled);
}

static void leaving_in_the_answer_ends_the_query(void **state)
{
	char byte;
	int fd = post("/", "", "SELECT 'endless'");
	assert_int_equal(recv(fd, &byte, 1, 0), 1);
	/* Nothing is read: what is on its way stays bounded. */
	usleep(200000);
	assert_true(chunk_pool_in_use(t.pool) < (size_t)12 << 20);
	close(fd);
	wait_until(one_left);
	wait_until(one_cancelled);
}

static bool two_wait(void)
{
	struct query_queue_stats stats;
	query_queue_stats(t.api.queue, &stats);
	return stats.waiting == 2;
}

static bool none_waits(void)
{
	struct query_queue_stats stats;
	query_queue_stats(t.api.queue, &stats);
	return stats.waiting == 0;
}

static void too_many_are_refused_and_those_that_leave_make_room(void **state)
{
	int running = post("/", "", "SELECT 'hang'");
	wait_for(&t.asked, 1);
	int waiting[2] = {post("/", "", "SELECT 1"), post("/", "", "SELECT 1")};
	wait_until(two_wait);
	char *answer = ask("/", "", "SELECT 1");
	assert_contains(answer, "HTTP/1.1 503 ");
	assert_contains(answer, "X-ClickHouse-Exception-Code: 202\r\n");
	assert_contains(answer, "Retry-After: 1\r\n");
	assert_contains(answer, "(TOO_MANY_SIMULTANEOUS_QUERIES)");
	free(answer);
	close(waiting[0]);
	close(waiting[1]);
	wait_until(none_waits);
	assert_int_equal(atomic_load(&t.asked), 1);
	close(running);
	wait_until(one_left);
	answer = ask("/", "", "SELECT 1");
	assert_contains(answer, "HTTP/1.1 200 ");
	free(answer);
}

static void a_store_that_is_away_is_an_exception(void **state)
{
	struct store_client *client, *real = t.api.store;
	struct error err;
	const struct store_endpoint nowhere = {.url = "http://127.0.0.1:1"};
	assert_int_equal(store_client_new(&client, &nowhere, &err), 0);
	t.api.store = client;
	char *answer = ask("/", "", "SELECT 1");
	assert_contains(answer, "HTTP/1.1 503 ");
	assert_contains(answer, "X-ClickHouse-Exception-Code: 209\r\n");
	assert_contains(answer, "cannot be reached");
	free(answer);
	t.api.store = real;
	store_client_free(client);
}

/* Clients that come and go at any moment: nothing is lost, nothing stays. */
static void *come_and_go(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	for (int i = 0; i < 40; i++) {
		static const char *const statements[] = {"SELECT 1", "SELECT 'endless'",
							 "SELECT 'hang'", "SELECT 'broken'"};
		int fd = post("/", "", statements[rand_r(&seed) % 4]);
		usleep((unsigned)(rand_r(&seed) % 3000));
		close(fd);
	}
	return NULL;
}

static void clients_may_leave_at_any_moment(void **state)
{
	pthread_t threads[3];
	for (uintptr_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, (void *)(i + 1)),
				 0);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	wait_until(none_waits);
	/* A request that was sent last may only arrive now. */
	char *answer = ask("/", "", "SELECT 1");
	for (int i = 0; i < 500 && strstr(answer, "HTTP/1.1 503 "); i++) {
		free(answer);
		usleep(20000);
		answer = ask("/", "", "SELECT 1");
	}
	assert_contains(answer, "HTTP/1.1 200 ");
	free(answer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_reaches_the_store),
		TEST(what_does_not),
		TEST(exceptions_are_passed_on),
		TEST(leaving_before_the_answer_ends_the_query),
		TEST(leaving_in_the_answer_ends_the_query),
		TEST(too_many_are_refused_and_those_that_leave_make_room),
		TEST(a_store_that_is_away_is_an_exception),
		TEST(clients_may_leave_at_any_moment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
