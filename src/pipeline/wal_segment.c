/* The log's files: made, opened, reused. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "pipeline/wal_int.h"

#define NAME_SIZE 64
#define ZERO_STEP ((size_t)1 << 20)

static void segment_name(char *out, uint64_t index)
{
	snprintf(out, NAME_SIZE, "%016" PRIx64 ".seg", index);
}

static void spare_name(char *out, unsigned number)
{
	snprintf(out, NAME_SIZE, "spare-%u", number);
}

/* Free space is left for the store, or a full disk could never be emptied again. */
static uint64_t default_min_free(const struct statvfs *vfs)
{
	uint64_t quarter = (uint64_t)vfs->f_blocks * vfs->f_frsize / 4;
	uint64_t gib = (uint64_t)1 << 30;
	return quarter < gib ? quarter : gib;
}

static bool supports_direct(int dir_fd)
{
	int fd = openat(dir_fd, "probe", O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	void *page = NULL;
	bool ok = false;
	if (posix_memalign(&page, WAL_PAGE, WAL_PAGE) == 0) {
		memset(page, 0, WAL_PAGE);
		ok = pwrite(fd, page, WAL_PAGE, 0) == (ssize_t)WAL_PAGE;
	}
	free(page);
	close(fd);
	unlinkat(dir_fd, "probe", 0);
	return ok;
}

int wal_segments_open(struct wal_segments *segments, const char *dir, struct error *err)
{
	struct statvfs vfs;
	segments->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (segments->dir_fd < 0 || fstatvfs(segments->dir_fd, &vfs) < 0)
		return error_set_errno(err, STATUS_IO, errno,
				       "durable log: cannot open the folder %s", dir);
	segments->dir = strdup(dir);
	if (!segments->dir)
		return error_set(err, STATUS_NO_MEMORY, "durable log: out of memory");
	segments->min_free = default_min_free(&vfs);
	segments->direct = supports_direct(segments->dir_fd);
	for (segments->spares = 0;; segments->spares++) {
		char name[NAME_SIZE];
		spare_name(name, segments->spares);
		if (faccessat(segments->dir_fd, name, F_OK, 0) < 0)
			return 0;
	}
}

void wal_segments_close(struct wal_segments *segments)
{
	if (segments->dir_fd >= 0)
		close(segments->dir_fd);
	free(segments->dir);
}

int wal_segment_open(struct wal_segments *segments, uint64_t index, struct error *err)
{
	char name[NAME_SIZE];
	segment_name(name, index);
	int flags = O_RDWR | O_CLOEXEC | (segments->direct ? O_DIRECT : 0);
	int fd = openat(segments->dir_fd, name, flags);
	if (fd < 0)
		return error_set_errno(err, STATUS_IO, errno, "durable log: cannot open %s/%s",
				       segments->dir, name);
	return fd;
}

int wal_segment_open_read(const struct wal_segments *segments, uint64_t index, struct error *err)
{
	char name[NAME_SIZE];
	segment_name(name, index);
	int fd = openat(segments->dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(err, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO, errno,
				       "durable log: cannot open %s/%s", segments->dir, name);
	return fd;
}

static int status_of_errno(int errnum)
{
	return errnum == ENOSPC || errnum == EDQUOT ? STATUS_NO_SPACE : STATUS_IO;
}

static int write_zeros(int fd, uint64_t size)
{
	void *zeros;
	int errnum = posix_memalign(&zeros, WAL_PAGE, ZERO_STEP);
	if (errnum)
		return errnum;
	memset(zeros, 0, ZERO_STEP);
	for (uint64_t at = 0; at < size && !errnum;) {
		size_t step = size - at < ZERO_STEP ? (size_t)(size - at) : ZERO_STEP;
		ssize_t n = pwrite(fd, zeros, step, (off_t)at);
		if (n < 0 && errno != EINTR)
			errnum = errno;
		else if (n > 0)
			at += (uint64_t)n;
	}
	free(zeros);
	if (!errnum && fsync(fd) < 0)
		errnum = errno;
	return errnum;
}

/* A new file of zeros under a temporary name: what is not allocated and written syncs slowly. */
static int make_segment(struct wal_segments *segments, const char *temporary, struct error *err)
{
	struct statvfs vfs;
	if (fstatvfs(segments->dir_fd, &vfs) == 0 &&
	    (uint64_t)vfs.f_bavail * vfs.f_frsize < segments->size + segments->min_free)
		return error_set(err, STATUS_NO_SPACE,
				 "durable log: %s has less than %" PRIu64
				 " MiB free; a new segment "
				 "needs %" PRIu64 " MiB and leaves %" PRIu64 " MiB to the store",
				 segments->dir, (segments->size + segments->min_free) >> 20,
				 segments->size >> 20, segments->min_free >> 20);
	/* Past the page cache, where nobody wants zeros, and from where they would be driven out. */
	int flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | (segments->direct ? O_DIRECT : 0);
	int fd = openat(segments->dir_fd, temporary, flags, 0600);
	int errnum = fd < 0 ? errno : 0;
	if (!errnum)
		errnum = posix_fallocate(fd, 0, (off_t)segments->size);
	if (!errnum)
		errnum = write_zeros(fd, segments->size);
	if (fd >= 0)
		close(fd);
	if (!errnum)
		return 0;
	unlinkat(segments->dir_fd, temporary, 0);
	return error_set_errno(err, status_of_errno(errnum), errnum,
			       "durable log: cannot make a segment in %s", segments->dir);
}

int wal_segment_prepare(struct wal_segments *segments, uint64_t index, struct error *err)
{
	char name[NAME_SIZE], from[NAME_SIZE] = "new";
	segment_name(name, index);
	bool reuse = segments->spares > 0;
	if (reuse) {
		spare_name(from, segments->spares - 1);
	} else {
		int rc = make_segment(segments, from, err);
		if (rc < 0)
			return rc;
	}
	if (renameat(segments->dir_fd, from, segments->dir_fd, name) < 0 ||
	    fsync(segments->dir_fd) < 0)
		return error_set_errno(err, status_of_errno(errno), errno,
				       "durable log: cannot rename %s/%s", segments->dir, from);
	if (reuse)
		segments->spares--;
	return 0;
}

void wal_segment_retire(struct wal_segments *segments, uint64_t index)
{
	char name[NAME_SIZE], spare[NAME_SIZE];
	segment_name(name, index);
	if (segments->spares < WAL_MAX_SPARES) {
		spare_name(spare, segments->spares);
		if (renameat(segments->dir_fd, name, segments->dir_fd, spare) == 0) {
			segments->spares++;
			return;
		}
	}
	unlinkat(segments->dir_fd, name, 0);
}

bool wal_segments_range(const struct wal_segments *segments, uint64_t *first, uint64_t *last)
{
	int fd = openat(segments->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	bool any = false;
	for (struct dirent *entry; (entry = readdir(dir));) {
		char *rest;
		uint64_t index = strtoull(entry->d_name, &rest, 16);
		if (rest != entry->d_name + 16 || strcmp(rest, ".seg") != 0)
			continue;
		if (!any || index < *first)
			*first = index;
		if (!any || index > *last)
			*last = index;
		any = true;
	}
	closedir(dir);
	return any;
}
