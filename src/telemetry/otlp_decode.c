/* What requests of logs and of traces share: the frame of resources and scopes, and rejections. */
#include "telemetry/otlp_decode.h"

#include <inttypes.h>
#include <stdio.h>

#include "telemetry/otlp_decode_int.h"

#define KEEP_MEMORY ((size_t)64 << 20) /* of a batch, between calls */

const char *reject_reason_name(enum reject_reason reason)
{
	static const char *const names[REJECT_REASON_COUNT] = {
		[REJECT_INVALID_UTF8] = "invalid_utf8",
		[REJECT_INVALID_ID] = "invalid_id",
		[REJECT_TOO_DEEP] = "too_deep",
		[REJECT_INVALID_TIME] = "invalid_time",
		[REJECT_EXPIRED] = "expired",
		[REJECT_TOO_MANY_KEYS] = "too_many_keys",
		[REJECT_INVALID_NAME] = "invalid_name",
		[REJECT_NO_VALUE] = "no_value",
		[REJECT_INVALID_HISTOGRAM] = "invalid_histogram",
		[REJECT_NO_TEMPORALITY] = "no_temporality",
		[REJECT_TOO_FAR_IN_THE_FUTURE] = "too_far_in_the_future",
		[REJECT_TOO_MANY_DAYS] = "too_many_days",
	};
	return names[reason];
}

static const char *reject_text(enum reject_reason reason)
{
	static const char *const texts[REJECT_REASON_COUNT] = {
		[REJECT_INVALID_UTF8] = "is not valid UTF-8",
		[REJECT_INVALID_ID] = "is missing, all zero or of a wrong length",
		[REJECT_TOO_DEEP] = "is nested too deep",
		[REJECT_INVALID_TIME] = "is out of range",
		[REJECT_EXPIRED] = "is older than the retention",
		[REJECT_TOO_MANY_KEYS] = "makes too many distinct attribute keys in one request",
		[REJECT_INVALID_NAME] = "has no letter or digit",
		[REJECT_NO_VALUE] = "has no value",
		[REJECT_INVALID_HISTOGRAM] = "cannot be",
		[REJECT_NO_TEMPORALITY] = "is neither delta nor cumulative",
		[REJECT_TOO_FAR_IN_THE_FUTURE] = "is too far in the future",
		[REJECT_TOO_MANY_DAYS] = "makes too many distinct days in one request",
	};
	return texts[reason];
}

/* --- failing --- */

bool otlp_malformed(struct otlp_decoder *d, const struct pb_reader *r)
{
	if (!r->error) /* a message inside failed and has said so */
		return false;
	d->status = error_set(d->err, STATUS_INVALID, "malformed protobuf at byte %td: %s",
			      r->pos - d->base, r->error);
	return false;
}

bool otlp_no_memory(struct otlp_decoder *d)
{
	d->status = error_set(d->err, STATUS_LIMIT,
			      "the request needs more than %zu bytes of memory when decoded",
			      d->common->arena.budget);
	return false;
}

void otlp_reject(struct otlp_decoder *d, enum reject_reason reason, const char *what)
{
	if (d->reject != NOT_REJECTED)
		return;
	d->reject = (int)reason;
	d->reject_what = what;
}

void otlp_count_rejected(struct otlp_decoder *d, uint64_t records, uint64_t first)
{
	struct rejects *rejects = d->rejects;
	enum reject_reason reason = (enum reject_reason)d->reject;
	d->reject = NOT_REJECTED;
	if (!records)
		return;
	if (!rejects->total)
		snprintf(rejects->example, sizeof(rejects->example), "%s %" PRIu64 ": %s %s",
			 d->kind->record_name, first, d->reject_what, reject_text(reason));
	rejects->count[reason] += records;
	rejects->total += records;
}

/* --- the days of a request --- */

static inline uint64_t day_bit(uint64_t day)
{
	return UINT64_C(1) << (day % 64);
}

/* The set is made for the second day: most requests have one. */
static bool make_days(struct otlp_decoder *d)
{
	size_t size = (TIME_LIMIT / NS_PER_DAY / 64 + 1) * sizeof(*d->days);
	d->days = arena_alloc(&d->common->arena, size);
	if (!d->days)
		return otlp_no_memory(d);
	memset(d->days, 0, size);
	uint64_t first = d->day_start / NS_PER_DAY;
	d->days[first / 64] |= day_bit(first);
	return true;
}

