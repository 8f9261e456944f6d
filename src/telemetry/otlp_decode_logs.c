/* opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest to a log_batch. */
#include "telemetry/otlp_decode_int.h"

struct log_decoder {
	struct otlp_decoder common;
	struct log_batch *batch;
};

static bool grow_rows(struct log_decoder *ld)
{
	struct log_batch *b = ld->batch;
	const struct growing_column columns[] = {
		{&b->scope, sizeof(*b->scope)},
		{&b->time, sizeof(*b->time)},
		{&b->observed_time, sizeof(*b->observed_time)},
		{&b->severity_number, sizeof(*b->severity_number)},
		{&b->severity_text, sizeof(*b->severity_text)},
		{&b->event_name, sizeof(*b->event_name)},
		{&b->body, sizeof(*b->body)},
		{&b->attrs, sizeof(*b->attrs)},
		{&b->dropped_attributes, sizeof(*b->dropped_attributes)},
		{&b->flags, sizeof(*b->flags)},
		{&b->trace_id, sizeof(*b->trace_id)},
		{&b->span_id, sizeof(*b->span_id)},
	};
	return columns_grow(&b->common.arena, columns, sizeof(columns) / sizeof(columns[0]),
			    b->rows, &b->row_capacity) ||
	       otlp_no_memory(&ld->common);
}

/* The fields of one LogRecord into row `row`, which has its defaults already. */
static bool log_fields(struct log_decoder *ld, struct pb_reader *r, uint32_t row)
{
	struct log_batch *b = ld->batch;
	struct otlp_decoder *d = &ld->common;
	struct pb_reader message;
	uint32_t severity;
	struct attr_run run = otlp_begin_run(d, KEY_START_RECORD);
	while (pb_more(r)) {
		uint32_t tag;
		if (!pb_tag(r, &tag))
			return otlp_malformed(d, r);
		bool ok;
		switch (tag) {
		case PB_TAG(1, PB_FIXED64):
			ok = pb_fixed64(r, &b->time[row]);
			break;
		case PB_TAG(2, PB_VARINT):
			ok = pb_uint32(r, &severity);
			b->severity_number[row] =
				ok && severity <= UINT8_MAX ? (uint8_t)severity : 0;
			break;
		case PB_TAG(3, PB_LEN):
			ok = otlp_text(d, r, &b->severity_text[row], "severity text");
			break;
		case PB_TAG(5, PB_LEN):
			ok = pb_message(r, &message);
			if (ok && !otlp_value(d, &message, &b->body[row], "body"))
				return false;
			break;
		case PB_TAG(6, PB_LEN):
			if (!otlp_attribute(d, r, &run))
				return false;
			continue;
		case PB_TAG(7, PB_VARINT):
			ok = pb_uint32(r, &b->dropped_attributes[row]);
			break;
		case PB_TAG(8, PB_FIXED32):
			ok = pb_fixed32(r, &b->flags[row]);
			break;
		case PB_TAG(9, PB_LEN):
			ok = otlp_id(d, r, b->trace_id[row], 16, "trace id");
			break;
		case PB_TAG(10, PB_LEN):
			ok = otlp_id(d, r, b->span_id[row], 8, "span id");
			break;
		case PB_TAG(11, PB_FIXED64):
			ok = pb_fixed64(r, &b->observed_time[row]);
			break;
		case PB_TAG(12, PB_LEN):
			ok = otlp_text(d, r, &b->event_name[row], "event name");
			break;
		default:
			ok = pb_skip(r, tag);
		}
		if (!ok)
			return otlp_malformed(d, r);
	}
	b->attrs[row] = run;
	return true;
}

static bool check_times(struct log_decoder *ld, uint32_t row)
{
	struct otlp_decoder *d = &ld->common;
	uint64_t time = ld->batch->time[row];
	uint64_t observed = ld->batch->observed_time[row];
	otlp_check_time(d, time, "time");
	otlp_check_time(d, observed, "observed time");
	uint64_t stored = time ? time : observed ? observed : d->options->received_time;
	return otlp_check_stored_time(d, stored, "time");
}

static bool log_record(struct otlp_decoder *d, struct pb_reader *r)
{
	struct log_decoder *ld = (struct log_decoder *)d;
	struct log_batch *b = ld->batch;
	if (__builtin_expect(b->rows == b->row_capacity, 0) && !grow_rows(ld))
		return false;
	uint32_t row = b->rows++;
	b->scope[row] = b->common.scope_count - 1;
	b->time[row] = b->observed_time[row] = 0;
	b->severity_number[row] = 0;
	b->severity_text[row] = b->event_name[row] = SLICE("");
	b->body[row] = (struct value){.type = VALUE_EMPTY};
	b->dropped_attributes[row] = b->flags[row] = 0;
	memset(b->trace_id[row], 0, 16);
	memset(b->span_id[row], 0, 8);
	if (!log_fields(ld, r, row))
		return false;
	return check_times(ld, row);
}

static void truncate_rows(struct otlp_decoder *d, uint32_t rows)
{
	*d->rows = rows;
}

int otlp_decode_logs(struct log_batch *batch, struct slice bytes,
		     const struct otlp_decode_options *options, struct rejects *rejects,
		     struct error *err)
{
	static const struct otlp_kind kind = {"log record", log_record, truncate_rows};
	struct log_decoder ld = {.common = {.kind = &kind,
					    .common = &batch->common,
					    .rows = &batch->rows,
					    .options = options,
					    .rejects = rejects,
					    .err = err},
				 .batch = batch};
	batch->rows = batch->row_capacity = 0;
	return otlp_decode(&ld.common, bytes);
}

void log_batch_release(struct log_batch *batch)
{
	otlp_release(&batch->common);
	memset(batch, 0, sizeof(*batch));
}
