#include "app/remote.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <strings.h>

struct call {
	const struct remote_request *request;
	CURL *curl;
	bool head_done;
	char format[100];
	int rc;
};

struct remote remote_of(const struct command_line *line)
{
	struct remote remote = {command_value(line, "server"), command_value(line, "token"),
				command_value(line, "ca-file")};
	if (!remote.url)
		remote.url = getenv("TRIPOD_SERVER");
	if (!remote.token)
		remote.token = getenv("TRIPOD_TOKEN");
	if (!remote.url || !*remote.url)
		remote.url = REMOTE_DEFAULT;
	return remote;
}

static void take_format(struct call *call, struct slice line)
{
	static const char name[] = "X-ClickHouse-Format:";
	size_t len = sizeof(name) - 1;
	if (line.len < len || strncasecmp(line.ptr, name, len) != 0)
		return;
	while (len < line.len && line.ptr[len] == ' ')
		len++;
	size_t n = strcspn(line.ptr + len, "\r\n");
	snprintf(call->format, sizeof(call->format), "%.*s", (int)n, line.ptr + len);
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
	struct call *call = arg;
	struct slice line = {bytes, size * count};
	take_format(call, line);
	if (line.len > 2 || call->head_done)
		return line.len;
	long code = 0;
	curl_easy_getinfo(call->curl, CURLINFO_RESPONSE_CODE, &code);
	if (code < 200)
		return line.len;
	call->head_done = true;
	call->rc = call->request->on_head(call->request->ctx, (int)code, call->format);
	return call->rc < 0 ? 0 : line.len;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct call *call = arg;
	call->rc = call->request->on_data(call->request->ctx, (struct slice){bytes, size * count});
	return call->rc < 0 ? 0 : size * count;
}

static struct curl_slist *make_headers(const struct remote *remote)
{
	struct buf line = BUF_INIT;
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	if (remote->token && *remote->token) {
		buf_appendf(&line, "Authorization: Bearer %s", remote->token);
		headers = curl_slist_append(headers, buf_cstr(&line));
	}
	buf_release(&line);
	return headers;
}

static int outcome(const struct call *call, const struct remote *remote, CURLcode code,
		   const char *why, struct error *err)
{
	if (call->rc < 0)
		return call->rc;
	if (code == CURLE_OK)
		return 0;
	if (!*why)
		why = curl_easy_strerror(code);
	if (call->head_done)
		return error_set(err, STATUS_IO, "the answer broke off: %s", why);
	return error_set(err, STATUS_AGAIN, "%s cannot be reached: %s", remote->url, why);
}

int remote_call(const struct remote *remote, const struct remote_request *request,
		struct error *err)
{
	struct call call = {.request = request, .curl = curl_easy_init()};
	struct curl_slist *headers = make_headers(remote);
	struct buf url = BUF_INIT;
	char why[CURL_ERROR_SIZE] = "";
	size_t len = strlen(remote->url);
	if (!call.curl)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	while (len && remote->url[len - 1] == '/')
		len--;
	buf_append(&url, remote->url, len);
	buf_append_cstr(&url, request->path);
	curl_easy_setopt(call.curl, CURLOPT_URL, buf_cstr(&url));
	curl_easy_setopt(call.curl, CURLOPT_PROTOCOLS_STR, "http,https");
	if (remote->ca_file)
		curl_easy_setopt(call.curl, CURLOPT_CAINFO, remote->ca_file);
	curl_easy_setopt(call.curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(call.curl, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(call.curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	curl_easy_setopt(call.curl, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
	curl_easy_setopt(call.curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(call.curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(call.curl, CURLOPT_HEADERDATA, &call);
	curl_easy_setopt(call.curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(call.curl, CURLOPT_WRITEDATA, &call);
	if (request->body.ptr) {
		curl_easy_setopt(call.curl, CURLOPT_POST, 1L);
		curl_easy_setopt(call.curl, CURLOPT_POSTFIELDS, request->body.ptr);
		curl_easy_setopt(call.curl, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)request->body.len);
	}
	CURLcode code = curl_easy_perform(call.curl);
	int rc = outcome(&call, remote, code, why, err);
	curl_easy_cleanup(call.curl);
	curl_slist_free_all(headers);
	buf_release(&url);
	return rc;
}
