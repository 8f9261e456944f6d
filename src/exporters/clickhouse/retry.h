/* Sends what the store refused once more. */
#ifndef TRIPOD_EXPORTERS_CLICKHOUSE_RETRY_H
#define TRIPOD_EXPORTERS_CLICKHOUSE_RETRY_H

#include "base/status.h"
#include "pipeline/quarantine.h"
#include "store/client.h"

/*
 * Stores the quarantined entry `id`, unless the store has it already, and deletes it.
 * INVALID: the store refuses it still; CONFLICT: another thread is at it. Blocks the calling
 * thread.
 */
int clickhouse_retry(struct store_client *client, const char *database,
		     struct quarantine *quarantine, const char *id, struct error *err);

#endif
