#include "support/engine.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct chdb_connection;
struct chdb_result;
struct chdb_insert_stream;

static struct {
	void *library;
	struct chdb_connection **connection;
	char path[64];
	void (*set_signal_handlers_enabled)(int);
	struct chdb_connection **(*connect)(int, char **);
	void (*close_conn)(struct chdb_connection **);
	void (*shutdown)(void);
	struct chdb_result *(*query_n)(struct chdb_connection *, const char *, size_t, const char *,
				       size_t);
	const char *(*result_buffer)(struct chdb_result *);
	size_t (*result_length)(struct chdb_result *);
	const char *(*result_error)(struct chdb_result *);
	void (*destroy_query_result)(struct chdb_result *);
	struct chdb_insert_stream *(*stream_insert_n)(struct chdb_connection *, const char *,
						      size_t, const char *, size_t);
	int (*stream_append)(struct chdb_insert_stream *, const char *, size_t);
	struct chdb_result *(*stream_done)(struct chdb_insert_stream *);
	void (*destroy_insert_stream)(struct chdb_insert_stream *);
} engine;

static bool find(const char *name, void *function)
{
	void *symbol = dlsym(engine.library, name);
	if (!symbol)
		fprintf(stderr, "libchdb has no %s\n", name);
	memcpy(function, &symbol, sizeof(symbol));
	return symbol != NULL;
}

static bool load(const char *path)
{
	engine.library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!engine.library) {
		fprintf(stderr, "skipped, no libchdb: %s\n", dlerror());
		return false;
	}
	return find("chdb_set_signal_handlers_enabled", &engine.set_signal_handlers_enabled) &&
	       find("chdb_connect", &engine.connect) &&
	       find("chdb_close_conn", &engine.close_conn) &&
	       find("chdb_shutdown", &engine.shutdown) && find("chdb_query_n", &engine.query_n) &&
	       find("chdb_result_buffer", &engine.result_buffer) &&
	       find("chdb_result_length", &engine.result_length) &&
	       find("chdb_result_error", &engine.result_error) &&
	       find("chdb_destroy_query_result", &engine.destroy_query_result) &&
	       find("chdb_stream_insert_n", &engine.stream_insert_n) &&
	       find("chdb_stream_append", &engine.stream_append) &&
	       find("chdb_stream_done", &engine.stream_done) &&
	       find("chdb_destroy_insert_stream", &engine.destroy_insert_stream);
}

bool engine_open(void)
{
	const char *path = getenv("TRIPOD_LIBCHDB");
	if (!load(path ? path
		       : TRIPOD_SOURCE_ROOT "/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"))
		return false;
	snprintf(engine.path, sizeof(engine.path), "/tmp/tripod-test-XXXXXX");
	if (!mkdtemp(engine.path)) {
		perror(engine.path);
		return false;
	}
	char option[96];
	snprintf(option, sizeof(option), "--path=%s", engine.path);
	char name[] = "clickhouse";
	char *argv[] = {name, option};
	engine.set_signal_handlers_enabled(0);
	engine.connection = engine.connect(2, argv);
	return engine.connection && *engine.connection;
}

void engine_close(void)
{
	if (!engine.connection)
		return;
	engine.close_conn(engine.connection);
	engine.shutdown();
	char command[96];
	snprintf(command, sizeof(command), "rm -rf %s", engine.path);
	if (system(command) != 0)
		fprintf(stderr, "cannot remove %s\n", engine.path);
}

static bool take_result(struct chdb_result *result, const char *sql, struct buf *out)
{
	if (!result) {
		fprintf(stderr, "no result for: %s\n", sql);
		return false;
	}
	const char *error = engine.result_error(result);
	if (error && *error)
		fprintf(stderr, "%s\nin: %s\n", error, sql);
	else if (out)
		buf_append(out, engine.result_buffer(result), engine.result_length(result));
	bool ok = !error || !*error;
	engine.destroy_query_result(result);
	return ok;
}

bool engine_query(const char *sql, const char *format, struct buf *out)
{
	return take_result(
		engine.query_n(*engine.connection, sql, strlen(sql), format, strlen(format)), sql,
		out);
}

bool engine_insert(const char *table, struct slice bytes)
{
	char sql[256];
	snprintf(sql, sizeof(sql), "INSERT INTO %s", table);
	struct chdb_insert_stream *stream =
		engine.stream_insert_n(*engine.connection, sql, strlen(sql), "Native", 6);
	if (!stream) {
		fprintf(stderr, "cannot begin: %s\n", sql);
		return false;
	}
	engine.stream_append(stream, bytes.ptr, bytes.len);
	bool ok = take_result(engine.stream_done(stream), sql, NULL);
	engine.destroy_insert_stream(stream);
	return ok;
}
