#include "exporters/clickhouse/retry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/clickhouse/cut_lookup.h"
#include "exporters/clickhouse/open_cut.h"

#define INSERT_TIMEOUT_MS 60000

struct wanted {
	const char *id;
	bool found;
	uint64_t cut_id;
	enum table table; /* TABLE_COUNT: it has none of ours */
};

static void match(const struct quarantine_entry *entry, void *arg)
{
	struct wanted *wanted = arg;
	if (strcmp(entry->id, wanted->id) != 0)
		return;
	wanted->found = true;
	wanted->cut_id = entry->cut_id;
	wanted->table = TABLE_COUNT;
	for (int table = 0; table < TABLE_COUNT; table++) {
		if (!strcmp(entry->exporter, "clickhouse") &&
		    !strcmp(entry->target, table_info((enum table)table)->name))
			wanted->table = (enum table)table;
	}
}

static int find(struct quarantine *quarantine, struct wanted *wanted, struct error *err)
{
	int rc = quarantine_each(quarantine, match, wanted, err);
	if (rc < 0)
		return rc;
	if (!wanted->found)
		return error_set(err, STATUS_NOT_FOUND, "the quarantine has no entry %s",
				 wanted->id);
	if (wanted->table == TABLE_COUNT)
		return error_set(
			err, STATUS_UNSUPPORTED,
			"entry %s is not of a table of the store and cannot be sent again here",
			wanted->id);
	return 0;
}

static int store_again(const struct open_cut_options *options, const struct wanted *wanted,
		       struct slice native, struct error *err)
{
	char query_id[96];
	snprintf(query_id, sizeof(query_id), "tripod-cut-%016" PRIx64 "-retry", wanted->cut_id);
	switch (insert_block(options, wanted->table, query_id, native, INSERT_TIMEOUT_MS, err)) {
	case STORE_STORED:
		return 0;
	case STORE_REFUSED:
		return STATUS_INVALID;
	case STORE_NOT_STORED:
	case STORE_UNKNOWN:
		break;
	}
	return STATUS_AGAIN;
}

/* Whether the store has it already. Tables that need not be exact have nothing to tell it by. */
static int look_up(const struct open_cut_options *options, const struct wanted *wanted, bool *there,
		   struct error *err)
{
	struct stored_rows *stored = NULL;
	uint32_t count = 0;
	int rc = cut_wait_idle(options, wanted->cut_id, err);
	if (rc == 0 && table_info(wanted->table)->exact)
		rc = cut_lookup(options, wanted->table, wanted->cut_id, &stored, &count, err);
	*there = count > 0;
	free(stored);
	return rc;
}

/* The entry is claimed. */
static int retry_claimed(struct store_client *client, const char *database,
			 struct quarantine *quarantine, const char *id, struct error *err)
{
	struct open_cut_options options = {.client = client, .database = database};
	struct wanted wanted = {.id = id};
	struct buf native = BUF_INIT;
	bool there = false;
	int rc = find(quarantine, &wanted, err);
	if (rc == 0)
		rc = look_up(&options, &wanted, &there, err);
	if (rc == 0)
		rc = quarantine_read(quarantine, id, &native, err);
	if (rc == 0 && !there)
		rc = store_again(&options, &wanted, buf_slice(&native), err);
	if (rc == 0)
		rc = quarantine_delete(quarantine, id, err);
	buf_release(&native);
	return rc;
}

int clickhouse_retry(struct store_client *client, const char *database,
		     struct quarantine *quarantine, const char *id, struct error *err)
{
	/* Two at a time would both find that the store has not got it. */
	int rc = quarantine_claim(quarantine, id, err);
	if (rc < 0)
		return rc;
	rc = retry_claimed(client, database, quarantine, id, err);
	quarantine_release(quarantine, id);
	return rc;
}
