/* The tables of metrics against the real ClickHouse. Skipped where there is none. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/metric_value.h"
#include "store/rows.h"
#include "support/engine.h"
#include "support/metrics_sample.h"
#include "telemetry/otlp_metrics.h"
#include "wire/double_text.h"
#include "wire/native.h"

#define START UINT64_C(1760000000000000000)

static struct native_block *blocks[TABLE_COUNT];

static struct native_block *get_block(void *ctx, enum table table, uint32_t day)
{
	return blocks[table];
}

static const struct row_blocks out = {get_block, NULL};

static bool is_metrics(int table)
{
	return table_info((enum table)table)->signal == SIGNAL_METRICS;
}

static void insert_blocks(void)
{
	for (int i = 0; i < TABLE_COUNT; i++) {
		struct buf bytes = BUF_INIT, table = BUF_INIT;
		if (!is_metrics(i) || !native_block_rows(blocks[i]))
			continue;
		native_block_write(blocks[i], &bytes);
		buf_appendf(&table, "telemetry.%s", table_info((enum table)i)->name);
		assert_true(engine_insert(buf_cstr(&table), buf_slice(&bytes)));
		native_block_clear(blocks[i]);
		buf_release(&bytes);
		buf_release(&table);
	}
}

static void assert_answer(const char *sql, const char *expected)
{
	struct buf answer = BUF_INIT;
	assert_true(engine_query(sql, "TabSeparated", &answer));
	if (strcmp(buf_cstr(&answer), expected) != 0)
		fail_msg("%s\ngave\n%snot\n%s", sql, buf_cstr(&answer), expected);
	buf_release(&answer);
}

static int setup(void **state)
{
	assert_true(engine_query("CREATE DATABASE telemetry", "Null", NULL));
	for (int i = 0; i < TABLE_COUNT; i++) {
		const struct table_info *info = table_info((enum table)i);
		struct buf ddl = BUF_INIT;
		if (!is_metrics(i))
			continue;
		blocks[i] = native_block_new(info->columns, info->column_count);
		assert_non_null(blocks[i]);
		native_block_set_cut_id(blocks[i], 77);
		assert_int_equal(table_ddl((enum table)i, "telemetry", 0, &ddl), 0);
		assert_true(engine_query(buf_cstr(&ddl), "Null", NULL));
		buf_release(&ddl);
	}
	return 0;
}

static int teardown(void **state)
{
	for (int i = 0; i < TABLE_COUNT; i++)
		native_block_free(blocks[i]);
	return 0;
}

/* The alias Value, which SQL sees, is the same double that was stored; all 64 bits of it. */
static void sql_sees_the_same_doubles(void **state)
{
	static const double some[] = {0,        -0.0,      1,      0.1,     -2.25,
				      1e22,     1e23,      1e-9,   5e-324,  1.0 / 3,
				      INFINITY, -INFINITY, 0x1p53, 123.456, 1e15 + 0.5};
	struct metric_batch b = {0};
	uint64_t x = 12345;
	metric_batch_clear(&b, (size_t)64 << 20);
	struct metric_family family = {SLICE("doubles"), SLICE(""), SLICE(""), METRIC_GAUGE};
	assert_true(metric_batch_add_family(&b, family));
	assert_true(metric_batch_use_labels(&b, 0, 0));
	uint32_t series = metric_batch_series(&b, SLICE("doubles"), NULL);
	for (int i = 0; i < 50000; i++) {
		double value;
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		if (i < (int)(sizeof(some) / sizeof(some[0])))
			value = some[i];
		else if (i == 20)
			value = metric_stale();
		else if (i % 2)
			memcpy(&value, &x, sizeof(value));
		else
			value = (double)(int64_t)(x >> (x & 31)) / pow(10, i % 18);
		assert_true(metric_batch_add_sample(&b, series, (int64_t)(START / 1000000) + i, 0,
						    value, 0));
	}
	assert_int_equal(metric_rows_append(&b, &out, NULL, NULL), 0);
	insert_blocks();
	struct buf bits = BUF_INIT;
	assert_true(engine_query("SELECT reinterpretAsUInt64(Value) FROM "
				 "telemetry.otel_metrics_samples WHERE MetricName = 'doubles' "
				 "ORDER BY Timestamp",
				 "RowBinary", &bits));
	assert_int_equal(bits.len, b.sample_count * 8);
	for (uint32_t i = 0; i < b.sample_count; i++) {
		if (memcmp(bits.data + i * 8, &b.sample_value[i], 8) != 0)
			fail_msg("value %u, %.17g, came back as something else", i,
				 b.sample_value[i]);
	}
	buf_release(&bits);
	metric_batch_release(&b);
}