bool otlp_count_day(struct otlp_decoder *d, uint64_t time, const char *what)
{
	uint64_t day = time / NS_PER_DAY;
	if (d->day_count && !d->days && !make_days(d))
		return false;
	if (!otlp_has_day(d, time)) {
		if (d->day_count == OTLP_MAX_DAYS) {
			otlp_reject(d, REJECT_TOO_MANY_DAYS, what);
			return true;
		}
		d->day_count++;
		if (d->days)
			d->days[day / 64] |= day_bit(day);
	}
	d->day_start = day * NS_PER_DAY;
	return true;
}

bool otlp_has_day(const struct otlp_decoder *d, uint64_t time)
{
	uint64_t day = time / NS_PER_DAY;
	if (!d->days)
		return time - d->day_start < NS_PER_DAY;
	return d->days[day / 64] & day_bit(day);
}

/* --- resources and scopes --- */

static bool add_resource(struct otlp_decoder *d)
{
	struct batch_common *common = d->common;
	if (common->resource_count == common->resource_capacity) {
		const struct growing_column column = {&common->resources,
						      sizeof(*common->resources)};
		if (!columns_grow(&common->arena, &column, 1, common->resource_count,
				  &common->resource_capacity))
			return otlp_no_memory(d);
	}
	common->resources[common->resource_count++] = (struct resource){
		.attrs = {common->attr_count, 0},
		.schema_url = SLICE(""),
		.service_name = SLICE(""),
	};
	return true;
}

static void find_service_name(struct batch_common *common, struct resource *resource)
{
	for (uint32_t i = 0; i < resource->attrs.count; i++) {
		const struct attr *attr = &common->attrs[resource->attrs.first + i];
		if (attr->value.type == VALUE_STRING &&
		    slice_eq(common->keys[attr->key], SLICE("service.name"))) {
			resource->service_name = value_bytes(attr->value);
			return;
		}
	}
}

static bool resource_message(struct otlp_decoder *d, struct pb_reader *r)
{
	struct resource *resource = &d->common->resources[d->common->resource_count - 1];
	struct pb_reader message;
	if (!pb_message(r, &message))
		return otlp_malformed(d, r);
	if (!otlp_reopen_run(d, &resource->attrs))
		return false;
	d->previous_key = KEY_START_RESOURCE;
	while (pb_more(&message)) {
		uint32_t tag;
		if (!pb_tag(&message, &tag))
			return otlp_malformed(d, &message);
		bool ok;
		if (tag == PB_TAG(1, PB_LEN)) {
			if (!otlp_attribute(d, &message, &resource->attrs))
				return false;
			continue;
		}
		if (tag == PB_TAG(2, PB_VARINT))
			ok = pb_uint32(&message, &resource->dropped_attributes);
		else
			ok = pb_skip(&message, tag);
		if (!ok)
			return otlp_malformed(d, &message);
	}
	find_service_name(d->common, resource);
	return true;
}

static bool add_scope(struct otlp_decoder *d)
{
	struct batch_common *common = d->common;
	if (common->scope_count == common->scope_capacity) {
		const struct growing_column column = {&common->scopes, sizeof(*common->scopes)};
		if (!columns_grow(&common->arena, &column, 1, common->scope_count,
				  &common->scope_capacity))
			return otlp_no_memory(d);
	}
	common->scopes[common->scope_count++] = (struct scope){
		.resource = common->resource_count - 1,
		.attrs = {common->attr_count, 0},
		.name = SLICE(""),
		.version = SLICE(""),
		.schema_url = SLICE(""),
	};
	return true;
}

