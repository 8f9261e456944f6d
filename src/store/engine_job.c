#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "net/http.h"
#include "store/engine_int.h"
#include "store/exception.h"

/* A statement in a body: as far as it is looked at for an INSERT's data, and at most. */
#define STATEMENT_FIRST ((size_t)256 << 10)
#define STATEMENT_LIMIT ((size_t)64 << 20)
/* Below this no DDL runs: on a full disk it reports success and leaves a broken table. */
#define DDL_SPACE ((uint64_t)16 << 20)

static char *copy(struct job *job, struct slice s)
{
	return arena_strdup(&job->arena, s.ptr ? s : SLICE(""));
}

static const char *copy_header(struct job *job, struct http_request *req, const char *name)
{
	return copy(job, http_request_header(req, name));
}

struct job *job_new(struct engine *engine, struct http_request *req)
{
	struct job *job = calloc(1, sizeof(*job));
	if (!job)
		return NULL;
	job->engine = engine;
	job->started_ns = clock_monotonic_ns();
	arena_init(&job->arena, JOB_ARENA);
	job->bridge = bridge_new(req, engine->pool);
	job->is_get = slice_eq_cstr(http_request_method(req), "GET");
	job->trusted_peer = strcmp(http_request_peer(req), "unix") == 0;
	job->raw_query = copy(job, http_request_query(req));
	job->content_encoding = copy_header(job, req, "content-encoding");
	job->accept_encoding = copy_header(job, req, "accept-encoding");
	job->content_type = copy_header(job, req, "content-type");
	job->header_database = copy_header(job, req, "x-clickhouse-database");
	job->header_format = copy_header(job, req, "x-clickhouse-format");
	if (job->bridge && job->raw_query && job->content_encoding && job->accept_encoding &&
	    job->content_type && job->header_database && job->header_format)
		return job;
	if (job->bridge) {
		bridge_unref(job->bridge);
		bridge_unref(job->bridge);
	}
	arena_release(&job->arena);
	free(job);
	return NULL;
}

void job_free(struct job *job)
{
	body_reader_free(job->body);
	bridge_unref(job->bridge);
	arena_release(&job->arena);
	free(job);
}

/* --- the statement ------------------------------------------------------------------ */

static int parse(struct job *job, struct slice text, struct error *err)
{
	struct error why;
	int rc = statement_parse(&job->statement, text, job->restricted, &why);
	if (rc == 0)
		return 0;
	return exception_set(err, rc == STATUS_DENIED ? 497 : EXCEPTION_SYNTAX_ERROR, "%s",
			     why.message);
}

static bool data_may_follow(const struct job *job)
{
	return job->statement.kind == STATEMENT_INSERT && job->statement.format.len > 0;
}

/* Copies the text to the arena and reads it there, where the statement's slices may point. */
static int parse_copy(struct job *job, const struct buf *text, struct error *err)
{
	char *kept = arena_strdup(&job->arena, buf_slice(text));
	if (!kept)
		return exception_set(err, EXCEPTION_QUERY_IS_TOO_LARGE,
				     "The statement is too large");
	return parse(job, (struct slice){kept, text->len}, err);
}

/*
 * The statement is in the URL, in the body, or begins in one and goes on in the other
 * (with a line end between). What stands behind an INSERT's FORMAT is left in the body.
 */
static int find_statement(struct job *job, struct error *err)
{
	struct slice url = job->want.url_query;
	bool ended = false;
	if (url.len) {
		int rc = parse(job, url, err);
		if (rc == 0 && data_may_follow(job))
			return 0;
	}
	struct buf text;
	buf_init_limited(&text, STATEMENT_LIMIT);
	buf_append_slice(&text, url);
	if (url.len)
		buf_append_byte(&text, '\n');
	size_t before = text.len;
	int rc = body_reader_fill(job->body, &text, before + STATEMENT_FIRST, &ended, err);
	if (text.len == before && url.len)
		text.len--;
	/* A body's piece may end inside of a token: only what is whole can be wrong. */
	int parsed = rc ? rc : parse_copy(job, &text, err);
	if (rc == 0 && !ended && (parsed || !data_may_follow(job))) {
		rc = body_reader_fill(job->body, &text, SIZE_MAX, &ended, err);
		parsed = rc ? rc : parse_copy(job, &text, err);
	}
	buf_release(&text);
	return rc ? rc : parsed;
}

static bool is_ddl(struct slice sql)
{
	static const char *const words[] = {"CREATE", "ALTER",    "ATTACH",
					    "RENAME", "EXCHANGE", "REPLACE"};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(words[i]);
		if (sql.len > len && strncasecmp(sql.ptr, words[i], len) == 0)
			return true;
	}
	return false;
}

static int check_space(const struct job *job, struct error *err)
{
	if (job->statement.kind != STATEMENT_OTHER || !is_ddl(job->statement.text) ||
	    data_free_bytes(job->engine->data) >= DDL_SPACE)
		return 0;
	return exception_set(err, 243, "The disk is too full to change the schema");
}

/* --- running ------------------------------------------------------------------------ */

static void run(struct job *job)
{
	struct error err;
	struct chdb_session *session;
	struct job_entry entry = {.id = job->id, .bridge = job->bridge};
	bool reusable = false, clean = false;
	int rc = running_enter(job->engine, &entry, &err);
	if (rc) {
		job_fail(job, err.message);
		return;
	}
	rc = job_open_session(job, &session, &reusable, &err);
	if (rc == 0) {
		if (job->statement.kind == STATEMENT_INSERT)
			job_run_insert(job, session, &clean);
		else
			job_run_query(job, session, &clean);
	} else {
		job_fail(job, err.message);
	}
	running_leave(job->engine, &entry);
	if (rc == 0)
		chdb_session_close(session, reusable && clean);
}

void job_main(void *arg)
{
	struct job *job = arg;
	struct error err;
	int rc = job_read_request(job, &err);
	if (rc == 0)
		rc = body_reader_new(&job->body, job->bridge, job->want.body_encoding, &err);
	if (rc == 0)
		rc = find_statement(job, &err);
	if (rc == 0)
		rc = check_space(job, &err);
	if (rc == STATUS_CANCELLED) {
		bridge_break(job->bridge);
	} else if (rc) {
		job_fail(job, err.message);
	} else if (job->statement.kind == STATEMENT_EMPTY) {
		if (job->is_get)
			bridge_respond(job->bridge, 200, "text/html; charset=UTF-8",
				       SLICE("Ok.\n"));
		else
			job_fail(job, "Code: 62. DB::Exception: Syntax error: Empty query. "
				      "(SYNTAX_ERROR)");
	} else {
		if (job->statement.kind == STATEMENT_INSERT && !job->statement.format.len)
			job->statement.format = job->want.default_format.len
							? job->want.default_format
							: SLICE("Values");
		run(job);
	}
	job_free(job);
}
