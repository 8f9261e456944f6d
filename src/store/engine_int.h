/*
 * What the engine's files share. A request becomes a job: the loop gathers its body in a
 * bridge (engine.c), a worker reads its parameters (engine_request.c), runs it
 * (engine_query.c, engine_insert.c) and answers through the bridge (engine_answer.c).
 */
#ifndef TRIPOD_STORE_ENGINE_INT_H
#define TRIPOD_STORE_ENGINE_INT_H

#include <pthread.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/chunk.h"
#include "store/bridge.h"
#include "store/chdb.h"
#include "store/engine.h"
#include "store/statement.h"
#include "wire/compress.h"

struct http_request;
struct http_route;
struct http_server;
struct loop;
struct workers;

/* Memory for one request's own strings: parameters, the statement when it comes in the body. */
#define JOB_ARENA ((size_t)192 << 20)

struct engine {
	struct chdb *chdb;
	const struct chdb_api *api;
	struct chdb_api loaded;
	struct loop *loop;
	struct http_server *server;
	struct http_route *routes;
	struct workers *workers;
	struct chunk_pool *pool;
	char address[128];
	char *data;
	char timezone[64];
	char host[65];
	bool tcp;
	int lock_fd;
	char *unix_path; /* NULL on TCP */

	/* Jobs that run a statement, to find one by its id and to stop those nobody waits for. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct job_entry *running;
	bool closing;
	pthread_t canceller;
	bool canceller_started;
};

/* A statement that runs. */
struct job_entry {
	struct job_entry *next;
	const char *id;
	struct bridge *bridge;
	bool stop;
};

struct setting {
	struct slice name, value;
};

/* What a request asks for, of its URL and headers. All strings live in the job's arena. */
struct job_request {
	struct slice url_query; /* the parameter `query`; ptr NULL: none */
	struct slice database, default_format, query_id;
	struct setting *settings, *params; /* in their order */
	size_t setting_count, param_count;
	long readonly; /* the setting; -1: not given */
	bool compress_answer, wait_end;
	enum compress_encoding body_encoding, answer_encoding;
};

struct job {
	struct engine *engine;
	struct bridge *bridge;
	struct arena arena;
	/* Copies made on the loop. */
	bool is_get, trusted_peer;
	const char *raw_query, *content_encoding, *accept_encoding, *content_type;
	const char *header_database, *header_format;
	/* The worker's. */
	struct job_request want;
	bool restricted;
	struct statement statement;
	char id[80];
	int64_t started_ns;
	struct body_reader *body;
};

/* --- engine_request.c --------------------------------------------------------------- */

/* Reads the parameters. A failure's message has ClickHouse's form. */
int job_read_request(struct job *job, struct error *err);
/*
 * The connection to run on: USE, SET of defaults and settings, the id, `readonly`.
 * `reusable` tells whether it may be kept afterwards.
 */
int job_open_session(struct job *job, struct chdb_session **out, bool *reusable, struct error *err);
/* The parameters in the library's shape, in the job's arena. */
int job_params(struct job *job, struct chdb_params *out, struct error *err);

/* --- engine_body.c ------------------------------------------------------------------ */

/* The decoded body of a request, piece by piece. */
struct body_reader;
int body_reader_new(struct body_reader **out, struct bridge *bridge,
		    enum compress_encoding encoding, struct error *err);
void body_reader_free(struct body_reader *reader);
/* Appends until `out` has `want` bytes or the body has ended (`*ended`). */
int body_reader_fill(struct body_reader *reader, struct buf *out, size_t want, bool *ended,
		     struct error *err);
/* Hands on everything that is left; returns 0 only when the body ended whole. */
int body_reader_drain(struct body_reader *reader, int (*emit)(void *ctx, struct slice data),
		      void *ctx, struct error *err);

/* --- engine_query.c, engine_insert.c ------------------------------------------------- */

void job_run_query(struct job *job, struct chdb_session *session, bool *clean);
void job_run_insert(struct job *job, struct chdb_session *session, bool *clean);

/* --- engine_answer.c ---------------------------------------------------------------- */

struct answer_counts {
	uint64_t read_rows, read_bytes, written_rows, written_bytes, result_rows, result_bytes;
};

/* An answer under way: headers, coding of the content, what to do on a late failure. */
struct answer {
	struct job *job;
	bool started;
	char tag[17]; /* of the exception trailer */
	struct compress_stream *coding;
	struct buf coded;
};

int answer_init(struct answer *answer, struct job *job, struct error *err);
void answer_release(struct answer *answer);
/* The whole answer at once. */
void answer_whole(struct answer *answer, struct slice format, const struct answer_counts *counts,
		  struct slice body);
/* One piece of many; the first one sends the headers. 0, CANCELLED, NO_MEMORY. */
int answer_piece(struct answer *answer, struct slice format, const struct answer_counts *counts,
		 struct slice data, struct error *err);
void answer_end(struct answer *answer);
/* An exception: a status and the message, or behind data the trailer and a broken connection. */
void answer_exception(struct answer *answer, const char *message);
/* For failures before there is an answer. */
void job_fail(struct job *job, const char *message);
/* The content type that ClickHouse gives a format. */
const char *format_content_type(struct slice format);

/* --- engine_job.c ------------------------------------------------------------------- */

/* A copy of what the worker needs of `req`; NULL when out of memory. On the loop. */
struct job *job_new(struct engine *engine, struct http_request *req);
void job_free(struct job *job);
/* From the parameters to the answer, on a worker; frees the job. */
void job_main(void *job);

/* --- engine_data.c ------------------------------------------------------------------ */

/* Creates the directory, locks it, moves empty .sql files out of the engine's way. */
int data_prepare(int *lock_fd, const char *data, bool supervised, struct error *err);
/* Bytes that may still be written there. */
uint64_t data_free_bytes(const char *data);

/* --- engine_cancel.c ---------------------------------------------------------------- */

int canceller_start(struct engine *engine, struct error *err);
void canceller_stop(struct engine *engine);
/* Enters a statement that is about to run; its id must not be running already (code 216). */
int running_enter(struct engine *engine, struct job_entry *entry, struct error *err);
void running_leave(struct engine *engine, struct job_entry *entry);
/* The client of `bridge` has gone: its statement, if one runs, is killed. From any thread. */
void running_cancel(struct engine *engine, struct bridge *bridge);

#endif