static bool scope_message(struct otlp_decoder *d, struct pb_reader *r)
{
	struct scope *scope = &d->common->scopes[d->common->scope_count - 1];
	struct pb_reader message;
	if (!pb_message(r, &message))
		return otlp_malformed(d, r);
	if (!otlp_reopen_run(d, &scope->attrs))
		return false;
	d->previous_key = KEY_START_SCOPE;
	while (pb_more(&message)) {
		uint32_t tag;
		if (!pb_tag(&message, &tag))
			return otlp_malformed(d, &message);
		bool ok;
		switch (tag) {
		case PB_TAG(1, PB_LEN):
			ok = otlp_text(d, &message, &scope->name, "scope name");
			break;
		case PB_TAG(2, PB_LEN):
			ok = otlp_text(d, &message, &scope->version, "scope version");
			break;
		case PB_TAG(3, PB_LEN):
			if (!otlp_attribute(d, &message, &scope->attrs))
				return false;
			continue;
		case PB_TAG(4, PB_VARINT):
			ok = pb_uint32(&message, &scope->dropped_attributes);
			break;
		default:
			ok = pb_skip(&message, tag);
		}
		if (!ok)
			return otlp_malformed(d, &message);
	}
	return true;
}

/* --- the frame of a request --- */

/* Where a record, scope or resource began, to go back to when it is rejected. */
struct mark {
	uint32_t keys, attrs, resources, scopes, rows;
	uint64_t record;
};

static struct mark mark_here(const struct otlp_decoder *d)
{
	return (struct mark){d->common->key_count,
			     d->common->attr_count,
			     d->common->resource_count,
			     d->common->scope_count,
			     *d->rows,
			     d->record};
}

/* Takes back everything since `mark`, and counts the `records` that it had. */
static void reject_since(struct otlp_decoder *d, const struct mark *mark, uint64_t records)
{
	struct batch_common *common = d->common;
	otlp_count_rejected(d, records, mark->record);
	common->attr_count = mark->attrs;
	common->resource_count = mark->resources;
	common->scope_count = mark->scopes;
	key_table_truncate(common, mark->keys);
	d->kind->truncate(d, mark->rows);
}

static bool record_message(struct otlp_decoder *d, struct pb_reader *r)
{
	struct mark mark = mark_here(d);
	struct pb_reader message;
	if (!pb_message(r, &message))
		return otlp_malformed(d, r);
	if (!d->kind->record(d, &message))
		return false;
	d->record++;
	if (__builtin_expect(d->reject != NOT_REJECTED, 0))
		reject_since(d, &mark, 1);
	return true;
}

/*
 * A scope or resource may be found bad behind its records. Its reason is kept apart from
 * theirs and, at its end, drops those that are left.
 */
struct parent {
	struct mark mark;
	int reject;
	const char *what;
};

static void keep_reject(struct otlp_decoder *d, struct parent *parent)
{
	if (parent->reject == NOT_REJECTED && d->reject != NOT_REJECTED) {
		parent->reject = d->reject;
		parent->what = d->reject_what;
	}
	d->reject = NOT_REJECTED;
}

static void end_parent(struct otlp_decoder *d, const struct parent *parent)
{
	if (parent->reject == NOT_REJECTED)
		return;
	d->reject = parent->reject;
	d->reject_what = parent->what;
	reject_since(d, &parent->mark, *d->rows - parent->mark.rows);
}

/* ScopeLogs, ScopeSpans: 1 the scope, 2 the records, 3 the schema's URL. */
static bool scope_records(struct otlp_decoder *d, struct pb_reader *r)
{
	struct pb_reader message;
	if (!pb_message(r, &message))
		return otlp_malformed(d, r);
	struct parent parent = {mark_here(d), NOT_REJECTED, NULL};
	if (!add_scope(d))
		return false;
	struct scope *scope = &d->common->scopes[d->common->scope_count - 1];
	while (pb_more(&message)) {
		uint32_t tag;
		if (!pb_tag(&message, &tag))
			return otlp_malformed(d, &message);
		bool ok = true;
		if (tag == PB_TAG(2, PB_LEN)) {
			if (!record_message(d, &message))
				return false;
			continue;
		}
		if (tag == PB_TAG(1, PB_LEN)) {
			if (!scope_message(d, &message))
				return false;
		} else if (tag == PB_TAG(3, PB_LEN)) {
			ok = otlp_text(d, &message, &scope->schema_url, "scope's schema URL");
		} else {
			ok = pb_skip(&message, tag);
		}
		if (!ok)
			return otlp_malformed(d, &message);
		keep_reject(d, &parent);
	}
	end_parent(d, &parent);
	return true;
}

