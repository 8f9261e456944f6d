/* Reading the log: from the cache when the reader keeps up, else from disk. */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "pipeline/wal_int.h"

/* Bytes that a stored request may have once decompressed: what the receivers let in, and more. */
#define MAX_PLAIN ((size_t)1 << 30)

struct wal_reader {
	struct wal *wal;
	struct wal_reader *next; /* in wal->readers */
	struct wal_filter filter;
	uint64_t position; /* written with wal->lock held, as others trim the cache by it */
	bool woken;
	struct wal_file file;
};

int wal_reader_new(struct wal_reader **out, struct wal *wal, const struct wal_filter *filter,
		   uint64_t position, struct error *err)
{
	struct wal_reader *reader = calloc(1, sizeof(*reader));
	if (!reader)
		return error_set(err, STATUS_NO_MEMORY, "durable log: out of memory");
	reader->wal = wal;
	reader->filter = *filter;
	reader->position = position;
	reader->file.fd = -1;
	pthread_mutex_lock(&wal->lock);
	reader->next = wal->readers;
	wal->readers = reader;
	pthread_mutex_unlock(&wal->lock);
	*out = reader;
	return 0;
}

static void trim_cache(struct wal *wal)
{
	uint64_t least = UINT64_MAX;
	for (struct wal_reader *reader = wal->readers; reader; reader = reader->next) {
		if (reader->position < least)
			least = reader->position;
	}
	wal_cache_trim(&wal->cache, least);
}

void wal_reader_free(struct wal_reader *reader)
{
	if (!reader)
		return;
	struct wal *wal = reader->wal;
	pthread_mutex_lock(&wal->lock);
	struct wal_reader **link = &wal->readers;
	while (*link != reader)
		link = &(*link)->next;
	*link = reader->next;
	trim_cache(wal);
	pthread_mutex_unlock(&wal->lock);
	wal_file_close(&reader->file);
	free(reader);
}

uint64_t wal_reader_position(const struct wal_reader *reader)
{
	return reader->position;
}

void wal_reader_seek(struct wal_reader *reader, uint64_t position)
{
	pthread_mutex_lock(&reader->wal->lock);
	reader->position = position;
	pthread_mutex_unlock(&reader->wal->lock);
}

void wal_reader_wake(struct wal_reader *reader)
{
	pthread_mutex_lock(&reader->wal->lock);
	reader->woken = true;
	pthread_cond_broadcast(&reader->wal->news);
	pthread_mutex_unlock(&reader->wal->lock);
}

static bool is_wanted(const struct wal_filter *filter, unsigned signal, uint64_t receiver)
{
	for (unsigned i = 0; i < filter->excluded_count; i++) {
		if (filter->excluded[i] == receiver)
			return false;
	}
	return signal == filter->signal;
}

/* Takes the next wanted record from the cache; NULL when it is not (all) there. Lock held. */
static struct record *next_cached(struct wal_reader *reader, uint64_t limit)
{
	struct wal_cache *cache = &reader->wal->cache;
	struct record *record;
	while ((record = wal_cache_find(cache, reader->position)) && record->position < limit) {
		reader->position = record->end;
		if (is_wanted(&reader->filter, record->signal, record->receiver)) {
			record_ref(record);
			trim_cache(reader->wal);
			return record;
		}
	}
	return NULL;
}

static int no_memory(struct error *err)
{
	return error_set(err, STATUS_NO_MEMORY, "durable log: out of memory");
}

/* Fills a record from bytes that were accepted before. */
static int fill(struct record *record, struct chunk *chunk, struct slice bytes,
		enum compress_encoding coding, bool raw, struct error *err)
{
	struct rejects rejects = {0};
	if (raw) {
		record_set_wire(record, chunk, bytes, coding);
		return 0;
	}
	int rc = record_decode(record, chunk, bytes, coding, MAX_PLAIN, &rejects, err);
	if (rc == STATUS_LIMIT)
		return STATUS_NO_MEMORY; /* it was taken in under the same limits: memory is short now */
	return rc == STATUS_INVALID || rc == STATUS_UNSUPPORTED ? STATUS_CORRUPT : rc;
}

