#include "http_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The preface and our peer's SETTINGS are there already; the input is the frames behind them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_connection(data, size, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	return 0;
}
