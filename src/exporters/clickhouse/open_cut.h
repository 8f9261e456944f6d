/*
 * A cut on its way into the store: the rows of a range of the durable log, as one INSERT for
 * each table and partition, whose blocks are sent while the cut is still filled, so that
 * little of it is in memory here. One INSERT is one part of one partition: there whole or
 * not at all. Nothing is committed before open_cut_finish.
 */
#ifndef TRIPOD_EXPORTERS_CLICKHOUSE_OPEN_CUT_H
#define TRIPOD_EXPORTERS_CLICKHOUSE_OPEN_CUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "pipeline/record.h"
#include "store/client.h"
#include "store/tables.h"
#include "telemetry/delta_sums.h"

struct native_block;

enum part_state {
	PART_FILLING,
	PART_STORED, /* sent and answered, or known to be in the store from before */
	PART_REFUSED, /* the store looked at the rows and refused them */
	PART_LEFT, /* not this cut's business: split up, or not wanted */
	PART_FAILED /* not stored, or nobody knows */
};

/* What a cut puts into one partition of one table. */
struct cut_part {
	enum table table;
	uint32_t day; /* days since 1970-01-01 */
	enum part_state state;
	struct native_block *block; /* rows that were not sent */
	uint64_t rows; /* in all */
	uint64_t sent; /* bytes, about */
	uint64_t known_rows; /* PART_STORED from before: how many the store said it has */
	struct store_insert *insert; /* open, or NULL */
	char message[500]; /* REFUSED: the store's */
};

struct open_cut_options {
	struct store_client *client;
	const char *database;
	size_t block_bytes; /* a part's rows are sent when they are about that many bytes */
	size_t memory; /* of all blocks together */
};

struct open_cut {
	const struct open_cut_options *options;
	uint64_t id, from, to;
	uint64_t rows; /* accepted rows of its records */
	uint64_t first_received; /* ns; the least received_time in it */
	int64_t opened_at; /* monotonic */
	struct cut_part *parts;
	uint32_t part_count, part_capacity;
	uint32_t *part_slots; /* hash table over `parts`: a number in it + 1, or 0 */
	uint32_t part_slot_count; /* a power of two, at least twice part_capacity */
	uint32_t last_part; /* number of the part that was asked for last */
	struct series_seen *series_seen; /* rows that may be left out; borrowed, or NULL */
	struct delta_sums *deltas; /* metrics: as of `to`; borrowed, or NULL: stored as they are */
	uint32_t dropped[DELTA_DROP_COUNT]; /* of `rows`, those that were left out */
	bool only; /* of one part: the others are LEFT, and nothing is sent */
	enum table only_table;
	uint32_t only_day;
};

/* NULL when out of memory. `options` is borrowed. */
struct open_cut *open_cut_new(const struct open_cut_options *options, uint64_t id, uint64_t from);
/* Breaks off what is open (nothing of it is stored) and frees. Accepts NULL. */
void open_cut_free(struct open_cut *cut);

/* The part, made if need be; NULL when out of memory. Valid until the next call. */
struct cut_part *open_cut_part(struct open_cut *cut, enum table table, uint32_t day);

/*
 * Adds a record's rows and sends full blocks. LIMIT: the blocks hold as much memory as they
 * may; finish the cut (the record is in it). Another error: free the cut and start it anew.
 */
int open_cut_add(struct open_cut *cut, const struct record *record, struct error *err);

/* The rows of the largest part. */
uint64_t open_cut_largest_rows(const struct open_cut *cut);
/* About the bytes of the largest part: the store needs as much free disk, and memory. */
uint64_t open_cut_largest_bytes(const struct open_cut *cut);

/*
 * Sends what is left and commits every part, tables that need no exactness first. Returns
 * 0 when all are STORED or LEFT; else the status of the first that is not, each part's
 * state saying what became of it.
 */
int open_cut_finish(struct open_cut *cut, unsigned timeout_ms, struct error *err);

/* Sends one block as an INSERT of its own. */
enum store_outcome insert_block(const struct open_cut_options *options, enum table table,
				const char *query_id, struct slice native, unsigned timeout_ms,
				struct error *err);

#endif
