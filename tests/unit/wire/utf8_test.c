#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"
#include "wire/utf8.h"

struct text_case {
	struct slice text;
	bool valid;
};

static const struct text_case cases[] = {
	{SLICE(""), true},
	{SLICE("plain"), true},
	{SLICE("\x7f\0"), true},
	{SLICE("\xc2\x80\xdf\xbf"), true},
	{SLICE("\xe0\xa0\x80\xef\xbf\xbf"), true},
	{SLICE("\xed\x9f\xbf\xee\x80\x80"), true},
	{SLICE("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), true},
	{SLICE("\x80"), false}, /* a continuation alone */
	{SLICE("a\xbf"), false},
	{SLICE("\xc2"), false}, /* cut short */
	{SLICE("\xc2z"), false},
	{SLICE("\xe0\xa0"), false},
	{SLICE("\xe0\xa0z"), false},
	{SLICE("\xf0\x90\x80"), false},
	{SLICE("\xf0\x90\x80z"), false},
	{SLICE("\xc2\x80\x80"), false}, /* one too many */
	{SLICE("\xf0\x90\x80\x80\x80"), false},
	{SLICE("\xc0\x80"), false}, /* overlong */
	{SLICE("\xc1\xbf"), false},
	{SLICE("\xe0\x9f\xbf"), false},
	{SLICE("\xf0\x8f\xbf\xbf"), false},
	{SLICE("\xed\xa0\x80"), false}, /* surrogates */
	{SLICE("\xed\xbf\xbf"), false},
	{SLICE("\xf4\x90\x80\x80"), false}, /* above U+10FFFF */
	{SLICE("\xf5\x80\x80\x80"), false},
	{SLICE("\xf8\x88\x80\x80\x80"), false},
	{SLICE("\xfe"), false},
	{SLICE("\xff"), false},
};

/* Each case behind and before so much ASCII that it falls on every place of a block. */
static void decides_right_at_every_offset(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t before = 0; before < 80; before++) {
			for (size_t after = 0; after < 40; after += 13) {
				char text[160];
				memset(text, 'x', sizeof(text));
				memcpy(text + before, cases[i].text.ptr, cases[i].text.len);
				size_t len = before + cases[i].text.len + after;
				assert_int_equal(utf8_valid(text, len), cases[i].valid);
				assert_int_equal(utf8_valid_scalar(text, len), cases[i].valid);
				assert_int_equal(utf8_valid_padded(text, len), cases[i].valid);
			}
		}
	}
}

static void what_follows_is_not_looked_at(void **state)
{
	char text[64];
	memset(text, 0x80, sizeof(text));
	memset(text, 'a', 33);
	for (size_t len = 0; len <= 33; len++) {
		assert_true(utf8_valid_padded(text, len));
		assert_true(utf8_valid(text, len));
	}
	assert_false(utf8_valid_padded(text, 34));
}

/* All sequences of up to three bytes, and all four-byte ones by their classes, inside a vector. */
static void agrees_with_the_scalar_one(void **state)
{
	char text[20] = "aaaaaaaaaaaaaaaaaaa";
	for (unsigned a = 0x70; a < 256; a++) {
		for (unsigned b = 0; b < 256; b++) {
			for (unsigned c = 0x70; c < 256; c += 5) {
				for (unsigned d = 0x7f; d < 0xc2; d += 0x21) {
					text[7] = (char)a;
					text[8] = (char)b;
					text[9] = (char)c;
					text[10] = (char)d;
					assert_int_equal(utf8_valid(text, 19),
							 utf8_valid_scalar(text, 19));
				}
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides_right_at_every_offset),
		cmocka_unit_test(what_follows_is_not_looked_at),
		cmocka_unit_test(agrees_with_the_scalar_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
