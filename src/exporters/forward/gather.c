/* Making requests of the log's records, without looking into them. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "exporters/forward/forwarder_int.h"
#include "telemetry/otlp_check.h"
#include "telemetry/otlp_json.h"

struct gather_limits gather_limits_of(const struct batch_limits *batch,
				      const struct queue_options *queue)
{
	struct gather_limits limits = {0};
	if (queue->has_batch) {
		limits.timeout = queue->batch.flush_timeout;
		limits.least = (uint64_t)queue->batch.min_size;
		limits.most = (uint64_t)queue->batch.max_size;
		limits.in_bytes = queue->batch.sizer == BATCH_SIZER_BYTES;
	} else if (batch->set) {
		limits.timeout = batch->timeout;
		limits.least = batch->size;
		limits.most = batch->max_size;
	}
	if (!limits.least)
		limits.timeout = 0;
	return limits;
}

/* --- gathering -------------------------------------------------------------------- */

static size_t most_bytes(const struct forwarder *f)
{
	return f->options.gather.least ? GATHER_MAX_BYTES : GATHER_USUAL_BYTES;
}

static bool goes_as_it_is(const struct forwarder *f, const struct record *record)
{
	return record->coding == f->options.coding && !f->options.json;
}

static int plain_of(struct forwarder *f, const struct record *record, struct chunk **owner,
		    struct slice *plain, struct error *err)
{
	*plain = (struct slice){NULL, 0};
	if (record->plain) {
		*owner = chunk_ref(record->plain);
		*plain = record->plain_bytes;
		return 0;
	}
	if (record->coding == COMPRESS_IDENTITY) {
		*owner = chunk_ref(record->wire);
		*plain = record->wire_bytes;
		return 0;
	}
	int rc = compress_decode(owner, f->options.chunks, record->coding, record->wire_bytes,
				 MAX_PLAIN, err);
	if (rc == 0)
		*plain = (struct slice){(*owner)->data, (*owner)->len};
	return rc == STATUS_INVALID || rc == STATUS_LIMIT ? STATUS_CORRUPT : rc;
}

static bool append(struct forwarder *f, struct slice plain)
{
	struct gathering *g = &f->gathering;
	size_t have = g->plain ? g->plain->len : 0;
	struct chunk *chunk = g->plain ? chunk_grow(g->plain, have + plain.len)
				       : chunk_new(f->options.chunks, 2 * plain.len);
	if (!chunk)
		return false;
	memcpy(chunk->data + have, plain.ptr, plain.len);
	chunk->len = have + plain.len;
	g->plain = chunk;
	g->bytes = chunk->len;
	return true;
}

/* Whether the single record could be made the first of several. */
static bool open_up(struct forwarder *f)
{
	struct gathering *g = &f->gathering;
	struct chunk *owner;
	struct slice plain;
	if (!g->single)
		return true;
	if (plain_of(f, g->single, &owner, &plain, NULL) < 0)
		return false;
	bool ok = append(f, plain);
	chunk_unref(owner);
	if (ok) {
		record_unref(g->single);
		g->single = NULL;
	}
	return ok;
}

/* Bytes that it adds to a request; of a compressed one, about the least. */
static size_t size_of(const struct record *record)
{
	return record->plain ? record->plain_bytes.len : record->wire_bytes.len;
}

static void begin(struct forwarder *f, struct record *record)
{
	struct gathering *g = &f->gathering;
	bool large = record->coding != COMPRESS_IDENTITY && record->wire_bytes.len >= PASS_ON_BYTES;
	*g = (struct gathering){.single = record_ref(record),
				.from = record->position,
				.bytes = size_of(record),
				.first_received = record->received_time,
				.began = clock_monotonic_ns(),
				.full = large && !f->options.gather.least &&
					goes_as_it_is(f, record)};
}

static bool join(struct forwarder *f, struct record *record)
{
	struct gathering *g = &f->gathering;
	const struct gather_limits *limits = &f->options.gather;
	struct chunk *owner;
	struct slice plain;
	if (limits->most && !limits->in_bytes && g->rows + record->rows > limits->most)
		return false;
	size_t most = most_bytes(f);
	if (limits->most && limits->in_bytes && limits->most < most)
		most = limits->most;
	if (g->bytes + size_of(record) > most)
		return false; /* before anything is copied */
	if (!open_up(f) || plain_of(f, record, &owner, &plain, NULL) < 0)
		return false;
	bool fits = g->bytes + plain.len <= most && append(f, plain);
	chunk_unref(owner);
	return fits;
}

