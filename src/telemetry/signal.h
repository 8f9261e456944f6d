/* The three signals of OpenTelemetry. */
#ifndef TRIPOD_TELEMETRY_SIGNAL_H
#define TRIPOD_TELEMETRY_SIGNAL_H

enum signal { SIGNAL_LOGS, SIGNAL_TRACES, SIGNAL_METRICS };
#define SIGNAL_COUNT 3

/* "logs", "traces", "metrics" */
const char *signal_name(enum signal signal);

#endif
