/* The program's own metrics: one table of their names, from which docs/metrics.md is made. */
#ifndef TRIPOD_API_SELF_METRICS_TABLE_H
#define TRIPOD_API_SELF_METRICS_TABLE_H

#include "api/metric_text.h"

/* X(id, name, kind, labels, help), grouped as in the reference. */
#define SELF_METRICS(X)                                                                            \
	X(BUILD_INFO, "tripod_build_info", GAUGE, "version", "Always 1; the version is a label")   \
	X(READY, "tripod_ready", GAUGE, "", "1 when all listeners and the store are ready")        \
	X(CPU, "process_cpu_seconds", COUNTER, "", "User and system CPU time spent, in seconds")   \
	X(RSS, "process_resident_memory_bytes", GAUGE, "", "Resident memory")                      \
	X(VIRTUAL, "process_virtual_memory_bytes", GAUGE, "", "Virtual memory")                    \
	X(OPEN_FDS, "process_open_fds", GAUGE, "", "Open file descriptors")                        \
	X(MAX_FDS, "process_max_fds", GAUGE, "", "Most file descriptors that may be open")         \
	X(THREADS, "process_threads", GAUGE, "", "Threads")                                        \
	X(START, "process_start_time_seconds", GAUGE, "",                                          \
	  "When the process was started, in seconds since the Unix epoch")                         \
	X(CHUNKS, "tripod_chunk_bytes", GAUGE, "", "Memory of request bodies that are in use")     \
	X(LISTENER_UP, "tripod_listener_up", GAUGE, "listener, address",                           \
	  "1 when it listens, 0 when its address could not be had")                                \
                                                                                                   \
	X(RECEIVER_RECEIVED, "tripod_receiver_received_records", COUNTER, "receiver, signal",      \
	  "Log records, spans and data points that arrived: accepted, rejected and refused ones")  \
	X(RECEIVER_ACCEPTED, "tripod_receiver_accepted_records", COUNTER, "receiver, signal",      \
	  "Records that were taken into the durable log")                                          \
	X(RECEIVER_REJECTED, "tripod_receiver_rejected_records", COUNTER,                          \
	  "receiver, signal, reason",                                                              \
	  "Records that were not taken because they are wrong; their senders were told")           \
	X(RECEIVER_REFUSED, "tripod_receiver_refused_records", COUNTER,                            \
	  "receiver, signal, reason",                                                              \
	  "Records that could not be taken then; their senders were told to try again")            \
	X(RECEIVER_REQUESTS, "tripod_receiver_requests", COUNTER, "receiver, signal",              \
	  "Requests that arrived")                                                                 \
	X(RECEIVER_MALFORMED, "tripod_receiver_malformed_requests", COUNTER, "receiver, signal",   \
	  "Requests that could not be read, so that nobody knows how many records they had")       \
	X(RECEIVER_BYTES, "tripod_receiver_bytes", COUNTER, "receiver, signal",                    \
	  "Bytes of request bodies, as they came")                                                 \
                                                                                                   \
	X(EXPORTER_ACCEPTED, "tripod_exporter_accepted_records", COUNTER, "exporter, signal",      \
	  "Records that the exporter has to deliver: delivered, queued, filtered, quarantined")    \
	X(EXPORTER_DELIVERED, "tripod_exporter_delivered_records", COUNTER, "exporter, signal",    \
	  "Records that were delivered")                                                           \
	X(EXPORTER_FILTERED, "tripod_exporter_filtered_records", COUNTER, "exporter, signal",      \
	  "Records that were left out: by a processor as it was told to, or deltas that came "     \
	  "twice")                                                                                 \
	X(EXPORTER_QUARANTINED, "tripod_exporter_quarantined_records", COUNTER,                    \
	  "exporter, signal", "Records that were put into the quarantine")                         \
	X(EXPORTER_QUEUED, "tripod_exporter_queued_records", GAUGE, "exporter, signal",            \
	  "Records that wait in the durable log")                                                  \
	X(EXPORTER_FAILED, "tripod_exporter_failed_attempts", COUNTER, "exporter, signal",         \
	  "Sendings that failed and are tried again")                                              \
	X(EXPORTER_LAG, "tripod_exporter_lag_seconds", GAUGE, "exporter, signal",                  \
	  "How long the oldest record that waits has waited; 0 when none does")                    \
	X(BALANCED, "tripod_ledger_balanced", GAUGE, "",                                           \
	  "1 when the sums of every receiver and exporter agree; anything else is a defect")       \
                                                                                                   \
	X(LOG_WAITING, "tripod_log_waiting_bytes", GAUGE, "",                                      \
	  "Bytes of the durable log that an exporter still needs")                                 \
	X(LOG_MAX, "tripod_log_max_bytes", GAUGE, "", "Most bytes that may wait")                  \
	X(LOG_DISK, "tripod_log_disk_bytes", GAUGE, "", "Bytes of the durable log's files")        \
	X(LOG_SEGMENTS, "tripod_log_segments", GAUGE, "", "Files of it that are in use")           \
	X(LOG_SPARE, "tripod_log_spare_segments", GAUGE, "",                                       \
	  "Files of it that are kept for reuse")                                                   \
	X(LOG_RECORDS, "tripod_log_appended_records", COUNTER, "",                                 \
	  "Requests that were written to the durable log")                                         \
	X(LOG_BYTES, "tripod_log_appended_bytes", COUNTER, "", "Bytes of these")                   \
	X(LOG_SYNCS, "tripod_log_syncs", COUNTER, "", "Times that it was synced to the disk")      \
	X(LOG_CACHED, "tripod_log_cached_bytes", GAUGE, "",                                        \
	  "Memory of requests that are kept for the exporters")                                    \
	X(LOG_MISSES, "tripod_log_cache_misses", COUNTER, "",                                      \
	  "Requests that had to be read back from the disk")                                       \
	X(LOG_FULL, "tripod_log_full", GAUGE, "", "1 when senders are refused for lack of space")  \
	X(LOG_FAILED, "tripod_log_failed", GAUGE, "",                                              \
	  "1 when senders are refused after a write failed")                                       \
	X(QUARANTINE_ENTRIES, "tripod_quarantine_entries", GAUGE, "", "Entries in the quarantine") \
	X(QUARANTINE_RECORDS, "tripod_quarantine_records", GAUGE, "", "Records in these")          \
	X(DISK_FREE, "tripod_data_free_bytes", GAUGE, "",                                          \
	  "Free space of the data directory's file system")                                        \
	X(DISK_SIZE, "tripod_data_size_bytes", GAUGE, "", "Size of that file system")              \
                                                                                                   \
	X(QUERIES_RUNNING, "tripod_queries_running", GAUGE, "", "Users' queries that run")         \
	X(QUERIES_WAITING, "tripod_queries_waiting", GAUGE, "", "Users' queries that wait")        \
	X(QUERIES, "tripod_queries", COUNTER, "result",                                            \
	  "Users' SQL queries: answered, failed in the store, denied, refused (too many), "        \
	  "cancelled by the client, or by a reload or a stop")                                     \
	X(QUERY_BYTES, "tripod_query_answer_bytes", COUNTER, "", "Bytes of their answers")         \
                                                                                                   \
	X(ENGINE_UP, "tripod_engine_up", GAUGE, "", "1 when the store answers")                    \
	X(ENGINE_RESTARTS, "tripod_engine_restarts", COUNTER, "",                                  \
	  "Starts of the embedded engine after the first")                                         \
	X(ENGINE_RSS, "tripod_engine_resident_memory_bytes", GAUGE, "",                            \
	  "Resident memory of the embedded engine")                                                \
	X(ENGINE_QUERIES, "tripod_engine_queries", GAUGE, "", "Statements that the store runs")    \
	X(ENGINE_MERGES, "tripod_engine_merges", GAUGE, "", "Merges that the store runs")          \
	X(ENGINE_MEMORY, "tripod_engine_tracked_memory_bytes", GAUGE, "",                          \
	  "Memory that the store's statements and merges use")                                     \
	X(TABLE_PARTS, "tripod_table_parts", GAUGE, "table", "Active parts")                       \
	X(TABLE_ROWS, "tripod_table_rows", GAUGE, "table", "Rows in these")                        \
	X(TABLE_BYTES, "tripod_table_bytes", GAUGE, "table", "Bytes of these on disk")

#define SELF_METRIC_ID(id, name, kind, labels, help) SELF_METRIC_##id,
enum self_metric { SELF_METRICS(SELF_METRIC_ID) SELF_METRIC_COUNT };
#undef SELF_METRIC_ID

extern const struct metric_info self_metric_table[SELF_METRIC_COUNT];

/* docs/metrics.md. */
void self_metrics_append_markdown(struct buf *out);

#endif
