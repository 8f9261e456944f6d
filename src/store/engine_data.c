#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "store/engine_int.h"
#include "store/engine_lock.h"

#define DAMAGED_NAME "damaged"
/* Of store/ABC/UUID/TABLE.sql, below store. */
#define DEFINITION_LEVEL 3
#define LOW_SPACE ((uint64_t)256 << 20)

uint64_t data_free_bytes(const char *data)
{
	struct statvfs fs;
	return statvfs(data, &fs) ? 0 : (uint64_t)fs.f_bavail * fs.f_frsize;
}

static int make_directory(const char *path, struct error *err)
{
	char part[PATH_MAX];
	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return error_set(err, STATUS_INVALID, "data directory: the path is too long");
	for (char *slash = part + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(part, 0700);
		*slash = '/';
	}
	if (mkdir(part, 0700) && errno != EEXIST)
		return error_set_errno(err, STATUS_IO, errno, "cannot create data directory %s",
				       path);
	if (access(path, R_OK | W_OK | X_OK))
		return error_set_errno(err, STATUS_IO, errno, "data directory %s", path);
	return 0;
}

static int move_aside(const char *data, const char *path, const char *name, unsigned number,
		      struct error *err)
{
	char to[PATH_MAX];
	snprintf(to, sizeof(to), "%s/" DAMAGED_NAME, data);
	mkdir(to, 0700);
	/* Beside those of earlier starts. */
	snprintf(to, sizeof(to), "%s/" DAMAGED_NAME "/%lld-%u-%s", data, (long long)time(NULL),
		 number, name);
	if (rename(path, to))
		return error_set_errno(err, STATUS_CORRUPT, errno,
				       "%s is empty (the disk was full when its table was created) "
				       "and cannot be moved aside",
				       path);
	log_warn("an empty table definition was moved aside: the disk was full when the table was "
		 "created",
		 LOG_STR("from", path), LOG_STR("to", to));
	return 0;
}

static bool is_empty_definition(const FTSENT *entry)
{
	struct stat st;
	return entry->fts_namelen > 4 &&
	       strcmp(entry->fts_name + entry->fts_namelen - 4, ".sql") == 0 &&
	       lstat(entry->fts_path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0;
}

/*
 * A CREATE TABLE on a full disk leaves an empty .sql file, with which the library opens
 * nothing at all. The table never held a row: its file is moved aside. Definitions are in
 * metadata/DATABASE/ or, of the usual databases, in store/ABC/UUID/, beside the directories
 * of tables, whose parts are not looked into.
 */
static int move_empty_files(const char *data, struct error *err)
{
	char metadata[PATH_MAX], store[PATH_MAX];
	char *roots[] = {metadata, store, NULL};
	snprintf(metadata, sizeof(metadata), "%s/metadata", data);
	snprintf(store, sizeof(store), "%s/store", data);
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
	if (!walk)
		return error_set_errno(err, STATUS_IO, errno, "cannot look through %s", data);
	int rc = 0;
	unsigned number = 0;
	for (FTSENT *entry; rc == 0 && (entry = fts_read(walk));) {
		if (entry->fts_info == FTS_D && entry->fts_level >= DEFINITION_LEVEL)
			fts_set(walk, entry, FTS_SKIP);
		else if (entry->fts_info != FTS_DP && is_empty_definition(entry))
			rc = move_aside(data, entry->fts_path, entry->fts_name, number++, err);
	}
	fts_close(walk);
	return rc;
}

int data_prepare(int *lock_fd, const char *data, bool supervised, struct error *err)
{
	int rc = make_directory(data, err);
	if (rc == 0) {
		int fd = engine_lock_take(data, supervised, err);
		if (fd < 0)
			return fd;
		/* The library's own check comes too late: it has read the directory by then. */
		*lock_fd = fd;
	}
	if (rc == 0)
		rc = move_empty_files(data, err);
	if (rc == 0 && data_free_bytes(data) < LOW_SPACE)
		log_warn("little disk space is left: inserts may be refused",
			 LOG_STR("directory", data), LOG_INT("free_bytes", data_free_bytes(data)));
	return rc;
}
