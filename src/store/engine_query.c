#include <stdlib.h>

#include "store/engine_int.h"
#include "store/exception.h"

/* A first piece up to this size waits for the second: most answers are one, and go whole. */
#define SMALL_ANSWER ((size_t)64 << 10)
/* With wait_end_of_query: what is kept back before it is sent all the same. */
#define WAIT_LIMIT ((size_t)64 << 20)

struct query {
	struct job *job;
	const struct chdb_api *api;
	struct chdb_connection *conn;
	struct answer answer;
	struct answer_counts counts;
	struct slice format;
	struct buf held; /* answer that is kept back */
};

static void count(struct query *q, struct chdb_result *r)
{
	q->counts.read_rows += q->api->result_storage_rows_read(r);
	q->counts.read_bytes += q->api->result_storage_bytes_read(r);
	q->counts.result_rows += q->api->result_rows_read(r);
	q->counts.result_bytes += q->api->result_bytes_read(r);
}

/* SHOW, EXPLAIN, DDL, INSERT … SELECT: the library gives the answer as one. */
static void run_whole(struct query *q, const struct chdb_params *params)
{
	struct slice sql = q->job->statement.text;
	struct chdb_result *r = q->api->query(q->conn, sql.ptr, sql.len, q->format.ptr,
					      q->format.len, params->names, params->name_lens,
					      params->values, params->value_lens, params->count);
	const char *failure = r ? q->api->result_error(r) : "the engine gave no answer";
	if (failure) {
		answer_exception(&q->answer, failure);
	} else {
		count(q, r);
		q->counts.written_rows = q->api->result_rows_written(r);
		q->counts.written_bytes = q->api->result_bytes_written(r);
		struct slice body = {q->api->result_buffer(r), q->api->result_length(r)};
		answer_whole(&q->answer, q->format, &q->counts, body);
	}
	if (r)
		q->api->result_destroy(r);
}

static int send(struct query *q, struct slice data)
{
	size_t keep = q->job->want.wait_end ? WAIT_LIMIT : SMALL_ANSWER;
	if (!q->answer.started && q->held.len + data.len <= keep) {
		buf_append_slice(&q->held, data);
		return q->held.failed ? STATUS_NO_MEMORY : 0;
	}
	int rc = 0;
	if (q->held.len) {
		rc = answer_piece(&q->answer, q->format, &q->counts, buf_slice(&q->held), NULL);
		buf_release(&q->held);
	}
	return rc ? rc : answer_piece(&q->answer, q->format, &q->counts, data, NULL);
}

/* Fetches to the end. 0: all was sent; else the stream has to be cancelled, and why. */
static int pump(struct query *q, struct chdb_result *stream, struct buf *failure)
{
	for (;;) {
		if (bridge_is_gone(q->job->bridge))
			return STATUS_CANCELLED;
		struct chdb_result *r = q->api->stream_fetch(q->conn, stream);
		const char *error = r ? q->api->result_error(r) : "the engine gave no answer";
		struct slice data = {0};
		int rc = 0;
		if (error) {
			buf_append_cstr(failure, error);
			rc = STATUS_INVALID;
		} else {
			data = (struct slice){q->api->result_buffer(r), q->api->result_length(r)};
			count(q, r);
			if (data.len)
				rc = send(q, data);
		}
		if (r)
			q->api->result_destroy(r);
		if (rc || !data.len)
			return rc;
	}
}

static void run_streamed(struct query *q, const struct chdb_params *params, bool *clean)
{
	struct slice sql = q->job->statement.text;
	struct chdb_result *stream = q->api->stream_query(
		q->conn, sql.ptr, sql.len, q->format.ptr, q->format.len, params->names,
		params->name_lens, params->values, params->value_lens, params->count);
	const char *error = stream ? q->api->result_error(stream) : "the engine gave no answer";
	struct buf failure = BUF_INIT;
	int rc = 0;
	if (error)
		answer_exception(&q->answer, error);
	else
		rc = pump(q, stream, &failure);
	if (rc)
		q->api->stream_cancel(q->conn, stream);
	if (stream)
		q->api->result_destroy(stream);
	*clean = !error && rc == 0;

	if (rc == STATUS_INVALID)
		answer_exception(&q->answer, buf_cstr(&failure));
	else if (rc)
		answer_exception(&q->answer,
				 rc == STATUS_CANCELLED
					 ? "Code: 394. DB::Exception: The client has "
					   "gone. (QUERY_WAS_CANCELLED)"
					 : "Code: 173. DB::Exception: No memory for the "
					   "answer. (CANNOT_ALLOCATE_MEMORY)");
	else if (!error && !q->answer.started)
		answer_whole(&q->answer, q->format, &q->counts, buf_slice(&q->held));
	else if (!error)
		answer_end(&q->answer);
	buf_release(&failure);
}

void job_run_query(struct job *job, struct chdb_session *session, bool *clean)
{
	struct query q = {.job = job,
			  .api = job->engine->api,
			  .conn = chdb_session_connection(session),
			  .format = job->statement.format};
	struct chdb_params params;
	struct error err;
	buf_init(&q.held);
	if (!q.format.len)
		q.format = job->want.default_format;
	if (!q.format.len)
		q.format = SLICE("TabSeparated");
	*clean = false;
	if (answer_init(&q.answer, job, &err) || job_params(job, &params, &err))
		job_fail(job, err.message);
	else if (job->statement.kind == STATEMENT_SELECT)
		run_streamed(&q, &params, clean);
	else
		run_whole(&q, &params);
	buf_release(&q.held);
	answer_release(&q.answer);
}
