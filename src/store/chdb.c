#include "store/chdb.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"

#define PACKAGE_PATH "node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"
/* Sessions kept open between two inserts with the same setup. */
#define IDLE_SESSIONS 8
#define MAX_ARGS 8

static bool find_file(char *out, size_t size, const char *dir, const char *file)
{
	size_t dir_len = strlen(dir), file_len = strlen(file);
	if (dir_len + file_len >= size)
		return false;
	memcpy(out, dir, dir_len);
	memcpy(out + dir_len, file, file_len + 1);
	return access(out, R_OK) == 0;
}

static int named_library(char *out, size_t size, const char *path, const char *who,
			 struct error *err)
{
	if (find_file(out, size, path, ""))
		return 0;
	return error_set_errno(err, STATUS_NOT_FOUND, errno, "libchdb: %s names %s", who, path);
}

int chdb_find(char *out, size_t size, const char *path, struct error *err)
{
	if (path)
		return named_library(out, size, path, "the option", err);
	const char *named = getenv("TRIPOD_LIBCHDB");
	if (named && *named)
		return named_library(out, size, named, "TRIPOD_LIBCHDB", err);

	char dir[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	dir[n > 0 ? n : 0] = '\0';
	/* The binary's own directory, and those above it: a build directory is some levels deep. */
	for (int level = 0; level < 5; level++) {
		char *slash = strrchr(dir, '/');
		if (!slash)
			break;
		*slash = '\0';
		if (find_file(out, size, dir, "/libchdb.so") ||
		    find_file(out, size, dir, "/" PACKAGE_PATH))
			return 0;
	}
	return error_set(err, STATUS_NOT_FOUND,
			 "libchdb.so was not found beside the program. Get it with "
			 "'npm install @chdb/lib-linux-x64-gnu@26.7.3-stable.1' and name the file "
			 "with --libchdb or TRIPOD_LIBCHDB");
}

int chdb_load(struct chdb_api *out, const char *path, struct error *err)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return error_set(err, STATUS_IO, "cannot load %s: %s", path, dlerror());

	struct chdb_api api = {0};
	const struct {
		const char *name;
		void **into;
	} symbols[] = {
		{"chdb_version", (void **)&api.version},
		{"chdb_connect", (void **)&api.connect},
		{"chdb_close_conn", (void **)&api.close},
		{"chdb_set_signal_handlers_enabled", (void **)&api.set_signal_handlers_enabled},
		{"chdb_shutdown", (void **)&api.shutdown},
		{"chdb_query_with_params_n", (void **)&api.query},
		{"chdb_stream_query_with_params_n", (void **)&api.stream_query},
		{"chdb_stream_fetch_result", (void **)&api.stream_fetch},
		{"chdb_stream_cancel_query", (void **)&api.stream_cancel},
		{"chdb_destroy_query_result", (void **)&api.result_destroy},
		{"chdb_result_buffer", (void **)&api.result_buffer},
		{"chdb_result_length", (void **)&api.result_length},
		{"chdb_result_rows_read", (void **)&api.result_rows_read},
		{"chdb_result_bytes_read", (void **)&api.result_bytes_read},
		{"chdb_result_storage_rows_read", (void **)&api.result_storage_rows_read},
		{"chdb_result_storage_bytes_read", (void **)&api.result_storage_bytes_read},
		{"chdb_result_rows_written", (void **)&api.result_rows_written},
		{"chdb_result_bytes_written", (void **)&api.result_bytes_written},
		{"chdb_result_error", (void **)&api.result_error},
		{"chdb_stream_insert_with_params_n", (void **)&api.insert},
		{"chdb_stream_append", (void **)&api.insert_append},
		{"chdb_stream_done", (void **)&api.insert_done},
		{"chdb_stream_insert_error", (void **)&api.insert_error},
		{"chdb_destroy_insert_stream", (void **)&api.insert_destroy},
	};
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		*symbols[i].into = dlsym(library, symbols[i].name);
		if (!*symbols[i].into)
			return error_set(err, STATUS_UNSUPPORTED,
					 "%s has no %s: version 26.7 or later is needed", path,
					 symbols[i].name);
	}
	*out = api;
	return 0;
}

