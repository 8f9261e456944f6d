#include "store/tables.h"

#include <string.h>

#include "base/status.h"
#include "store/table_columns.h"

#define COLUMN(id, column_name, column_type, column_codec)                                         \
	{.name = column_name, .type = column_type, .codec = column_codec},

static const struct column logs_columns[] = {LOGS_COLUMNS(COLUMN)};
static const struct column streams_columns[] = {STREAMS_COLUMNS(COLUMN)};
static const struct column traces_columns[] = {TRACES_COLUMNS(COLUMN)};
static const struct column trace_times_columns[] = {TRACE_TIMES_COLUMNS(COLUMN)};
static const struct column metric_series_columns[] = {METRIC_SERIES_COLUMNS(COLUMN)};
static const struct column metric_samples_columns[] = {METRIC_SAMPLES_COLUMNS(COLUMN)};
static const struct column metric_exponential_columns[] = {METRIC_EXPONENTIAL_COLUMNS(COLUMN)};
static const struct column metric_exemplars_columns[] = {METRIC_EXEMPLARS_COLUMNS(COLUMN)};
static const struct column metric_metadata_columns[] = {METRIC_METADATA_COLUMNS(COLUMN)};

/* What store/metric_value.h says, in SQL: every operation on exact doubles, so rounded once. */
#define POWERS_OF_TEN                                                                              \
	"[1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, "  \
	"1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22]"
#define VALUE_ALIAS                                                                                \
	",\n    Value Float64 ALIAS multiIf(Exponent = -128, reinterpretAsFloat64(Mantissa), "     \
	"Exponent < 0, Mantissa / " POWERS_OF_TEN "[1 - Exponent], "                               \
	"Mantissa * " POWERS_OF_TEN "[1 + Exponent])"

#define INDEX_CUT_ID ",\n    INDEX idx_cut_id CutId TYPE minmax GRANULARITY 16"

/*
 * One partition is one day in UTC, whatever the server's time zone: an insert is one block of
 * one partition, and that is what makes it whole or absent.
 *
 * Sort keys begin with five minutes of time, then the service. 'The newest 100 of …' can
 * then stop after the last bucket, which it cannot under the exporter's (service first, time
 * last); a trace, whose time range otel_traces_trace_id_ts knows, is within one or two buckets; and
 * parts of different minutes hardly interleave, which makes merges cheap. A five minutes'
 * bucket holds enough rows that those of one service still lie, and compress, together.
 *
 * The exporter's bloom filters over attribute keys and values are left out: they cost more to
 * build than they save.
 *
 * Body has a bloom filter of its tokens, built at the insert. Measured on 2 M rows of 210-byte
 * bodies of eight kinds with random ids, in ten inserts; us of CPU a row for the insert (i), the first
 * merge (m) and a merge of merged parts (r); bytes of disk a row; then ms of CPU to count a
 * rare token's rows and to find the newest 100 of a token of an eighth of the rows:
 *
 *                                      i     m     r    disk   rare  newest
 *   no index                          1.3   3.1   1.4   64.5    204    76
 *   text(splitByNonAlpha) at insert   2.9   5.4   3.3   90.8      6     6
 *   the same, built at merges only    1.3   7.3   3.3   90.8      4     6
 *   tokenbf_v1(32768, 3, 0)           1.7   3.4   2.0   68.2     14    24
 *   the same, at merges only          1.3   3.6   2.0   68.1     14    24
 *   tokenbf_v1(8192, 2, 0), merges    1.5   4.0   1.9   65.4     30    34
 *
 * An inverted index costs more than twice the CPU of all else, and two fifths more disk; when it
 * is built makes no difference to the sum. The bloom filter costs an eighth of the CPU and a
 * seventeenth of the disk, and a needle is found with a fifteenth of the work. Leaving it to
 * merges would save little, by a setting that older servers refuse. No index but
 * the inverted one helps LIKE '%part of a token%', and that by a third only.
 */
