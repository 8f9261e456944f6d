/*
 * The database's schema as numbered migrations. Each is a list of statements that do
 * nothing where they were run before, so one that broke off is simply run again.
 */
#ifndef TRIPOD_STORE_SCHEMA_H
#define TRIPOD_STORE_SCHEMA_H

#include "base/status.h"
#include "store/client.h"
#include "telemetry/signal.h"

/* The newest schema that this program knows. */
#define SCHEMA_VERSION 1

struct schema_options {
	const char *database;
	int64_t retention[SIGNAL_COUNT]; /* ns, rounded up to days; 0: for ever */
};

/*
 * Brings the database to SCHEMA_VERSION and its retention to what is configured. CONFLICT
 * when a newer program has been at it; else the store's status (AGAIN: not reachable).
 */
int schema_migrate(struct store_client *client, const struct schema_options *options,
		   struct error *err);

#endif
