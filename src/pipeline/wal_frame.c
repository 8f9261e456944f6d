/* The log's frames: sealing, checking, reading back. */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include <xxhash.h>

#include "pipeline/wal_int.h"

static uint32_t header_hash(const struct wal_frame *frame, uint32_t instance)
{
	struct wal_frame copy = *frame;
	copy.header_hash = 0;
	return (uint32_t)XXH3_64bits_withSeed(&copy, sizeof(copy), instance);
}

void wal_frame_seal(struct wal_frame *frame, uint32_t instance)
{
	frame->header_hash = header_hash(frame, instance);
}

bool wal_frame_ok(const struct wal_frame *frame, uint64_t position, uint32_t instance)
{
	return frame->magic == WAL_FRAME_MAGIC && frame->position == position &&
	       frame->header_hash == header_hash(frame, instance);
}

uint64_t wal_payload_hash(struct slice payload)
{
	return XXH3_64bits(payload.ptr, payload.len);
}

static int read_fully(int fd, void *out, size_t len, uint64_t offset)
{
	char *to = out;
	while (len) {
		ssize_t n = pread(fd, to, len, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : EIO;
		to += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

void wal_file_close(struct wal_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

static int open_at(struct wal *wal, struct wal_file *file, uint64_t position, struct error *err)
{
	uint64_t index = position / wal->segments.size;
	if (file->fd >= 0 && file->index == index)
		return 0;
	wal_file_close(file);
	int fd = wal_segment_open_read(&wal->segments, index, err);
	if (fd < 0)
		return fd == STATUS_NOT_FOUND ? STATUS_CORRUPT : fd;
	*file = (struct wal_file){fd, index};
	return 0;
}

/* A sector that the disk has lost is damage; whatever else is in the way may pass. */
static int read_error(uint64_t position, int errnum, struct error *err)
{
	return error_set_errno(err, errnum == EIO ? STATUS_CORRUPT : STATUS_IO, errnum,
			       "durable log: cannot read at position %" PRIu64, position);
}

static int read_header(struct wal *wal, struct wal_file *file, uint64_t position,
		       struct wal_frame *frame, struct error *err)
{
	int rc = open_at(wal, file, position, err);
	if (rc < 0)
		return rc;
	int errnum = read_fully(file->fd, frame, sizeof(*frame), position % wal->segments.size);
	if (errnum)
		return read_error(position, errnum, err);
	return 0;
}

int wal_read_frame(struct wal *wal, struct wal_file *file, uint64_t *position, uint64_t limit,
		   struct wal_frame *frame, struct error *err)
{
	uint64_t size = wal->segments.size;
	uint64_t at = *position;
	while (at < limit) {
		uint64_t next_segment = (at / size + 1) * size;
		if (next_segment - at < sizeof(*frame)) {
			at = next_segment;
			continue;
		}
		int rc = read_header(wal, file, at, frame, err);
		if (rc < 0)
			return rc;
		if (!wal_frame_ok(frame, at, wal->instance)) {
			/* Zeros fill a group's last page. */
			if (frame->magic == 0 && at % WAL_PAGE) {
				at = wal_align(at, WAL_PAGE);
				continue;
			}
			*position = at;
			return error_set(err, STATUS_CORRUPT,
					 "durable log: no valid frame at position %" PRIu64, at);
		}
		if (frame->kind == WAL_FRAME_SKIP) {
			at = next_segment;
			continue;
		}
		*position = at;
		return 0;
	}
	*position = at;
	return error_set(err, STATUS_NOT_FOUND, "durable log: no more records");
}

int wal_read_payload(struct wal *wal, struct wal_file *file, uint64_t position,
		     const struct wal_frame *frame, char *out, struct error *err)
{
	int rc = open_at(wal, file, position, err);
	if (rc < 0)
		return rc;
	uint64_t offset = position % wal->segments.size + sizeof(*frame);
	int errnum = offset + frame->length > wal->segments.size
			     ? EIO
			     : read_fully(file->fd, out, frame->length, offset);
	if (errnum)
		return read_error(position, errnum, err);
	if (wal_payload_hash((struct slice){out, frame->length}) != frame->payload_hash)
		return error_set(err, STATUS_CORRUPT,
				 "durable log: the record at position %" PRIu64
				 " is damaged (checksum differs)",
				 position);
	return 0;
}

int wal_find_frame(struct wal *wal, struct wal_file *file, uint64_t *position, uint64_t to,
		   struct wal_frame *frame, struct error *err)
{
	uint64_t at = wal_align(*position, WAL_PAGE);
	for (; at < to; at += WAL_PAGE) {
		int rc = read_header(wal, file, at, frame, err);
		if (rc == STATUS_IO)
			return rc;
		if (rc == 0 && wal_frame_ok(frame, at, wal->instance))
			break;
	}
	*position = at < to ? at : to;
	return 0;
}
