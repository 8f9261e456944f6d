/*
 * The web page: files that were built from web/ and are part of the program (api/ui_assets.h).
 *
 * Files with a hash of their content in their name are cached for ever, the page itself is
 * asked for again each time (and mostly answered with 304). Paths that the page knows how to show
 * (/logs, /traces, /trace/ID) give the page; any other unknown path stays a 404, so that a
 * mistyped API address does not look like a page.
 */
#ifndef TRIPOD_API_UI_H
#define TRIPOD_API_UI_H

#include "net/http.h"

#define UI_ROUTE_COUNT 6

/* For the UI's listener. They need no context. */
extern const struct http_route ui_routes[UI_ROUTE_COUNT];

#endif
