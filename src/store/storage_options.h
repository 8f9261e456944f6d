/* The section `storage`. */
#ifndef TRIPOD_STORE_STORAGE_OPTIONS_H
#define TRIPOD_STORE_STORAGE_OPTIONS_H

#include "net/tls_options.h"

/* How long rows are kept, ns; 0: for ever. */
struct retention_options {
	int64_t logs, traces, metrics;
};

/* The durable log. */
struct durable_log_options {
	const char *dir; /* NULL: "log" in the data directory */
	uint64_t max_size; /* bytes on disk; senders are refused above */
	uint64_t segment_size; /* bytes of one file */
	int64_t sync_interval; /* ns; longest wait of a write for others to share its fsync */
};

struct storage_options {
	const char *endpoint; /* URL of a ClickHouse server; NULL: the embedded engine */
	const char *database, *user, *password; /* user, password: or NULL */
	struct tls_connect_options tls;
	const char *data_dir;
	uint64_t memory_limit; /* bytes, of the engine; 0: a quarter of the machine's */
	struct retention_options retention;
	const char *engine_binary; /* NULL: this program itself */
	const char *libchdb; /* NULL: looked for */
	struct durable_log_options log;
};

/* Bytes that the embedded engine may use: memory_limit, or what stands for it. */
uint64_t storage_memory_limit(const struct storage_options *storage);

extern const struct option_table storage_option_table;

#endif
