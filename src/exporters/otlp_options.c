#include "exporters/otlp_options.h"

#include "base/address.h"

#define AUTH_INSTEAD "use headers, such as {authorization: \"Bearer ${env:TOKEN}\"}"
#define BUFFERS_WHY "buffers follow the messages"
#define BALANCER_WHY "there is one connection, to the first address that answers"
#define CONNECTIONS_WHY "there is a connection for each request under way, kept for the next"
#define PROFILES_WHY "profiles are not exported yet"

static const char *const compressions[] = {"gzip", "zstd", "none", "", NULL};
static const char *const encodings[] = {"proto", "json", NULL};

static const char *target_expected(const char *text)
{
	static const char *const schemes[] = {"http://", "https://", "dns:///", "dns://"};
	if (!strncmp(text, "unix://", 7) && text[7])
		return NULL;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t len = strlen(schemes[i]);
		if (!strncmp(text, schemes[i], len)) {
			text += len;
			break;
		}
	}
	size_t len = strlen(text);
	if (!len || text[0] == ':' || text[0] == '/' || text[len - 1] == '/' ||
	    address_expected(text))
		return "a host and a port such as collector.example.com:4317";
	return NULL;
}

static const struct option otlp_options[] = {
	{OPTION(STRING, struct otlp_exporter_options, endpoint), .flags = OPTION_REQUIRED,
	 .expected = target_expected, .example = "collector.example.com:4317",
	 .doc = "Where to send: host:port. With http:// before it TLS is off, with https:// on."},
	{OPTION_NESTED(struct otlp_exporter_options, tls, tls_connect_option_table),
	 .doc = "TLS is on unless tls.insecure is true."},
	{OPTION_CHOICE(struct otlp_exporter_options, compression, compressions), .initial = "gzip",
	 .doc = "How requests are compressed."},
	{OPTION_PAIRS(struct otlp_exporter_options, headers), .flags = OPTION_SECRET,
	 .doc = "Headers of each request."},
	{OPTION(STRING, struct otlp_exporter_options, authority),
	 .doc = "Value of the :authority header, if it is not the endpoint."},
	{OPTION(STRING, struct otlp_exporter_options, user_agent),
	 .doc = "Value of the user-agent header, if it is not Tripod and its version."},
	{OPTION(DURATION, struct otlp_exporter_options, timeout), .initial = "5s",
	 .doc = "A request that takes longer has failed, and is retried; 0: no limit."},
	{OPTION_NESTED(struct otlp_exporter_options, retry_on_failure, retry_option_table),
	 .doc = "What happens to what could not be sent."},
	{OPTION_NESTED(struct otlp_exporter_options, sending_queue, queue_option_table),
	 .doc = "How many requests there are, and how large."},
	OPTION_IGNORED("keepalive", "timeout finds a dead connection, and another one is made"),
	OPTION_IGNORED("balancer_name", BALANCER_WHY),
	OPTION_IGNORED("wait_for_ready", "what cannot be sent yet waits in the durable log"),
	OPTION_IGNORED("read_buffer_size", BUFFERS_WHY),
	OPTION_IGNORED("write_buffer_size", BUFFERS_WHY),
	OPTION_MISSING("auth", AUTH_INSTEAD),
	OPTION_MISSING("middlewares", "leave it out"),
};

static const struct option compression_options[] = {
	{OPTION(INT, struct compression_options, level), .least = -1, .most = 22,
	 .doc = "1 (fast) to 9 for gzip, to 22 for zstd; 0 and -1: 1."},
};
static const struct option_table compression_table = {
	OPTION_TABLE_OF(struct compression_options, compression_options)};