static const struct table_info tables[TABLE_COUNT] = {
	[TABLE_LOGS] =
		{
			.name = "otel_logs",
			.columns = logs_columns,
			.column_count = LOGS_COLUMN_COUNT,
			.indexes = ",\n    TimestampTime DateTime ALIAS toDateTime(Timestamp)"
				   ",\n    INDEX idx_trace_id TraceId TYPE bloom_filter(0.01) "
				   "GRANULARITY 1"
				   ",\n    INDEX idx_body Body TYPE tokenbf_v1(32768, 3, 0) "
				   "GRANULARITY 1"
				   ",\n    INDEX idx_cut_id CutId TYPE minmax GRANULARITY 16",
			.engine = "ENGINE = MergeTree"
				  "\nPARTITION BY toDate(Timestamp, 'UTC')"
				  "\nORDER BY (toStartOfFiveMinutes(Timestamp), ServiceName, "
				  "StreamId, Timestamp)",
			.ttl_column = "toDateTime(Timestamp)",
			.exact = true,
			.signal = SIGNAL_LOGS,
			.counts = true,
		},
	[TABLE_LOG_STREAMS] =
		{
			.name = "otel_log_streams",
			.columns = streams_columns,
			.column_count = STREAMS_COLUMN_COUNT,
			.indexes = "",
			.engine = "ENGINE = ReplacingMergeTree"
				  "\nPARTITION BY Day"
				  "\nORDER BY (ServiceName, StreamId)",
			.ttl_column = "Day",
			.exact = false,
			.signal = SIGNAL_LOGS,
		},
	[TABLE_TRACES] =
		{
			.name = "otel_traces",
			.columns = traces_columns,
			.column_count = TRACES_COLUMN_COUNT,
			.indexes = ",\n    INDEX idx_trace_id TraceId TYPE bloom_filter(0.01) "
				   "GRANULARITY 1"
				   ",\n    INDEX idx_duration Duration TYPE minmax GRANULARITY 1"
				   ",\n    INDEX idx_cut_id CutId TYPE minmax GRANULARITY 16",
			.engine = "ENGINE = MergeTree"
				  "\nPARTITION BY toDate(Timestamp, 'UTC')"
				  "\nORDER BY (toStartOfFiveMinutes(Timestamp), ServiceName, "
				  "SpanName, Timestamp)",
			.ttl_column = "toDateTime(Timestamp)",
			.exact = true,
			.signal = SIGNAL_TRACES,
			.counts = true,
		},
	[TABLE_TRACE_TIMES] =
		{
			.name = "otel_traces_trace_id_ts",
			.columns = trace_times_columns,
			.column_count = TRACE_TIMES_COLUMN_COUNT,
			.indexes = "",
			.engine = "ENGINE = AggregatingMergeTree"
				  "\nPARTITION BY toDate(Start, 'UTC')"
				  "\nORDER BY TraceId",
			.ttl_column = "toDateTime(Start)",
			.exact = false,
			.signal = SIGNAL_TRACES,
		},
	[TABLE_METRIC_SERIES] =
		{
			.name = "otel_metrics_series",
			.columns = metric_series_columns,
			.column_count = METRIC_SERIES_COLUMN_COUNT,
			.indexes = "",
			.engine = "ENGINE = ReplacingMergeTree(LastDay)"
				  "\nPARTITION BY Month"
				  "\nORDER BY (MetricName, SeriesId)",
			.ttl_column = "LastDay",
			.exact = false,
			.signal = SIGNAL_METRICS,
		},
	[TABLE_METRIC_SAMPLES] =
		{
			.name = "otel_metrics_samples",
			.columns = metric_samples_columns,
			.column_count = METRIC_SAMPLES_COLUMN_COUNT,
			.indexes = VALUE_ALIAS INDEX_CUT_ID,
			.engine = "ENGINE = ReplacingMergeTree"
				  "\nPARTITION BY toDate(Timestamp, 'UTC')"
				  "\nORDER BY (MetricName, SeriesId, Timestamp)",
			.ttl_column = "toDateTime(Timestamp)",
			.exact = false,
			.signal = SIGNAL_METRICS,
		},
	[TABLE_METRIC_EXPONENTIAL] =
		{
			.name = "otel_metrics_exponential",
			.columns = metric_exponential_columns,
			.column_count = METRIC_EXPONENTIAL_COLUMN_COUNT,
			.indexes = INDEX_CUT_ID,
			.engine = "ENGINE = ReplacingMergeTree"
				  "\nPARTITION BY toDate(Timestamp, 'UTC')"
				  "\nORDER BY (MetricName, SeriesId, Timestamp)",
			.ttl_column = "toDateTime(Timestamp)",
			.exact = false,
			.signal = SIGNAL_METRICS,
		},
	[TABLE_METRIC_EXEMPLARS] =
		{
			.name = "otel_metrics_exemplars",
			.columns = metric_exemplars_columns,
			.column_count = METRIC_EXEMPLARS_COLUMN_COUNT,
			.indexes = INDEX_CUT_ID,
			.engine = "ENGINE = ReplacingMergeTree"
				  "\nPARTITION BY toDate(Timestamp, 'UTC')"
				  "\nORDER BY (MetricName, SeriesId, Timestamp, TraceId, SpanId, "
				  "Value)",
			.ttl_column = "toDateTime(Timestamp)",
			.exact = false,
			.signal = SIGNAL_METRICS,
		},
	[TABLE_METRIC_METADATA] =
		{
			.name = "otel_metrics_metadata",
			.columns = metric_metadata_columns,
			.column_count = METRIC_METADATA_COLUMN_COUNT,
			.indexes = "",
			.engine = "ENGINE = ReplacingMergeTree(LastDay)"
				  "\nPARTITION BY Month"
				  "\nORDER BY (MetricName, Type, Unit, Help)",
			.ttl_column = "LastDay",
			.exact = false,
			.signal = SIGNAL_METRICS,
		},
};

