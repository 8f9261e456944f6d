/*
 * Power loss, in a test: preloaded into the server (LD_PRELOAD), it notes before each change of a
 * file below UNSYNCED_DIR, but not below UNSYNCED_EXCEPT, how to undo it, in the journal
 * UNSYNCED_JOURNAL. A sync of a file covers the changes of its bytes, a sync of a folder those of
 * its entries. After kill -9 the test undoes, last one first, what no sync covered: what is left is
 * what a disk may hold after losing power.
 *
 * The journal's records are `struct entry` and the bytes it counts; power_cut.ts reads them.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind {
	KIND_DATA = 1, /* bytes of file `inode` at `offset`, and its size, were as given */
	KIND_CREATE = 2, /* entry `path` was not there */
	KIND_RENAME = 3, /* `path` became `other`; what was there before is kept as `kept` */
	KIND_UNLINK = 4, /* entry `path` was there; the file is kept as `kept` */
	KIND_SYNC = 5, /* entries about `inode` with a number up to `offset` are covered */
};

struct entry {
	uint32_t kind;
	uint32_t path_len, other_len, kept_len, data_len;
	uint32_t padding;
	uint64_t number;
	uint64_t inode; /* of the file; of the folder for CREATE, RENAME and UNLINK */
	uint64_t offset, old_size;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int journal = -1;
static uint64_t last_number;
static const char *root, *except;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void die(const char *what)
{
	perror(what);
	abort();
}

__attribute__((constructor)) static void start(void)
{
	const char *dir = getenv("UNSYNCED_DIR"), *path = getenv("UNSYNCED_JOURNAL");
	if (!dir || !path)
		return;
	root = dir;
	except = getenv("UNSYNCED_EXCEPT");
	journal = REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (journal < 0)
		die(path);
}

static bool is_below(const char *path, const char *folder)
{
	size_t len = folder ? strlen(folder) : 0;
	return len && strncmp(path, folder, len) == 0 && (path[len] == '/' || !path[len]);
}

static bool is_ours(const char *path)
{
	return is_below(path, root) && !is_below(path, except);
}

/* The path of an open file; false when it is none of ours. */
static bool path_of(int fd, char path[PATH_MAX])
{
	char link[64];
	if (!root || fd < 0)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, PATH_MAX - 1);
	if (n <= 0)
		return false;
	path[n] = '\0';
	return is_ours(path);
}

static bool path_at(int dir, const char *name, char path[PATH_MAX])
{
	if (!root)
		return false;
	if (name[0] == '/' || dir == AT_FDCWD) {
		snprintf(path, PATH_MAX, "%s", name);
		return is_ours(path);
	}
	char folder[PATH_MAX];
	if (!path_of(dir, folder))
		return false;
	return (size_t)snprintf(path, PATH_MAX, "%s/%s", folder, name) < PATH_MAX && is_ours(path);
}

static uint64_t inode_of_folder(const char *path)
{
	char folder[PATH_MAX];
	struct stat st;
	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	return stat(folder, &st) == 0 ? st.st_ino : 0;
}

/* With the lock held. */
static void append(struct entry *e, const char *path, const char *other, const char *kept,
		   const void *data)
{
	const char *const texts[] = {path, other, kept};
	uint32_t *const lens[] = {&e->path_len, &e->other_len, &e->kept_len};
	size_t size = sizeof(*e) + e->data_len;
	for (int i = 0; i < 3; i++) {
		*lens[i] = texts[i] ? (uint32_t)strlen(texts[i]) : 0;
		size += *lens[i];
	}
	e->number = ++last_number;
	char *record = malloc(size), *p = record;
	if (!record)
		die("malloc");
	p = mempcpy(p, e, sizeof(*e));
	for (int i = 0; i < 3; i++)
		p = mempcpy(p, texts[i] ? texts[i] : "", *lens[i]);
	if (e->data_len)
		memcpy(p, data, e->data_len);
	if (REAL(write)(journal, record, size) != (ssize_t)size)
		die("journal");
	free(record);
}

