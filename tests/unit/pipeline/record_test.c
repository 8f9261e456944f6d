/* What a record makes of its bytes depends on the time that it was received, not on the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "pipeline/record.h"
#include "support/pb_write.h"

#define RECEIVED UINT64_C(1500000000000000000) /* long ago */

/* A request with a log record at each time. */
static struct chunk *logs_at(struct chunk_pool *chunks, const uint64_t *times, unsigned count)
{
	struct buf request = BUF_INIT, parent = BUF_INIT, records = BUF_INIT, record = BUF_INIT;
	for (unsigned i = 0; i < count; i++) {
		pbw_fixed64(&record, 1, times[i]);
		pbw_message(&records, 2, &record);
	}
	pbw_message(&parent, 2, &records);
	pbw_message(&request, 1, &parent);
	struct chunk *chunk = chunk_new(chunks, request.len);
	assert_non_null(chunk);
	memcpy(chunk->data, request.data, request.len);
	chunk->len = request.len;
	buf_release(&request);
	buf_release(&parent);
	buf_release(&records);
	buf_release(&record);
	return chunk;
}

static void a_replay_rejects_the_same_future(void **state)
{
	struct chunk_pool *chunks = chunk_pool_new(0);
	struct record_pool *records = record_pool_new(chunks, 1);
	const uint64_t times[] = {RECEIVED, RECEIVED + 7 * NS_PER_DAY,
				  RECEIVED + 7 * NS_PER_DAY + 1, (uint64_t)clock_unix_ns()};
	struct chunk *chunk = logs_at(chunks, times, 4);
	for (int replay = 0; replay < 2; replay++) {
		struct rejects rejects;
		struct error err;
		struct record *record = record_new(records, SIGNAL_LOGS);
		assert_non_null(record);
		record->received_time = RECEIVED;
		struct slice bytes = {chunk->data, chunk->len};
		assert_int_equal(record_decode(record, chunk, bytes, COMPRESS_IDENTITY, 1 << 20,
					       &rejects, &err),
				 0);
		assert_int_equal(record->rows, 2);
		assert_int_equal(record->rejected, 2);
		assert_int_equal(rejects.count[REJECT_TOO_FAR_IN_THE_FUTURE], 2);
		assert_int_equal(record->logs.time[0], times[0]);
		assert_int_equal(record->logs.time[1], times[1]);
		record_unref(record);
	}
	chunk_unref(chunk);
	record_pool_free(records);
	chunk_pool_free(chunks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_replay_rejects_the_same_future)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
