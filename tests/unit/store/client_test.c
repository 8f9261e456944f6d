/* What an insert's end means, against a server that does as it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "store/client.h"

#define OK_EMPTY "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
#define EXCEPTION(code, status)                                                                    \
	"HTTP/1.1 " status " X\r\nX-ClickHouse-Exception-Code: " code "\r\n"                       \
	"content-length: 0\r\n\r\n"

struct script {
	const char *name;
	bool whole_body; /* read to the end of the chunked body, or the head only */
	const char *reply; /* NULL: none */
	bool silent; /* keep the connection open instead of closing it */
	enum store_outcome outcome;
};

static const struct script scripts[] = {
	{"stored", true, OK_EMPTY, false, STORE_STORED},
	{"memory", true, EXCEPTION("241", "500"), false, STORE_NOT_STORED},
	{"200 with an exception", true, EXCEPTION("241", "200"), false, STORE_NOT_STORED},
	{"bad data", true, EXCEPTION("33", "500"), false, STORE_REFUSED},
	{"code in the body only", true,
	 "HTTP/1.1 500 X\r\ncontent-length: 32\r\n\r\nCode: 252. DB::Exception: parts.\n", false,
	 STORE_NOT_STORED},
	{"unknown status of insert", true, EXCEPTION("319", "500"), false, STORE_UNKNOWN},
	{"a proxy's 502", true, "HTTP/1.1 502 X\r\ncontent-length: 0\r\n\r\n", false,
	 STORE_UNKNOWN},
	{"a proxy's 403", true, "HTTP/1.1 403 X\r\ncontent-length: 0\r\n\r\n", false,
	 STORE_NOT_STORED},
	{"half an answer", true, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", false,
	 STORE_UNKNOWN},
	{"half a head", true, "HTTP/1.1 200 OK\r\nconte", false, STORE_UNKNOWN},
	{"no answer", true, NULL, false, STORE_UNKNOWN},
	{"silence", true, NULL, true, STORE_UNKNOWN},
	{"broken amid the body", false, NULL, false, STORE_NOT_STORED},
	{"refused amid the body", false, EXCEPTION("241", "500"), false, STORE_NOT_STORED},
	{"bad data amid the body", false, EXCEPTION("117", "400"), false, STORE_REFUSED},
};

struct server {
	const struct script *script;
	int listening;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool finished;
};

/* Reads until `end` came, and what came with it. */
static void read_until(int fd, const char *end)
{
	static char window[1 << 16];
	size_t kept = 0, n = strlen(end);
	for (ssize_t got; (got = read(fd, window + kept, sizeof(window) - kept)) > 0;) {
		size_t len = kept + (size_t)got;
		if (memmem(window, len, end, n))
			return;
		kept = len < n ? len : n - 1;
		memmove(window, window + len - kept, kept);
	}
}

static void *serve(void *arg)
{
	struct server *s = arg;
	int fd = accept(s->listening, NULL, NULL);
	read_until(fd, s->script->whole_body ? "\r\n0\r\n\r\n" : "\r\n\r\n");
	if (s->script->reply) {
		size_t len = strlen(s->script->reply);
		ssize_t n = write(fd, s->script->reply, len);
		assert_int_equal(n, (ssize_t)len);
	}
	/* As servers do who refuse a body that is still coming: else the answer may be lost. */
	if (s->script->reply && !s->script->whole_body) {
		shutdown(fd, SHUT_WR);
		read_until(fd, "never");
	}
	pthread_mutex_lock(&s->lock);
	while (s->script->silent && !s->finished)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
	close(fd);
	return NULL;
}

static enum store_outcome insert_into(const char *url, struct error *err)
{
	static char bytes[1 << 18];
	struct store_endpoint endpoint = {.url = url};
	struct store_client *client;
	struct store_insert *insert;
	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(store_client_new(&client, &endpoint, err), 0);
	assert_int_equal(store_insert_begin(&insert, client, "INSERT INTO t FORMAT Native", "id",
					    NULL, 0, err),
			 0);
	for (int i = 0; i < 8; i++) {
		if (store_insert_write(insert, (struct slice){bytes, sizeof(bytes)}, err))
			break;
	}
	enum store_outcome outcome = store_insert_finish(insert, 500, err);
	store_client_free(client);
	return outcome;
}

static void tells_what_became_of_the_rows(void **state)
{
	char dir[] = "/tmp/tripod-client-XXXXXX";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char url[128];
	assert_non_null(mkdtemp(dir));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/sock", dir);
	snprintf(url, sizeof(url), "unix:%s", address.sun_path);
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		struct server s = {.script = &scripts[i],
				   .listening = socket(AF_UNIX, SOCK_STREAM, 0),
				   .lock = PTHREAD_MUTEX_INITIALIZER,
				   .changed = PTHREAD_COND_INITIALIZER};
		pthread_t thread;
		struct error err = {0};
		assert_int_equal(bind(s.listening, (struct sockaddr *)&address, sizeof(address)),
				 0);
		assert_int_equal(listen(s.listening, 4), 0);
		assert_int_equal(pthread_create(&thread, NULL, serve, &s), 0);
		enum store_outcome outcome = insert_into(url, &err);
		pthread_mutex_lock(&s.lock);
		s.finished = true;
		pthread_cond_signal(&s.changed);
		pthread_mutex_unlock(&s.lock);
		pthread_join(thread, NULL);
		close(s.listening);
		unlink(address.sun_path);
		if (outcome != scripts[i].outcome)
			fail_msg("%s: outcome %d instead of %d (%s)", scripts[i].name, outcome,
				 scripts[i].outcome, err.message);
		if (outcome != STORE_STORED && !err.message[0])
			fail_msg("%s: no message", scripts[i].name);
	}
	rmdir(dir);
}

static void refuses_endpoints(void **state)
{
	struct store_client *client;
	struct error err;
	struct store_endpoint ftp = {.url = "ftp://x"};
	struct store_endpoint split = {.url = "http://x", .user = "a\r\nb: c"};
	assert_int_equal(store_client_new(&client, &ftp, &err), STATUS_INVALID);
	assert_int_equal(store_client_new(&client, &split, &err), STATUS_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_what_became_of_the_rows),
		cmocka_unit_test(refuses_endpoints),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
