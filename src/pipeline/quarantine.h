/*
 * Rows that the store refused, or that an exporter could not deliver in its time: kept as
 * files, one an entry, until somebody retries or deletes them. A file is one line of JSON
 * (what, why, when, how many rows) and then the bytes as they would be sent again.
 */
#ifndef TRIPOD_PIPELINE_QUARANTINE_H
#define TRIPOD_PIPELINE_QUARANTINE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

struct quarantine;

struct quarantine_entry {
	const char *id; /* names the file: letters, digits, '-'; the same id replaces the entry */
	const char *exporter; /* "clickhouse" */
	const char *target; /* "otel_logs", or an exporter's endpoint */
	const char *reason; /* the store's message */
	int64_t time; /* ns since the epoch: when it came here */
	uint64_t rows;
	uint64_t cut_id; /* 0: none */
};

/* `dir` is made when missing. */
int quarantine_open(struct quarantine **out, const char *dir, struct error *err);
void quarantine_close(struct quarantine *quarantine);

/* Durable when it returns 0. */
int quarantine_put(struct quarantine *quarantine, const struct quarantine_entry *entry,
		   struct slice bytes, struct error *err);
/* Calls `visit` for each entry, oldest first. A file that cannot be read is logged and passed over. */
int quarantine_each(struct quarantine *quarantine,
		    void (*visit)(const struct quarantine_entry *entry, void *arg), void *arg,
		    struct error *err);
/* The entry's bytes, appended to `out`. */
int quarantine_read(struct quarantine *quarantine, const char *id, struct buf *out,
		    struct error *err);
int quarantine_delete(struct quarantine *quarantine, const char *id, struct error *err);

/* For sending an entry again: CONFLICT while somebody else does, until quarantine_release. */
int quarantine_claim(struct quarantine *quarantine, const char *id, struct error *err);
void quarantine_release(struct quarantine *quarantine, const char *id);

/* Entries and rows in it, for metrics. */
void quarantine_count(struct quarantine *quarantine, uint64_t *entries, uint64_t *rows);

#endif