/* ResourceLogs, ResourceSpans: 1 the resource, 2 the scopes' records, 3 the schema's URL. */
static bool resource_records(struct otlp_decoder *d, struct pb_reader *r)
{
	struct pb_reader message;
	if (!pb_message(r, &message))
		return otlp_malformed(d, r);
	struct parent parent = {mark_here(d), NOT_REJECTED, NULL};
	if (!add_resource(d))
		return false;
	struct resource *resource = &d->common->resources[d->common->resource_count - 1];
	while (pb_more(&message)) {
		uint32_t tag;
		if (!pb_tag(&message, &tag))
			return otlp_malformed(d, &message);
		bool ok = true;
		if (tag == PB_TAG(2, PB_LEN)) {
			if (!scope_records(d, &message))
				return false;
			continue;
		}
		if (tag == PB_TAG(1, PB_LEN)) {
			if (!resource_message(d, &message))
				return false;
		} else if (tag == PB_TAG(3, PB_LEN)) {
			ok = otlp_text(d, &message, &resource->schema_url, "resource's schema URL");
		} else {
			ok = pb_skip(&message, tag);
		}
		if (!ok)
			return otlp_malformed(d, &message);
		keep_reject(d, &parent);
	}
	end_parent(d, &parent);
	return true;
}

/* --- beginning and end --- */

/* Empties the arena, with all it held last time as one piece: fresh memory costs more than decoding. */
static void reuse_arena(struct arena *arena, size_t budget)
{
	size_t used = arena->used;
	arena->budget = budget;
	if (used > KEEP_MEMORY) {
		arena_release(arena);
		return;
	}
	arena_clear(arena);
	if (arena->used < used && arena_alloc(arena, used))
		arena_clear(arena);
}

bool otlp_begin(struct otlp_decoder *d, struct slice bytes)
{
	struct batch_common *common = d->common;
	d->base = (const uint8_t *)bytes.ptr;
	d->reject = NOT_REJECTED;
	d->reject_after = d->options->reject_after ? d->options->reject_after : UINT64_MAX;
	d->day_start = TIME_LIMIT;
	d->days = NULL;
	d->day_count = 0;
	memset(d->rejects, 0, sizeof(*d->rejects));
	size_t memory = d->options->max_memory;
	reuse_arena(&common->arena, memory ? memory : OTLP_DEFAULT_MEMORY);
	common->received_time = d->options->received_time;
	common->attr_count = common->resource_count = common->scope_count = 0;
	common->key_capacity = common->attr_capacity = 0;
	common->resource_capacity = common->scope_capacity = 0;
	if (!key_table_reset(common))
		return otlp_no_memory(d);
	d->keys = common->key_table;
	if (bytes.len > UINT32_MAX) {
		d->status = error_set(d->err, STATUS_LIMIT, "the request is larger than 4 GiB");
		return false;
	}
	return true;
}

/* ExportLogsServiceRequest, ExportTraceServiceRequest: 1 the resources' records. */
static bool request_message(struct otlp_decoder *d, struct slice bytes)
{
	struct pb_reader r = pb_reader_of(bytes);
	while (pb_more(&r)) {
		uint32_t tag;
		if (!pb_tag(&r, &tag))
			return otlp_malformed(d, &r);
		if (tag == PB_TAG(1, PB_LEN)) {
			if (!resource_records(d, &r))
				return false;
		} else if (!pb_skip(&r, tag)) {
			return otlp_malformed(d, &r);
		}
	}
	return true;
}

int otlp_decode(struct otlp_decoder *d, struct slice bytes)
{
	if (otlp_begin(d, bytes) && request_message(d, bytes))
		return 0;
	d->kind->truncate(d, 0);
	d->common->attr_count = d->common->resource_count = d->common->scope_count = 0;
	d->common->key_count = 0;
	memset(d->rejects, 0, sizeof(*d->rejects));
	return d->status;
}

void otlp_release(struct batch_common *common)
{
	arena_release(&common->arena);
	key_table_free(common->key_table);
}
