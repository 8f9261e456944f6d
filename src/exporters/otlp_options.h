/* Options of the exporters otlp (gRPC) and otlphttp: the collector's exporter/otlpexporter, exporter/otlphttpexporter. */
#ifndef TRIPOD_EXPORTERS_OTLP_OPTIONS_H
#define TRIPOD_EXPORTERS_OTLP_OPTIONS_H

#include "net/tls_options.h"
#include "pipeline/sending_options.h"

enum otlp_compression {
	OTLP_COMPRESSION_GZIP,
	OTLP_COMPRESSION_ZSTD,
	OTLP_COMPRESSION_NONE,
	OTLP_COMPRESSION_EMPTY, /* "": the same as none */
};

struct otlp_exporter_options {
	const char *endpoint; /* host:port; may have http://, https:// or dns:/// before it */
	struct tls_connect_options
		tls; /* https:// turns TLS on and http:// off, whatever tls.insecure */
	enum otlp_compression compression;
	const struct option_pair *headers;
	size_t headers_count;
	const char *authority, *user_agent; /* or NULL */
	int64_t timeout; /* ns, of one request; 0: none */
	struct retry_options retry_on_failure;
	struct queue_options sending_queue;
};

enum otlp_encoding { OTLP_ENCODING_PROTO, OTLP_ENCODING_JSON };

struct compression_options {
	int64_t level; /* 0 and -1: 1, the fastest */
};

struct otlphttp_exporter_options {
	const char *endpoint; /* base URL, to which /v1/traces and so on is added; or NULL */
	const char *traces_endpoint, *metrics_endpoint, *logs_endpoint; /* whole URLs, or NULL */
	struct tls_connect_options tls;
	enum otlp_compression compression;
	struct compression_options compression_params;
	enum otlp_encoding encoding;
	const struct option_pair *headers;
	size_t headers_count;
	const char *proxy_url; /* or NULL */
	int64_t timeout; /* ns, of one request; 0: none */
	struct retry_options retry_on_failure;
	struct queue_options sending_queue;
};

extern const struct option_table otlp_exporter_option_table;
extern const struct option_table otlphttp_exporter_option_table;

#endif
