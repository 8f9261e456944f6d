#include "store/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "net/http.h"
#include "net/loop.h"
#include "store/engine_int.h"
#include "store/workers.h"

#define DEFAULT_QUERIES 100
#define DEFAULT_INSERTS 32
/* In line behind those that run, of each kind. */
#define MAX_WAITING 4096
/* Of a body, before it is known what the statement is: then a worker takes over. */
#define DISPATCH_BYTES ((size_t)64 << 10)
#define POOL_KEEP ((size_t)64 << 20)
#define STOP_GRACE_MS 5000
/* Two hours: a sender of blocks may take its time. */
#define SLOW_BODY_MS (2u * 3600 * 1000)
#define SLOW_READER_MS (600u * 1000)

/* --- requests, on the loop ---------------------------------------------------------- */

/* Lives in the request's arena, so as long as its callbacks can come. */
struct intake {
	struct engine *engine;
	struct bridge *bridge;
	struct job *job; /* until a worker has it */
	bool is_insert;
};

static void dispatch(struct intake *in)
{
	struct job *job = in->job;
	struct error err;
	if (!job)
		return;
	in->job = NULL;
	enum worker_kind kind = in->is_insert ? WORKER_INSERT : WORKER_QUERY;
	if (workers_submit(in->engine->workers, kind, job_main, job, &err)) {
		job_fail(job, "Code: 202. DB::Exception: Too many requests are waiting for the "
			      "engine. (TOO_MANY_SIMULTANEOUS_QUERIES)");
		job_free(job);
	}
}

static void on_data(struct http_request *req, struct slice data, void *arg)
{
	struct intake *in = arg;
	if (in->job && !in->is_insert && statement_is_insert(data))
		in->is_insert = true;
	if (bridge_put(in->bridge, data) >= DISPATCH_BYTES)
		dispatch(in);
}

static void on_end(struct http_request *req, void *arg)
{
	struct intake *in = arg;
	bridge_put_end(in->bridge);
	dispatch(in);
}

static void on_gone(struct http_request *req, void *arg)
{
	struct intake *in = arg;
	bridge_put_gone(in->bridge);
	if (in->job) {
		bridge_break(in->bridge);
		job_free(in->job);
		in->job = NULL;
	} else {
		running_cancel(in->engine, in->bridge);
	}
}

static void handle_query(struct http_request *req, void *ctx)
{
	struct intake *in = arena_alloc(http_request_arena(req), sizeof(*in));
	struct job *job = in ? job_new(ctx, req) : NULL;
	if (!job) {
		http_respond(req, 503, "text/plain; charset=UTF-8",
			     SLICE("Code: 173. DB::Exception: No memory for the request. "
				   "(CANNOT_ALLOCATE_MEMORY)\n"));
		return;
	}
	struct slice url = http_request_param(req, "query");
	*in = (struct intake){ctx, job->bridge, job, url.len && statement_is_insert(url)};
	http_request_on_gone(req, on_gone, in);
	bool now = in->is_insert;
	http_request_on_body(req, on_data, on_end, in);
	if (now)
		dispatch(in);
}

static void handle_ping(struct http_request *req, void *ctx)
{
	http_respond(req, 200, "text/html; charset=UTF-8", SLICE("Ok.\n"));
}

/* --- start and stop ----------------------------------------------------------------- */

static int run_scalar(struct engine *e, const char *sql, char *out, size_t size, struct error *err)
{
	struct chdb_session *session;
	int rc = chdb_session_open(&session, e->chdb, (struct slice){0}, err);
	if (rc)
		return rc;
	struct chdb_result *r = e->api->query(chdb_session_connection(session), sql, strlen(sql),
					      "TSVRaw", 6, NULL, NULL, NULL, NULL, 0);
	const char *failure = r ? e->api->result_error(r) : "no answer";
	if (failure)
		rc = error_set(err, STATUS_IO, "the engine does not answer: %s", failure);
	else
		snprintf(out, size, "%.*s",
			 (int)(e->api->result_length(r) ? e->api->result_length(r) - 1 : 0),
			 e->api->result_buffer(r));
	if (r)
		e->api->result_destroy(r);
	chdb_session_close(session, true);
	return rc;
}

static int open_data(struct engine *e, const struct engine_options *o, struct error *err)
{
	struct chdb_options options = {
		.data = o->data, .config_file = o->config_file, .memory_limit = o->memory_limit};
	int rc = chdb_open(&e->chdb, e->api, &options, err);
	if (rc == 0)
		rc = run_scalar(e, "SELECT timezone()", e->timezone, sizeof(e->timezone), err);
	char detached[32];
	if (rc == 0)
		rc = run_scalar(e, "SELECT count() FROM system.detached_parts", detached,
				sizeof(detached), err);
	if (rc == 0 && strcmp(detached, "0") != 0)
		log_warn("parts of tables are detached: their rows are not seen by queries; look "
			 "at system.detached_parts",
			 LOG_STR("parts", detached));
	return rc;
}

