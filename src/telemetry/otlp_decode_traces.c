/* opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest to a span_batch. */
#include "telemetry/otlp_decode_int.h"

struct span_decoder {
	struct otlp_decoder common;
	struct span_batch *batch;
};

static bool grow_rows(struct span_decoder *sd)
{
	struct span_batch *b = sd->batch;
	const struct growing_column columns[] = {
		{&b->scope, sizeof(*b->scope)},
		{&b->trace_id, sizeof(*b->trace_id)},
		{&b->span_id, sizeof(*b->span_id)},
		{&b->parent_span_id, sizeof(*b->parent_span_id)},
		{&b->trace_state, sizeof(*b->trace_state)},
		{&b->name, sizeof(*b->name)},
		{&b->kind, sizeof(*b->kind)},
		{&b->start_time, sizeof(*b->start_time)},
		{&b->end_time, sizeof(*b->end_time)},
		{&b->attrs, sizeof(*b->attrs)},
		{&b->dropped_attributes, sizeof(*b->dropped_attributes)},
		{&b->dropped_events, sizeof(*b->dropped_events)},
		{&b->dropped_links, sizeof(*b->dropped_links)},
		{&b->flags, sizeof(*b->flags)},
		{&b->status_code, sizeof(*b->status_code)},
		{&b->status_message, sizeof(*b->status_message)},
		{&b->event_end, sizeof(*b->event_end)},
		{&b->link_end, sizeof(*b->link_end)},
	};
	return columns_grow(&b->common.arena, columns, sizeof(columns) / sizeof(columns[0]),
			    b->rows, &b->row_capacity) ||
	       otlp_no_memory(&sd->common);
}

/* A Span.Event message, the next field of `r`. */
static bool span_event(struct span_decoder *sd, struct pb_reader *r)
{
	struct span_batch *b = sd->batch;
	struct otlp_decoder *d = &sd->common;
	struct pb_reader message;
	if (!pb_message(r, &message))
		return otlp_malformed(d, r);
	if (b->event_count == b->event_capacity) {
		const struct growing_column column = {&b->events, sizeof(*b->events)};
		if (!columns_grow(&b->common.arena, &column, 1, b->event_count, &b->event_capacity))
			return otlp_no_memory(d);
	}
	struct span_event event = {.name = SLICE(""), .attrs = otlp_begin_run(d, KEY_START_EVENT)};
	while (pb_more(&message)) {
		uint32_t tag;
		if (!pb_tag(&message, &tag))
			return otlp_malformed(d, &message);
		bool ok;
		switch (tag) {
		case PB_TAG(1, PB_FIXED64):
			ok = pb_fixed64(&message, &event.time);
			break;
		case PB_TAG(2, PB_LEN):
			ok = otlp_text(d, &message, &event.name, "event name");
			break;
		case PB_TAG(3, PB_LEN):
			if (!otlp_attribute(d, &message, &event.attrs))
				return false;
			continue;
		case PB_TAG(4, PB_VARINT):
			ok = pb_uint32(&message, &event.dropped_attributes);
			break;
		default:
			ok = pb_skip(&message, tag);
		}
		if (!ok)
			return otlp_malformed(d, &message);
	}
	otlp_check_time(d, event.time, "event time");
	b->events[b->event_count++] = event;
	return true;
}