/* --- one directory ---------------------------------------------------------------- */

struct chdb_session {
	struct chdb *chdb;
	struct chdb_connection **conn;
	struct buf setup;
};

struct chdb {
	const struct chdb_api *api;
	/* Closing the last connection would shut the engine down: this one stays. */
	struct chdb_connection **first;
	char path_arg[PATH_MAX + 16];
	pthread_mutex_t lock;
	struct chdb_session *idle[IDLE_SESSIONS];
	size_t idle_count;
};

const struct chdb_api *chdb_api(const struct chdb *chdb)
{
	return chdb->api;
}

/*
 * The engine explains a failed connect on stderr only (its logger's console). Catch what
 * it writes there, pass it on, and look in it for the cause.
 */
struct stderr_capture {
	int saved, file;
};

static void capture_begin(struct stderr_capture *c)
{
	c->saved = -1;
	c->file = memfd_create("engine-boot", MFD_CLOEXEC);
	if (c->file < 0)
		return;
	c->saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (c->saved >= 0)
		dup2(c->file, STDERR_FILENO);
}

static void capture_end(struct stderr_capture *c, struct buf *text)
{
	if (c->saved >= 0) {
		dup2(c->saved, STDERR_FILENO);
		close(c->saved);
	}
	if (c->file < 0)
		return;
	char piece[4096];
	off_t at = 0;
	for (ssize_t n; (n = pread(c->file, piece, sizeof(piece), at)) > 0; at += n)
		buf_append(text, piece, (size_t)n);
	close(c->file);
}

static int connect_error(const struct chdb_options *options, struct buf *said, struct error *err)
{
	const char *text = buf_cstr(said);
	if (strstr(text, "Another server instance"))
		return error_set(err, STATUS_CONFLICT,
				 "another engine has %s open (code 76): stop it, or use another "
				 "directory",
				 options->data);
	/* The exception's first line is the cause; what follows are stack frames. */
	const char *cause = strstr(text, "DB::Exception: ");
	cause = cause ? cause + strlen("DB::Exception: ") : text;
	int len = (int)strcspn(cause, "\n");
	return error_set(err, STATUS_CORRUPT, "the engine cannot open %s: %.*s", options->data,
			 len > 300 ? 300 : len,
			 len ? cause
			     : "it gives no reason; look for damaged .sql files in "
			       "metadata/ and at free space");
}

static struct chdb_connection **boot(const struct chdb_api *api, const char *path_arg,
				     const struct chdb_options *options)
{
	uint64_t mark_cache = options->mark_cache;
	if (!mark_cache) {
		mark_cache = options->memory_limit / 16;
		if (!mark_cache || mark_cache > (256u << 20))
			mark_cache = 256u << 20;
	}
	char memory[64], marks[64], config[PATH_MAX + 32];
	char *argv[MAX_ARGS] = {(char *)"tripod", (char *)path_arg};
	int argc = 2;
	snprintf(marks, sizeof(marks), "--mark_cache_size=%llu", (unsigned long long)mark_cache);
	argv[argc++] = marks;
	if (options->memory_limit) {
		snprintf(memory, sizeof(memory), "--max_server_memory_usage=%llu",
			 (unsigned long long)options->memory_limit);
		argv[argc++] = memory;
	}
	if (options->config_file) {
		snprintf(config, sizeof(config), "--config-file=%s", options->config_file);
		argv[argc++] = config;
	}
	return api->connect(argc, argv);
}

int chdb_open(struct chdb **out, const struct chdb_api *api, const struct chdb_options *options,
	      struct error *err)
{
	struct chdb *chdb = calloc(1, sizeof(*chdb));
	if (!chdb)
		return error_set(err, STATUS_NO_MEMORY, "no memory for the engine");
	chdb->api = api;
	pthread_mutex_init(&chdb->lock, NULL);
	snprintf(chdb->path_arg, sizeof(chdb->path_arg), "--path=%s", options->data);

	struct buf said = BUF_INIT;
	struct stderr_capture capture;
	api->set_signal_handlers_enabled(0);
	capture_begin(&capture);
	chdb->first = boot(api, chdb->path_arg, options);
	capture_end(&capture, &said);

