/*
 * A decoded request, as columns. Rows are in the order sent. Times are nanoseconds since
 * the Unix epoch. See telemetry/attrs.h for who owns the strings.
 */
#ifndef TRIPOD_TELEMETRY_BATCH_H
#define TRIPOD_TELEMETRY_BATCH_H

#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "telemetry/attrs.h"

/* opentelemetry.proto.resource.v1.Resource with the ResourceXxx's schema URL. */
struct resource {
	struct attr_run attrs;
	uint32_t dropped_attributes;
	struct slice schema_url;
	struct slice service_name; /* the attribute service.name when it is a string, else "" */
};

/* opentelemetry.proto.common.v1.InstrumentationScope, within its resource. */
struct scope {
	uint32_t resource; /* index into the batch's resources */
	struct attr_run attrs;
	uint32_t dropped_attributes;
	struct slice name, version, schema_url;
};

struct key_table; /* telemetry/key_table.h */

/* What every batch has. The capacities are the decoder's own. */
struct batch_common {
	struct arena arena;
	uint64_t received_time; /* when the request came; for rows without any time */
	struct slice *keys; /* interned attribute keys */
	uint32_t key_count;
	struct attr *attrs;
	uint32_t attr_count;
	struct resource *resources;
	uint32_t resource_count;
	struct scope *scopes;
	uint32_t scope_count;
	uint32_t key_capacity, attr_capacity, resource_capacity, scope_capacity;
	struct key_table *key_table;
};

struct log_batch {
	struct batch_common common;
	uint32_t rows, row_capacity;
	uint32_t *scope; /* index into common.scopes */
	uint64_t *time; /* time_unix_nano; 0 when the sender did not say */
	uint64_t *observed_time;
	uint8_t *severity_number;
	struct slice *severity_text;
	struct slice *event_name;
	struct value *body;
	struct attr_run *attrs;
	uint32_t *dropped_attributes;
	uint32_t *flags;
	uint8_t (*trace_id)[16]; /* all zero: none */
	uint8_t (*span_id)[8];
};

struct span_event {
	uint64_t time;
	struct slice name;
	struct attr_run attrs;
	uint32_t dropped_attributes;
};

struct span_link {
	uint8_t trace_id[16];
	uint8_t span_id[8];
	struct slice trace_state;
	struct attr_run attrs;
	uint32_t dropped_attributes;
	uint32_t flags;
};

struct span_batch {
	struct batch_common common;
	uint32_t rows, row_capacity;
	uint32_t *scope;
	uint8_t (*trace_id)[16];
	uint8_t (*span_id)[8];
	uint8_t (*parent_span_id)[8];
	struct slice *trace_state;
	struct slice *name;
	uint8_t *kind; /* 0 to 5 as in the proto */
	uint64_t *start_time, *end_time;
	struct attr_run *attrs;
	uint32_t *dropped_attributes, *dropped_events, *dropped_links;
	uint32_t *flags;
	uint8_t *status_code; /* 0 unset, 1 ok, 2 error */
	struct slice *status_message;
	/* events of row i: events[event_end[i-1] .. event_end[i]); likewise links */
	uint32_t *event_end;
	struct span_event *events;
	uint32_t *link_end;
	struct span_link *links;
	uint32_t event_count, event_capacity, link_count, link_capacity;
};

#endif
