/*
 * Finds the end of the log after any kind of stop.
 *
 * Each frame says how far the log was durable when it was written (`synced`), and which
 * opening wrote it (`epoch`). So what does not read back is either the last, unacknowledged
 * group, torn by the stop: it is cut off; or acknowledged bytes that the disk lost: then a
 * later frame proves it, and the gap is reported and stepped over.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/wal_int.h"

struct walk {
	struct wal *wal;
	struct wal_file file;
	struct wal_recovery *recovery;
	uint64_t limit; /* the end of the last segment file */
	uint64_t synced; /* the greatest `synced` seen */
	uint32_t epoch;
	uint64_t ahead; /* segments up to it are in memory, or on their way there */
};

static uint64_t frame_size(const struct wal_frame *frame)
{
	return wal_align(sizeof(*frame) + frame->length, WAL_FRAME_ALIGN);
}

/* Moves *at to a frame that proves that the bytes there had been durable; to `limit` if there is none. */
static int find_proof(struct walk *walk, uint64_t *at, struct error *err)
{
	struct wal_frame frame;
	uint64_t bad = *at;
	for (;;) {
		(*at)++;
		int rc = wal_find_frame(walk->wal, &walk->file, at, walk->limit, &frame, err);
		if (rc < 0 || *at == walk->limit ||
		    (frame.synced > bad && frame.epoch >= walk->epoch))
			return rc;
	}
}

void wal_row_counts_add(struct wal_row_counts *counts, uint64_t segment,
			const struct wal_frame *frame)
{
	for (size_t i = counts->count; i-- && counts->items[i].segment == segment;) {
		struct wal_rows *item = &counts->items[i];
		if (item->signal == frame->signal && item->receiver == frame->receiver) {
			item->rows += frame->rows;
			return;
		}
	}
	if (counts->count == counts->capacity) {
		size_t capacity = counts->capacity ? 2 * counts->capacity : 64;
		struct wal_rows *items = realloc(counts->items, capacity * sizeof(*items));
		if (!items) {
			counts->end = 0; /* the headers will be read again */
			return;
		}
		counts->items = items;
		counts->capacity = capacity;
	}
	counts->items[counts->count++] =
		(struct wal_rows){segment, frame->receiver, frame->rows, frame->signal};
}

/* The log is written past the page cache: what will be walked next is read meanwhile. */
static void read_ahead(struct walk *walk, uint64_t segment)
{
	if (segment < walk->ahead || (segment + 1) * walk->wal->segments.size >= walk->limit)
		return;
	walk->ahead = segment + 1;
	int fd = wal_segment_open_read(&walk->wal->segments, segment + 1, NULL);
	if (fd < 0)
		return;
	posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
	close(fd);
}

/* Walks the headers from `at`; returns the position behind the last frame. */
static int walk_headers(struct walk *walk, uint64_t at, uint64_t *end, struct error *err)
{
	*end = at;
	for (;;) {
		struct wal_frame frame;
		read_ahead(walk, at / walk->wal->segments.size);
		int rc = wal_read_frame(walk->wal, &walk->file, &at, walk->limit, &frame, err);
		if (rc == 0 && frame.epoch >= walk->epoch) {
			walk->epoch = frame.epoch;
			if (frame.synced > walk->synced)
				walk->synced = frame.synced;
			walk->recovery->records++;
			wal_row_counts_add(&walk->wal->row_counts, at / walk->wal->segments.size,
					   &frame);
			at += frame_size(&frame);
			*end = at;
			continue;
		}
		if (at >= walk->limit)
			return 0;
		if (rc == STATUS_IO)
			return rc;
		uint64_t proof = at;
		int searched = find_proof(walk, &proof, err);
		if (searched < 0)
			return searched;
		if (proof == walk->limit) {
			if (rc == STATUS_CORRUPT)
				*end = at;
			return 0;
		}
		walk->recovery->corrupt_bytes += proof - at;
		at = proof;
	}
}

