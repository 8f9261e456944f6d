/* The routes of api/status.h and /metrics over loopback, with a made-up server behind them. */
#include "../net/http_fixture.h"

#include "api/background.h"
#include "api/self_metrics.h"
#include "api/self_metrics_table.h"
#include "api/status.h"
#include "pipeline/ledger.h"
#include "pipeline/quarantine.h"

static struct {
	struct fixture http;
	struct background *background;
	struct status_source source;
	struct status_api api;
	struct self_metrics_source metrics_source;
	struct self_metrics_api metrics_api;
	struct http_route routes[STATUS_ROUTE_COUNT + SELF_METRICS_ROUTE_COUNT];
	char dir[64];
	atomic_bool ready;
	atomic_int flush_ms, flush_result, reload_result;
	char retried[100];
} t;

static bool ready(void *ctx, struct buf *why)
{
	if (!atomic_load(&t.ready))
		buf_append_cstr(why, "the engine is starting\nlistener otlp/grpc is not there\n");
	return atomic_load(&t.ready);
}

static void engine(void *ctx, struct status_engine *out)
{
	*out = (struct status_engine){.state = "ready", .pid = 7, .restarts = 2, .rss = 4096};
}

static bool listener(void *ctx, size_t index, struct status_listener *out)
{
	static const struct status_listener list[] = {{"ui", "127.0.0.1:3000", NULL},
						      {"otlp/grpc", "127.0.0.1:4317", "in use"}};
	if (index < 2)
		*out = list[index];
	return index < 2;
}

static int flush(void *ctx, unsigned timeout_ms, struct error *err)
{
	atomic_store(&t.flush_ms, (int)timeout_ms);
	int rc = atomic_load(&t.flush_result);
	return rc ? error_set(err, (enum status)rc, "clickhouse/logs: 17 records wait") : 0;
}

static int reload(void *ctx, struct buf *messages)
{
	int rc = atomic_load(&t.reload_result);
	if (rc)
		buf_append_cstr(messages, "config.yaml:3:1: unknown key\n");
	return rc;
}

static int retry(void *ctx, const char *id, struct error *err)
{
	snprintf(t.retried, sizeof(t.retried), "%s", id);
	if (strcmp(id, "gone") == 0)
		return error_set(err, STATUS_NOT_FOUND, "there is no entry gone");
	return 0;
}

static void fill_ledger(struct ledger *ledger)
{
	struct receiver_ledger *r = ledger_receiver(ledger, "otlp", SIGNAL_LOGS);
	atomic_store(&r->received, 100);
	atomic_store(&r->accepted, 90);
	atomic_store(&r->rejected[0], 7);
	atomic_store(&r->refused[REFUSE_MEMORY], 3);
	atomic_store(&r->requests, 5);
	struct exporter_ledger *e = ledger_exporter(ledger, "click\"house", SIGNAL_LOGS);
	atomic_store(&e->accepted, 90);
	atomic_store(&e->delivered, 80);
	atomic_store(&e->queued, 9);
	atomic_store(&e->quarantined, 1);
	atomic_store(&e->watermark, clock_unix_ns() - 5 * NS_PER_SECOND);
}

static void add_entry(const char *id)
{
	struct error err;
	const struct quarantine_entry entry = {.id = id,
					       .exporter = "clickhouse",
					       .target = "otel_logs",
					       .reason = "Code: 117",
					       .time = INT64_C(1760000000000000000),
					       .rows = 4,
					       .cut_id = UINT64_C(18446744073709551615)};
	assert_int_equal(quarantine_put(t.source.quarantine, &entry, SLICE("bytes"), &err), 0);
}

static int set_up(void **state)
{
	struct error err;
	snprintf(t.dir, sizeof(t.dir), "/tmp/tripod-status-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	t.source = (struct status_source){.version = "0.1.0",
					  .started_ns = clock_unix_ns() - 60 * NS_PER_SECOND,
					  .ledger = ledger_new(),
					  .data_dir = t.dir,
					  .ready = ready,
					  .engine = engine,
					  .listener = listener,
					  .flush = flush,
					  .reload = reload,
					  .retry = retry};
	assert_int_equal(quarantine_open(&t.source.quarantine, t.dir, &err), 0);
	fill_ledger(t.source.ledger);
	add_entry("7-1");
	t.metrics_source = (struct self_metrics_source){.status = &t.source};
	struct chunk_pool *pool = chunk_pool_new(1 << 20);
	t.background = background_new(pool);
	t.api = (struct status_api){&t.source, t.background};
	t.metrics_api = (struct self_metrics_api){&t.metrics_source, t.background};
	status_routes(t.routes, &t.api);
	self_metrics_routes(t.routes + STATUS_ROUTE_COUNT, &t.metrics_api);
	fixture_start(&t.http,
		      (struct http_server_options){.name = "test",
						   .routes = t.routes,
						   .route_count = STATUS_ROUTE_COUNT +
								  SELF_METRICS_ROUTE_COUNT},
		      1);
	*state = pool;
	return 0;
}

