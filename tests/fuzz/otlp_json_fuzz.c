/*
 * OTLP/JSON to protobuf. What is accepted must read back: protobuf to JSON, and that to the
 * same protobuf. The first byte chooses the message.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/chunk.h"
#include "telemetry/otlp_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct otlp_message *const messages[] = {
		&otlp_logs_request, &otlp_traces_request, &otlp_metrics_request};
	if (size == 0)
		return 0;
	const struct otlp_message *message = messages[data[0] % 3];
	struct buf pb = BUF_INIT, json = BUF_INIT, again = BUF_INIT;
	struct slice text = {(const char *)data + 1, size - 1};
	if (otlp_json_to_protobuf(message, text, &pb, NULL) == 0) {
		static const char padding[CHUNK_PADDING];
		struct slice bytes = buf_slice(&pb);
		buf_append(&pb, padding, sizeof(padding));
		bytes.ptr = pb.data;
		if (otlp_protobuf_to_json(message, bytes, &json, NULL) < 0 ||
		    otlp_json_to_protobuf(message, buf_slice(&json), &again, NULL) < 0 ||
		    !slice_eq(bytes, buf_slice(&again)))
			abort();
	}
	buf_release(&pb);
	buf_release(&json);
	buf_release(&again);
	return 0;
}