/* A Span.Link message, the next field of `r`. */
static bool span_link(struct span_decoder *sd, struct pb_reader *r)
{
	struct span_batch *b = sd->batch;
	struct otlp_decoder *d = &sd->common;
	struct pb_reader message;
	if (!pb_message(r, &message))
		return otlp_malformed(d, r);
	if (b->link_count == b->link_capacity) {
		const struct growing_column column = {&b->links, sizeof(*b->links)};
		if (!columns_grow(&b->common.arena, &column, 1, b->link_count, &b->link_capacity))
			return otlp_no_memory(d);
	}
	struct span_link link = {.trace_state = SLICE(""),
				 .attrs = otlp_begin_run(d, KEY_START_LINK)};
	while (pb_more(&message)) {
		uint32_t tag;
		if (!pb_tag(&message, &tag))
			return otlp_malformed(d, &message);
		bool ok;
		switch (tag) {
		case PB_TAG(1, PB_LEN):
			ok = otlp_id(d, &message, link.trace_id, 16, "link's trace id");
			break;
		case PB_TAG(2, PB_LEN):
			ok = otlp_id(d, &message, link.span_id, 8, "link's span id");
			break;
		case PB_TAG(3, PB_LEN):
			ok = otlp_text(d, &message, &link.trace_state, "link's trace state");
			break;
		case PB_TAG(4, PB_LEN):
			if (!otlp_attribute(d, &message, &link.attrs))
				return false;
			continue;
		case PB_TAG(5, PB_VARINT):
			ok = pb_uint32(&message, &link.dropped_attributes);
			break;
		case PB_TAG(6, PB_FIXED32):
			ok = pb_fixed32(&message, &link.flags);
			break;
		default:
			ok = pb_skip(&message, tag);
		}
		if (!ok)
			return otlp_malformed(d, &message);
	}
	b->links[b->link_count++] = link;
	return true;
}

/* A Status message, the next field of `r`. */
static bool span_status(struct span_decoder *sd, struct pb_reader *r, uint32_t row)
{
	struct span_batch *b = sd->batch;
	struct otlp_decoder *d = &sd->common;
	struct pb_reader message;
	if (!pb_message(r, &message))
		return otlp_malformed(d, r);
	while (pb_more(&message)) {
		uint32_t tag, code;
		if (!pb_tag(&message, &tag))
			return otlp_malformed(d, &message);
		bool ok;
		if (tag == PB_TAG(2, PB_LEN)) {
			ok = otlp_text(d, &message, &b->status_message[row], "status message");
		} else if (tag == PB_TAG(3, PB_VARINT)) {
			ok = pb_uint32(&message, &code);
			b->status_code[row] = ok && code <= 2 ? (uint8_t)code : 0;
		} else {
			ok = pb_skip(&message, tag);
		}
		if (!ok)
			return otlp_malformed(d, &message);
	}
	return true;
}

/* Fields of a Span that are one value; the others are in span_fields. */
static bool span_scalar(struct span_decoder *sd, struct pb_reader *r, uint32_t tag, uint32_t row)
{
	struct span_batch *b = sd->batch;
	struct otlp_decoder *d = &sd->common;
	uint32_t kind;
	switch (tag) {
	case PB_TAG(1, PB_LEN):
		return otlp_id(d, r, b->trace_id[row], 16, "trace id");
	case PB_TAG(2, PB_LEN):
		return otlp_id(d, r, b->span_id[row], 8, "span id");
	case PB_TAG(3, PB_LEN):
		return otlp_text(d, r, &b->trace_state[row], "trace state");
	case PB_TAG(4, PB_LEN):
		return otlp_id(d, r, b->parent_span_id[row], 8, "parent span id");
	case PB_TAG(5, PB_LEN):
		return otlp_text(d, r, &b->name[row], "name");
	case PB_TAG(6, PB_VARINT):
		if (!pb_uint32(r, &kind))
			return false;
		b->kind[row] = kind <= 5 ? (uint8_t)kind : 0;
		return true;
	case PB_TAG(7, PB_FIXED64):
		return pb_fixed64(r, &b->start_time[row]);
	case PB_TAG(8, PB_FIXED64):
		return pb_fixed64(r, &b->end_time[row]);
	case PB_TAG(10, PB_VARINT):
		return pb_uint32(r, &b->dropped_attributes[row]);
	case PB_TAG(12, PB_VARINT):
		return pb_uint32(r, &b->dropped_events[row]);
	case PB_TAG(14, PB_VARINT):
		return pb_uint32(r, &b->dropped_links[row]);
	case PB_TAG(16, PB_FIXED32):
		return pb_fixed32(r, &b->flags[row]);
	default:
		return pb_skip(r, tag);
	}
}

/*
 * The span's attributes must lie together, but events and links have attributes too and
 * may stand between: a run that was interrupted is moved to the end.
 */
