#include "net/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tls_int.h"

/* One record. Small pieces are gathered, as each record costs a header, a tag and a system call. */
#define RECORD 16384
/* OpenSSL reads this much at once: several records to a system call. */
#define READ_AHEAD (64 << 10)

struct tls_server {
	SSL_CTX *ctx;
};

struct tls_client {
	SSL_CTX *ctx;
	char *server_name;
	bool skip_verify;
};

/* --- certificates and keys --------------------------------------------------------------- */

static const char *openssl_reason(void)
{
	unsigned long code = ERR_peek_error();
	const char *reason = ERR_reason_error_string(code);
	return reason ? reason : "it holds nothing in PEM format";
}

static int file_error(struct error *err, const char *what, const char *file)
{
	if (access(file, R_OK) != 0)
		return error_set_errno(err, STATUS_INVALID, errno, "cannot read the %s %s", what,
				       file);
	return error_set(err, STATUS_INVALID, "cannot use the %s %s: %s", what, file,
			 openssl_reason());
}

static int load_identity(SSL_CTX *ctx, const char *cert, const char *key, struct error *err)
{
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		return file_error(err, "certificate", cert);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1) {
		unsigned long code = ERR_peek_last_error();
		if (ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH)
			return error_set(err, STATUS_INVALID,
					 "the key %s does not belong to the certificate %s", key,
					 cert);
		return file_error(err, "key", key);
	}
	if (SSL_CTX_check_private_key(ctx) != 1)
		return error_set(err, STATUS_INVALID,
				 "the key %s does not belong to the certificate %s", key, cert);
	return 0;
}

static SSL_CTX *new_ctx(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);
	if (!ctx)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, READ_AHEAD);
	return ctx;
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		       const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char ours[] = "\x02h2\x08http/1.1";
	unsigned char *chosen;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

int tls_server_new(struct tls_server **out, const struct tls_server_options *options,
		   struct error *err)
{
	struct tls_server *tls = calloc(1, sizeof(*tls));
	int rc = STATUS_NO_MEMORY;
	if (!tls || !(tls->ctx = new_ctx(TLS_server_method()))) {
		error_set(err, rc, "out of memory");
		goto fail;
	}
	rc = load_identity(tls->ctx, options->cert_file, options->key_file, err);
	if (rc < 0)
		goto fail;
	if (options->client_ca_file) {
		if (SSL_CTX_load_verify_file(tls->ctx, options->client_ca_file) != 1) {
			rc = file_error(err, "client CA", options->client_ca_file);
			goto fail;
		}
		SSL_CTX_set_client_CA_list(tls->ctx,
					   SSL_load_client_CA_file(options->client_ca_file));
		SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
				   NULL);
	}
	/* Sessions are resumed by tickets; they need an id context where clients are verified. */
	SSL_CTX_set_session_id_context(tls->ctx, (const unsigned char *)"tripod", 6);
	SSL_CTX_set_session_cache_mode(tls->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_alpn_select_cb(tls->ctx, choose_alpn, NULL);
	*out = tls;
	return 0;
fail:
	tls_server_free(tls);
	return rc;
}

void tls_server_free(struct tls_server *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->ctx);
	free(tls);
}

int tls_client_new(struct tls_client **out, const struct tls_client_options *options,
		   struct error *err)
{
	struct tls_client *tls = calloc(1, sizeof(*tls));
	int rc = STATUS_NO_MEMORY;
	if (!tls || !(tls->ctx = new_ctx(TLS_client_method()))) {
		error_set(err, rc, "out of memory");
		goto fail;
	}
	if (options->server_name && !(tls->server_name = strdup(options->server_name))) {
		error_set(err, rc, "out of memory");
		goto fail;
	}
	tls->skip_verify = options->skip_verify;
	if (options->cert_file) {
		rc = load_identity(tls->ctx, options->cert_file, options->key_file, err);
		if (rc < 0)
			goto fail;
	}
	if (options->ca_file && SSL_CTX_load_verify_file(tls->ctx, options->ca_file) != 1) {
		rc = file_error(err, "CA", options->ca_file);
		goto fail;
	}
	if (!options->ca_file || options->system_ca_too)
		SSL_CTX_set_default_verify_paths(tls->ctx);
	if (options->min_version)
		SSL_CTX_set_min_proto_version(tls->ctx, options->min_version);
	if (options->max_version)
		SSL_CTX_set_max_proto_version(tls->ctx, options->max_version);
	SSL_CTX_set_verify(tls->ctx, tls->skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_alpn_protos(tls->ctx, (const unsigned char *)"\x02h2", 3);
	*out = tls;
	return 0;
fail:
	tls_client_free(tls);
	return rc;
}

void tls_client_free(struct tls_client *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->ctx);
	free(tls->server_name);
	free(tls);
}

/* --- the socket, as OpenSSL sees it (its own BIO would raise SIGPIPE) --------------------- */

static int bio_read(BIO *bio, char *to, int len)
{
	struct transport *t = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	ssize_t n = recv(t->fd, to, (size_t)len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOTCONN))
		BIO_set_retry_read(bio);
	return (int)n;
}

