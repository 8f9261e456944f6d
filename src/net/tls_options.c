#include "net/tls_options.h"

static const char *const versions[] = {"1.2", "1.3", NULL};

#define CIPHERS_WHY "OpenSSL's own choice of ciphers and curves is used"
#define FILE_INSTEAD "put it into a file and name that"

static const struct option listen_options[] = {
	{OPTION(STRING, struct tls_listen_options, cert_file), .flags = OPTION_REQUIRED,
	 .example = "/etc/tripod/server.crt",
	 .doc = "Certificate chain that is shown to clients, PEM."},
	{OPTION(STRING, struct tls_listen_options, key_file), .flags = OPTION_REQUIRED,
	 .example = "/etc/tripod/server.key", .doc = "Private key of the certificate, PEM."},
	{OPTION(STRING, struct tls_listen_options, client_ca_file),
	 .doc = "Clients must show a certificate that one of these authorities signed, PEM."},
	{OPTION_CHOICE(struct tls_listen_options, min_version, versions), .initial = "1.2",
	 .doc = "Oldest version that is accepted."},
	{OPTION_CHOICE(struct tls_listen_options, max_version, versions), .initial = "1.3",
	 .doc = "Newest version that is accepted."},
	{OPTION(DURATION, struct tls_listen_options, reload_interval),
	 .doc = "How often the files are looked at for a new certificate; 0: when the "
		"configuration "
		"is reloaded."},
	OPTION_IGNORED("cipher_suites", CIPHERS_WHY),
	OPTION_IGNORED("curve_preferences", CIPHERS_WHY),
	OPTION_IGNORED("include_insecure_cipher_suites", CIPHERS_WHY),
	OPTION_IGNORED("ca_file", "for clients' certificates, use client_ca_file"),
	OPTION_IGNORED("client_ca_file_reload", "the file is read again on every reload"),
	OPTION_MISSING("cert_pem", FILE_INSTEAD),
	OPTION_MISSING("key_pem", FILE_INSTEAD),
	OPTION_MISSING("ca_pem", FILE_INSTEAD),
	OPTION_MISSING("tpm", "use key_file"),
};

static const struct option connect_options[] = {
	{OPTION(BOOL, struct tls_connect_options, insecure), .doc = "Connect without TLS."},
	{OPTION(BOOL, struct tls_connect_options, insecure_skip_verify),
	 .doc = "Use TLS, but trust any certificate."},
	{OPTION(STRING, struct tls_connect_options, ca_file),
	 .doc = "Authorities that are trusted, PEM. Default: the system's."},
	{OPTION(BOOL, struct tls_connect_options, include_system_ca_certs_pool),
	 .doc = "Trust the system's authorities beside those of ca_file."},
	{OPTION(STRING, struct tls_connect_options, cert_file),
	 .doc = "Certificate that is shown to the server, PEM."},
	{OPTION(STRING, struct tls_connect_options, key_file),
	 .doc = "Private key of that certificate, PEM."},
	{OPTION(STRING, struct tls_connect_options, server_name_override),
	 .doc = "Name the server's certificate must be for, if it is not the endpoint's host."},
	{OPTION_CHOICE(struct tls_connect_options, min_version, versions), .initial = "1.2",
	 .doc = "Oldest version that is used."},
	{OPTION_CHOICE(struct tls_connect_options, max_version, versions), .initial = "1.3",
	 .doc = "Newest version that is used."},
	OPTION_IGNORED("cipher_suites", CIPHERS_WHY),
	OPTION_IGNORED("curve_preferences", CIPHERS_WHY),
	OPTION_IGNORED("include_insecure_cipher_suites", CIPHERS_WHY),
	OPTION_IGNORED("reload_interval", "the files are read for each new connection"),
	OPTION_MISSING("cert_pem", FILE_INSTEAD),
	OPTION_MISSING("key_pem", FILE_INSTEAD),
	OPTION_MISSING("ca_pem", FILE_INSTEAD),
	OPTION_MISSING("tpm", "use key_file"),
};

static void check_listen(const void *value, struct option_check *check)
{
	const struct tls_listen_options *tls = value;
	if (tls->max_version < tls->min_version)
		option_wrong(check, "max_version", "found %s, expected at least min_version (%s)",
			     versions[tls->max_version], versions[tls->min_version]);
}

static void check_connect(const void *value, struct option_check *check)
{
	const struct tls_connect_options *tls = value;
	if (tls->max_version < tls->min_version)
		option_wrong(check, "max_version", "found %s, expected at least min_version (%s)",
			     versions[tls->max_version], versions[tls->min_version]);
	if (tls->cert_file && !tls->key_file)
		option_wrong(check, "cert_file", "needs key_file, its private key, beside it");
	if (tls->key_file && !tls->cert_file)
		option_wrong(check, "key_file", "needs cert_file, its certificate, beside it");
	if (tls->insecure && tls->insecure_skip_verify)
		option_wrong(check, "insecure_skip_verify",
			     "means nothing with insecure: true, which uses no TLS at all");
}

const struct option_table tls_listen_option_table = {
	OPTION_TABLE_OF(struct tls_listen_options, listen_options), .check = check_listen};
const struct option_table tls_connect_option_table = {
	OPTION_TABLE_OF(struct tls_connect_options, connect_options), .check = check_connect};
