#include "api/ui.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/ui_assets.h"

/*
 * Everything from this origin, nothing inline, in no one's frame: markup that got into a log
 * line could neither run nor send anything, even if the page failed to escape it.
 */
static const char policy[] =
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const struct ui_asset *find(struct slice path)
{
	for (size_t i = 0; i < ui_asset_count; i++) {
		if (slice_eq_cstr(path, ui_assets[i].path))
			return &ui_assets[i];
	}
	return NULL;
}

static struct slice trim(struct slice s)
{
	while (s.len && (*s.ptr == ' ' || *s.ptr == '\t'))
		s.ptr++, s.len--;
	while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* The next of `list`'s elements, which `separator` parts; false at its end. */
static bool next_element(struct slice *list, char separator, struct slice *out)
{
	if (!list->len)
		return false;
	const char *at = memchr(list->ptr, separator, list->len);
	size_t len = at ? (size_t)(at - list->ptr) : list->len;
	*out = trim((struct slice){list->ptr, len});
	list->ptr += at ? len + 1 : len;
	list->len -= at ? len + 1 : len;
	return true;
}

/* "q=0", "q=0.00": not acceptable (RFC 9110, section 12.4.2). */
static bool is_refused(struct slice parameters)
{
	struct slice one;
	while (next_element(&parameters, ';', &one)) {
		if (one.len < 3 || strncasecmp(one.ptr, "q=", 2) != 0)
			continue;
		for (size_t i = 2; i < one.len; i++) {
			if (one.ptr[i] != '0' && one.ptr[i] != '.')
				return false;
		}
		return true;
	}
	return false;
}

/* Whether an Accept-Encoding names `coding`. "*" is not taken for it: nobody sends that alone. */
static bool accepts(struct slice header, const char *coding)
{
	struct slice element;
	while (next_element(&header, ',', &element)) {
		struct slice name;
		if (!next_element(&element, ';', &name))
			continue;
		if (name.len == strlen(coding) && strncasecmp(name.ptr, coding, name.len) == 0)
			return !is_refused(element);
	}
	return false;
}

/* Whether an If-None-Match names `tag`; weak comparison (RFC 9110, section 13.1.2). */
static bool names_tag(struct slice header, const char *tag)
{
	struct slice element;
	while (next_element(&header, ',', &element)) {
		if (slice_starts_with(element, SLICE("W/")))
			element.ptr += 2, element.len -= 2;
		if (slice_eq_cstr(element, "*") || slice_eq_cstr(element, tag))
			return true;
	}
	return false;
}

static void answer(struct http_request *req, const struct ui_asset *asset)
{
	struct slice accepted = http_request_header(req, "accept-encoding");
	struct slice body = asset->plain;
	const char *coding = NULL;
	if (accepts(accepted, "br"))
		body = asset->brotli, coding = "br";
	else if (accepts(accepted, "gzip"))
		body = asset->gzip, coding = "gzip";
	char tag[80];
	snprintf(tag, sizeof(tag), "\"%s%s%s\"", asset->hash, coding ? "-" : "",
		 coding ? coding : "");
	http_respond_header(req, "etag", tag);
	http_respond_header(req, "vary", "accept-encoding");
	http_respond_header(req, "cache-control",
			    asset->immutable ? "public, max-age=31536000, immutable" : "no-cache");
	http_respond_header(req, "content-security-policy", policy);
	http_respond_header(req, "x-content-type-options", "nosniff");
	http_respond_header(req, "referrer-policy", "no-referrer");
	if (names_tag(http_request_header(req, "if-none-match"), tag)) {
		http_respond(req, 304, NULL, (struct slice){0});
		return;
	}
	if (coding)
		http_respond_header(req, "content-encoding", coding);
	http_respond(req, 200, asset->content_type, body);
}

static void serve_page(struct http_request *req, void *ctx)
{
	answer(req, find(SLICE("/index.html")));
}

static void serve_file(struct http_request *req, void *ctx)
{
	const struct ui_asset *asset = find(http_request_path(req));
	if (asset) {
		answer(req, asset);
		return;
	}
	/* A page that was open while the program was replaced asks for files of the old one. */
	http_respond_header(req, "cache-control", "no-store");
	http_respond(req, 404, "text/plain; charset=utf-8",
		     SLICE("no such file; load the page again\n"));
}

const struct http_route ui_routes[UI_ROUTE_COUNT] = {
	{"GET", "/", HTTP_BODY_WHOLE, ACCESS_READ, serve_page, NULL},
	{"GET", "/logs", HTTP_BODY_WHOLE, ACCESS_READ, serve_page, NULL},
	{"GET", "/traces", HTTP_BODY_WHOLE, ACCESS_READ, serve_page, NULL},
	{"GET", "/trace/*", HTTP_BODY_WHOLE, ACCESS_READ, serve_page, NULL},
	{"GET", "/assets/*", HTTP_BODY_WHOLE, ACCESS_READ, serve_file, NULL},
	{"GET", "/favicon.svg", HTTP_BODY_WHOLE, ACCESS_READ, serve_file, NULL},
};