static int bio_write(BIO *bio, const char *from, int len)
{
	struct transport *t = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	ssize_t n = send(t->fd, from, (size_t)len, MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOTCONN))
		BIO_set_retry_write(bio);
	return (int)n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void free_method(void)
{
	BIO_meth_free(method);
}

/* A constant table but for the way OpenSSL makes one. */
static void make_method(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tripod transport");
	if (!method)
		return;
	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_ctrl(method, bio_ctrl);
	atexit(free_method);
}

/* --- the transport ------------------------------------------------------------------------ */

static ssize_t tls_read(struct transport *t, char *to, size_t len)
{
	size_t n;
	t->read_needs_write = false;
	ERR_clear_error();
	if (SSL_read_ex(t->ssl, to, len, &n) == 1)
		return (ssize_t)n;
	switch (SSL_get_error(t->ssl, 0)) {
	case SSL_ERROR_WANT_READ:
		return TRANSPORT_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		t->read_needs_write = true;
		return TRANSPORT_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	}
	t->tls_error = ERR_peek_error();
	t->tls_broken = true;
	return TRANSPORT_BROKEN;
}

static ssize_t write_record(struct transport *t, const void *from, size_t len)
{
	size_t n;
	t->write_needs_read = false;
	ERR_clear_error();
	if (SSL_write_ex(t->ssl, from, len, &n) == 1)
		return (ssize_t)n;
	switch (SSL_get_error(t->ssl, 0)) {
	case SSL_ERROR_WANT_READ:
		t->write_needs_read = true;
		return TRANSPORT_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		return TRANSPORT_AGAIN;
	}
	t->tls_error = ERR_peek_error();
	t->tls_broken = true;
	return TRANSPORT_BROKEN;
}

/* Writes one record. The caller comes back for more. */
static ssize_t tls_write(struct transport *t, const struct iovec *iov, int count)
{
	if (count == 1 || iov[0].iov_len >= RECORD)
		return write_record(t, iov[0].iov_base,
				    iov[0].iov_len < RECORD ? iov[0].iov_len : RECORD);
	char record[RECORD];
	size_t len = 0;
	for (int i = 0; i < count && len < RECORD; i++) {
		size_t n = RECORD - len < iov[i].iov_len ? RECORD - len : iov[i].iov_len;
		memcpy(record + len, iov[i].iov_base, n);
		len += n;
	}
	return write_record(t, record, len);
}

static void tls_shutdown(struct transport *t)
{
	if (t->tls_broken || SSL_in_init(t->ssl))
		return;
	ERR_clear_error();
	SSL_shutdown(t->ssl);
}

static void tls_release(struct transport *t)
{
	SSL_free(t->ssl);
	t->ssl = NULL;
}

static const struct transport_ops tls_ops = {
	.read = tls_read, .write = tls_write, .shutdown = tls_shutdown, .release = tls_release};

static int start(struct transport *t, SSL_CTX *ctx)
{
	pthread_once(&method_once, make_method);
	SSL *ssl = SSL_new(ctx);
	BIO *bio = ssl && method ? BIO_new(method) : NULL;
	if (!bio) {
		SSL_free(ssl);
		return STATUS_NO_MEMORY;
	}
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	t->ssl = ssl;
	t->ops = &tls_ops;
	return 0;
}

int transport_start_tls_server(struct transport *t, struct tls_server *tls)
{
	int rc = start(t, tls->ctx);
	if (rc == 0)
		SSL_set_accept_state(t->ssl);
	return rc;
}

int transport_start_tls_client(struct transport *t, struct tls_client *tls, const char *host)
{
	int rc = start(t, tls->ctx);
	if (rc < 0)
		return rc;
	if (tls->server_name)
		host = tls->server_name;
	unsigned char address[16];
	bool is_address =
		inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
	if (is_address)
		X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), host);
	else
		SSL_set_tlsext_host_name(t->ssl, host);
	if (!is_address && SSL_set1_host(t->ssl, host) != 1)
		return STATUS_NO_MEMORY;
	SSL_set_connect_state(t->ssl);
	return 0;
}

bool transport_is_handshaking(const struct transport *t)
{
	return t->ssl && SSL_in_init(t->ssl);
}

struct slice transport_alpn(const struct transport *t)
{
	const unsigned char *name = NULL;
	unsigned len = 0;
	if (t->ssl)
		SSL_get0_alpn_selected(t->ssl, &name, &len);
	return (struct slice){(const char *)name, len};
}

void transport_tls_error(const struct transport *t, char *text, size_t size)
{
	text[0] = '\0';
	if (!t->ssl)
		return;
	long verified = SSL_get_verify_result(t->ssl);
	const char *reason = t->tls_error ? ERR_reason_error_string(t->tls_error) : NULL;
	if (verified != X509_V_OK && SSL_in_init(t->ssl))
		snprintf(text, size, "its certificate is not trusted: %s",
			 X509_verify_cert_error_string(verified));
	else if (reason)
		snprintf(text, size, "TLS: %s", reason);
}
