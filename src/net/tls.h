/*
 * TLS 1.2 and 1.3 by OpenSSL: what a listener or a client presents and trusts. Both are
 * immutable once made, and may be used from several loops.
 */
#ifndef TRIPOD_NET_TLS_H
#define TRIPOD_NET_TLS_H

#include <stdbool.h>

#include "base/status.h"

struct tls_server;
struct tls_client;

/* Files are in PEM. Errors name the file. */
struct tls_server_options {
	const char *cert_file; /* the certificate, with its chain behind it */
	const char *key_file;
	const char *client_ca_file; /* NULL: clients need no certificate */
};

/* Offers h2 and http/1.1 by ALPN. Must outlive the servers that use it. */
int tls_server_new(struct tls_server **out, const struct tls_server_options *options,
		   struct error *err);
void tls_server_free(struct tls_server *tls);

struct tls_client_options {
	const char *ca_file; /* NULL: the system's */
	bool system_ca_too; /* beside ca_file */
	int min_version, max_version; /* TLS1_2_VERSION, TLS1_3_VERSION (OpenSSL); 0: any */
	const char *cert_file, *key_file; /* our own; NULL: none */
	const char *server_name; /* NULL: the host that is connected to */
	bool skip_verify; /* takes any certificate */
};

/* Offers h2 alone. */
int tls_client_new(struct tls_client **out, const struct tls_client_options *options,
		   struct error *err);
void tls_client_free(struct tls_client *tls);

#endif
