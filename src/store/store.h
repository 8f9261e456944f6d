/*
 * The store as the server has it: the client, the embedded engine behind it (unless a
 * server of the user's was named), and the schema, brought up on a thread of its own while
 * receiving has begun already.
 */
#ifndef TRIPOD_STORE_STORE_H
#define TRIPOD_STORE_STORE_H

#include <stdbool.h>

#include "store/client.h"
#include "store/schema.h"
#include "store/supervisor.h"

struct store;

struct store_settings {
	struct store_endpoint endpoint; /* url NULL: the embedded engine's */
	struct supervisor_options engine; /* of the embedded engine */
	struct schema_options schema;
};

/* Starts; returns before the store is ready. Strings are copied. */
int store_open(struct store **out, const struct store_settings *settings, struct error *err);
/* Stops the engine. Nobody may use the client any more. Accepts NULL. */
void store_close(struct store *store);

struct store_client *store_get_client(struct store *store);
/* True once the schema is up and, of the embedded engine, while it runs; else `why` says what is awaited. */
bool store_is_ready(struct store *store, struct error *why);
/* False when the store is not an embedded engine. */
bool store_engine_status(struct store *store, struct supervisor_status *out);

#endif
