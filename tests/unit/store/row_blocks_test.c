/* Which block rows go to. What is in the blocks, rows_test.c asks the real engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/rows.h"
#include "support/pb_write.h"
#include "telemetry/otlp_decode.h"
#include "wire/native.h"
#include "wire/native_column.h"

#define DAY UINT64_C(86400000000000)
#define BLOCKS 8

struct blocks {
	struct {
		enum table table;
		uint32_t day;
		struct native_block *block;
	} entries[BLOCKS];
	unsigned count, calls, fail_at; /* fail_at: the call that gets NULL; 0: none */
};

static struct native_block *get(void *ctx, enum table table, uint32_t day)
{
	struct blocks *b = ctx;
	if (++b->calls == b->fail_at)
		return NULL;
	for (unsigned i = 0; i < b->count; i++) {
		if (b->entries[i].table == table && b->entries[i].day == day)
			return b->entries[i].block;
	}
	assert_true(b->count < BLOCKS);
	const struct table_info *info = table_info(table);
	b->entries[b->count].table = table;
	b->entries[b->count].day = day;
	b->entries[b->count].block = native_block_new(info->columns, info->column_count);
	assert_non_null(b->entries[b->count].block);
	return b->entries[b->count++].block;
}

static struct native_block *find(struct blocks *b, enum table table, uint32_t day)
{
	for (unsigned i = 0; i < b->count; i++) {
		if (b->entries[i].table == table && b->entries[i].day == day)
			return b->entries[i].block;
	}
	return NULL;
}

static void release(struct blocks *b)
{
	for (unsigned i = 0; i < b->count; i++)
		native_block_free(b->entries[i].block);
}

/* Requests with a log record, or a span, for each of the times. */
static void make_request(struct buf *request, bool spans, const uint64_t *times, unsigned count)
{
	struct buf records = BUF_INIT, record = BUF_INIT, parent = BUF_INIT, resource = BUF_INIT;
	buf_clear(request);
	for (unsigned i = 0; i < count; i++) {
		if (spans) {
			char id[17];
			snprintf(id, sizeof(id), "%016u", i % 3 + 1);
			pbw_text(&record, 1, id);
			pbw_text(&record, 2, "01234567");
			pbw_fixed64(&record, 7, times[i]);
			pbw_fixed64(&record, 8, times[i] + 10);
		} else {
			pbw_fixed64(&record, 1, times[i]);
			pbw_uint(&record, 2, i);
		}
		pbw_message(&records, 2, &record);
	}
	pbw_attr(&resource, 1, "service.name", "x");
	pbw_message(&parent, 1, &resource);
	pbw_message(&parent, 2, &records);
	pbw_message(request, 1, &parent);
	assert_true(buf_reserve(request, 64));
	buf_release(&records);
	buf_release(&record);
	buf_release(&parent);
	buf_release(&resource);
}

static int add(struct blocks *b, bool spans, const uint64_t *times, unsigned count)
{
	const struct otlp_decode_options options = {.received_time = 20 * DAY + 5};
	const struct row_blocks blocks = {get, b};
	struct buf request = BUF_INIT;
	struct rejects rejects;
	struct error err;
	int status;
	make_request(&request, spans, times, count);
	if (spans) {
		struct span_batch batch = {0};
		assert_int_equal(
			otlp_decode_traces(&batch, buf_slice(&request), &options, &rejects, &err),
			0);
		assert_int_equal(batch.rows, count);
		status = span_rows_append(&batch, &blocks, &err);
		span_batch_release(&batch);
	} else {
		struct log_batch batch = {0};
		assert_int_equal(
			otlp_decode_logs(&batch, buf_slice(&request), &options, &rejects, &err), 0);
		assert_int_equal(batch.rows, count);
		status = log_rows_append(&batch, &blocks, &err);
		log_batch_release(&batch);
	}
	buf_release(&request);
	return status;
}

static void rows_go_to_their_day_in_order(void **state)
{
	/* severity numbers 0 to 6 are the rows' numbers; a time of 0 is that of the request */
	const uint64_t times[] = {10 * DAY, 11 * DAY - 1, 11 * DAY, 10 * DAY + 1,
				  0,        12 * DAY,     10 * DAY};
	struct blocks b = {0};
	assert_int_equal(add(&b, false, times, 7), 0);
	assert_int_equal(b.count, 8);
	struct native_block *block = find(&b, TABLE_LOGS, 10);
	assert_int_equal(native_block_rows(block), 4);
	const struct table_info *info = table_info(TABLE_LOGS);
	for (size_t i = 0; i < info->column_count; i++) {
		if (strcmp(info->columns[i].name, "SeverityNumber") == 0)
			assert_memory_equal(native_block_column(block, i)->data.data, "\0\1\3\6",
					    4);
	}
	assert_int_equal(native_block_rows(find(&b, TABLE_LOGS, 11)), 1);
	assert_int_equal(native_block_rows(find(&b, TABLE_LOGS, 12)), 1);
	assert_int_equal(native_block_rows(find(&b, TABLE_LOGS, 20)), 1);
	/* the one stream, once a day */
	assert_int_equal(native_block_rows(find(&b, TABLE_LOG_STREAMS, 10)), 1);
	assert_int_equal(native_block_rows(find(&b, TABLE_LOG_STREAMS, 20)), 1);
	release(&b);
}

static void every_column_has_every_row(void **state)
{
	const uint64_t times[] = {DAY, DAY, DAY, DAY, DAY};
	struct blocks b = {0};
	for (int i = 0; i < 3; i++) {
		assert_int_equal(add(&b, false, times, 5), 0);
		assert_int_equal(add(&b, true, times, 5), 0);
	}
	for (unsigned i = 0; i < b.count; i++) {
		const struct table_info *info = table_info(b.entries[i].table);
		size_t rows = native_block_rows(b.entries[i].block);
		for (size_t c = 0; c < info->column_count; c++) {
			struct native_column *column = native_block_column(b.entries[i].block, c);
			if (column->array)
				assert_int_equal(column->ends.len, 8 * rows);
			else if (column->kind != NATIVE_CONSTANT)
				assert_int_equal(native_column_elements(column), rows);
		}
	}
	assert_int_equal(native_block_rows(find(&b, TABLE_TRACES, 1)), 15);
	/* three traces a batch */
	assert_int_equal(native_block_rows(find(&b, TABLE_TRACE_TIMES, 1)), 9);
	release(&b);
}

static void no_block_is_a_limit(void **state)
{
	const uint64_t times[] = {DAY, 2 * DAY};
	for (int spans = 0; spans < 2; spans++) {
		for (unsigned fail_at = 1; fail_at <= 4; fail_at++) {
			struct blocks b = {.fail_at = fail_at};
			assert_int_equal(add(&b, spans, times, 2), STATUS_LIMIT);
			release(&b);
		}
	}
}

static void a_batch_without_rows_adds_none(void **state)
{
	struct blocks b = {0};
	assert_int_equal(add(&b, false, NULL, 0), 0);
	assert_int_equal(add(&b, true, NULL, 0), 0);
	assert_int_equal(b.calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_go_to_their_day_in_order),
		cmocka_unit_test(every_column_has_every_row),
		cmocka_unit_test(no_block_is_a_limit),
		cmocka_unit_test(a_batch_without_rows_adds_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
