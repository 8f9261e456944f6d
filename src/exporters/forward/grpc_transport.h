/* OTLP over gRPC: the exporter otlp. */
#ifndef TRIPOD_EXPORTERS_FORWARD_GRPC_TRANSPORT_H
#define TRIPOD_EXPORTERS_FORWARD_GRPC_TRANSPORT_H

#include "exporters/forward/transport.h"
#include "exporters/otlp_options.h"

struct loop;

/*
 * One connection, made when it is needed and made again when it has broken. `options` are
 * borrowed. Errors are those of the files of TLS.
 */
int grpc_transport_new(struct forward_transport **out, const struct otlp_exporter_options *options,
		       struct loop *loop, struct chunk_pool *chunks, struct error *err);

#endif
