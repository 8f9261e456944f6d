#include "store/store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

#define RETRY_MS 500
#define ENGINE_WAIT_MS 1000

struct store {
	struct schema_options schema;
	char *database; /* schema.database */
	struct store_client *client;
	struct supervisor *supervisor; /* NULL: not embedded */
	pthread_t setup;
	bool setup_started;
	pthread_mutex_t lock; /* what follows */
	pthread_cond_t changed;
	bool stopping, schema_ready;
	struct error last; /* why the schema is not ready yet */
};

/* Sleeps for `ms`; false when the store is stopping. */
static bool pause_ms(struct store *store, unsigned ms)
{
	int64_t until = clock_monotonic_ns() + (int64_t)ms * NS_PER_MS;
	struct timespec deadline = {until / NS_PER_SECOND, until % NS_PER_SECOND};
	pthread_mutex_lock(&store->lock);
	while (!store->stopping &&
	       pthread_cond_timedwait(&store->changed, &store->lock, &deadline) == 0)
		;
	bool go_on = !store->stopping;
	pthread_mutex_unlock(&store->lock);
	return go_on;
}

static int try_setup(struct store *store, struct error *err)
{
	int rc = store->supervisor ? supervisor_wait_ready(store->supervisor, ENGINE_WAIT_MS, err)
				   : 0;
	return rc < 0 ? rc : schema_migrate(store->client, &store->schema, err);
}

static void *setup_main(void *arg)
{
	struct store *store = arg;
	int64_t began = clock_monotonic_ns();
	do {
		struct error err = {0};
		int rc = try_setup(store, &err);
		pthread_mutex_lock(&store->lock);
		bool news = err.status != store->last.status;
		store->schema_ready = rc == 0;
		store->last = err;
		pthread_mutex_unlock(&store->lock);
		if (rc == 0) {
			log_info("store ready",
				 LOG_INT("ms", (clock_monotonic_ns() - began) / NS_PER_MS));
			return NULL;
		}
		if (news)
			log_warn("store: not ready yet", LOG_STR("error", err.message));
	} while (pause_ms(store, RETRY_MS));
	return NULL;
}

int store_open(struct store **out, const struct store_settings *settings, struct error *err)
{
	struct store *store = calloc(1, sizeof(*store));
	if (!store)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	store->schema = settings->schema;
	store->schema.database = store->database = strdup(settings->schema.database);
	store->last = (struct error){STATUS_AGAIN, "the store is starting"};
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);

	struct store_endpoint endpoint = settings->endpoint;
	int rc = store->database ? 0 : error_set(err, STATUS_NO_MEMORY, "out of memory");
	if (rc == 0 && !endpoint.url) {
		endpoint.url = settings->engine.listen;
		rc = supervisor_start(&store->supervisor, &settings->engine, err);
	}
	if (rc == 0)
		rc = store_client_new(&store->client, &endpoint, err);
	if (rc == 0 && pthread_create(&store->setup, NULL, setup_main, store) != 0)
		rc = error_set(err, STATUS_NO_MEMORY, "cannot start a thread");
	if (rc < 0) {
		store_close(store);
		return rc;
	}
	pthread_setname_np(store->setup, "store-setup");
	store->setup_started = true;
	*out = store;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	pthread_mutex_lock(&store->lock);
	store->stopping = true;
	pthread_cond_broadcast(&store->changed);
	pthread_mutex_unlock(&store->lock);
	if (store->setup_started)
		pthread_join(store->setup, NULL);
	store_client_free(store->client);
	supervisor_stop(store->supervisor);
	pthread_mutex_destroy(&store->lock);
	pthread_cond_destroy(&store->changed);
	free(store->database);
	free(store);
}

struct store_client *store_get_client(struct store *store)
{
	return store->client;
}

bool store_engine_status(struct store *store, struct supervisor_status *out)
{
	if (!store->supervisor)
		return false;
	supervisor_get_status(store->supervisor, out);
	return true;
}

bool store_is_ready(struct store *store, struct error *why)
{
	struct supervisor_status engine;
	pthread_mutex_lock(&store->lock);
	bool ready = store->schema_ready;
	if (!ready)
		*why = store->last;
	pthread_mutex_unlock(&store->lock);
	if (ready && store_engine_status(store, &engine) && engine.state != SUPERVISOR_READY) {
		error_set(why, STATUS_AGAIN, "the engine is %s",
			  supervisor_state_name(engine.state));
		return false;
	}
	return ready;
}
