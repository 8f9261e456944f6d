/* OTLP over HTTP, protobuf or JSON: the exporter otlphttp. */
#ifndef TRIPOD_EXPORTERS_FORWARD_HTTP_TRANSPORT_H
#define TRIPOD_EXPORTERS_FORWARD_HTTP_TRANSPORT_H

#include "exporters/forward/transport.h"
#include "exporters/otlp_options.h"

struct loop;

/*
 * A connection for each request under way, kept for the next, or HTTP/2 where TLS offers
 * it. `options` are borrowed. `signals`: SIGNAL_BIT()s that will be sent; INVALID when one
 * of them has no URL. To be called while nothing runs on the loop but what is posted.
 */
int http_transport_new(struct forward_transport **out,
		       const struct otlphttp_exporter_options *options, unsigned signals,
		       struct loop *loop, struct error *err);

#endif
