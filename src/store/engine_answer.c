#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>

#include "base/clock.h"
#include "store/engine_int.h"
#include "store/exception.h"

#define TEXT_PLAIN "text/plain; charset=UTF-8"

/* As ClickHouse's formats declare them; the longest prefix decides. */
static const struct {
	const char *prefix, *content_type;
} content_types[] = {
	{"TabSeparatedWithNames", "text/tab-separated-values; charset=UTF-8; header=present"},
	{"TabSeparatedRawWithNames", "text/tab-separated-values; charset=UTF-8; header=present"},
	{"TSVWithNames", "text/tab-separated-values; charset=UTF-8; header=present"},
	{"TSVRawWithNames", "text/tab-separated-values; charset=UTF-8; header=present"},
	{"TabSeparated", "text/tab-separated-values; charset=UTF-8"},
	{"TSV", "text/tab-separated-values; charset=UTF-8"},
	{"CSVWithNames", "text/csv; charset=UTF-8; header=present"},
	{"CSV", "text/csv; charset=UTF-8; header=absent"},
	{"JSONEachRow", "application/x-ndjson; charset=UTF-8"},
	{"JSONStringsEachRow", "application/x-ndjson; charset=UTF-8"},
	{"JSONCompactEachRow", "application/x-ndjson; charset=UTF-8"},
	{"JSONCompactStringsEachRow", "application/x-ndjson; charset=UTF-8"},
	{"JSONLines", "application/x-ndjson; charset=UTF-8"},
	{"NDJSON", "application/x-ndjson; charset=UTF-8"},
	{"JSON", "application/json; charset=UTF-8"},
	{"XML", "application/xml; charset=UTF-8"},
	{"Markdown", "text/markdown; charset=UTF-8"},
	{"Pretty", TEXT_PLAIN},
	{"Vertical", TEXT_PLAIN},
	{"Values", TEXT_PLAIN},
	{"SQLInsert", TEXT_PLAIN},
	{"Prometheus", "text/plain; version=0.0.4; charset=UTF-8"},
};

const char *format_content_type(struct slice format)
{
	const char *best = "application/octet-stream";
	size_t best_len = 0;
	for (size_t i = 0; i < sizeof(content_types) / sizeof(content_types[0]); i++) {
		size_t len = strlen(content_types[i].prefix);
		if (len > best_len && format.len >= len &&
		    strncasecmp(format.ptr, content_types[i].prefix, len) == 0) {
			best = content_types[i].content_type;
			best_len = len;
		}
	}
	return best;
}