/* How to undo a change of `len` bytes at `offset`, or of the size (len 0). With the lock held. */
static void note_data(const char *path, uint64_t offset, uint64_t len)
{
	struct stat st;
	/* Opened anew: the file's own descriptor may be for writing only, or unbuffered. */
	int fd = REAL(open)(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		die(path);
	struct entry e = {.kind = KIND_DATA, .inode = st.st_ino, .offset = offset};
	e.old_size = (uint64_t)st.st_size;
	uint64_t there = offset < e.old_size ? e.old_size - offset : 0;
	e.data_len = (uint32_t)(len < there ? len : there);
	char *old = malloc(e.data_len + 1);
	if (!old || pread(fd, old, e.data_len, (off_t)offset) != (ssize_t)e.data_len)
		die(path);
	append(&e, NULL, NULL, NULL, old);
	free(old);
	close(fd);
}

/* Keeps the file at `path` under another name; false when there is none. With the lock held. */
static bool keep(const char *path, char kept[PATH_MAX])
{
	snprintf(kept, PATH_MAX, "%s.%llu", getenv("UNSYNCED_JOURNAL"),
		 (unsigned long long)last_number);
	return link(path, kept) == 0;
}

static int open_noted(int dir, const char *name, int flags, mode_t mode)
{
	char path[PATH_MAX];
	if (!(flags & (O_CREAT | O_TRUNC)) || !path_at(dir, name, path))
		return REAL(openat)(dir, name, flags, mode);
	pthread_mutex_lock(&lock);
	struct stat st;
	bool there = stat(path, &st) == 0;
	if (there && flags & O_TRUNC)
		note_data(path, 0, (uint64_t)st.st_size);
	if (!there && flags & O_CREAT) {
		struct entry e = {.kind = KIND_CREATE, .inode = inode_of_folder(path)};
		append(&e, path, NULL, NULL, NULL);
	}
	int fd = REAL(openat)(dir, name, flags, mode);
	pthread_mutex_unlock(&lock);
	return fd;
}

#define MODE_ARGUMENT(flags, last)                                                                 \
	mode_t mode = 0;                                                                           \
	if ((flags) & (O_CREAT | O_TMPFILE)) {                                                     \
		va_list args;                                                                      \
		va_start(args, last);                                                              \
		mode = va_arg(args, mode_t);                                                       \
		va_end(args);                                                                      \
	}

int openat(int dir, const char *name, int flags, ...)
{
	MODE_ARGUMENT(flags, flags)
	return open_noted(dir, name, flags, mode);
}

int open(const char *name, int flags, ...)
{
	MODE_ARGUMENT(flags, flags)
	return open_noted(AT_FDCWD, name, flags, mode);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
	char path[PATH_MAX];
	if (!path_of(fd, path))
		return REAL(pwrite)(fd, data, len, offset);
	pthread_mutex_lock(&lock);
	note_data(path, (uint64_t)offset, len);
	ssize_t n = REAL(pwrite)(fd, data, len, offset);
	pthread_mutex_unlock(&lock);
	return n;
}

ssize_t write(int fd, const void *data, size_t len)
{
	char path[PATH_MAX];
	if (fd <= STDERR_FILENO || !path_of(fd, path))
		return REAL(write)(fd, data, len);
	pthread_mutex_lock(&lock);
	off_t at = fcntl(fd, F_GETFL) & O_APPEND ? lseek(fd, 0, SEEK_END) : lseek(fd, 0, SEEK_CUR);
	note_data(path, (uint64_t)at, len);
	ssize_t n = REAL(write)(fd, data, len);
	pthread_mutex_unlock(&lock);
	return n;
}

int ftruncate(int fd, off_t size)
{
	char path[PATH_MAX];
	if (!path_of(fd, path))
		return REAL(ftruncate)(fd, size);
	pthread_mutex_lock(&lock);
	note_data(path, (uint64_t)size, UINT32_MAX);
	int rc = REAL(ftruncate)(fd, size);
	pthread_mutex_unlock(&lock);
	return rc;
}

int posix_fallocate(int fd, off_t offset, off_t len)
{
	char path[PATH_MAX];
	if (!path_of(fd, path))
		return REAL(posix_fallocate)(fd, offset, len);
	pthread_mutex_lock(&lock);
	note_data(path, 0, 0);
	int rc = REAL(posix_fallocate)(fd, offset, len);
	pthread_mutex_unlock(&lock);
	return rc;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	char old[PATH_MAX], new[PATH_MAX], kept[PATH_MAX];
	if (!path_at(from_dir, from, old) || !path_at(to_dir, to, new))
		return REAL(renameat)(from_dir, from, to_dir, to);
	pthread_mutex_lock(&lock);
	bool was_there = keep(new, kept);
	struct entry e = {.kind = KIND_RENAME, .inode = inode_of_folder(new)};
	append(&e, old, new, was_there ? kept : NULL, NULL);
	int rc = REAL(renameat)(from_dir, from, to_dir, to);
	pthread_mutex_unlock(&lock);
	return rc;
}

int rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlinkat(int dir, const char *name, int flags)
{
	char path[PATH_MAX], kept[PATH_MAX];
	if (flags & AT_REMOVEDIR || !path_at(dir, name, path))
		return REAL(unlinkat)(dir, name, flags);
	pthread_mutex_lock(&lock);
	if (keep(path, kept)) {
		struct entry e = {.kind = KIND_UNLINK, .inode = inode_of_folder(path)};
		append(&e, path, NULL, kept, NULL);
	}
	int rc = REAL(unlinkat)(dir, name, flags);
	pthread_mutex_unlock(&lock);
	return rc;
}

int unlink(const char *name)
{
	return unlinkat(AT_FDCWD, name, 0);
}

static int sync_noted(int fd, int (*real)(int))
{
	char path[PATH_MAX];
	struct stat st;
	if (!path_of(fd, path) || fstat(fd, &st) < 0)
		return real(fd);
	pthread_mutex_lock(&lock);
	/* What changes while the sync is under way is not covered. */
	struct entry e = {.kind = KIND_SYNC, .inode = st.st_ino, .offset = last_number};
	pthread_mutex_unlock(&lock);
	int rc = real(fd);
	if (rc == 0) {
		pthread_mutex_lock(&lock);
		append(&e, NULL, NULL, NULL, NULL);
		pthread_mutex_unlock(&lock);
	}
	return rc;
}

int fsync(int fd)
{
	return sync_noted(fd, REAL(fsync));
}

int fdatasync(int fd)
{
	return sync_noted(fd, REAL(fdatasync));
}

/* With 64-bit offsets, as all of Tripod is compiled, the calls have other names. */
int open64(const char *, int, ...) __attribute__((alias("open")));
int openat64(int, const char *, int, ...) __attribute__((alias("openat")));
ssize_t pwrite64(int, const void *, size_t, off_t) __attribute__((alias("pwrite")));
int ftruncate64(int, off_t) __attribute__((alias("ftruncate")));
int posix_fallocate64(int, off_t, off_t) __attribute__((alias("posix_fallocate")));
