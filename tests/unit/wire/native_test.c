/* The bytes of blocks, by hand from the format's description. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/native_column.h"

static void check_bytes(const struct buf *out, struct slice expected)
{
	assert_int_equal(out->len, expected.len);
	assert_memory_equal(out->data, expected.ptr, expected.len);
}

static void fixed_strings_and_the_cut_id(void **state)
{
	static const struct column columns[] = {
		{"n", "UInt16", ""}, {"s", "String", ""}, {"CutId", "UInt64", ""}};
	struct native_block *block = native_block_new(columns, 3);
	assert_non_null(block);
	struct buf out = BUF_INIT;
	native_block_write(block, &out);
	assert_int_equal(out.len, 0);
	native_put_u16(native_block_column(block, 0), 0x0102);
	native_put_u16(native_block_column(block, 0), 3);
	native_put_string(native_block_column(block, 1), SLICE("hi"));
	native_put_string(native_block_column(block, 1), SLICE(""));
	native_block_add_rows(block, 2);
	native_block_set_cut_id(block, 9);
	native_block_write(block, &out);
	check_bytes(&out, SLICE("\3\2"
				"\1n\6UInt16\2\1\3\0"
				"\1s\6String\2hi\0"
				"\5CutId\6UInt64\x9\0\0\0\0\0\0\0\x9\0\0\0\0\0\0\0"));
	buf_clear(&out);
	native_block_write_rows(block, 1, 2, &out);
	check_bytes(&out, SLICE("\3\1"
				"\1n\6UInt16\3\0"
				"\1s\6String\0"
				"\5CutId\6UInt64\x9\0\0\0\0\0\0\0"));
	native_block_free(block);
	buf_release(&out);
}

static void names_and_maps(void **state)
{
	static const struct column columns[] = {
		{"l", "LowCardinality(String)", ""},
		{"m", "Map(LowCardinality(String), String)", ""},
		{"e", "Map(LowCardinality(String), String)", ""},
	};
	struct native_block *block = native_block_new(columns, 3);
	struct native_column *map = native_block_column(block, 1);
	struct buf out = BUF_INIT;
	native_put_key(native_block_column(block, 0), SLICE("b"));
	native_put_key(native_block_column(block, 0), SLICE(""));
	native_end_map(map);
	native_put_key(map, SLICE("k"));
	native_append_string(&map->data, SLICE("v"));
	native_end_map(map);
	native_end_map(native_block_column(block, 2));
	native_end_map(native_block_column(block, 2));
	native_block_add_rows(block, 2);
	native_block_write(block, &out);
#define U64(n) n "\0\0\0\0\0\0\0"
	check_bytes(&out,
		    SLICE("\3\2"
			  "\1l\x16LowCardinality(String)" U64("\1") "\0\6\0\0\0\0\0\0" U64("\2") "\0\1b" U64(
				  "\2") "\1\0"
					"\1m\x23Map(LowCardinality(String), String)" U64("\1") U64(
						"\0")
						U64("\1") "\0\6\0\0\0\0\0\0" U64("\2") "\0\1k" U64(
							"\1") "\1"
							      "\1v"
							      "\1e\x23Map(LowCardinality(String), "
							      "String)" U64("\1") U64("\0")
								      U64("\0")));
	/* cleared, it is as new: the dictionary too */
	native_block_clear(block);
	assert_int_equal(native_block_rows(block), 0);
	assert_int_equal(native_dict_id(&native_block_column(block, 0)->dict, SLICE("c")), 1);
	native_block_free(block);
	buf_release(&out);
}

static void dictionaries_of_all_widths(void **state)
{
	static const struct column columns[] = {{"l", "LowCardinality(String)", ""}};
	static const struct {
		unsigned distinct, width_code;
	} cases[] = {{255, 0}, {256, 1}, {65535, 1}, {65536, 2}};
	struct native_block *block = native_block_new(columns, 1);
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct buf out = BUF_INIT;
		native_block_clear(block);
		for (unsigned i = 0; i < cases[c].distinct; i++) {
			char key[16];
			snprintf(key, sizeof(key), "%u", i);
			native_put_key(native_block_column(block, 0), slice_of(key));
		}
		native_block_add_rows(block, cases[c].distinct);
		native_block_write(block, &out);
		/* the last index is the last key's */
		size_t width = (size_t)1 << cases[c].width_code;
		uint32_t last = 0;
		memcpy(&last, out.data + out.len - width, width);
		assert_int_equal(last, cases[c].distinct);
		assert_false(out.failed);
		buf_release(&out);
	}
	native_block_free(block);
}

static void strings_of_many_lengths(void **state)
{
	static const struct column columns[] = {{"s", "Array(String)", ""}};
	struct native_block *block = native_block_new(columns, 1);
	struct native_column *column = native_block_column(block, 0);
	char text[20000];
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	for (size_t len = 0; len < 300; len++)
		native_put_string(column, (struct slice){text, len});
	native_put_string(column, (struct slice){text, sizeof(text)});
	native_end_array(column);
	const char *p = column->data.data;
	for (size_t len = 0; len < 300; len++) {
		if (len < 128) {
			assert_int_equal((uint8_t)*p++, len);
		} else {
			assert_int_equal((uint8_t)p[0], (len & 0x7f) | 0x80);
			assert_int_equal((uint8_t)p[1], len >> 7);
			p += 2;
		}
		assert_memory_equal(p, text, len);
		p += len;
	}
	assert_memory_equal(p, "\xa0\x9c\x01", 3);
	assert_memory_equal(p + 3, text, sizeof(text));
	assert_int_equal(p + 3 + sizeof(text) - column->data.data, column->data.len);
	native_block_free(block);
}

static void unknown_types_are_refused(void **state)
{
	static const struct column columns[] = {{"a", "UInt8", ""}, {"b", "Tuple(UInt8)", ""}};
	assert_null(native_block_new(columns, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_strings_and_the_cut_id),
		cmocka_unit_test(names_and_maps),
		cmocka_unit_test(dictionaries_of_all_widths),
		cmocka_unit_test(strings_of_many_lengths),
		cmocka_unit_test(unknown_types_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
