#include "receivers/otlp_export.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "telemetry/otlp_json.h"
#include "wire/json_write.h"

static const struct otlp_message *request_message(enum signal signal)
{
	switch (signal) {
	case SIGNAL_LOGS:
		return &otlp_logs_request;
	case SIGNAL_TRACES:
		return &otlp_traces_request;
	case SIGNAL_METRICS:
		break;
	}
	return &otlp_metrics_request;
}

/* Turns a JSON body into a protobuf one, in a chunk of its own. */
static int to_protobuf(const struct intake *intake, struct slice json,
		       enum compress_encoding coding, struct chunk **out, struct error *err)
{
	struct chunk_pool *chunks = record_pool_chunks(intake->records);
	struct chunk *plain = NULL;
	if (coding != COMPRESS_IDENTITY) {
		int rc = compress_decode(&plain, chunks, coding, json, intake->max_plain, err);
		if (rc < 0)
			return rc;
		json = (struct slice){plain->data, plain->len};
	}
	struct buf protobuf;
	buf_init_limited(&protobuf, intake->max_plain);
	int rc = otlp_json_to_protobuf(request_message(intake->signal), json, &protobuf, err);
	struct chunk *chunk = rc < 0 ? NULL : chunk_new(chunks, protobuf.len);
	if (rc == 0 && !chunk)
		rc = error_set(err, STATUS_AGAIN, "out of memory");
	if (rc == 0) {
		if (protobuf.len)
			memcpy(chunk->data, protobuf.data, protobuf.len);
		chunk->len = protobuf.len;
		chunk_seal(chunk);
		*out = chunk;
	}
	buf_release(&protobuf);
	chunk_unref(plain);
	return rc;
}

/* A request without a body is a valid, empty message. */
static int empty_chunk(const struct intake *intake, struct chunk **out, struct error *err)
{
	*out = chunk_new(record_pool_chunks(intake->records), 0);
	if (!*out)
		return error_set(err, STATUS_AGAIN, "out of memory");
	chunk_seal(*out);
	return 0;
}

static void answer_on_loop(void *arg)
{
	struct otlp_export *export = arg;
	export->answer(export);
}

static void on_done(struct submission *submission, const struct error *err)
{
	struct otlp_export *export = (struct otlp_export *)submission;
	if (err) {
		export->failed = true;
		export->error = *err;
	}
	export->task = (struct loop_task){.fn = answer_on_loop, .arg = export};
	loop_post_task(export->loop, &export->task);
}

int otlp_export_begin(const struct intake *intake, struct loop *loop, struct chunk *body,
		      struct slice bytes, enum compress_encoding coding, bool json, void *request,
		      void (*answer)(struct otlp_export *export))
{
	struct otlp_export *export = calloc(1, sizeof(*export));
	if (!export)
		return STATUS_NO_MEMORY;
	export->loop = loop;
	export->intake = intake;
	export->request = request;
	export->json = json;
	export->answer = answer;
	struct submission *submission = &export->submission;
	submission->received_time = (uint64_t)clock_unix_ns();
	submission->done = on_done;

	submission->body = body;
	submission->bytes = bytes;
	submission->coding = coding;

	struct error err = {0};
	struct chunk *protobuf = NULL;
	int rc = 0;
	if (json || !bytes.len) {
		rc = json ? to_protobuf(intake, bytes, coding, &protobuf, &err)
			  : empty_chunk(intake, &protobuf, &err);
		submission->coding = COMPRESS_IDENTITY;
		submission->body = protobuf;
		if (rc == 0)
			submission->bytes = (struct slice){protobuf->data, protobuf->len};
	}
	if (rc == 0)
		rc = intake_submit(intake, submission, &err);
	chunk_unref(protobuf);
	if (rc < 0)
		on_done(submission, &err);
	return 0;
}

void otlp_export_free(struct otlp_export *export)
{
	free(export);
}

/* --- answers ---------------------------------------------------------------------- */

static void put_varint(struct buf *out, uint64_t n)
{
	for (; n > 0x7f; n >>= 7)
		buf_append_byte(out, (uint8_t)(n | 0x80));
	buf_append_byte(out, (uint8_t)n);
}

static void put_bytes(struct buf *out, unsigned field, struct slice bytes)
{
	put_varint(out, field << 3 | 2);
	put_varint(out, bytes.len);
	buf_append_slice(out, bytes);
}

static const struct otlp_message *response_message(enum signal signal)
{
	switch (signal) {
	case SIGNAL_LOGS:
		return &otlp_logs_response;
	case SIGNAL_TRACES:
		return &otlp_traces_response;
	case SIGNAL_METRICS:
		break;
	}
	return &otlp_metrics_response;
}

static void write_partial_success(enum signal signal, const struct rejects *rejects,
				  struct buf *out)
{
	static const struct slice counts[SIGNAL_COUNT] = {
		[SIGNAL_LOGS] = SLICE("rejectedLogRecords"),
		[SIGNAL_TRACES] = SLICE("rejectedSpans"),
		[SIGNAL_METRICS] = SLICE("rejectedDataPoints"),
	};
	struct json_writer w = {.out = out};
	json_write_object_begin(&w);
	if (rejects->total) {
		json_write_key(&w, SLICE("partialSuccess"));
		json_write_object_begin(&w);
		json_write_key(&w, counts[signal]);
		json_write_uint64(&w, rejects->total);
		json_write_key(&w, SLICE("errorMessage"));
		json_write_string(&w, slice_of(rejects->example));
		json_write_object_end(&w);
	}
	json_write_object_end(&w);
}

void otlp_export_response(const struct otlp_export *export, struct buf *out)
{
	enum signal signal = export->intake->signal;
	const struct rejects *rejects = &export->submission.rejects;
	if (export->json) {
		write_partial_success(signal, rejects, out);
	} else if (rejects->total) {
		struct buf json = BUF_INIT;
		write_partial_success(signal, rejects, &json);
		otlp_json_to_protobuf(response_message(signal), buf_slice(&json), out, NULL);
		buf_release(&json);
	}
}

void otlp_status(const struct error *err, int grpc_code, bool json, struct buf *out)
{
	if (json) {
		struct json_writer w = {.out = out};
		json_write_object_begin(&w);
		json_write_key(&w, SLICE("code"));
		json_write_int64(&w, grpc_code);
		json_write_key(&w, SLICE("message"));
		json_write_string(&w, slice_of(err->message));
		json_write_object_end(&w);
		return;
	}
	put_varint(out, 1 << 3);
	put_varint(out, (uint64_t)grpc_code);
	put_bytes(out, 2, slice_of(err->message));
}

bool otlp_is_retryable(enum status status)
{
	switch (status) {
	case STATUS_AGAIN:
	case STATUS_NO_SPACE:
	case STATUS_NO_MEMORY:
	case STATUS_IO:
	case STATUS_TIMEOUT:
		return true;
	default:
		return false;
	}
}
