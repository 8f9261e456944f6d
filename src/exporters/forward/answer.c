#include "exporters/forward/answer.h"

#include <stdio.h>

#include "base/buf.h"
#include "telemetry/otlp_check.h"
#include "telemetry/otlp_json.h"
#include "wire/protobuf.h"

void answer_say(struct forward_answer *answer, const char *prefix, struct slice text)
{
	int n = snprintf(answer->message, sizeof(answer->message), "%s", prefix);
	size_t at = n > 0 ? (size_t)n : 0;
	for (size_t i = 0; i < text.len && at < sizeof(answer->message) - 1; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		answer->message[at++] = c < ' ' || c == 0x7f ? ' ' : (char)c;
	}
	answer->message[at] = 0;
}

/* ExportXPartialSuccess: field 1 the number, field 2 the message, whatever the signal. */
static void read_partial_success(struct forward_answer *answer, struct pb_reader r)
{
	uint32_t tag;
	struct slice text;
	while (pb_more(&r) && pb_tag(&r, &tag)) {
		if (tag == PB_TAG(1, PB_VARINT)) {
			if (!pb_varint(&r, &answer->rejected))
				return;
		} else if (tag == PB_TAG(2, PB_LEN)) {
			if (!pb_bytes(&r, &text))
				return;
			answer_say(answer, "", text);
		} else if (!pb_skip(&r, tag)) {
			return;
		}
	}
}

static void read_padded(struct forward_answer *answer, struct slice response)
{
	struct pb_reader r = pb_reader_of(response), inner;
	uint32_t tag;
	while (pb_more(&r) && pb_tag(&r, &tag)) {
		if (tag == PB_TAG(1, PB_LEN)) {
			if (!pb_message(&r, &inner))
				return;
			read_partial_success(answer, inner);
		} else if (!pb_skip(&r, tag)) {
			return;
		}
	}
}

void answer_read_protobuf(struct forward_answer *answer, struct slice response)
{
	static const char padding[PROTOBUF_PADDING];
	struct buf copy = BUF_INIT;
	if (!response.len)
		return;
	buf_append_slice(&copy, response);
	buf_append(&copy, padding, sizeof(padding));
	if (!copy.failed)
		read_padded(answer, (struct slice){copy.data, response.len});
	buf_release(&copy);
}

void answer_read_json(struct forward_answer *answer, enum signal signal, struct slice response)
{
	struct buf protobuf = BUF_INIT;
	if (otlp_json_to_protobuf(otlp_response_message(signal), response, &protobuf, NULL) == 0)
		answer_read_protobuf(answer, buf_slice(&protobuf));
	buf_release(&protobuf);
}
