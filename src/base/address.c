#include "base/address.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/slice.h"

/* "host:port" in its two parts; brackets of an IPv6 address removed. */
static bool split(const char *text, struct slice *host, unsigned *port)
{
	const char *colon = strrchr(text, ':');
	if (!colon || !colon[1])
		return false;
	*host = (struct slice){text, (size_t)(colon - text)};
	if (host->len && text[0] == '[') {
		if (host->len < 2 || colon[-1] != ']')
			return false;
		*host = (struct slice){text + 1, host->len - 2};
	} else if (memchr(host->ptr, ':', host->len)) {
		return false; /* IPv6 without brackets */
	}
	unsigned value = 0;
	for (const char *c = colon + 1; *c; c++) {
		if (*c < '0' || *c > '9')
			return false;
		value = value * 10 + (unsigned)(*c - '0');
		if (value > 65535)
			return false;
	}
	*port = value;
	return true;
}

static bool is_unix(const char *address)
{
	return address[0] == '/' || !strncmp(address, "unix:", 5);
}

static bool is_host(struct slice host)
{
	for (size_t i = 0; i < host.len; i++) {
		unsigned char c = (unsigned char)host.ptr[i];
		if (c <= ' ' || c == '/' || c == '@' || c == '?' || c == '#' || c == 0x7f)
			return false;
	}
	return true;
}

const char *address_expected(const char *text)
{
	struct slice host;
	unsigned port;
	if (is_unix(text) && strlen(text) > strlen("unix:"))
		return NULL;
	if (split(text, &host, &port) && is_host(host))
		return NULL;
	return "a host and a port such as 127.0.0.1:4317";
}

const char *url_expected(const char *text)
{
	static const char expected[] = "a URL such as https://collector.example.com:4318";
	const char *host = NULL;
	if (!strncmp(text, "http://", 7))
		host = text + 7;
	else if (!strncmp(text, "https://", 8))
		host = text + 8;
	if (!host)
		return expected;
	size_t len = strcspn(host, "/?#");
	if (!len || host[0] == ':' || strpbrk(text, " \t\r\n"))
		return expected;
	return NULL;
}

const char *network_expected(const char *text)
{
	static const char expected[] = "a network such as 10.0.0.0/8 or fd00::/8";
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	if (len >= sizeof(address))
		return expected;
	memcpy(address, text, len);
	address[len] = '\0';
	unsigned char bytes[16];
	unsigned widest = inet_pton(AF_INET, address, bytes) == 1    ? 32
			  : inet_pton(AF_INET6, address, bytes) == 1 ? 128
								     : 0;
	if (!widest)
		return expected;
	if (!slash)
		return NULL;
	char *end;
	unsigned long bits = strtoul(slash + 1, &end, 10);
	if (slash[1] < '0' || slash[1] > '9' || *end || bits > widest)
		return expected;
	return NULL;
}

bool address_is_loopback(const char *address)
{
	struct slice host;
	unsigned port;
	if (is_unix(address))
		return true;
	if (!split(address, &host, &port) || host.len >= INET6_ADDRSTRLEN)
		return false;
	if (slice_eq_cstr(host, "localhost"))
		return true;
	char text[INET6_ADDRSTRLEN];
	memcpy(text, host.ptr, host.len);
	text[host.len] = '\0';
	unsigned char v4[4], v6[16];
	static const unsigned char loopback6[16] = {[15] = 1};
	if (inet_pton(AF_INET, text, v4) == 1)
		return v4[0] == 127;
	return inet_pton(AF_INET6, text, v6) == 1 && !memcmp(v6, loopback6, sizeof(v6));
}

unsigned address_port(const char *address)
{
	struct slice host;
	unsigned port;
	return !is_unix(address) && split(address, &host, &port) ? port : 0;
}
