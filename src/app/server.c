#include "app/server.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/access.h"
#include "api/clickhouse.h"
#include "app/folder_lock.h"
#include "app/graph.h"
#include "app/server_routes.h"
#include "app/welcome.h"
#include "base/clock.h"
#include "base/log.h"
#include "exporters/clickhouse/retry.h"
#include "net/listeners.h"
#include "net/loop.h"
#include "pipeline/progress.h"
#include "pipeline/quarantine.h"
#include "store/store.h"

#define MAX_LOOPS 4
#define STOP_GRACE_MS 5000
#define MAX_RECEIVING ((size_t)256 << 20) /* bytes of requests that are received or decoded */
#define FLUSH_STEP_MS 200 /* so that a flush does not hold up a stop */

/* Memory that a role keeps for reuse: an agent passes on, and keeps little. */
struct memory_plan {
	size_t chunks; /* bytes of request buffers */
	size_t records; /* bytes of decoded columns, a signal */
	uint64_t log_cache; /* bytes; 0: the log's default */
};
static const struct memory_plan memory_plans[] = {
	[SERVER_FULL] = {(size_t)24 << 20, (size_t)8 << 20, 0},
	[SERVER_AGENT] = {(size_t)5 << 20, (size_t)1 << 20, (uint64_t)4 << 20},
};

struct server {
	const struct config *config;
	const struct storage_options *storage; /* as at the start */
	struct server_hooks hooks;
	const struct memory_plan *memory;
	char *data_dir;
	char *log_dir;
	int data_lock, log_lock;
	struct chunk_pool *chunks;
	struct record_pool *records;
	struct ledger *ledger;
	struct progress *progress;
	struct quarantine *quarantine;
	struct wal *wal;
	struct store *store;
	struct loop *loops[MAX_LOOPS];
	size_t loop_count;
	struct listeners *listeners;
	struct graph *graph;
	atomic_bool closing; /* the front is being stopped */
	struct server_routes *routes;
	char engine_socket[128], engine_data[4096];
	struct access *access;
	struct status_source status;
	struct clickhouse_counts query_counts; /* of all configurations */
};

/* --- bringing it up --------------------------------------------------------------- */

static int make_folder(const char *path, struct error *err)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_set_errno(err, STATUS_IO, errno, "cannot make the folder %s", path);
	return 0;
}

static int path_in(char *out, size_t size, const char *folder, const char *name, struct error *err)
{
	int n = snprintf(out, size, "%s/%s", folder, name);
	if (n < 0 || (size_t)n >= size)
		return error_set(err, STATUS_INVALID, "the path %s is too long", folder);
	return 0;
}

/* Two programs in one folder would write over each other's log and progress. */
static int lock_folders(struct server *server, struct error *err)
{
	const struct storage_options *storage = server->storage;
	char path[4096];
	int rc = 0;
	server->data_dir = realpath(storage->data_dir, NULL);
	if (!server->data_dir && (rc = make_folder(storage->data_dir, err)) == 0)
		server->data_dir = realpath(storage->data_dir, NULL);
	if (rc == 0 && !server->data_dir)
		rc = error_set_errno(err, STATUS_IO, errno, "cannot use the folder %s",
				     storage->data_dir);
	if (rc == 0)
		rc = server->data_lock =
			folder_lock_take(server->data_dir, "give this one another --data", err);
	if (rc >= 0)
		rc = path_in(path, sizeof(path), server->data_dir, "log", err);
	if (rc < 0)
		return rc;
	server->log_dir = strdup(storage->log.dir ? storage->log.dir : path);
	if (!server->log_dir)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	rc = make_folder(server->log_dir, err);
	if (rc == 0)
		rc = server->log_lock = folder_lock_take(
			server->log_dir, "give this one another storage.log.dir", err);
	return rc < 0 ? rc : 0;
}

static int open_memory(struct server *server, struct error *err)
{
	server->chunks = chunk_pool_new(server->memory->chunks);
	server->records =
		server->chunks ? record_pool_new(server->chunks, server->memory->records) : NULL;
	server->ledger = ledger_new();
	if (!server->records || !server->ledger)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	return 0;
}

static void report_recovery(const struct wal_recovery *recovery, int64_t began)
{
	if (recovery->torn_bytes)
		log_warn("durable log: the last write was not complete and is cut off; nobody was "
			 "told that it was",
			 LOG_INT("bytes", recovery->torn_bytes));
	if (recovery->corrupt_bytes)
		log_error("durable log: bytes that had been written cannot be read back",
			  LOG_INT("bytes", recovery->corrupt_bytes));
	log_info("durable log open", LOG_INT("records", recovery->records),
		 LOG_INT("bytes", recovery->end - recovery->first),
		 LOG_INT("ms", (clock_monotonic_ns() - began) / NS_PER_MS));
}

