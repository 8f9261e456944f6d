/*
 * The two threads of the log. The writer takes all records that wait, writes them as one
 * group, syncs, and tells their senders. The keeper has the next segment ready before it
 * is needed, and reuses those that nobody needs.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "pipeline/wal_int.h"

/* --- writing one group ------------------------------------------------------------ */

static int write_error(struct wal *wal, int errnum, struct error *err)
{
	return error_set_errno(err, STATUS_IO, errnum, "durable log: cannot write to %s",
			       wal->segments.dir);
}

static int flush_staging(struct wal *wal, struct error *err)
{
	uint64_t offset = wal->staging_start % wal->segments.size;
	size_t done = 0;
	while (done < wal->staged) {
		ssize_t n = pwrite(wal->fd, wal->staging + done, wal->staged - done,
				   (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return write_error(wal, n < 0 ? errno : EIO, err);
		done += (size_t)n;
	}
	wal->staging_start += wal->staged;
	wal->staged = 0;
	return 0;
}

static uint64_t write_position(const struct wal *wal)
{
	return wal->staging_start + wal->staged;
}

static int stage(struct wal *wal, const void *bytes, size_t len, struct error *err)
{
	const char *from = bytes;
	while (len) {
		size_t room = WAL_STAGING - wal->staged;
		size_t step = len < room ? len : room;
		memcpy(wal->staging + wal->staged, from, step);
		wal->staged += step;
		from += step;
		len -= step;
		if (wal->staged == WAL_STAGING) {
			int rc = flush_staging(wal, err);
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

/* Zeros up to a multiple of `alignment`, which divides the staging buffer. */
static void stage_padding(struct wal *wal, size_t alignment)
{
	size_t to = (size_t)wal_align(wal->staged, alignment);
	memset(wal->staging + wal->staged, 0, to - wal->staged);
	wal->staged = to;
}

static int finish_pages(struct wal *wal, struct error *err)
{
	stage_padding(wal, WAL_PAGE);
	int rc = flush_staging(wal, err);
	if (rc < 0)
		return rc;
	FAULT_POINT("log.written");
	if (fdatasync(wal->fd) < 0)
		return write_error(wal, errno, err);
	FAULT_POINT("log.synced");
	return 0;
}

/* Whether the budget has room for one more segment. Lock held. */
static bool may_prepare(const struct wal *wal)
{
	return wal->prepared * wal->segments.size <
	       wal->keep_from + wal->max_size + wal->segments.size;
}

/* One more than the newest segment that is or will soon be written to. Lock held. */
static uint64_t segments_needed(const struct wal *wal)
{
	uint64_t next = wal->end / wal->segments.size + 1;
	return (wal->wanted > next ? wal->wanted : next) + 1;
}

/* Waits for the keeper to have segment `index`; NO_SPACE when it says that it cannot. */
static int wait_for_segment(struct wal *wal, uint64_t index, struct error *err)
{
	pthread_mutex_lock(&wal->lock);
	wal->wanted = index;
	pthread_cond_signal(&wal->tidy);
	while (wal->prepared <= index && !wal->full && !wal->closing && may_prepare(wal))
		pthread_cond_wait(&wal->room, &wal->lock);
	bool ready = wal->prepared > index;
	pthread_mutex_unlock(&wal->lock);
	if (!ready)
		return error_set(err, STATUS_NO_SPACE,
				 "durable log: no disk space for a new segment in %s",
				 wal->segments.dir);
	return 0;
}

static int open_segment(struct wal *wal, uint64_t index, struct error *err)
{
	int rc = wait_for_segment(wal, index, err);
	if (rc < 0)
		return rc;
	int fd = wal_segment_open(&wal->segments, index, err);
	if (fd < 0)
		return fd;
	if (wal->fd >= 0)
		close(wal->fd);
	wal->fd = fd;
	wal->fd_index = index;
	wal->staging_start = index * wal->segments.size;
	if (wal->staging_start < wal->end)
		wal->staging_start = wal->end; /* goes on where the log was left */
	wal->staged = 0;
	return 0;
}

/* Ends the segment with a frame that says so, if there is room for one. */
static int next_segment(struct wal *wal, struct error *err)
{
	uint64_t index = wal->fd_index + 1;
	int rc = wait_for_segment(wal, index, err);
	if (rc < 0)
		return rc;
	uint64_t at = write_position(wal);
	if (index * wal->segments.size - at >= sizeof(struct wal_frame)) {
		struct wal_frame skip = {.magic = WAL_FRAME_MAGIC,
					 .position = at,
					 .synced = wal->end,
					 .epoch = wal->epoch,
					 .kind = WAL_FRAME_SKIP};
		wal_frame_seal(&skip, wal->instance);
		rc = stage(wal, &skip, sizeof(skip), err);
	}
	if (rc == 0)
		rc = finish_pages(wal, err);
	if (rc == 0)
		rc = open_segment(wal, index, err);
	return rc;
}

static int stage_record(struct wal *wal, struct record *record, struct error *err)
{
	struct wal_frame frame = {.magic = WAL_FRAME_MAGIC,
				  .position = write_position(wal),
				  .synced = wal->end,
				  .epoch = wal->epoch,
				  .length = (uint32_t)record->wire_bytes.len,
				  .payload_hash = wal_payload_hash(record->wire_bytes),
				  .received_time = record->received_time,
				  .expire_before = record->expire_before,
				  .receiver = record->receiver,
				  .rows = record->rows,
				  .rejected = record->rejected,
				  .kind = WAL_FRAME_RECORD,
				  .signal = (uint8_t)record->signal,
				  .coding = (uint8_t)record->coding};
	wal_frame_seal(&frame, wal->instance);
	int rc = stage(wal, &frame, sizeof(frame), err);
	if (rc == 0)
		rc = stage(wal, record->wire_bytes.ptr, record->wire_bytes.len, err);
	if (rc < 0)
		return rc;
	stage_padding(wal, WAL_FRAME_ALIGN);
	return 0;
}

/*
 * Writes the records of `group` and syncs. Sets their positions, each one's end being the
 * next one's start. On NO_SPACE part of the group may be there: `*placed` records are whole
 * and durable, the rest was not written.
 */
static int write_group(struct wal *wal, struct record *group, unsigned *placed, struct error *err)
{
	uint64_t size = wal->segments.size;
	struct record *previous = NULL;
	int rc = wal->fd < 0 ? open_segment(wal, wal->end / size, err) : 0;
	*placed = 0;
	for (struct record *record = group; rc == 0 && record; record = record->next) {
		uint64_t frame = wal_align(sizeof(struct wal_frame) + record->wire_bytes.len,
					   WAL_FRAME_ALIGN);
		uint64_t segment_end = (wal->fd_index + 1) * size;
		if (write_position(wal) + frame > segment_end) {
			rc = next_segment(wal, err);
			if (rc < 0)
				break;
		}
		record->position = write_position(wal);
		if (previous)
			previous->end = record->position;
		rc = stage_record(wal, record, err);
		record->end = write_position(wal);
		previous = record;
		*placed += rc == 0;
	}
	if (rc < 0 && rc != STATUS_NO_SPACE)
		return rc;
	int finished = wal->fd >= 0 ? finish_pages(wal, rc < 0 ? NULL : err) : rc;
	if (finished < 0)
		return finished;
	if (previous)
		previous->end = write_position(wal);
	return rc;
}

/* --- the writer thread ------------------------------------------------------------ */

static struct record *take_group(struct wal *wal)
{
	struct record *group = wal->queue, **tail = &wal->queue;
	size_t bytes = 0;
	while (*tail && bytes < WAL_GROUP_MAX) {
		bytes += (*tail)->wire_bytes.len;
		tail = &(*tail)->next;
	}
	wal->queue = *tail;
	*tail = NULL;
	if (!wal->queue)
		wal->queue_tail = &wal->queue;
	return group;
}

static void refuse_after_failure(struct error *err)
{
	error_set(err, STATUS_IO, "the durable log cannot be written (see the server's log)");
}

/* Makes the first `placed` records of the group visible to readers. */
static void publish(struct wal *wal, struct record *group, unsigned placed)
{
	pthread_mutex_lock(&wal->lock);
	for (struct record *record = group; record; record = record->next) {
		wal->queued_bytes -= record->wire_bytes.len + WAL_PAGE;
		if (!placed)
			continue;
		placed--;
		wal->end = record->end;
		wal->stats.appended_records++;
		wal->stats.appended_bytes += record->wire_bytes.len;
		if (wal->readers)
			wal_cache_push(&wal->cache, record);
	}
	wal->stats.syncs++;
	pthread_cond_broadcast(&wal->news);
	pthread_cond_signal(&wal->tidy);
	pthread_mutex_unlock(&wal->lock);
}

static void answer(struct record *group, unsigned placed, const struct error *err)
{
	while (group) {
		struct record *next = group->next;
		group->next = NULL;
		group->done(group, placed ? NULL : err, group->done_arg);
		placed -= placed > 0;
		record_unref(group);
		group = next;
	}
}

static void give_up_writing(struct wal *wal, const struct error *err)
{
	log_error("durable log: writing failed, nothing is accepted any more",
		  LOG_STR("error", err->message));
	pthread_mutex_lock(&wal->lock);
	wal->failed = true;
	pthread_mutex_unlock(&wal->lock);
}

static void write_and_answer(struct wal *wal, struct record *group)
{
	struct error err = {0};
	unsigned placed = 0;
	if (wal->failed) {
		/* What a failed write left behind is not known: nothing may follow it. */
		refuse_after_failure(&err);
	} else {
		int rc = write_group(wal, group, &placed, &err);
		if (rc < 0 && rc != STATUS_NO_SPACE) {
			placed = 0;
			give_up_writing(wal, &err);
		}
	}
	publish(wal, group, placed);
	answer(group, placed, &err);
}

static void *writer_main(void *arg)
{
	struct wal *wal = arg;
	pthread_mutex_lock(&wal->lock);
	for (;;) {
		while (!wal->queue && !wal->closing)
			pthread_cond_wait(&wal->work, &wal->lock);
		if (!wal->queue)
			break;
		struct record *group = take_group(wal);
		wal->writing = true;
		pthread_mutex_unlock(&wal->lock);
		write_and_answer(wal, group);
		pthread_mutex_lock(&wal->lock);
		wal->writing = false;
		pthread_cond_broadcast(&wal->news);
	}
	pthread_mutex_unlock(&wal->lock);
	return NULL;
}

/* --- the keeper thread ------------------------------------------------------------ */

static void retire_one(struct wal *wal)
{
	uint64_t index = wal->first_index++;
	pthread_mutex_unlock(&wal->lock);
	wal_segment_retire(&wal->segments, index);
	pthread_mutex_lock(&wal->lock);
	wal->stats.spare_segments = wal->segments.spares;
}

/* Returns false when there was no space. */
static bool prepare_one(struct wal *wal)
{
	struct error err;
	uint64_t index = wal->prepared;
	pthread_mutex_unlock(&wal->lock);
	int rc = wal_segment_prepare(&wal->segments, index, &err);
	pthread_mutex_lock(&wal->lock);
	wal->stats.spare_segments = wal->segments.spares;
	if (rc == 0)
		wal->prepared++;
	bool full = rc < 0;
	if (full != wal->full) {
		wal->full = full;
		if (full)
			log_warn("durable log: no further segment, senders will be refused",
				 LOG_STR("error", err.message));
		else
			log_info("durable log: there is space again");
	}
	pthread_cond_broadcast(&wal->room);
	return !full;
}

static void *keeper_main(void *arg)
{
	struct wal *wal = arg;
	pthread_mutex_lock(&wal->lock);
	while (!wal->closing) {
		bool ok = true;
		if (wal->first_index < wal->keep_from / wal->segments.size &&
		    wal->first_index < wal->end / wal->segments.size)
			retire_one(wal);
		else if (wal->prepared < segments_needed(wal) && may_prepare(wal))
			ok = prepare_one(wal);
		else
			pthread_cond_wait(&wal->tidy, &wal->lock);
		if (!ok && !wal->closing) {
			struct timespec retry;
			clock_gettime(CLOCK_MONOTONIC, &retry);
			retry.tv_sec++;
			pthread_cond_timedwait(&wal->tidy, &wal->lock, &retry);
		}
	}
	pthread_mutex_unlock(&wal->lock);
	return NULL;
}

int wal_writer_start(struct wal *wal, struct error *err)
{
	wal->queue_tail = &wal->queue;
	if (pthread_create(&wal->writer, NULL, writer_main, wal) != 0)
		return error_set(err, STATUS_NO_MEMORY, "durable log: cannot start a thread");
	if (pthread_create(&wal->keeper, NULL, keeper_main, wal) != 0) {
		pthread_mutex_lock(&wal->lock);
		wal->closing = true;
		pthread_cond_broadcast(&wal->work);
		pthread_mutex_unlock(&wal->lock);
		pthread_join(wal->writer, NULL);
		return error_set(err, STATUS_NO_MEMORY, "durable log: cannot start a thread");
	}
	pthread_setname_np(wal->writer, "log-writer");
	pthread_setname_np(wal->keeper, "log-keeper");
	return 0;
}

void wal_writer_stop(struct wal *wal)
{
	pthread_mutex_lock(&wal->lock);
	wal->closing = true;
	pthread_cond_broadcast(&wal->work);
	pthread_cond_broadcast(&wal->tidy);
	pthread_cond_broadcast(&wal->room);
	pthread_cond_broadcast(&wal->news);
	pthread_mutex_unlock(&wal->lock);
	pthread_join(wal->writer, NULL);
	pthread_join(wal->keeper, NULL);
}
