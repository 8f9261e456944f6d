/* Tables and blocks against the real ClickHouse. Skipped where there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/rows.h"
#include "support/batch_dump.h"
#include "support/engine.h"
#include "support/metrics_sample.h"
#include "support/otlp_sample.h"
#include "telemetry/otlp_decode.h"
#include "telemetry/otlp_metrics.h"
#include "wire/native.h"

#define CUT_ID UINT64_C(0x1234567890abcdef)

static struct native_block *get_block(void *ctx, enum table table, uint32_t day)
{
	return ((struct native_block **)ctx)[table];
}

static void new_blocks(struct native_block *blocks[TABLE_COUNT])
{
	for (int i = 0; i < TABLE_COUNT; i++) {
		const struct table_info *info = table_info((enum table)i);
		blocks[i] = native_block_new(info->columns, info->column_count);
		assert_non_null(blocks[i]);
		native_block_set_cut_id(blocks[i], CUT_ID);
	}
}

static void free_blocks(struct native_block *blocks[TABLE_COUNT])
{
	for (int i = 0; i < TABLE_COUNT; i++)
		native_block_free(blocks[i]);
}

static void append(struct native_block *blocks[TABLE_COUNT], bool spans, const struct buf *request,
		   uint64_t now)
{
	struct rejects rejects;
	struct error err = {0};
	const struct otlp_decode_options decode = {.received_time = now};
	const struct row_blocks out = {get_block, blocks};
	struct span_batch span_batch = {0};
	struct log_batch log_batch = {0};
	if (spans) {
		assert_int_equal(otlp_decode_traces(&span_batch, buf_slice(request), &decode,
						    &rejects, &err),
				 0);
		assert_int_equal(span_rows_append(&span_batch, &out, &err), 0);
	} else {
		assert_int_equal(
			otlp_decode_logs(&log_batch, buf_slice(request), &decode, &rejects, &err),
			0);
		assert_int_equal(log_rows_append(&log_batch, &out, &err), 0);
	}
	assert_int_equal(rejects.total, 0);
	span_batch_release(&span_batch);
	log_batch_release(&log_batch);
}

static void fill(struct native_block *blocks[TABLE_COUNT], bool spans)
{
	struct buf request = BUF_INIT;
	struct sample_options options = {.seed = 5,
					 .start_time = UINT64_C(1760000000000000000),
					 .records = 3000,
					 .resources = 7};
	if (spans)
		sample_spans(&request, &options);
	else
		sample_logs(&request, &options);
	assert_true(buf_reserve(&request, 64));
	append(blocks, spans, &request, options.start_time);
	buf_release(&request);
}

static void fill_metrics(struct native_block *blocks[TABLE_COUNT])
{
	static struct metric_batch batch;
	const uint64_t start = UINT64_C(1760000000000000000);
	const struct metrics_sample_options sample = {
		.hosts = 9, .points = 5, .start_time = start, .time = start + 15000000000};
	const struct otlp_metrics_options decode = {.decode = {.received_time = start}};
	const struct row_blocks out = {get_block, blocks};
	struct buf request = BUF_INIT;
	struct rejects rejects;
	struct error err = {0};
	sample_metrics(&request, &sample);
	assert_true(buf_reserve(&request, 64));
	assert_int_equal(otlp_decode_metrics(&batch, buf_slice(&request), &decode, &rejects, &err),
			 0);
	assert_int_equal(rejects.total, 0);
	assert_int_equal(metric_rows_append(&batch, &out, NULL, &err), 0);
	metric_batch_release(&batch);
	buf_release(&request);
}

static void every_table_is_created(void **state)
{
	struct buf ddl = BUF_INIT;
	assert_true(engine_query("CREATE DATABASE `a``b`", "Null", NULL));
	for (int i = 0; i < TABLE_COUNT; i++) {
		buf_clear(&ddl);
		assert_int_equal(table_ddl((enum table)i, "telemetry", 30, &ddl), 0);
		assert_true(engine_query(buf_cstr(&ddl), "Null", NULL));
		/* again, which is no error; and without retention, in a database of an odd name */
		assert_true(engine_query(buf_cstr(&ddl), "Null", NULL));
		buf_clear(&ddl);
		assert_int_equal(table_ddl((enum table)i, "a`b", 0, &ddl), 0);
		assert_true(engine_query(buf_cstr(&ddl), "Null", NULL));
	}
	buf_release(&ddl);
}

struct pieces {
	struct buf bytes;
	unsigned left; /* pieces to take before failing */
};

static int take_piece(void *ctx, struct slice bytes, struct error *err)
{
	struct pieces *pieces = ctx;
	if (!pieces->left--)
		return error_set(err, STATUS_IO, "enough");
	buf_append_slice(&pieces->bytes, bytes);
	return 0;
}

