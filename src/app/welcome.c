#include "app/welcome.h"

#include <stdio.h>
#include <string.h>

#include "app/remote.h"
#include "base/address.h"

#define TOKEN_HEADER " -H 'Authorization: Bearer TOKEN'"

/* A listener as somebody on this machine writes it. */
struct place {
	bool up;
	bool needs_token; /* it is open to others, so nobody is let in without */
	char url[160];
};

/* "0.0.0.0:3000" and "[::]:3000" are everywhere: as one writes it, "localhost:3000". */
static const char *host_of(const char *address, char *out, size_t size)
{
	if (strncmp(address, "0.0.0.0:", 8) != 0 && strncmp(address, "[::]:", 5) != 0)
		return address;
	snprintf(out, size, "localhost:%s", strrchr(address, ':') + 1);
	return out;
}

static struct place place_of(struct listeners *listeners, const char *name)
{
	struct place place = {0};
	struct listener_info info;
	char host[140];
	for (size_t i = 0; listeners_get(listeners, i, &info); i++) {
		if (info.error || strcmp(info.name, name) != 0)
			continue;
		place.up = true;
		place.needs_token = !address_is_loopback(info.address);
		snprintf(place.url, sizeof(place.url), "http%s://%s", info.tls ? "s" : "",
			 host_of(info.address, host, sizeof(host)));
		break;
	}
	return place;
}

static void print_listeners(struct listeners *listeners, struct buf *out)
{
	struct listener_info info;
	for (size_t i = 0; listeners_get(listeners, i, &info); i++) {
		if (info.error)
			buf_appendf(out, "  %-12s not started: %s\n", info.name, info.error);
		else
			buf_appendf(out, "  %-12s %s%s\n", info.name, info.address,
				    info.tls ? " (TLS)" : "");
	}
}

static void print_sending(const struct place *grpc, const struct place *http, struct buf *out)
{
	if (grpc->up || http->up)
		buf_appendf(out,
			    "Send to it:   any program with an OpenTelemetry SDK, with "
			    "OTEL_EXPORTER_OTLP_ENDPOINT=%s%s%s%s\n",
			    grpc->up ? grpc->url : http->url, grpc->up ? " (gRPC)" : " (HTTP)",
			    grpc->up && http->up ? ", or " : "",
			    grpc->up && http->up ? http->url : "");
	if (http->up)
		buf_appendf(out,
			    "              or by hand:\n"
			    "  curl %s/v1/logs%s -H 'Content-Type: application/json' -d "
			    "'{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":"
			    "{\"stringValue\":\"hello\"}}]}]}]}'\n",
			    http->url, http->needs_token ? TOKEN_HEADER : "");
}

static void print_asking(const struct place *ui, struct buf *out)
{
	bool usual = strcmp(ui->url, REMOTE_DEFAULT) == 0;
	buf_appendf(
		out,
		"Ask it:       build/tripod query sql%s%s%s 'SELECT Timestamp, ServiceName, Body "
		"FROM otel_logs ORDER BY Timestamp DESC LIMIT 10'\n",
		usual ? "" : " --server ", usual ? "" : ui->url,
		ui->needs_token ? " --token TOKEN" : "");
}

void welcome_print(struct listeners *listeners, const char *data_dir, struct buf *out)
{
	struct place ui = place_of(listeners, "ui");
	struct place grpc = place_of(listeners, "otlp/grpc");
	struct place http = place_of(listeners, "otlp/http");
	buf_appendf(out, "\nTripod " TRIPOD_VERSION " is up. Data: %s\n\n", data_dir);
	print_listeners(listeners, out);
	buf_append_byte(out, '\n');
	if (ui.up)
		buf_appendf(out, "Look at it:   %s/\n", ui.url);
	print_sending(&grpc, &http, out);
	if (ui.up && place_of(listeners, "clickhouse").up) /* an agent has nothing to ask */
		print_asking(&ui, out);
	buf_append_byte(out, '\n');
}