static int tear_down(void **state)
{
	char command[100];
	fixture_stop(&t.http, 1000);
	background_free(t.background);
	chunk_pool_free(*state);
	quarantine_close(t.source.quarantine);
	ledger_free(t.source.ledger);
	snprintf(command, sizeof(command), "rm -rf %s", t.dir);
	assert_int_equal(system(command), 0);
	return 0;
}

static char *ask(const char *method, const char *target, const char *headers)
{
	char request[500];
	snprintf(request, sizeof(request),
		 "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", method, target,
		 headers);
	return exchange(t.http.address, request);
}

static void expect(const char *method, const char *target, int code, const char *part)
{
	char line[40];
	char *answer = ask(method, target, "");
	assert_non_null(answer);
	snprintf(line, sizeof(line), "HTTP/1.1 %d ", code);
	if (strncmp(answer, line, strlen(line)) != 0)
		fail_msg("%s %s: not %d: %s", method, target, code, answer ? answer : "");
	assert_contains(answer, part);
	free(answer);
}

static void health_and_readiness(void **state)
{
	expect("GET", "/-/healthy", 200, "healthy");
	atomic_store(&t.ready, false);
	expect("GET", "/-/ready", 503, "the engine is starting\nlistener");
	expect("GET", "/-/status", 200,
	       "\"ready\":false,\"reasons\":[\"the engine is starting\",\"listener otlp/grpc is "
	       "not there\"]");
	atomic_store(&t.ready, true);
	expect("GET", "/-/ready", 200, "ready");
}

static void status_has_engine_and_listeners(void **state)
{
	expect("GET", "/-/status", 200,
	       "\"engine\":{\"state\":\"ready\",\"pid\":7,\"restarts\":2,\"rss_bytes\":4096},"
	       "\"listeners\":[{\"name\":\"ui\",\"address\":\"127.0.0.1:3000\"},"
	       "{\"name\":\"otlp/grpc\",\"address\":\"127.0.0.1:4317\",\"error\":\"in use\"}]");
}

static void status_has_the_ledger(void **state)
{
	expect("GET", "/-/status", 200,
	       "\"receivers\":[{\"receiver\":\"otlp\",\"signal\":\"logs\",\"received\":100,"
	       "\"accepted\":90,\"rejected\":{");
	expect("GET", "/-/status", 200, "\"refused\":{\"memory_limiter\":3},\"requests\":5");
	expect("GET", "/-/status", 200,
	       "\"exporter\":\"click\\\"house\",\"signal\":\"logs\",\"accepted\":90,"
	       "\"delivered\":80,\"queued\":9,\"filtered\":0,\"quarantined\":1");
	expect("GET", "/-/status", 200, "\"lag_seconds\":5");
	expect("GET", "/-/status", 200, "],\"balanced\":true,");
	expect("GET", "/-/status", 200, "\"quarantine\":{\"entries\":1,\"rows\":4}");
	expect("GET", "/-/status", 200, "\"free_bytes\":");
	/* One that is lost shows. */
	struct exporter_ledger *e = ledger_exporter(t.source.ledger, "click\"house", SIGNAL_LOGS);
	atomic_fetch_add(&e->accepted, 1);
	expect("GET", "/-/status", 200, "],\"balanced\":false,");
	atomic_fetch_sub(&e->accepted, 1);
}

static void flush_says_what_is_in_the_way(void **state)
{
	atomic_store(&t.flush_result, 0);
	expect("POST", "/-/flush", 200, "flushed");
	assert_int_equal(atomic_load(&t.flush_ms), 30000);
	expect("POST", "/-/flush?timeout=1500ms", 200, "flushed");
	assert_int_equal(atomic_load(&t.flush_ms), 1500);
	atomic_store(&t.flush_result, STATUS_TIMEOUT);
	expect("POST", "/-/flush", 504, "17 records wait");
	atomic_store(&t.flush_result, STATUS_IO);
	expect("POST", "/-/flush", 500, "17 records wait");
	expect("POST", "/-/flush?timeout=soon", 400, "30s");
	expect("GET", "/-/flush", 405, "POST");
}

static void reload_says_what_is_wrong(void **state)
{
	atomic_store(&t.reload_result, 0);
	expect("POST", "/-/reload", 200, "reloaded");
	atomic_store(&t.reload_result, STATUS_INVALID);
	expect("POST", "/-/reload", 400, "config.yaml:3:1: unknown key");
}

