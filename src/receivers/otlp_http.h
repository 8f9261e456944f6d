/* OTLP over HTTP: the handlers of /v1/logs, /v1/traces, /v1/metrics. */
#ifndef TRIPOD_RECEIVERS_OTLP_HTTP_H
#define TRIPOD_RECEIVERS_OTLP_HTTP_H

struct http_request;

/* A handler for a route with a WHOLE body; `ctx` is the signal's struct intake. */
void otlp_http_export(struct http_request *req, void *ctx);

#endif
