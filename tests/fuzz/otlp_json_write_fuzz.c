/*
 * Protobuf to OTLP/JSON. What is written must be JSON that reads, and once read and
 * written again is the same. The first byte chooses the message.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/chunk.h"
#include "telemetry/otlp_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int write_json(const struct otlp_message *message, struct slice pb, struct buf *out)
{
	char *padded = calloc(1, pb.len + CHUNK_PADDING);
	if (pb.len)
		memcpy(padded, pb.ptr, pb.len);
	int rc = otlp_protobuf_to_json(message, (struct slice){padded, pb.len}, out, NULL);
	free(padded);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct otlp_message *const messages[] = {
		&otlp_logs_request, &otlp_traces_request, &otlp_metrics_request};
	if (size == 0)
		return 0;
	const struct otlp_message *message = messages[data[0] % 3];
	struct buf json = BUF_INIT, pb = BUF_INIT, again = BUF_INIT, twice = BUF_INIT;
	struct slice bytes = {(const char *)data + 1, size - 1};
	if (write_json(message, bytes, &json) == 0 &&
	    /* deeper than JSON may be, but not than messages may be */
	    otlp_json_to_protobuf(message, buf_slice(&json), &pb, NULL) == 0) {
		if (write_json(message, buf_slice(&pb), &again) < 0 ||
		    otlp_json_to_protobuf(message, buf_slice(&again), &twice, NULL) < 0 ||
		    !slice_eq(buf_slice(&pb), buf_slice(&twice)))
			abort();
	} else if (json.len && size < 200) {
		struct buf once = BUF_INIT;
		if (write_json(message, bytes, &once) == 0)
			abort(); /* too short to be too deep: it must have read */
		buf_release(&once);
	}
	buf_release(&json);
	buf_release(&pb);
	buf_release(&again);
	buf_release(&twice);
	return 0;
}
