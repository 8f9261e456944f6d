/* Options of the otlp receiver: the collector's receiver/otlpreceiver, config/configgrpc, config/confighttp. */
#ifndef TRIPOD_RECEIVERS_OTLP_OPTIONS_H
#define TRIPOD_RECEIVERS_OTLP_OPTIONS_H

#include "net/tls_options.h"

/* keepalive.server_parameters and .enforcement_policy; times in ns, 0: no limit */
struct grpc_keepalive_options {
	int64_t max_connection_idle, max_connection_age, max_connection_age_grace;
	int64_t time,
		timeout; /* ping after `time` of silence; close after `timeout` without answer */
};

struct otlp_grpc_options {
	const char *endpoint;
	bool has_tls;
	struct tls_listen_options tls;
	uint64_t max_message; /* bytes, max_recv_msg_size_mib */
	int64_t max_concurrent_streams; /* 0: the server's own limit */
	struct grpc_keepalive_options keepalive;
};

struct cors_options {
	const char *const *allowed_origins; /* may contain '*' */
	size_t allowed_origins_count;
	const char *const *allowed_headers;
	size_t allowed_headers_count;
	const char *const *exposed_headers;
	size_t exposed_headers_count;
	int64_t max_age; /* seconds; 0: not said */
};

struct otlp_http_options {
	const char *endpoint;
	bool has_tls;
	struct tls_listen_options tls;
	bool has_cors;
	struct cors_options cors;
	uint64_t max_request_body_size; /* bytes, as they come */
	const char *traces_url_path, *metrics_url_path, *logs_url_path; /* begin with '/' */
	const char *const *compression_algorithms; /* of request bodies; "" is none */
	size_t compression_algorithms_count;
	const struct option_pair *response_headers;
	size_t response_headers_count;
	int64_t read_timeout, idle_timeout; /* ns; 0: the server's own limits */
};

struct otlp_protocol_options {
	bool has_grpc, has_http; /* at least one */
	struct otlp_grpc_options grpc;
	struct otlp_http_options http;
};

struct otlp_receiver_options {
	struct otlp_protocol_options protocols;
};

extern const struct option_table otlp_receiver_option_table;

#endif
