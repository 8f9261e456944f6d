/*
 * libchdb: ClickHouse as a C library, loaded at run time. The package that carries it has
 * no header, so the calls that are used are declared here by hand (C API of 26.7).
 *
 * Threads: a connection runs one statement at a time and belongs to one thread at a time;
 * several connections to the one directory work side by side. Every call may block.
 */
#ifndef TRIPOD_STORE_CHDB_H
#define TRIPOD_STORE_CHDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

struct chdb_connection; /* an open connection */
struct chdb_result; /* an answer, a piece of one, or the handle of a streamed one */
struct chdb_insert; /* an open streaming INSERT */

/* Values of {name:Type} placeholders, in the shape the library takes them. */
struct chdb_params {
	const char *const *names;
	const size_t *name_lens;
	const char *const *values;
	const size_t *value_lens;
	size_t count;
};

/*
 * The library's entry points. A table, so that what runs around them can be tested
 * without the library, which cannot be loaded under ASan or TSan.
 */
struct chdb_api {
	const char *(*version)(void);
	/* NULL on failure; the cause goes to the library's own log only. */
	struct chdb_connection **(*connect)(int argc, char **argv);
	void (*close)(struct chdb_connection **conn);
	void (*set_signal_handlers_enabled)(int enabled);
	void (*shutdown)(void);

	struct chdb_result *(*query)(struct chdb_connection *conn, const char *sql, size_t sql_len,
				     const char *format, size_t format_len,
				     const char *const *names, const size_t *name_lens,
				     const char *const *values, const size_t *value_lens,
				     size_t count);
	struct chdb_result *(*stream_query)(struct chdb_connection *conn, const char *sql,
					    size_t sql_len, const char *format, size_t format_len,
					    const char *const *names, const size_t *name_lens,
					    const char *const *values, const size_t *value_lens,
					    size_t count);
	/* The next piece; empty at the end. Destroy each. */
	struct chdb_result *(*stream_fetch)(struct chdb_connection *conn,
					    struct chdb_result *stream);
	void (*stream_cancel)(struct chdb_connection *conn, struct chdb_result *stream);
	void (*result_destroy)(struct chdb_result *result);
	char *(*result_buffer)(struct chdb_result *result);
	size_t (*result_length)(struct chdb_result *result);
	uint64_t (*result_rows_read)(struct chdb_result *result);
	uint64_t (*result_bytes_read)(struct chdb_result *result);
	uint64_t (*result_storage_rows_read)(struct chdb_result *result);
	uint64_t (*result_storage_bytes_read)(struct chdb_result *result);
	uint64_t (*result_rows_written)(struct chdb_result *result);
	uint64_t (*result_bytes_written)(struct chdb_result *result);
	const char *(*result_error)(struct chdb_result *result);

	/* Never NULL; look at insert_error. `sql` has no FORMAT clause. */
	struct chdb_insert *(*insert)(struct chdb_connection *conn, const char *sql, size_t sql_len,
				      const char *format, size_t format_len,
				      const char *const *names, const size_t *name_lens,
				      const char *const *values, const size_t *value_lens,
				      size_t count);
	/* Copies; blocks when the engine is behind. Not 0 when the insert has failed. */
	int (*insert_append)(struct chdb_insert *insert, const void *data, size_t len);
	/* Commits. Destroy the result, and the insert as well. */
	struct chdb_result *(*insert_done)(struct chdb_insert *insert);
	const char *(*insert_error)(struct chdb_insert *insert);
	/* Without insert_done before it, nothing that was appended is stored. */
	void (*insert_destroy)(struct chdb_insert *insert);
};

/*
 * Where the library is: `path` if not NULL, else the environment's TRIPOD_LIBCHDB, else
 * libchdb.so beside the running binary, else the npm package in node_modules of the
 * directory of the binary or one above it. NOT_FOUND says how to get it.
 */
int chdb_find(char *out, size_t size, const char *path, struct error *err);
/* Loads the library at `path`. It stays loaded as long as the process lives. */
int chdb_load(struct chdb_api *out, const char *path, struct error *err);

/* --- one directory and its connections -------------------------------------------- */

struct chdb;

struct chdb_options {
	const char *data; /* directory of the data; is created */
	const char *config_file; /* ClickHouse XML, or NULL */
	uint64_t memory_limit; /* bytes for the whole engine; 0: none */
	uint64_t mark_cache; /* bytes; 0: a sixteenth of the memory limit, at most 256 MiB */
};

/*
 * Boots the engine on the directory. A directory that another engine has open is
 * CONFLICT, one that the engine cannot load is CORRUPT, with what to do about it.
 */
int chdb_open(struct chdb **out, const struct chdb_api *api, const struct chdb_options *options,
	      struct error *err);
/* All sessions must have been closed. Stops merges and writes out what is pending. */
void chdb_close(struct chdb *chdb);
const struct chdb_api *chdb_api(const struct chdb *chdb);

/*
 * A connection with a setup of its own: `setup` holds statements (USE, SET), one a line,
 * run before the first one of the user's. A session that was given back with `reuse` is
 * handed to the next who asks for the very same setup; only those whose statements cannot
 * leave anything behind (inserts) should be.
 */
struct chdb_session;

int chdb_session_open(struct chdb_session **out, struct chdb *chdb, struct slice setup,
		      struct error *err);
void chdb_session_close(struct chdb_session *session, bool reuse);
struct chdb_connection *chdb_session_connection(struct chdb_session *session);
/* Runs one statement and throws the answer away. The message is the engine's. */
int chdb_session_run(struct chdb_session *session, struct slice sql, struct error *err);

#endif