static int load(struct wal_reader *reader, uint64_t position, const struct wal_frame *frame,
		struct record **out, struct error *err)
{
	struct record_pool *pool = reader->wal->pool;
	if (frame->signal >= SIGNAL_COUNT)
		return error_set(err, STATUS_CORRUPT,
				 "durable log: a record of an unknown signal at position %" PRIu64,
				 position);
	struct record *record = record_new(pool, (enum signal)frame->signal);
	struct chunk *chunk = chunk_new(record_pool_chunks(pool), frame->length);
	int rc = record && chunk ? 0 : no_memory(err);
	if (rc == 0)
		rc = wal_read_payload(reader->wal, &reader->file, position, frame, chunk->data,
				      err);
	if (rc == 0) {
		chunk->len = frame->length;
		chunk_seal(chunk);
		record->position = position;
		record->end = position + wal_align(sizeof(*frame) + frame->length, WAL_FRAME_ALIGN);
		record->receiver = frame->receiver;
		record->received_time = frame->received_time;
		record->expire_before = frame->expire_before;
		record->rows = frame->rows;
		record->rejected = frame->rejected;
		rc = fill(record, chunk, (struct slice){chunk->data, chunk->len},
			  (enum compress_encoding)frame->coding, reader->filter.raw, err);
	}
	chunk_unref(chunk);
	if (rc < 0) {
		record_unref(record);
		return rc;
	}
	*out = record;
	return 0;
}

/*
 * A cached record that nobody needed columns of when it came, decoded: another one, as
 * it may be in use.
 */
static int decode_cached(struct wal_reader *reader, struct record **record, struct error *err)
{
	struct record *from = *record;
	struct record *to = record_new(reader->wal->pool, from->signal);
	int rc = to ? 0 : no_memory(err);
	if (rc == 0) {
		to->position = from->position;
		to->end = from->end;
		to->receiver = from->receiver;
		to->received_time = from->received_time;
		to->expire_before = from->expire_before;
		rc = fill(to, from->wire, from->wire_bytes, from->coding, false, err);
	}
	record_unref(from);
	if (rc < 0) {
		record_unref(to);
		return rc;
	}
	*record = to;
	return 0;
}

/* Steps over what is lost at `at`, if the disk can be read at all. */
static int skip_damage(struct wal_reader *reader, uint64_t at, uint64_t limit, struct error *err)
{
	struct wal_frame frame;
	struct error why = *err;
	at++;
	int rc = wal_find_frame(reader->wal, &reader->file, &at, limit, &frame, err);
	if (rc < 0)
		return rc;
	wal_reader_seek(reader, at);
	*err = why;
	return STATUS_CORRUPT;
}

/*
 * The next wanted record on disk before `limit`. Moves the reader past it, and past what is
 * lost (CORRUPT); not when memory or descriptors are short (NO_MEMORY, IO): that may pass.
 */
static int next_on_disk(struct wal_reader *reader, uint64_t limit, struct record **out,
			struct error *err)
{
	struct wal *wal = reader->wal;
	uint64_t at = reader->position;
	for (;;) {
		struct wal_frame frame;
		int rc = wal_read_frame(wal, &reader->file, &at, limit, &frame, err);
		if (rc == STATUS_NOT_FOUND)
			wal_reader_seek(reader, at);
		if (rc == STATUS_CORRUPT)
			return skip_damage(reader, at, limit, err);
		if (rc < 0)
			return rc;
		uint64_t behind = at + wal_align(sizeof(frame) + frame.length, WAL_FRAME_ALIGN);
		if (is_wanted(&reader->filter, frame.signal, frame.receiver)) {
			rc = load(reader, at, &frame, out, err);
			if (rc == 0 || rc == STATUS_CORRUPT)
				wal_reader_seek(reader, behind);
			return rc;
		}
		at = behind;
	}
}

