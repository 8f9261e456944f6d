#include "support/batch_dump.h"

#include <inttypes.h>
#include <stdio.h>

static void text(struct buf *out, const char *before, struct slice s)
{
	buf_appendf(out, "%s\"", before);
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c >= 32 && c < 127 && c != '"' && c != '\\')
			buf_append_byte(out, c);
		else
			buf_appendf(out, "\\%02x", c);
	}
	buf_append_byte(out, '"');
}

static void hex(struct buf *out, const char *before, const void *bytes, size_t len)
{
	buf_append_cstr(out, before);
	for (size_t i = 0; i < len; i++)
		buf_appendf(out, "%02x", ((const uint8_t *)bytes)[i]);
}

static void value(struct buf *out, struct value v)
{
	uint64_t bits;
	switch ((enum value_type)v.type) {
	case VALUE_EMPTY:
		buf_append_cstr(out, "e");
		break;
	case VALUE_STRING:
		text(out, "s", value_bytes(v));
		break;
	case VALUE_BOOL:
		buf_appendf(out, "b%d", v.i != 0);
		break;
	case VALUE_INT:
		buf_appendf(out, "i%" PRId64, v.i);
		break;
	case VALUE_DOUBLE:
		memcpy(&bits, &v.d, 8);
		buf_appendf(out, "d%016" PRIx64, bits);
		break;
	case VALUE_BYTES:
		hex(out, "x", v.ptr, v.len);
		break;
	case VALUE_ARRAY:
		hex(out, "a", v.ptr, v.len);
		break;
	case VALUE_MAP:
		hex(out, "m", v.ptr, v.len);
		break;
	}
}

static void attributes(struct buf *out, const struct batch_common *batch, struct attr_run run)
{
	for (uint32_t i = 0; i < run.count; i++) {
		const struct attr *attr = &batch->attrs[run.first + i];
		text(out, "    ", batch->keys[attr->key]);
		buf_append_cstr(out, " = ");
		value(out, attr->value);
		buf_append_byte(out, '\n');
	}
}

static void parents(struct buf *out, const struct batch_common *batch, uint32_t number)
{
	const struct scope *scope = &batch->scopes[number];
	const struct resource *resource = &batch->resources[scope->resource];
	text(out, "resource schema=", resource->schema_url);
	buf_appendf(out, " dropped=%u\n", resource->dropped_attributes);
	attributes(out, batch, resource->attrs);
	text(out, "scope name=", scope->name);
	text(out, " version=", scope->version);
	text(out, " schema=", scope->schema_url);
	buf_appendf(out, " dropped=%u\n", scope->dropped_attributes);
	attributes(out, batch, scope->attrs);
}

static void log_row(struct buf *out, const struct log_batch *b, uint32_t row)
{
	buf_appendf(out, "log time=%" PRIu64 " observed=%" PRIu64 " severity=%u ", b->time[row],
		    b->observed_time[row], b->severity_number[row]);
	text(out, "", b->severity_text[row]);
	text(out, " event=", b->event_name[row]);
	buf_appendf(out, " dropped=%u flags=%u", b->dropped_attributes[row], b->flags[row]);
	hex(out, " trace=", b->trace_id[row], 16);
	hex(out, " span=", b->span_id[row], 8);
	buf_append_cstr(out, " body=");
	value(out, b->body[row]);
	buf_append_byte(out, '\n');
	attributes(out, &b->common, b->attrs[row]);
}

void dump_logs(struct buf *out, const struct log_batch *b)
{
	uint32_t row = 0;
	for (uint32_t s = 0; s < b->common.scope_count; s++) {
		parents(out, &b->common, s);
		for (; row < b->rows && b->scope[row] == s; row++)
			log_row(out, b, row);
	}
}

static void span_row(struct buf *out, const struct span_batch *b, uint32_t row)
{
	hex(out, "span trace=", b->trace_id[row], 16);
	hex(out, " span=", b->span_id[row], 8);
	hex(out, " parent=", b->parent_span_id[row], 8);
	text(out, " state=", b->trace_state[row]);
	text(out, " name=", b->name[row]);
	buf_appendf(out, " kind=%u start=%" PRIu64 " end=%" PRIu64, b->kind[row],
		    b->start_time[row], b->end_time[row]);
	buf_appendf(out, " dropped=%u,%u,%u flags=%u status=%u", b->dropped_attributes[row],
		    b->dropped_events[row], b->dropped_links[row], b->flags[row],
		    b->status_code[row]);
	text(out, " ", b->status_message[row]);
	buf_append_byte(out, '\n');
	attributes(out, &b->common, b->attrs[row]);
	for (uint32_t e = row ? b->event_end[row - 1] : 0; e < b->event_end[row]; e++) {
		const struct span_event *event = &b->events[e];
		buf_appendf(out, "  event time=%" PRIu64, event->time);
		text(out, " name=", event->name);
		buf_appendf(out, " dropped=%u\n", event->dropped_attributes);
		attributes(out, &b->common, event->attrs);
	}
	for (uint32_t l = row ? b->link_end[row - 1] : 0; l < b->link_end[row]; l++) {
		const struct span_link *link = &b->links[l];
		hex(out, "  link trace=", link->trace_id, 16);
		hex(out, " span=", link->span_id, 8);
		text(out, " state=", link->trace_state);
		buf_appendf(out, " dropped=%u flags=%u\n", link->dropped_attributes, link->flags);
		attributes(out, &b->common, link->attrs);
	}
}

void dump_spans(struct buf *out, const struct span_batch *b)
{
	uint32_t row = 0;
	for (uint32_t s = 0; s < b->common.scope_count; s++) {
		parents(out, &b->common, s);
		for (; row < b->rows && b->scope[row] == s; row++)
			span_row(out, b, row);
	}
}

bool load_fixture(const char *name, struct buf *out)
{
	char path[512], piece[4096];
	snprintf(path, sizeof(path), "%s/tests/fixtures/%s", TRIPOD_SOURCE_ROOT, name);
	FILE *file = fopen(path, "rb");
	if (!file) {
		perror(path);
		return false;
	}
	for (size_t n; (n = fread(piece, 1, sizeof(piece), file));)
		buf_append(out, piece, n);
	fclose(file);
	return buf_reserve(out, 64);
}
