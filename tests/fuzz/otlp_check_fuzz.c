/* The check of requests that are passed on: what is a request is one too when it is there twice. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/chunk.h"
#include "telemetry/otlp_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = calloc(1, 2 * size + CHUNK_PADDING);
	struct error err;
	if (!bytes)
		return 0;
	memcpy(bytes, data, size);
	memcpy(bytes + size, data, size);
	for (int signal = 0; signal < SIGNAL_COUNT; signal++) {
		uint32_t once = 0, twice = 0;
		if (otlp_check((enum signal)signal, (struct slice){bytes + size, size}, &once,
			       &err) < 0)
			continue;
		if (otlp_check((enum signal)signal, (struct slice){bytes, 2 * size}, &twice, &err) <
			    0 ||
		    twice != 2 * once)
			abort();
	}
	free(bytes);
	return 0;
}
