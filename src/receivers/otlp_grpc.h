/* OTLP over gRPC: the handlers of the three collector services' Export. */
#ifndef TRIPOD_RECEIVERS_OTLP_GRPC_H
#define TRIPOD_RECEIVERS_OTLP_GRPC_H

#include "telemetry/signal.h"

struct http_request;

/* "/opentelemetry.proto.collector.logs.v1.LogsService/Export", … */
const char *otlp_grpc_path(enum signal signal);
/* A handler for a route with a WHOLE body; `ctx` is the signal's struct intake. */
void otlp_grpc_export(struct http_request *req, void *ctx);

#endif
