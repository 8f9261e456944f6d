#include "telemetry/otlp_check.h"

#include "wire/protobuf.h"

struct check {
	const uint8_t *start;
	uint32_t records;
	struct error *err;
};

const struct otlp_message *otlp_request_message(enum signal signal)
{
	switch (signal) {
	case SIGNAL_LOGS:
		return &otlp_logs_request;
	case SIGNAL_TRACES:
		return &otlp_traces_request;
	case SIGNAL_METRICS:
		break;
	}
	return &otlp_metrics_request;
}

const struct otlp_message *otlp_response_message(enum signal signal)
{
	switch (signal) {
	case SIGNAL_LOGS:
		return &otlp_logs_response;
	case SIGNAL_TRACES:
		return &otlp_traces_response;
	case SIGNAL_METRICS:
		break;
	}
	return &otlp_metrics_response;
}

static const struct otlp_field *find_field(const struct otlp_message *message, uint32_t number)
{
	/* Most messages number their fields without gaps. */
	if (number - 1 < message->count && message->fields[number - 1].number == number)
		return &message->fields[number - 1];
	for (unsigned i = 0; i < message->count; i++) {
		if (message->fields[i].number == number)
			return &message->fields[i];
	}
	return NULL;
}

static int malformed(const struct check *check, const struct otlp_message *message,
		     const struct pb_reader *r)
{
	return error_set(check->err, STATUS_INVALID, "malformed protobuf at byte %zu, in %s: %s",
			 (size_t)(r->pos - check->start), message->name, r->error);
}

/*
 * Most messages by far are an attribute's value: one short string to the end. Telling these
 * without a call makes the whole check a third faster.
 */
static inline bool is_one_short_text(const struct otlp_message *message, const struct pb_reader *r)
{
	const uint8_t *p = r->pos;
	if (r->end - p < 2 || (p[0] & 0x87) != PB_LEN || p[1] != r->end - p - 2 || p[1] >= 0x80)
		return false;
	const struct otlp_field *field = find_field(message, p[0] >> 3);
	return p[0] >= 8 && !message->is_record && (!field || field->kind != OTLP_MESSAGE);
}

static int check_message(struct check *check, const struct otlp_message *message,
			 struct pb_reader r, unsigned depth)
{
	check->records += message->is_record;
	while (pb_more(&r)) {
		uint32_t tag;
		if (!pb_tag(&r, &tag))
			return malformed(check, message, &r);
		const struct otlp_field *field =
			(tag & 7) == PB_LEN ? find_field(message, tag >> 3) : NULL;
		if (!field || field->kind != OTLP_MESSAGE) {
			if (!pb_skip(&r, tag))
				return malformed(check, message, &r);
			continue;
		}
		struct pb_reader inner;
		if (!pb_message(&r, &inner))
			return malformed(check, message, &r);
		if (depth == OTLP_CHECK_DEPTH || is_one_short_text(field->message, &inner))
			continue;
		int rc = check_message(check, field->message, inner, depth + 1);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int otlp_check(enum signal signal, struct slice bytes, uint32_t *records, struct error *err)
{
	struct check check = {.start = (const uint8_t *)bytes.ptr, .err = err};
	int rc = check_message(&check, otlp_request_message(signal), pb_reader_of(bytes), 0);
	if (rc == 0)
		*records = check.records;
	return rc;
}
