#include "../net/http_fixture.h"

#include "api/ui.h"
#include "api/ui_assets.h"

#define HEAD(path, headers)                                                                        \
	"GET " path " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" headers "\r\n"

static struct fixture fixture;

static int start(void **state)
{
	fixture_start(&fixture,
		      (struct http_server_options){
			      .name = "ui", .routes = ui_routes, .route_count = UI_ROUTE_COUNT},
		      1);
	return 0;
}

static int stop(void **state)
{
	fixture_stop(&fixture, 1000);
	return 0;
}

static const struct ui_asset *asset_with(const char *suffix)
{
	for (size_t i = 0; i < ui_asset_count; i++) {
		const char *at = strstr(ui_assets[i].path, suffix);
		if (at && !at[strlen(suffix)])
			return &ui_assets[i];
	}
	fail_msg("no %s among the files", suffix);
	return NULL;
}

/* Length and bytes of the answer's body are `want`. */
static char *get_body(const char *request, struct slice want)
{
	int fd = dial(fixture.address);
	send_text(fd, request);
	struct buf all = BUF_INIT;
	char piece[4096];
	for (ssize_t n; (n = recv(fd, piece, sizeof(piece), 0)) > 0;)
		buf_append(&all, piece, (size_t)n);
	close(fd);
	char *body = strstr(buf_cstr(&all), "\r\n\r\n");
	assert_non_null(body);
	size_t head = (size_t)(body - all.data) + 4;
	assert_int_equal(all.len - head, want.len);
	assert_memory_equal(all.data + head, want.ptr, want.len);
	all.data[head] = '\0';
	return all.data;
}

static void serves_the_page_at_each_of_its_paths(void **state)
{
	static const char *const requests[] = {
		HEAD("/", ""),
		HEAD("/logs?q=a", ""),
		HEAD("/traces", ""),
		HEAD("/trace/0123456789abcdef0123456789abcdef?span=1", ""),
	};
	struct slice page = asset_with("/index.html")->plain;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		char *head = get_body(requests[i], page);
		assert_contains(head, "HTTP/1.1 200 OK\r\n");
		assert_contains(head, "content-type: text/html; charset=utf-8\r\n");
		assert_contains(head, "cache-control: no-cache\r\n");
		free(head);
	}
}

/* What the page names exists, and nothing in it is inline: the policy would forbid it. */
static void the_page_is_whole(void **state)
{
	struct slice page = asset_with("/index.html")->plain;
	const struct ui_asset *script = asset_with(".js"), *style = asset_with(".css");
	assert_non_null(memmem(page.ptr, page.len, script->path, strlen(script->path)));
	assert_non_null(memmem(page.ptr, page.len, style->path, strlen(style->path)));
	assert_null(memmem(page.ptr, page.len, "<style", 6));
	assert_null(memmem(page.ptr, page.len, "style=", 6));
	const char *at = page.ptr, *end = page.ptr + page.len;
	while ((at = memmem(at, (size_t)(end - at), "<script", 7))) {
		const char *close = memchr(at, '>', (size_t)(end - at));
		assert_non_null(memmem(at, (size_t)(close - at), " src=\"/assets/", 14));
		at = close;
	}
}

static void forbids_what_did_not_come_with_it(void **state)
{
	char *head = get_body(HEAD("/", ""), asset_with("/index.html")->plain);
	assert_contains(head, "content-security-policy: default-src 'none'; script-src 'self'; ");
	assert_contains(head, "frame-ancestors 'none'");
	assert_null(strstr(head, "unsafe"));
	assert_contains(head, "x-content-type-options: nosniff\r\n");
	assert_contains(head, "referrer-policy: no-referrer\r\n");
	free(head);
}

static void keeps_hashed_files_for_ever(void **state)
{
	const struct ui_asset *script = asset_with(".js");
	char request[400];
	snprintf(request, sizeof(request),
		 "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", script->path);
	char *head = get_body(request, script->plain);
	assert_contains(head, "cache-control: public, max-age=31536000, immutable\r\n");
	assert_contains(head, "content-type: text/javascript; charset=utf-8\r\n");
	assert_contains(head, "vary: accept-encoding\r\n");
	free(head);
	assert_true(script->gzip.len < script->plain.len / 2);
	assert_true(script->brotli.len < script->gzip.len);
}