static int listen_on(struct engine *e, const char *address, struct error *err)
{
	static const char unix_prefix[] = "unix:";
	struct http_route routes[] = {
		{"GET", "/ping", HTTP_BODY_WHOLE, ACCESS_OPEN, handle_ping, e},
		{"GET", "/replicas_status", HTTP_BODY_WHOLE, ACCESS_OPEN, handle_ping, e},
		{"GET", "/", HTTP_BODY_STREAM, ACCESS_OPEN, handle_query, e},
		{"POST", "/", HTTP_BODY_STREAM, ACCESS_OPEN, handle_query, e},
	};
	e->routes = malloc(sizeof(routes));
	if (!e->routes)
		return error_set(err, STATUS_NO_MEMORY, "no memory to listen");
	memcpy(e->routes, routes, sizeof(routes));
	if (strncmp(address, unix_prefix, sizeof(unix_prefix) - 1) == 0)
		e->unix_path = strdup(address + sizeof(unix_prefix) - 1);
	struct http_server_options options = {
		.name = "engine",
		.address = address,
		.max_body = SIZE_MAX / 2,
		.max_header = (size_t)1 << 20,
		.read_timeout_ms = SLOW_BODY_MS,
		.request_timeout_ms = SLOW_BODY_MS,
		.write_timeout_ms = SLOW_READER_MS,
		/* A page in a browser must not reach an engine on a loopback address. */
		.check_host = !e->unix_path,
		.routes = e->routes,
		.route_count = sizeof(routes) / sizeof(routes[0]),
		.pool = e->pool,
	};
	int rc = http_server_start(&e->server, &e->loop, 1, &options, err);
	if (rc == 0)
		snprintf(e->address, sizeof(e->address), "%s", http_server_address(e->server));
	return rc;
}

static void engine_free(struct engine *e)
{
	canceller_stop(e);
	workers_free(e->workers);
	loop_free(e->loop);
	chdb_close(e->chdb);
	chunk_pool_free(e->pool);
	if (e->lock_fd >= 0)
		close(e->lock_fd);
	free(e->routes);
	free(e->unix_path);
	free(e->data);
	free(e);
}

static int load_library(struct engine *e, const struct engine_options *o, struct error *err)
{
	char path[PATH_MAX];
	int rc = chdb_find(path, sizeof(path), o->libchdb, err);
	if (rc == 0)
		rc = chdb_load(&e->loaded, path, err);
	e->api = &e->loaded;
	return rc;
}

int engine_start(struct engine **out, const struct engine_options *o, const struct chdb_api *api,
		 struct error *err)
{
	const unsigned limits[WORKER_KINDS] = {
		[WORKER_QUERY] = o->max_queries ? o->max_queries : DEFAULT_QUERIES,
		[WORKER_INSERT] = o->max_inserts ? o->max_inserts : DEFAULT_INSERTS,
	};
	struct engine *e = calloc(1, sizeof(*e));
	if (!e)
		return error_set(err, STATUS_NO_MEMORY, "no memory for the engine");
	e->lock_fd = -1;
	e->api = api;
	e->data = strdup(o->data);
	e->pool = chunk_pool_new(POOL_KEEP);
	e->workers = workers_new(limits, MAX_WAITING);
	gethostname(e->host, sizeof(e->host) - 1);
	int rc = e->data && e->pool && e->workers
			 ? 0
			 : error_set(err, STATUS_NO_MEMORY, "no memory for the engine");
	if (rc == 0)
		rc = data_prepare(&e->lock_fd, o->data, o->die_with_parent, err);
	if (rc == 0 && !api)
		rc = load_library(e, o, err);
	if (rc == 0)
		rc = open_data(e, o, err);
	if (rc == 0)
		rc = canceller_start(e, err);
	if (rc == 0)
		rc = loop_new(&e->loop, "engine", err);
	if (rc == 0)
		rc = listen_on(e, o->listen, err);
	if (rc == 0)
		*out = e;
	else
		engine_free(e);
	return rc;
}

const char *engine_address(const struct engine *e)
{
	return e->address;
}

struct stopping {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool done;
};

static void stopped(void *arg)
{
	struct stopping *s = arg;
	pthread_mutex_lock(&s->lock);
	s->done = true;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

void engine_stop(struct engine *e, unsigned grace_ms)
{
	if (!e)
		return;
	/* On the loop, like everything of the server; it frees itself. */
	struct stopping s = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
	http_server_stop(e->server, grace_ms, stopped, &s);
	pthread_mutex_lock(&s.lock);
	while (!s.done)
		pthread_cond_wait(&s.changed, &s.lock);
	pthread_mutex_unlock(&s.lock);
	engine_free(e);
}

static void say_ready(int fd, const char *address)
{
	if (fd < 0)
		return;
	dprintf(fd, "ready %s\n", address);
	close(fd);
}

int engine_run(const struct engine_options *o, struct error *err)
{
	/* Before any thread is there, so that all inherit it and sigwait gets them. */
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (o->die_with_parent) {
		/* SYSTEM SHUTDOWN and crashes of the library may signal the process group. */
		setsid();
		pid_t parent = getppid();
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (parent == 1 || getppid() != parent)
			return error_set(err, STATUS_CANCELLED, "the parent is gone");
	}
	struct engine *e;
	int rc = engine_start(&e, o, NULL, err);
	if (rc)
		return rc;
	log_info("engine ready", LOG_STR("address", e->address), LOG_STR("data", o->data),
		 LOG_STR("libchdb", e->api->version()));
	say_ready(o->ready_fd, e->address);
	int signal_number;
	sigwait(&signals, &signal_number);
	log_info("engine stops", LOG_INT("signal", signal_number));
	engine_stop(e, STOP_GRACE_MS);
	return 0;
}
