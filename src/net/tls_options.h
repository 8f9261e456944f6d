/* Options of TLS, with the names of the OpenTelemetry Collector's config/configtls. */
#ifndef TRIPOD_NET_TLS_OPTIONS_H
#define TRIPOD_NET_TLS_OPTIONS_H

#include "base/options.h"

enum tls_version { TLS_VERSION_1_2, TLS_VERSION_1_3 };

/* Of a listener; both files are given. */
struct tls_listen_options {
	const char *cert_file, *key_file; /* PEM */
	const char *client_ca_file; /* clients must show a certificate signed by it; or NULL */
	enum tls_version min_version, max_version;
	int64_t reload_interval; /* ns; 0: only on reload of the configuration */
};

/* Of a connection to somebody else. */
struct tls_connect_options {
	bool insecure; /* no TLS at all */
	bool insecure_skip_verify; /* TLS with whoever answers */
	const char *ca_file; /* PEM; NULL: the system's */
	bool include_system_ca_certs_pool; /* ca_file and the system's */
	const char *cert_file, *key_file; /* shown to the server; both or neither */
	const char *server_name_override; /* for SNI and verification; or NULL */
	enum tls_version min_version, max_version;
};

extern const struct option_table tls_listen_option_table;
extern const struct option_table tls_connect_option_table;

#endif