/*
 * What an acknowledgement needs: no deduplication by content (two equal rows are two
 * rows), and parts that are on the disk, merged ones too, before anything forgets them.
 * Retention drops whole parts, which costs nothing.
 */
static const char settings[] = "\nSETTINGS non_replicated_deduplication_window = 0, "
			       "fsync_after_insert = 1, fsync_part_directory = 1, "
			       "min_rows_to_fsync_after_merge = 1, ttl_only_drop_parts = 1";

const struct table_info *table_info(enum table table)
{
	return &tables[table];
}

static void append_identifier(struct buf *out, const char *name)
{
	buf_append_byte(out, '`');
	for (; *name; name++) {
		if (*name == '`' || *name == '\\')
			buf_append_byte(out, '\\');
		buf_append_byte(out, (uint8_t)*name);
	}
	buf_append_byte(out, '`');
}

int table_ddl(enum table table, const char *database, unsigned retention_days, struct buf *out)
{
	const struct table_info *info = &tables[table];
	buf_append_cstr(out, "CREATE TABLE IF NOT EXISTS ");
	append_identifier(out, database);
	buf_append_byte(out, '.');
	append_identifier(out, info->name);
	for (size_t i = 0; i < info->column_count; i++) {
		const struct column *column = &info->columns[i];
		buf_append_cstr(out, i ? ",\n    " : "\n(\n    ");
		append_identifier(out, column->name);
		buf_appendf(out, " %s", column->type);
		if (*column->codec)
			buf_appendf(out, " %s", column->codec);
	}
	buf_appendf(out, "%s\n)\n%s", info->indexes, info->engine);
	if (retention_days)
		buf_appendf(out, "\nTTL %s + INTERVAL %u DAY", info->ttl_column, retention_days);
	buf_append_cstr(out, settings);
	return out->failed ? STATUS_NO_MEMORY : 0;
}
