#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "support/pb_write.h"
#include "telemetry/attr_types.h"
#include "telemetry/log_stream.h"
#include "telemetry/value_text.h"

static void check(struct value value, const char *expected)
{
	struct buf out = BUF_INIT;
	value_text(&out, value);
	assert_string_equal(buf_cstr(&out), expected);
	buf_release(&out);
}

static struct value text_value(const char *text)
{
	return (struct value){.ptr = text, .len = (uint32_t)strlen(text), .type = VALUE_STRING};
}

static struct value bytes_value(const char *bytes, uint32_t len, enum value_type type)
{
	return (struct value){.ptr = bytes, .len = len, .type = type};
}

static void scalars(void **state)
{
	check((struct value){.type = VALUE_EMPTY}, "");
	check(text_value("as \"it\" is"), "as \"it\" is");
	check((struct value){.i = 1, .type = VALUE_BOOL}, "true");
	check((struct value){.i = 0, .type = VALUE_BOOL}, "false");
	check((struct value){.i = INT64_MIN, .type = VALUE_INT}, "-9223372036854775808");
	check((struct value){.d = 3, .type = VALUE_DOUBLE}, "3");
	check((struct value){.d = -INFINITY, .type = VALUE_DOUBLE}, "-Infinity");
}

/* RFC 4648, section 10 */
static void bytes_are_base64(void **state)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"f", "Zg=="},
		{"fo", "Zm8="},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(bytes_value(cases[i][0], (uint32_t)strlen(cases[i][0]), VALUE_BYTES),
		      cases[i][1]);
	check(bytes_value("\xff\xfe\xfb", 3, VALUE_BYTES), "//77");
}

static void add_element(struct buf *array, struct buf *any)
{
	pbw_message(array, 1, any);
}

static void arrays_are_json(void **state)
{
	struct buf array = BUF_INIT, any = BUF_INIT;
	check(bytes_value("", 0, VALUE_ARRAY), "[]");
	pbw_text(&any, 1, "q\" b\\ n\n c\x01 é");
	add_element(&array, &any);
	pbw_uint(&any, 2, 1);
	add_element(&array, &any);
	pbw_uint(&any, 3, INT64_MAX);
	add_element(&array, &any);
	double numbers[] = {2, -0.0, 1e300, NAN};
	for (int i = 0; i < 4; i++) {
		uint64_t bits;
		memcpy(&bits, &numbers[i], 8);
		pbw_fixed64(&any, 4, bits);
		add_element(&array, &any);
	}
	add_element(&array, &any);
	pbw_bytes(&any, 7, "f", 1);
	add_element(&array, &any);
	pbw_text(&array, 9, "unknown");
	/* of a oneof that is there twice, the last */
	pbw_text(&any, 1, "first");
	pbw_uint(&any, 3, 2);
	add_element(&array, &any);
	check(bytes_value(array.data, (uint32_t)array.len, VALUE_ARRAY),
	      "[\"q\\\" b\\\\ n\\n c\\u0001 é\",true,9223372036854775807,2.0,-0.0,1e300,"
	      "{\"$double\":\"NaN\"},null,{\"$bytes\":\"Zg==\"},2]");
	buf_release(&array);
	buf_release(&any);
}

static void maps_are_json(void **state)
{
	struct buf map = BUF_INIT;
	check(bytes_value("", 0, VALUE_MAP), "{}");
	pbw_attr(&map, 1, "b", "1");
	pbw_attr(&map, 1, "a", "2");
	pbw_attr(&map, 1, "b", "3");
	pbw_attr(&map, 1, "$bytes", "not bytes");
	pbw_attr_int(&map, 1, "$", 4);
	pbw_text(&map, 1, ""); /* neither key nor value */
	check(bytes_value(map.data, (uint32_t)map.len, VALUE_MAP),
	      "{\"b\":\"1\",\"a\":\"2\",\"b\":\"3\",\"$$bytes\":\"not bytes\",\"$$\":4,\"\":null}");
	buf_release(&map);
}

static void signatures(void **state)
{
	struct attr attrs[] = {
		{.value.type = VALUE_STRING}, {.value.type = VALUE_INT},
		{.value.type = VALUE_STRING}, {.value.type = VALUE_EMPTY},
		{.value.type = VALUE_BOOL},   {.value.type = VALUE_DOUBLE},
		{.value.type = VALUE_BYTES},  {.value.type = VALUE_ARRAY},
		{.value.type = VALUE_MAP},    {.value.type = VALUE_STRING},
	};
	static const struct {
		struct attr_run runs[3];
		const char *signature;
	} cases[] = {
		{{{0, 0}, {0, 0}, {0, 0}}, ""},
		{{{0, 1}, {2, 1}, {9, 1}}, ""},
		{{{0, 3}, {0, 0}, {2, 1}}, "si"},
		{{{0, 0}, {1, 2}, {0, 0}}, "/i"},
		{{{0, 0}, {0, 0}, {0, 10}}, "//sisebdxam"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf sections = BUF_INIT;
		for (int run = 0; run < 3; run++)
			attr_types_append(&sections, attrs, cases[i].runs[run]);
		assert_true(slice_eq_cstr(attr_types_finish(&sections), cases[i].signature));
		buf_release(&sections);
	}
	assert_true(attr_types_all_strings(attrs, (struct attr_run){0, 1}));
	assert_true(attr_types_all_strings(attrs, (struct attr_run){0, 0}));
	assert_false(attr_types_all_strings(attrs, (struct attr_run){0, 2}));
	assert_false(attr_types_all_strings(attrs, (struct attr_run){3, 1}));
}

/* The ids are stored for years: these must never change. */
static void stream_ids_are_for_ever(void **state)
{
	struct slice keys[] = {SLICE("service.namespace"), SLICE("host.name"),
			       SLICE("service.name"), SLICE("k8s.pod.name")};
	struct attr attrs[] = {{.value = text_value("shop"), .key = 0},
			       {.value = text_value("node-1"), .key = 1},
			       {.value = text_value("cart"), .key = 2},
			       {.value = {.i = 7, .type = VALUE_INT}, .key = 3}};
	struct batch_common batch = {.keys = keys, .attrs = attrs};
	struct resource resource = {.attrs = {0, 4}};
	struct log_stream_label labels[LOG_STREAM_LABELS];
	struct buf scratch = BUF_INIT;
	assert_int_equal(log_stream_labels(&batch, &resource, labels), 3);
	assert_true(slice_eq_cstr(labels[0].name, "k8s_pod_name"));
	assert_true(slice_eq_cstr(labels[1].name, "service_name"));
	assert_true(slice_eq_cstr(labels[2].name, "service_namespace"));
	assert_int_equal(log_stream_id(labels, 3, &scratch), UINT64_C(1273976404565268376));
	resource.attrs.count = 0;
	assert_int_equal(log_stream_labels(&batch, &resource, labels), 1);
	assert_true(slice_eq_cstr(value_bytes(labels[0].value), "unknown_service"));
	assert_int_equal(log_stream_id(labels, 1, &scratch), UINT64_C(8281029061556550468));
	buf_release(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars),         cmocka_unit_test(bytes_are_base64),
		cmocka_unit_test(arrays_are_json), cmocka_unit_test(maps_are_json),
		cmocka_unit_test(signatures),      cmocka_unit_test(stream_ids_are_for_ever),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
