/* The names are those of the collector-contrib's clickhouseexporter; what says where and how to
 * store is in the section storage, because the query engines read from there. */
#include "exporters/clickhouse_options.h"

#define STORE_INSTEAD(option) "Tripod writes to the store it reads from; set storage." option
#define TABLES_INSTEAD "the tables have the names of its defaults, otel_logs, otel_traces, ..."
#define WRITER_WHY "blocks are cut by the writer of each table"

static const struct option options[] = {
	{OPTION(DURATION, struct clickhouse_exporter_options, timeout), .initial = "30s",
	 .doc = "An insert whose answer takes longer is looked up, and sent again if it is not "
		"there."},
	{OPTION_NESTED(struct clickhouse_exporter_options, retry_on_failure, retry_option_table),
	 .doc = "What happens to what could not be stored."},
	OPTION_IGNORED("sending_queue", WRITER_WHY),
	OPTION_IGNORED("create_schema", "the schema is created and migrated at start"),
	OPTION_IGNORED("async_insert", "an insert is answered once it is stored"),
	OPTION_IGNORED("compress", "the way to the embedded engine is local"),
	OPTION_MISSING("endpoint", STORE_INSTEAD("endpoint")),
	OPTION_MISSING("database", STORE_INSTEAD("database")),
	OPTION_MISSING("username", STORE_INSTEAD("user")),
	OPTION_MISSING("password", STORE_INSTEAD("password")),
	OPTION_MISSING("tls", STORE_INSTEAD("tls")),
	OPTION_MISSING("ttl", "set storage.retention.logs, .traces and .metrics"),
	OPTION_MISSING("logs_table_name", TABLES_INSTEAD),
	OPTION_MISSING("traces_table_name", TABLES_INSTEAD),
	OPTION_MISSING("metrics_tables", TABLES_INSTEAD),
	OPTION_MISSING("metrics_table_name", TABLES_INSTEAD),
	OPTION_MISSING("cluster_name", "leave it out"),
	OPTION_MISSING("table_engine", "leave it out"),
	OPTION_MISSING("connection_params", "leave it out"),
	OPTION_MISSING("json", "leave it out"),
};

const struct option_table clickhouse_exporter_option_table = {
	OPTION_TABLE_OF(struct clickhouse_exporter_options, options)};
