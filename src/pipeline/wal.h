/*
 * The durable log: what was accepted, in order, until every consumer is done with it.
 *
 * On disk: a folder of segments of one size. A position is a byte offset in the endless
 * concatenation of segments; segment i holds [i*size, (i+1)*size). Appends are written in
 * groups (one write and one fdatasync for all that wait), padded to 4 KiB, so that a
 * sector with acknowledged bytes is never written again. Segments that nobody needs any
 * more are reused: their blocks are allocated and written, so that syncing is cheap.
 * See ARCHITECTURE.md, "The durable log", for the frame format and what survives what.
 */
#ifndef TRIPOD_PIPELINE_WAL_H
#define TRIPOD_PIPELINE_WAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "pipeline/record.h"

struct wal;

struct wal_options {
	const char *dir; /* created if missing */
	uint64_t segment_size; /* bytes, a multiple of 4096; of a new log only. 0: 64 MiB */
	uint64_t max_size; /* bytes that may wait for consumers; more is NO_SPACE. 0: 8 GiB */
	uint64_t cache_size; /* bytes of decoded records kept in memory for consumers. 0: 64 MiB */
	struct record_pool *pool;
	/*
	 * Greatest position that a consumer has come to (progress_greatest_position): nothing new is
	 * written before it, where it would not be read, whatever has become of the files.
	 */
	uint64_t reached;
};

/* What opening found. */
struct wal_recovery {
	uint64_t first, end; /* positions of what is there */
	uint64_t records;
	uint64_t torn_bytes; /* of a group whose write was not complete: cut off */
	uint64_t corrupt_bytes; /* acknowledged bytes that are not readable any more */
};

/*
 * Opens the log, or makes it. `keep_from` is the least position that any consumer still
 * needs (from progress_open); what is before it may be reused.
 */
int wal_open(struct wal **out, const struct wal_options *options, uint64_t keep_from,
	     struct wal_recovery *recovery, struct error *err);
/* Appends that wait are finished, then the thread ends. */
void wal_close(struct wal *wal);

/* Random, made with the log; a part of every cut id. */
uint32_t wal_instance(const struct wal *wal);

/*
 * Takes a record into the log. Returns at once; when its bytes are durable (or writing
 * failed) record->done is called on the log's thread, and record->position is set. The log
 * holds a reference until then, and the cache one for consumers.
 * Refuses at once, without calling `done`: NO_SPACE when max_size is reached or the disk is
 * full; LIMIT when the record is larger than a segment; IO after a write has failed.
 */
int wal_append(struct wal *wal, struct record *record, struct error *err);

/* Waits until every record that was appended before has been answered (its `done` was called). */
void wal_drain(struct wal *wal);

/* The end of what is durable: a record appended later has a position at or behind it. */
uint64_t wal_end(struct wal *wal);

/*
 * Which records a consumer takes: those of one signal, but for those of receivers that are
 * configured and feed it through no pipeline. (What a receiver took in that is not configured
 * any more goes to everybody: it was promised to somebody.)
 */
struct wal_filter {
	enum signal signal;
	const uint64_t *excluded; /* component_hash of their ids; borrowed */
	unsigned excluded_count;
	/*
	 * The consumer needs no columns: records from disk are neither decompressed nor decoded,
	 * those from memory may be.
	 */
	bool raw;
};

/*
 * Accepted rows for `filter` in the log from position `from` on. Reads the headers of two
 * segments at most, and of what was appended since opening.
 */
uint64_t wal_count_rows(struct wal *wal, uint64_t from, const struct wal_filter *filter);

struct wal_stats {
	uint64_t end, keep_from; /* positions */
	uint64_t segments, spare_segments;
	uint64_t disk_bytes; /* of all segment files */
	uint64_t max_size;
	uint64_t min_free; /* bytes of its file system that are left free for the store */
	uint64_t appended_records, appended_bytes, syncs;
	uint64_t cached_records, cached_bytes, cache_misses;
	bool full; /* appends are refused for lack of space */
	bool failed; /* appends are refused after an I/O error */
};
void wal_stats(struct wal *wal, struct wal_stats *stats);

/* Nobody will read before `position` any more: the segments before it are reused. */
void wal_release_before(struct wal *wal, uint64_t position);

/* --- reading ---------------------------------------------------------------------- */

struct wal_reader;

/* Reads from `position` (the start of a record, or an end seen before). */
int wal_reader_new(struct wal_reader **out, struct wal *wal, const struct wal_filter *filter,
		   uint64_t position, struct error *err);
void wal_reader_free(struct wal_reader *reader);
uint64_t wal_reader_position(const struct wal_reader *reader);
void wal_reader_seek(struct wal_reader *reader, uint64_t position);

/*
 * The next record for the reader's filter before position `limit` (UINT64_MAX: none), with
 * a reference for the caller, decoded unless filter.raw. Waits until there is one,
 * `wait_ms` have passed, or wal_reader_wake was called: then AGAIN. CORRUPT when stored bytes
 * are lost: the reader has then moved behind them. IO or NO_MEMORY: not now; call again, later.
 * From memory when the record is still cached, else from disk.
 */
int wal_reader_next(struct wal_reader *reader, uint64_t limit, unsigned wait_ms,
		    struct record **out, struct error *err);
/* Makes a waiting wal_reader_next return. From any thread. */
void wal_reader_wake(struct wal_reader *reader);

#endif
