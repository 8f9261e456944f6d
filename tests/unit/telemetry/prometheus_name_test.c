#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "telemetry/prometheus_name.h"

static void expect_metric(const char *name, const char *unit, enum name_suffix suffix,
			  const char *want)
{
	struct buf out = BUF_INIT;
	buf_append_cstr(&out, ">"); /* what is there stays */
	bool ok = prometheus_metric_name(&out, slice_of(name), slice_of(unit), suffix);
	assert_int_equal(ok, want != NULL);
	assert_string_equal(buf_cstr(&out) + 1, want ? want : "");
	buf_release(&out);
}

static void metrics(void **state)
{
	expect_metric("http.server.duration", "s", NAME_PLAIN, "http_server_duration_seconds");
	expect_metric("http_server_duration_seconds", "s", NAME_PLAIN,
		      "http_server_duration_seconds");
	expect_metric("seconds.waited", "s", NAME_PLAIN, "seconds_waited");
	expect_metric("system.io", "By", NAME_COUNTER, "system_io_bytes_total");
	expect_metric("system.total.io", "By", NAME_COUNTER, "system_io_bytes_total");
	expect_metric("io_total", "", NAME_COUNTER, "io_total");
	expect_metric("cpu.utilization", "1", NAME_GAUGE, "cpu_utilization_ratio");
	expect_metric("hit.ratio", "1", NAME_GAUGE, "hit_ratio");
	expect_metric("hit.ratio", "1", NAME_PLAIN, "hit_ratio");
	expect_metric("requests", "1", NAME_COUNTER, "requests_total");
	expect_metric("net", "By/s", NAME_GAUGE, "net_bytes_per_second");
	expect_metric("speed", "m/s", NAME_GAUGE, "speed_meters_per_second");
	expect_metric("net", "{packet}/s", NAME_GAUGE, "net_per_second");
	expect_metric("net", "{packet}", NAME_GAUGE, "net");
	expect_metric("net", "packet/{thing}", NAME_GAUGE, "net_packet");
	expect_metric("rate", "1/s", NAME_GAUGE, "rate_per_second");
	expect_metric("a", " s ", NAME_PLAIN, "a_seconds");
	expect_metric("temp", "%", NAME_GAUGE, "temp_percent");
	expect_metric("a", "foo bar!", NAME_PLAIN, "a_foo_bar_");
	expect_metric("a", "foo!/s", NAME_PLAIN, "a_foo_per_second");
	expect_metric("a", "s/!", NAME_PLAIN, "a_seconds");
	expect_metric("a", "__x", NAME_PLAIN, "a_x");
	expect_metric("a", "!", NAME_COUNTER, "a_total");
	expect_metric("a.x", "_x", NAME_PLAIN, "a_x");
	expect_metric("a..b__c-\xc3\xa9-d:e", "", NAME_PLAIN, "a_b_c_d:e");
	expect_metric("_a_", "", NAME_PLAIN, "a");
	expect_metric("3com", "", NAME_PLAIN, "_3com");
	expect_metric("", "5x", NAME_PLAIN, "_5x");
	expect_metric("", "s", NAME_PLAIN, "seconds");
	expect_metric("total", "", NAME_COUNTER, "total");
	expect_metric("", "", NAME_PLAIN, NULL);
	expect_metric("...", "{x}", NAME_GAUGE, NULL);
	expect_metric("\xc3\xa9", "", NAME_PLAIN, NULL);
}

static void expect_unit(const char *unit, const char *want)
{
	struct buf out = BUF_INIT;
	prometheus_unit(&out, slice_of(unit));
	assert_string_equal(buf_cstr(&out), want);
	buf_release(&out);
}

static void units(void **state)
{
	expect_unit("s", "seconds");
	expect_unit("By/s", "bytes_per_second");
	expect_unit("1", "");
	expect_unit("{request}", "");
	expect_unit("{request}/min", "per_min");
	expect_unit("request/h", "request_per_hour");
	expect_unit("", "");
	expect_unit("a b", "a_b");
	expect_unit("?", "");
}

static void expect_label(const char *name, const char *want)
{
	struct buf out = BUF_INIT;
	bool ok = prometheus_label_name(&out, slice_of(name));
	assert_int_equal(ok, want != NULL);
	assert_string_equal(buf_cstr(&out), want ? want : "");
	assert_int_equal(prometheus_label_is_plain(slice_of(name)),
			 want && !strcmp(name, want) && strncmp(name, "__", 2));
	buf_release(&out);
}

static void labels(void **state)
{
	expect_label("http.method", "http_method");
	expect_label("plain_1", "plain_1");
	expect_label("a..b__c", "a_b_c");
	expect_label("1st", "key_1st");
	expect_label("_private", "_private");
	expect_label("x_", "x_");
	expect_label("a:b", "a_b");
	expect_label("caf\xc3\xa9", "caf_");
	expect_label("__address__", "__address__");
	expect_label("__a.b__", "__a_b__");
	expect_label("__x", "_x");
	expect_label("", NULL);
	expect_label("_", NULL);
	expect_label("____", NULL);
	expect_label("...", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics),
		cmocka_unit_test(units),
		cmocka_unit_test(labels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
