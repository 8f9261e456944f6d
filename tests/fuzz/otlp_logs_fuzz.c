/* OTLP logs: any bytes decode or fail cleanly; what is decoded becomes blocks. */
#include <stdint.h>

#include "rows_fuzz.h"
#include "telemetry/otlp_decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct log_batch batch; /* kept, so that reuse is fuzzed as well */
	const struct otlp_decode_options options = {.received_time = 1, .max_memory = 64 << 20};
	const struct row_blocks blocks = {fuzz_get, NULL};
	struct rejects rejects;
	struct error err;
	char *bytes = fuzz_pad(data, size);
	int status =
		otlp_decode_logs(&batch, (struct slice){bytes, size}, &options, &rejects, &err);
	FUZZ_EXPECT(status == 0 || batch.rows == 0);
	if (status == 0) {
		FUZZ_EXPECT(log_rows_append(&batch, &blocks, &err) == 0);
		FUZZ_EXPECT(native_block_rows(fuzz_get(NULL, TABLE_LOGS, 0)) == batch.rows);
		fuzz_write_and_clear();
	}
	free(bytes);
	return 0;
}