static bool span_fields(struct span_decoder *sd, struct pb_reader *r, uint32_t row)
{
	struct span_batch *b = sd->batch;
	struct otlp_decoder *d = &sd->common;
	struct attr_run run = otlp_begin_run(d, KEY_START_RECORD);
	while (pb_more(r)) {
		uint32_t tag;
		if (!pb_tag(r, &tag))
			return otlp_malformed(d, r);
		bool ok;
		switch (tag) {
		case PB_TAG(9, PB_LEN):
			ok = otlp_reopen_run(d, &run) && otlp_attribute(d, r, &run);
			break;
		case PB_TAG(11, PB_LEN):
			ok = span_event(sd, r);
			break;
		case PB_TAG(13, PB_LEN):
			ok = span_link(sd, r);
			break;
		case PB_TAG(15, PB_LEN):
			ok = span_status(sd, r, row);
			break;
		default:
			ok = span_scalar(sd, r, tag, row) || otlp_malformed(d, r);
		}
		if (!ok)
			return false;
	}
	b->attrs[row] = run;
	b->event_end[row] = b->event_count;
	b->link_end[row] = b->link_count;
	return true;
}

static bool all_zero(const uint8_t *bytes, size_t len)
{
	uint8_t any = 0;
	for (size_t i = 0; i < len; i++)
		any |= bytes[i];
	return !any;
}

static bool check_span(struct span_decoder *sd, uint32_t row)
{
	struct span_batch *b = sd->batch;
	struct otlp_decoder *d = &sd->common;
	if (all_zero(b->trace_id[row], 16))
		otlp_reject(d, REJECT_INVALID_ID, "trace id");
	if (all_zero(b->span_id[row], 8))
		otlp_reject(d, REJECT_INVALID_ID, "span id");
	uint64_t start = b->start_time[row], end = b->end_time[row];
	otlp_check_time(d, start, "start time");
	otlp_check_time(d, end, "end time");
	if (__builtin_expect(end && end < start, 0))
		otlp_reject(d, REJECT_INVALID_TIME, "end time, before the start,");
	uint64_t stored = start ? start : end ? end : d->options->received_time;
	return otlp_check_stored_time(d, stored, "start time");
}

static bool span_record(struct otlp_decoder *d, struct pb_reader *r)
{
	struct span_decoder *sd = (struct span_decoder *)d;
	struct span_batch *b = sd->batch;
	if (__builtin_expect(b->rows == b->row_capacity, 0) && !grow_rows(sd))
		return false;
	uint32_t row = b->rows++;
	b->scope[row] = b->common.scope_count - 1;
	memset(b->trace_id[row], 0, 16);
	memset(b->span_id[row], 0, 8);
	memset(b->parent_span_id[row], 0, 8);
	b->trace_state[row] = b->name[row] = b->status_message[row] = SLICE("");
	b->kind[row] = b->status_code[row] = 0;
	b->start_time[row] = b->end_time[row] = 0;
	b->dropped_attributes[row] = b->dropped_events[row] = b->dropped_links[row] = 0;
	b->flags[row] = 0;
	if (!span_fields(sd, r, row))
		return false;
	return check_span(sd, row);
}

static void truncate_rows(struct otlp_decoder *d, uint32_t rows)
{
	struct span_batch *b = ((struct span_decoder *)d)->batch;
	b->rows = rows;
	b->event_count = rows ? b->event_end[rows - 1] : 0;
	b->link_count = rows ? b->link_end[rows - 1] : 0;
}

int otlp_decode_traces(struct span_batch *batch, struct slice bytes,
		       const struct otlp_decode_options *options, struct rejects *rejects,
		       struct error *err)
{
	static const struct otlp_kind kind = {"span", span_record, truncate_rows};
	struct span_decoder sd = {.common = {.kind = &kind,
					     .common = &batch->common,
					     .rows = &batch->rows,
					     .options = options,
					     .rejects = rejects,
					     .err = err},
				  .batch = batch};
	batch->rows = batch->row_capacity = 0;
	batch->event_count = batch->event_capacity = 0;
	batch->link_count = batch->link_capacity = 0;
	return otlp_decode(&sd.common, bytes);
}

void span_batch_release(struct span_batch *batch)
{
	otlp_release(&batch->common);
	memset(batch, 0, sizeof(*batch));
}