static bool wait_for_news(struct wal_reader *reader, const struct timespec *deadline)
{
	struct wal *wal = reader->wal;
	if (reader->woken || wal->closing)
		return false;
	return pthread_cond_timedwait(&wal->news, &wal->lock, deadline) == 0;
}

int wal_reader_next(struct wal_reader *reader, uint64_t limit, unsigned wait_ms,
		    struct record **out, struct error *err)
{
	struct wal *wal = reader->wal;
	int64_t until = clock_monotonic_ns() + (int64_t)wait_ms * NS_PER_MS;
	struct timespec deadline = {until / NS_PER_SECOND, until % NS_PER_SECOND};
	int rc = STATUS_AGAIN;
	pthread_mutex_lock(&wal->lock);
	while (rc == STATUS_AGAIN) {
		uint64_t end = wal->end < limit ? wal->end : limit;
		if (reader->position >= limit) {
			rc = error_set(err, STATUS_NOT_FOUND, "durable log: no more records");
		} else if (reader->position >= end) {
			if (!wait_for_news(reader, &deadline))
				break;
		} else if ((*out = next_cached(reader, end))) {
			rc = 0;
		} else if (reader->position < end) {
			uint64_t cached_from = wal_cache_start(&wal->cache, wal->end);
			uint64_t disk_end = cached_from < end && cached_from > reader->position
						    ? cached_from
						    : end;
			wal->stats.cache_misses++;
			pthread_mutex_unlock(&wal->lock);
			rc = next_on_disk(reader, disk_end, out, err);
			if (rc == STATUS_NOT_FOUND)
				rc = STATUS_AGAIN;
			pthread_mutex_lock(&wal->lock);
		}
	}
	if (rc == STATUS_AGAIN)
		reader->woken = false;
	pthread_mutex_unlock(&wal->lock);
	if (rc == 0 && !reader->filter.raw && !(*out)->decoded) {
		uint64_t position = (*out)->position;
		rc = decode_cached(reader, out, err);
		if (rc < 0 && rc != STATUS_CORRUPT)
			wal_reader_seek(reader, position);
	}
	return rc;
}

/* Of the records in [from, end), by their headers. */
static uint64_t count_headers(struct wal *wal, uint64_t from, uint64_t end,
			      const struct wal_filter *filter)
{
	struct wal_file file = {.fd = -1};
	uint64_t rows = 0;
	while (from < end) {
		struct wal_frame frame;
		int rc = wal_read_frame(wal, &file, &from, end, &frame, NULL);
		if (rc == STATUS_CORRUPT) {
			from++;
			rc = wal_find_frame(wal, &file, &from, end, &frame, NULL);
			if (rc == 0)
				continue;
		}
		if (rc < 0)
			break;
		if (is_wanted(filter, frame.signal, frame.receiver))
			rows += frame.rows;
		from += wal_align(sizeof(frame) + frame.length, WAL_FRAME_ALIGN);
	}
	wal_file_close(&file);
	return rows;
}

uint64_t wal_count_rows(struct wal *wal, uint64_t from, const struct wal_filter *filter)
{
	const struct wal_row_counts *counts = &wal->row_counts;
	uint64_t size = wal->segments.size, end = wal_end(wal), rows = 0;
	uint64_t first = (from + size - 1) / size; /* the first that is counted whole */
	if (first >= counts->end)
		return count_headers(wal, from, end, filter);
	for (size_t i = 0; i < counts->count; i++) {
		const struct wal_rows *item = &counts->items[i];
		if (item->segment >= first && item->segment < counts->end &&
		    is_wanted(filter, item->signal, item->receiver))
			rows += item->rows;
	}
	return rows + count_headers(wal, from, first * size, filter) +
	       count_headers(wal, counts->end * size, end, filter);
}
