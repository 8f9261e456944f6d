/* Opening, closing and appending; the threads are in wal_writer.c. */
#include "pipeline/wal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "pipeline/wal_int.h"

#define META_MAGIC "tripodL1"

static uint64_t meta_hash(const struct wal_meta *meta)
{
	return XXH3_64bits(meta, offsetof(struct wal_meta, hash));
}

static int write_meta(struct wal *wal, struct wal_meta *meta, struct error *err)
{
	int dir = wal->segments.dir_fd;
	meta->hash = meta_hash(meta);
	int fd = openat(dir, "meta.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write(fd, meta, sizeof(*meta)) == (ssize_t)sizeof(*meta) &&
		  fsync(fd) == 0;
	int errnum = errno;
	if (fd >= 0)
		close(fd);
	if (ok && (renameat(dir, "meta.new", dir, "meta") < 0 || fsync(dir) < 0)) {
		errnum = errno;
		ok = false;
	}
	if (!ok)
		return error_set_errno(err, STATUS_IO, errnum, "durable log: cannot write %s/meta",
				       wal->segments.dir);
	return 0;
}

/* Reads the log's meta file, or makes one; counts this opening. */
static int open_meta(struct wal *wal, uint64_t segment_size, struct error *err)
{
	struct wal_meta meta;
	uint64_t first, last;
	int fd = openat(wal->segments.dir_fd, "meta", O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		return error_set_errno(err, STATUS_IO, errno, "durable log: cannot open %s/meta",
				       wal->segments.dir);
	if (fd < 0) {
		if (wal_segments_range(&wal->segments, &first, &last))
			return error_set(
				err, STATUS_CORRUPT,
				"durable log: %s has segments but no file 'meta'; restore it, "
				"or move the folder away to start an empty log",
				wal->segments.dir);
		meta = (struct wal_meta){.segment_size = segment_size};
		memcpy(meta.magic, META_MAGIC, sizeof(meta.magic));
		if (getrandom(&meta.instance, sizeof(meta.instance), 0) != sizeof(meta.instance))
			return error_set(err, STATUS_IO, "durable log: no random number");
	} else {
		ssize_t n = read(fd, &meta, sizeof(meta));
		close(fd);
		if (n != (ssize_t)sizeof(meta) ||
		    memcmp(meta.magic, META_MAGIC, sizeof(meta.magic)) != 0 ||
		    meta.hash != meta_hash(&meta))
			return error_set(err, STATUS_CORRUPT,
					 "durable log: %s/meta is damaged, or of another version",
					 wal->segments.dir);
	}
	meta.epoch++;
	wal->segments.size = meta.segment_size;
	wal->instance = meta.instance;
	wal->epoch = meta.epoch;
	return write_meta(wal, &meta, err);
}

static void release(struct wal *wal)
{
	wal_cache_release(&wal->cache);
	if (wal->fd >= 0)
		close(wal->fd);
	wal_segments_close(&wal->segments);
	pthread_mutex_destroy(&wal->lock);
	pthread_cond_destroy(&wal->work);
	pthread_cond_destroy(&wal->tidy);
	pthread_cond_destroy(&wal->news);
	pthread_cond_destroy(&wal->room);
	free(wal->staging);
	free(wal->row_counts.items);
	free(wal);
}

static void init_sync(struct wal *wal)
{
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&wal->lock, NULL);
	pthread_cond_init(&wal->work, NULL);
	pthread_cond_init(&wal->tidy, &monotonic);
	pthread_cond_init(&wal->news, &monotonic);
	pthread_cond_init(&wal->room, NULL);
	pthread_condattr_destroy(&monotonic);
}

int wal_open(struct wal **out, const struct wal_options *options, uint64_t keep_from,
	     struct wal_recovery *recovery, struct error *err)
{
	struct wal *wal = calloc(1, sizeof(*wal));
	if (!wal)
		return error_set(err, STATUS_NO_MEMORY, "durable log: out of memory");
	init_sync(wal);
	wal->fd = wal->segments.dir_fd = -1;
	wal->pool = options->pool;
	wal->cache.limit = options->cache_size ? options->cache_size : (uint64_t)64 << 20;
	wal->keep_from = keep_from;

	uint64_t segment_size = options->segment_size ? options->segment_size : (uint64_t)64 << 20;
	int rc = 0;
	if (segment_size % WAL_PAGE || segment_size < 16 * WAL_PAGE)
		rc = error_set(err, STATUS_INVALID,
			       "durable log: the segment size must be a multiple of 4096 and at "
			       "least 64 KiB");
	else if (mkdir(options->dir, 0700) < 0 && errno != EEXIST)
		rc = error_set_errno(err, STATUS_IO, errno,
				     "durable log: cannot make the folder %s", options->dir);
	else if (posix_memalign((void **)&wal->staging, WAL_PAGE, WAL_STAGING) != 0)
		rc = error_set(err, STATUS_NO_MEMORY, "durable log: out of memory");
	if (rc == 0)
		rc = wal_segments_open(&wal->segments, options->dir, err);
	if (rc == 0)
		rc = open_meta(wal, segment_size, err);
	if (rc == 0)
		rc = wal_recover(wal, keep_from, options->reached, recovery, err);
	wal->max_size = options->max_size ? options->max_size : (uint64_t)8 << 30;
	if (wal->max_size < 3 * wal->segments.size)
		wal->max_size = 3 * wal->segments.size;
	if (rc == 0)
		rc = wal_writer_start(wal, err);
	if (rc < 0) {
		release(wal);
		return rc;
	}
	*out = wal;
	return 0;
}

void wal_close(struct wal *wal)
{
	if (!wal)
		return;
	wal_writer_stop(wal);
	release(wal);
}

uint32_t wal_instance(const struct wal *wal)
{
	return wal->instance;
}

static int check_room(struct wal *wal, uint64_t bytes, struct error *err)
{
	uint64_t end = wal->end + wal->queued_bytes + bytes;
	if (wal->failed)
		return error_set(err, STATUS_IO,
				 "the durable log cannot be written (see the server's log)");
	if (wal->closing)
		return error_set(err, STATUS_AGAIN, "shutting down");
	if (end > wal->keep_from + wal->max_size)
		return error_set(err, STATUS_NO_SPACE,
				 "the durable log has reached its %" PRIu64
				 " MiB: the store or an exporter is behind",
				 wal->max_size >> 20);
	if (wal->full && end > wal->prepared * wal->segments.size)
		return error_set(err, STATUS_NO_SPACE, "no disk space for the durable log");
	return 0;
}

int wal_append(struct wal *wal, struct record *record, struct error *err)
{
	uint64_t bytes = record->wire_bytes.len + WAL_PAGE;
	if (record->wire_bytes.len + sizeof(struct wal_frame) > wal->segments.size)
		return error_set(err, STATUS_LIMIT,
				 "a request of %zu bytes does not fit a segment of the durable log "
				 "(%" PRIu64 " bytes)",
				 record->wire_bytes.len, wal->segments.size);
	pthread_mutex_lock(&wal->lock);
	int rc = check_room(wal, bytes, err);
	if (rc == 0) {
		record->next = NULL;
		*wal->queue_tail = record_ref(record);
		wal->queue_tail = &record->next;
		wal->queued_bytes += bytes;
		pthread_cond_signal(&wal->work);
	}
	pthread_mutex_unlock(&wal->lock);
	return rc;
}

void wal_drain(struct wal *wal)
{
	pthread_mutex_lock(&wal->lock);
	while (wal->queue || wal->writing)
		pthread_cond_wait(&wal->news, &wal->lock);
	pthread_mutex_unlock(&wal->lock);
}

uint64_t wal_end(struct wal *wal)
{
	pthread_mutex_lock(&wal->lock);
	uint64_t end = wal->end;
	pthread_mutex_unlock(&wal->lock);
	return end;
}

void wal_stats(struct wal *wal, struct wal_stats *stats)
{
	pthread_mutex_lock(&wal->lock);
	*stats = wal->stats;
	stats->end = wal->end;
	stats->keep_from = wal->keep_from;
	stats->segments = wal->prepared - wal->first_index;
	stats->disk_bytes = (stats->segments + stats->spare_segments) * wal->segments.size;
	stats->max_size = wal->max_size;
	stats->min_free = wal->segments.min_free;
	stats->cached_records = wal->cache.count;
	stats->cached_bytes = wal->cache.bytes;
	stats->full = wal->full || wal->end + wal->queued_bytes > wal->keep_from + wal->max_size;
	stats->failed = wal->failed;
	pthread_mutex_unlock(&wal->lock);
}

void wal_release_before(struct wal *wal, uint64_t position)
{
	pthread_mutex_lock(&wal->lock);
	if (position > wal->keep_from) {
		wal->keep_from = position;
		pthread_cond_signal(&wal->tidy);
	}
	pthread_mutex_unlock(&wal->lock);
}
