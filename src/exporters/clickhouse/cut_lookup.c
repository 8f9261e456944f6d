#include "exporters/clickhouse/cut_lookup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"

#define LOOKUP_TIMEOUT_MS 30000
#define REMOVE_TIMEOUT_MS 600000
#define MAX_ANSWER ((size_t)1 << 20)

static int ask(const struct open_cut_options *options, struct buf *sql, unsigned timeout_ms,
	       struct buf *answer, struct error *err)
{
	int rc = sql->failed ? error_set(err, STATUS_NO_MEMORY, "out of memory")
			     : store_query(options->client, buf_cstr(sql), NULL, 0, timeout_ms,
					   answer, err);
	buf_release(sql);
	return rc;
}

int cut_wait_idle(const struct open_cut_options *options, uint64_t id, struct error *err)
{
	struct buf sql = BUF_INIT, answer;
	buf_init_limited(&answer, MAX_ANSWER);
	/* The embedded engine keeps a request's id in log_comment. */
	buf_appendf(
		&sql,
		"SELECT count() FROM system.processes WHERE query_id LIKE 'tripod-cut-%016" PRIx64
		"-%%' OR Settings['log_comment'] LIKE 'tripod-cut-%016" PRIx64
		"-%%' FORMAT TabSeparated",
		id, id);
	int rc = ask(options, &sql, LOOKUP_TIMEOUT_MS, &answer, err);
	if (rc == 0 && strtoull(buf_cstr(&answer), NULL, 10) > 0)
		rc = error_set(err, STATUS_AGAIN, "the store still works on an insert of this cut");
	buf_release(&answer);
	return rc;
}

/* "20261121", the id of a partition by day, as days since 1970; 0 when it is something else. */
static uint32_t day_of_partition(const char *id)
{
	struct tm tm = {0};
	if (strlen(id) < 8 || !strptime(id, "%Y%m%d", &tm))
		return 0;
	return (uint32_t)(timegm(&tm) / 86400);
}

static void partition_of_day(uint32_t day, char out[16])
{
	time_t seconds = (time_t)day * 86400;
	struct tm tm;
	gmtime_r(&seconds, &tm);
	strftime(out, 16, "%Y%m%d", &tm);
}

static int parse_counts(const char *text, struct stored_rows **out, uint32_t *count,
			struct error *err)
{
	uint32_t lines = 0;
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	struct stored_rows *rows = calloc(lines ? lines : 1, sizeof(*rows));
	if (!rows)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	for (uint32_t i = 0; i < lines; i++) {
		char partition[16] = "";
		unsigned long long n = 0;
		if (sscanf(text, "%15s\t%llu", partition, &n) != 2) {
			free(rows);
			return error_set(err, STATUS_IO, "the store's answer is not understood");
		}
		rows[i] = (struct stored_rows){day_of_partition(partition), n};
		text = strchr(text, '\n') + 1;
	}
	*out = rows;
	*count = lines;
	return 0;
}

int cut_lookup(const struct open_cut_options *options, enum table table, uint64_t id,
	       struct stored_rows **out, uint32_t *count, struct error *err)
{
	struct buf sql = BUF_INIT, answer;
	buf_init_limited(&answer, MAX_ANSWER);
	buf_appendf(&sql,
		    "SELECT _partition_id, count() FROM `%s`.`%s` WHERE CutId = %" PRIu64
		    " GROUP BY _partition_id FORMAT TabSeparated",
		    options->database, table_info(table)->name, id);
	int rc = ask(options, &sql, LOOKUP_TIMEOUT_MS, &answer, err);
	if (rc == 0)
		rc = parse_counts(buf_cstr(&answer), out, count, err);
	buf_release(&answer);
	return rc;
}

int cut_remove(const struct open_cut_options *options, enum table table, uint64_t id, uint32_t day,
	       struct error *err)
{
	char partition[16];
	partition_of_day(day, partition);
	log_warn("store: a cut was stored in part, its rows are removed and sent again",
		 LOG_STR("table", table_info(table)->name), LOG_INT("cut", id));
	struct buf sql = BUF_INIT;
	buf_appendf(&sql,
		    "ALTER TABLE `%s`.`%s` DELETE IN PARTITION ID '%s' WHERE CutId = %" PRIu64
		    " SETTINGS mutations_sync = 2",
		    options->database, table_info(table)->name, partition, id);
	return ask(options, &sql, REMOVE_TIMEOUT_MS, NULL, err);
}
