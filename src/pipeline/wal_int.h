/* Shared by the files of the durable log; nobody else includes it. */
#ifndef TRIPOD_PIPELINE_WAL_INT_H
#define TRIPOD_PIPELINE_WAL_INT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "pipeline/wal.h"

#define WAL_PAGE 4096u /* groups start and end on it */
#define WAL_FRAME_ALIGN 64u /* frames start on it, within a group */
#define WAL_STAGING ((size_t)1 << 20)
#define WAL_GROUP_MAX ((size_t)16 << 20) /* payload bytes that one sync may wait for */
#define WAL_MAX_SPARES 2

#define WAL_FRAME_MAGIC 0x31475054u /* "TPG1" */

enum wal_frame_kind {
	WAL_FRAME_RECORD = 1,
	WAL_FRAME_SKIP = 2 /* the rest of the segment is empty */
};

/* In front of each record's bytes; little-endian, as all of Tripod's own files. */
struct wal_frame {
	uint32_t magic;
	uint32_t header_hash; /* of this struct with header_hash = 0, seeded with the instance */
	uint64_t position; /* of this frame: a reused segment's old frames do not match */
	uint64_t synced; /* everything before it was durable when this was written */
	uint32_t epoch; /* which opening of the log wrote it */
	uint32_t length; /* of the payload behind this header */
	uint64_t payload_hash;
	uint64_t received_time;
	uint64_t expire_before;
	uint64_t receiver;
	uint32_t rows;
	uint32_t rejected;
	uint8_t kind, signal, coding, zero[5];
	uint64_t reserved[2];
};
_Static_assert(sizeof(struct wal_frame) == 96, "the frame header is part of the file format");

/* The file "meta" in the log's folder, replaced whole at each opening. */
struct wal_meta {
	char magic[8]; /* "tripodL1" */
	uint32_t instance;
	uint32_t epoch;
	uint64_t segment_size;
	uint64_t hash; /* of the fields before it */
};

static inline uint64_t wal_align(uint64_t n, uint64_t to)
{
	return (n + to - 1) & ~(to - 1);
}

void wal_frame_seal(struct wal_frame *frame, uint32_t instance);
/* True when `frame` is one that was written at `position` of this log. */
bool wal_frame_ok(const struct wal_frame *frame, uint64_t position, uint32_t instance);
uint64_t wal_payload_hash(struct slice payload);

/* --- segment files ---------------------------------------------------------------- */

struct wal_segments {
	int dir_fd;
	char *dir;
	uint64_t size;
	uint64_t min_free; /* bytes of the file system that new segments leave free */
	bool direct; /* O_DIRECT works here */
	unsigned spares; /* files spare-0 … spare-(n-1) */
};

int wal_segments_open(struct wal_segments *segments, const char *dir, struct error *err);
void wal_segments_close(struct wal_segments *segments);
/* Opens segment `index` for writing; it must exist. Returns the descriptor or a negative status. */
int wal_segment_open(struct wal_segments *segments, uint64_t index, struct error *err);
/* For reading, through the page cache. NOT_FOUND when it does not exist. */
int wal_segment_open_read(const struct wal_segments *segments, uint64_t index, struct error *err);
/* Makes segment `index` from a spare one or anew, written and durable. NO_SPACE when the disk is full. */
int wal_segment_prepare(struct wal_segments *segments, uint64_t index, struct error *err);
/* Turns segment `index` into a spare, or deletes it. */
void wal_segment_retire(struct wal_segments *segments, uint64_t index);
/* The least and greatest index present. False when there is none. */
bool wal_segments_range(const struct wal_segments *segments, uint64_t *first, uint64_t *last);

/* --- the log ---------------------------------------------------------------------- */

/* Decoded records that were appended lately, oldest first, contiguous in position. */
struct wal_cache {
	struct record **ring;
	uint32_t head, count, capacity; /* capacity is a power of two */
	uint64_t bytes, limit;
};