/* The progress file first: it says from where on the log is needed. */
static int open_log(struct server *server, struct error *err)
{
	char progress[4096], quarantine[4096];
	const struct durable_log_options *options = &server->storage->log;
	int64_t began = clock_monotonic_ns();
	bool fresh;
	int rc = path_in(progress, sizeof(progress), server->data_dir, "progress", err);
	if (rc == 0)
		rc = path_in(quarantine, sizeof(quarantine), server->data_dir, "quarantine", err);
	if (rc == 0)
		rc = quarantine_open(&server->quarantine, quarantine, err);
	if (rc == 0)
		rc = progress_open(&server->progress, progress, &fresh, err);
	if (rc < 0)
		return rc;
	struct wal_options wal = {.dir = server->log_dir,
				  .segment_size = options->segment_size,
				  .max_size = options->max_size,
				  .cache_size = server->memory->log_cache,
				  .pool = server->records,
				  .reached = progress_greatest_position(server->progress)};
	struct wal_recovery recovery;
	rc = wal_open(&server->wal, &wal, progress_least_position(server->progress, 0), &recovery,
		      err);
	if (rc < 0)
		return rc;
	report_recovery(&recovery, began);
	if (fresh && recovery.records)
		return error_set(
			err, STATUS_CORRUPT,
			"%s is missing, but the durable log %s has records: restore it, or "
			"move the log away to give its records up",
			progress, wal.dir);
	return 0;
}

static int open_store(struct server *server, struct error *err)
{
	const struct storage_options *storage = server->storage;
	/* A socket's path may have 107 bytes only, whatever the data directory is called. */
	snprintf(server->engine_socket, sizeof(server->engine_socket),
		 "unix:/tmp/tripod-engine-%d.sock", getpid());
	int rc = path_in(server->engine_data, sizeof(server->engine_data), server->data_dir,
			 "store", err);
	if (rc < 0)
		return rc;
	struct store_settings settings = {
		.endpoint = {.url = storage->endpoint,
			     .database = storage->database,
			     .user = storage->user,
			     .password = storage->password,
			     .ca_file = storage->tls.ca_file},
		.engine = {.program = storage->engine_binary,
			   .data = server->engine_data,
			   .listen = server->engine_socket,
			   .libchdb = storage->libchdb,
			   .memory_limit = storage_memory_limit(storage)},
		.schema = {.database = storage->database,
			   .retention = {[SIGNAL_LOGS] = storage->retention.logs,
					 [SIGNAL_TRACES] = storage->retention.traces,
					 [SIGNAL_METRICS] = storage->retention.metrics}}};
	return store_open(&server->store, &settings, err);
}

static int start_loops(struct server *server, struct error *err)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t wanted = cores < 2 ? 1 : (size_t)cores / 2;
	if (wanted > MAX_LOOPS)
		wanted = MAX_LOOPS;
	while (server->loop_count < wanted) {
		char name[16];
		snprintf(name, sizeof(name), "loop-%zu", server->loop_count);
		int rc = loop_new(&server->loops[server->loop_count], name, err);
		if (rc < 0)
			return rc;
		server->loop_count++;
	}
	return 0;
}

static int start_listeners(struct server *server, struct error *err)
{
	const struct ui_options *ui = &server->config->ui;
	int rc = access_new(&server->access, &server->config->auth, err);
	if (rc < 0)
		return rc;
	struct listeners_options options = {.loops = server->loops,
					    .loop_count = server->loop_count,
					    .chunks = server->chunks,
					    .max_pool_use = MAX_RECEIVING,
					    .guard = access_guard,
					    .access = server->access,
					    .allowed_hosts = ui->allowed_hosts,
					    .allowed_host_count = ui->allowed_hosts_count};
	return listeners_new(&server->listeners, &options, err);
}

static int start_graph(struct server *server, struct error *err)
{
	struct graph_context context = {.storage = server->storage,
					.wal = server->wal,
					.records = server->records,
					.chunks = server->chunks,
					.progress = server->progress,
					.quarantine = server->quarantine,
					.ledger = server->ledger,
					.store = server->store ? store_get_client(server->store)
							       : NULL,
					.listeners = server->listeners,
					.loops = server->loops,
					.loop_count = server->loop_count};
	return graph_start(&server->graph, server->config, &context, err);
}