static void chooses_the_coding(void **state)
{
	const struct ui_asset *page = asset_with("/index.html");
	const struct {
		const char *request, *header;
		struct slice body;
	} cases[] = {
		{HEAD("/", "Accept-Encoding: gzip, deflate, br, zstd\r\n"),
		 "content-encoding: br\r\n", page->brotli},
		{HEAD("/", "Accept-Encoding: GZIP;q=0.5 ,deflate\r\n"),
		 "content-encoding: gzip\r\n", page->gzip},
		{HEAD("/", "Accept-Encoding: br;q=0, gzip\r\n"), "content-encoding: gzip\r\n",
		 page->gzip},
		{HEAD("/", "Accept-Encoding: br; x=1; Q=0.000,gzip;q=0\r\n"), NULL, page->plain},
		{HEAD("/", "Accept-Encoding: brotli, *, ,;\r\n"), NULL, page->plain},
		{HEAD("/", "Accept-Encoding: br;q=0.001\r\n"), "content-encoding: br\r\n",
		 page->brotli},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *head = get_body(cases[i].request, cases[i].body);
		if (cases[i].header)
			assert_contains(head, cases[i].header);
		else
			assert_null(strstr(head, "content-encoding"));
		free(head);
	}
}

static void answers_not_modified(void **state)
{
	const char *hash = asset_with("/index.html")->hash;
	static const struct {
		const char *format;
		bool same;
	} cases[] = {
		{"If-None-Match: \"%s\"\r\n", true},
		{"If-None-Match: \"x\", W/\"%s\" \r\n", true},
		{"If-None-Match: *\r\n", true},
		{"If-None-Match: \"%s-gzip\"\r\n", false},
		{"If-None-Match: \"%s-gzip\"\r\nAccept-Encoding: gzip\r\n", true},
		{"If-None-Match: %s\r\n", false},
		{"If-None-Match: \"\r\n", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf request = BUF_INIT;
		buf_appendf(&request, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
		const char *mark = strstr(cases[i].format, "%s");
		size_t before = mark ? (size_t)(mark - cases[i].format) : strlen(cases[i].format);
		buf_append(&request, cases[i].format, before);
		if (mark)
			buf_appendf(&request, "%s%s", hash, mark + 2);
		buf_append_cstr(&request, "\r\n");
		char *all = exchange(fixture.address, buf_cstr(&request));
		if (cases[i].same) {
			assert_contains(all, "HTTP/1.1 304 Not Modified\r\n");
			assert_contains(all, "etag: ");
			assert_string_equal(strstr(all, "\r\n\r\n"), "\r\n\r\n");
		} else {
			assert_contains(all, "HTTP/1.1 200 OK\r\n");
		}
		free(all);
		buf_release(&request);
	}
}

static void does_not_make_pages_of_other_paths(void **state)
{
	static const char *const requests[] = {HEAD("/api/v1/query", ""),
					       HEAD("/logs/x", ""),
					       HEAD("/assets/", ""),
					       HEAD("/assets/gone-12345678.js", ""),
					       HEAD("/index.html", ""),
					       HEAD("/assets/../index.html", ""),
					       HEAD("/assets/%2e%2e/index.html", "")};
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		char *all = exchange(fixture.address, requests[i]);
		assert_contains(all, "HTTP/1.1 404 Not Found\r\n");
		assert_null(strstr(all, "immutable"));
		free(all);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serves_the_page_at_each_of_its_paths),
		cmocka_unit_test(the_page_is_whole),
		cmocka_unit_test(forbids_what_did_not_come_with_it),
		cmocka_unit_test(keeps_hashed_files_for_ever),
		cmocka_unit_test(chooses_the_coding),
		cmocka_unit_test(answers_not_modified),
		cmocka_unit_test(does_not_make_pages_of_other_paths),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
