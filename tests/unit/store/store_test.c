/* A store that comes up late is set up as was said at the start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "store/store.h"

/* The first request, until `wanted` is in it or it ends. */
static bool is_asked_for(int listening, const char *wanted)
{
	static char request[1 << 16];
	size_t len = 0;
	bool found = false;
	int fd = accept(listening, NULL, NULL);
	struct timeval patience = {.tv_sec = 2};
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	for (ssize_t n; !found && (n = read(fd, request + len, sizeof(request) - len)) > 0;) {
		len += (size_t)n;
		found = memmem(request, len, wanted, strlen(wanted)) != NULL;
	}
	close(fd);
	return found;
}

static void needs_nothing_of_what_it_was_opened_with(void **state)
{
	char dir[] = "/tmp/tripod-store-XXXXXX", url[100], database[] = "telemetry";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct store *store;
	struct error err;
	assert_non_null(mkdtemp(dir));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/sock", dir);
	snprintf(url, sizeof(url), "unix:%s", address.sun_path);
	struct store_settings settings = {.endpoint = {.url = url, .database = database},
					  .schema = {.database = database}};
	assert_int_equal(store_open(&store, &settings, &err), 0);
	memset(url, 'x', sizeof(url) - 1);
	memset(database, 'x', sizeof(database) - 1);

	int listening = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(listening, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listening, 4), 0);
	assert_true(is_asked_for(listening, "DATABASE IF NOT EXISTS `telemetry`"));
	close(listening);
	store_close(store);
	unlink(address.sun_path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(needs_nothing_of_what_it_was_opened_with),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
