#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/protobuf.h"

/* The bytes with the padding that the reader may look at: not zero, to show that it does not matter. */
static struct pb_reader reader(struct slice bytes)
{
	static char memory[256];
	memset(memory, 0x81, sizeof(memory));
	memcpy(memory, bytes.ptr, bytes.len);
	return pb_reader_of((struct slice){memory, bytes.len});
}

static void varints(void **state)
{
	static const struct {
		struct slice bytes;
		uint64_t value;
		const char *error;
	} cases[] = {
		{SLICE("\x00"), 0, NULL},
		{SLICE("\x7f"), 127, NULL},
		{SLICE("\x80\x01"), 128, NULL},
		{SLICE("\xac\x02"), 300, NULL},
		{SLICE("\x80\x00"), 0, NULL}, /* not the shortest, but allowed */
		{SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), UINT64_MAX, NULL},
		{SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), 0,
		 "varint of more than 64 bits"},
		{SLICE("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), 0,
		 "varint of more than ten bytes"},
		{SLICE(""), 0, "truncated varint"},
		{SLICE("\x80"), 0, "truncated varint"},
		{SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff"), 0, "truncated varint"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pb_reader r = reader(cases[i].bytes);
		const uint8_t *start = r.pos;
		uint64_t value = 1;
		if (!cases[i].error) {
			assert_true(pb_varint(&r, &value));
			assert_int_equal(value, cases[i].value);
			assert_ptr_equal(r.pos, r.end);
		} else {
			assert_false(pb_varint(&r, &value));
			assert_string_equal(r.error, cases[i].error);
			assert_ptr_equal(r.pos, start);
		}
	}
}

static void keys(void **state)
{
	static const struct {
		struct slice bytes;
		uint32_t tag;
		const char *error;
	} cases[] = {
		{SLICE("\x0a"), PB_TAG(1, PB_LEN), NULL},
		{SLICE("\x85\x01"), PB_TAG(16, PB_FIXED32), NULL},
		{SLICE("\xfa\xff\xff\xff\x0f"), PB_TAG(536870911, PB_LEN), NULL},
		{SLICE("\x82\x80\x80\x80\x10"), 0, "field number out of range"},
		{SLICE("\x00"), 0, "field number 0"},
		{SLICE("\x02"), 0, "field number 0"},
		{SLICE("\x0b"), 0, "group"},
		{SLICE("\x0c"), 0, "group"},
		{SLICE("\x0e"), 0, "unknown wire type"},
		{SLICE("\x0f"), 0, "unknown wire type"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pb_reader r = reader(cases[i].bytes);
		uint32_t tag;
		assert_int_equal(pb_tag(&r, &tag), cases[i].error == NULL);
		if (cases[i].error)
			assert_string_equal(r.error, cases[i].error);
		else
			assert_int_equal(tag, cases[i].tag);
	}
}

static void lengths_stay_within_the_message(void **state)
{
	struct slice bytes;
	struct pb_reader r = reader(SLICE("\x03xyz"));
	assert_true(pb_bytes(&r, &bytes));
	assert_memory_equal(bytes.ptr, "xyz", 3);
	r = reader(SLICE("\x04xyz"));
	assert_false(pb_bytes(&r, &bytes));
	assert_string_equal(r.error, "length beyond the end of its message");
	r = reader(SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01xyz"));
	assert_false(pb_bytes(&r, &bytes));
	uint64_t value;
	uint32_t small;
	r = reader(SLICE("\1\2\3\4\5\6\7\x08"));
	assert_true(pb_fixed64(&r, &value));
	assert_int_equal(value, 0x0807060504030201);
	r = reader(SLICE("\1\2\3\4\5\6\7"));
	assert_false(pb_fixed64(&r, &value));
	assert_true(pb_fixed32(&r, &small));
	assert_int_equal(small, 0x04030201);
	assert_false(pb_fixed32(&r, &small));
}

static void unknown_fields_are_stepped_over(void **state)
{
	/* 1: varint, 2: fixed64, 3: bytes, 4: fixed32 */
	struct pb_reader r = reader(SLICE("\x08\x96\x01"
					  "\x11"
					  "12345678"
					  "\x1a\x02xy"
					  "\x25"
					  "1234"));
	for (unsigned field = 1; field <= 4; field++) {
		uint32_t tag = 0;
		assert_true(pb_more(&r));
		assert_true(pb_tag(&r, &tag));
		assert_int_equal(tag >> 3, field);
		assert_true(pb_skip(&r, tag));
	}
	assert_false(pb_more(&r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(varints),
		cmocka_unit_test(keys),
		cmocka_unit_test(lengths_stay_within_the_message),
		cmocka_unit_test(unknown_fields_are_stepped_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