static void pieces_are_the_whole(void **state)
{
	struct native_block *blocks[TABLE_COUNT];
	struct error err;
	new_blocks(blocks);
	fill(blocks, false);
	fill(blocks, true);
	fill_metrics(blocks);
	for (int i = 0; i < TABLE_COUNT; i++) {
		struct buf whole = BUF_INIT;
		struct pieces pieces = {BUF_INIT, UINT32_MAX};
		native_block_write(blocks[i], &whole);
		assert_int_equal(native_block_send(blocks[i], take_piece, &pieces, &err), 0);
		assert_int_equal(pieces.bytes.len, whole.len);
		assert_memory_equal(pieces.bytes.data, whole.data, whole.len);
		pieces.left = 0;
		assert_int_equal(native_block_send(blocks[i], take_piece, &pieces, &err),
				 STATUS_IO);
		buf_release(&whole);
		buf_release(&pieces.bytes);
	}
	free_blocks(blocks);
}

/* Into a Memory table, which keeps the block as it is, and out again. */
static void check_round_trip(enum table table, const struct native_block *block)
{
	struct buf sent = BUF_INIT, back = BUF_INIT, sql = BUF_INIT;
	const char *name = table_info(table)->name;
	buf_appendf(&sql, "CREATE OR REPLACE TABLE telemetry.back AS telemetry.%s ENGINE = Memory",
		    name);
	assert_true(engine_query(buf_cstr(&sql), "Null", NULL));
	native_block_write(block, &sent);
	assert_true(sent.len > 0);
	assert_true(native_block_bytes(block) > sent.len / 2);
	assert_true(engine_insert("telemetry.back", buf_slice(&sent)));
	assert_true(engine_query("SELECT * FROM telemetry.back", "Native", &back));
	assert_int_equal(back.len, sent.len);
	assert_memory_equal(back.data, sent.data, sent.len);
	buf_release(&sent);
	buf_release(&back);
	buf_release(&sql);
}

static void assert_answer(const char *sql, const char *expected)
{
	struct buf out = BUF_INIT;
	assert_true(engine_query(sql, "TabSeparated", &out));
	if (!slice_eq_cstr(buf_slice(&out), expected))
		print_error("%s\n", sql);
	assert_string_equal(buf_cstr(&out), expected);
	buf_release(&out);
}

static void blocks_come_back_the_same(void **state)
{
	struct native_block *blocks[TABLE_COUNT];
	new_blocks(blocks);
	fill(blocks, false);
	fill(blocks, true);
	fill_metrics(blocks);
	for (int i = 0; i < TABLE_COUNT; i++)
		check_round_trip((enum table)i, blocks[i]);
	free_blocks(blocks);
}

static void slices_are_the_same_rows(void **state)
{
	static const size_t cuts[] = {0, 1, 2, 700, 701, 2999, 3000};
	struct native_block *blocks[TABLE_COUNT];
	struct buf out = BUF_INIT, sql = BUF_INIT;
	new_blocks(blocks);
	fill(blocks, false);
	fill(blocks, true);
	fill_metrics(blocks);
	for (int i = 0; i < TABLE_COUNT; i++) {
		const char *name = table_info((enum table)i)->name;
		size_t rows = native_block_rows(blocks[i]);
		buf_clear(&sql);
		buf_appendf(
			&sql,
			"CREATE OR REPLACE TABLE telemetry.whole AS telemetry.%s ENGINE = Memory",
			name);
		assert_true(engine_query(buf_cstr(&sql), "Null", NULL));
		assert_true(engine_query("CREATE OR REPLACE TABLE telemetry.slices AS "
					 "telemetry.whole ENGINE = Memory",
					 "Null", NULL));
		buf_clear(&out);
		native_block_write(blocks[i], &out);
		assert_true(engine_insert("telemetry.whole", buf_slice(&out)));
		for (size_t c = 1; c < sizeof(cuts) / sizeof(cuts[0]); c++) {
			buf_clear(&out);
			size_t to = cuts[c] < rows ? cuts[c] : rows;
			native_block_write_rows(blocks[i], cuts[c - 1], to, &out);
			if (cuts[c - 1] < to)
				assert_true(engine_insert("telemetry.slices", buf_slice(&out)));
			else
				assert_int_equal(out.len, 0);
		}
		assert_answer("SELECT (SELECT groupArray(cityHash64(*)) FROM telemetry.whole) = "
			      "(SELECT groupArray(cityHash64(*)) FROM telemetry.slices) SETTINGS "
			      "max_threads = 1",
			      "1\n");
	}
	buf_release(&sql);
	buf_release(&out);
	free_blocks(blocks);
}

