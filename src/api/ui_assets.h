/*
 * The files of the web page, as scripts/web/embed.ts writes them into ui_assets.c when the
 * program is built.
 */
#ifndef TRIPOD_API_UI_ASSETS_H
#define TRIPOD_API_UI_ASSETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct ui_asset {
	const char *path; /* "/index.html" */
	const char *content_type;
	const char *hash; /* of the content */
	bool immutable; /* another content would have another path */
	/* The same content in each coding. */
	struct slice plain, gzip, brotli;
};

extern const struct ui_asset ui_assets[];
extern const size_t ui_asset_count;

#endif
