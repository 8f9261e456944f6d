/* A label of a metric's series: see Prometheus' data model. */
#ifndef TRIPOD_TELEMETRY_LABEL_H
#define TRIPOD_TELEMETRY_LABEL_H

#include "base/slice.h"

struct label {
	struct slice name, value;
};

#endif
