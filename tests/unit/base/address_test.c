#include "base/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void check_all(const char *(*expected)(const char *text), const char *const *texts,
		      bool fine)
{
	for (size_t i = 0; texts[i]; i++) {
		if ((expected(texts[i]) == NULL) != fine)
			fail_msg("\"%s\" was %s", texts[i], fine ? "refused" : "accepted");
	}
}

static void test_addresses(void **state)
{
	static const char *const right[] = {"127.0.0.1:4317", "[::1]:0",          "localhost:4317",
					    ":4317",          "unix:/run/a.sock", "/run/a.sock",
					    "a.example:1",    "0.0.0.0:65535",    NULL};
	static const char *const wrong[] = {
		"",        "127.0.0.1", "::1:4317",   "host:", "host:99999", "host:80x",
		"[::1:80", "a b:80",    "http://a:1", "unix:", "host:-1",    NULL};
	check_all(address_expected, right, true);
	check_all(address_expected, wrong, false);
	assert_int_equal(address_port("[::1]:4317"), 4317);
	assert_int_equal(address_port("/run/a:80"), 0);
}

static void test_urls(void **state)
{
	static const char *const right[] = {"http://a", "https://a.example:8443/x?y", NULL};
	static const char *const wrong[] = {"",          "a:80",       "ftp://a",    "http://",
					    "http:///x", "http://:80", "http://a b", NULL};
	check_all(url_expected, right, true);
	check_all(url_expected, wrong, false);
}

static void test_networks(void **state)
{
	static const char *const right[] = {"10.0.0.0/8", "0.0.0.0/0", "fd00::/8", "::1",
					    "192.0.2.1",  "::/128",    NULL};
	static const char *const wrong[] = {"",           "office", "10.0.0.0/33", "10.0.0/8",
					    "10.0.0.0/",  "::/129", "1.2.3.4/x",   "1.2.3.4/-1",
					    "1.2.3.4/ 1", NULL};
	check_all(network_expected, right, true);
	check_all(network_expected, wrong, false);
}

static void test_loopback(void **state)
{
	static const char *const inside[] = {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1",
					     "localhost:1", "unix:/a",     "/a"};
	static const char *const outside[] = {"0.0.0.0:1",
					      ":1",
					      "[::]:1",
					      "10.0.0.1:1",
					      "example.com:1",
					      "localhost.example.com:1",
					      "127.0.0.1.example.com:1"};
	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
		assert_true(address_is_loopback(inside[i]));
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
		assert_false(address_is_loopback(outside[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_loopback),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
