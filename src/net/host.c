#include <arpa/inet.h>
#include <string.h>

#include "net/http_int.h"

/*
 * A page on the web can make a browser send requests to a loopback port: across origins,
 * or under its own name by pointing that at 127.0.0.1 ("DNS rebinding"). Both show in the
 * Host and Origin headers, which a page cannot forge.
 */

static struct slice without_port(struct slice host)
{
	if (host.len && host.ptr[0] == '[') {
		const char *end = memchr(host.ptr, ']', host.len);
		if (end)
			return (struct slice){host.ptr, (size_t)(end - host.ptr) + 1};
		return host;
	}
	const char *colon = host.len ? memchr(host.ptr, ':', host.len) : NULL;
	return colon ? (struct slice){host.ptr, (size_t)(colon - host.ptr)} : host;
}

static bool same_name(struct slice a, struct slice b)
{
	return a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

static bool is_loopback(struct slice name)
{
	if (same_name(name, SLICE("localhost")) || same_name(name, SLICE("[::1]")))
		return true;
	char text[INET_ADDRSTRLEN];
	if (!name.len || name.len >= sizeof(text))
		return false;
	memcpy(text, name.ptr, name.len);
	text[name.len] = '\0';
	struct in_addr address;
	return inet_pton(AF_INET, text, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

bool host_is_allowed(const struct http_server_options *options, struct slice host)
{
	struct slice name = without_port(host);
	if (is_loopback(name))
		return true;
	for (size_t i = 0; i < options->allowed_host_count; i++) {
		struct slice allowed = slice_of(options->allowed_hosts[i]);
		if (same_name(name, without_port(allowed)))
			return true;
	}
	return false;
}

bool origin_is_allowed(const struct http_server_options *options, struct slice origin)
{
	static const struct slice schemes[] = {{"http://", 7}, {"https://", 8}};
	for (size_t i = 0; i < 2; i++) {
		if (slice_starts_with(origin, schemes[i])) {
			size_t skip = schemes[i].len;
			return host_is_allowed(
				options, (struct slice){origin.ptr + skip, origin.len - skip});
		}
	}
	return false;
}
