#include "receivers/otlp_options.h"

#include "base/address.h"

#define AUTH_INSTEAD                                                                               \
	"the tokens of all listeners are in the section auth, at the top of the configuration"
#define BUFFERS_WHY "buffers follow the messages"
#define METADATA_WHY "no component built so far reads what requests carry beside telemetry"

static const struct option keepalive_server_options[] = {
	{OPTION(DURATION, struct grpc_keepalive_options, max_connection_idle),
	 .doc = "A connection without requests is closed after this; 0: never."},
	{OPTION(DURATION, struct grpc_keepalive_options, max_connection_age),
	 .doc = "A connection is closed after this, so that clients spread anew; 0: never."},
	{OPTION(DURATION, struct grpc_keepalive_options, max_connection_age_grace),
	 .doc = "Requests under way at that time may take so much longer; 0: any time."},
	{OPTION(DURATION, struct grpc_keepalive_options, time), .initial = "2h",
	 .doc = "A silent client is pinged after this."},
	{OPTION(DURATION, struct grpc_keepalive_options, timeout), .initial = "20s",
	 .doc = "Without an answer to the ping for so long, the connection is closed."},
};
static const struct option_table keepalive_server_table = {
	OPTION_TABLE_OF(struct grpc_keepalive_options, keepalive_server_options)};

static const struct option keepalive_options[] = {
	{.name = "server_parameters",
	 .type = OPTION_TABLE,
	 .table = &keepalive_server_table,
	 .doc = "When idle, old and silent connections are closed."},
	OPTION_IGNORED("enforcement_policy", "clients may ping as often as they like"),
};
static const struct option_table keepalive_table = {
	OPTION_TABLE_OF(struct grpc_keepalive_options, keepalive_options)};

static const struct option grpc_options[] = {
	{OPTION(STRING, struct otlp_grpc_options, endpoint), .flags = OPTION_LISTEN,
	 .initial = "localhost:4317", .expected = address_expected,
	 .doc = "Address to listen on; unix:/path for a Unix socket."},
	{OPTION_NESTED_OPTIONAL(struct otlp_grpc_options, tls, tls_listen_option_table),
	 .doc = "Listen with TLS."},
	{OPTION_AS(BYTES, struct otlp_grpc_options, max_message, "max_recv_msg_size_mib"),
	 .initial = "4", .unit = UINT64_C(1) << 20, .doc = "Largest message that is accepted."},
	{OPTION(INT, struct otlp_grpc_options, max_concurrent_streams), .most = 4294967295,
	 .doc = "Requests that a connection may have under way; 0: the server's own limit."},
	{OPTION_NESTED(struct otlp_grpc_options, keepalive, keepalive_table),
	 .doc = "Keeping connections alive, or not."},
	OPTION_IGNORED("transport", "the form of endpoint says it"),
	OPTION_IGNORED("dialer", "a listener calls nobody"),
	OPTION_IGNORED("read_buffer_size", BUFFERS_WHY),
	OPTION_IGNORED("write_buffer_size", BUFFERS_WHY),
	OPTION_IGNORED("include_metadata", METADATA_WHY),
	OPTION_MISSING("auth", AUTH_INSTEAD),
	OPTION_MISSING("middlewares", "leave it out"),
};
static const struct option_table grpc_table = {
	OPTION_TABLE_OF(struct otlp_grpc_options, grpc_options)};

static const struct option cors_options[] = {
	{OPTION_LIST(struct cors_options, allowed_origins),
	 .doc = "Web pages of these origins may send; * stands for any part."},
	{OPTION_LIST(struct cors_options, allowed_headers),
	 .doc = "Headers that they may add beside the usual ones; * allows any."},
	{OPTION_LIST(struct cors_options, exposed_headers),
	 .doc = "Headers of the answer that they may read."},
	{OPTION(INT, struct cors_options, max_age), .most = INT64_C(31536000),
	 .doc = "Seconds that a browser may keep the permission; 0: its own default."},
};
static const struct option_table cors_table = {OPTION_TABLE_OF(struct cors_options, cors_options)};

static const char *path_expected(const char *text)
{
	return text[0] == '/' && !strpbrk(text, " ?#") ? NULL : "a path such as /v1/traces";
}

static const char *algorithm_expected(const char *text)
{
	static const char *const known[] = {"", "gzip", "zstd", "zlib", "deflate"};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!strcmp(text, known[i]))
			return NULL;
	}
	return "gzip, zstd, zlib, deflate or \"\" (none); others are not built yet";
}