static void decode_sample(struct metric_batch *b, struct buf *request, uint64_t time)
{
	const struct metrics_sample_options sample = {
		.hosts = 3, .points = 4, .start_time = START, .time = time};
	const struct otlp_metrics_options options = {.decode = {.received_time = time}};
	struct rejects rejects;
	struct error err = {0};
	buf_clear(request);
	sample_metrics(request, &sample);
	assert_true(buf_reserve(request, 64));
	if (otlp_decode_metrics(b, buf_slice(request), &options, &rejects, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(rejects.total, 0);
}

/* The same samples sent twice, as after a lost answer or by a pair of agents. */
static void a_sample_sent_twice_counts_once(void **state)
{
	struct metric_batch b = {0};
	struct buf request = BUF_INIT, sql = BUF_INIT;
	for (int i = 0; i < 4; i++) {
		decode_sample(&b, &request, START + (uint64_t)(i % 2) * 15000000000 + 15000000000);
		assert_int_equal(metric_rows_append(&b, &out, NULL, NULL), 0);
		insert_blocks();
	}
	/* 3 hosts of 4 points: 8 numbers, 13 of histograms, 4 of summaries; and target_info */
	unsigned series = 3 * (4 * (8 + 13 + 4) + 1);
	assert_int_equal(b.sample_count, series);
	const char *tables[] = {"series", "samples", "exponential", "exemplars", "metadata"};
	for (int i = 0; i < 5; i++) {
		buf_clear(&sql);
		buf_appendf(&sql, "OPTIMIZE TABLE telemetry.otel_metrics_%s FINAL", tables[i]);
		assert_true(engine_query(buf_cstr(&sql), "Null", NULL));
	}
	char expected[64];
	snprintf(expected, sizeof(expected), "%u\n", 2 * series);
	assert_answer("SELECT count() FROM telemetry.otel_metrics_samples WHERE MetricName != "
		      "'doubles'",
		      expected);
	snprintf(expected, sizeof(expected), "%u\n", series + 12);
	assert_answer("SELECT count() FROM telemetry.otel_metrics_series WHERE MetricName != "
		      "'doubles'",
		      expected);
	assert_answer("SELECT count() FROM telemetry.otel_metrics_exponential", "24\n");
	assert_answer("SELECT count() FROM telemetry.otel_metrics_exemplars", "24\n");
	assert_answer("SELECT count() FROM telemetry.otel_metrics_metadata WHERE MetricName != "
		      "'doubles'",
		      "12\n");
	metric_batch_release(&b);
	buf_release(&request);
	buf_release(&sql);
}

static void everything_can_be_read_back(void **state)
{
	assert_answer("SELECT MetricName, Labels, Type, Unit, Month, LastDay FROM "
		      "telemetry.otel_metrics_series WHERE MetricName = "
		      "'http_server_request_duration_seconds_bucket' AND Labels['le'] = '0.25' "
		      "AND Labels['instance'] = 'ip-10-0-0-1' AND Labels['http_route'] LIKE '%/2'",
		      "http_server_request_duration_seconds_bucket\t{'http_request_method':'PUT',"
		      "'http_response_status_code':'200','http_route':'/api/v1/things/2',"
		      "'instance':'ip-10-0-0-1','job':'node','le':'0.25','otel_scope_name':"
		      "'io.opentelemetry.host'}\thistogram\tseconds\t2025-10-01\t2025-10-09\n");
	/* series and samples meet by their id; a bucket's counts do not decrease with le */
	assert_answer("SELECT count(), uniqExact(SeriesId), min(Value) >= 0 FROM "
		      "telemetry.otel_metrics_samples s JOIN telemetry.otel_metrics_series USING "
		      "(MetricName, SeriesId) WHERE MetricName LIKE '%_bucket'",
		      "264\t132\t1\n");
	assert_answer("SELECT Timestamp, StartTimestamp, Flags, Scale, PositiveOffset, "
		      "length(PositiveBucketCounts), arraySum(PositiveBucketCounts) = Count, "
		      "Sum = Count * 0.125, Max, NegativeBucketCounts, CutId FROM "
		      "telemetry.otel_metrics_exponential ORDER BY SeriesId, Timestamp LIMIT 1",
		      "2025-10-09 08:53:35.000\t2025-10-09 08:53:20.000\t20\t3\t-8\t20\t1\t1\t9.5\t"
		      "[]\t77\n");
	assert_answer("SELECT DISTINCT MetricName, Value, Labels, length(TraceId), "
		      "length(SpanId) FROM telemetry.otel_metrics_exemplars",
		      "http_server_request_duration_seconds_bucket\t0.3\t{'user_id':'u-17'}\t32\t"
		      "16\n");
	assert_answer("SELECT Type, Unit, Help FROM telemetry.otel_metrics_metadata WHERE "
		      "MetricName = 'system_cpu_time_seconds_total'",
		      "counter\tseconds\tSeconds of each state\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sql_sees_the_same_doubles),
		cmocka_unit_test(a_sample_sent_twice_counts_once),
		cmocka_unit_test(everything_can_be_read_back),
	};
	if (!engine_open())
		return 77;
	int rc = cmocka_run_group_tests(tests, setup, teardown);
	engine_close();
	return rc;
}