bool gather_add(struct forwarder *f, struct record *record)
{
	struct gathering *g = &f->gathering;
	const struct gather_limits *limits = &f->options.gather;
	if (gather_is_empty(f)) {
		begin(f, record);
	} else if (g->full || !join(f, record)) {
		g->full = true;
		return false;
	}
	g->rows += record->rows;
	g->to = record->end;
	uint64_t size = limits->in_bytes ? g->bytes : g->rows;
	if ((limits->least && size >= limits->least) || g->bytes >= most_bytes(f))
		g->full = true;
	return true;
}

void gather_clear(struct forwarder *f)
{
	record_unref(f->gathering.single);
	chunk_unref(f->gathering.plain);
	f->gathering = (struct gathering){0};
}

/* --- parts ------------------------------------------------------------------------ */

void part_free(struct part *part)
{
	if (!part)
		return;
	chunk_unref(part->owner);
	chunk_unref(part->source);
	free(part);
}

/* What is in `scratch`, as the part's bytes. */
static int take_scratch(struct forwarder *f, struct part *part, struct error *err)
{
	struct chunk *chunk = chunk_new(f->options.chunks, f->scratch.len);
	if (!chunk || f->scratch.failed) {
		chunk_unref(chunk);
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	}
	memcpy(chunk->data, f->scratch.data, f->scratch.len);
	chunk->len = f->scratch.len;
	chunk_seal(chunk);
	chunk_unref(part->owner);
	part->owner = chunk;
	part->bytes = (struct slice){chunk->data, chunk->len};
	return 0;
}

static int encode(struct forwarder *f, struct part *part, struct error *err)
{
	if (f->options.json) {
		part->source = chunk_ref(part->owner);
		part->protobuf = part->bytes;
		buf_clear(&f->scratch);
		int rc = otlp_protobuf_to_json(otlp_request_message(f->options.filter.signal),
					       part->protobuf, &f->scratch, err);
		if (rc == 0)
			rc = take_scratch(f, part, err);
		if (rc < 0)
			return rc == STATUS_INVALID ? STATUS_CORRUPT : STATUS_NO_MEMORY;
	}
	if (f->options.coding == COMPRESS_IDENTITY)
		return 0;
	buf_clear(&f->scratch);
	int rc = compressor_append(f->compressor, part->bytes, &f->scratch, err);
	if (rc == 0)
		rc = take_scratch(f, part, err);
	part->coding = f->options.coding;
	return rc < 0 ? STATUS_NO_MEMORY : 0;
}

struct part *part_new(struct forwarder *f, struct chunk *source, struct slice protobuf,
		      struct error *err)
{
	struct part *part = calloc(1, sizeof(*part));
	if (!part) {
		error_set(err, STATUS_NO_MEMORY, "out of memory");
		return NULL;
	}
	part->owner = chunk_ref(source);
	part->bytes = protobuf;
	int rc = encode(f, part, err);
	if (rc == 0)
		return part;
	part_free(part);
	err->status = (enum status)rc;
	return NULL;
}

static struct part *part_as_it_is(const struct record *record, struct error *err)
{
	struct part *part = calloc(1, sizeof(*part));
	if (!part) {
		error_set(err, STATUS_NO_MEMORY, "out of memory");
		return NULL;
	}
	part->owner = chunk_ref(record->wire);
	part->bytes = record->wire_bytes;
	part->coding = record->coding;
	return part;
}

static struct part *part_of_single(struct forwarder *f, const struct record *record,
				   struct error *err)
{
	struct chunk *owner;
	struct slice plain;
	if (goes_as_it_is(f, record))
		return part_as_it_is(record, err);
	int rc = plain_of(f, record, &owner, &plain, err);
	if (rc < 0) {
		err->status = (enum status)rc;
		return NULL;
	}
	struct part *part = part_new(f, owner, plain, err);
	chunk_unref(owner);
	return part;
}

struct part *gather_finish(struct forwarder *f, struct error *err)
{
	struct gathering *g = &f->gathering;
	struct part *part;
	if (g->single) {
		part = part_of_single(f, g->single, err);
	} else {
		chunk_seal(g->plain);
		part = part_new(f, g->plain, (struct slice){g->plain->data, g->plain->len}, err);
	}
	if (!part)
		return NULL;
	part->rows = g->rows;
	part->from = g->from;
	part->index = 1;
	return part;
}

int part_protobuf(struct forwarder *f, const struct part *part, struct chunk **owner,
		  struct slice *protobuf, struct error *err)
{
	if (part->source || part->coding == COMPRESS_IDENTITY) {
		*owner = chunk_ref(part->source ? part->source : part->owner);
		*protobuf = part->source ? part->protobuf : part->bytes;
		return 0;
	}
	int rc = compress_decode(owner, f->options.chunks, part->coding, part->bytes, MAX_PLAIN,
				 err);
	if (rc == 0)
		*protobuf = (struct slice){(*owner)->data, (*owner)->len};
	return rc;
}
