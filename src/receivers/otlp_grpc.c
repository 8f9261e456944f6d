/* Source: OTLP specification 1.x, "OTLP/gRPC Response" and "OTLP/gRPC Throttling". */
#include "receivers/otlp_grpc.h"

#include "net/grpc.h"
#include "net/http.h"
#include "receivers/otlp_export.h"

const char *otlp_grpc_path(enum signal signal)
{
	static const char *const paths[SIGNAL_COUNT] = {
		[SIGNAL_LOGS] = "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
		[SIGNAL_TRACES] = "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
		[SIGNAL_METRICS] =
			"/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
	};
	return paths[signal];
}

/*
 * UNAVAILABLE and, only with RetryInfo, RESOURCE_EXHAUSTED are what an OTLP sender tries
 * again; a request that will never fit is RESOURCE_EXHAUSTED without.
 */
static void respond_error(struct http_request *req, const struct error *err)
{
	if (otlp_is_retryable(err->status))
		grpc_respond_code(req, GRPC_UNAVAILABLE, slice_of(err->message),
				  OTLP_RETRY_SECONDS * 1000);
	else
		grpc_respond_error(req, err, 0);
}

static void answer(struct otlp_export *export)
{
	struct http_request *req = export->request;
	if (export->failed) {
		respond_error(req, &export->error);
	} else {
		struct buf message = BUF_INIT;
		otlp_export_response(export, &message);
		grpc_respond(req, buf_slice(&message));
		buf_release(&message);
	}
	otlp_export_free(export);
}

void otlp_grpc_export(struct http_request *req, void *ctx)
{
	struct grpc_request call;
	struct error err;
	enum compress_encoding coding;
	if (grpc_request_read(req, &call) < 0)
		return;
	if (compress_encoding_parse(&coding, call.encoding, &err) < 0) {
		respond_error(req, &err);
	} else if (otlp_export_begin(ctx, http_request_loop(req), http_request_body(req),
				     call.message, coding, false, req, answer) < 0) {
		error_set(&err, STATUS_AGAIN, "out of memory");
		respond_error(req, &err);
	}
}
