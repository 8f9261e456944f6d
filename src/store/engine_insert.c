#include "store/engine_int.h"
#include "store/exception.h"

struct insertion {
	const struct chdb_api *api;
	struct chdb_insert *insert;
};

static int append(void *ctx, struct slice data)
{
	struct insertion *in = ctx;
	return in->api->insert_append(in->insert, data.ptr, data.len) ? STATUS_INVALID : 0;
}

/* Feeds everything. 0 only when the body ended whole: then alone may it be committed. */
static int feed(struct job *job, struct insertion *in, struct error *err)
{
	struct slice first = job->statement.data;
	if (first.len && append(in, first))
		return STATUS_INVALID;
	err->message[0] = '\0';
	return body_reader_drain(job->body, append, in, err);
}

static void commit(struct job *job, struct insertion *in, struct answer *answer, bool *clean)
{
	struct chdb_result *r = in->api->insert_done(in->insert);
	const char *error = r ? in->api->result_error(r) : "the engine gave no answer";
	if (error) {
		answer_exception(answer, error);
	} else {
		struct answer_counts counts = {
			.written_rows = in->api->result_rows_written(r),
			.written_bytes = in->api->result_bytes_written(r),
		};
		counts.read_rows = counts.result_rows = counts.written_rows;
		counts.read_bytes = counts.result_bytes = counts.written_bytes;
		answer_whole(answer, (struct slice){0}, &counts, (struct slice){0});
		*clean = true;
	}
	if (r)
		in->api->result_destroy(r);
}

/* The engine's own word, else the reader's, else that the client has gone. */
static void fail(struct insertion *in, struct answer *answer, int rc, const struct error *err)
{
	const char *engine = in->api->insert_error(in->insert);
	if (rc == STATUS_CANCELLED)
		answer_exception(answer, "Code: 394. DB::Exception: The client has gone. "
					 "(QUERY_WAS_CANCELLED)");
	else if (err->message[0])
		answer_exception(answer, err->message);
	else
		answer_exception(answer, engine ? engine
						: "Code: 1002. DB::Exception: The engine took no "
						  "more data. (UNKNOWN_EXCEPTION)");
}

void job_run_insert(struct job *job, struct chdb_session *session, bool *clean)
{
	struct insertion in = {.api = job->engine->api};
	struct answer answer;
	struct chdb_params params;
	struct error err;
	struct slice sql = job->statement.text, format = job->statement.format;
	*clean = false;
	/* The answer to an insert has no content to compress. */
	job->want.answer_encoding = COMPRESS_IDENTITY;
	if (answer_init(&answer, job, &err) || job_params(job, &params, &err)) {
		job_fail(job, err.message);
		answer_release(&answer);
		return;
	}
	in.insert = in.api->insert(chdb_session_connection(session), sql.ptr, sql.len, format.ptr,
				   format.len, params.names, params.name_lens, params.values,
				   params.value_lens, params.count);
	const char *error = in.api->insert_error(in.insert);
	if (error) {
		answer_exception(&answer, error);
	} else {
		int rc = feed(job, &in, &err);
		if (rc == 0)
			commit(job, &in, &answer, clean);
		else
			fail(&in, &answer, rc, &err);
	}
	/* Without a commit before it, this throws the rows away. */
	in.api->insert_destroy(in.insert);
	answer_release(&answer);
}
