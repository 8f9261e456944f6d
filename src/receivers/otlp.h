/* The otlp receiver: OpenTelemetry's own protocol, over gRPC and HTTP. */
#ifndef TRIPOD_RECEIVERS_OTLP_H
#define TRIPOD_RECEIVERS_OTLP_H

#include "pipeline/component.h"

extern const struct receiver_type otlp_receiver;

#endif