static int start_routes(struct server *server, struct error *err)
{
	struct server_routes_context context = {
		.config = server->config,
		.database = server->storage->database,
		.graph = server->graph,
		.status = &server->status,
		.store = server->store ? store_get_client(server->store) : NULL,
		.listeners = server->listeners,
		.chunks = server->chunks,
		.query_counts = &server->query_counts,
	};
	return server_routes_start(&server->routes, &context, err);
}

/* What the configuration can change while the program runs: all but log, store and folders. */
static int start_front(struct server *server, struct error *err)
{
	atomic_store(&server->closing, false);
	int rc = start_loops(server, err);
	if (rc == 0)
		rc = start_listeners(server, err);
	if (rc == 0)
		rc = start_graph(server, err);
	if (rc == 0)
		rc = start_routes(server, err);
	if (rc == 0)
		rc = graph_receive(server->graph, err);
	/* What only exporters had needed that are gone is not needed any more. */
	if (rc == 0)
		wal_release_before(server->wal, progress_least_position(server->progress, 0));
	return rc;
}

static void stop_front(struct server *server)
{
	atomic_store(&server->closing, true);
	if (server->routes)
		server_routes_cancel(server->routes);
	if (server->listeners)
		listeners_stop(server->listeners, STOP_GRACE_MS);
	/* What runs on other threads for a request uses the graph and the loops. */
	server_routes_stop(server->routes);
	if (server->wal)
		wal_drain(server->wal);
	graph_stop(server->graph);
	while (server->loop_count)
		loop_free(server->loops[--server->loop_count]);
	listeners_free(server->listeners);
	access_free(server->access);
	server->graph = NULL;
	server->routes = NULL;
	server->listeners = NULL;
	server->access = NULL;
}

/* --- what the status routes ask --------------------------------------------------- */

static bool ready(void *ctx, struct buf *why)
{
	struct error err;
	if (server_is_ready(ctx, &err))
		return true;
	buf_appendf(why, "%s\n", err.message);
	return false;
}

static void engine(void *ctx, struct status_engine *out)
{
	struct server *server = ctx;
	struct supervisor_status status;
	if (!server->store || !store_engine_status(server->store, &status)) {
		*out = (struct status_engine){.state = server->store ? "external" : "none"};
		return;
	}
	*out = (struct status_engine){.state = supervisor_state_name(status.state),
				      .pid = status.pid,
				      .restarts = status.restarts,
				      .rss = status.rss};
}

static bool listener(void *ctx, size_t index, struct status_listener *out)
{
	struct server *server = ctx;
	struct listener_info info;
	if (!listeners_get(server->listeners, index, &info))
		return false;
	*out = (struct status_listener){info.name, info.address, info.error};
	return true;
}

static int flush(void *ctx, unsigned timeout_ms, struct error *err)
{
	struct server *server = ctx;
	uint64_t position = wal_end(server->wal);
	int64_t until = clock_monotonic_ns() + (int64_t)timeout_ms * NS_PER_MS;
	for (;;) {
		int64_t left = (until - clock_monotonic_ns()) / NS_PER_MS;
		unsigned step =
			left < FLUSH_STEP_MS ? (unsigned)(left > 0 ? left : 0) : FLUSH_STEP_MS;
		int rc = graph_flush(server->graph, position, step, err);
		if (rc != STATUS_TIMEOUT || left <= FLUSH_STEP_MS)
			return rc;
		if (atomic_load(&server->closing))
			return error_set(err, STATUS_AGAIN, "the server is stopping");
	}
}

static int reload(void *ctx, struct buf *messages)
{
	struct server *server = ctx;
	return server->hooks.reload(server->hooks.ctx, server, messages);
}

static int retry(void *ctx, const char *id, struct error *err)
{
	struct server *server = ctx;
	return clickhouse_retry(store_get_client(server->store), server->storage->database,
				server->quarantine, id, err);
}

static void describe_status(struct server *server)
{
	server->status = (struct status_source){.version = TRIPOD_VERSION,
						.started_ns = clock_unix_ns(),
						.wal = server->wal,
						.ledger = server->ledger,
						.quarantine = server->quarantine,
						.data_dir = server->data_dir,
						.ctx = server,
						.ready = ready,
						.engine = engine,
						.listener = listener,
						.flush = flush,
						.reload = server->hooks.reload ? reload : NULL,
						.retry = server->store ? retry : NULL};
}