/* The payloads of the last group were perhaps not written: the first bad one is the end. */
static int check_last_group(struct walk *walk, uint64_t *end, struct error *err)
{
	uint64_t at = walk->synced > walk->recovery->first ? walk->synced : walk->recovery->first;
	for (;;) {
		struct wal_frame frame;
		if (wal_read_frame(walk->wal, &walk->file, &at, *end, &frame, NULL) < 0)
			return 0;
		char *payload = malloc(frame.length ? frame.length : 1);
		if (!payload)
			return error_set(err, STATUS_NO_MEMORY, "durable log: out of memory");
		int rc = wal_read_payload(walk->wal, &walk->file, at, &frame, payload, NULL);
		free(payload);
		if (rc < 0) {
			walk->recovery->torn_bytes = *end - at;
			*end = at;
			return 0;
		}
		at += frame_size(&frame);
	}
}

/*
 * Makes [*end, the next page) zero, so that nothing torn is ever taken for a frame, and
 * moves *end to that page. What was found valid may only be in a cache: it is synced.
 */
static int cut_tail(struct wal *wal, uint64_t *end, struct error *err)
{
	uint64_t size = wal->segments.size;
	if (*end == 0)
		return 0;
	int fd = wal_segment_open(&wal->segments, (*end - 1) / size, err);
	if (fd < 0)
		return fd;
	int errnum = 0;
	uint64_t page = *end - *end % WAL_PAGE;
	if (page != *end) {
		off_t offset = (off_t)(page % size);
		if (pread(fd, wal->staging, WAL_PAGE, offset) != (ssize_t)WAL_PAGE)
			errnum = errno ? errno : EIO;
		memset(wal->staging + *end % WAL_PAGE, 0, WAL_PAGE - *end % WAL_PAGE);
		if (!errnum && pwrite(fd, wal->staging, WAL_PAGE, offset) != (ssize_t)WAL_PAGE)
			errnum = errno ? errno : EIO;
		*end = page + WAL_PAGE;
	}
	if (!errnum && fdatasync(fd) < 0)
		errnum = errno;
	close(fd);
	if (errnum)
		return error_set_errno(err, STATUS_IO, errnum,
				       "durable log: cannot repair the end at position %" PRIu64,
				       *end);
	return 0;
}

/* The start of a segment at or behind `position`. A segment's size need not be a power of two. */
static uint64_t segment_start(const struct wal *wal, uint64_t position)
{
	uint64_t size = wal->segments.size;
	return (position + size - 1) / size * size;
}

int wal_recover(struct wal *wal, uint64_t from, uint64_t reached, struct wal_recovery *recovery,
		struct error *err)
{
	uint64_t first, last;
	uint64_t size = wal->segments.size;
	*recovery = (struct wal_recovery){0};
	if (!wal_segments_range(&wal->segments, &first, &last) || (last + 1) * size <= from) {
		/* Nothing that is still needed is there: go on at a fresh segment. */
		wal->end = segment_start(wal, reached > from ? reached : from);
		wal->first_index = wal->prepared = wal->end / size;
		recovery->first = recovery->end = wal->end;
		return 0;
	}
	struct walk walk = {
		.wal = wal, .file = {.fd = -1}, .recovery = recovery, .limit = (last + 1) * size};
	wal->first_index = first;
	wal->prepared = last + 1;
	recovery->first = from > first * size ? from : first * size;
	uint64_t end;
	wal->row_counts.end = UINT64_MAX;
	int rc = walk_headers(&walk, recovery->first, &end, err);
	if (rc == 0)
		rc = check_last_group(&walk, &end, err);
	if (rc == 0)
		rc = cut_tail(wal, &end, err);
	wal_file_close(&walk.file);
	if (rc < 0)
		return rc;
	wal->end = end;
	if (reached > end) {
		/* Bytes that a consumer has read are gone. */
		recovery->corrupt_bytes += reached - end;
		wal->end = segment_start(wal, reached);
		if (wal->prepared < wal->end / size)
			wal->prepared = wal->end / size;
	}
	recovery->end = wal->end;
	/* The last segment may have lost its torn end. */
	if (wal->row_counts.end)
		wal->row_counts.end = end / size;
	return 0;
}
