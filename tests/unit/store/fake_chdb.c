#include "fake_chdb.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct chdb_connection {
	int dummy;
};

struct chdb_result {
	char *data;
	size_t len;
	uint64_t written;
	const char *error;
	/* Of a stream. */
	long pieces;
	bool is_stream, fails, blocks;
};

struct chdb_insert {
	size_t bytes;
	const char *error;
};

struct fake_counts fake_counts;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t killed = PTHREAD_COND_INITIALIZER;
static unsigned kill_count;

static const char failure[] = "Code: 395. DB::Exception: It fails. (FAKE_FAILURE)";

static const char *version(void)
{
	return "fake";
}

static struct chdb_connection **fake_connect(int argc, char **argv)
{
	struct chdb_connection **conn = malloc(sizeof(*conn));
	*conn = calloc(1, sizeof(**conn));
	fake_counts.connections++;
	return conn;
}

static void fake_close(struct chdb_connection **conn)
{
	fake_counts.connections--;
	free(*conn);
	free(conn);
}

static void set_signal_handlers_enabled(int enabled)
{
}

static void fake_shutdown(void)
{
}

static struct chdb_result *new_result(const char *text)
{
	struct chdb_result *r = calloc(1, sizeof(*r));
	r->len = strlen(text);
	r->data = malloc(r->len + 1);
	memcpy(r->data, text, r->len);
	fake_counts.results++;
	return r;
}

static bool has(const char *sql, size_t len, const char *word)
{
	return memmem(sql, len, word, strlen(word)) != NULL;
}

static struct chdb_result *fake_query(struct chdb_connection *conn, const char *sql, size_t len,
				      const char *format, size_t format_len,
				      const char *const *names, const size_t *name_lens,
				      const char *const *values, const size_t *value_lens,
				      size_t count)
{
	conn->dummy++;
	struct chdb_result *r = new_result("ok\n");
	if (has(sql, len, "KILL")) {
		pthread_mutex_lock(&lock);
		kill_count++;
		pthread_cond_broadcast(&killed);
		pthread_mutex_unlock(&lock);
		fake_counts.kills++;
	} else if (has(sql, len, "detached_parts")) {
		memcpy(r->data, "0\n", r->len = 2);
	} else if (has(sql, len, "FAIL")) {
		r->error = failure;
	}
	return r;
}

static struct chdb_result *fake_stream(struct chdb_connection *conn, const char *sql, size_t len,
				       const char *format, size_t format_len,
				       const char *const *names, const size_t *name_lens,
				       const char *const *values, const size_t *value_lens,
				       size_t count)
{
	char text[64];
	struct chdb_result *r = new_result("");
	snprintf(text, sizeof(text), "%.*s", (int)len, sql);
	r->is_stream = true;
	r->pieces = strtol(text + strlen("SELECT "), NULL, 10);
	r->fails = strstr(text, "FAIL") != NULL;
	r->blocks = strstr(text, "BLOCK") != NULL;
	fake_counts.streams++;
	return r;
}

static struct chdb_result *fake_fetch(struct chdb_connection *conn, struct chdb_result *stream)
{
	conn->dummy++;
	struct chdb_result *r = new_result("");
	if (stream->blocks) {
		pthread_mutex_lock(&lock);
		unsigned before = kill_count;
		fake_counts.blocked++;
		while (kill_count == before)
			pthread_cond_wait(&killed, &lock);
		fake_counts.blocked--;
		pthread_mutex_unlock(&lock);
		r->error = "Code: 394. DB::Exception: Killed. (QUERY_WAS_CANCELLED)";
	} else if (stream->pieces > 0) {
		stream->pieces--;
		free(r->data);
		r->len = FAKE_PIECE;
		r->data = malloc(r->len);
		memset(r->data, 'x', r->len);
	} else if (stream->fails) {
		r->error = failure;
	}
	return r;
}

static void fake_cancel(struct chdb_connection *conn, struct chdb_result *stream)
{
	stream->pieces = 0;
}

static void result_destroy(struct chdb_result *r)
{
	fake_counts.results--;
	fake_counts.streams -= r->is_stream;
	free(r->data);
	free(r);
}

static char *result_buffer(struct chdb_result *r)
{
	return r->data;
}

static size_t result_length(struct chdb_result *r)
{
	return r->error ? 0 : r->len;
}

static uint64_t nothing(struct chdb_result *r)
{
	return 0;
}

static uint64_t written(struct chdb_result *r)
{
	return r->written;
}

static const char *result_error(struct chdb_result *r)
{
	return r->error;
}

static struct chdb_insert *fake_insert(struct chdb_connection *conn, const char *sql, size_t len,
				       const char *format, size_t format_len,
				       const char *const *names, const size_t *name_lens,
				       const char *const *values, const size_t *value_lens,
				       size_t count)
{
	conn->dummy++;
	struct chdb_insert *i = calloc(1, sizeof(*i));
	if (has(sql, len, "nope"))
		i->error = "Code: 60. DB::Exception: No such table. (UNKNOWN_TABLE)";
	fake_counts.inserts++;
	return i;
}

static int insert_append(struct chdb_insert *i, const void *data, size_t len)
{
	if (fake_counts.append_delay_us)
		usleep((unsigned)fake_counts.append_delay_us);
	if (memchr(data, 'E', len))
		i->error = "Code: 33. DB::Exception: Bad data. (CANNOT_READ_ALL_DATA)";
	i->bytes += len;
	fake_counts.appended_bytes += (long long)len;
	return i->error != NULL;
}

static struct chdb_result *insert_done(struct chdb_insert *i)
{
	struct chdb_result *r = new_result("");
	r->error = i->error;
	if (!i->error) {
		r->written = i->bytes;
		fake_counts.commits++;
		fake_counts.committed_bytes += (long long)i->bytes;
	}
	return r;
}

static const char *insert_error(struct chdb_insert *i)
{
	return i->error;
}

static void insert_destroy(struct chdb_insert *i)
{
	fake_counts.inserts--;
	free(i);
}

const struct chdb_api fake_chdb = {
	.version = version,
	.connect = fake_connect,
	.close = fake_close,
	.set_signal_handlers_enabled = set_signal_handlers_enabled,
	.shutdown = fake_shutdown,
	.query = fake_query,
	.stream_query = fake_stream,
	.stream_fetch = fake_fetch,
	.stream_cancel = fake_cancel,
	.result_destroy = result_destroy,
	.result_buffer = result_buffer,
	.result_length = result_length,
	.result_rows_read = nothing,
	.result_bytes_read = nothing,
	.result_storage_rows_read = nothing,
	.result_storage_bytes_read = nothing,
	.result_rows_written = written,
	.result_bytes_written = written,
	.result_error = result_error,
	.insert = fake_insert,
	.insert_append = insert_append,
	.insert_done = insert_done,
	.insert_error = insert_error,
	.insert_destroy = insert_destroy,
};