int server_start(struct server **out, const struct config *config, enum server_role role,
		 const struct server_hooks *hooks, struct error *err)
{
	struct server *server = calloc(1, sizeof(*server));
	if (!server)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	server->config = config;
	server->storage = &config->storage;
	server->hooks = *hooks;
	server->memory = &memory_plans[role];
	server->data_lock = server->log_lock = -1;
	int rc = lock_folders(server, err);
	if (rc == 0)
		rc = open_memory(server, err);
	/* The store first: its engine starts while the log's headers are read. */
	if (rc == 0 && role == SERVER_FULL)
		rc = open_store(server, err);
	if (rc == 0)
		rc = open_log(server, err);
	if (rc == 0) {
		describe_status(server);
		rc = start_front(server, err);
	}
	if (rc < 0) {
		server_stop(server);
		return rc;
	}
	*out = server;
	return 0;
}

/* --- changing it ------------------------------------------------------------------ */

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_storage(const struct storage_options *a, const struct storage_options *b)
{
	struct buf texts[2] = {BUF_INIT, BUF_INIT};
	options_print(&storage_option_table, a, 0, &texts[0]);
	options_print(&storage_option_table, b, 0, &texts[1]);
	/* The one option that is not printed. */
	bool same = same_text(a->password, b->password) &&
		    same_text(buf_cstr(&texts[0]), buf_cstr(&texts[1]));
	buf_release(&texts[0]);
	buf_release(&texts[1]);
	return same;
}

static void report_storage(const struct server *server)
{
	if (!same_storage(server->storage, &server->config->storage))
		log_warn("storage changed: takes effect at the next start");
}

struct address_check {
	struct listeners *listeners;
	struct error *err;
	int rc;
};

static void check_address(void *ctx, const char *address, const struct yaml_node *node,
			  const char *path)
{
	struct address_check *check = ctx;
	struct error why;
	if (check->rc == 0 && listeners_probe(check->listeners, address, &why) < 0)
		check->rc =
			error_set(check->err, STATUS_INVALID, "%.120s: %.300s", path, why.message);
}

int server_check(struct server *server, const struct config *config, struct error *err)
{
	const struct component_list *receivers = &config->components[COMPONENT_RECEIVER];
	struct address_check check = {server->listeners, err, 0};
	struct arena arena; /* of paths */
	arena_init(&arena, (size_t)1 << 20);
	for (size_t i = 0; i < receivers->count; i++) {
		const struct component_config *c = &receivers->items[i];
		if (c->options && c->used)
			options_each_listener(c->type->options, c->options, c->node, c->id, &arena,
					      check_address, &check);
	}
	for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++) {
		const struct config_section *section = &config_sections[i];
		/* An agent has no store to ask. */
		if (server->store || section->offset != offsetof(struct config, query))
			options_each_listener(section->table,
					      (const char *)config + section->offset, NULL,
					      section->name, &arena, check_address, &check);
	}
	arena_release(&arena);
	return check.rc;
}

int server_reload(struct server *server, const struct config *config, struct error *err)
{
	const struct config *old = server->config;
	if (server_check(server, config, err) < 0)
		return STATUS_INVALID;
	stop_front(server);
	server->config = config;
	int rc = start_front(server, err);
	if (rc == 0) {
		report_storage(server);
		return 0;
	}
	struct error again;
	stop_front(server);
	server->config = old;
	if (start_front(server, &again) < 0)
		return error_set(err, STATUS_IO,
				 "%.200s; and the old configuration does not start again: %.200s",
				 err->message, again.message);
	return STATUS_INVALID;
}

/* --- taking it down --------------------------------------------------------------- */

void server_stop(struct server *server)
{
	stop_front(server);
	store_close(server->store);
	wal_close(server->wal);
	progress_close(server->progress);
	quarantine_close(server->quarantine);
	ledger_free(server->ledger);
	record_pool_free(server->records);
	chunk_pool_free(server->chunks);
	if (server->log_lock >= 0)
		close(server->log_lock);
	if (server->data_lock >= 0)
		close(server->data_lock);
	free(server->log_dir);
	free(server->data_dir);
	free(server);
}

/* --- what it says ----------------------------------------------------------------- */

bool server_is_ready(struct server *server, struct error *why)
{
	return !server->store || store_is_ready(server->store, why);
}

void server_print_welcome(struct server *server, struct buf *out)
{
	welcome_print(server->listeners, server->data_dir, out);
}