static const struct option http_options[] = {
	{OPTION(STRING, struct otlp_http_options, endpoint), .flags = OPTION_LISTEN,
	 .initial = "localhost:4318", .expected = address_expected,
	 .doc = "Address to listen on; unix:/path for a Unix socket."},
	{OPTION_NESTED_OPTIONAL(struct otlp_http_options, tls, tls_listen_option_table),
	 .doc = "Listen with TLS."},
	{OPTION_NESTED_OPTIONAL(struct otlp_http_options, cors, cors_table),
	 .doc = "Let web pages of other origins send."},
	{OPTION(BYTES, struct otlp_http_options, max_request_body_size), .initial = "20MiB",
	 .doc = "Largest request body that is accepted, as it comes; once decompressed, and as "
		"protobuf, it may have 128 MiB."},
	{OPTION(STRING, struct otlp_http_options, traces_url_path), .initial = "/v1/traces",
	 .expected = path_expected, .doc = "Where traces are posted to."},
	{OPTION(STRING, struct otlp_http_options, metrics_url_path), .initial = "/v1/metrics",
	 .expected = path_expected, .doc = "Where metrics are posted to."},
	{OPTION(STRING, struct otlp_http_options, logs_url_path), .initial = "/v1/logs",
	 .expected = path_expected, .doc = "Where logs are posted to."},
	{OPTION_LIST(struct otlp_http_options, compression_algorithms),
	 .initial = "[\"\", gzip, zstd, zlib, deflate]", .expected = algorithm_expected,
	 .doc = "Encodings of request bodies that are accepted."},
	{OPTION_PAIRS(struct otlp_http_options, response_headers), .flags = OPTION_SECRET,
	 .doc = "Headers that are added to each answer."},
	{OPTION(DURATION, struct otlp_http_options, read_timeout),
	 .doc = "Longest time for a request to arrive; 0: the server's own limits."},
	{OPTION(DURATION, struct otlp_http_options, idle_timeout),
	 .doc = "A connection without requests is closed after this; 0: the server's own limit."},
	OPTION_IGNORED("read_header_timeout", "read_timeout counts for headers too"),
	OPTION_IGNORED("write_timeout", "answers are small, and silent clients are closed"),
	OPTION_IGNORED("keep_alives_enabled", "keep-alive is the client's choice"),
	OPTION_IGNORED("transport", "the form of endpoint says it"),
	OPTION_IGNORED("dialer", "a listener calls nobody"),
	OPTION_IGNORED("include_metadata", METADATA_WHY),
	OPTION_IGNORED("profiles_url_path", "profiles are not received yet"),
	OPTION_MISSING("auth", AUTH_INSTEAD),
	OPTION_MISSING("middlewares", "leave it out"),
};
static const struct option_table http_table = {
	OPTION_TABLE_OF(struct otlp_http_options, http_options)};

#define PROTOCOL(strct, field, tbl)                                                                \
	OPTION_NESTED(strct, field, tbl), .flags = OPTION_OPTIONAL | OPTION_BARE_KEY,              \
					  .present = offsetof(strct, has_##field)

static const struct option protocol_options[] = {
	{PROTOCOL(struct otlp_protocol_options, grpc, grpc_table),
	 .doc = "OTLP over gRPC; the key alone turns it on."},
	{PROTOCOL(struct otlp_protocol_options, http, http_table),
	 .doc = "OTLP over HTTP, protobuf and JSON; the key alone turns it on."},
};
static const struct option_table protocol_table = {
	OPTION_TABLE_OF(struct otlp_protocol_options, protocol_options)};

static const struct option receiver_options[] = {
	{OPTION_NESTED(struct otlp_receiver_options, protocols, protocol_table),
	 .doc = "How it is received: at least one of grpc and http."},
};

static void check_receiver(const void *value, struct option_check *check)
{
	const struct otlp_receiver_options *otlp = value;
	if (!otlp->protocols.has_grpc && !otlp->protocols.has_http)
		option_wrong(
			check, "protocols",
			"expected at least one of grpc and http, such as {grpc: {}, http: {}}");
}

const struct option_table otlp_receiver_option_table = {
	OPTION_TABLE_OF(struct otlp_receiver_options, receiver_options), .check = check_receiver};
