/*
 * The telemetry tables: one description of each, from which its DDL and the header of its
 * Native blocks are made.
 *
 * Names and meanings of columns are those of the OpenTelemetry Collector's ClickHouse
 * exporter, so that SQL written for its tables runs unchanged. What Tripod adds:
 *
 * CutId            the durable log's cut that a row was inserted by; the same in all rows of
 *                  an insert, so that a cut can be looked up before it is inserted again
 * TimestampSource  where Timestamp comes from. Logs: 'time' (time_unix_nano), 'observed'
 *                  (time_unix_nano was 0; observed_time_unix_nano), 'received' (both were 0; when
 *                  the request came). Spans: 'start_end' (both were sent), 'start' (the end
 *                  was 0, and so is Duration), 'end' (the start was 0; Timestamp is the end, Duration
 *                  0), 'received' (both were 0)
 * ObservedTimestamp, Flags (all 32 bits; TraceFlags are the low eight), EventName, schema
 *                  URLs and *DroppedAttributesCount, DroppedEventsCount, DroppedLinksCount: as sent
 * BodyType         the type of the value whose text (telemetry/value_text.h) Body is
 * AttributeTypes   the types of the attribute values that are not strings
 *                  (telemetry/attr_types.h); '' when all are strings, as most are
 * StreamId         logs: hash of the stream's labels (telemetry/log_stream.h), which are in
 *                  otel_log_streams once a day
 *
 * Metrics: SeriesId is telemetry/metric_batch.h's series_id. Flags: see there and
 * store/rows.h. Of samples (and exemplars) with the same series and time one is
 * kept when parts merge; readers must not count on it having happened.
 *
 * With these what was sent can be given back, but for: an id of zeroes is one that is not
 * there; enum values beyond those defined are 0.
 */
#ifndef TRIPOD_STORE_TABLES_H
#define TRIPOD_STORE_TABLES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "telemetry/signal.h"
#include "wire/native.h"

enum table {
	TABLE_LOGS, /* otel_logs */
	TABLE_LOG_STREAMS, /* otel_log_streams: the label sets of log streams, by stream id */
	TABLE_TRACES, /* otel_traces */
	TABLE_TRACE_TIMES, /* otel_traces_trace_id_ts: when a trace was */
	TABLE_METRIC_SERIES, /* otel_metrics_series: the labels of each series; a row a month */
	TABLE_METRIC_SAMPLES, /* otel_metrics_samples */
	TABLE_METRIC_EXPONENTIAL, /* otel_metrics_exponential: samples that are histograms */
	TABLE_METRIC_EXEMPLARS, /* otel_metrics_exemplars */
	TABLE_METRIC_METADATA, /* otel_metrics_metadata: type, unit and help of each metric */
	TABLE_COUNT
};

struct table_info {
	const char *name;
	const struct column *columns;
	size_t column_count;
	const char
		*indexes; /* further lines of the CREATE's body, each with a leading comma; or "" */
	const char *engine; /* ENGINE = … ORDER BY … */
	const char *ttl_column; /* expression of the time a row's retention counts from */
	/*
	 * True: every row has a CutId, is stored exactly once, and a cut is looked up by it. False:
	 * storing a row twice changes nothing (the engine collapses equal rows), so it is just
	 * inserted again.
	 */
	bool exact;
	enum signal signal; /* whose rows it holds */
	bool counts; /* it has one row for each record of its signal: the ledger's rows */
};

const struct table_info *table_info(enum table table);

/*
 * Appends the statement that creates `table` in `database` when it is not there.
 * `retention_days` 0: rows are kept for ever. 0, or NO_MEMORY.
 */
int table_ddl(enum table table, const char *database, unsigned retention_days, struct buf *out);

#endif
