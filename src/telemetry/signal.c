#include "telemetry/signal.h"

const char *signal_name(enum signal signal)
{
	static const char *const names[SIGNAL_COUNT] = {"logs", "traces", "metrics"};
	return names[signal];
}