int answer_init(struct answer *a, struct job *job, struct error *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
	*a = (struct answer){.job = job};
	buf_init(&a->coded);
	uint8_t random[16];
	if (getrandom(random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		memset(random, 7, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++)
		a->tag[i] = letters[random[i] & 31];
	if (job->want.answer_encoding == COMPRESS_IDENTITY)
		return 0;
	if (compress_stream_new(&a->coding, job->want.answer_encoding, 0, NULL))
		return exception_set(err, 173, "No memory to compress the answer");
	return 0;
}

void answer_release(struct answer *a)
{
	compress_stream_free(a->coding);
	buf_release(&a->coded);
}

static void common_headers(struct job *job)
{
	bridge_header(job->bridge, "X-ClickHouse-Server-Display-Name", job->engine->host);
	bridge_header(job->bridge, "X-ClickHouse-Timezone", job->engine->timezone);
	if (job->id[0] && !strpbrk(job->id, "\r\n"))
		bridge_header(job->bridge, "X-ClickHouse-Query-Id", job->id);
}

static void answer_headers(struct answer *a, struct slice format,
			   const struct answer_counts *counts)
{
	struct job *job = a->job;
	char text[512];
	common_headers(job);
	if (format.len) {
		snprintf(text, sizeof(text), "%.*s", format.len > 80 ? 80 : (int)format.len,
			 format.ptr);
		bridge_header(job->bridge, "X-ClickHouse-Format", text);
	}
	snprintf(text, sizeof(text),
		 "{\"read_rows\":\"%llu\",\"read_bytes\":\"%llu\",\"written_rows\":\"%llu\","
		 "\"written_bytes\":\"%llu\",\"total_rows_to_read\":\"0\",\"result_rows\":\"%llu\","
		 "\"result_bytes\":\"%llu\",\"elapsed_ns\":\"%lld\"}",
		 (unsigned long long)counts->read_rows, (unsigned long long)counts->read_bytes,
		 (unsigned long long)counts->written_rows,
		 (unsigned long long)counts->written_bytes, (unsigned long long)counts->result_rows,
		 (unsigned long long)counts->result_bytes,
		 (long long)(clock_monotonic_ns() - job->started_ns));
	bridge_header(job->bridge, "X-ClickHouse-Summary", text);
	bridge_header(job->bridge, "X-ClickHouse-Exception-Tag", a->tag);
	if (a->coding)
		bridge_header(job->bridge, "Content-Encoding",
			      compress_encoding_name(job->want.answer_encoding));
	a->started = true;
}

/* What goes on the wire for `data`; NULL when out of memory. */
static const struct slice *encode(struct answer *a, struct slice data, enum compress_flush flush,
				  struct slice *storage)
{
	*storage = data;
	if (!a->coding)
		return storage;
	buf_clear(&a->coded);
	if (compress_stream_write(a->coding, data, flush, &a->coded, NULL))
		return NULL;
	*storage = buf_slice(&a->coded);
	return storage;
}

void answer_whole(struct answer *a, struct slice format, const struct answer_counts *counts,
		  struct slice body)
{
	struct slice storage;
	const struct slice *wire = encode(a, body, COMPRESS_END, &storage);
	if (!wire) {
		job_fail(a->job, "Code: 173. DB::Exception: No memory to compress the answer. "
				 "(CANNOT_ALLOCATE_MEMORY)");
		a->started = true;
		return;
	}
	answer_headers(a, format, counts);
	bridge_respond(a->job->bridge, 200, format_content_type(format), *wire);
}

static int send_encoded(struct answer *a, struct slice data, enum compress_flush flush,
			struct error *err)
{
	struct slice storage;
	const struct slice *wire = encode(a, data, flush, &storage);
	if (!wire)
		return error_set(err, STATUS_NO_MEMORY, "no memory to compress the answer");
	return bridge_write(a->job->bridge, *wire, err);
}

int answer_piece(struct answer *a, struct slice format, const struct answer_counts *counts,
		 struct slice data, struct error *err)
{
	if (!a->started) {
		answer_headers(a, format, counts);
		bridge_start(a->job->bridge, 200, format_content_type(format));
	}
	return send_encoded(a, data, COMPRESS_MORE, err);
}

void answer_end(struct answer *a)
{
	if (a->coding && send_encoded(a, SLICE(""), COMPRESS_END, NULL))
		bridge_break(a->job->bridge);
	else
		bridge_end(a->job->bridge);
}

/*
 * ClickHouse's convention since 25.11 for a failure behind data, see "HTTP response codes
 * caveats" in the documentation of its HTTP interface; the length counts the message with
 * its line end. Breaking the connection keeps those from taking it for data who do not know.
 */
static void late_exception(struct answer *a, const char *message)
{
	struct buf trailer = BUF_INIT;
	size_t len = strcspn(message, "\n");
	buf_appendf(&trailer, "\r\n__exception__\r\n%s\r\n", a->tag);
	buf_append(&trailer, message, len);
	buf_appendf(&trailer, "\n%zu %s\r\n__exception__\r\n", len + 1, a->tag);
	/* A compressed answer has no end mark then, but all of it can be read. */
	if (!trailer.failed)
		send_encoded(a, buf_slice(&trailer), COMPRESS_FLUSH, NULL);
	buf_release(&trailer);
	bridge_break(a->job->bridge);
}

void answer_exception(struct answer *a, const char *message)
{
	if (a->started)
		late_exception(a, message);
	else
		job_fail(a->job, message);
	a->started = true;
}

void job_fail(struct job *job, const char *message)
{
	char text[16];
	int code = exception_code_of(slice_of(message));
	if (!code)
		code = EXCEPTION_UNKNOWN;
	struct buf body = BUF_INIT;
	buf_append_cstr(&body, message);
	buf_append_byte(&body, '\n');
	common_headers(job);
	snprintf(text, sizeof(text), "%d", code);
	bridge_header(job->bridge, "X-ClickHouse-Exception-Code", text);
	bridge_respond(job->bridge, exception_http_status(code), TEXT_PLAIN, buf_slice(&body));
	buf_release(&body);
}