	int rc = 0;
	if (!chdb->first || !*chdb->first) {
		rc = connect_error(options, &said, err);
		pthread_mutex_destroy(&chdb->lock);
		free(chdb);
	} else {
		*out = chdb;
	}
	buf_release(&said);
	return rc;
}

static void session_free(struct chdb_session *s)
{
	s->chdb->api->close(s->conn);
	buf_release(&s->setup);
	free(s);
}

void chdb_close(struct chdb *chdb)
{
	if (!chdb)
		return;
	for (size_t i = 0; i < chdb->idle_count; i++)
		session_free(chdb->idle[i]);
	chdb->api->close(chdb->first);
	chdb->api->shutdown();
	pthread_mutex_destroy(&chdb->lock);
	free(chdb);
}

/* --- sessions --------------------------------------------------------------------- */

static struct chdb_session *take_idle(struct chdb *chdb, struct slice setup)
{
	struct chdb_session *found = NULL;
	pthread_mutex_lock(&chdb->lock);
	for (size_t i = chdb->idle_count; i-- > 0;) {
		if (slice_eq(buf_slice(&chdb->idle[i]->setup), setup)) {
			found = chdb->idle[i];
			memmove(chdb->idle + i, chdb->idle + i + 1,
				(--chdb->idle_count - i) * sizeof(found));
			break;
		}
	}
	pthread_mutex_unlock(&chdb->lock);
	return found;
}

static int run_setup(struct chdb_session *s, struct slice setup, struct error *err)
{
	while (setup.len) {
		const char *nl = memchr(setup.ptr, '\n', setup.len);
		size_t len = nl ? (size_t)(nl - setup.ptr) : setup.len;
		int rc = chdb_session_run(s, (struct slice){setup.ptr, len}, err);
		if (rc)
			return rc;
		len += nl != NULL;
		setup.ptr += len;
		setup.len -= len;
	}
	return 0;
}

int chdb_session_open(struct chdb_session **out, struct chdb *chdb, struct slice setup,
		      struct error *err)
{
	struct chdb_session *s = take_idle(chdb, setup);
	if (s) {
		*out = s;
		return 0;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return error_set(err, STATUS_NO_MEMORY, "no memory for a connection");
	s->chdb = chdb;
	buf_init(&s->setup);
	buf_append_slice(&s->setup, setup);
	char *argv[] = {(char *)"tripod", chdb->path_arg};
	s->conn = chdb->api->connect(2, argv);
	if (!s->conn || !*s->conn || s->setup.failed) {
		buf_release(&s->setup);
		free(s);
		return error_set(err, STATUS_NO_MEMORY,
				 "Code: 173. DB::Exception: The engine gave no connection. "
				 "(CANNOT_ALLOCATE_MEMORY)");
	}
	int rc = run_setup(s, setup, err);
	if (rc) {
		session_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void chdb_session_close(struct chdb_session *s, bool reuse)
{
	if (!s)
		return;
	if (reuse) {
		/* The one that has waited longest makes room. */
		struct chdb *chdb = s->chdb;
		struct chdb_session *oldest = NULL;
		pthread_mutex_lock(&chdb->lock);
		if (chdb->idle_count == IDLE_SESSIONS) {
			oldest = chdb->idle[0];
			memmove(chdb->idle, chdb->idle + 1, --chdb->idle_count * sizeof(s));
		}
		chdb->idle[chdb->idle_count++] = s;
		pthread_mutex_unlock(&chdb->lock);
		s = oldest;
	}
	if (s)
		session_free(s);
}

struct chdb_connection *chdb_session_connection(struct chdb_session *s)
{
	return *s->conn;
}

int chdb_session_run(struct chdb_session *s, struct slice sql, struct error *err)
{
	const struct chdb_api *api = s->chdb->api;
	struct chdb_result *result =
		api->query(*s->conn, sql.ptr, sql.len, "Null", 4, NULL, NULL, NULL, NULL, 0);
	const char *said = result ? api->result_error(result) : "no answer";
	int rc = 0;
	if (said)
		rc = error_set(err, STATUS_INVALID, "%s", said);
	if (result)
		api->result_destroy(result);
	return rc;
}
