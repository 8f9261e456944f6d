/* Network addresses as configuration writes them. Nothing is resolved here. */
#ifndef TRIPOD_BASE_ADDRESS_H
#define TRIPOD_BASE_ADDRESS_H

#include <stdbool.h>

/*
 * The next three say what would be right ("an address such as …"), or NULL when `text` is:
 *  - an address to listen on: "127.0.0.1:4317", "[::1]:0", "localhost:4317", ":4317" (all
 *    interfaces), "unix:/path" or "/path";
 *  - a URL with http or https and a host;
 *  - a network: "10.0.0.0/8", "fd00::/8", or a single address.
 */
const char *address_expected(const char *text);
const char *url_expected(const char *text);
const char *network_expected(const char *text);

/* True when only this machine can reach it: 127.0.0.0/8, [::1], localhost, a Unix socket. */
bool address_is_loopback(const char *address);
/* The port of an address, 0 for a Unix socket or one that is malformed. */
unsigned address_port(const char *address);

#endif