static const struct option otlphttp_options[] = {
	{OPTION(STRING, struct otlphttp_exporter_options, endpoint), .expected = url_expected,
	 .doc = "Base URL; /v1/traces, /v1/metrics and /v1/logs are added to it."},
	{OPTION(STRING, struct otlphttp_exporter_options, traces_endpoint),
	 .expected = url_expected, .doc = "Whole URL for traces, instead."},
	{OPTION(STRING, struct otlphttp_exporter_options, metrics_endpoint),
	 .expected = url_expected, .doc = "Whole URL for metrics, instead."},
	{OPTION(STRING, struct otlphttp_exporter_options, logs_endpoint), .expected = url_expected,
	 .doc = "Whole URL for logs, instead."},
	{OPTION_NESTED(struct otlphttp_exporter_options, tls, tls_connect_option_table),
	 .doc = "Details of TLS, which https:// turns on."},
	{OPTION_CHOICE(struct otlphttp_exporter_options, compression, compressions),
	 .initial = "gzip", .doc = "How requests are compressed."},
	{OPTION_NESTED(struct otlphttp_exporter_options, compression_params, compression_table),
	 .doc = "How hard they are compressed."},
	{OPTION_CHOICE(struct otlphttp_exporter_options, encoding, encodings), .initial = "proto",
	 .doc = "Protobuf or JSON."},
	{OPTION_PAIRS(struct otlphttp_exporter_options, headers), .flags = OPTION_SECRET,
	 .doc = "Headers of each request."},
	{OPTION(STRING, struct otlphttp_exporter_options, proxy_url), .expected = url_expected,
	 .doc = "Proxy to go through."},
	{OPTION(DURATION, struct otlphttp_exporter_options, timeout), .initial = "30s",
	 .doc = "A request that takes longer has failed, and is retried; 0: no limit."},
	{OPTION_NESTED(struct otlphttp_exporter_options, retry_on_failure, retry_option_table),
	 .doc = "What happens to what could not be sent."},
	{OPTION_NESTED(struct otlphttp_exporter_options, sending_queue, queue_option_table),
	 .doc = "How many requests there are, and how large."},
	OPTION_IGNORED("profiles_endpoint", PROFILES_WHY),
	OPTION_IGNORED("read_buffer_size", BUFFERS_WHY),
	OPTION_IGNORED("write_buffer_size", BUFFERS_WHY),
	OPTION_IGNORED("max_idle_conns", CONNECTIONS_WHY),
	OPTION_IGNORED("max_idle_conns_per_host", CONNECTIONS_WHY),
	OPTION_IGNORED("max_conns_per_host", CONNECTIONS_WHY),
	OPTION_IGNORED("idle_conn_timeout", CONNECTIONS_WHY),
	OPTION_IGNORED("disable_keep_alives", CONNECTIONS_WHY),
	OPTION_IGNORED("http2_read_idle_timeout", "timeout finds a dead connection"),
	OPTION_IGNORED("http2_ping_timeout", "timeout finds a dead connection"),
	OPTION_IGNORED("force_attempt_http2", "HTTP/2 is used where the server offers it"),
	OPTION_MISSING("cookies", "leave it out"),
	OPTION_MISSING("auth", AUTH_INSTEAD),
	OPTION_MISSING("middlewares", "leave it out"),
};

static void check_otlphttp(const void *value, struct option_check *check)
{
	const struct otlphttp_exporter_options *otlp = value;
	if (!otlp->endpoint && !otlp->traces_endpoint && !otlp->metrics_endpoint &&
	    !otlp->logs_endpoint)
		option_wrong(check, "",
			     "endpoint is required, such as https://collector.example.com:4318");
	if (otlp->compression == OTLP_COMPRESSION_GZIP && otlp->compression_params.level > 9)
		option_wrong(check, "compression_params.level",
			     "found %lld, expected 1 to 9 for gzip",
			     (long long)otlp->compression_params.level);
}

const struct option_table otlp_exporter_option_table = {
	OPTION_TABLE_OF(struct otlp_exporter_options, otlp_options)};
const struct option_table otlphttp_exporter_option_table = {
	OPTION_TABLE_OF(struct otlphttp_exporter_options, otlphttp_options),
	.check = check_otlphttp};