static void the_quarantine_can_be_worked_off(void **state)
{
	expect("GET", "/-/quarantine", 200,
	       "{\"entries\":[{\"id\":\"7-1\",\"exporter\":\"clickhouse\",\"target\":"
	       "\"otel_logs\",\"reason\":\"Code: 117\",\"time\":\"2025-10-09T08:53:20Z\","
	       "\"rows\":4,\"cut_id\":\"18446744073709551615\"}]}");
	expect("POST", "/-/quarantine/7-1/retry", 200, "stored");
	assert_string_equal(t.retried, "7-1");
	expect("POST", "/-/quarantine/gone/retry", 404, "no entry gone");
	t.retried[0] = '\0';
	expect("POST", "/-/quarantine/..%2Fx/retry", 404, "use POST");
	expect("POST", "/-/quarantine/retry", 404, "use POST");
	expect("POST", "/-/quarantine//retry", 404, "use POST");
	assert_string_equal(t.retried, "");
	expect("DELETE", "/-/quarantine/..", 404, "use DELETE");
	expect("DELETE", "/-/quarantine/7-1", 200, "deleted");
	expect("GET", "/-/quarantine", 200, "{\"entries\":[]}");
	add_entry("7-1");
}

static void metrics_in_both_formats(void **state)
{
	char *text = ask("GET", "/metrics", "");
	assert_contains(text, "content-type: text/plain; version=0.0.4; charset=utf-8");
	assert_contains(text, "\ntripod_build_info{version=\"0.1.0\"} 1\n");
	assert_contains(text, "\n# TYPE tripod_receiver_accepted_records_total counter\n"
			      "tripod_receiver_accepted_records_total{receiver=\"otlp\","
			      "signal=\"logs\"} 90\n");
	assert_contains(text, "\ntripod_receiver_refused_records_total{receiver=\"otlp\","
			      "signal=\"logs\",reason=\"memory_limiter\"} 3\n");
	assert_contains(text, "\ntripod_exporter_queued_records{exporter=\"click\\\"house\","
			      "signal=\"logs\"} 9\n");
	assert_contains(text, "\ntripod_exporter_lag_seconds{exporter=\"click\\\"house\","
			      "signal=\"logs\"} 5");
	assert_contains(text, "\ntripod_ledger_balanced 1\n");
	assert_contains(text, "\ntripod_quarantine_records 4\n");
	assert_contains(text, "\ntripod_listener_up{listener=\"otlp/grpc\","
			      "address=\"127.0.0.1:4317\"} 0\n");
	assert_contains(text, "\ntripod_engine_restarts_total 2\n");
	assert_contains(text, "\nprocess_resident_memory_bytes ");
	assert_null(strstr(text, "# EOF"));
	free(text);

	text = ask("GET", "/metrics",
		   "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n");
	assert_contains(text, "content-type: application/openmetrics-text; version=1.0.0");
	assert_contains(text, "\n# TYPE tripod_receiver_accepted_records counter\n"
			      "tripod_receiver_accepted_records_total{");
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");
	free(text);
}

/* docs/metrics.md is the table's; TRIPOD_WRITE_DOCS=1 writes it. */
static void the_reference_is_current(void **state)
{
	const char *path = TRIPOD_SOURCE_ROOT "/docs/metrics.md";
	struct buf wanted = BUF_INIT, found = BUF_INIT;
	char bytes[4096];
	self_metrics_append_markdown(&wanted);
	if (getenv("TRIPOD_WRITE_DOCS")) {
		FILE *f = fopen(path, "we");
		assert_non_null(f);
		assert_int_equal(fwrite(wanted.data, 1, wanted.len, f), wanted.len);
		fclose(f);
	}
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	for (size_t n; (n = fread(bytes, 1, sizeof(bytes), f)) > 0;)
		buf_append(&found, bytes, n);
	fclose(f);
	if (!slice_eq(buf_slice(&wanted), buf_slice(&found)))
		fail_msg("docs/metrics.md is not what the table of metrics says: run this test "
			 "with TRIPOD_WRITE_DOCS=1");
	buf_release(&wanted);
	buf_release(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(health_and_readiness),
		cmocka_unit_test(status_has_engine_and_listeners),
		cmocka_unit_test(status_has_the_ledger),
		cmocka_unit_test(flush_says_what_is_in_the_way),
		cmocka_unit_test(reload_says_what_is_wrong),
		cmocka_unit_test(the_quarantine_can_be_worked_off),
		cmocka_unit_test(metrics_in_both_formats),
		cmocka_unit_test(the_reference_is_current),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