static void tables_take_the_blocks(void **state)
{
	struct native_block *blocks[TABLE_COUNT];
	struct buf out = BUF_INIT, name = BUF_INIT;
	new_blocks(blocks);
	fill(blocks, false);
	fill(blocks, true);
	fill_metrics(blocks);
	for (int i = 0; i < TABLE_COUNT; i++) {
		buf_clear(&out);
		buf_clear(&name);
		buf_appendf(&name, "`a``b`.%s", table_info((enum table)i)->name);
		native_block_write(blocks[i], &out);
		assert_true(engine_insert(buf_cstr(&name), buf_slice(&out)));
		/* what is not exact may be stored twice */
		if (!table_info((enum table)i)->exact)
			assert_true(engine_insert(buf_cstr(&name), buf_slice(&out)));
	}
	assert_answer("SELECT count(), uniqExact(CutId), any(CutId), uniqExact(_partition_id), "
		      "countIf(Timestamp != TimestampTime) > 0 FROM `a``b`.otel_logs",
		      "3000\t1\t1311768467294899695\t1\t1\n");
	assert_answer("SELECT count() FROM `a``b`.otel_traces", "3000\n");
	assert_answer("SELECT (SELECT count() FROM `a``b`.otel_log_streams FINAL) = "
		      "(SELECT uniqExact(StreamId) FROM `a``b`.otel_logs)",
		      "1\n");
	assert_answer(
		"SELECT count() FROM (SELECT TraceId, min(Timestamp) a, max(addNanoseconds("
		"Timestamp, Duration)) b FROM `a``b`.otel_traces GROUP BY TraceId) x FULL OUTER "
		"JOIN (SELECT * FROM `a``b`.otel_traces_trace_id_ts FINAL) y USING TraceId "
		"WHERE a != Start OR b != End",
		"0\n");
	buf_release(&out);
	buf_release(&name);
	free_blocks(blocks);
}

/*
 * What the store holds of the requests in tests/fixtures/otlp, as JSON lines. The recorded
 * answers were checked by check_rows.py there, which makes the requests again from them.
 */
static void check_recorded(struct native_block *blocks[TABLE_COUNT], enum table table,
			   const char *name)
{
	struct buf bytes = BUF_INIT, found = BUF_INIT, expected = BUF_INIT, sql = BUF_INIT;
	char path[512];
	buf_appendf(&sql, "CREATE OR REPLACE TABLE telemetry.back AS telemetry.%s ENGINE = Memory",
		    table_info(table)->name);
	assert_true(engine_query(buf_cstr(&sql), "Null", NULL));
	native_block_write(blocks[table], &bytes);
	assert_true(engine_insert("telemetry.back", buf_slice(&bytes)));
	assert_true(engine_query("SELECT * FROM telemetry.back SETTINGS max_threads = 1, "
				 "output_format_json_quote_64bit_integers = 1, "
				 "session_timezone = 'UTC'",
				 "JSONEachRow", &found));
	if (getenv("RECORD")) {
		snprintf(path, sizeof(path), "%s/tests/fixtures/otlp/%s.rows", TRIPOD_SOURCE_ROOT,
			 name);
		FILE *file = fopen(path, "wb");
		assert_non_null(file);
		fwrite(found.data, 1, found.len, file);
		fclose(file);
	}
	snprintf(path, sizeof(path), "otlp/%s.rows", name);
	assert_true(load_fixture(path, &expected));
	assert_string_equal(buf_cstr(&found), buf_cstr(&expected));
	buf_release(&bytes);
	buf_release(&found);
	buf_release(&expected);
	buf_release(&sql);
}

static void requests_are_stored_as_recorded(void **state)
{
	struct native_block *blocks[TABLE_COUNT];
	struct buf request = BUF_INIT;
	new_blocks(blocks);
	assert_true(load_fixture("otlp/logs.bin", &request));
	append(blocks, false, &request, UINT64_C(1760000001000000000));
	buf_clear(&request);
	assert_true(load_fixture("otlp/traces.bin", &request));
	append(blocks, true, &request, UINT64_C(1760000001000000000));
	check_recorded(blocks, TABLE_LOGS, "logs");
	check_recorded(blocks, TABLE_LOG_STREAMS, "streams");
	check_recorded(blocks, TABLE_TRACES, "traces");
	check_recorded(blocks, TABLE_TRACE_TIMES, "trace_times");
	buf_release(&request);
	free_blocks(blocks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_table_is_created),
		cmocka_unit_test(pieces_are_the_whole),
		cmocka_unit_test(blocks_come_back_the_same),
		cmocka_unit_test(slices_are_the_same_rows),
		cmocka_unit_test(tables_take_the_blocks),
		cmocka_unit_test(requests_are_stored_as_recorded),
	};
	if (!engine_open())
		return 77; /* meson: skipped */
	int failed = engine_query("CREATE DATABASE telemetry", "Null", NULL)
			     ? cmocka_run_group_tests(tests, NULL, NULL)
			     : 1;
	engine_close();
	return failed;
}
