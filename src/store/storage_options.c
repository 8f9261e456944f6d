#include "store/storage_options.h"

#include <unistd.h>

#include "base/address.h"

static const char *store_expected(const char *text)
{
	if (!strncmp(text, "unix:/", 6))
		return NULL;
	return url_expected(text)
		       ? "the URL of ClickHouse's HTTP interface such as http://clickhouse:8123"
		       : NULL;
}

static const struct option retention_options[] = {
	{OPTION(DURATION, struct retention_options, logs), .initial = "30d", .zero = "off",
	 .example = "30d", .doc = "Logs; off: for ever."},
	{OPTION(DURATION, struct retention_options, traces), .initial = "7d", .zero = "off",
	 .example = "7d", .doc = "Traces; off: for ever."},
	{OPTION(DURATION, struct retention_options, metrics), .initial = "365d", .zero = "off",
	 .example = "365d", .doc = "Metrics; off: for ever."},
};

static void check_retention(const void *value, struct option_check *check)
{
	const struct retention_options *retention = value;
	const struct {
		const char *name;
		int64_t ns;
	} all[] = {{"logs", retention->logs},
		   {"traces", retention->traces},
		   {"metrics", retention->metrics}};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i].ns && all[i].ns < INT64_C(3600000000000))
			option_wrong(check, all[i].name,
				     "expected at least 1h: what is older than this is deleted");
	}
}

static const struct option_table retention_table = {
	OPTION_TABLE_OF(struct retention_options, retention_options), .check = check_retention};

static const struct option log_options[] = {
	{OPTION(STRING, struct durable_log_options, dir),
	 .doc = "Its directory. Default: log in data_dir."},
	{OPTION(BYTES, struct durable_log_options, max_size), .initial = "4GiB",
	 .doc = "Disk it may use. When that is used up, senders are refused until exporters have "
		"caught up."},
	{OPTION(BYTES, struct durable_log_options, segment_size), .initial = "64MiB",
	 .doc = "Size of one file. Files are used again and again."},
	{OPTION(DURATION, struct durable_log_options, sync_interval), .initial = "2ms",
	 .doc = "Longest time that a write waits for others to share its fsync."},
};

static void check_log(const void *value, struct option_check *check)
{
	const struct durable_log_options *log = value;
	if (log->segment_size < UINT64_C(1) << 20 || log->segment_size > UINT64_C(1) << 32)
		option_wrong(check, "segment_size", "expected 1MiB to 4GiB");
	else if (log->max_size < 4 * log->segment_size)
		option_wrong(check, "max_size", "expected at least four times segment_size");
	if (log->sync_interval > INT64_C(1000000000))
		option_wrong(check, "sync_interval", "expected at most 1s: senders wait for it");
}

static const struct option_table log_table = {
	OPTION_TABLE_OF(struct durable_log_options, log_options), .check = check_log};

static const struct option storage_options[] = {
	{OPTION(STRING, struct storage_options, endpoint), .expected = store_expected,
	 .doc = "A ClickHouse server to use instead of the embedded engine: the URL of its HTTP "
		"interface."},
	{OPTION(STRING, struct storage_options, database), .initial = "default",
	 .doc = "Database of the telemetry tables."},
	{OPTION(STRING, struct storage_options, user), .doc = "User at that server."},
	{OPTION(STRING, struct storage_options, password), .flags = OPTION_SECRET,
	 .doc = "The user's password."},
	{OPTION_NESTED(struct storage_options, tls, tls_connect_option_table),
	 .doc = "Details of TLS to that server, which https:// turns on."},
	{OPTION(STRING, struct storage_options, data_dir), .initial = "data",
	 .doc = "Directory of everything that Tripod keeps; --data DIR sets it too."},
	{OPTION(BYTES, struct storage_options, memory_limit), .zero = "auto",
	 .doc = "Memory of the embedded engine; auto: a quarter of the machine's."},
	{OPTION_NESTED(struct storage_options, retention, retention_table),
	 .doc = "How long telemetry is kept. A record that is older when it arrives is rejected as "
		"expired."},
	{OPTION(STRING, struct storage_options, engine_binary),
	 .doc = "Program to run as the embedded engine. Default: this one."},
	{OPTION(STRING, struct storage_options, libchdb),
	 .doc = "Path of libchdb.so. Default: TRIPOD_LIBCHDB, or beside the program."},
	{OPTION_NESTED(struct storage_options, log, log_table),
	 .doc = "The durable log, which holds what was received until every exporter has it."},
};

static void check_storage(const void *value, struct option_check *check)
{
	const struct storage_options *storage = value;
	if (!storage->database[0])
		option_wrong(check, "database", "expected a name such as default");
	if (storage->password && !storage->user)
		option_wrong(check, "password", "needs user beside it");
	if (storage->user && !storage->endpoint)
		option_wrong(check, "user",
			     "means nothing without endpoint: the embedded engine has no users");
	if (storage->memory_limit && storage->memory_limit < UINT64_C(256) << 20)
		option_wrong(check, "memory_limit", "expected at least 256MiB");
}

uint64_t storage_memory_limit(const struct storage_options *storage)
{
	if (storage->memory_limit)
		return storage->memory_limit;
	return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGE_SIZE) / 4;
}

const struct option_table storage_option_table = {
	OPTION_TABLE_OF(struct storage_options, storage_options), .check = check_storage};