/* Accepted rows of one segment's records, of one signal and receiver. */
struct wal_rows {
	uint64_t segment, receiver, rows;
	unsigned signal;
};

/* What recovery counted, by segment, so that nobody has to read all headers again. */
struct wal_row_counts {
	struct wal_rows *items;
	size_t count, capacity;
	uint64_t end; /* segments below this index are whole in it; 0: nothing is known */
};
void wal_row_counts_add(struct wal_row_counts *counts, uint64_t segment,
			const struct wal_frame *frame);

struct wal {
	struct wal_segments segments;
	struct wal_row_counts row_counts; /* from opening on only read */
	struct record_pool *pool;
	uint32_t instance, epoch;
	uint64_t max_size;

	/* The writer thread's own. */
	int fd; /* of the segment that is written to */
	uint64_t fd_index;
	char *staging; /* WAL_STAGING bytes, page-aligned */
	size_t staged; /* bytes in it */
	uint64_t staging_start; /* position of its first byte, page-aligned */

	pthread_mutex_t lock; /* everything below */
	pthread_cond_t work; /* for the writer: the queue or `closing` changed */
	pthread_cond_t tidy; /* for the keeper thread */
	pthread_cond_t news; /* for readers: `end` moved, or a reader was woken */
	pthread_cond_t room; /* for the writer: `prepared` moved */
	struct record *queue, **queue_tail;
	uint64_t queued_bytes;
	uint64_t end; /* of what is durable */
	uint64_t keep_from;
	uint64_t first_index; /* of the oldest segment file */
	uint64_t wanted; /* segment that the writer waits for */
	uint64_t prepared; /* segments below this index exist */
	struct wal_cache cache;
	struct wal_reader *readers;
	struct wal_stats stats;
	bool writing; /* a group is on its way, its senders are not answered */
	bool closing, full, failed;
	pthread_t writer, keeper;
};

/* wal_recovery.c: finds the end of the log. Sets wal->end. */
int wal_recover(struct wal *wal, uint64_t from, uint64_t reached, struct wal_recovery *recovery,
		struct error *err);

/* wal_writer.c */
int wal_writer_start(struct wal *wal, struct error *err);
void wal_writer_stop(struct wal *wal);

/* wal_cache.c; all with wal->lock held */
void wal_cache_push(struct wal_cache *cache, struct record *record);
/* The cached record that holds or follows `position`; NULL when that is not in the cache. */
struct record *wal_cache_find(const struct wal_cache *cache, uint64_t position);
/* Position from which on everything is cached; `end` when the cache is empty. */
uint64_t wal_cache_start(const struct wal_cache *cache, uint64_t end);
/* Forgets records that end at or before `position`. */
void wal_cache_trim(struct wal_cache *cache, uint64_t position);
void wal_cache_release(struct wal_cache *cache);

/*
 * Reads the frame at or after *position that is before `limit`, through `fd`/`fd_index` (kept
 * open between calls; -1 at first). On success *position is the frame's own. NOT_FOUND: there is
 * none before `limit`. CORRUPT: what is at *position is no frame, or is lost. IO: it cannot be
 * read now.
 */
struct wal_file {
	int fd;
	uint64_t index;
};
int wal_read_frame(struct wal *wal, struct wal_file *file, uint64_t *position, uint64_t limit,
		   struct wal_frame *frame, struct error *err);
void wal_file_close(struct wal_file *file);
/* Reads `frame`'s payload (at `position`) into `out`, and checks its hash: CORRUPT when it differs. */
int wal_read_payload(struct wal *wal, struct wal_file *file, uint64_t position,
		     const struct wal_frame *frame, char *out, struct error *err);
/*
 * Moves *position to the first page boundary in [*position, to) at which a frame of the log
 * starts, or to `to` when there is none. IO: it cannot be read now; *position is as it was.
 */
int wal_find_frame(struct wal *wal, struct wal_file *file, uint64_t *position, uint64_t to,
		   struct wal_frame *frame, struct error *err);

#endif
