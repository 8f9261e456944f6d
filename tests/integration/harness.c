#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "base/log.h"
#include "store/chdb.h"

void harness_need_libchdb(void)
{
	char path[4096];
	struct error err;
	if (chdb_find(path, sizeof(path), NULL, &err) == 0)
		return;
	printf("SKIP: %s\n", err.message);
	exit(77);
}

void harness_begin(struct harness *h)
{
	struct error err = {0};
	log_configure(LOG_LEVEL_WARN, LOG_FORMAT_TEXT);
	snprintf(h->dir, sizeof(h->dir), "/tmp/tripod-engine-XXXXXX");
	assert_non_null(mkdtemp(h->dir));
	snprintf(h->data, sizeof(h->data), "%s/data", h->dir);
	snprintf(h->url, sizeof(h->url), "unix:%s/sock", h->dir);
	h->socket_path = h->url + 5;
	struct supervisor_options options = {
		.program = getenv("TRIPOD_TEST_ENGINE"),
		.data = h->data,
		.listen = h->url,
		.memory_limit = (uint64_t)3 << 30,
	};
	if (!options.program)
		fail_msg("TRIPOD_TEST_ENGINE names no engine");
	if (supervisor_start(&h->supervisor, &options, &err) ||
	    supervisor_wait_ready(h->supervisor, 60000, &err))
		fail_msg("%s", err.message);
	struct store_endpoint endpoint = {.url = h->url, .database = "default"};
	if (store_client_new(&h->client, &endpoint, &err))
		fail_msg("%s", err.message);
}

void harness_end(struct harness *h)
{
	store_client_free(h->client);
	supervisor_stop(h->supervisor);
	char command[160];
	snprintf(command, sizeof(command), "rm -rf '%s'", h->dir);
	int rc = system(command);
	(void)rc;
}

pid_t harness_pid(struct harness *h)
{
	struct supervisor_status status;
	supervisor_get_status(h->supervisor, &status);
	return status.pid;
}

const char *harness_scalar(struct harness *h, const char *sql)
{
	static struct buf out = BUF_INIT;
	struct error err;
	buf_clear(&out);
	if (store_query(h->client, sql, NULL, 0, 60000, &out, &err))
		fail_msg("%s: %s", sql, err.message);
	if (out.len && out.data[out.len - 1] == '\n')
		out.len--;
	return buf_cstr(&out);
}

void harness_run(struct harness *h, const char *sql)
{
	struct error err;
	if (store_query(h->client, sql, NULL, 0, 60000, NULL, &err))
		fail_msg("%s: %s", sql, err.message);
}

static size_t append(char *bytes, size_t size, size_t count, void *arg)
{
	buf_append(arg, bytes, size * count);
	return size * count;
}

void harness_http(struct harness *h, struct reply *reply, const char *path, const char *body,
		  size_t body_len, const char *header)
{
	char url[4096];
	snprintf(url, sizeof(url), "http://localhost%s", path);
	buf_init(&reply->headers);
	buf_init(&reply->body);
	CURL *curl = curl_easy_init();
	struct curl_slist *headers = header ? curl_slist_append(NULL, header) : NULL;
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, h->socket_path);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply->body);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, append);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, &reply->headers);
	if (body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_len);
	}
	reply->curl = (int)curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply->status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	buf_cstr(&reply->headers);
	buf_cstr(&reply->body);
}

void reply_release(struct reply *reply)
{
	buf_release(&reply->headers);
	buf_release(&reply->body);
}

bool reply_has(struct reply *reply, const char *part)
{
	return strcasestr(buf_cstr(&reply->headers), part) != NULL;
}
