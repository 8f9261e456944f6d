#include "store/schema.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/tables.h"

#define STATEMENT_TIMEOUT_MS 60000
#define MAX_ANSWER ((size_t)1 << 20)

struct migration {
	const char *name;
	int (*apply)(struct store_client *client, const struct schema_options *options,
		     struct error *err);
};

/* Runs `sql` and releases it; the answer goes to `answer` if that is not NULL. */
static int run(struct store_client *client, struct buf *sql, struct buf *answer, struct error *err)
{
	int rc = sql->failed ? error_set(err, STATUS_NO_MEMORY, "out of memory")
			     : store_query(client, buf_cstr(sql), NULL, 0, STATEMENT_TIMEOUT_MS,
					   answer, err);
	buf_release(sql);
	return rc;
}

static unsigned retention_days(const struct schema_options *options, enum signal signal)
{
	int64_t day = 86400 * NS_PER_SECOND;
	return (unsigned)((options->retention[signal] + day - 1) / day);
}

static int create_tables(struct store_client *client, const struct schema_options *options,
			 struct error *err)
{
	for (int table = 0; table < TABLE_COUNT; table++) {
		struct buf sql = BUF_INIT;
		enum signal signal = table_info((enum table)table)->signal;
		table_ddl((enum table)table, options->database, retention_days(options, signal),
			  &sql);
		int rc = run(client, &sql, NULL, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Migration i makes version i+1. */
static const struct migration migrations[SCHEMA_VERSION] = {
	{"tables of logs and traces", create_tables},
};

static int open_database(struct store_client *client, const char *database, struct error *err)
{
	struct buf sql = BUF_INIT;
	buf_appendf(&sql, "CREATE DATABASE IF NOT EXISTS `%s`", database);
	int rc = run(client, &sql, NULL, err);
	if (rc < 0)
		return rc;
	buf_appendf(
		&sql,
		"CREATE TABLE IF NOT EXISTS `%s`.tripod_migrations (Version UInt32, Name String, "
		"AppliedAt DateTime DEFAULT now()) ENGINE = ReplacingMergeTree ORDER BY Version",
		database);
	return run(client, &sql, NULL, err);
}

static int current_version(struct store_client *client, const char *database, unsigned *version,
			   struct error *err)
{
	struct buf sql = BUF_INIT, answer;
	buf_init_limited(&answer, MAX_ANSWER);
	buf_appendf(&sql, "SELECT max(Version) FROM `%s`.tripod_migrations FORMAT TabSeparated",
		    database);
	int rc = run(client, &sql, &answer, err);
	if (rc == 0)
		*version = (unsigned)strtoul(buf_cstr(&answer), NULL, 10);
	buf_release(&answer);
	return rc;
}

static int apply(struct store_client *client, const struct schema_options *options,
		 unsigned version, struct error *err)
{
	const struct migration *migration = &migrations[version - 1];
	log_info("store: migrating the schema", LOG_INT("version", version),
		 LOG_STR("name", migration->name));
	int rc = migration->apply(client, options, err);
	if (rc < 0)
		return rc;
	struct buf sql = BUF_INIT;
	buf_appendf(&sql,
		    "INSERT INTO `%s`.tripod_migrations (Version, Name) SETTINGS async_insert = 0 "
		    "VALUES (%u, '%s')",
		    options->database, version, migration->name);
	return run(client, &sql, NULL, err);
}

/* --- retention -------------------------------------------------------------------- */

/* Days in the TTL of a table's CREATE statement; 0: it has none. */
static unsigned ttl_days(const char *create)
{
	static const char marker[] = "toIntervalDay(";
	const char *ttl = strstr(create, " TTL ");
	const char *days = ttl ? strstr(ttl, marker) : NULL;
	return days ? (unsigned)strtoul(days + sizeof(marker) - 1, NULL, 10) : 0;
}

static int set_retention(struct store_client *client, const struct schema_options *options,
			 enum table table, struct error *err)
{
	const struct table_info *info = table_info(table);
	unsigned wanted = retention_days(options, info->signal);
	struct buf sql = BUF_INIT, answer;
	buf_init_limited(&answer, MAX_ANSWER);
	buf_appendf(&sql,
		    "SELECT create_table_query FROM system.tables WHERE database = '%s' AND "
		    "name = '%s' FORMAT TSVRaw",
		    options->database, info->name);
	int rc = run(client, &sql, &answer, err);
	bool differs = rc == 0 && ttl_days(buf_cstr(&answer)) != wanted;
	buf_release(&answer);
	if (!differs)
		return rc;
	log_info("store: changing the retention", LOG_STR("table", info->name),
		 LOG_INT("days", wanted));
	buf_appendf(&sql, "ALTER TABLE `%s`.`%s` ", options->database, info->name);
	if (wanted)
		buf_appendf(&sql, "MODIFY TTL %s + INTERVAL %u DAY", info->ttl_column, wanted);
	else
		buf_appendf(&sql, "REMOVE TTL");
	buf_append_cstr(&sql, " SETTINGS materialize_ttl_after_modify = 0");
	return run(client, &sql, NULL, err);
}

int schema_migrate(struct store_client *client, const struct schema_options *options,
		   struct error *err)
{
	unsigned version = 0;
	int rc = open_database(client, options->database, err);
	if (rc == 0)
		rc = current_version(client, options->database, &version, err);
	if (rc < 0)
		return rc;
	if (version > SCHEMA_VERSION)
		return error_set(
			err, STATUS_CONFLICT,
			"the database `%s` has schema version %u, this program knows up to "
			"%u: a newer Tripod has used it; run that one, or point "
			"storage.database elsewhere",
			options->database, version, SCHEMA_VERSION);
	while (rc == 0 && version < SCHEMA_VERSION)
		rc = apply(client, options, ++version, err);
	for (int table = 0; rc == 0 && table < TABLE_COUNT; table++)
		rc = set_retention(client, options, (enum table)table, err);
	return rc;
}
